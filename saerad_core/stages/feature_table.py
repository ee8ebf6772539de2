"""What is known of each feature without reports: how often and how strongly it fires, and which labels it tells."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from saerad_core.descriptions.auroc import sparse_auroc
from saerad_core.descriptions.auroc_interval import interval
from saerad_core.descriptions.matching import numbered
from saerad_core.descriptions.matrices import Csr, dense
from saerad_core.sae.columns import Columns

FEWEST = 5
"""Training patients that a label needs before features are compared with it."""
KEPT = 5
"""Labels kept for each feature, the best told first."""
MOST_LABELS = 100


def feature_table(
    codes: Columns, active: Csr, thresholds: np.ndarray, records: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row a feature, and one a feature and label, all over the training split.

    Args:
        codes: of the N X-rays of the training split by feature, before the rule.
        active: float32 [N, m], activation where active.
        thresholds: float32 [m].
        records: its N rows: patient_id, labels.

    Returns:
        features: feature_id, n_images, n_patients, frequency (share of X-rays on which it is active), max, mean (of
        the active ones), threshold, best_label, best_auroc, best_lo, best_hi.
        labels: feature_id, label, auroc, n_patients (with the label).
    """
    n, m = active.shape
    patients = numbered(records["patient_id"])
    by_feature = active.tocsc()
    n_images = np.diff(by_feature.indptr)
    groups: Csr = sparse.csr_matrix(
        (np.ones(n, np.float32), (patients, np.arange(n))), shape=(int(patients.max(initial=-1)) + 1, n)
    )
    n_patients = np.diff((groups @ (active > 0).astype(np.float32)).tocsc().indptr)
    table = pd.DataFrame(
        {
            "feature_id": np.arange(m),
            "n_images": n_images,
            "n_patients": n_patients,
            "frequency": n_images / max(n, 1),
            "max": dense(by_feature.max(axis=0)).ravel() if n else np.zeros(m),
            "mean": np.asarray(by_feature.sum(axis=0)).ravel() / np.maximum(n_images, 1),
            "threshold": thresholds,
        }
    )
    names, shown, with_label = _labels(records, patients)
    if not names:
        best = pd.DataFrame({"best_label": [""] * m}).assign(best_auroc=np.nan, best_lo=np.nan, best_hi=np.nan)
        return table.join(best), pd.DataFrame({"feature_id": [], "label": [], "auroc": [], "n_patients": []})
    areas = np.nan_to_num(sparse_auroc(codes, shown), nan=0.5)
    order = np.argsort(-areas, axis=1, kind="stable")[:, :KEPT]
    first = order[:, 0]
    area = areas[np.arange(m), first]
    low, high = interval(area, with_label[first], len(groups.indptr) - 1 - with_label[first])
    silent = n_images == 0
    table["best_label"] = np.where(silent, "", np.array(names, dtype=object)[first])
    for name, values in (("best_auroc", area), ("best_lo", low), ("best_hi", high)):
        table[name] = np.where(silent, np.nan, values)
    kept = np.repeat(np.arange(m), order.shape[1])
    labels = pd.DataFrame(
        {
            "feature_id": kept,
            "label": np.array(names, dtype=object)[order.ravel()],
            "auroc": areas[kept, order.ravel()],
            "n_patients": with_label[order.ravel()],
        }
    )
    return table, labels.loc[~silent[kept]].reset_index(drop=True)


def _labels(records: pd.DataFrame, patients: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Labels that enough patients have and some lack, bool [N, L], and patients with each."""
    listed = [set(labels) if labels is not None else set() for labels in records["labels"]]
    names = sorted({label for labels in listed for label in labels})
    shown = np.array([[name in labels for name in names] for labels in listed], dtype=bool).reshape(
        len(listed), len(names)
    )
    counts = np.array([len(np.unique(patients[column])) for column in shown.T], dtype=np.int64)
    good = np.flatnonzero((counts >= FEWEST) & (shown.mean(axis=0) < 1)) if len(shown) else np.zeros(0, np.int64)
    good = np.sort(good[np.argsort(-counts[good], kind="stable")][:MOST_LABELS])
    return [names[i] for i in good], shown[:, good], counts[good]
