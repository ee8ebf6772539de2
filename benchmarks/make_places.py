"""Where features look, which pictures hold a marker, and scores of descriptions, added to a workspace of benchmarks.make_workspace.

python -m benchmarks.make_places data/scale

All is written by the code of a real build and from what lies in the workspace; only where a feature fires on a picture is simulated. Each feature's
strongest X-rays have it where the X-ray's simulated finding lies, or, where the feature is of no finding, at a place of its own, or anywhere. Means are
of these, nothing was tested, and the pages say so. Zones of markers are looked for on the thumbnails that were drawn. Scores are by the simulated truth,
which the reports were written from, since reading 70,000 reports takes minutes.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pandas as pd

from saerad_core.heatmap.file import MapsWritten
from saerad_core.heatmap.file import write as write_maps
from saerad_core.heatmap.methods import CHOSEN
from saerad_core.images.marks import marked_zones
from saerad_core.images.pictures import read_picture
from saerad_core.progress import Silent
from saerad_core.sae.strongest_patches import TOP, Entries, strongest
from saerad_core.sae.strongest_patches import write as write_strongest
from saerad_core.stages.maps import mean_maps
from saerad_core.stages.score import score_descriptions, unseen_rows
from saerad_core.store.activations import ActivationStore
from saerad_core.store.curation.store import sae_id
from saerad_core.store.markers import UNKNOWN, save_markers
from saerad_core.store.said import Said
from saerad_core.vocabulary import CONCEPTS, Statement, concept_of
from saerad_core.workspace import StageRecord, Workspace

TELLS = 0.65
"""AUROC from which a feature without a description counts as one of its best label."""
ANYWHERE = 0.25
"""Share of the features of no finding that look anywhere."""
JITTER = 0.7
"""Patches that a place differs by from X-ray to X-ray, one standard deviation."""
ROWS = {"upper": 0.3, "mid": 0.47, "lower": 0.64, "": 0.5}
"""Height of a zone in the picture, as a share."""
COLUMNS = {"right": 0.3, "left": 0.7, "": 0.5}
"""The patient's right is on the left of the picture."""


class Truth(NamedTuple):
    """What the simulated X-rays show."""

    kind: np.ndarray
    """int64 [N]: which of ``facts`` an X-ray has; X-rays of one study have the same."""
    facts: list[list[Statement]]


def read_truth(workspace: Workspace) -> Truth:
    """Facts of every X-ray, by row."""
    with duckdb.connect(str(workspace.activations_db), read_only=True) as connection:
        texts = connection.execute("SELECT facts::VARCHAR AS facts FROM images ORDER BY row").df()["facts"].fillna("[]")
    kind, known = pd.factorize(texts)
    return Truth(kind, [[Statement(**fact) for fact in json.loads(text)] for text in known])


def place_of(fact: Statement, column: float, row: float) -> tuple[float, float]:
    """Share of the picture's width and height where a fact lies; ``column`` and ``row`` where it doesn't say."""
    zone = fact.place.split(" ")[0]
    return (
        COLUMNS[fact.side] if fact.side in COLUMNS and fact.side else column,
        ROWS[zone] if zone in ROWS and zone else row,
    )


def entries_of(store: ActivationStore, truth: Truth, grid: int, rng: np.random.Generator) -> Entries:
    """Where every feature fires on its strongest training X-rays: nine patches each."""
    m = store.width
    rows, features, values = store.active()
    train = store.roster.train[rows]
    rows, features, values = rows[train], features[train], values[train]
    order = np.lexsort((-values, features))
    rows, features, values = rows[order], features[order], values[order]
    rank = np.arange(len(features)) - np.searchsorted(features, np.arange(m))[features]
    rows, features, values = rows[rank < TOP], features[rank < TOP], values[rank < TOP]
    concept, spread = _concepts(store, m), rng.random(m) < ANYWHERE
    # A feature's own place, for X-rays that don't tell; a finding's is the same for all of its features.
    own = rng.uniform(0.2, 0.8, (m, 2))
    own[concept >= 0] = rng.uniform(0.3, 0.7, (len(CONCEPTS), 2))[concept[concept >= 0]]
    number = {name: i for i, name in enumerate(CONCEPTS)}
    told = np.full((len(truth.facts), len(CONCEPTS), 2), np.nan)
    for kind, facts in enumerate(truth.facts):
        for fact in facts:
            at = number.get(concept_of(fact.fact))
            if at is not None:
                told[kind, at] = place_of(fact, np.nan, np.nan)
    of_xray = told[truth.kind[rows], concept[features]]
    of_xray[concept[features] < 0] = np.nan
    centre = np.where(np.isnan(of_xray), own[features], of_xray) * grid + rng.normal(0, JITTER, (len(rows), 2))
    centre = np.clip(np.floor(centre), 1, grid - 2).astype(np.int64)
    around = np.array([(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)])
    y, x = centre[:, 1, None] + around[:, 0], centre[:, 0, None] + around[:, 1]
    patches = y * grid + x
    loose = np.flatnonzero(spread[features] & (concept[features] < 0))
    patches[loose] = np.argsort(rng.random((len(loose), grid * grid)), axis=1)[:, : len(around)]
    strength = values[:, None] * np.exp(-(around**2).sum(1) / 2)
    found = Entries(
        np.repeat(features, len(around)).astype(np.int32),
        np.repeat(rows, len(around)).astype(np.int32),
        patches.ravel().astype(np.uint16),
        strength.ravel().astype(np.float16),
    )
    return strongest(found)


def _concepts(store: ActivationStore, m: int) -> np.ndarray:
    """int64 [m]: place in CONCEPTS of what each feature is of, by its description or best label; -1 for none."""
    number = {name: i for i, name in enumerate(CONCEPTS)}
    features, found = store.features(), np.full(m, -1)
    clear = features["best_auroc"].fillna(0).to_numpy() >= TELLS
    found[clear] = [number.get(str(label), -1) for label in features["best_label"].to_numpy()[clear]]
    described = store.descriptions()
    for feature, finding, side, place in described[["feature_id", "finding", "side", "place"]].itertuples(index=False):
        found[feature] = number.get(concept_of(Statement(finding, side, place, "").fact), -1)
    return found


def zones_of(workspace: Workspace, names: list[str]) -> np.ndarray | None:
    """int16 [N] of store.markers, looked for once on each picture that thumbnails share; None where there are no thumbnails."""
    seen: dict[int, int] = {}
    zones = np.full(len(names), UNKNOWN, dtype=np.int16)
    for row, name in enumerate(names):
        path = workspace.thumb(name)
        try:
            number = path.stat().st_ino
        except FileNotFoundError:
            continue
        if number not in seen:
            seen[number] = marked_zones(read_picture(path))
        zones[row] = seen[number]
    return zones if seen else None


def _said(store: ActivationStore, truth: Truth) -> Iterator[tuple[int, bool, list[Statement]]]:
    for row in unseen_rows(store).tolist():
        yield row, False, truth.facts[truth.kind[row]]


def add(workspace: Workspace, seed: int = 5, say: Callable[[str], None] = lambda text: None) -> None:
    """Write markers.parquet, patches.safetensors, maps.safetensors, said.parquet and scores.parquet, each in one step."""
    rng, began = np.random.default_rng(seed), time.perf_counter()

    def told(name: str) -> None:
        nonlocal began
        say(f"{name}: {time.perf_counter() - began:.1f} s")
        began = time.perf_counter()

    store, grid, m = ActivationStore(workspace.activations_db), workspace.manifest.encoder.patch_grid, 0
    try:
        m = store.width
        zones = zones_of(workspace, store.roster.image_id.to_pylist())
        if zones is not None:
            save_markers(zones, workspace.markers_file)
        told("markers")
        truth = read_truth(workspace)
        write_strongest(workspace.strongest_patches, entries_of(store, truth, grid, rng), m, grid**2)
        means, patients = mean_maps(workspace, store, grid, m)
        method = CHOSEN[workspace.manifest.sae.tokens]
        write_maps(workspace.maps_file, MapsWritten(means, patients, {}, "", {}, method, sae_id(workspace)))
        told("maps")
        said = Said.of(_said(store, truth))
    finally:
        store.close()
    score_descriptions(workspace, Silent(), said=said)
    told("scores")
    key = f"simulated places, seed {seed}"
    workspace.manifest.stages |= {name: StageRecord(key=key) for name in ("maps", "score")}
    workspace.save()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--seed", type=int, default=5)
    args = parser.parse_args()
    workspace = Workspace.open(args.workspace)
    if not workspace.manifest.dataset.simulated:
        parser.error("only of a simulated workspace: these places are simulated")
    add(workspace, args.seed, lambda text: print(text, flush=True))


if __name__ == "__main__":
    main()
