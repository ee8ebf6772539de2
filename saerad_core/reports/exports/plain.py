"""A report as text for people and as JSON for programs."""

from __future__ import annotations

import json

from saerad_core.reports.exports.document import ReportDocument, clean, evidence_of, words_of


def as_text(document: ReportDocument) -> bytes:
    """Sentences with the numbers of their features, UTF-8."""
    lines = [*document.notes, "", f"X-ray: {document.title}", ""]
    for title, sentences in document.sections:
        lines.append(title.upper())
        lines += [f"{clean(s.said)}  [{evidence_of(s)}]" for s in sentences]
        lines.append("")
    if document.warnings:
        lines += ["WARNINGS", *map(clean, document.warnings), ""]
    if document.coverage:
        lines += ["COVERAGE", document.coverage, ""]
    if document.typicality:
        lines += ["AMONG THE WORKSPACE'S X-RAYS", document.typicality, ""]
    lines.append("ACTIVE FEATURES")
    lines += [f"#{f.feature_id}  {f.activation:.2f}  {clean(words_of(f))}" for f in document.features]
    lines += ["", document.foot, ""]
    return "\n".join(lines).encode()


def as_json(document: ReportDocument) -> bytes:
    """The command line's shape with where it comes from and what re-creates it, UTF-8."""
    head = {
        "notice": document.notes[0],
        "notes": list(document.notes),
        "image": document.title,
        "made_by": document.made_by,
        "audit": document.audit,
    }
    # ASCII only: marks that turn the direction of text can't hide in it.
    return (json.dumps(head | document.report, indent=2) + "\n").encode()
