"""A report as a file: always with the notice, what made it, and whether the X-ray is simulated."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from saerad_core import NOTICE, __version__
from saerad_core.ui.report_source import Source
from saerad_core.ui.state import Here, encoder_name

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


def as_json(here: Here, source: Source, analysis: Analysis) -> str:
    """The command line's shape with where it comes from."""
    head = {
        "notice": NOTICE,
        "notes": _notes(here, source),
        "image": source.title,
        "simulated": source.simulated,
        "made_by": _made_by(here),
    }
    return json.dumps(head | analysis.report.as_json(), indent=2, ensure_ascii=False) + "\n"


def as_text(here: Here, source: Source, analysis: Analysis) -> str:
    """For people: sentences with the numbers of their features."""
    report = analysis.report
    lines = [*_notes(here, source), "", f"X-ray: {source.title}", ""]
    for title, part in (("FINDINGS", report.findings), ("IMPRESSION", report.impression)):
        lines.append(title)
        for sentence in part:
            behind = ", ".join(f"#{one.feature_id}" for one in sentence.evidence)
            lines.append(f"{sentence.text}  [{sentence.probability:.2f}; {behind}]")
        lines.append("")
    if report.warnings:
        lines += ["WARNINGS", *report.warnings, ""]
    if (found := report.typicality) is not None:
        lines += [
            "AMONG THE WORKSPACE'S X-RAYS",
            f"Further from the training X-rays than {found['distance_percentile']:.0f}% of them, explained worse than "
            f"{found['error_percentile']:.0f}% of the validation X-rays.",
            "",
        ]
    lines.append("ACTIVE FEATURES")
    lines += [
        f"#{line.feature_id}  {line.activation:.2f}  {line.description or 'not described'}" for line in report.features
    ]
    made = _made_by(here)
    lines += ["", f"{made['program']}, workspace {made['workspace']}, encoder {made['encoder']}. {made['rule']}", ""]
    return "\n".join(lines)
