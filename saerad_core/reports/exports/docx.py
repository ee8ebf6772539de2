"""A report as DOCX, by python-docx."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from saerad_core.reports.exports.document import ReportDocument, clean, evidence_of, words_of

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def as_docx(document: ReportDocument) -> bytes:
    """The report as an editable document, the notices on top and in the header of each page."""
    import docx
    from docx.shared import Pt

    out = docx.Document()
    notes = " ".join(document.notes)
    out.sections[0].header.paragraphs[0].text = clean(notes)
    out.styles["Normal"].font.size = Pt(10)  # type: ignore[attr-defined] - a paragraph style has a font
    properties = out.core_properties
    properties.title, properties.author, properties.comments = "SAE-Rad report", "SAE-Rad", clean(notes)
    # When it was made is no part of a report: the same report is the same file.
    properties.created = properties.modified = _LONG_AGO
    out.add_heading("Report", level=1)
    out.add_paragraph().add_run(clean(notes)).bold = True
    out.add_paragraph(f"X-ray: {clean(document.title)}")
    for title, sentences in document.sections:
        out.add_heading(title, level=2)
        for sentence in sentences:
            paragraph = out.add_paragraph(clean(sentence.said))
            run = paragraph.add_run(f"  [{evidence_of(sentence)}]")
            run.font.size = Pt(8)
        if not sentences:
            out.add_paragraph("Nothing that the evidence supports.")
    if document.warnings:
        out.add_heading("Warnings", level=2)
        for text in document.warnings:
            out.add_paragraph(clean(text))
    if document.coverage:
        out.add_heading("Coverage", level=2)
        out.add_paragraph(document.coverage)
    if document.typicality:
        out.add_heading("Among the workspace's X-rays", level=2)
        out.add_paragraph(document.typicality)
    out.add_heading("Active features", level=2)
    for line in document.features:
        told = f"#{line.feature_id}  {line.activation:.2f}  {clean(words_of(line))}"
        out.add_paragraph().add_run(told).font.size = Pt(8)
    out.add_heading("Made by", level=2)
    made = [document.foot, *(f"{name}: {value}" for name, value in document.audit.get("models", {}).items())]
    for text in [*made, f"report: {document.audit.get('report_sha256', '')}"]:
        out.add_paragraph().add_run(clean(text)).font.size = Pt(8)
    data = io.BytesIO()
    out.save(data)
    return data.getvalue()
