"""How good a workspace's dictionary is: every figure of docs/metrics.md, on patients that nothing was fitted on."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from saerad_core import NOTICE
from saerad_core.errors import WorkspaceError
from saerad_core.evaluation.codes import XrayCodes, read_codes
from saerad_core.evaluation.concepts import concept_matrix, label_matrix
from saerad_core.evaluation.recovery import recover
from saerad_core.evaluation.run import drawn
from saerad_core.evaluation.sae_report_text import markdown
from saerad_core.evaluation.scored import scored_images
from saerad_core.evaluation.sparse_probes import probe
from saerad_core.sae.files import load
from saerad_core.sae.matching import pw_mcc
from saerad_core.sae.metrics import DENSE, dense_share, frequency_histogram
from saerad_core.sae.monosemanticity import mean_similarity, monosemanticity
from saerad_core.workspace import Workspace

SHOWN = 10
"""Features with the highest and lowest monosemanticity that are listed."""
BINS = 24
"""Of the monosemanticity histogram."""


def sae_report(workspace: Workspace, split: str = "test", seeds: Sequence[Path] = ()) -> dict[str, Any]:
    """Every figure that a finished workspace supports, as what a JSON file can hold; nothing is written.

    Args:
        workspace: a finished one.
        split: test (nothing was chosen on it) or validate.
        seeds: folders of dictionaries of the same encoder, trained from other seeds: PW-MCC with the workspace's own.

    Raises:
        WorkspaceError: the split is empty or was fitted on, a patient is in two splits, or a seed doesn't fit.
    """
    began = time.perf_counter()
    images, splits, here = scored_images(workspace, split)
    codes = read_codes(workspace)
    embeddings = np.load(workspace.embeddings).astype(np.float32)
    patients = pd.factorize(images["patient_id"])[0]
    manifest = workspace.manifest
    truth = [drawn(facts) for facts in images["facts"]] if manifest.dataset.simulated else None
    names, shown = concept_matrix(truth) if truth else label_matrix([list(some) for some in images["labels"]])
    return {
        "format": "saerad-sae-report-1",
        "notice": NOTICE,
        "notes": _notes(manifest.dataset.simulated, manifest.dataset.pseudo_reports),
        "workspace": manifest.name,
        "simulated": manifest.dataset.simulated,
        "pseudo_reports": manifest.dataset.pseudo_reports,
        "split": split,
        "n_images": len(here),
        "n_patients": len(np.unique(patients[here])),
        "n_train_images": int((splits == "train").sum()),
        "sae": manifest.sae.model_dump(include={"architecture", "tokens", "width", "k"}),
        "rebuilding": manifest.metrics.model_dump(
            include={"explained_variance", "pca_explained_variance", "cosine", "l0"}
        ),
        "firing": _firing(codes, splits == "train"),
        "monosemanticity": _monosemanticity(codes, embeddings, patients, here),
        "probes": probe(codes.before, embeddings, names, shown, splits, patients, split),
        "recovery": recover(codes.before, codes.active, truth, splits, patients, split) if truth else None,
        "pw_mcc": _consistency(workspace, seeds) if seeds else None,
        "seconds": round(time.perf_counter() - began, 1),
    }


def write(workspace: Workspace, figures: dict[str, Any]) -> None:
    """sae-report.json and sae-report.md into the workspace, each in one step."""
    for name, text in (("sae-report.json", as_json(figures)), ("sae-report.md", markdown(figures))):
        part = workspace.root / f"{name}.part"
        part.write_text(text, encoding="utf-8")
        part.replace(workspace.root / name)


def as_json(figures: dict[str, Any]) -> str:
    """JSON text; figures that couldn't be computed are null."""
    return json.dumps(_known(figures), indent=2, allow_nan=False) + "\n"


def _known(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    if isinstance(value, dict):
        return {key: _known(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_known(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _firing(codes: XrayCodes, train: np.ndarray) -> dict[str, Any]:
    """Shares and histograms over the training X-rays."""
    n = max(int(train.sum()), 1)
    found: dict[str, Any] = {
        "dense_above": DENSE,
        "active_per_image": float((codes.active > 0).sum() / codes.active.shape[0]),
    }
    for name, matrix in (("before", codes.before), ("active", codes.active)):
        frequencies = np.asarray((matrix[np.flatnonzero(train)] > 0).sum(axis=0)).ravel() / n
        edges, counts = frequency_histogram(frequencies, n)
        found[name] = {
            "dead_share": float((frequencies == 0).mean()),
            "dense_share": dense_share(frequencies),
            "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
        }
    return found


def _monosemanticity(
    codes: XrayCodes, embeddings: np.ndarray, patients: np.ndarray, here: np.ndarray
) -> dict[str, Any]:
    found: dict[str, Any] = {"mean_similarity": mean_similarity(embeddings[here], patients[here])}
    for name, matrix in (("before", codes.before), ("active", codes.active)):
        scores = monosemanticity(matrix[here], embeddings[here], patients[here])
        known = np.flatnonzero(~np.isnan(scores))
        ranked = known[np.argsort(-scores[known], kind="stable")]
        counts, edges = np.histogram(scores[known], bins=BINS)
        low, middle, high = np.quantile(scores[known], [0.25, 0.5, 0.75]) if len(known) else (np.nan,) * 3
        found[name] = {
            "features": len(known),
            "mean": float(scores[known].mean()) if len(known) else None,
            "quartiles": [float(low), float(middle), float(high)],
            "above_mean_similarity": float((scores[known] > found["mean_similarity"]).mean()) if len(known) else None,
            "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
            "highest": [{"feature_id": int(f), "score": float(scores[f])} for f in ranked[:SHOWN]],
            "lowest": [{"feature_id": int(f), "score": float(scores[f])} for f in ranked[::-1][:SHOWN]],
        }
    return found


def _consistency(workspace: Workspace, seeds: Sequence[Path]) -> dict[str, Any]:
    dictionaries = [load(folder).W_dec.detach().numpy() for folder in (workspace.sae_dir, *seeds)]
    try:
        found = pw_mcc(dictionaries)
    except ValueError as error:
        raise WorkspaceError(str(error)) from error
    return {
        "mean": found.mean,
        "dictionaries": [workspace.manifest.name, *(folder.name for folder in seeds)],
        "pairs": [{"first": i, "second": j, "mcc": value} for i, j, value in found.pairs],
    }


def _notes(simulated: bool, pseudo: bool) -> list[str]:
    notes = []
    if simulated:
        notes.append("The X-rays are simulated and of no patient; labels are what was drawn into each of them.")
    else:
        notes.append("Labels are the dataset's own; they are not a reading by this program.")
    if pseudo:
        notes.append(
            "The reports are pseudo-reports, other patients' texts matched by label; no figure here uses them."
        )
    notes.append(
        "Features are chosen and probes fitted on training patients; intervals are 95% over resampled patients of the scored split."
    )
    return notes
