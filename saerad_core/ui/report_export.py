"""A report as a file: always with the notice, what made it, and whether the X-ray is simulated."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from saerad_core import NOTICE, __version__
from saerad_core.reports.exports import plain
from saerad_core.reports.exports.document import ReportDocument, make_document
from saerad_core.ui.report_source import Source
from saerad_core.ui.state import Here, encoder_name, engine_of

if TYPE_CHECKING:
    from saerad_core.engine import Analysis

SIMULATED = "The X-ray is simulated: a program drew it, it shows no patient."
PSEUDO = "The workspace's report texts belong to other patients and were matched by label."


def _notes(here: Here, source: Source) -> list[str]:
    notes = [NOTICE]
    if source.simulated:
        notes.append(SIMULATED)
    elif here.simulated:
        notes.append("The features and their evidence come from simulated X-rays.")
    return [*notes, PSEUDO] if here.pseudo_reports else notes


def _made_by(here: Here) -> dict[str, Any]:
    manifest = here.workspace.manifest
    return {
        "program": f"SAE-Rad {__version__}",
        "workspace": here.name,
        "encoder": encoder_name(manifest),
        "encoder_fingerprint": manifest.encoder.fingerprint,
        "rule": manifest.sae.rule,
    }


FORMATS: dict[str, tuple[str, str, str]] = {
    "txt": ("Text", "text/plain", "The report as text, with its evidence and the research-only notice."),
    "pdf": ("PDF", "application/pdf", "The report as a page to print."),
    "docx": (
        "DOCX",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "The report as a document to edit.",
    ),
    "json": (
        "JSON",
        "application/json",
        "Every sentence with its evidence, and what re-creates the report, for programs.",
    ),
    "dcm": ("DICOM SR", "application/dicom", "An Enhanced SR; it names no patient and no image."),
}
"""Name, type and tooltip by file ending."""


def export_bytes(here: Here, source: Source, analysis: Analysis, ending: str) -> bytes:
    """The report as a file of one of FORMATS."""
    document = document_of(here, source, analysis)
    # Each library is loaded when its button is pressed.
    if ending == "pdf":
        from saerad_core.reports.exports.pdf import as_pdf

        return as_pdf(document)
    if ending == "docx":
        from saerad_core.reports.exports.docx import as_docx

        return as_docx(document)
    if ending == "dcm":
        from saerad_core.reports.exports.dicom_sr import as_dicom_sr

        return as_dicom_sr(document)
    return plain.as_json(document) if ending == "json" else plain.as_text(document)


def document_of(here: Here, source: Source, analysis: Analysis) -> ReportDocument:
    """What every format says."""
    from saerad_core.reports.exports.audit import audit_row, models_of

    composer = engine_of(here.workspace).composer
    row = audit_row(analysis.report, models_of(here.workspace, composer), composer)
    return make_document(
        analysis.report,
        # A file's name may name a patient, so it goes no further than the session.
        title=source.title if source.data is None else "an uploaded X-ray",
        notes=_notes(here, source),
        made_by=_made_by(here) | {"simulated": source.simulated},
        audit=row,
    )


def export_buttons(here: Here, source: Source, analysis: Analysis) -> None:
    """The report as text at a press, other files in a menu; each is made when it is asked for."""
    stem = file_stem(source.title)

    def button(ending: str, label: str, **look: Any) -> None:  # noqa: ANN401 - what a button takes
        _, kind, says = FORMATS[ending]
        st.download_button(
            label,
            partial(export_bytes, here, source, analysis, ending),
            f"{stem}-report.{ending}",
            kind,
            key=f"export_{ending}",
            on_click="ignore",
            help=says,
            **look,
        )

    with st.popover("Files", help="The report as PDF, DOCX, JSON or DICOM SR, with the research-only notice in each."):
        for ending in FORMATS:
            if ending != "txt":
                button(ending, FORMATS[ending][0], width="stretch")
    button("txt", "Export report", type="primary", shortcut="X")


def file_stem(title: str) -> str:
    """A file name made of a title: letters, digits, dots, dashes and underscores only."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", title.rsplit(".", 1)[0]).strip("-.")[:80] or "xray"
