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
from pathlib import Path

import numpy as np
import torch

from benchmarks.common import Results, Row, arguments
from benchmarks.heatmap_boxes import add_score, boxes
from benchmarks.heatmap_pairs import (
    Dictionary,
    Pair,
    Xray,
    cls_dictionary,
    finding_of,
    for_choosing,
    localised,
    pairs_of,
    patch_dictionary,
    xrays_for_testing,
)
from saerad_core.datasets.places import SIDE
from saerad_core.demo.render import render
from saerad_core.encoder import Encoder
from saerad_core.heatmap.map_score import MapScore
from saerad_core.heatmap.methods import CHOSEN, METHODS, Asked, feature_map, strength
from saerad_core.heatmap.truth import (
    Prior,
    agreement,
    energy_inside,
    interval_of_mean,
    left_behind,
    points_at,
    score_maps,
)
from saerad_core.stages.embed_again import open_encoder
from saerad_core.vocabulary import concept_of
from saerad_core.workspace import Workspace

PER_LABEL = 60
"""X-rays with each label, one a patient."""
CLS_PATIENTS = 896
OCCLUDED, TWINS = 24, 60
"""Pairs of feature and X-ray that occlusion, which takes some 80 passes each, and twins are measured on."""
PER_FEATURE = 6
"""X-rays of each feature in each half of the patients: an attribution is a pass back through the encoder."""
GOAL = "pointing game >= 0.80 and at least 0.20 above the prior"


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
        add_score(results, f"{kind}, choosing half, {name}", score)
        best[name] = round(score.pointing, 2) + score.energy / 1e3  # of equals the one with more energy inside
    chosen = max(best, key=lambda name: best[name])
    results.add(f"{kind}: chosen on that half: {chosen}", best[chosen], f"the program's is {CHOSEN[kind]}")
    reporting = half(pairs, False)
    some = [i for i in reporting if where[i]]
    for name in names:
        maps = [found[name][i] for i in some]
        score = scored([pairs[i] for i in some], maps, xrays, blind, True)
        goal = GOAL if name == chosen else ""
        add_score(results, f"{kind}, reported half, {name}, localised", score, goal)
    maps = [found[chosen][i] for i in some]
    add_score(
        results,
        f"{kind}, reported, {chosen}, prior knows side and zone",
        scored([pairs[i] for i in some], maps, xrays, blind, False),
    )
    rest = [i for i in reporting if not where[i]]
    if rest:
        maps = [found[chosen][i] for i in rest]
        add_score(
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
            lo, hi = interval_of_mean(values, (-1, 1))
            results.add(f"{dictionary.tokens}, {name}: rank correlation with occlusion", float(values.mean()), f"{lo:.2f} to {hi:.2f}, n {len(values)}")  # fmt: skip
    add_score(
        results, f"{dictionary.tokens}, occlusion, all findings", scored(some, reference, xrays, Blind(xrays), False)
    )


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
