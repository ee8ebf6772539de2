"""What a linear probe reads from the demo's encoder, beside its controls.

    python -m benchmarks.encoder --json benchmarks/results/encoder.json

Fitted on 5,000 X-rays, tested on 500 patients; neither the encoder nor the dictionary has seen any of them. Controls: the same model
with random weights, 32x32 raw pixels, and (where --teacher is given) the first layers of DINOv2-small before any
training on X-rays.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.common import Results, arguments
from benchmarks.probe import probe
from saerad_core.demo.renders import draw
from saerad_core.demo.student import random_student, save_student, student_from_teacher
from saerad_core.encoder import Encoder
from saerad_core.vocabulary import CONCEPTS, SIMULATED, concept_of

SEED = 2
"""Population of the probes; the encoder was trained on population 1, the demo is population 7."""
FIT_IMAGES, TEST_PATIENTS = 5_000, 500


def labels_of(studies, names, of) -> np.ndarray:
    """bool [N, len(names)]: which findings (or concepts) each study shows."""
    return np.array([[name in {of(f.fact) for f in study.findings} for name in names] for study in studies])


@torch.no_grad()
def represent(encoder: Encoder, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """CLS, and CLS with mean and max patches, of uint8 [N, S, S]."""
    cls, pooled = [], []
    for i in range(0, len(pixels), 32):
        embedded = encoder.embed(encoder.preprocess(list(pixels[i : i + 32].astype(np.float32) / 255)))
        cls.append(embedded.cls)
        pooled.append(torch.cat([embedded.cls, embedded.patches.mean(1), embedded.patches.amax(1)], 1))
    return {"CLS": torch.cat(cls).numpy(), "CLS + pooled patches": torch.cat(pooled).numpy()}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--encoder", default="data/demo/encoder")
    parser.add_argument("--teacher", type=Path, default=None, help="folder of DINOv2-small, for the third control")
    parser.add_argument("--cache", type=Path, default=Path("data/demo-training"))
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    fit_images, test_patients = (600, 100) if args.quick else (FIT_IMAGES, TEST_PATIENTS)

    renders = draw(args.cache / "renders", SEED, test_patients + fit_images * 3 // 4, workers=args.workers)
    patients = np.array([study.patient_id for study in renders.studies])
    order = list(dict.fromkeys(patients))
    is_test = np.isin(patients, order[:test_patients])
    is_fit = ~is_test & (np.cumsum(~is_test) <= fit_images)
    truth = labels_of(renders.studies, SIMULATED, lambda fact: fact.finding)
    concepts = labels_of(renders.studies, CONCEPTS, concept_of)

    encoder = Encoder.load(args.encoder)
    layers = encoder.model.config.num_hidden_layers
    used = is_fit | is_test
    pixels = renders.pixels[used]
    fit, test = is_fit[used], is_test[used]
    raw = F.interpolate(torch.from_numpy(pixels)[:, None].float() / 255, size=(32, 32), mode="area").flatten(1).numpy()
    representations = {f"encoder, {name}": x for name, x in represent(encoder, pixels).items()}
    controls = {"random weights": random_student(layers)}
    if args.teacher:
        controls["DINOv2-small's first layers, untrained on X-rays"] = student_from_teacher(args.teacher, layers)
    for name, model in controls.items():
        with TemporaryDirectory() as folder:
            save_student(model, Path(folder))
            control = Encoder.load(folder)
        representations |= {f"{name}, {kind}": x for kind, x in represent(control, pixels).items()}
    representations["32x32 raw pixels"] = raw

    results, scores = Results(), {}
    results.add("X-rays the probe is fitted on", fit.sum(), "X-rays")
    results.add("unseen patients", len(set(patients[used][test])), "patients")
    results.add("X-rays of unseen patients", test.sum(), "X-rays")
    labels, people = truth[used], patients[used]
    for name, x in representations.items():
        scores[name], penalty = probe(x[fit], labels[fit], people[fit], x[test], labels[test])
        own = name.startswith("encoder, CLS + pooled")
        mean = np.nanmean(scores[name])
        results.add(
            f"macro AUROC, {name} (L2 {penalty:g})",
            mean,
            "AUROC over findings",
            "macro AUROC >= 0.85 over the findings (0.90 is the aim)" if own else "",
            bool(mean >= 0.85) if own else None,
        )
    mine = np.nanmean(scores["encoder, CLS + pooled patches"])
    goal = "at least 0.05 above both controls: the same model with random weights, and 32x32 raw pixels"
    for control in ("random weights, CLS + pooled patches", "32x32 raw pixels"):
        margin = mine - np.nanmean(scores[control])
        results.add(f"above {control}", margin, "AUROC", goal, bool(margin >= 0.05))
    by_concept, _ = probe(
        *(representations["encoder, CLS + pooled patches"][fit], concepts[used][fit], people[fit]),
        *(representations["encoder, CLS + pooled patches"][test], concepts[used][test]),
    )
    results.add(
        "macro AUROC by concept (side or zone), CLS + pooled patches", np.nanmean(by_concept), "AUROC over concepts"
    )
    for i, finding in enumerate(SIMULATED):
        for name in ("encoder, CLS + pooled patches", "random weights, CLS + pooled patches", "32x32 raw pixels"):
            results.add(f"{finding} ({labels[test][:, i].sum()} positive): {name}", scores[name][i], "AUROC")
    results.write(args.json)


if __name__ == "__main__":
    main()
