"""The frontier of a workspace's candidate dictionaries, and where a running sweep is."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from saerad_core.evaluation.frontier_plot import X, explained_figure, probe_figure
from saerad_core.progress import State
from saerad_core.ui.charts import colours, layout
from saerad_core.ui.components import empty_state, heading, html, number, score, share
from saerad_core.ui.state import Here, folder_name

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT = 300
POLL = 3
"""Seconds between looks at a sweep that runs."""
SILENT = 600
"""Seconds without a word after which a sweep counts as dead; measuring a wide dictionary takes minutes."""
COLUMNS = (
    ("L0", "Active features a token, on test patients."),
    ("explained", "Explained variance of test patients' tokens."),
    ("PCA", "Explained variance of as many principal components."),
    ("dead", "Share of features that fire on no training X-ray."),
    ("single", "Mean AUROC of the best single feature."),
    ("15", "Mean AUROC of a probe of 15 features."),
    ("15, mean", "The same with codes that are means over the patches."),
)  # fmt: skip


def sweep_runs(state: State | None) -> bool:
    """Whether a sweep is going on."""
    return state is not None and not state.finished and not state.error and time.time() - state.updated < SILENT


def frontier_block(now: Here) -> None:
    """The running sweep's progress, the recommendation, the plots and the table; or how to make them."""
    running = sweep_runs(now.explorer.sweep_state())
    figures = now.explorer.frontier()
    says = (
        "Every architecture trained on this workspace's tokens: chosen and recommended on validation patients, shown on test patients. "
        "More active features always explain more, so compare at the same L0."
    )
    html(heading("Which dictionary to take", says, "simulated X-rays" if figures and figures["simulated"] else ""))
    if running:
        _progress(now)
    if figures is None:
        if not running:
            empty_state(
                "No other dictionary has been tried here.",
                f"Run `python -m saerad_core train {folder_name(now.workspace)} --sweep`; it can be stopped and goes on where it was.",
            )
        return
    found = figures["recommended"]
    html(f"<p>{escape(found['sentence'] if found else 'None of the candidates has the L0 that was asked for.')}</p>")
    for tokens in figures["pca"]:
        left, right = st.columns(2, gap="medium")
        charts = (
            (left, explained_figure(figures, tokens), "explained"),
            (right, probe_figure(figures, tokens), "probe"),
        )
        for column, figure, what in charts:
            if figure is not None:
                with column:
                    html(f"<p>{'CLS' if tokens == 'cls' else 'Patch'} tokens</p>")
                    st.plotly_chart(_themed(figure, what), key=f"frontier-{tokens}-{what}", theme=None, config={"displayModeBar": False})  # fmt: skip
    _table(figures, found)


def _themed(figure: go.Figure, y: str) -> go.Figure:
    layout(figure, x=X, y=y, height=HEIGHT)
    figure.update_layout(showlegend=True, legend={"font": {"size": 11, "color": colours().quiet}})
    return figure


def _progress(now: Here) -> None:
    @st.fragment(run_every=POLL)
    def shown() -> None:
        state = now.explorer.sweep_state()
        if state is None or not sweep_runs(state):
            st.rerun()
            return
        left = f", about {state.seconds_left / 60:.0f} min left" if state.seconds_left is not None else ""
        done = state.done / state.total if state.total else 0.0
        st.progress(min(done, 1.0), text=f"{state.stage}{left}")

    shown()


def _table(figures: dict[str, Any], found: dict[str, Any] | None) -> None:
    head = "".join(f'<th class="r" title="{escape(says)}">{escape(name)}</th>' for name, says in COLUMNS)
    rows = "".join(_row(one, found) for one in figures["candidates"])
    with st.container(height=380, border=False):
        html(f'<table class="rows"><tr><th>candidate</th><th>tokens</th>{head}</tr>{rows}</table>')


def _row(one: dict[str, Any], found: dict[str, Any] | None) -> str:
    test, told = one["test"], one["test"].get("auroc", {})
    taken = found is not None and one["label"] == found["label"]
    name = one["architecture"].replace("_", " ") + (" (present)" if one["label"] == "own" else "")
    why = "Recommended." if taken else (found or {}).get("compared", {}).get(one["label"], "")
    strong = ' style="color:var(--accent)"' if taken else ""
    cells = [
        number(test["l0"], 1),
        score(test["explained_variance"]),
        score(test["pca_explained_variance"]),
        share(one["dead_share"]),
        *(_told(told, pool, way) for pool, way in (("max", "single"), ("max", "k15"), ("mean", "k15"))),
    ]
    body = "".join(cell if cell.startswith("<td") else f'<td class="r">{cell}</td>' for cell in cells)
    return (
        f'<tr><td{strong} title="{escape(why)}">{escape(name)}, {one["width"]}</td><td>{one["tokens"]}</td>{body}</tr>'
    )


def _told(told: dict[str, Any], pool: str, way: str) -> str:
    if pool not in told:
        return score(None)
    one = told[pool][way]
    says = f"95 % interval {score(one['lo'])} to {score(one['hi'])}"
    return f'<td class="r" title="{escape(says)}">{score(one["value"])}</td>'
