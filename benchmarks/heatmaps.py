"""Are heatmaps true? Every method against masks, occlusion and causal twins, beside the image-blind prior; docs/heatmaps.md defines the figures.

    python -m benchmarks.heatmaps --json benchmarks/results/heatmaps.json
    python -m benchmarks.heatmaps --nih data/nih --boxes BBox_List_2017.csv.gz    # adds readers' boxes on real X-rays

On the demo's encoder: its patch dictionary, and a CLS dictionary trained here, on simulated X-rays of patients that neither encoder nor
dictionaries saw. Features are matched to labels on their training X-rays, without masks. Methods are chosen on one half of the patients
and reported on the other; intervals are 95% over resampled patients. Drawn X-rays are kept in ``--cache``, outside of the project.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from benchmarks.common import Results, Row, arguments
from saerad_core.datasets import open_dataset
from saerad_core.datasets.places import SIDE, open_places
from saerad_core.demo.population import patient_studies
from saerad_core.demo.render import render
from saerad_core.demo.study import Study
from saerad_core.descriptions.auroc import interval, sparse_auroc
from saerad_core.encoder import Encoder
from saerad_core.evaluation.concepts import concept_matrix
from saerad_core.heatmap.file import FEWEST, FeatureMaps
from saerad_core.heatmap.methods import CHOSEN, METHODS, Asked, feature_map, strength
from saerad_core.heatmap.truth import (
    MapScore,
    Place,
    Prior,
    agreement,
    energy_inside,
    interval_of_mean,
    left_behind,
    place_of,
    points_at,
    score_maps,
)
from saerad_core.progress import Silent
from saerad_core.sae.base import Sae
from saerad_core.sae.codes import SparseCodes, open_codes
from saerad_core.sae.columns import by_feature
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.files import load, save
from saerad_core.sae.train import train
from saerad_core.sae.width import recommended_width
from saerad_core.stages.activate import load_thresholds
from saerad_core.stages.embed_again import open_encoder
from saerad_core.stages.maps import films_with_places, measure_again
from saerad_core.store.activations import ActivationStore
from saerad_core.vocabulary import TERMS, Fact, concept_of
from saerad_core.workspace import Workspace

TESTED, TRAINED = 107, 108
"""Populations that the maps are tested on and that the CLS dictionary is trained on; the demo's are 1 and 7."""
PER_LABEL, SEARCHED = 60, 3_000
"""X-rays with each label, one a patient, and patients looked through for them."""
CLS_PATIENTS = 896
OCCLUDED, TWINS = 24, 60
"""Pairs of feature and X-ray that occlusion, which takes some 80 passes each, and twins are measured on."""
TOP = 2
"""Features a label, the ones that tell it best, that maps are made for by every method."""
PER_FEATURE = 6
"""X-rays of each feature in each half of the patients: an attribution is a pass back through the encoder."""
GOAL = "pointing game >= 0.80 and at least 0.20 above the prior"


class Xray(NamedTuple):
    """One simulated X-ray with the place of everything on it."""

    study: Study
    pixels: np.ndarray
    """uint8 [SIDE, SIDE]."""
    places: dict[str, Place]
    """By label, such as pleural_effusion_left, and by finding, such as pleural_effusion."""

    @property
    def patient(self) -> str:
        return self.study.patient_id

    @property
    def labels(self) -> set[str]:
        return {concept_of(finding.fact) for finding in self.study.findings}


def for_choosing(patient: str) -> bool:
    """Half of the patients; the other half is reported."""
    return sha256(patient.encode()).digest()[0] % 2 == 0


def finding_of(label: str) -> str:
    """pleural_effusion_left -> pleural_effusion."""
    return label if label in TERMS else max((key for key in TERMS if label.startswith(key)), key=len)


def localised(label: str) -> bool:
    """Whether a report says on which side or where the finding is: it may be in more than one place."""
    term = TERMS[finding_of(label)]
    return term.sided or bool(term.places)


# -- X-rays


def studies_for_testing(per_label: int) -> list[Study]:
    """First studies of patients, until each label has ``per_label`` of them."""
    having: dict[str, int] = {}
    chosen = []
    for index in range(SEARCHED):
        study = patient_studies(TESTED, index)[0]
        labels = {concept_of(finding.fact) for finding in study.findings}
        if any(having.get(label, 0) < per_label for label in labels):
            chosen.append(study)
            for label in labels:
                having[label] = having.get(label, 0) + 1
    return chosen


def drawn(study: Study, cache: Path) -> tuple[np.ndarray, list[np.ndarray]]:
    """Pixels uint8 and masks in the order of the study's findings."""
    path = cache / f"{study.study_id}.npz"
    if not path.exists():
        done = render(study, size=SIDE, masks=True)
        masks = (
            np.stack([done.masks[finding] for finding in study.findings])
            if study.findings
            else np.zeros((0, SIDE, SIDE), bool)
        )
        cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez(part, pixels=np.round(done.pixels * 255).astype(np.uint8), masks=np.packbits(masks))
        part.replace(path)
    with np.load(path) as file:
        masks = np.unpackbits(file["masks"])[: len(study.findings) * SIDE * SIDE].reshape(-1, SIDE, SIDE).astype(bool)
        return file["pixels"], list(masks)


def xrays_for_testing(per_label: int, grid: int, cache: Path) -> list[Xray]:
    found = []
    for study in studies_for_testing(per_label):
        pixels, masks = drawn(study, cache)
        by_name: dict[str, np.ndarray] = {}
        for finding, mask in zip(study.findings, masks, strict=True):
            for name in {concept_of(finding.fact), finding.finding}:
                by_name[name] = by_name.get(name, np.zeros_like(mask)) | mask
        found.append(Xray(study, pixels, {name: place_of(mask, grid) for name, mask in by_name.items()}))
    return found


# -- features and what they are matched to


class Matched(NamedTuple):
    """A feature and the label that it tells best."""

    feature: int
    label: str
    auroc: float


def matched(auroc: np.ndarray, names: list[str], positives: np.ndarray, patients: int) -> list[Matched]:
    """Features that tell a label better than chance, up to TOP a label, the best first.

    Args:
        auroc: [m, L] on training patients.
        names: L labels.
        positives: patients with each label.
        patients: all training patients.
    """
    found = []
    best = np.nan_to_num(auroc, nan=0.0).argmax(1)
    for column, name in enumerate(names):
        own = np.flatnonzero(best == column)
        if not len(own):
            continue
        areas = np.nan_to_num(auroc[own, column], nan=0.0)
        low, _ = interval(
            areas, np.full(len(own), positives[column]), np.full(len(own), max(patients - positives[column], 1))
        )
        order = np.argsort(-areas)
        found += [Matched(int(own[i]), name, float(areas[i])) for i in order[:TOP] if low[i] > 0.5]
    return found


@dataclass
class Dictionary:
    """One dictionary on the demo's encoder, with its matched features."""

    sae: Sae
    tokens: str
    thresholds: np.ndarray
    """float32 [m]: from where on a feature counts as active."""
    features: list[Matched]


def patch_dictionary(workspace: Workspace) -> Dictionary:
    """The demo's own."""
    roster = ActivationStore(workspace.activations_db).roster
    truth = [{Fact(*_parts(label)) for label in roster.labels_of(row)} for row in np.flatnonzero(roster.train)]
    names, shown = concept_matrix(truth)
    area = sparse_auroc(by_feature(open_codes(workspace.codes), roster.train), shown)
    owners = roster.patient.codes[roster.train]
    positives = np.array([len(np.unique(owners[column])) for column in shown.T])
    features = matched(area, names, positives, len(np.unique(owners)))
    return Dictionary(load(workspace.sae_dir), "patch", load_thresholds(workspace), features)


def _parts(label: str) -> tuple[str, str, str]:
    """A label of the demo as finding, side and place, which concept_of turns into the label again."""
    finding = finding_of(label)
    rest = label[len(finding) + 1 :]
    return (
        finding,
        rest if rest in ("right", "left") else "",
        f"{rest} zone" if rest in ("upper", "mid", "lower") else "",
    )


def cls_dictionary(encoder: Encoder, patients: int, cache: Path) -> Dictionary:
    """Trained here on CLS tokens of simulated X-rays, early stopped on an eighth of the patients."""
    studies = [study for index in range(patients) for study in patient_studies(TRAINED, index)]
    path = cache / f"cls-{patients}.npy"
    if not path.exists():
        found = []
        for first in range(0, len(studies), 32):
            batch = encoder.preprocess([render(study, size=SIDE).pixels for study in studies[first : first + 32]])
            found.append(encoder.embed(batch, patches=False).cls.cpu().numpy())
        np.save(path, np.concatenate(found))
    tokens, owners = np.load(path), np.array([study.patient_id for study in studies])
    check = np.array([sha256(name.encode()).digest()[0] % 8 == 0 for name in owners])
    width = recommended_width(patients, "cls")
    folder = cache / f"cls-{patients}-sae"
    if not folder.exists():
        config = SaeConfig(encoder.d, width, tokens="cls", steps=1_500, check_every=50)
        save(train(tokens[~check], tokens[check], config).sae, folder)
    sae = load(folder)
    with torch.no_grad():
        codes = SparseCodes.of(sae.dense(torch.from_numpy(tokens[~check]).float()).numpy())
    names, shown = concept_matrix([{finding.fact for finding in study.findings} for study in studies])
    area = sparse_auroc(by_feature(codes, np.ones(int((~check).sum()), bool)), shown[~check])
    positives = np.array([len(np.unique(owners[~check][column])) for column in shown[~check].T])
    features = matched(area, names, positives, len(np.unique(owners[~check])))
    return Dictionary(sae, "cls", np.zeros(width, np.float32), features)


# -- pairs of a feature and an X-ray on which it fires and its label is


class Pair(NamedTuple):
    """A feature, and an X-ray with its label on which it fires."""

    feature: Matched
    xray: int
    chosen: bool
    """Whether the patient is of the half that methods are chosen on."""


def strongest(dictionary: Dictionary, encoder: Encoder, xrays: list[Xray], cache: Path) -> np.ndarray:
    """Code of each X-ray, float32 [N, m]: of its CLS token, or the maximum over its patches."""
    weights = dictionary.sae.W_enc.detach().cpu().numpy().tobytes()
    names = "".join(one.study.study_id for one in xrays)
    key = sha256(weights + names.encode() + encoder.fingerprint.encode()).hexdigest()[:16]
    path = cache / f"codes-{key}.npy"
    if not path.exists():
        found = []
        for first in range(0, len(xrays), 16):
            some = xrays[first : first + 16]
            embedded = encoder.embed(encoder.normalise(np.stack([one.pixels for one in some])))
            values = embedded.cls[:, None] if dictionary.tokens == "cls" else embedded.patches
            assert values is not None
            found += [codes_of(dictionary.sae, tokens) for tokens in values]
        np.save(path, np.stack(found))
    return np.load(path)


def codes_of(sae: Sae, tokens: torch.Tensor) -> np.ndarray:
    """float32 [m]: maximum over tokens [n, d]."""
    codes = sae.encode(tokens)
    dense = torch.zeros(sae.config.d_sae)
    dense.scatter_reduce_(0, codes.indices.flatten(), codes.values.detach().flatten(), "amax")
    return dense.numpy()


def pairs_of(dictionary: Dictionary, encoder: Encoder, xrays: list[Xray], cache: Path, per_feature: int) -> list[Pair]:
    """Pairs, up to PER_FEATURE in each half, of every feature that fires on at least FEWEST patients of each; there is one X-ray a patient."""
    ids = [one.feature for one in dictionary.features]
    fires = strongest(dictionary, encoder, xrays, cache)[:, ids] > dictionary.thresholds[ids]
    found = []
    for column, one in enumerate(dictionary.features):
        own = [
            Pair(one, i, for_choosing(x.patient))
            for i, x in enumerate(xrays)
            if fires[i, column] and one.label in x.labels
        ]
        halves = [[p for p in own if p.chosen == which] for which in (True, False)]
        if min(map(len, halves)) >= FEWEST:
            found += halves[0][:per_feature] + halves[1][:per_feature]
    return found


def maps_by(
    method: str, dictionary: Dictionary, encoder: Encoder, xrays: list[Xray], pairs: list[Pair]
) -> list[np.ndarray]:
    """Map of each pair, float32 [grid, grid]."""
    batches = {p.xray: encoder.normalise(xrays[p.xray].pixels[None]) for p in pairs}
    return [
        feature_map(encoder, dictionary.sae, dictionary.tokens, batches[p.xray], p.feature.feature, method)
        for p in pairs
    ]


@dataclass
class Blind:
    """Priors by label, and by finding whatever its side and zone, of all tested patients."""

    xrays: list[Xray]
    _made: dict[str, Prior] = field(default_factory=dict)

    def of(self, name: str) -> Prior:
        if name not in self._made:
            having = [x for x in self.xrays if name in x.places]
            self._made[name] = Prior([x.places[name] for x in having], [x.patient for x in having])
        return self._made[name]


def scored(pairs: list[Pair], maps: list[np.ndarray], xrays: list[Xray], blind: Blind, whole: bool) -> MapScore:
    """Maps beside the prior of the label, or (``whole``) of the finding whatever its side and zone."""
    where = [xrays[p.xray].places[p.feature.label] for p in pairs]
    names = [finding_of(p.feature.label) if whole else p.feature.label for p in pairs]
    guesses = [blind.of(name).without(xrays[p.xray].patient) for name, p in zip(names, pairs, strict=True)]
    return score_maps(
        [xrays[p.xray].patient for p in pairs],
        [points_at(heat, place) for heat, place in zip(maps, where, strict=True)],
        [points_at(guess.hit, place) for guess, place in zip(guesses, where, strict=True)],
        [energy_inside(heat, place) for heat, place in zip(maps, where, strict=True)],
        [energy_inside(guess.inside, place) for guess, place in zip(guesses, where, strict=True)],
    )


def report(results: Results, name: str, score: MapScore, goal: str = "") -> None:
    """A score's rows."""
    results.add(f"{name}: pointing game", score.pointing, f"{score.lo:.2f} to {score.hi:.2f}, n {score.patients}",
                goal, score.pointing >= 0.8 and score.gain >= 0.2 if goal else None)  # fmt: skip
    results.add(f"{name}: prior's pointing", score.prior, f"gain {score.gain_lo:+.2f} to {score.gain_hi:+.2f}")
    results.add(f"{name}: energy inside", score.energy, f"prior's {score.prior_energy:.2f}")


def half(pairs: list[Pair], chosen: bool) -> list[int]:
    return [i for i, p in enumerate(pairs) if p.chosen == chosen]


def spread(pairs: list[Pair], at: list[int], count: int) -> list[int]:
    """``count`` of the pairs, taken from every feature in turn."""
    by_feature: dict[int, list[int]] = {}
    for i in at:
        by_feature.setdefault(pairs[i].feature.feature, []).append(i)
    turns = [i for depth in range(max(map(len, by_feature.values()), default=0)) for own in by_feature.values() for i in own[depth : depth + 1]]  # fmt: skip
    return turns[:count]


def twins(dictionary: Dictionary, method: str, encoder: Encoder, xrays: list[Xray], some: list[Pair], maps: list[np.ndarray]) -> Iterator[tuple[str, float, float]]:  # fmt: skip
    """(patient, mass left in the place, mass left anywhere) of the same patient without the finding, as shares of the map's."""
    for pair, heat in zip(some, maps, strict=True):
        xray = xrays[pair.xray]
        gone = [finding for finding in xray.study.findings if concept_of(finding.fact) == pair.feature.label]
        without = np.round(render(xray.study, size=SIDE, without=gone).pixels * 255).astype(np.uint8)
        batch, feature = encoder.normalise(without[None]), pair.feature.feature
        twin = feature_map(encoder, dictionary.sae, dictionary.tokens, batch, feature, method)
        if dictionary.tokens == "cls":
            # An attribution is of a pre-activation, which is seldom 0; of a silent feature there is no map.
            asked = Asked(encoder, dictionary.sae, dictionary.tokens, batch, feature)
            code = dictionary.sae.encode(encoder.embed(batch, patches=False).cls)
            twin = (
                twin
                if bool((code.indices == feature).any()) and float(strength(asked, batch)) > 0
                else np.zeros_like(twin)
            )
        yield (
            xray.patient,
            left_behind(heat, twin, xray.places[pair.feature.label]),
            float(twin.sum() / max(heat.sum(), 1e-9)),
        )


def measure(
    results: Results, dictionary: Dictionary, encoder: Encoder, xrays: list[Xray], given: argparse.Namespace
) -> None:
    """All figures of one dictionary."""
    kind = dictionary.tokens
    quick, blind = given.quick, Blind(xrays)
    pairs = pairs_of(dictionary, encoder, xrays, given.cache, given.per_feature)
    where = [localised(p.feature.label) for p in pairs]
    names = [name for name, method in METHODS.items() if method.tokens == kind and name in (given.methods or METHODS)]
    print(f"\n{kind} features: {len({p.feature.feature for p in pairs})} matched, {len(pairs)} pairs; "
          f"{len({p.feature.feature for p, w in zip(pairs, where, strict=True) if w})} of localised findings\n")  # fmt: skip
    choosing = [i for i in half(pairs, True) if where[i]]
    if not choosing:
        results.unmeasured(f"{kind}", "no feature of a localised finding fires on enough patients", GOAL)
        return
    found: dict[str, list[np.ndarray]] = {}
    best: dict[str, float] = {}
    for name in names:
        found[name] = maps_by(name, dictionary, encoder, xrays, pairs)
        score = scored([pairs[i] for i in choosing], [found[name][i] for i in choosing], xrays, blind, False)
        report(results, f"{kind}, choosing half, {name}", score)
        best[name] = round(score.pointing, 2) + score.energy / 1e3  # of equals the one with more energy inside
    chosen = max(best, key=lambda name: best[name])
    results.add(f"{kind}: chosen on that half: {chosen}", best[chosen], f"the program's is {CHOSEN[kind]}")
    reporting = half(pairs, False)
    some = [i for i in reporting if where[i]]
    for name in names:
        maps = [found[name][i] for i in some]
        score = scored([pairs[i] for i in some], maps, xrays, blind, True)
        goal = GOAL if name == chosen else ""
        report(results, f"{kind}, reported half, {name}, localised", score, goal)
    maps = [found[chosen][i] for i in some]
    report(
        results,
        f"{kind}, reported, {chosen}, prior knows side and zone",
        scored([pairs[i] for i in some], maps, xrays, blind, False),
    )
    rest = [i for i in reporting if not where[i]]
    if rest:
        maps = [found[chosen][i] for i in rest]
        report(
            results,
            f"{kind}, reported, {chosen}, findings of one place",
            scored([pairs[i] for i in rest], maps, xrays, blind, False),
        )
    for label in sorted({pairs[i].feature.label for i in reporting}):
        own = [i for i in reporting if pairs[i].feature.label == label]
        score = scored([pairs[i] for i in own], [found[chosen][i] for i in own], xrays, blind, False)
        results.add(f"{kind}, {chosen}, {label}", score.pointing, f"prior {score.prior:.2f}, n {score.patients}")
    _agree(results, dictionary, encoder, xrays, pairs, found, 6 if quick else given.occluded)
    at = spread(pairs, reporting, 12 if quick else given.twins)
    for name in names:
        left = list(twins(dictionary, name, encoder, xrays, [pairs[i] for i in at], [found[name][i] for i in at]))
        shares = np.array([one for _, one, _ in left])
        shares = shares[~np.isnan(shares)]
        if len(shares):
            results.add(f"{kind}, {name}: twin's mass left in the place, median", float(np.median(shares)),
                        f"{(shares < 0.5).mean():.2f} lose over half, n {len(shares)}")  # fmt: skip


def _agree(results: Results, dictionary: Dictionary, encoder: Encoder, xrays: list[Xray], pairs: list[Pair], found: dict[str, list[np.ndarray]], count: int) -> None:  # fmt: skip
    """Rank correlation with occlusion, and occlusion's own figures."""
    at = spread(pairs, half(pairs, False), count)
    some = [pairs[i] for i in at]
    reference = maps_by("occlusion", dictionary, encoder, xrays, some)
    for name, maps in found.items():
        values = np.array([agreement(maps[i], other) for i, other in zip(at, reference, strict=True)])
        values = values[~np.isnan(values)]
        if len(values):
            lo, hi = interval_of_mean(values)
            results.add(f"{dictionary.tokens}, {name}: rank correlation with occlusion", float(values.mean()), f"{lo:.2f} to {hi:.2f}, n {len(values)}")  # fmt: skip
    report(
        results, f"{dictionary.tokens}, occlusion, all findings", scored(some, reference, xrays, Blind(xrays), False)
    )


def boxes(results: Results, workspace: Workspace, path: Path | None) -> None:
    """Readers' boxes on a workspace of real X-rays: all features that tell a boxed label, together, and those tested one by one."""
    maps = measure_again(workspace, path, Silent()) if path is not None else FeatureMaps(workspace.maps_file)
    store, dataset = ActivationStore(workspace.activations_db), open_dataset(workspace.manifest.dataset)
    encoder, sae = open_encoder(workspace, "cpu"), load(workspace.sae_dir)
    places = open_places(dataset, workspace.boxes_file)
    name, patients = workspace.root.name, ", ".join(f"{label} {n}" for label, n in maps.labels.items())
    if places is None:
        results.unmeasured(f"{name}: boxes", "there are none")
        return
    records = {record.image_id: record for record in dataset.records()}
    films, told = films_with_places(workspace, store, dataset, records, encoder, sae, places, Silent())
    rows = [(film, told[f], heat) for film in films for f, heat in film.maps.items()]
    features = len({f for film in films for f in film.maps})
    results.add(
        f"{name}: features that tell a boxed label and fire on a boxed X-ray",
        features,
        f"patients with boxes: {patients}",
    )
    priors = {
        label: Prior(
            [f.places[label] for f in films if label in f.places], [f.patient for f in films if label in f.places]
        )
        for label in {label for _, label, _ in rows}
    }
    if rows:
        guesses = [priors[label].without(film.patient) for film, label, _ in rows]
        score = score_maps(
            [film.patient for film, _, _ in rows],
            [points_at(heat, film.places[label]) for film, label, heat in rows],
            [points_at(guess.hit, film.places[label]) for guess, (film, label, _) in zip(guesses, rows, strict=True)],
            [energy_inside(heat, film.places[label]) for film, label, heat in rows],
            [
                energy_inside(guess.inside, film.places[label])
                for guess, (film, label, _) in zip(guesses, rows, strict=True)
            ],
        )
        report(results, f"{name}, all of them", score)
    tested = [one.score for one in maps.all_judged.values()]
    results.add(
        f"{name}: features with at least {FEWEST} boxed patients",
        len(tested),
        f"{sum(s.beats_prior for s in tested)} beat the prior",
    )
    size_of(results, workspace)


def size_of(results: Results, workspace: Workspace) -> None:
    """Bytes of what is stored ahead."""
    features = workspace.manifest.sae.width
    for name, path in (
        ("strongest X-rays' maps", workspace.strongest_patches),
        ("mean maps and scores", workspace.maps_file),
    ):
        if path.exists():
            size = path.stat().st_size
            results.add(f"{workspace.root.name}: {name}", size / 1e6, f"MB, {size / features:,.0f} bytes a feature")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--workspace", type=Path, default=Path("data/demo"), help="the demo's, built")
    parser.add_argument("--cache", type=Path, default=Path("/tmp/saerad-heatmaps"), help="where drawn X-rays are kept")  # noqa: S108
    parser.add_argument("--nih", type=Path, default=None, help="a workspace of real X-rays; it is written to")
    parser.add_argument("--boxes", type=Path, default=None, help="NIH's BBox_List_2017.csv")
    parser.add_argument("--only", choices=("patch", "cls", "boxes"), default=None, help="one part")
    parser.add_argument("--per-feature", type=int, default=PER_FEATURE, help="X-rays of each feature in each half")
    parser.add_argument("--occluded", type=int, default=OCCLUDED, help="pairs that occlusion is measured on")
    parser.add_argument("--twins", type=int, default=TWINS, help="pairs that twins are drawn of")
    parser.add_argument("--methods", nargs="*", default=None, help="only these; with --json the other rows stay")
    given = parser.parse_args()
    results = Results()
    torch.set_num_threads(1)
    workspace = Workspace.open(given.workspace)
    encoder = open_encoder(workspace, "cpu")
    per_label = 14 if given.quick else PER_LABEL
    if given.only != "boxes":
        xrays = xrays_for_testing(per_label, encoder.patch_grid, given.cache)
        halves = [sum(for_choosing(x.patient) == which for x in xrays) for which in (True, False)]
        results.add("simulated X-rays, one a patient", len(xrays), f"{halves[0]} choosing, {halves[1]} reported")
        if given.only != "cls":
            measure(results, patch_dictionary(workspace), encoder, xrays, given)
        if given.only != "patch":
            patients = 256 if given.quick else CLS_PATIENTS
            measure(results, cls_dictionary(encoder, patients, given.cache), encoder, xrays, given)
    size_of(results, workspace)
    if given.nih is not None and given.only in (None, "boxes"):
        boxes(results, Workspace.open(given.nih), given.boxes)
    if (given.only or given.methods) and given.json is not None and given.json.exists():
        # Parts can be run one by one: the others' rows stay.
        ran = {row.name for row in results.rows}
        kept = [Row(**row) for row in json.loads(given.json.read_text(encoding="utf-8"))["rows"]]
        results.rows = [row for row in kept if row.name not in ran] + results.rows
    results.write(given.json)


if __name__ == "__main__":
    main()
