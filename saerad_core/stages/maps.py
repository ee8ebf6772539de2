"""Where features look: their maps on the X-rays that show them most, the mean of these, and whether the maps are true.

Maps are tested on X-rays whose labels have a known place: the simulator's masks, or boxes that readers drew. Masks are seen by nothing
that is trained. A feature is tested by the one label, of those with a place, that it tells best.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from saerad_core.datasets import Dataset, open_dataset
from saerad_core.datasets.base import Record
from saerad_core.datasets.places import BoxPlaces, Places, open_places
from saerad_core.descriptions.auroc_interval import interval
from saerad_core.encoder import Encoder
from saerad_core.errors import WorkspaceError
from saerad_core.harvest.settings import MOST_STRONGEST
from saerad_core.heatmap.file import FEWEST, FeatureMaps, Judged, MapsWritten, write
from saerad_core.heatmap.mean import FEWEST as FEWEST_OF_MEAN
from saerad_core.heatmap.mean import mean_map
from saerad_core.heatmap.methods import CHOSEN, feature_map
from saerad_core.heatmap.truth import Place, Prior, energy_inside, place_of, points_at, score_maps
from saerad_core.locks import only_one
from saerad_core.progress import Progress
from saerad_core.sae.base import Sae
from saerad_core.sae.files import load
from saerad_core.sae.image_code import ImageReader
from saerad_core.sae.strongest_patches import Entries, StrongestPatches, gathered
from saerad_core.sae.strongest_patches import write as write_strongest
from saerad_core.stages.embed_again import open_encoder
from saerad_core.store.activations import ActivationStore
from saerad_core.store.curation.store import sae_id
from saerad_core.workspace import OWN_PATIENTS, StageRecord, Workspace

MOST_TRUE = 40
"""Patients with a place that each label is tested on."""
MASK_SIDE = 16
"""Pixels of a mask along a patch."""
ATTRIBUTED, MOST_ATTRIBUTED = 4, 4_096
"""X-rays of a CLS feature that are attributed ahead, one a patient, and maps in all: each takes a pass back through the encoder."""
BATCH = 16
NAMES = ("Looking where features fire", "Testing the heatmaps")


class Film(NamedTuple):
    """One X-ray with known places."""

    row: int
    patient: str
    places: dict[str, Place]
    """By label."""
    maps: dict[int, np.ndarray]
    """float32 [grid, grid] of every feature that is tested by one of these labels and active here."""


def measure_maps(
    workspace: Workspace,
    dataset: Dataset,
    encoder: Encoder,
    sae: Sae,
    places: Places | None,
    progress: Progress,
    identity: str = "",
) -> None:
    """Write maps.safetensors, and patches.safetensors where a workspace of an earlier version, or one with a CLS dictionary, has none.

    Args:
        workspace: whose store is written.
        dataset: its X-rays.
        encoder: its encoder.
        sae: its dictionary.
        places: where labels are; None where nobody knows.
        progress: told of every X-ray.
        identity: of the dictionary, where it doesn't lie in the workspace yet.

    Raises:
        SaeRadError: an X-ray that was embedded can't be read any more, or the patches' file is damaged.
    """
    store = ActivationStore(workspace.activations_db)
    records = {record.image_id: record for record in dataset.records()}
    # Of a large set the X-rays would all have to be embedded again.
    few = workspace.manifest.sae.tokens == "cls" or len(records) <= MOST_STRONGEST
    if few and not workspace.strongest_patches.exists():
        _keep_strongest(workspace, store, dataset, records, encoder, sae, progress)
    means, patients = mean_maps(workspace, store, encoder.patch_grid, sae.config.d_sae)
    tested: dict[int, Judged] = {}
    labels: dict[str, int] = {}
    if places is not None:
        films, told = films_with_places(workspace, store, dataset, records, encoder, sae, places, progress)
        labels = {label: len({f.patient for f in films if label in f.places}) for f in films for label in f.places}
        train = store.roster.train if workspace.manifest.sae.trained_on == OWN_PATIENTS else np.zeros(len(store.roster), bool)  # fmt: skip
        tested = judged(films, told, {film.row for film in films if not train[film.row]})
    kind = places.kind if places is not None and labels else ""
    method = CHOSEN[workspace.manifest.sae.tokens]
    write(
        workspace.maps_file, MapsWritten(means, patients, tested, kind, labels, method, identity or sae_id(workspace))
    )


def measure_again(workspace: Workspace, boxes: Path | None, progress: Progress, device: str = "auto") -> FeatureMaps:
    """The same of a finished workspace, with a list of boxes that is kept in it.

    Raises:
        SaeRadError: another build is writing, the list is none, or dataset or encoder can't be opened.
    """
    taken = WorkspaceError(f"Another build is writing {workspace.root}; wait for it or stop it.")
    with only_one(workspace.root / "build.lock", taken):
        if boxes is not None:
            BoxPlaces(boxes)  # refused before anything is written
            text = gzip.decompress(boxes.read_bytes()) if boxes.suffix == ".gz" else boxes.read_bytes()
            part = workspace.boxes_file.with_suffix(".part")
            part.write_bytes(text)
            part.replace(workspace.boxes_file)
        dataset, encoder = open_dataset(workspace.manifest.dataset), open_encoder(workspace, device)
        sae, began = load(workspace.sae_dir).to(encoder.device), time.monotonic()
        measure_maps(workspace, dataset, encoder, sae, open_places(dataset, workspace.boxes_file), progress)
        key = sha256(workspace.maps_file.read_bytes()).hexdigest()
        workspace.manifest.stages["maps"] = StageRecord(seconds=time.monotonic() - began, key=key)
        workspace.save()
    progress.finish()
    return FeatureMaps(workspace.maps_file)


def _keep_strongest(
    workspace: Workspace,
    store: ActivationStore,
    dataset: Dataset,
    records: dict[str, Record],
    encoder: Encoder,
    sae: Sae,
    progress: Progress,
) -> None:
    """Where each feature fires on the X-rays that show it most strongly."""
    m, names = sae.config.d_sae, store.roster.image_id
    if workspace.manifest.sae.tokens == "patch":
        reader, parts = ImageReader(sae, "patch"), []
        progress.stage(NAMES[0], len(names))
        for first in range(0, len(names), BATCH):
            pixels = [dataset.pixels(records[name.as_py()]) for name in names[first : first + BATCH]]
            read = reader.read(encoder.embed(encoder.preprocess(pixels)), keep_patches=True)
            assert read.patches is not None
            entries = read.patches._replace(rows=read.patches.rows + np.int32(first))
            parts = [gathered([*parts, entries])]
            progress.advance(len(pixels))
    else:
        alive = np.flatnonzero(store.features()["n_images"].to_numpy() > 0)
        wanted = store.top_images_of(
            [int(f) for f in alive[: MOST_ATTRIBUTED // ATTRIBUTED]], ATTRIBUTED, split="train"
        )
        by_row: dict[int, list[int]] = {}
        for feature, firing in wanted.items():
            for row in firing.rows:
                by_row.setdefault(int(row), []).append(feature)
        progress.stage(NAMES[0], len(by_row))
        parts = []
        for row, features in by_row.items():
            batch = encoder.preprocess([dataset.pixels(records[names[row].as_py()])])
            parts += [_sparse(feature_map(encoder, sae, "cls", batch, f), f, row) for f in features]
            progress.advance()
    write_strongest(workspace.strongest_patches, gathered(parts), m, encoder.patch_grid**2)


def _sparse(heat: np.ndarray, feature: int, row: int) -> Entries:
    """An attribution as entries, scaled to a peak of 1: its tail, under a twentieth of the peak, is let go."""
    share = heat.ravel() / max(float(heat.max()), 1e-12)
    places = np.flatnonzero(share >= 0.05)
    n = len(places)
    return Entries(
        np.full(n, feature, np.int32),
        np.full(n, row, np.int32),
        places.astype(np.uint16),
        share[places].astype(np.float16),
    )


def mean_maps(workspace: Workspace, store: ActivationStore, grid: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean map of each feature over its strongest training X-rays, one a patient, float32 [m, grid, grid], and patients, int32 [m]."""
    means, patients = np.zeros((m, grid * grid), np.float32), np.zeros(m, np.int32)
    if not workspace.strongest_patches.exists():
        return means.reshape(m, grid, grid), patients
    starts, entries = StrongestPatches(workspace.strongest_patches).all()
    roster = store.roster
    for feature in range(m):
        span = slice(starts[feature], starts[feature + 1])
        rows, inverse = np.unique(entries.rows[span], return_inverse=True)
        maps = np.zeros((len(rows), grid * grid), np.float32)
        maps[inverse, entries.places[span]] = entries.values[span]
        # The strongest X-ray of each patient of the training split.
        order = np.argsort(-maps.max(1, initial=0), kind="stable")
        order = order[roster.train[rows[order]]]
        order = order[roster.first_of_patients(rows[order])] if len(order) else order
        if len(order) >= FEWEST_OF_MEAN:
            means[feature], patients[feature] = mean_map(maps[order]), len(order)
    return means.reshape(m, grid, grid), patients


def films_with_places(
    workspace: Workspace,
    store: ActivationStore,
    dataset: Dataset,
    records: dict[str, Record],
    encoder: Encoder,
    sae: Sae,
    places: Places,
    progress: Progress,
) -> tuple[list[Film], dict[int, str]]:
    """X-rays with places, and the label that each feature is tested by."""
    rows = _chosen(store, records, places)
    known = sorted({label for row in rows for label in places.labels(_record(store, records, row))})
    told = _told(store, known)
    tokens, attributed = workspace.manifest.sae.tokens, 0
    reader = ImageReader(sae, tokens)
    progress.stage(NAMES[1], len(rows))
    films: list[Film] = []
    for some in _batches(rows):
        chosen = [_record(store, records, row) for row in some]
        pixels = [dataset.pixels(record) for record in chosen]
        batch = encoder.preprocess(pixels)
        entries = None
        if tokens == "patch":
            entries = reader.read(encoder.embed(batch), keep_patches=True).patches
            assert entries is not None
        for i, (row, record) in enumerate(zip(some, chosen, strict=True)):
            masks = places.masks(record, *pixels[i].shape)
            there = {
                label: place_of(seen(mask, encoder), encoder.patch_grid)
                for label, mask in masks.items()
                if seen(mask, encoder).any()
            }
            active = [f for f, _ in store.features_of_row(row) if told.get(f) in there]
            if entries is not None:
                maps = _from_entries(entries, i, active, encoder.patch_grid)
            else:
                active = active[: max(0, MOST_ATTRIBUTED - attributed)]
                attributed += len(active)
                maps = {f: feature_map(encoder, sae, tokens, batch[i : i + 1], f) for f in active}
            films.append(Film(row, record.patient_id, there, maps))
        progress.advance(len(some))
    return films, told


def _record(store: ActivationStore, records: dict[str, Record], row: int) -> Record:
    return records[store.roster.image_id[row].as_py()]


def _batches(rows: list[int]) -> Iterator[list[int]]:
    for first in range(0, len(rows), BATCH):
        yield rows[first : first + BATCH]


def _chosen(store: ActivationStore, records: dict[str, Record], places: Places) -> list[int]:
    """Rows of X-rays with a place, one a patient and label, up to MOST_TRUE patients a label; unseen patients before the training's."""
    roster = store.roster
    names = roster.patient.names
    order = sorted(
        range(len(roster)),
        key=lambda row: (bool(roster.train[row]), sha256(str(names[roster.patient.codes[row]]).encode()).digest(), row),
    )
    having: dict[str, set[int]] = {}
    chosen = []
    for row in order:
        patient = int(roster.patient.codes[row])
        wanted = False
        for label in places.labels(_record(store, records, row)):
            patients = having.setdefault(label, set())
            if patient not in patients and len(patients) < MOST_TRUE:
                patients.add(patient)
                wanted = True
        if wanted:
            chosen.append(row)
    return sorted(chosen)


def _told(store: ActivationStore, labels: list[str]) -> dict[int, str]:
    """feature -> the label that it tells best, where that is better than chance."""
    if not labels:
        return {}
    table = store.best_labels(labels)
    patients = len(np.unique(store.roster.patient.codes[store.roster.train]))
    n = table["n_patients"].to_numpy()
    low, _ = interval(table["auroc"].to_numpy(), n, np.maximum(patients - n, 1))
    kept = table[low > 0.5]
    return dict(zip(kept["feature_id"].astype(int), kept["label"].astype(str), strict=True))


def seen(mask: np.ndarray, encoder: Encoder) -> np.ndarray:
    """Of a mask over an X-ray bool [H, W] what lies in the encoder's square, bool [S, S] with MASK_SIDE pixels along a patch."""
    top, left, bottom, right = encoder.patch_box(*mask.shape)
    side = encoder.patch_grid * MASK_SIDE
    if (top, left, bottom, right) == (0, 0, side, side) == (0, 0, *mask.shape):
        return mask
    padded = np.zeros((bottom - top, right - left), dtype=bool)
    inside = mask[max(0, top) : bottom, max(0, left) : right]
    padded[max(0, -top) : max(0, -top) + inside.shape[0], max(0, -left) : max(0, -left) + inside.shape[1]] = inside
    return np.asarray(Image.fromarray(padded).resize((side, side), Image.Resampling.NEAREST))


def _from_entries(entries: Entries, row: int, features: list[int], grid: int) -> dict[int, np.ndarray]:
    here = entries.rows == row
    ids, at, values = entries.features[here], entries.places[here], entries.values[here]
    maps = {}
    for feature in features:
        own = ids == feature
        heat = np.zeros(grid * grid, np.float32)
        heat[at[own]] = values[own]
        maps[feature] = heat.reshape(grid, grid)
    return maps


def judged(films: list[Film], told: dict[int, str], unseen: set[int], fewest: int = FEWEST) -> dict[int, Judged]:
    """Score of every feature that enough patients with its label's place show.

    Args:
        films: X-rays with places.
        told: feature -> the label that it is tested by.
        unseen: rows of X-rays that the dictionary was not trained on.
        fewest: patients.
    """
    on: dict[int, list[Film]] = {}
    for film in films:
        for feature in film.maps:
            on.setdefault(feature, []).append(film)
    priors: dict[str, Prior] = {}
    found = {}
    for feature, own in sorted(on.items()):
        label, patients = told[feature], [film.patient for film in own]
        if len(set(patients)) < fewest:
            continue
        if label not in priors:
            having = [film for film in films if label in film.places]
            priors[label] = Prior([film.places[label] for film in having], [film.patient for film in having])
        guesses = [priors[label].without(patient) for patient in patients]
        where = [film.places[label] for film in own]
        score = score_maps(
            patients,
            [points_at(film.maps[feature], place) for film, place in zip(own, where, strict=True)],
            [points_at(guess.hit, place) for guess, place in zip(guesses, where, strict=True)],
            [energy_inside(film.maps[feature], place) for film, place in zip(own, where, strict=True)],
            [energy_inside(guess.inside, place) for guess, place in zip(guesses, where, strict=True)],
        )
        found[feature] = Judged(label, len({film.patient for film in own if film.row in unseen}), score)
    return found
