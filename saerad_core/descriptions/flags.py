"""What should make one doubt a feature whatever its score: one patient's quirk, the view or a device, a neighbour's duplicate.

Counted over the training X-rays, for all features at once; the rule for view and device is that of the feature page's table of
confounders (explorer/confounders.py), with the same bounds.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse

from saerad_core.descriptions.matrices import Csr
from saerad_core.vocabulary import TERMS

FEWEST = 20
"""Training patients that a group needs to be compared."""
FOLLOWS = 3.0
"""How many times as often a feature fires in one group as in another, from which it follows it."""
DEVICES = frozenset({key for key, term in TERMS.items() if term.device} | {"support_devices", "support devices"})
"""Labels that mean a line, tube or implant."""
QUIRK = 0.5
"""Share of a feature's summed activation that one patient may have."""
FEW_PATIENTS = 3
"""Patients under which a feature is a quirk of theirs."""
TWIN_COSINE, TWIN_NPMI = 0.7, 0.7
"""Likeness of two decoder directions, or of the X-rays on which two features fire, from which one repeats the other if both say the same."""


def one_patient(active: Csr, patients: np.ndarray) -> np.ndarray:
    """bool [m]: features that fire in fewer than FEW_PATIENTS patients, or get half of their activation from one.

    Args:
        active: float32 [N, m], activation where active, over the training split.
        patients: patient number of each X-ray.
    """
    n, m = active.shape
    groups = sparse.csr_matrix(
        (np.ones(n, np.float32), (patients, np.arange(n))), shape=(int(patients.max(initial=-1)) + 1, n)
    )
    by_patient = (groups @ active).tocsc()
    count = np.diff(by_patient.indptr)
    total = np.asarray(by_patient.sum(axis=0)).ravel()
    most = np.zeros(m)
    alive = np.flatnonzero(count)
    if len(alive):
        most[alive] = np.maximum.reduceat(by_patient.data, by_patient.indptr[alive])
    return (count > 0) & ((count < FEW_PATIENTS) | (most >= QUIRK * total))


def follows(active: Csr, patients: np.ndarray, group: np.ndarray, n_groups: int) -> np.ndarray:
    """bool [m]: features that clearly fire FOLLOWS times as often among the patients of one group as of another.

    Args:
        active: float32 [N, m] over the training split.
        patients: patient number of each X-ray.
        group: of each X-ray, -1 where it isn't known.
        n_groups: groups.
    """
    m = active.shape[1]
    rows = np.flatnonzero(group >= 0)
    if n_groups < 2 or not len(rows):
        return np.zeros(m, dtype=bool)
    pairs, place, times = np.unique(patients[rows] * n_groups + group[rows], return_inverse=True, return_counts=True)
    everyone = np.bincount(pairs % n_groups, minlength=n_groups)
    weights = sparse.csr_matrix((1.0 / times[place], (group[rows], rows)), shape=(n_groups, active.shape[0]))
    fires = np.asarray((weights @ (active > 0).astype(np.float64)).todense())
    enough = np.flatnonzero(everyone >= FEWEST)
    if len(enough) < 2:
        return np.zeros(m, dtype=bool)
    of = everyone[enough][:, None]
    n = np.minimum(fires[enough], of)
    p = n / of
    low, high = np.argmin(p, axis=0), np.argmax(p, axis=0)
    z = 1.96
    middle, half, scale = p + z * z / (2 * of), z * np.sqrt(p * (1 - p) / of + z * z / (4 * of * of)), 1 + z * z / of
    lo, hi = (middle - half) / scale, (middle + half) / scale
    at = np.arange(m)
    ratio = ((n[high, at] + 0.5) / (of[high, 0] + 1)) / ((n[low, at] + 0.5) / (of[low, 0] + 1))
    return (ratio >= FOLLOWS) & (lo[high, at] > hi[low, at])


def duplicates(likeness: pd.DataFrame, descriptions: pd.DataFrame) -> Mapping[int, int]:
    """Feature -> the better supported one that it repeats.

    Args:
        likeness: feature_id, other_id, cosine, npmi (either nan where it isn't listed).
        descriptions: table descriptions; two features say the same where finding, side and place are the same.
    """
    said = descriptions.set_index("feature_id")[["finding", "side", "place", "z"]]
    alike = likeness[(likeness["cosine"] >= TWIN_COSINE) | (likeness["npmi"] >= TWIN_NPMI)]
    pairs = alike.join(said, on="feature_id", how="inner").join(said, on="other_id", how="inner", rsuffix="_other")
    same = np.ones(len(pairs), dtype=bool)
    for name in ("finding", "side", "place"):
        same &= (pairs[name] == pairs[f"{name}_other"]).to_numpy()
    weaker = (pairs["z"] < pairs["z_other"]) | (
        (pairs["z"] == pairs["z_other"]) & (pairs["feature_id"] > pairs["other_id"])
    )
    kept = np.flatnonzero(same & weaker.to_numpy())
    best = kept[np.argsort(-pairs["z_other"].to_numpy(dtype=float)[kept], kind="stable")]
    features, others = pairs["feature_id"].to_numpy(), pairs["other_id"].to_numpy()
    twins: dict[int, int] = {}
    for at in best:
        twins.setdefault(int(features[at]), int(others[at]))
    return twins
