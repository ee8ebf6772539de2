"""A report as PDF, by ReportLab, in one of its own fonts (Bitstream Vera, Latin letters; others are shown as a box)."""

from __future__ import annotations

import io
from html import escape
from pathlib import Path

from saerad_core.reports.exports.document import ReportDocument, clean, evidence_of, words_of


def as_pdf(document: ReportDocument) -> bytes:
    """The report on A4, the notices on top of the first page and at the foot of each; the same bytes each time."""
    import reportlab
    from reportlab.lib.colors import HexColor
    from reportlab.lib.enums import TA_LEFT
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.lib.units import mm
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer

    fonts = Path(reportlab.__file__).parent / "fonts"
    for name, file in (("Vera", "Vera.ttf"), ("VeraBd", "VeraBd.ttf")):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, str(fonts / file)))
    body = ParagraphStyle("body", fontName="Vera", fontSize=9.5, leading=13.5, alignment=TA_LEFT, splitLongWords=True)
    small = ParagraphStyle("small", parent=body, fontSize=7.5, leading=10.5, textColor=HexColor("#555555"))
    head = ParagraphStyle("head", parent=body, fontName="VeraBd", fontSize=11, leading=15, spaceBefore=8, spaceAfter=3)
    notice = ParagraphStyle(
        "notice", parent=body, fontName="VeraBd", borderColor=HexColor("#888888"), borderWidth=0.5, borderPadding=4
    )

    def told(text: str, style: ParagraphStyle) -> Paragraph:
        # ReportLab reads markup in a paragraph: escaped, a text stays a text and fetches nothing.
        return Paragraph(escape(clean(text)), style)

    flow = [told(" ".join(document.notes), notice), Spacer(1, 8), told(f"X-ray: {document.title}", head)]
    for title, sentences in document.sections:
        flow.append(told(title, head))
        flow += [p for s in sentences for p in (told(s.said, body), told(evidence_of(s), small))]
        if not sentences:
            flow.append(told("Nothing that the evidence supports.", body))
    if document.warnings:
        flow += [told("Warnings", head), *(told(text, body) for text in document.warnings)]
    if document.coverage:
        flow += [told("Coverage", head), told(document.coverage, body)]
    if document.typicality:
        flow += [told("Among the workspace's X-rays", head), told(document.typicality, body)]
    flow.append(told("Active features", head))
    flow += [told(f"#{f.feature_id}  {f.activation:.2f}  {words_of(f)}", small) for f in document.features]
    flow += [told("Made by", head), told(document.foot, small)]
    flow += [told(f"{name}: {value}", small) for name, value in document.audit.get("models", {}).items()]
    flow.append(told(f"report: {document.audit.get('report_sha256', '')}", small))

    def foot(canvas, _) -> None:  # noqa: ANN001 - ReportLab's canvas
        canvas.setFont("Vera", 7)
        canvas.drawString(18 * mm, 10 * mm, clean(" ".join(document.notes))[:150])
        canvas.drawRightString(A4[0] - 18 * mm, 10 * mm, str(canvas.getPageNumber()))

    out = io.BytesIO()
    template = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=18 * mm, rightMargin=18 * mm, topMargin=16 * mm, bottomMargin=18 * mm,
        title="SAE-Rad report", author="SAE-Rad", subject=document.notes[0], invariant=1,
    )  # fmt: skip
    template.build(flow, onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()
