"""Which images the gate flags: photographs, hips and CT slices against chest X-rays that trained nothing.

    python -m benchmarks.gate --workspace data/nih --hannover ../shared/cxr/hannover --json benchmarks/results/gate.json

Not flagged should be: X-rays of the workspace's test patients, and X-rays of another hospital. Images that are no chest
X-ray are few in what may be had offline, so photographs and slices are cut and turned into more views; hips are simulated.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve

from benchmarks.common import Results, arguments
from benchmarks.strangers import hips, photographs, slices
from saerad_core.engine import Engine
from saerad_core.gate import FLAG_AT, Typicality
from saerad_core.images.radiograph import decode
from saerad_core.store.activations import ActivationStore
from saerad_core.workspace import Workspace

GOAL = "a photo, a hip and a CT slice are flagged, NIH and Hannover X-rays (none of which trained it) mostly are not"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--workspace", type=Path, default=Path("data/nih"))
    parser.add_argument("--hannover", type=Path, default=Path("../shared/cxr/hannover"))
    args = parser.parse_args()
    workspace, count = Workspace.open(args.workspace), 10 if args.quick else 40
    engine = Engine(workspace)
    images = ActivationStore(workspace.activations_db).images()
    held_out = images.loc[images["split"] == "test"]
    if args.quick:
        held_out = held_out.head(20)
    judged: dict[str, list[Typicality]] = {
        "NIH test patients": [
            engine.judge_pixels(engine.pixels_of(image_id), int(row))
            for image_id, row in zip(held_out["image_id"], held_out["row"], strict=True)
        ],
        "Hannover": [
            engine.judge_pixels(decode(path).pixels) for path in sorted(args.hannover.rglob("*.png"))[: 3 * count]
        ],
        "photographs": [engine.judge_pixels(pixels) for pixels in photographs(count)],
        "simulated hips": [engine.judge_pixels(pixels) for pixels in hips(count)],
        "CT and MR slices": [engine.judge_pixels(pixels) for pixels in slices(count)],
    }
    results = Results()
    chests, strangers = ("NIH test patients", "Hannover"), ("photographs", "simulated hips", "CT and MR slices")
    for name, some in judged.items():
        share = float(np.mean([one.flagged for one in some]))
        met = share > 0.5 if name in strangers else share < 0.5
        results.add(f"{name}: images", len(some), "images")
        results.add(f"{name}: flagged", share, "share", GOAL, met)
        poorly = float(np.mean([one.poorly_explained for one in some]))
        results.add(f"{name}: explained worse than 99% of validation X-rays", poorly, "share")
        for field in ("distance", "error"):
            results.add(f"{name}: median {field}", float(np.median([getattr(one, field) for one in some])), field)
    for who in (*chests, "all chests"):
        yes = [one for name in strangers for one in judged[name]]
        no = [one for name in (chests if who == "all chests" else (who,)) for one in judged[name]]
        truth = np.repeat([1, 0], [len(yes), len(no)])
        for score, of in _scores(engine).items():
            values = np.array([of(one) for one in (*yes, *no)])
            results.add(
                f"ROC, {score}, strangers against {who}: area", roc_auc_score(truth, values), "AUROC", "give the ROC"
            )
            false, true, _ = roc_curve(truth, values)
            for rate in (0.01, 0.05, 0.1, 0.2):
                at = float(np.interp(rate, false, true))
                results.add(f"ROC, {score}, strangers against {who}: true at {rate:.0%} false", at, "share")
    results.add("flagged from percentile", FLAG_AT, "percentile")
    results.write(args.json)


def _scores(engine: Engine):  # noqa: ANN202 - name -> function of Typicality
    gate = engine.gate
    assert gate is not None, "the workspace has no gate: build it again"
    far, poor = gate.limits
    return {
        "distance": lambda one: one.distance,
        "rebuild error": lambda one: one.error,
        "either": lambda one: max(one.distance / far, one.error / poor),
    }


if __name__ == "__main__":
    main()
