"""Which X-ray the report page reads: an upload (kept in the session only), one of the workspace's, or a new simulated one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.explorer import ImageRow
from saerad_core.ui.report_stages import live_stages
from saerad_core.ui.state import Here, dataset_of, engine_of
from saerad_core.vocabulary import TERMS, Statement

if TYPE_CHECKING:
    from saerad_core.engine import Analysis, Reading

LIMIT = 100
"""Megabytes of an upload."""
_FRESH = 1_000_000
"""First patient number of X-rays drawn on request, far from those that anything was trained or tested on."""


@dataclass(frozen=True)
class Source:
    """One X-ray to read, and what is known about it."""

    key: str
    """Tells one X-ray from another within the session."""
    title: str
    simulated: bool = False
    image: ImageRow | None = None
    """The workspace's own record, for one of its X-rays."""
    number: int | None = None
    """Of an X-ray drawn on request."""
    data: bytes | None = field(default=None, repr=False)
    """Of an upload; an empty file is one too, and is refused as such."""


def asked_source(here: Here) -> Source | None:
    """The X-ray that the address or the session names."""
    image_id = st.query_params.get("image", "")
    if image_id:
        image = here.explorer.image(image_id)
        if image is None:
            raise SaeRadError(
                f"There is no X-ray {image_id!r} in this workspace; choose one from the list or upload yours."
            )
        return Source(f"image {image_id}", image_id, here.simulated, image=image)
    drawn = st.query_params.get("drawn", "")
    if drawn:
        if not (here.simulated and drawn.isdecimal() and len(drawn) < 7):
            raise SaeRadError(
                "New X-rays are drawn by number, and only in a workspace of simulated X-rays; choose another X-ray."
            )
        return Source(f"drawn {drawn}", f"newly drawn X-ray {drawn}", True, number=int(drawn))
    upload = st.session_state.get("upload")
    if upload is None:
        return None
    name, data = upload
    return Source(f"upload {hashlib.sha256(data).hexdigest()}", name, data=data)


OWN = ("analysis", "prior", "prior_upload", "viewer_held", "written", "writing", "acts", "refused_prior")
"""What the session keeps of the X-ray that is open."""
ADDRESS = ("image", "drawn", "prior", "switch", "sentence", "look")
"""What the address says of it."""


def _drop(*, address: bool) -> None:
    for name in OWN:
        st.session_state.pop(name, None)
    for key in [key for key in st.session_state if str(key).startswith("own_")]:
        del st.session_state[key]
    if address:
        for name in ADDRESS:
            st.query_params.pop(name, None)


def keep_upload() -> None:
    """Callback of the uploader: the file becomes the session's X-ray."""
    file = st.session_state.get(f"file_{st.session_state.get('file_turn', 0)}")
    if file is None:
        return
    _drop(address=True)
    st.session_state["upload"] = (file.name, file.getvalue())


def start_anew() -> None:
    """Callback: forget the X-ray that is open."""
    st.session_state.pop("upload", None)
    st.session_state["file_turn"] = st.session_state.get("file_turn", 0) + 1
    _drop(address=True)


def forget() -> None:
    """Drop an upload that can't be read, so that the page is usable again."""
    st.session_state.pop("upload", None)
    _drop(address=False)


def analyse(here: Here, source: Source) -> Analysis:
    """The X-ray's analysis, read once a session; its report is compiled again when a description or the prior X-ray is another.

    Raises:
        SaeRadError: the file isn't a usable radiograph, or the workspace's encoder doesn't fit.
    """
    key = (here.name, here.links.version, source.key)
    engine = engine_of(here.workspace)
    prior_key, prior = prior_of(here, source)
    compiled = (here.explorer.revision, prior_key)
    kept = st.session_state.get("analysis")
    if kept is None or kept[0] != key:
        with live_stages(here) as tell:
            if source.data is not None:
                analysis = engine.analyse(source.data, prior, tell)
            else:
                row = source.image.row if source.image is not None else None
                analysis = engine.analyse_pixels(_pixels(here, source), row=row, prior=prior, tell=tell)
    elif kept[1] != compiled:
        report = engine.report_of(kept[2].reading, prior, kept[2].facts)
        report.timings_ms = kept[2].report.timings_ms
        analysis = replace(kept[2], report=report)
    else:
        return kept[2]
    st.session_state["analysis"] = (key, compiled, analysis)
    return analysis


def prior_of(here: Here, source: Source) -> tuple[str, Reading | None]:
    """The patient's prior X-ray: one of the workspace's that the address names, or an upload; its key, and what was read of it.

    Nothing of an uploaded file but its pixels is kept: no tag, no name.
    """
    image_id, upload = st.query_params.get("prior", ""), st.session_state.get("prior_upload")
    row = None
    if source.image is not None:
        others = {one.image_id: one.row for one in here.explorer.of_patient(source.image.image_id)} if image_id else {}
        row = others.get(image_id)
        if row is None:
            return "", None
        key = f"{here.links.version} {image_id}"
    elif upload is not None:
        key = hashlib.sha256(upload).hexdigest()
    else:
        return "", None
    kept = st.session_state.get("prior")
    if kept is not None and kept[0] == key:
        return kept
    engine = engine_of(here.workspace)
    with st.spinner("Reading the prior X-ray"):
        try:
            if source.image is not None:
                reading = engine.read(engine.pixels_of(image_id), row)
            else:
                assert upload is not None
                reading = engine.read(upload)
        except SaeRadError as error:
            st.session_state.pop("prior_upload", None)
            st.session_state["refused_prior"] = str(error)
            return "", None
    st.session_state["prior"] = (key, reading)
    return key, reading


def _pixels(here: Here, source: Source) -> np.ndarray:
    if source.image is not None:
        return engine_of(here.workspace).pixels_of(source.image.image_id)
    from saerad_core.demo.render import render

    return render(_study(here, source), size=512).pixels


def _study(here: Here, source: Source):  # noqa: ANN202 - demo.study.Study, imported where it is needed
    from saerad_core.demo.population import patient_studies

    assert source.number is not None
    return patient_studies(int(dataset_of(here.workspace).info.options.get("seed", 0)), _FRESH + source.number)[0]


def truth(here: Here, source: Source) -> list[str] | None:
    """What a simulated X-ray really shows, in words; None where nobody knows."""
    if source.number is not None:
        found = [Statement(f.finding, f.side, f.place, f.severity) for f in _study(here, source).findings]
    elif source.simulated and source.image is not None and source.image.facts is not None:
        found = list(source.image.facts)
    else:
        return None
    return [" ".join(p for p in (s.severity, s.side, TERMS[s.finding].name, s.place) if p) for s in found]
