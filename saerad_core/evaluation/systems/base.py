"""What every way of reporting starts from, and what each is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from saerad_core.descriptions.evidence import EvidenceTables
from saerad_core.descriptions.fit_evidence import fit_evidence
from saerad_core.descriptions.matrices import Csr, dense
from saerad_core.descriptions.reported import Reported, depth, read_reports
from saerad_core.descriptions.statements import facts_of
from saerad_core.evaluation.held_out import HeldOut, held_out
from saerad_core.reports.compose import Composer
from saerad_core.sae.active import active, active_rows, fit_thresholds
from saerad_core.sae.codes import SparseCodes
from saerad_core.sae.columns import by_feature
from saerad_core.vocabulary import Fact


@dataclass(frozen=True)
class Bench:
    """X-rays that all ways of reporting get alike; N of them, n of which are asked for.

    Texts and truth of the asked X-rays aren't among it, but for the oracle's.
    """

    images: pd.DataFrame
    """Metadata of all N: image_id, patient_id, view, sex, age."""
    splits: np.ndarray
    """[N] of train, validate, test."""
    asked: np.ndarray
    """int64 [n], rows that are to be reported."""
    embeddings: np.ndarray
    """float32 [N, e], each of length 1."""
    codes: SparseCodes
    """[N, m], before the active rule."""
    thresholds: np.ndarray
    """float32 [m], the active rule."""
    texts: Sequence[str]
    """N reports; "" for the X-rays of neither the training nor the validation split."""
    tables: EvidenceTables
    """The workspace's own evidence."""
    composer: Composer
    """The workspace's own writer."""
    oracle: Sequence[set[Fact]]
    """True facts of the n asked X-rays: for the writer's ceiling alone."""

    @cached_property
    def train(self) -> np.ndarray:
        """int64 rows."""
        return np.flatnonzero(self.splits == "train")

    @cached_property
    def validate(self) -> np.ndarray:
        """int64 rows, none where the validation X-rays are the asked ones."""
        rows = np.flatnonzero(self.splits == "validate")
        return np.empty(0, np.int64) if np.intersect1d(rows, self.asked).size else rows

    @cached_property
    def patients(self) -> np.ndarray:
        """int64 [N]."""
        return pd.factorize(self.images["patient_id"])[0]

    @cached_property
    def reported(self) -> Reported:
        """Facts of the N reports; those of the scored split are blank."""
        return read_reports(self.texts, facts_of)

    @cached_property
    def probes(self) -> HeldOut:
        """Linear probes on the dense embedding of the facts that the workspace's evidence knows, which must be some."""
        columns = [self.reported.column(fact) for fact in self.tables.facts]
        y = dense(self.reported.stated[:, columns], np.float32)
        known = 1 - dense(self.reported.unknown[:, columns], np.float32)
        levels = np.array([depth(fact) for fact in self.tables.facts])
        shrink = float(self.tables.fitted.get("shrink", 20.0))
        return held_out(self.embeddings, y, known, self.train, self.validate, self.patients, levels, shrink)


@dataclass(frozen=True)
class System:
    """One way of reporting."""

    title: str
    """In tables."""
    says: str
    """One sentence on what it does."""
    write: Callable[[Bench], list[str]]
    """n texts."""
    baseline: bool = True
    """False for ours, and for what is no baseline but a bound."""


def fitted(bench: Bench, codes: SparseCodes) -> tuple[EvidenceTables, np.ndarray]:
    """Evidence and active rule of other codes, learned as the build learns its own.

    Args:
        bench: X-rays, splits, reports.
        codes: [N, m], of any features.
    """
    train, validate = bench.train, bench.validate
    thresholds = fit_thresholds(by_feature(codes, bench.splits == "train"), tokens="patch").thresholds
    tables = fit_evidence(
        codes.rows(train),
        active_rows(codes, thresholds)[train],
        bench.images.iloc[train].reset_index(drop=True),
        bench.reported.rows(train),
        validate_codes=codes.rows(validate),
        validate_reported=bench.reported.rows(validate),
    )
    return tables, thresholds


def compose_all(
    composer: Composer, codes: SparseCodes, thresholds: np.ndarray, asked: Sequence[int] | np.ndarray
) -> list[str]:
    """Findings of the asked X-rays by one composer; none abstains, so that every X-ray is scored."""
    texts = []
    for row in asked:
        ids, code = codes.row(int(row))
        features, values = active(code, thresholds[ids])
        found = [(int(f), float(v)) for f, v in zip(ids[features], values, strict=True)]
        texts.append(composer.compose(found, code=pairs(ids, code), abstain=False).text)
    return texts


def pairs(ids: np.ndarray, code: np.ndarray) -> list[tuple[int, float]]:
    """(feature_id, activation) of an X-ray."""
    return list(zip(ids.tolist(), code.tolist(), strict=True))


def from_codes(bench: Bench, codes: SparseCodes) -> list[str]:
    """Reports by the program's evidence code and template on other codes [N, m]."""
    tables, thresholds = fitted(bench, codes)
    return compose_all(Composer(tables, {}), codes, thresholds, bench.asked)


def dense_codes(x: np.ndarray, rows: np.ndarray) -> SparseCodes:
    """Dense columns as features: each column's part above its mean over ``rows`` is one, the part below another; [N, 2 e]."""
    z = (x - x[rows].mean(axis=0)) / np.maximum(x[rows].std(axis=0), 1e-6)
    return SparseCodes.of(np.concatenate([np.maximum(z, 0), np.maximum(-z, 0)], axis=1).astype(np.float32))


__all__ = ["Bench", "Csr", "System", "compose_all", "dense_codes", "fitted", "from_codes", "pairs"]
