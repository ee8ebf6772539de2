"""The Open-i reports of torchxrayvision's wheel, and what their main MeSH headings say in terms of CheXpert's observations.

Coders gave every report headings such as "Opacity/lung/base/left": a first word, then where and how. Which headings map to
which observation was written down before the labeller was measured, from the headings alone.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from saerad_core.datasets.openi import parse_report

WHEEL = "torchxrayvision-1.5.7-py3-none-any.whl"
FETCH = "pip download --no-deps torchxrayvision==1.5.7"
_ENLARGED = ("enlarged", "prominent", "borderline")
FIRST: dict[str, tuple[str, ...]] = {
    "Cardiomegaly": ("cardiomegaly",),
    "Lung Opacity": ("opacity", "infiltrate", "airspace disease"),
    "Lung Lesion": ("nodule", "mass"),
    "Edema": ("pulmonary edema", "pulmonary congestion", "heart failure"),
    "Consolidation": ("consolidation",),
    "Pneumonia": ("pneumonia",),
    "Atelectasis": ("pulmonary atelectasis",),
    "Pneumothorax": ("pneumothorax", "hydropneumothorax"),
    "Pleural Effusion": ("pleural effusion", "hydropneumothorax"),
    "Fracture": ("fractures, bone",),
    "Support Devices": ("catheters, indwelling", "tube, inserted", "implanted medical device", "medical device"),
}
"""First words of headings that say an observation by themselves."""
MAPPED = ("Enlarged Cardiomediastinum", *FIRST, "Pleural Other", "No Finding")


class CodedReport(NamedTuple):
    """A report and the observations that its headings say."""

    uid: str
    text: str
    """Findings and impression."""
    coded: frozenset[str]
    headings: tuple[str, ...] = ()

    @property
    def half(self) -> int:
        """0: rules were chosen on it; 1: they are measured on it. Open-i has one report a patient."""
        return hashlib.sha256(self.uid.encode()).digest()[-1] % 2


def observations_of(headings: tuple[str, ...]) -> frozenset[str]:
    """CheXpert's observations that a report's headings say; No Finding where none but devices does."""
    found: set[str] = set()
    for heading in (heading.lower() for heading in headings):
        first, _, rest = heading.partition("/")
        found |= {observation for observation, words in FIRST.items() if first in words}
        if (
            first == "mediastinum"
            and any(w in rest for w in _ENLARGED)
            and "lymph" not in rest
            and "vessels" not in rest
        ):
            found.add("Enlarged Cardiomediastinum")
        if first == "cardiac shadow" and any(w in rest for w in _ENLARGED):
            found.add("Cardiomegaly")
        if first == "costophrenic angle" and "blunted" in rest:
            found.add("Pleural Effusion")
        if first in ("thickening", "cicatrix") and rest.startswith("pleura"):
            found.add("Pleural Other")
        if first == "density" and "lung" in rest:
            found.add("Lung Opacity")
        # Coders write "nodular opacity" as an opacity or density that is round.
        if first in ("opacity", "density") and "round" in rest.split("/"):
            found.add("Lung Lesion")
    return frozenset(found if found - {"Support Devices"} else found | {"No Finding"})


def coded_reports(wheel: Path) -> list[CodedReport]:
    """Reports that have text and were coded, in the order of the archive."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("NLMCXR_reports.tgz"))
        blob = archive.read(name)
    found = []
    with tarfile.open(fileobj=io.BytesIO(blob)) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.name.endswith(".xml") else None
            if file is None:
                continue
            report = parse_report(file.read())
            text = " ".join(part for part in (report.findings, report.impression) if part)
            if text and report.headings and "no indexing" not in (h.lower() for h in report.headings):
                found.append(CodedReport(report.uid, text, observations_of(report.headings), report.headings))
    return found


def wheel_of(given: str | None = None) -> Path | None:
    """The wheel in a folder, by default SAERAD_WHEELS; None where it isn't there."""
    path = Path(given or os.environ.get("SAERAD_WHEELS", "")) / WHEEL
    return path if path.is_file() else None
