"""A feature's page as one would first write it in Streamlit: st.image for every X-ray, tables and columns for the rest. What
benchmarks/explorer.py compares with.

It shows what ours shows, in the same order and from the same counts: description, five facts, histogram with its interval, 24 X-rays
with report snippets, right and wrong on unseen patients, contradictions and near-misses, labels with a threshold, confounders, the mean
map, neighbours three ways, and the place on the map. What it leaves out: heatmaps over X-rays, marked phrases, links, the next feature's X-rays ahead.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from saerad_core.explorer import Explorer, FeatureDetail, ImageRow
from saerad_core.explorer.scores import DECIDES
from saerad_core.ui.charts import histogram
from saerad_core.workspace import Workspace

st.set_page_config(layout="wide")


@st.cache_resource
def _explorer() -> Explorer:
    return Explorer(Workspace.open(Path(os.environ["PLAIN_WORKSPACE"])))


@st.cache_data
def _cloud() -> go.Figure | None:
    points = _explorer().atlas()
    if points is None:
        return None
    counts, ys, xs = np.histogram2d(points.y, points.x, 160)
    return go.Figure(go.Heatmap(z=np.sqrt(counts), x=xs, y=ys, showscale=False))


explorer = _explorer()
features = [int(one) for one in os.environ["PLAIN_FEATURES"].split(",")]
st.session_state.setdefault("place", 0)


def forward() -> None:
    st.session_state["place"] += 1


def grid(images: Sequence[ImageRow], columns: int) -> None:
    for start in range(0, len(images), columns):
        for column, image in zip(st.columns(columns), images[start : start + columns], strict=False):
            with column:
                st.image(str(explorer.workspace.thumb(image.image_id)), caption=image.report[:130])


def below(detail: FeatureDetail) -> None:
    """Everything after the X-rays."""
    row, evidence = detail.row, explorer.evidence(detail.row.feature_id)
    if row.score is not None and row.score.told:
        decides = row.score.decides
        told = {"AUROC": decides.auroc, "precision": decides.precision.value, "recall": decides.recall.value}
        for column, (name, value) in zip(st.columns(3), told.items(), strict=True):
            column.metric(name, f"{value:.2f}")
        cases, pictures = explorer.score_cases(row.feature_id, 4, DECIDES)
        for column, title, some in zip(
            st.columns(3),
            ("Right", "Fires without the words", "Words without firing"),
            (cases.right, cases.missed, cases.vain),
            strict=True,
        ):
            with column:
                st.subheader(title)
                grid([pictures[one.row] for one in some[:4]], 2)
    if row.best_label:
        for column, title, found in zip(
            st.columns(2),
            ("Contradictions", "Near misses"),
            (evidence.unlabelled(row.best_label, 6), evidence.silent(row.best_label, 6)),
            strict=True,
        ):
            with column:
                st.subheader(title)
                grid(explorer.images(found.rows[:6]), 4)
    left, right = st.columns(2)
    with left:
        st.subheader("Labels")
        values = evidence.firing.activations
        lo, hi = float(values.min()), float(values.max())
        strength = st.slider("From this strength on", lo, max(hi, lo + 0.01), key=f"strength-{row.feature_id}")
        told = evidence.associations([one.label for one in detail.labels], strength)
        st.dataframe(
            pd.DataFrame(
                {
                    "label": [one.label for one in detail.labels],
                    "AUROC": [one.auroc for one in detail.labels],
                    "precision": [one.precision.value for one in told],
                    "recall": [one.recall.value for one in told],
                }
            )
        )
    with right:
        st.subheader("Confounders")
        found = evidence.confounders(row.best_label)
        st.dataframe(
            pd.DataFrame(
                {
                    "facet": [one.name for one in found],
                    "fires": [
                        ", ".join(f"{g} {s.value}" for g, s in zip(one.groups, one.fires, strict=True)) for one in found
                    ],
                    "ratio": [one.ratio for one in found],
                }
            )
        )
    where = explorer.where(row.feature_id)
    if where is not None:
        st.subheader("Where in the chest")
        st.image(where.mean / where.mean.max(), width=300, caption=where.spread.words)
    alike = explorer.similar_texts(row.feature_id, 8)
    for column, title, some in zip(
        st.columns(3),
        ("Same direction", "Fires together", "Said alike"),
        (detail.similar, detail.together, alike),
        strict=True,
    ):
        with column:
            st.subheader(title)
            st.dataframe(
                pd.DataFrame({"feature": [one.feature_id for one in some], "text": [one.text for one in some]})
            )
    cloud = _cloud()
    if cloud is not None:
        st.plotly_chart(cloud, key="cloud")
    for act in explorer.history(row.feature_id):
        st.write(act.when, act.author, act.text or act.status)


st.button("Next", on_click=forward, shortcut="Right")
feature = features[st.session_state["place"] % len(features)]
detail = explorer.feature(feature)
row = detail.row
st.title(f"#{feature} {row.text} {st.session_state['place']}")
st.caption(f"{row.status}; {row.finding} {row.side} {row.place}; said of {row.n_with} of {row.n_firing}")
for column, (name, value) in zip(
    st.columns(5),
    {
        "X-rays": row.n_images,
        "frequency": f"{row.frequency:.2%}",
        "strongest": f"{row.max:.2f}",
        f"AUROC {row.best_label}": f"{row.best_auroc or 0:.2f}",
        "place": f"{row.side} {row.place}",
    }.items(),
    strict=True,
):
    column.metric(name, value)
st.plotly_chart(histogram(detail.histogram, row.threshold, (0, row.max)), key="bars")
images, _ = explorer.top_images(feature, "strongest", 24)
lowest, highest = float(explorer.evidence(feature).firing.activations.min()), float(row.max)
st.slider(
    "Interval", lowest, max(highest, lowest + 0.01), (lowest, max(highest, lowest + 0.01)), key=f"interval-{feature}"
)
with st.container(key="strongest"):
    grid(images, 6)
below(detail)
