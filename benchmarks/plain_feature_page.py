"""A feature's page as one would first write it in Streamlit: st.image for every X-ray. What benchmarks/explorer.py compares with."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from saerad_core.explorer import Explorer
from saerad_core.ui.charts import histogram
from saerad_core.workspace import Workspace

st.set_page_config(layout="wide")


@st.cache_resource
def _explorer() -> Explorer:
    return Explorer(Workspace.open(Path(os.environ["PLAIN_WORKSPACE"])))


explorer = _explorer()
features = [int(one) for one in os.environ["PLAIN_FEATURES"].split(",")]
st.session_state.setdefault("place", 0)


def forward() -> None:
    st.session_state["place"] += 1


st.button("Next", on_click=forward)
feature = features[st.session_state["place"] % len(features)]
detail = explorer.feature(feature)
st.title(f"#{feature} {detail.row.text} {st.session_state['place']}")
st.metric("X-rays", detail.row.n_images)
st.plotly_chart(histogram(detail.histogram, detail.row.threshold, (0, detail.row.max)), key="bars")
images, _ = explorer.top_images(feature, "strongest", 24)
for start in range(0, len(images), 6):
    for column, image in zip(st.columns(6), images[start : start + 6], strict=False):
        with column:
            st.image(str(explorer.workspace.thumb(image.image_id)), caption=image.report[:130])
