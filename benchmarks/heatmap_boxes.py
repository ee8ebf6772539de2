"""Heatmaps against readers' boxes on a workspace of real X-rays; a part of benchmarks/heatmaps.py."""

from __future__ import annotations

from pathlib import Path

from benchmarks.common import Results
from saerad_core.datasets import open_dataset
from saerad_core.datasets.places import open_places
from saerad_core.heatmap.file import FEWEST, FeatureMaps
from saerad_core.heatmap.map_score import MapScore
from saerad_core.heatmap.truth import Prior, energy_inside, points_at, score_maps
from saerad_core.progress import Silent
from saerad_core.sae.files import load
from saerad_core.stages.embed_again import open_encoder
from saerad_core.stages.maps import films_with_places, measure_again
from saerad_core.store.activations import ActivationStore
from saerad_core.workspace import Workspace


def add_score(results: Results, name: str, score: MapScore, goal: str = "") -> None:
    """A score's rows."""
    results.add(f"{name}: pointing game", score.pointing, f"{score.lo:.2f} to {score.hi:.2f}, n {score.patients}",
                goal, score.pointing >= 0.8 and score.gain >= 0.2 if goal else None)  # fmt: skip
    results.add(f"{name}: prior's pointing", score.prior, f"gain {score.gain_lo:+.2f} to {score.gain_hi:+.2f}")
    results.add(f"{name}: energy inside", score.energy, f"prior's {score.prior_energy:.2f}")


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
        add_score(results, f"{name}, all of them", score)
    tested = [one.score for one in maps.all_judged.values()]
    results.add(
        f"{name}: features with at least {FEWEST} boxed patients",
        len(tested),
        f"{sum(s.beats_prior for s in tested)} beat the prior",
    )
