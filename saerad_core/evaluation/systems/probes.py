"""Linear probes of the dense embedding and a template: what the embedding holds without a dictionary."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from saerad_core.descriptions.evidence import EvidenceTables
from saerad_core.evaluation.systems.base import Bench, System
from saerad_core.reports.conflicts import ConflictSettings, settle
from saerad_core.reports.decide import DecideSettings, present
from saerad_core.reports.text import Wording


def write(bench: Bench, decide: DecideSettings | None = None) -> list[str]:
    """Reports by the same facts, thresholds, conflicts and wording as ours; calibration and thresholds from held-out patients."""
    tables = bench.tables
    if not tables.facts:
        return ["" for _ in bench.asked]
    found = bench.probes
    ruled = replace(tables, thresholds=found.calibration.thresholds)
    return [
        template(tables.consistent(row), ruled, decide) for row in found.probabilities(bench.embeddings[bench.asked])
    ]


def template(p: np.ndarray, tables: EvidenceTables, decide: DecideSettings | None = None) -> str:
    """Sentences of what is present at probabilities [K]."""
    wording = Wording()
    kept, _ = settle(present(p, tables, decide or DecideSettings()), tables, wording.phrase, ConflictSettings())
    return " ".join(wording.finding((candidate.statement,)) for candidate in kept)


PROBES = System(
    "Linear probes and a template",
    "A linear probe a finding on the dense embedding, its answers put into a template.",
    write,
)
