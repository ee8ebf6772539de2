"""Descriptions on patients that they weren't made from: how many are scored, how well they do, how many are weak.

    python -m benchmarks.descriptions [workspaces, default data/demo and data/nih where it is] [--quick] [--json OUT]

Scores are made anew beside the workspace, which isn't written to. Test patients decide nothing anywhere; what is weak is decided on the
validation patients. Chance: every feature given the description of another one, drawn once.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.common import Results, arguments
from saerad_core.descriptions.judge import LEAST
from saerad_core.descriptions.unseen import Unseen
from saerad_core.progress import Silent
from saerad_core.stages.score import score_descriptions
from saerad_core.store.activations import ActivationStore
from saerad_core.store.curation import sae_id
from saerad_core.store.said import Said
from saerad_core.store.scores import FLAGS, load_scores
from saerad_core.workspace import Workspace

GOAL = "descriptions: all scored, median AUROC >= 0.80"
Z = (2.0, 4.0, 6.0, 8.0)
"""Least z of the training patients' contrast."""


def scored(root: Path) -> tuple[pd.DataFrame, ActivationStore, Said, float]:
    """Scores of a workspace, made in a folder beside it; and the seconds that took."""
    with tempfile.TemporaryDirectory() as folder:
        beside = Path(folder) / root.name
        beside.mkdir()
        for name in ("workspace.json", "activations.duckdb", "sae"):
            (beside / name).symlink_to((root / name).resolve())
        workspace, began = Workspace.open(beside), time.perf_counter()
        score_descriptions(workspace, Silent())
        seconds = time.perf_counter() - began
        table = load_scores(workspace.scores_file, sae_id(workspace))
        assert table is not None
        return table, ActivationStore(root / "activations.duckdb"), Said.load(workspace.said_file), seconds


def measure(results: Results, root: Path, chance: int) -> None:
    """Rows of one workspace."""
    name = root.name
    table, store, said, seconds = scored(root)
    described = store.descriptions().merge(table, on=["feature_id", "text"], how="left", validate="one_to_one")
    n = len(described)
    if not n:
        results.unmeasured(f"{name}: descriptions", "none is described", GOAL)
        return
    area, lo = described["test_auroc"].to_numpy(float), described["validate_lo"].to_numpy(float)
    known = ~np.isnan(area)
    middle = float(np.median(area[known])) if known.any() else float("nan")
    results.add(f"{name}: descriptions", n, "features")
    either = known | ~np.isnan(described["validate_auroc"].to_numpy(float))
    simulated = Workspace.open(root).manifest.dataset.simulated
    goal = GOAL if simulated else ""
    results.add(
        f"{name}: scored on test patients", known.mean(), "share", goal, bool(known.all()) if simulated else None
    )
    results.add(
        f"{name}: scored on test or validation patients",
        either.mean(),
        "share",
        goal,
        bool(either.all()) if simulated else None,
    )
    results.add(f"{name}: median AUROC, test patients", middle, "AUROC", goal, middle >= 0.8 if simulated else None)
    results.add(f"{name}: a quarter lies under, test patients", float(np.quantile(area[known], 0.25)), "AUROC")
    for kind in ("precision", "recall"):
        results.add(
            f"{name}: median {kind}, test patients", float(np.nanmedian(described[f"test_{kind}"])), "share of patients"
        )
    weak = ~(lo > LEAST)
    results.add(f"{name}: weak, by validation patients", weak.mean(), "share of descriptions")
    results.add(
        f"{name}: validation patients who fire, median", float(np.median(described["validate_firing"])), "patients"
    )
    for which, says in ((~weak & known, "of those that hold"), (weak & known, "of the weak")):
        if which.any():
            results.add(f"{name}: median AUROC on test patients {says}", float(np.median(area[which])), "AUROC")
    z, test_lo = described["z"].to_numpy(float), described["test_lo"].to_numpy(float)
    for least in Z:
        some = known & (z >= least)
        if some.any():
            results.add(
                f"{name}: z >= {least:.0f} and AUROC above .5 on test patients",
                (area[some] > 0.5).mean(),
                f"share of {some.sum()}",
            )
            results.add(
                f"{name}: z >= {least:.0f} and interval above .6 on test patients",
                (test_lo[some] > LEAST).mean(),
                f"share of {some.sum()}",
            )
    flags = table["flags"].map(list)
    for flag in FLAGS:
        results.add(f"{name}: flagged {flag}", int(sum(flag in one for one in flags)), "features")
    unseen = Unseen(store, said)
    ids, texts = described["feature_id"].to_numpy(), described["text"].to_numpy()
    drawn = np.random.default_rng(0).permutation(n)
    some = np.flatnonzero(drawn != np.arange(n))[:chance]
    wrong = [unseen.score(int(ids[i]), str(texts[drawn[i]]), "test").auroc for i in some]
    results.add(f"{name}: median AUROC of another feature's description", float(np.nanmedian(wrong)), "AUROC, chance")
    results.add(f"{name}: scoring took", seconds, "s")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("workspaces", nargs="*", type=Path)
    options = parser.parse_args()
    results = Results()
    roots = options.workspaces or [
        root for root in (Path("data/demo"), Path("data/nih")) if (root / "activations.duckdb").exists()
    ]
    for root in roots:
        measure(results, root, 60 if options.quick else 1_000)
    results.write(options.json)


if __name__ == "__main__":
    main()
