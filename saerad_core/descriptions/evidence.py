"""How much each active feature speaks for or against each fact: additive, calibrated, attributable.

The logit of a fact is an intercept plus one weight for every active feature, so a feature's contribution to a sentence is its
weight. fit_evidence.py learns them from report text; this module holds, applies, saves and loads them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from saerad_core.descriptions.examples import Examples
from saerad_core.descriptions.reported import looser
from saerad_core.errors import WorkspaceError
from saerad_core.vocabulary import Fact

FORMAT = "saerad-evidence-1"


class Contribution(NamedTuple):
    """What one feature adds to the logit of a fact on one X-ray."""

    feature_id: int
    activation: float
    """0 for a feature that would speak for the fact and is silent."""
    logit: float
    """Added by the feature if it is active; for a silent one, what it withholds, as a negative number."""


class SeverityScale(NamedTuple):
    """Linear score of a finding's severity over active features, with the scores at which the words change."""

    words: tuple[str, ...]
    """Mildest first."""
    cuts: tuple[float, ...]
    """One fewer than the words."""


@dataclass(frozen=True)
class EvidenceTables:
    """Weights of K facts over m features, as fit on the training split and calibrated on unseen patients."""

    facts: tuple[Fact, ...]
    weights: np.ndarray
    """float32 [K, m], after calibration."""
    intercepts: np.ndarray
    """float32 [K], after calibration."""
    thresholds: np.ndarray
    """float32 [K]: probability from which a report states the fact."""
    priors: np.ndarray
    """float32 [K]: share of training X-rays whose reports state it."""
    denials: np.ndarray
    """float32 [K]: share of training reports that say it is absent; negatives that readers expect."""
    patients: np.ndarray
    """int32 [K]: training patients whose reports state it."""
    severity: dict[str, SeverityScale]
    severity_weights: np.ndarray
    """float32 [S, m + 1], one row a finding of ``severity`` in order; the last column is the intercept."""
    examples: Examples
    fitted: dict
    """How the tables were fit, for the record: settings, counts, held-out log loss."""

    @property
    def width(self) -> int:
        return self.weights.shape[1]

    def index(self, fact: Fact) -> int:
        """Row of ``fact``.

        Raises:
            ValueError: the tables have no such fact.
        """
        return self.facts.index(fact)

    def logits(self, features: Sequence[int]) -> np.ndarray:
        """Evidence for every fact, float64 [K], on an X-ray with these active features."""
        return self.intercepts.astype(np.float64) + self.weights[:, list(features)].astype(np.float64).sum(axis=1)

    def probabilities(self, features: Sequence[int]) -> np.ndarray:
        """Calibrated P(fact | active features), float64 [K]; no fact is likelier than a looser one that it implies."""
        return self.consistent(1.0 / (1.0 + np.exp(-self.logits(features))))

    def consistent(self, p: np.ndarray) -> np.ndarray:
        """Raise every fact to the likeliest of those that imply it."""
        rows = {fact: row for row, fact in enumerate(self.facts)}
        out = p.copy()
        # Facts come looser before more specific, so that from the end each raise is passed on.
        for row in range(len(self.facts) - 1, -1, -1):
            for wider in looser(self.facts[row]):
                if wider in rows:
                    out[rows[wider]] = max(out[rows[wider]], out[row])
        return out

    def severity_of(self, finding: str, features: Sequence[int]) -> str:
        """The severity word that the active features speak for; "" where reports taught none."""
        if finding not in self.severity:
            return ""
        scale = self.severity[finding]
        row = self.severity_weights[list(self.severity).index(finding)]
        score = float(row[-1] + row[list(features)].sum())
        return scale.words[int(np.searchsorted(scale.cuts, score))]

    def support(self, fact: Fact, active: Sequence[tuple[int, float]]) -> list[Contribution]:
        """Active features with positive contributions to ``fact``, the largest first."""
        return [c for c in self._ranked(fact, active, sign=1.0) if c.logit > 0]

    def opposition(
        self, fact: Fact, active: Sequence[tuple[int, float]], most: int, barred: frozenset[int]
    ) -> list[Contribution]:
        """Evidence that ``fact`` is absent: active features that speak against it, then silent ones that would speak for it.

        Args:
            fact: the absent fact.
            active: (feature_id, activation) of the X-ray.
            most: at most so many.
            barred: features that don't count as evidence.
        """
        against = [c for c in self._ranked(fact, active, sign=-1.0) if c.logit < 0][:most]
        if len(against) >= most:
            return against
        row = self.weights[self.index(fact)]
        firing = {feature for feature, _ in active}
        order = np.argsort(-row, kind="stable")[: most + len(firing) + len(barred)]
        silent = [
            Contribution(int(f), 0.0, -float(row[f]))
            for f in order
            if row[f] > 0 and int(f) not in firing and int(f) not in barred
        ]
        return against + silent[: most - len(against)]

    def _ranked(self, fact: Fact, active: Sequence[tuple[int, float]], sign: float) -> list[Contribution]:
        row = self.weights[self.index(fact)]
        found = [Contribution(int(f), float(a), float(row[f])) for f, a in active]
        return sorted(found, key=lambda c: (-sign * c.logit, c.feature_id))

    def save(self, path: Path) -> None:
        """Write everything as one safetensors file, in one step."""
        header = {
            "format": FORMAT,
            "facts": json.dumps(self.facts),
            "severity": json.dumps({finding: list(scale) for finding, scale in self.severity.items()}),
            "fitted": json.dumps(self.fitted),
        }
        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in _ARRAYS}
        part = path.with_suffix(".part")
        save_file(arrays | self.examples.arrays(), part, metadata=header)
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> EvidenceTables:
        """Read what ``save`` wrote.

        Raises:
            WorkspaceError: the file is missing or damaged, or of another format.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                header = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        except (OSError, SafetensorError) as error:
            raise WorkspaceError(f"{path} can't be read; build the workspace again.") from error
        if header.get("format") != FORMAT:
            raise WorkspaceError(f"{path} is not evidence that this program wrote; build the workspace again.")
        severity = {
            finding: SeverityScale(tuple(words), tuple(cuts))
            for finding, (words, cuts) in json.loads(header["severity"]).items()
        }
        return cls(
            facts=tuple(Fact(*fact) for fact in json.loads(header["facts"])),
            severity=severity,
            examples=Examples.of_arrays(arrays),
            fitted=json.loads(header["fitted"]),
            **{name: arrays[name] for name in _ARRAYS},
        )


_ARRAYS = ("weights", "intercepts", "thresholds", "priors", "denials", "patients", "severity_weights")
