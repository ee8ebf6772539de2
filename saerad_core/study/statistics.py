"""What a study says: rates of marks by source with intervals over patients, preferences, and how far readers agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from saerad_core.evaluation.bootstrap import interval, resample
from saerad_core.study.journal import MARKS, Marked


def latest(marks: Iterable[Marked]) -> list[Marked]:
    """The newest of each reader's marks of one thing: what counts. Omissions that were taken back are left out."""
    kept: dict[tuple, Marked] = {}
    for mark in marks:
        what = mark.text if mark.kind == "omitted" else mark.sentence
        source = "" if mark.kind == "preferred" else mark.source
        kept[mark.study, mark.kind, mark.reader, mark.image_id, source, what] = mark
    return [mark for mark in kept.values() if mark.kind != "omitted" or mark.mark]


def statistics(marks: Sequence[Marked], reports: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """Figures of one study.

    Args:
        marks: of the study, in the order in which they were made.
        reports: (image_id, source) -> number of sentences: what was there to be marked.

    Returns:
        ``sources``: for each source readers, reports read, sentences, and with intervals the shares of sentences marked correct, minor and significant,
        the share of reports without a significant error (of those read whole, omissions of that weight among them), and omissions a report;
        ``preferences``: share of pairs in which each source was preferred; ``agreement``: Cohen's kappa of every two readers on the sentences that
        both marked (scikit-learn), and the share marked alike.
    """
    counted = latest(marks)
    sentences = [mark for mark in counted if mark.kind == "sentence"]
    omitted = [mark for mark in counted if mark.kind == "omitted"]
    sources = sorted({mark.source for mark in sentences})
    return {
        "sources": {source: _of_source(source, sentences, omitted, reports) for source in sources},
        "preferences": _preferences([mark for mark in counted if mark.kind == "preferred"]),
        "agreement": agreement(sentences),
    }


def _of_source(
    source: str, sentences: Sequence[Marked], omitted: Sequence[Marked], reports: Mapping[tuple[str, str], int]
) -> dict[str, Any]:
    here = [mark for mark in sentences if mark.source == source]
    missing = [mark for mark in omitted if mark.source == source]
    readings: dict[tuple[str, str], list[Marked]] = {}
    for mark in here:
        readings.setdefault((mark.reader, mark.image_id), []).append(mark)
    # A report counts as read where every sentence of it is marked.
    whole = {key: some for key, some in readings.items() if len(some) >= reports.get((key[1], source), 1)}
    grave = {(mark.reader, mark.image_id) for mark in (*here, *missing) if mark.mark == "significant"}
    patient = {mark.image_id: mark.patient_id for mark in here}
    patients = [mark.patient_id for mark in here]
    read = [patient[image] for _, image in whole]
    lacks = Counter((mark.reader, mark.image_id) for mark in missing)
    return {
        "readers": len({mark.reader for mark in here}),
        "reports_read": len(whole),
        "sentences": len(here),
        "patients": len(set(patients)),
        **{name: _mean([float(mark.mark == name) for mark in here], patients) for name in MARKS},
        "reports_without_significant": _mean([float(key not in grave) for key in whole], read),
        "omitted_a_report": _mean([float(lacks[key]) for key in whole], read),
    }


def _preferences(marks: Sequence[Marked]) -> dict[str, Any]:
    patients = [mark.patient_id for mark in marks]
    return {
        source: _mean([float(mark.source == source) for mark in marks], patients)
        for source in sorted({m.source for m in marks})
    }


def agreement(sentences: Sequence[Marked]) -> list[dict[str, Any]]:
    """Cohen's kappa of every two readers; None where both used one and the same mark throughout."""
    from sklearn.metrics import cohen_kappa_score

    by_reader: dict[str, dict[tuple, str]] = {}
    for mark in sentences:
        by_reader.setdefault(mark.reader, {})[mark.image_id, mark.source, mark.sentence, mark.text] = mark.mark
    found = []
    for first, second in combinations(sorted(by_reader), 2):
        both = sorted(by_reader[first].keys() & by_reader[second].keys())
        one, other = [by_reader[first][key] for key in both], [by_reader[second][key] for key in both]
        kappa = float(cohen_kappa_score(one, other)) if len({*one, *other}) > 1 else None
        same = float(np.mean([a == b for a, b in zip(one, other, strict=True)])) if both else None
        found.append({"first": first, "second": second, "n": len(both), "kappa": kappa, "same": same})
    return found


def _mean(values: Sequence[float], patients: Sequence[str]) -> dict[str, Any]:
    """Mean with its 95% interval over resampled patients, and n."""
    if not values:
        return {"value": None, "lo": None, "hi": None, "n": 0}
    x, weights = np.asarray(values), resample(np.asarray(patients))
    with np.errstate(invalid="ignore", divide="ignore"):
        samples = x @ weights / weights.sum(axis=0)
    lo, hi = interval(samples[1:])
    return {"value": float(samples[0]), "lo": lo, "hi": hi, "n": len(values)}
