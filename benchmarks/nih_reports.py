"""Reports of real X-rays: five patient-level folds of the NIH subset, DINOv2-small at 224 px, a dictionary on patches a fold.

    python -m benchmarks.nih_reports --json benchmarks/results/nih_reports.json [--reports LISTING.csv]

Every way of reporting of `evaluate` learns from the fold's training patients and takes penalties, calibration and thresholds from their held-out
folds and from its validation patients; each X-ray is reported once, by the fold that has its patient in the test part. Reports are read back
by the program's labeller and scored against the dataset's labels, which no report of these X-rays states: NIH publishes none.
What is learned from is the labels put into sentences, and, where ``--reports`` names a listing with findings and impression, those pseudo-reports
(other patients' texts, matched by label). A text that states pneumonia, an opacity or a consolidation counts as Pneumonia.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from benchmarks.common import Results, arguments
from benchmarks.nih_set import FOLDS, STEPS, Set, dictionary
from saerad_core.descriptions.fit_evidence import FitSettings
from saerad_core.descriptions.realise import realise, realise_negatives
from saerad_core.evaluation.candidate_figures import read_all
from saerad_core.evaluation.compare import Draws, compared, draw, figure
from saerad_core.evaluation.held_out import held_out
from saerad_core.evaluation.measures.base import Measure, ratio, statements_of
from saerad_core.evaluation.measures.labels import macro
from saerad_core.evaluation.sparse_probes import select
from saerad_core.evaluation.systems import OURS, SYSTEMS
from saerad_core.evaluation.systems.base import Bench, fitted
from saerad_core.evaluation.systems.probes import write as write_probes
from saerad_core.reports.compose import Composer, ComposeSettings
from saerad_core.reports.decide import DecideSettings
from saerad_core.sae.codes import SparseCodes
from saerad_core.vocabulary import Fact, Statement

SAYS: dict[str, tuple[str, ...]] = {
    "Atelectasis": ("atelectasis", "linear_atelectasis", "lobar_collapse"),
    "Cardiomegaly": ("cardiomegaly",),
    "Consolidation": ("consolidation",),
    "Edema": ("interstitial_oedema", "congestion"),
    "Effusion": ("pleural_effusion",),
    "Emphysema": ("emphysema",),
    "Fibrosis": ("fibrosis",),
    "Hernia": ("hiatus_hernia",),
    "Infiltration": ("opacity",),
    "Mass": ("mass",),
    "Nodule": ("nodule", "multiple_nodules"),
    "Pleural_Thickening": ("pleural_thickening",),
    "Pneumonia": ("pneumonia", "opacity", "consolidation"),
    "Pneumothorax": ("pneumothorax",),
}
"""NIH's label -> findings of a text that count as it; the first is what its sentence states."""
DENIED = ("pleural_effusion", "pneumothorax", "consolidation", "cardiomegaly", "interstitial_oedema")
"""What a sentence of an X-ray without any label denies."""
WAYS = (OURS, "probe_template", "pca", "nearest", "shuffled", "all_positive")
PROBE = "probe_template"
BAYES, DENSE = "naive_bayes", "dense CLS"
BOLD, BOLD_PROBE = "ours_bold", "probe_bold"
EAGER = DecideSettings(least=0.0, lift=0.0)
"""The thresholds that gain F1, without what keeps reports from stating what is merely common or less likely than one in four."""
TITLES = {key: SYSTEMS[key].title for key in WAYS} | {
    BAYES: "Naive Bayes over patch codes, labels alone",
    DENSE: "Linear probe of the dense CLS, labels alone",
    BOLD: "This program, by thresholds alone",
    BOLD_PROBE: "Linear probes and a template, by thresholds alone",
}
KS = (5, 15, 50, 150)
"""Features that sparse probes choose for each label."""
ALONE = "Pneumonia"
"""In this subset every other label occurs only beside it."""
MACRO = Measure("label macro-F1", "", lambda told: np.zeros((0, 0)), macro)
CALLED = Measure("normals called abnormal", "", lambda told: np.zeros((0, 0)), ratio)


class Folded(NamedTuple):
    """What one fold's ways of reporting start from."""

    bench: Bench
    codes: SparseCodes


def sentences(labels: set[str]) -> str:
    """Labels as a report; without any, the denials that a normal report has."""
    names = sorted(labels - {"No Finding"})
    said = [realise(Statement(SAYS[name][0])) for name in names if name in SAYS]
    left = [finding for finding in DENIED if not any(finding in SAYS.get(name, ()) for name in names)]
    return " ".join([*said, realise_negatives(left)])


def labels_of(text: str, names: list[str]) -> np.ndarray:
    """bool [L]: the labels that a text states, hedged or not."""
    stated = {statement.finding for statement in statements_of(text) if statement.present}
    return np.array([bool(stated & set(SAYS[name])) for name in names])


def fold_of(data: Set, number: int, texts: list[str], images: pd.DataFrame, sae_codes: SparseCodes) -> Bench:
    splits = data.splits(number)
    asked = np.flatnonzero(splits == "test")
    cls = data.tokens[:, 0].astype(np.float32)
    known = [text if split != "test" else "" for text, split in zip(texts, splits, strict=True)]
    oracle: list[set[Fact]] = [set() for _ in asked]
    tables, composer = None, None
    bench = Bench(
        images,
        splits,
        asked,
        cls / np.linalg.norm(cls, axis=1, keepdims=True),
        sae_codes,
        np.zeros(0),
        known,
        tables,
        composer,
        oracle,
    )  # type: ignore[arg-type]
    tables, thresholds = fitted(bench, sae_codes)
    return Bench(
        images, splits, asked, bench.embeddings, sae_codes, thresholds, known, tables, Composer(tables, {}), oracle
    )


def taught(
    data: Set, shown: np.ndarray, texts: list[str], codes: list[SparseCodes], images: pd.DataFrame
) -> dict[str, np.ndarray]:
    """Way of reporting -> bool [N, L], each X-ray by the fold that tests it."""
    told = {key: np.zeros_like(shown) for key in (*WAYS, BOLD, BOLD_PROBE)}
    for number in range(FOLDS):
        bench = fold_of(data, number, texts, images, codes[number])
        bold = replace(bench, composer=Composer(bench.tables, {}, settings=ComposeSettings(decide=EAGER)))
        ways: dict[str, Callable[[], list[str]]] = {key: partial(SYSTEMS[key].write, bench) for key in WAYS}
        ways |= {BOLD: partial(SYSTEMS[OURS].write, bold), BOLD_PROBE: partial(write_probes, bench, EAGER)}
        for key, write in ways.items():
            written = write()
            told[key][bench.asked] = [labels_of(text, data.names) for text in written]
    return told


def sparse_probes(data: Set, shown: np.ndarray, codes: list[SparseCodes]) -> dict[str, np.ndarray]:
    """Probes on labels: of the dense CLS, of all codes, and of the K features that tell each label most; thresholds nested as everywhere."""
    ways = (DENSE, "all features", *(f"{k} features a label" for k in KS))
    told = {way: np.zeros_like(shown) for way in ways}
    for number in range(FOLDS):
        splits = data.splits(number)
        train, validate, test = (np.flatnonzero(splits == name) for name in ("train", "validate", "test"))
        dense = np.log1p(codes[number].rows(slice(None)).toarray())
        order = select(dense[train], shown[train], max(KS))
        # In standard deviations, a feature that hardly ever fires lies far out where it does: evidence leaves it out too.
        often = (dense[train] > 0).sum(axis=0) >= FitSettings.fewest_firing

        def decided(x: np.ndarray, y: np.ndarray, train=train, validate=validate, test=test) -> np.ndarray:
            found = held_out(x, y.astype(np.float32), np.ones(y.shape), train, validate, data.patients)
            return found.probabilities(x[test]) >= found.calibration.thresholds

        told["dense CLS"][test] = decided(data.tokens[:, 0].astype(np.float32), shown)
        told["all features"][test] = decided(dense[:, often], shown)
        for k in KS:
            for i in range(shown.shape[1]):
                told[f"{k} features a label"][test, i] = decided(dense[:, order[:k, i]], shown[:, [i]])[:, 0]
        told.setdefault(BAYES, np.zeros_like(shown))[test] = naive_bayes(data, shown, codes[number], splits)
    return told


def naive_bayes(data: Set, shown: np.ndarray, codes: SparseCodes, splits: np.ndarray) -> np.ndarray:
    """bool [n, L]: summed log-odds of all active features (scikit-learn's BernoulliNB, alpha 1), calibrated and cut as all others."""
    from sklearn.naive_bayes import BernoulliNB

    from saerad_core.descriptions.calibration import calibrate
    from saerad_core.sae.active import active_rows, fit_thresholds
    from saerad_core.sae.columns import by_feature

    train, validate, test = (np.flatnonzero(splits == name) for name in ("train", "validate", "test"))
    active = active_rows(codes, fit_thresholds(by_feature(codes, splits == "train"), tokens="patch").thresholds) > 0
    fold = np.random.default_rng(0).permutation(int(data.patients.max()) + 1)[data.patients] % FOLDS
    out = np.zeros((len(test), shown.shape[1]), dtype=bool)
    for i in range(shown.shape[1]):

        def odds(fit: np.ndarray, asked: np.ndarray, i: int = i) -> np.ndarray:
            known = BernoulliNB().fit(active[fit], shown[fit, i]).predict_joint_log_proba(active[asked])
            return known[:, 1] - known[:, 0] if known.shape[1] > 1 else np.zeros(len(asked))

        scores = np.zeros(len(splits))
        for number in range(FOLDS):
            away = train[fold[train] == number]
            if len(away):
                scores[away] = odds(train[fold[train] != number], away)
        scores[validate] = odds(train, validate)
        seen = np.concatenate([train, validate])
        found = calibrate(scores[seen][:, None], shown[seen][:, [i]], np.ones((len(seen), 1)), np.zeros(1), 20.0)
        out[:, i] = found.probabilities(odds(train, test)[:, None])[:, 0] >= found.thresholds[0]
    return out


def counts(told: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Right, wrong and missed of each label, [N, 3 L]."""
    return np.concatenate([told & shown, told & ~shown, ~told & shown], axis=1).astype(np.float64)


def normals(told: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """X-rays without any label: those that some label was stated of, and all; [N, 2]."""
    return np.stack([told.any(axis=1) & normal, normal], axis=1).astype(np.float64)


def report(
    results: Results, name: str, told: dict[str, np.ndarray], titles: dict[str, str], ours: str, probe: str, data: Set, shown: np.ndarray, normal: np.ndarray, *, goals: bool
) -> None:  # fmt: skip
    """Rows of one way of teaching."""
    views = np.array([row["view"] for row in data.rows])
    parts = {"": np.ones(len(views), bool), ", AP": views == "AP", ", PA": views == "PA"}
    for where, here in parts.items():
        draws = draw(data.patients[here])
        for key, some in told.items():
            add(
                results,
                f"{name}: {titles[key]}, label macro-F1{where}",
                figure(MACRO, counts(some[here], shown[here]), draws),
            )
            add(
                results,
                f"{name}: {titles[key]}, normals called abnormal{where}",
                figure(CALLED, normals(some[here], normal[here]), draws),
            )
    alone = data.names.index(ALONE)
    rest = [i for i in range(len(data.names)) if i != alone]
    inside = shown[:, alone]
    draws = draw(data.patients[inside])
    for key, some in told.items():
        add(results, f"{name}: {titles[key]}, macro-F1 of the other labels within Pneumonia", figure(MACRO, counts(some[inside][:, rest], shown[inside][:, rest]), draws))  # fmt: skip
    for i, label in enumerate(data.names):
        for key in (ours, probe):
            one = figure(MACRO, counts(told[key][:, [i]], shown[:, [i]]), draw(data.patients))
            add(results, f"{name}: {titles[key]}, {label}", one)
    compare(results, name, told, titles, ours, probe, draw(data.patients), shown, normal, goals=goals)


def compare(
    results: Results, name: str, told: dict[str, np.ndarray], titles: dict[str, str], ours: str, probe: str, draws: Draws, shown: np.ndarray, normal: np.ndarray, *, goals: bool
) -> None:  # fmt: skip
    f1 = {key: counts(some, shown) for key, some in told.items()}
    # What the dictionary's code loses to the dense probe, and whether some number of features makes it good.
    for key in told:
        if key not in (ours, probe):
            one = compared(MACRO, f1[key], f1[probe], draws)
            results.add(
                f"{name}: {titles[key]} less {titles[probe]}, label macro-F1",
                one["difference"],
                f"({one['lo']:+.3f} to {one['hi']:+.3f}), p {one['p']:.4f}",
            )
    for key in told:
        if key != ours:
            one = compared(MACRO, f1[ours], f1[key], draws)
            goal = goals and key in (probe, DENSE)
            results.add(
                f"{name}: {titles[ours]} less {titles[key]}, label macro-F1", one["difference"],
                f"({one['lo']:+.3f} to {one['hi']:+.3f}), p {one['p']:.4f}",
                *(("label macro-F1 at least the linear probe's", bool(one["difference"] >= 0)) if goal else ()),
            )  # fmt: skip
    for first, second in ((ours, probe), (ours, DENSE), (BOLD, DENSE), (BOLD, BOLD_PROBE)):
        if first not in told or second not in told:
            continue
        if first != ours:
            one = compared(MACRO, f1[first], f1[second], draws)
            results.add(
                f"{name}: {titles[first]} less {titles[second]}, label macro-F1",
                one["difference"],
                f"({one['lo']:+.3f} to {one['hi']:+.3f}), p {one['p']:.4f}",
            )
        one = compared(CALLED, normals(told[first], normal), normals(told[second], normal), draws)
        goal = goals and first == ours
        results.add(
            f"{name}: {titles[first]} less {titles[second]}, normals called abnormal",
            one["difference"],
            f"({one['lo']:+.3f} to {one['hi']:+.3f}), p {one['p']:.4f}",
            *(("with no more normals called abnormal than it", bool(one["difference"] <= 0)) if goal else ()),
        )


def add(results: Results, name: str, one: dict) -> None:
    if one["value"] is None:
        results.unmeasured(name, "no X-ray to count")
    else:
        results.add(name, one["value"], "" if one["lo"] is None else f"({one['lo']:.3f} to {one['hi']:.3f})")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--root", type=Path, default=Path("../shared/cxr/nih"))
    parser.add_argument("--model", type=Path, default=Path("../shared/models/dinov2-small"))
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "saerad" / "nih-folds")
    parser.add_argument("--reports", type=Path, help="CSV with file, findings, impression of pseudo-reports")
    args = parser.parse_args()
    cache = args.cache / ("quick" if args.quick else "full")
    cache.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    data = Set(args.root, args.model, cache, 300 if args.quick else None)
    shown = data.shown
    normal = np.array([row["labels"].strip() == "No Finding" for row in data.rows])
    images = pd.DataFrame(data.rows).assign(image_id=[Path(row["file"]).stem for row in data.rows])
    codes = []
    for number in range(FOLDS):
        made = dictionary(data, number, "topk", "patch", 100 if args.quick else STEPS, cache)
        found = read_all(made.sae, data.material(number), "patch").codes
        codes.append(SparseCodes.of(found["max"]))
    results = Results()
    results.add("X-rays", len(shown), "X-rays")
    results.add("patients", int(data.patients.max()) + 1, "patients")
    results.add("X-rays without any label", normal.sum(), "X-rays")
    for name, n in zip(data.names, shown.sum(axis=0), strict=True):
        results.add(f"X-rays with {name}", n, "X-rays")

    probes = sparse_probes(data, shown, codes)
    alone = {BAYES: probes.pop(BAYES), DENSE: probes[DENSE]}
    report(
        results,
        "probes on labels",
        probes,
        {way: way for way in probes},
        "all features",
        "dense CLS",
        data,
        shown,
        normal,
        goals=False,
    )
    texts = [sentences(set(row["labels"].strip().split("|"))) for row in data.rows]
    told = taught(data, shown, texts, codes, images) | alone
    report(results, "taught by labels", told, TITLES, OURS, PROBE, data, shown, normal, goals=True)
    if args.reports:
        with args.reports.open(newline="", encoding="utf-8") as file:
            given = {row["file"]: " ".join((row["findings"], row["impression"])) for row in csv.DictReader(file)}
        texts = [given.get(row["file"], "") for row in data.rows]
        ceiling = np.array([labels_of(text, data.names) for text in texts])
        add(
            results,
            "pseudo-reports themselves, label macro-F1",
            figure(MACRO, counts(ceiling, shown), draw(data.patients)),
        )
        told = taught(data, shown, texts, codes, images) | {DENSE: alone[DENSE]}
        report(results, "taught by pseudo-reports", told, TITLES, OURS, PROBE, data, shown, normal, goals=True)
    results.write(args.json)


if __name__ == "__main__":
    main()
