"""Another dictionary for a finished workspace: everything that hangs on it made anew, people's words carried over as suggestions.

All is made in a folder beside and takes its place at the end, so that the workspace can be looked at meanwhile and a killed
switch leaves either the old dictionary or the new one. The old one is kept among the candidates, and its curation in the
journal: switching back brings both back.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from saerad_core.datasets import open_dataset
from saerad_core.datasets.places import open_places
from saerad_core.errors import WorkspaceError
from saerad_core.harvest.run import harvest
from saerad_core.harvest.settings import (
    KEEP_CODES,
    MOST_STRONGEST,
    HarvestSettings,
    default_batch,
    default_shard,
    default_workers,
)
from saerad_core.harvest.shards import Shards
from saerad_core.locks import only_one
from saerad_core.pipeline import BuildSettings, draw_atlas, index
from saerad_core.progress import Progress, Silent
from saerad_core.sae.base import Sae
from saerad_core.sae.files import load
from saerad_core.stages.activate import activate
from saerad_core.stages.carry import ALIKE, Pair, Word, offer, pairs, words_of
from saerad_core.stages.describe import describe_features
from saerad_core.stages.embed_again import open_encoder
from saerad_core.stages.maps import measure_maps
from saerad_core.stages.score import score_descriptions
from saerad_core.stages.train import label_of
from saerad_core.store.activations import ActivationStore
from saerad_core.store.curation.store import CurationStore
from saerad_core.workspace import OWN_PATIENTS, Manifest, SaeInfo, Workspace

STAGES = ("activate", "describe", "index", "atlas", "maps", "score")
"""Stages of a build that depend on the dictionary but for ``encode``, which is done anew for its codes alone."""
REPORTS = ("evaluation.json", "evaluation.md", "paper-table.md", "sae-report.json", "sae-report.md")
"""Figures of the old dictionary; they go with it."""
KEPT = ("cfg.json", "sae_weights.safetensors", "training.json")
"""Files of a dictionary; the courses of trainings stay where they are."""


def switch(workspace: Workspace, candidate: str, progress: Progress | None = None) -> dict[str, Any]:
    """Give a workspace the dictionary candidates/``candidate``; what became of people's words is returned and kept in carried-*.json.

    A killed switch goes on: before its end the old dictionary counts, after it the new one.

    Args:
        workspace: a finished one; nothing else may write its curation meanwhile, so stop the app first.
        candidate: name of a folder in candidates/.
        progress: told of every X-ray.

    Raises:
        WorkspaceError: there is no such candidate, it doesn't fit the encoder, or the app or another switch is running.
    """
    progress = progress or Silent()
    folder = workspace.candidates_dir / candidate
    taken = WorkspaceError(f"A build or another switch is writing {workspace.root}; wait for it or stop it.")
    with only_one(workspace.root / "build.lock", taken):
        staging = workspace.root / "switching"
        if not (staging / "ready.json").exists():
            if Path(candidate).name != candidate or not (folder / "cfg.json").is_file():
                known = ", ".join(sorted(path.parent.name for path in workspace.candidates_dir.glob("*/cfg.json")))
                raise WorkspaceError(
                    f"There is no candidate {candidate!r}; {f'take one of {known}' if known else 'train one first'}."
                )
            if sae_id_of(folder) == sae_id_of(workspace.sae_dir):
                raise WorkspaceError(f"{workspace.root} has the dictionary {candidate} already.")
            _prepare(workspace, staging, folder, progress)
        carried = _take_place(workspace, staging)
    progress.finish()
    return carried


def _prepare(workspace: Workspace, staging: Path, folder: Path, progress: Progress) -> None:
    """Everything of the new dictionary in ``staging``, and ready.json when it is whole."""
    sae = load(folder)
    manifest = workspace.manifest
    if sae.config.d_in != manifest.encoder.d:
        raise WorkspaceError(
            f"{folder.name} reads embeddings of {sae.config.d_in} dimensions, this workspace has {manifest.encoder.d}; train one on it."
        )
    store = CurationStore(workspace)
    if not store.writes:
        raise WorkspaceError("The app is writing this workspace's curation; stop it, switch, and start it again.")
    _begin(staging, folder)
    new = Workspace(staging, Manifest.model_validate_json(manifest.model_dump_json()))
    shards = _codes(workspace, new, sae, progress)
    info = _read(folder / "sae-info.json") or {}
    new.manifest.sae = SaeInfo(
        architecture=sae.config.architecture,
        tokens=sae.config.tokens,
        pool=sae.config.pool,
        width=sae.config.d_sae,
        k=sae.config.k,
        trained_on=info.get("trained_on", OWN_PATIENTS),
        candidate=folder.name,
    )
    progress.stage("Finding each X-ray's active features", len(shards), 2, 3)
    activated = activate(new, shards, sae, sae.config.tokens, BuildSettings.active, progress)
    progress.stage("Describing features, indexing, drawing the map", 0, 3, 3)
    describe_features(new, shards.records(), activated, sae, progress)
    index(new)
    draw_atlas(new, sae)
    dataset = open_dataset(workspace.manifest.dataset)
    places = open_places(dataset, workspace.boxes_file)
    measure_maps(new, dataset, open_encoder(workspace), sae, places, progress, sae_id_of(folder))
    score_descriptions(new, progress, sae_id_of(folder))
    shutil.rmtree(new.cache_dir)
    told = ActivationStore(workspace.activations_db).descriptions()
    described = dict(zip(told["feature_id"].astype(int), told["text"].astype(str), strict=True))
    words = words_of(store.all_current(), described)
    old = load(workspace.sae_dir).W_dec.detach().numpy()
    matched = pairs(old, sae.W_dec.detach().cpu().numpy(), [word.feature_id for word in words])
    _write_json(staging / "carried.part.json", _told(workspace, folder, words, matched))
    for stage in STAGES:
        record = new.manifest.stages.get(stage)
        if record is None:
            continue  # a workspace of an earlier version
        record.key = hashlib.sha256(f"{record.key} {sae_id_of(folder)}".encode()).hexdigest()
    new.save()
    _write_json(staging / "ready.json", {"candidate": folder.name, "label": _label(workspace)})


def _begin(staging: Path, folder: Path) -> None:
    """An empty staging folder, or the one of the same candidate to go on with."""
    asked = {"candidate": folder.name, "sae": sae_id_of(folder)}
    if _read(staging / "asked.json") != asked:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        _write_json(staging / "asked.json", asked)


def _codes(workspace: Workspace, new: Workspace, sae: Sae, progress: Progress) -> Shards:
    """All X-rays through the encoder and the new dictionary once more."""
    dataset, encoder = open_dataset(workspace.manifest.dataset), open_encoder(workspace)
    n = len(dataset)
    settings = HarvestSettings(
        tokens=sae.config.tokens,
        keep=KEEP_CODES,
        shard=default_shard(n),
        batch=default_batch(encoder.device),
        workers=default_workers(encoder.device),
        keep_pictures=False,
        keep_thumbs=False,
        strongest=n <= MOST_STRONGEST,
    )
    progress.stage("Embedding the X-rays again", n, 1, 3)
    return harvest(workspace, dataset, encoder, settings, sae, progress, folder=new.cache_dir)


def _told(workspace: Workspace, folder: Path, words: list[Word], matched: list[Pair]) -> dict[str, Any]:
    """What became of each word, as carried-*.json keeps it."""
    both = [
        asdict(word) | {"new_feature_id": pair.new, "cosine": round(pair.cosine, 4)}
        for word, pair in zip(words, matched, strict=True)
    ]
    carried = [one for one in both if one["new_feature_id"] is not None and one["text"] and one["status"] != "rejected"]
    return {
        "from": _label(workspace),
        "to": folder.name,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "least_cosine": ALIKE,
        "carried": carried,
        "unmatched": [one for one in both if one["new_feature_id"] is None],
        "not_offered": [one for one in both if one["new_feature_id"] is not None and one not in carried],
    }


def _take_place(workspace: Workspace, staging: Path) -> dict[str, Any]:
    """Move what is ready into the workspace; done again after a kill, each step finds what it left."""
    ready = _read(staging / "ready.json")
    assert ready is not None
    before = workspace.candidates_dir / ready["label"]
    if not (staging / "kept").exists():
        before.mkdir(parents=True, exist_ok=True)
        for name in KEPT:
            if (workspace.sae_dir / name).exists():
                shutil.copyfile(workspace.sae_dir / name, before / name)
        _write_json(before / "sae-info.json", workspace.manifest.sae.model_dump())
        (staging / "kept").touch()
    folder = workspace.candidates_dir / ready["candidate"]
    for name in KEPT:
        if (folder / name).exists():
            part = workspace.sae_dir / f"{name}.part"
            shutil.copyfile(folder / name, part)
            part.replace(workspace.sae_dir / name)
    for name in REPORTS:
        if (workspace.root / name).exists() and not (before / name).exists():
            (workspace.root / name).replace(before / name)
    own = {"ready.json", "asked.json", "kept", "workspace.json", "carried.part.json"}
    for path in sorted(staging.iterdir()):
        if path.name in own or path.name.startswith("old-"):
            continue
        target = workspace.root / path.name
        if target.is_dir():
            target.rename(staging / f"old-{path.name}")
        path.rename(target)
    if (staging / "workspace.json").exists():
        (staging / "workspace.json").replace(workspace.root / "workspace.json")
    workspace.manifest = Workspace.open(workspace.root).manifest
    carried = _read(staging / "carried.part.json")
    assert carried is not None
    words = {one["feature_id"]: Word(one["feature_id"], one["text"], one["status"], one["author"], one["fields"])
             for one in (*carried["carried"], *carried["not_offered"], *carried["unmatched"])}  # fmt: skip
    matched = [Pair(one["feature_id"], one["new_feature_id"], one["cosine"])
               for one in (*carried["carried"], *carried["not_offered"], *carried["unmatched"])]  # fmt: skip
    offer(workspace, list(words.values()), matched)
    _write_json(workspace.root / f"carried-{carried['at'].replace(':', '')}.json", carried)
    shutil.rmtree(staging)
    return carried


def _label(workspace: Workspace) -> str:
    """Name under which the present dictionary is kept among the candidates."""
    if workspace.manifest.sae.candidate:
        return workspace.manifest.sae.candidate
    return f"{label_of(load(workspace.sae_dir).config)}-first"


def sae_id_of(folder: Path) -> str:
    """As saerad_core.store.curation.store.sae_id, of a candidate."""
    with (folder / "sae_weights.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write_json(path: Path, value: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value, indent=1), encoding="utf-8")
    part.replace(path)
