"""Everything that a feature can be described from, as one object: what whoever describes it, person or model, is shown.

Training patients only, each once. Of a report findings and impression, without comparisons with an earlier study; the indication is a question
and no evidence.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from saerad_core.descriptions.comparison import strip_comparisons
from saerad_core.descriptions.statements import facts_of
from saerad_core.heatmap.file import FeatureMaps
from saerad_core.heatmap.mean import spread_of
from saerad_core.retrieval import ImageIndex
from saerad_core.store.activations import ActivationStore
from saerad_core.store.curation.store import sae_id
from saerad_core.store.scores import load_scores
from saerad_core.vocabulary import Statement
from saerad_core.workspace import Workspace

BANDS = ("strongest", "strong", "middle", "weak", "weakest")
"""Fifths of a feature's active X-rays."""
EACH = 3
"""X-rays of each band."""
MISSES, OTHERS = 5, 5
"""Near misses and random X-rays on which the feature is silent."""
SEARCHED = 60
"""X-rays asked of the index for each of the strongest that fire."""
LONGEST = 700
"""Characters of a report that are shown."""
LABELS = 3


@dataclass(frozen=True)
class Shown:
    """One X-ray of the pack."""

    image_id: str
    band: str
    """One of BANDS; "" where the feature is silent."""
    activation: float
    view: str
    report: str
    """Without comparisons, cut to LONGEST."""
    statements: tuple[Statement, ...]
    """What the whole report states."""


@dataclass(frozen=True)
class EvidencePack:
    """Of one feature."""

    feature_id: int
    patients: int
    """Training patients on whom it fires."""
    fires: tuple[Shown, ...]
    """Over all bands, the strongest first."""
    near_misses: tuple[Shown, ...]
    """X-rays most like the strongest that fire, on which it is silent."""
    others: tuple[Shown, ...]
    """Drawn at random among those on which it is silent."""
    labels: tuple[tuple[str, float], ...] = ()
    """Label and the AUROC with which the activation tells it, over training patients."""
    flags: tuple[str, ...] = ()
    """Keys of store.scores.FLAGS."""
    looks: str = ""
    """Where its mean map lies; "" where that isn't known."""
    views: dict[str, float] = field(default_factory=dict)
    """Share of its active X-rays in each view."""

    def as_data(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


class Packs:
    """Makes packs of one workspace; safe to share between threads."""

    def __init__(self, workspace: Workspace, store: ActivationStore) -> None:
        self._workspace, self._store = workspace, store
        scores = load_scores(workspace.scores_file, sae_id(workspace))
        self._flags = {} if scores is None else dict(zip(scores["feature_id"], scores["flags"], strict=True))
        self._train = np.flatnonzero(store.roster.train)
        maps = FeatureMaps(workspace.maps_file) if workspace.maps_file.exists() else None
        self._maps = maps if maps is not None and maps.sae == sae_id(workspace) else None
        self._index = ImageIndex(workspace.faiss_index) if workspace.faiss_index.exists() else None

    @cached_property
    def _embeddings(self) -> np.ndarray | None:
        return np.load(self._workspace.embeddings, mmap_mode="r") if self._workspace.embeddings.exists() else None

    def make(self, feature_id: int) -> EvidencePack:
        """The pack of a feature; the same each time."""
        store, roster = self._store, self._store.roster
        firing = store.firing(feature_id)
        firing = firing.take(roster.train[firing.rows])
        firing = firing.take(roster.first_of_patients(firing.rows))
        n = len(firing.rows)
        chosen: list[tuple[int, str, float]] = []
        for number, band in enumerate(BANDS):
            first, end = n * number // len(BANDS), n * (number + 1) // len(BANDS)
            for place in np.unique(np.linspace(first, max(first, end - 1), EACH).astype(int)) if end > first else ():
                chosen.append((int(firing.rows[place]), band, float(firing.activations[place])))
        everywhere = store.firing(feature_id).rows
        silent = np.setdiff1d(self._train, everywhere)
        # A patient on another of whose X-rays it fires is no clean contrast.
        silent = silent[~np.isin(roster.patient.codes[silent], roster.patient.codes[everywhere])]
        misses = self._near(firing.rows[:EACH], set(silent.tolist()))
        others = np.random.default_rng([0, feature_id]).permutation(np.setdiff1d(silent, misses))
        others = others[roster.first_of_patients(others)][:OTHERS] if len(others) else others
        rows = [row for row, _, _ in chosen] + [*misses, *(int(one) for one in others)]
        texts = store.texts(rows) if rows else {}

        def shown(row: int, band: str = "", activation: float = 0.0) -> Shown:
            report = " ".join(part for part in (texts[row].findings, texts[row].impression) if part)
            bare = strip_comparisons(report)[:LONGEST]
            view = roster.view.names[roster.view.codes[row]] or ""
            said = tuple(facts_of(report).values())
            return Shown(roster.image_id[row].as_py(), band, round(activation, 3), view, bare, said)

        codes = roster.view.codes[firing.rows]
        views = {name: round(float((codes == code).mean()), 3) for code, name in enumerate(roster.view.names) if name and n and (codes == code).any()}  # fmt: skip
        mean = None if self._maps is None else self._maps.mean(feature_id)
        spread = None if mean is None or not mean.values.any() else spread_of(mean.values)
        return EvidencePack(
            feature_id,
            n,
            tuple(shown(*one) for one in chosen),
            tuple(shown(row) for row in misses),
            tuple(shown(int(row)) for row in others),
            tuple((label, round(area, 3)) for label, area, _ in store.label_scores(feature_id)[:LABELS]),
            tuple(str(one) for one in self._flags.get(feature_id, ())),
            ", ".join(part for part in (spread.words, spread.where) if part) if spread is not None else "",
            views,
        )

    def _near(self, strongest: np.ndarray, silent: set[int]) -> list[int]:
        """The silent X-rays most like the strongest that fire, one a patient."""
        if self._index is None or self._embeddings is None:
            return []
        best: dict[int, float] = {}
        for row in strongest:
            for other, cosine in self._index.search(self._embeddings[int(row)].astype(np.float32), SEARCHED):
                if other in silent:
                    best[other] = max(cosine, best.get(other, -1.0))
        rows = np.array(sorted(best, key=lambda one: (-best[one], one)), dtype=np.int64)
        return [int(rows[place]) for place in self._store.roster.first_of_patients(rows)[:MISSES]] if len(rows) else []
