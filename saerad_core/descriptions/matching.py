"""Matched comparison of firing and silent X-rays: strata, patient weights, and a tail probability for every pair.

A patient counts once in each group, however many X-rays they have: each of a patient's firing X-rays weighs
1 / (their firing X-rays), and likewise for the silent ones. Groups are compared within strata of view, sex and age, and the
strata's expectations are summed as Mantel and Haenszel (JNCI 22:719, 1959) do.

Given its margins, the number of firing patients with a fact is, in each stratum, hypergeometric; that is a sum of independent
coin flips (Vatutin and Mikhailov, Theory Probab. Appl. 27:734, 1982), so the sum over strata is one too, and its upper tail is
at most that of the binomial with the same mean (Hoeffding, Ann. Math. Stat. 27:713, 1956). The tail used here is
that binomial's: valid, slightly conservative, and good at counts of three, where a normal approximation is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse, special

from saerad_core.descriptions.matrices import Csr, dense

AGE_BANDS = (40, 65)
"""Years at which an age band begins; under the first is the youngest band."""


class Counts(NamedTuple):
    """Patients in each group, each counting once; all float32."""

    firing: np.ndarray
    """[m] patients with a firing X-ray."""
    firing_with: np.ndarray
    """[m, K] of them, those whose firing X-rays' reports state the fact (a share where only some do)."""
    silent: np.ndarray
    """[m] patients with a silent X-ray."""
    silent_with: np.ndarray
    """[m, K]."""
    expected: np.ndarray
    """[m, K] firing patients that would state the fact if firing told nothing, given the strata."""
    odds_ratio: np.ndarray
    """[m, K] Mantel-Haenszel's, with half a patient added to each cell's product."""


def strata(images: pd.DataFrame) -> np.ndarray:
    """Stratum number of each X-ray, [N]: view, and sex and age band where known."""

    def column(name: str) -> list[str]:
        return ["" if pd.isna(one) else str(one) for one in images[name]] if name in images else [""] * len(images)

    bands = [str(np.digitize(float(age), AGE_BANDS)) if age else "" for age in column("age")]
    return numbered(["|".join(parts) for parts in zip(column("view"), column("sex"), bands, strict=True)])


def numbered(values: Iterable[object]) -> np.ndarray:
    """Each value's number, in the order in which values first appear, int64 [N]."""
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)


def patient_weights(firing: Csr, patients: np.ndarray) -> tuple[Csr, Csr]:
    """Weights of firing X-rays, and of silent X-rays less the weights they would have alone.

    Args:
        firing: bool-like [N, m].
        patients: patient number of each X-ray, [N].

    Returns:
        [N, m] weights of the firing X-rays, and the sparse correction [N, m] that is to be added to
        1 / (X-rays of the patient) for the weight of every silent X-ray; firing ones come out as zero.
    """
    n = len(patients)
    groups = sparse.csr_matrix((np.ones(n), (patients, np.arange(n))), shape=(int(patients.max(initial=-1)) + 1, n))
    total = np.asarray(groups.sum(axis=1)).ravel()
    ones = firing.astype(bool).astype(np.float64).tocsr()
    fires = (groups @ ones).tocsr()
    inverse = fires.copy()
    inverse.data = 1.0 / inverse.data
    of_patient = groups.T.tocsr()
    weights = (of_patient @ inverse).multiply(ones).tocsr()
    # For every X-ray of a patient with some firing X-rays: 1 / (their silent ones) - 1 / (all of theirs) where silent,
    # - 1 / (all of theirs) where firing.
    silent = fires.copy()
    rows = np.repeat(np.arange(fires.shape[0]), np.diff(fires.indptr))
    left = total[rows] - fires.data
    silent.data = np.where(left > 0, 1.0 / np.maximum(left, 1), 0.0) - 1.0 / total[rows]
    correction = of_patient @ silent
    extra = fires.copy()
    extra.data = np.where(left > 0, 1.0 / np.maximum(left, 1), 0.0)
    correction = (correction - (of_patient @ extra).multiply(ones)).tocsr()
    return weights.astype(np.float32), correction.astype(np.float32)


def count(firing: Csr, stated: Csr, patients: np.ndarray, stratum: np.ndarray) -> Counts:
    """Patient-level counts of every feature with every fact.

    Args:
        firing: [N, m], non-zero where the feature is active.
        stated: float32 [N, K], 1 where the report states the fact.
        patients: patient number of each X-ray, [N].
        stratum: stratum number of each X-ray, [N].
    """
    m, k = firing.shape[1], stated.shape[1]
    weights, correction = patient_weights(firing, patients)
    base = (1.0 / np.bincount(patients)[patients]).astype(np.float32)
    shape = (m, k)
    firing_with, silent_with, expected = (np.zeros(shape, np.float32) for _ in range(3))
    over, under = np.full(shape, 0.5, np.float32), np.full(shape, 0.5, np.float32)
    n_firing, n_silent = np.zeros(m, np.float32), np.zeros(m, np.float32)
    for number in range(int(stratum.max(initial=-1)) + 1):
        rows = np.flatnonzero(stratum == number)
        y = stated[rows]
        a = dense(weights[rows].T @ y, np.float32)
        n1 = np.asarray(weights[rows].sum(axis=0)).ravel()
        c = dense(correction[rows].T @ y, np.float32) + np.asarray(y.T @ base[rows]).ravel()
        n0 = np.maximum(np.asarray(correction[rows].sum(axis=0)).ravel() + base[rows].sum(), 0)
        c = np.clip(c, 0, n0[:, None])
        all_ = np.maximum(n1 + n0, 1e-6)[:, None]
        firing_with += a
        silent_with += c
        n_firing += n1
        n_silent += n0
        expected += n1[:, None] * (a + c) / all_
        over += a * (n0[:, None] - c) / all_
        under += c * (n1[:, None] - a) / all_
    return Counts(n_firing, firing_with, n_silent, silent_with, expected, over / under)


def tail(counts: Counts) -> np.ndarray:
    """One-sided p of every feature and fact, float64 [m, K]: at least so many firing patients with it, if firing told nothing."""
    n = np.maximum(counts.firing, 1e-6)[:, None].astype(np.float64)
    a = counts.firing_with.astype(np.float64)
    share = np.clip(counts.expected / n, 0.0, 1.0)
    p = special.betainc(np.maximum(a, 1e-9), np.maximum(n - a, 0.0) + 1.0, share)
    # The bound holds above the mean only; below it nothing is enriched.
    return np.where((a > counts.expected) & (a > 0), np.clip(p, 1e-300, 1.0), 1.0)


def z_of(p: np.ndarray) -> np.ndarray:
    """The standard normal's value with upper tail ``p``."""
    return -special.ndtri(np.clip(p, 1e-300, 1.0 - 1e-16))


def benjamini_hochberg(p: np.ndarray, rate: float) -> float:
    """Largest p that passes at false discovery ``rate`` (Benjamini and Hochberg, JRSS B 57:289, 1995); 0 where none does."""
    ordered = np.sort(p.ravel())
    passed = np.flatnonzero(ordered <= rate * np.arange(1, len(ordered) + 1) / max(len(ordered), 1))
    return float(ordered[passed[-1]]) if len(passed) else 0.0
