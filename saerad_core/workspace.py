"""The one folder that holds everything of one dataset + encoder + SAE. See docs/workspace-format.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from saerad_core.errors import WorkspaceError

SCHEMA_VERSION = 1
OWN_PATIENTS = "this workspace's training patients"
"""What a dictionary was trained on, where it wasn't trained ahead on others."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class DatasetInfo(BaseModel):
    """Where the X-rays came from."""

    kind: str
    """Registry name of the adapter, such as mimic-cxr, folder, simulated."""
    title: str = ""
    simulated: bool = False
    """True where the images were made by this project; every page then says so."""
    pseudo_reports: bool = False
    """True where the reports are another patient's, matched by label."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What the adapter needs to find an image again (folder of images, seed)."""


class EncoderInfo(BaseModel):
    """The frozen vision transformer."""

    id: str
    """Hub id or folder as it was given."""
    revision: str = ""
    fingerprint: str = ""
    """sha256 over weights, config and preprocessor; a live upload must match it."""
    d: int = 0
    image_size: int = 0
    patch_grid: int = 0
    """Patches along one side of the square input."""
    precision: str = "float32"
    """Of the matrix products, at the build and live alike: float32 or bfloat16."""


class SaeInfo(BaseModel):
    """The dictionary and how it was read."""

    architecture: str = "topk"
    tokens: str = "cls"
    """cls: one code an X-ray. patch: one code a patch token."""
    pool: str = "max"
    """max or mean: of a patch dictionary's codes over an X-ray's patches, which is the X-ray's."""
    width: int = 0
    k: int = 0
    rule: str = ""
    """In words: when a feature counts as active for an X-ray."""
    trained_on: str = ""
    candidate: str = ""
    """Name among the candidates, where the workspace was switched to it; "" for the build's own."""


class Counts(BaseModel):
    """Filled by the stages; every one is recomputed by the stage that owns it."""

    images: int = 0
    patients: int = 0
    train_images: int = 0
    features: int = 0
    alive: int = 0
    described: int = 0
    active_per_image: float = 0.0
    """Mean number of active features an X-ray, after the rule."""


class Metrics(BaseModel):
    """SAE quality on the patients of the test split."""

    l0: float = 0.0
    """Mean non-zero coefficients a token."""
    explained_variance: float = 0.0
    cosine: float | None = None
    """Mean cosine between a token and itself rebuilt; None where the build that made the workspace didn't measure it."""
    pca_explained_variance: float = 0.0
    """PCA with k components, fit on the training split, on the same test tokens."""
    dead_share: float = 0.0
    """Share of features that never fire on the training split."""


class StageRecord(BaseModel):
    """A finished stage."""

    seconds: float = 0.0
    key: str = ""
    """Hash of the stage's inputs; another key means that it must run again."""


class Manifest(BaseModel):
    """workspace.json."""

    schema_version: int = SCHEMA_VERSION
    name: str
    dataset: DatasetInfo
    encoder: EncoderInfo
    sae: SaeInfo = Field(default_factory=SaeInfo)
    counts: Counts = Field(default_factory=Counts)
    metrics: Metrics = Field(default_factory=Metrics)
    funnel: dict[str, int] = Field(default_factory=dict)
    """Images and patients left after each step of reading the dataset."""
    stages: dict[str, StageRecord] = Field(default_factory=dict)
    provenance: dict[str, Any] = Field(default_factory=dict)
    """Command, versions, date."""


class Workspace:
    """Paths and manifest of a workspace folder."""

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self.root = root
        self.manifest = manifest

    @classmethod
    def create(cls, root: Path | str, dataset: DatasetInfo, encoder: EncoderInfo) -> Workspace:
        """Make the folder, or reopen an unfinished one of the same dataset and encoder."""
        root = Path(root)
        if not _NAME.fullmatch(root.name):
            raise WorkspaceError(
                f"The workspace name {root.name!r} is not usable; take letters, digits, dots, dashes and underscores."
            )
        if (root / "workspace.json").exists():
            workspace = cls.open(root)
            if (workspace.manifest.dataset, workspace.manifest.encoder) != (dataset, encoder):
                raise WorkspaceError(
                    f"{root} holds a workspace of other images or another encoder; choose another --out."
                )
            return workspace
        root.mkdir(parents=True, exist_ok=True)
        workspace = cls(root, Manifest(name=root.name, dataset=dataset, encoder=encoder))
        workspace.save()
        return workspace

    @classmethod
    def open(cls, root: Path | str) -> Workspace:
        """Open a workspace folder.

        Raises:
            WorkspaceError: there is none, its manifest is damaged, or another version of this program made it.
        """
        root = Path(root)
        try:
            text = (root / "workspace.json").read_text(encoding="utf-8")
        except OSError as error:
            raise WorkspaceError(
                f"There is no workspace at {root}; build one with `python -m saerad_core build`."
            ) from error
        try:
            manifest = Manifest.model_validate_json(text)
        except ValidationError as error:
            raise WorkspaceError(f"{root / 'workspace.json'} is damaged; build the workspace again.") from error
        if manifest.schema_version != SCHEMA_VERSION:
            raise WorkspaceError(
                f"{root} has schema version {manifest.schema_version}, this program reads {SCHEMA_VERSION}; build it again."
            )
        return cls(root, manifest)

    def save(self) -> None:
        """Write workspace.json in one step, so that a reader never sees half of it."""
        part = self.root / "workspace.json.part"
        part.write_text(self.manifest.model_dump_json(indent=2), encoding="utf-8")
        part.replace(self.root / "workspace.json")

    def is_browsable(self) -> bool:
        """Whether features can be looked at (the map may still be in the making)."""
        return "describe" in self.manifest.stages

    @property
    def activations_db(self) -> Path:
        return self.root / "activations.duckdb"

    @property
    def curation_db(self) -> Path:
        return self.root / "curation.duckdb"

    @property
    def curation_journal(self) -> Path:
        return self.root / "curation.jsonl"

    @property
    def embeddings(self) -> Path:
        """N x d float16 .npy, one row an X-ray in the order of images.row: what FAISS searches."""
        return self.root / "embeddings.npy"

    @property
    def codes(self) -> Path:
        """Folder of the X-rays' codes before the active rule, as compressed sparse rows in the same order (sae/codes.py)."""
        return self.root / "codes"

    @property
    def error_file(self) -> Path:
        """N x 2 float32 .npy: squared error of the SAE on the X-ray's tokens, and their squared distance from its b_dec."""
        return self.root / "error.npy"

    @property
    def sample_dir(self) -> Path:
        """Shards of the X-rays that the SAE of a large set is trained on; gone once the build is done."""
        return self.cache_dir / "sample"

    @property
    def strongest_patches(self) -> Path:
        """safetensors: where each feature fires on the X-rays that show it most strongly; of patch dictionaries only."""
        return self.root / "patches.safetensors"

    @property
    def meanings_dir(self) -> Path:
        """Vectors of descriptions by a sentence model, a folder a model; may be missing."""
        return self.root / "meanings"

    @property
    def maps_file(self) -> Path:
        """safetensors: every feature's mean map, and its maps' scores where masks or boxes could test them; may be missing."""
        return self.root / "maps.safetensors"

    @property
    def boxes_file(self) -> Path:
        """Boxes that readers drew, in the form of NIH's BBox_List_2017.csv, where somebody gave some (`saerad_core maps --boxes`)."""
        return self.root / "boxes.csv"

    @property
    def faiss_index(self) -> Path:
        return self.root / "images.faiss"

    @property
    def atlas_file(self) -> Path:
        """Parquet of feature_id, x, y: written after the store, which is read-only by then."""
        return self.root / "atlas.parquet"

    @property
    def evidence_file(self) -> Path:
        """safetensors with the calibrated evidence tables that reports are compiled from."""
        return self.root / "evidence.safetensors"

    @property
    def reporting_file(self) -> Path:
        """JSON: when a report abstains and when it states a change, chosen on validation patients."""
        return self.root / "reporting.json"

    @property
    def said_file(self) -> Path:
        """Parquet: what reports of validation and test patients state, for scoring descriptions; may be missing."""
        return self.root / "said.parquet"

    @property
    def scores_file(self) -> Path:
        """Parquet: scores of the program's descriptions on these patients, and flags of features; may be missing."""
        return self.root / "scores.parquet"

    @property
    def markers_file(self) -> Path:
        """Parquet: border zones of each picture that hold a marker or burned-in text; may be missing (`saerad_core markers`)."""
        return self.root / "markers.parquet"

    @property
    def gate_file(self) -> Path:
        """safetensors with the training X-rays' own distances and errors, which an image is placed among."""
        return self.root / "gate.safetensors"

    @property
    def sae_dir(self) -> Path:
        return self.root / "sae"

    @property
    def candidates_dir(self) -> Path:
        """Other dictionaries, a folder each."""
        return self.root / "candidates"

    @property
    def sweep_file(self) -> Path:
        """Where a running sweep is, as build.json is of a build."""
        return self.root / "sweep.json"

    @property
    def runs_dir(self) -> Path:
        """JSON lines of every SAE training, one file a run."""
        return self.sae_dir / "runs"

    @property
    def tokens(self) -> Path:
        """N x t x d float16 .npy: CLS, or sampled patches; what other SAEs can be trained and measured on."""
        return self.root / "tokens.npy"

    @property
    def cache_dir(self) -> Path:
        """Shards of an unfinished build; may be deleted once the build is done."""
        return self.root / "cache"

    @property
    def progress_file(self) -> Path:
        return self.root / "build.json"

    def thumb(self, image_id: str) -> Path:
        """224 px WebP."""
        return self.root / "thumbs" / f"{image_id}.webp"

    def picture(self, image_id: str) -> Path:
        """512 px lossless grey picture for people; simulated ones are drawn when first asked for."""
        return self.root / "pictures" / f"{image_id}.webp"


def list_workspaces(folder: Path) -> list[Workspace]:
    """The workspaces under ``folder`` that this program can open, by name."""
    found = []
    for manifest in sorted(folder.glob("*/workspace.json")):
        try:
            found.append(Workspace.open(manifest.parent))
        except WorkspaceError:
            continue
    return found
