"""How much each feature speaks for or against each fact: additive, calibrated, attributable.

The logit of a fact is an intercept plus, for every feature, a weight times how far its activation is from its mean over training
X-rays, in standard deviations; most weights are zero. So a feature's contribution to a sentence is what it adds beyond a feature that
fires as usual. fit_evidence.py learns the weights from report text; this module holds, applies, saves and loads them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from saerad_core.descriptions.examples import Examples
from saerad_core.descriptions.reported import looser
from saerad_core.errors import WorkspaceError
from saerad_core.vocabulary import Fact

FORMAT = "saerad-evidence-2"

Code = Sequence[tuple[int, float]]
"""(feature_id, activation) of every feature that fires on an X-ray, before the active rule."""


class Contribution(NamedTuple):
    """What one feature adds to the logit of a fact on one X-ray."""

    feature_id: int
    activation: float
    """0 for a feature that is silent."""
    logit: float
    """What the feature adds, against its mean activation over training X-rays."""
    fires: bool
    """Whether its activation is above that mean; else the contribution lies in its silence or weakness."""


@dataclass(frozen=True)
class Fired:
    """A code as arrays, beside what is usual: worked out once for all that is asked of one X-ray."""

    features: np.ndarray
    """int64 [n]."""
    activations: np.ndarray
    """float64 [n], as given."""
    deviation: np.ndarray
    """float64 [m]: of every feature from its mean, in standard deviations; 0 for features that don't count as evidence."""


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
    """float32 [K], after calibration: the logit where every feature fires as usual."""
    centre: np.ndarray
    """float32 [m]: mean activation over training X-rays, silent ones as 0."""
    scale: np.ndarray
    """float32 [m]: standard deviation of the same; 1 where no fact uses the feature."""
    most: np.ndarray
    """float32 [m]: largest activation on a training X-ray; beyond it nothing was learned, so a stronger one counts as it."""
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

    def fired(self, code: Code, barred: Collection[int] = ()) -> Fired:
        """What the questions below are asked of; they take a code as it is, too, where all features count.

        Args:
            code: of the X-ray; a feature that isn't in it is silent.
            barred: features that count as if they fired as usual, whatever they do.
        """
        features = np.array([feature for feature, _ in code], dtype=np.int64)
        values = np.array([value for _, value in code], dtype=np.float64)
        activations = np.zeros(self.width)
        activations[features] = np.minimum(values, self.most[features])
        deviation = (activations - self.centre) / self.scale
        deviation[list(barred)] = 0.0
        return Fired(features, values, deviation)

    def logits(self, code: Code | Fired) -> np.ndarray:
        """Evidence for every fact, float64 [K], on an X-ray with this code."""
        deviation = self._asked(code).deviation
        return self.intercepts.astype(np.float64) + self._used @ deviation[self._columns]

    def probabilities(self, code: Code | Fired) -> np.ndarray:
        """Calibrated P(fact | code), float64 [K]; no fact is likelier than a looser one that it implies."""
        return self.consistent(1.0 / (1.0 + np.exp(-self.logits(code))))

    @cached_property
    def _columns(self) -> np.ndarray:
        """Features that some fact uses."""
        return np.flatnonzero((self.weights != 0).any(axis=0))

    @cached_property
    def _used(self) -> np.ndarray:
        return self.weights[:, self._columns].astype(np.float64)

    def _asked(self, code: Code | Fired) -> Fired:
        return code if isinstance(code, Fired) else self.fired(code)

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

    def support(self, fact: Fact, code: Code | Fired) -> Iterator[Contribution]:
        """Features that fire above their mean and so speak for ``fact``, the strongest first."""
        fired = self._asked(code)
        logits = self.weights[self.index(fact)][fired.features] * fired.deviation[fired.features]
        speak = np.flatnonzero((logits > 0) & (fired.deviation[fired.features] > 0))
        for at in speak[np.lexsort((fired.features[speak], -logits[speak]))]:
            yield Contribution(int(fired.features[at]), float(fired.activations[at]), float(logits[at]), fires=True)

    def opposition(self, fact: Fact, code: Code | Fired, most: int) -> list[Contribution]:
        """Evidence that ``fact`` is absent: features that fire and speak against it, then those that would speak for it and
        are silent or weak.

        Args:
            fact: the absent fact.
            code: of the X-ray.
            most: at most so many.
        """
        fired = self._asked(code)
        deviation = fired.deviation
        logits = self.weights[self.index(fact)] * deviation
        against = np.flatnonzero(logits < 0)
        against = against[np.argsort(logits[against], kind="stable")]
        fires = deviation[against] > 0
        chosen = np.concatenate([against[fires], against[~fires]])[:most]
        activations = np.zeros(self.width)
        activations[fired.features] = fired.activations
        return [Contribution(int(f), float(activations[f]), float(logits[f]), bool(deviation[f] > 0)) for f in chosen]

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
            raise WorkspaceError(f"{path} is not evidence as this version writes it; build the workspace again.")
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


_ARRAYS = (
    "weights",
    "intercepts",
    "centre",
    "scale",
    "most",
    "thresholds",
    "priors",
    "denials",
    "patients",
    "severity_weights",
)
