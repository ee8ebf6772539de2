"""Which tokens the demo's dictionary should read: CLS, as the paper does, or patches.

    python -m benchmarks.tokens --cls data/demo-training/sae-cls --patch data/demo-training/sae-patch --json benchmarks/results/tokens.json

Both dictionaries have the same width and k and were trained on the same simulated X-rays. For every concept the best
single feature is chosen on 5,000 X-rays and scored on 500 other patients, none of whom the encoder or the
dictionaries were trained on.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from benchmarks.common import Results, arguments
from benchmarks.encoder import FIT_IMAGES, SEED, TEST_PATIENTS, labels_of
from saerad_core.demo.renders import draw
from saerad_core.demo.train_sae import tokens_of
from saerad_core.descriptions.auroc import auroc
from saerad_core.encoder import Encoder
from saerad_core.progress import Silent
from saerad_core.sae.base import Sae
from saerad_core.sae.files import load
from saerad_core.sae.image_code import ImageReader
from saerad_core.sae.metrics import dead_share, explained_variance, l0, pca_explained_variance
from saerad_core.vocabulary import CONCEPTS, concept_of


@torch.no_grad()
def codes_of(encoder: Encoder, sae: Sae, pixels: np.ndarray) -> np.ndarray:
    """float32 [N, m] image codes of uint8 [N, S, S]."""
    reader, found = ImageReader(sae, sae.config.tokens), []
    for i in range(0, len(pixels), 32):
        embedded = encoder.embed(encoder.preprocess(list(pixels[i : i + 32].astype(np.float32) / 255)))
        found.append(reader.read(embedded).code.rows(slice(None)).toarray())
    return np.concatenate(found)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--cls", type=Path, default=Path("data/demo-training/sae-cls"))
    parser.add_argument("--patch", type=Path, default=Path("data/demo/sae"))
    parser.add_argument("--encoder", default="data/demo/encoder")
    parser.add_argument("--cache", type=Path, default=Path("data/demo-training"))
    args = parser.parse_args()
    fit_images, test_patients = (600, 100) if args.quick else (FIT_IMAGES, TEST_PATIENTS)
    renders = draw(args.cache / "renders", SEED, test_patients + fit_images * 3 // 4)
    patients = np.array([study.patient_id for study in renders.studies])
    is_test = np.isin(patients, list(dict.fromkeys(patients))[:test_patients])
    is_fit = ~is_test & (np.cumsum(~is_test) <= fit_images)
    shown = labels_of(renders.studies, CONCEPTS, concept_of)
    encoder, results, medians = Encoder.load(args.encoder), Results(), {}
    for folder in (args.cls, args.patch):
        sae = load(folder)
        tokens = sae.config.tokens
        codes = codes_of(encoder, sae, renders.pixels[is_fit | is_test])
        fit, test = is_fit[is_fit | is_test], is_test[is_fit | is_test]
        chosen = np.nan_to_num(auroc(codes[fit], shown[is_fit])).argmax(0)
        areas = np.array(
            [auroc(codes[test][:, [f]], shown[is_test][:, [c]])[0, 0] for c, f in enumerate(chosen)], dtype=float
        )
        medians[tokens] = float(np.nanmedian(areas))
        some = {
            name: torch.from_numpy(tokens_of(encoder, renders.pixels[rows], tokens, 0, Silent()).astype(np.float32))
            for name, rows in (("fit", np.flatnonzero(is_fit)[:1_000]), ("test", np.flatnonzero(is_test)))
        }
        with torch.no_grad():
            sparse = sae.encode(some["test"])
            explained = explained_variance(some["test"], sae.decode(sparse), some["fit"].mean(0))
        pca = pca_explained_variance(some["fit"], some["test"], sae.config.k)
        results.add(f"{tokens}: median AUROC of a concept's best feature", medians[tokens], f"{len(CONCEPTS)} concepts")
        results.add(f"{tokens}: concepts with AUROC >= .75", float((areas >= 0.75).mean()), "share")
        results.add(f"{tokens}: L0", l0(sparse.values), "features a token", "L0 about 15", None)
        results.add(
            f"{tokens}: explained variance",
            explained,
            "unseen patients",
            "explained variance >= 0.80",
            explained >= 0.8,
        )
        results.add(
            f"{tokens}: above PCA at equal k",
            explained - pca,
            "explained variance",
            "above PCA's at equal k",
            explained > pca,
        )
        dead = dead_share(torch.from_numpy(codes[fit]))
        results.add(f"{tokens}: dead on {fit.sum()} X-rays", dead, "share", "dead <= 10%", dead <= 0.1)
    results.add(
        "patch above cls",
        medians["patch"] - medians["cls"],
        "median AUROC",
        "the demo takes the one with the better concept recovery",
        None,
    )
    results.write(args.json)


if __name__ == "__main__":
    main()
