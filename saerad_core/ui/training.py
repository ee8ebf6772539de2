"""The course of a workspace's SAE trainings; follows one that is running."""

from __future__ import annotations

import streamlit as st

from saerad_core.ui.charts import training_curve
from saerad_core.ui.components import heading, html
from saerad_core.ui.state import Here

CURVES = {
    "explained_variance": "explained variance",
    "l0": "active features",
    "loss": "loss",
    "dead": "dead features",
    "lr": "learning rate",
}
"""Column of the run's lines -> axis title."""
POLL = 2
"""Seconds between looks at a training that runs."""


def training_block(now: Here) -> None:
    """Curves of one training, chosen among those that the workspace keeps; nothing where it keeps none."""
    runs = now.explorer.trainings()
    if not runs:
        return
    html(
        heading(
            "Training of the sparse autoencoder",
            "Loss, explained variance, active features a token, dead features and learning rate by step. Dots are over the validation patients.",
        )
    )
    names = list(runs)
    going = [one for one in names if not _ended(runs[one])]
    # What runs is what a person wants to see; a killed run never ends, so the one that was written to last.
    first = max(going, key=now.explorer.training_written) if going else "build" if "build" in runs else names[0]
    name = st.selectbox("Run", names, index=names.index(first), key=f"training-run-{first}")
    running = name in going

    @st.fragment(run_every=POLL if running else None)
    def curves() -> None:
        lines = now.explorer.trainings().get(name, [])
        for column, (key, title) in zip(st.columns(len(CURVES), gap="small"), CURVES.items(), strict=True):
            with column:
                figure = training_curve(lines, key, title)
                st.plotly_chart(figure, key=f"training-{key}", theme=None, config={"displayModeBar": False})

        if running and _ended(lines):
            # The next run of a sweep may have begun.
            st.rerun()

    curves()


def _ended(lines: list[dict]) -> bool:
    return any(line["kind"] == "end" for line in lines)
