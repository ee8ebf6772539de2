"""The build's stages in order. A killed build goes on where it was; a finished stage with the same inputs is not run again."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from saerad_core import __version__
from saerad_core.atlas import build_atlas
from saerad_core.datasets import Dataset, open_dataset
from saerad_core.datasets.places import open_places
from saerad_core.demo import workspace as demo
from saerad_core.encoder import PROJECT, Encoder, fingerprint_of
from saerad_core.errors import WorkspaceError
from saerad_core.gate import Gate
from saerad_core.harvest.estimate import Estimate, describe_build
from saerad_core.harvest.run import harvest
from saerad_core.harvest.sample import MOST_PATCH_BYTES, SAMPLE_XRAYS, patch_bytes, sample_patients
from saerad_core.harvest.settings import (
    KEEP_ALL,
    KEEP_CODES,
    KEEP_SAMPLE,
    MOST_STRONGEST,
    HarvestSettings,
    default_batch,
    default_shard,
    default_workers,
)
from saerad_core.harvest.shards import Shards
from saerad_core.locks import only_one
from saerad_core.progress import Progress, Silent
from saerad_core.retrieval import ImageIndex
from saerad_core.sae.base import Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.files import load, save
from saerad_core.sae.width import recommended_width
from saerad_core.stages.activate import Activated, activate, load_activated, upgrade_codes
from saerad_core.stages.describe import Composer, describe_features
from saerad_core.stages.maps import measure_maps
from saerad_core.stages.markers import keep_markers
from saerad_core.stages.score import NAME, score_descriptions
from saerad_core.stages.train import train_sae
from saerad_core.store.activations import ActivationStore
from saerad_core.workspace import OWN_PATIENTS, DatasetInfo, EncoderInfo, SaeInfo, StageRecord, Workspace

STAGES = {
    "sample": "Embedding the X-rays that the dictionary is trained on",
    "encode": "Reading and embedding X-rays",
    "train": "Training the sparse autoencoder",
    "activate": "Finding each X-ray's active features",
    "describe": "Describing features from reports",
    "index": "Indexing X-rays for search",
    "atlas": "Drawing the map of features",
    "maps": "Looking where features fire, and testing the heatmaps",
    "score": NAME,
}
"""Stage and how the progress page names it. ``sample`` is of large sets of patch tokens only, and then trains before
``encode``."""


MOST_PICTURES = 10_000
"""X-rays up to which the 512 px pictures are written by the build; of more they would take days and 120 kB each, and are
made when they are first looked at."""
MOST_MEASURED = 2_000_000
"""Patch tokens of all X-rays kept for measuring the dictionary."""


@dataclass
class BuildSettings:
    """What to build and how."""

    dataset: DatasetInfo
    encoder: str
    """Hub id or folder of a DINOv2-like model."""
    out: Path
    tokens: str = "patch"
    """cls (one code an X-ray, as the paper) or patch (one a patch)."""
    width: int | None = None
    """Features of the dictionary; None takes what the number of patients supports."""
    k: int = 15
    """Active features a token."""
    architecture: str = "topk"
    """Name in saerad_core.sae.registry."""
    target_l0: float | None = None
    """Active features a token that gated and jumprelu are steered to; None takes k."""
    pool: str | None = None
    """max or mean over an X-ray's patches; None: as the dictionary says, the maximum where it is trained here."""
    sweep: bool = True
    """Whether a few learning rates are tried first, judged by the validation patients."""
    active: float = 30
    """Active features an X-ray that the rule aims at on average, for patch tokens."""
    device: str = "auto"
    image_size: int | None = None
    """Pixels along the encoder's input; None takes the model's own."""
    sae: bool = False
    """Whether out/sae already holds a dictionary trained ahead for this encoder."""
    download: bool = False
    """Whether an encoder named by hub id may be fetched."""
    seed: int = 0
    workers: int | None = None
    """Processes that decode; None takes as many as there are cores, one less beside a GPU."""
    engine: str = "local"
    """local, or ray: a cluster whose nodes see the same folders."""
    patch_budget: int = MOST_PATCH_BYTES
    """Bytes that the patches of all X-rays may take; above it the SAE is trained on a sample of patients' first."""


def demo_settings(out: Path | None = None, patients: int | None = None, device: str = "auto") -> BuildSettings:
    """The demo: simulated X-rays, the committed encoder and the dictionary trained ahead for it.

    Raises:
        WorkspaceError: ``out`` was built with an earlier encoder; its curation is of other features and must be put by.
    """
    out = out or demo.ROOT
    if (out / "workspace.json").exists():
        built = Workspace.open(out).manifest.encoder
        if built.id == demo.ENCODER and built.fingerprint != fingerprint_of(PROJECT / demo.ENCODER):
            raise WorkspaceError(
                f"{out} was built with an earlier encoder of the demo; move everything but encoder/ and sae/ out of it "
                "(curation.jsonl is what people wrote there) and start again."
            )
    if out != demo.ROOT and not (out / "sae").exists():
        shutil.copytree(demo.ROOT / "sae", out / "sae")
    trained = json.loads((demo.ROOT / "sae" / "cfg.json").read_text(encoding="utf-8"))
    return BuildSettings(
        dataset=demo.demo_dataset(patients or demo.PATIENTS),
        encoder=demo.ENCODER,
        out=out,
        tokens=trained["saerad_tokens"],
        device=device,
        sae=True,
    )


def build(
    settings: BuildSettings,
    progress: Progress | None = None,
    dataset: Dataset | None = None,
    *,
    announce: Callable[[str], None] | None = None,
) -> Workspace:
    """Run every stage that isn't done.

    Args:
        settings: what and how.
        progress: told of stages and X-rays.
        dataset: the settings' dataset where it is open already, so that its listing isn't read twice.
        announce: told, before anything long, what will be done and about how long it takes.

    Raises:
        SaeRadError: the dataset, the encoder or an existing workspace doesn't fit; the message says what to do.
    """
    progress = progress or Silent()
    dataset = dataset or open_dataset(settings.dataset)
    encoder = Encoder.load(
        settings.encoder, settings.device, settings.image_size, settings.download, _begun_with(settings.out)
    )
    info = EncoderInfo(
        id=settings.encoder,
        revision=encoder.revision,
        fingerprint=encoder.fingerprint,
        d=encoder.d,
        image_size=encoder.image_size,
        patch_grid=encoder.patch_grid,
        precision=encoder.precision,
    )
    workspace = Workspace.create(settings.out, dataset.info, info)
    if workspace.manifest.sae.candidate:
        # It was finished before its dictionary was switched, and these settings describe the one before.
        progress.finish()
        return workspace
    taken = WorkspaceError(f"Another build is writing {workspace.root}; wait for it or stop it.")
    with only_one(workspace.root / "build.lock", taken):
        try:
            if announce is not None and "encode" not in workspace.manifest.stages:
                announce(_announcement(dataset, encoder, settings))
            _run(workspace, dataset, encoder, settings, progress)
        except Exception as error:
            # Whoever follows the build from another process learns why it ended; the error itself goes on.
            progress.finish(
                str(error) if isinstance(error, ValueError) else f"The build stopped: {type(error).__name__}."
            )
            raise
    progress.finish()
    return workspace


def _begun_with(root: Path) -> str:
    """Precision of an unfinished or finished workspace, so that going on elsewhere doesn't mix two."""
    return Workspace.open(root).manifest.encoder.precision if (root / "workspace.json").exists() else "auto"


def _run(workspace: Workspace, dataset: Dataset, encoder: Encoder, settings: BuildSettings, progress: Progress) -> None:
    upgrade_codes(workspace)
    stage = _Stages(workspace, progress)
    sae = load(workspace.sae_dir) if settings.sae else None
    if sae is not None and settings.pool:
        sae.config.pool = settings.pool
        save(sae, workspace.sae_dir)
    width = settings.width or (0 if settings.sae else _width(dataset, settings.tokens))
    config = SaeConfig(
        d_in=encoder.d,
        d_sae=width,
        k=settings.k,
        tokens=settings.tokens,
        seed=settings.seed,
        architecture=settings.architecture,
        target_l0=settings.target_l0,
        pool=settings.pool or "max",
    )
    shards, sample = Shards(workspace.cache_dir), Shards(workspace.sample_dir)
    how = _harvest_settings(dataset, encoder, settings)
    inputs = [encoder.fingerprint, encoder.precision, settings.tokens, dataset.info.model_dump(), len(dataset)]
    if sae is not None and sae.config.pool != "max":
        inputs.append(sae.config.pool)

    def encode_all(dictionary: Sae | None) -> None:
        keep = KEEP_CODES if dictionary is not None else KEEP_ALL
        harvest(workspace, dataset, encoder, replace(how, keep=keep), dictionary, progress, engine=settings.engine)
        n = len(shards)
        workspace.manifest.funnel = dict(dataset.funnel) | {"refused files": len(shards.refused()), "embedded": n}
        if not n:
            raise WorkspaceError(
                "None of the listed files is a usable X-ray; see the messages above for the first reasons."
            )
        keep_markers(workspace, shards)

    def harvested(dictionary: Sae | None) -> None:
        # A finished build keeps no shards; a stage that is run again needs them again.
        if not shards.numbers():
            progress.stage(STAGES["encode"], len(dataset), list(STAGES).index("encode") + 1, len(STAGES))
            encode_all(dictionary)

    def encode_sample() -> None:
        some = replace(how, keep=KEEP_SAMPLE, keep_thumbs=False, keep_pictures=False, markers=False)
        patients = sample_patients(dataset, settings.seed)
        harvest(workspace, dataset, encoder, some, None, progress,
                folder=workspace.sample_dir, engine=settings.engine, only=patients)  # fmt: skip

    if settings.sae:
        stage.run("encode", len(dataset), inputs, lambda: encode_all(sae))
    elif not _in_two_passes(dataset, encoder, settings):
        stage.run("encode", len(dataset), inputs, lambda: encode_all(None))
        stage.run(
            "train",
            0,
            [config.__dict__, settings.sweep],
            lambda: train_sae(workspace, shards, config, progress, sweep=settings.sweep, device=encoder.device),
            lambda: harvested(None),
        )
    else:
        stage.run("sample", min(SAMPLE_XRAYS, len(dataset)), [*inputs, how.sampled, SAMPLE_XRAYS], encode_sample)
        stage.run(
            "train",
            0,
            [config.__dict__, settings.sweep],
            lambda: train_sae(workspace, sample, config, progress, sweep=settings.sweep, device=encoder.device),
            lambda: None if sample.numbers() else encode_sample(),
        )
        stage.run("encode", len(dataset), [], lambda: encode_all(load(workspace.sae_dir)))
    sae = load(workspace.sae_dir).to(encoder.device)
    workspace.manifest.sae = SaeInfo(
        architecture=sae.config.architecture,
        tokens=settings.tokens,
        pool=sae.config.pool,
        width=sae.config.d_sae,
        k=sae.config.k,
        rule=workspace.manifest.sae.rule,
        trained_on="simulated X-rays of other patients, ahead of this build" if settings.sae else OWN_PATIENTS,
    )
    activated: list[Activated] = []

    def once() -> Activated:
        if not activated:
            activated.append(load_activated(workspace))
        return activated[0]

    stage.run("activate", len(shards), [settings.active], lambda: activated.append(
        activate(workspace, shards, sae, settings.tokens, settings.active, progress)), lambda: harvested(sae))  # fmt: skip
    stage.run("describe", 0, ["evidence 3"], lambda: describe_features(
        workspace, _records(workspace, shards), once(), sae, progress))  # fmt: skip
    stage.run("index", 0, ["gate 2"], lambda: index(workspace))
    stage.run("atlas", 0, [], lambda: draw_atlas(workspace, sae))
    stage.run("maps", 0, ["maps 1"], lambda: measure_maps(
        workspace, dataset, encoder, sae, open_places(dataset, workspace.boxes_file), progress))  # fmt: skip
    stage.run("score", 0, ["score 1"], lambda: score(workspace, progress))
    workspace.manifest.provenance = provenance()
    workspace.save()
    shutil.rmtree(workspace.cache_dir, ignore_errors=True)


def _width(dataset: Dataset, tokens: str) -> int:
    return recommended_width(len({record.patient_id for record in dataset.records()}), tokens)


def _in_two_passes(dataset: Dataset, encoder: Encoder, settings: BuildSettings) -> bool:
    """Whether the patches of all X-rays are too many to keep until the dictionary is trained."""
    needed = patch_bytes(len(dataset), encoder.patch_grid**2, encoder.d)
    return not settings.sae and settings.tokens == "patch" and needed > settings.patch_budget


def _harvest_settings(dataset: Dataset, encoder: Encoder, settings: BuildSettings) -> HarvestSettings:
    n = len(dataset)
    return HarvestSettings(
        tokens=settings.tokens,
        measured=min(16, max(1, MOST_MEASURED // max(n, 1))),
        shard=default_shard(n),
        batch=default_batch(encoder.device),
        workers=settings.workers or default_workers(encoder.device),
        keep_pictures=not dataset.info.simulated and n <= MOST_PICTURES,
        seed=settings.seed,
        strongest=n <= MOST_STRONGEST,
    )


def _announcement(dataset: Dataset, encoder: Encoder, settings: BuildSettings) -> str:
    how = _harvest_settings(dataset, encoder, settings)
    two = _in_two_passes(dataset, encoder, settings)
    if not settings.sae and not two:
        how = replace(how, keep=KEEP_ALL)
    else:
        how = replace(how, keep=KEEP_CODES)
    width = settings.width or (0 if settings.sae else _width(dataset, settings.tokens))
    estimate = Estimate.probe(dataset, encoder, how, width, SAMPLE_XRAYS if two else 0, settings.k)
    return describe_build(dataset, encoder, how, settings.engine, settings.out, estimate)


def _records(workspace: Workspace, shards: Shards) -> pd.DataFrame:
    """Metadata of every X-ray: of a finished build, whose shards are gone, from its store."""
    if shards.numbers() or not workspace.activations_db.exists():
        return shards.records()
    images = ActivationStore(workspace.activations_db).images()
    images["facts"] = [json.loads(facts) if isinstance(facts, str) else None for facts in images["facts"]]
    return images


def index(workspace: Workspace) -> None:
    """The search index, and the gate that is placed on it."""
    import numpy as np

    embeddings = np.load(workspace.embeddings, mmap_mode="r")
    ImageIndex.build(embeddings, workspace.faiss_index)
    images = ActivationStore(workspace.activations_db).images()
    Gate.build(
        ImageIndex(workspace.faiss_index),
        embeddings,
        np.load(workspace.error_file),
        images["patient_id"].to_numpy().astype(str),
        images["split"].to_numpy().astype(str),
        workspace.gate_file,
    )


def score(workspace: Workspace, progress: Progress) -> None:
    """The descriptions' scores, and what reports take from the validation patients, which follows from them."""
    score_descriptions(workspace, progress)
    Composer.open(workspace)


def draw_atlas(workspace: Workspace, sae: Sae) -> None:
    """The map of features."""
    build_atlas(sae, workspace.atlas_file)


def provenance() -> dict:
    """What made this workspace: command, versions, date. No user or host name."""
    packages = ("torch", "transformers", "streamlit", "duckdb", "numpy", "umap-learn", "pillow", "pydicom")
    return {
        "program": f"SAE-Rad {__version__}",
        "command": " ".join(["python -m saerad_core", *sys.argv[1:]]),
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }


class _Stages:
    """Runs what isn't done; a stage's key covers its own inputs and those of all stages before it."""

    def __init__(self, workspace: Workspace, progress: Progress) -> None:
        self.workspace = workspace
        self.progress = progress
        self.key = __version__

    def run(
        self,
        name: str,
        total: int,
        inputs: list,
        work: Callable[[], object],
        given: Callable[[], object] | None = None,
    ) -> None:
        """Do ``work`` unless it is done; before it ``given``, which brings back what it reads and a finished build removed."""
        self.key = hashlib.sha256((self.key + json.dumps(inputs, default=str)).encode()).hexdigest()
        record = self.workspace.manifest.stages.get(name)
        if record is not None and record.key == self.key:
            return
        if given is not None:
            given()
        self.progress.stage(STAGES[name], total, list(STAGES).index(name) + 1, len(STAGES))
        began = time.monotonic()
        work()
        self.workspace.manifest.stages[name] = StageRecord(seconds=time.monotonic() - began, key=self.key)
        self.workspace.save()
