"""The frontier drawn: L0 against explained variance and against what 15 features tell of labels, PCA at equal k beside."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

COLOURS = {
    "topk": "#0072B2",
    "batch_topk": "#E69F00",
    "matryoshka": "#009E73",
    "jumprelu": "#CC79A7",
    "gated": "#D55E00",
}
"""Okabe and Ito's, which colour-blind readers can tell apart."""
GREY = "#7d858f"
SPLIT = "test"
X = "L0: active features a token (test patients)"
EXPLAINED, TOLD = "explained variance", "mean AUROC of 15 features"
"""Axis titles."""


def by_architecture(figures: dict[str, Any], tokens: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Candidates on these tokens by architecture, by L0; then the workspace's own as one."""
    some = [one for one in figures["candidates"] if one["tokens"] == tokens]
    names = dict.fromkeys(one["architecture"] for one in some if one["label"] != "own")
    for name in names:
        own = [one for one in some if one["architecture"] == name and one["label"] != "own"]
        yield name, sorted(own, key=lambda one: one[SPLIT]["l0"])
    present = [one for one in some if one["label"] == "own"]
    if present:
        yield "present dictionary", present


def explained_figure(figures: dict[str, Any], tokens: str) -> go.Figure:
    """L0 against explained variance on the test patients; PCA with 1, 2, ... components as a dotted line."""
    import plotly.graph_objects as go

    figure = go.Figure()
    curve = figures["pca"].get(tokens, {}).get(SPLIT, [])
    figure.add_trace(
        go.Scatter(
            x=list(range(1, len(curve) + 1)),
            y=curve,
            mode="lines",
            name="PCA, k components",
            line={"color": GREY, "dash": "dot"},
            hovertemplate="PCA-%{x}: %{y:.3f}<extra></extra>",
        )
    )
    for name, some in by_architecture(figures, tokens):
        _add(figure, name, [one[SPLIT]["l0"] for one in some], [one[SPLIT]["explained_variance"] for one in some])
    return _titled(figure, X, EXPLAINED)


def probe_figure(figures: dict[str, Any], tokens: str) -> go.Figure | None:
    """L0 against the mean AUROC of 15-feature probes on the test patients, the dense probe as a dotted line; None without labels."""
    import plotly.graph_objects as go

    groups = [(name, [one for one in some if "auroc" in one[SPLIT]]) for name, some in by_architecture(figures, tokens)]
    known = [one for _, some in groups for one in some]
    if not known:
        return None
    figure = go.Figure()
    dense = known[0][SPLIT]["dense"]["value"]
    ends = [min(one[SPLIT]["l0"] for one in known), max(one[SPLIT]["l0"] for one in known)]
    figure.add_trace(
        go.Scatter(
            x=ends,
            y=[dense, dense],
            mode="lines",
            name="dense probe of the embedding",
            line={"color": GREY, "dash": "dot"},
            hovertemplate="dense probe: %{y:.3f}<extra></extra>",
        )
    )
    for name, some in groups:
        told = [one[SPLIT]["auroc"]["max"]["k15"] for one in some]
        _add(figure, name, [one[SPLIT]["l0"] for one in some], [one["value"] for one in told], told)
    return _titled(figure, X, TOLD)


def _add(figure: go.Figure, name: str, x: list[float], y: list[float], told: list[dict] | None = None) -> None:
    import plotly.graph_objects as go

    says = "" if told is None else ", 95% interval %{customdata[0]:.3f} to %{customdata[1]:.3f}"
    figure.add_trace(
        go.Scatter(
            x=x,
            y=y,
            mode="lines+markers",
            name=name.replace("_", " "),
            customdata=None if told is None else [[one["lo"], one["hi"]] for one in told],
            hovertemplate=f"{name.replace('_', ' ')}, L0 %{{x:.1f}}: %{{y:.3f}}{says}<extra></extra>",
            line={"color": COLOURS.get(name, "#8d95a0")},
            marker={"size": 8, "symbol": "circle" if name in COLOURS else "diamond"},
        )
    )


def _titled(figure: go.Figure, x: str, y: str) -> go.Figure:
    figure.update_xaxes(title_text=x)
    figure.update_yaxes(title_text=y)
    figure.update_layout(showlegend=True, margin={"l": 60, "r": 10, "t": 10, "b": 50})
    return figure


def as_html(figures: dict[str, Any]) -> str:
    """All plots as one page that needs no network."""
    parts = [f"<h1>Frontier of the workspace {escape(figures['workspace'])}</h1><p>{escape(figures['notice'])}</p>"]
    if figures["recommended"]:
        parts.append(f"<p>{escape(figures['recommended']['sentence'])}</p>")
    first = True
    for tokens in figures["pca"]:
        parts.append(f"<h2>{'CLS' if tokens == 'cls' else 'Patch'} tokens</h2>")
        for figure in (explained_figure(figures, tokens), probe_figure(figures, tokens)):
            if figure is not None:
                figure.update_layout(height=420, width=760)
                parts.append(figure.to_html(full_html=False, include_plotlyjs=first))
                first = False
    body = "\n".join(parts)
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Frontier</title><body style="font-family:sans-serif;max-width:60rem;margin:2rem auto">{body}</body></html>\n'
