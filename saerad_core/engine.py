"""The live path: one X-ray's bytes -> features -> report, and where a feature looks. Loaded once, shared by sessions."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from saerad_core.datasets import Dataset, open_dataset
from saerad_core.encoder import Encoder, pooled
from saerad_core.errors import WorkspaceError
from saerad_core.gate import Gate, Typicality
from saerad_core.heatmap import feature_heatmap, overlay_png
from saerad_core.images import sandbox
from saerad_core.reports.report import Report
from saerad_core.retrieval import ImageIndex
from saerad_core.sae.active import active
from saerad_core.sae.base import Sae
from saerad_core.sae.files import load
from saerad_core.sae.image_code import ImageReader
from saerad_core.sae.strongest_patches import StrongestPatches
from saerad_core.stages.activate import load_thresholds
from saerad_core.stages.describe import Composer
from saerad_core.stages.embed_again import open_encoder
from saerad_core.store.curation import CurationStore
from saerad_core.workspace import Workspace

SIMILAR = 8
"""X-rays listed as similar to an uploaded one."""


@dataclass
class Analysis:
    """Everything that one X-ray led to."""

    pixels: np.ndarray
    """float32 H x W in [0, 1], bone white."""
    facts: dict[str, str]
    """Allow-listed tags of the file."""
    code: np.ndarray
    """float32 [m], before the rule."""
    active: list[tuple[int, float]]
    """(feature_id, activation), as the rule orders them."""
    report: Report
    similar: list[tuple[int, float]]
    """(row, cosine similarity) of the workspace's nearest X-rays."""
    box: tuple[int, int, int, int]
    """(top, left, bottom, right) of the pixels that the encoder saw."""


class Engine:
    """Encoder, dictionary, rule, index and report writer of one workspace."""

    def __init__(self, workspace: Workspace, *, device: str = "auto", curation: CurationStore | None = None) -> None:
        self.workspace = workspace
        self._device = device
        self._curation = curation
        # The encoder is one object for all sessions; two forwards at once would only take each other's cores.
        self._lock = threading.Lock()

    @cached_property
    def encoder(self) -> Encoder:
        return open_encoder(self.workspace, self._device)

    @cached_property
    def sae(self) -> Sae:
        return load(self.workspace.sae_dir).to(self.encoder.device)

    @cached_property
    def reader(self) -> ImageReader:
        return ImageReader(self.sae, self.workspace.manifest.sae.tokens)

    @cached_property
    def thresholds(self) -> np.ndarray:
        return load_thresholds(self.workspace)

    @cached_property
    def composer(self) -> Composer:
        return Composer.open(self.workspace)

    @cached_property
    def index(self) -> ImageIndex:
        return ImageIndex(self.workspace.faiss_index)

    @cached_property
    def _strongest(self) -> StrongestPatches | None:
        """None in a workspace that keeps none."""
        path = self.workspace.strongest_patches
        return StrongestPatches(path) if path.exists() else None

    @cached_property
    def dataset(self) -> Dataset:
        return open_dataset(self.workspace.manifest.dataset)

    @cached_property
    def gate(self) -> Gate | None:
        """None in a workspace that was built before there was one."""
        path = self.workspace.gate_file
        return Gate(path, self.index) if path.exists() else None

    def warm(self) -> None:
        """Load everything, so that the first X-ray doesn't wait for it."""
        sandbox.warm()
        with self._lock:
            _ = self.encoder, self.reader, self.thresholds, self.composer, self.index, self.gate

    def analyse(self, data: bytes) -> Analysis:
        """From the bytes of a PNG, JPEG or DICOM file to its report.

        Raises:
            ImageRefused: the file is not a usable radiograph; the message says why.
        """
        began = time.perf_counter()
        radiograph = sandbox.decode_sandboxed(data)
        return self.analyse_pixels(radiograph.pixels, radiograph.facts, {"decode": _ms(began)})

    def judge_pixels(self, pixels: np.ndarray, row: int | None = None) -> Typicality:
        """Only how unlike the training X-rays an image float32 H x W is; ``row`` as in analyse_pixels.

        Raises:
            WorkspaceError: the workspace was built before there was a gate.
        """
        if self.gate is None:
            raise WorkspaceError("This workspace has no reference for unusual images; build it again.")
        with self._lock, torch.no_grad():
            embedded = self.encoder.embed(self.encoder.preprocess([pixels]), patches=True)
            error = self.reader.read(embedded).error[0]
            return self.gate.judge(np.asarray(pooled(embedded)[0].cpu(), dtype=np.float32), error, row)

    def analyse_pixels(
        self,
        pixels: np.ndarray,
        facts: dict[str, str] | None = None,
        timings: dict[str, float] | None = None,
        row: int | None = None,
    ) -> Analysis:
        """The same from float32 pixels H x W in [0, 1]; ``row`` where it is one of the workspace's own X-rays."""
        timings = dict(timings or {})
        with self._lock, torch.no_grad():
            began = time.perf_counter()
            embedded = self.encoder.embed(self.encoder.preprocess([pixels]), patches=True)
            timings["encode"] = _ms(began)
            began = time.perf_counter()
            # Rounded to float16 as the store's codes are, so that the same pixels give the same features.
            read = self.reader.read(embedded)
            code = read.code.rows(slice(None)).toarray()[0]
            features, values = active(code, self.thresholds)
            timings["features"] = _ms(began)
            began = time.perf_counter()
            vector = np.asarray(pooled(embedded)[0].cpu(), dtype=np.float32)
            similar = self.index.search(vector, SIMILAR)
            timings["similar"] = _ms(began)
            began = time.perf_counter()
            typicality = self.gate.judge(vector, read.error[0], row) if self.gate is not None else None
            timings["typical"] = _ms(began)
        found = [(int(f), float(v)) for f, v in zip(features, values, strict=True)]
        began = time.perf_counter()
        curated = self._curation.all_current() if self._curation is not None else {}
        fires = np.flatnonzero(code)
        whole = list(zip(fires.tolist(), code[fires].tolist(), strict=True))
        known = typicality is None or not (typicality.flagged or typicality.poorly_explained)
        report = self.composer.compose(found, curated, whole, silence=known)
        timings["report"] = _ms(began)
        report.timings_ms.update(timings)
        report.typicality = typicality.as_json() if typicality is not None else None
        if facts and "warning" in facts:
            report.warnings.insert(0, facts["warning"])
        if typicality is not None and typicality.warning:
            report.warnings.insert(0, typicality.warning)
        box = self.encoder.patch_box(*pixels.shape)
        return Analysis(pixels, facts or {}, code, found, report, similar, box)

    def pixels_of(self, image_id: str) -> np.ndarray:
        """The picture of one of the workspace's X-rays, float32 H x W."""
        return self.dataset.picture(image_id)

    def heatmap_png(
        self, feature_id: int, image_id: str | None = None, pixels: np.ndarray | None = None, row: int | None = None
    ) -> bytes:
        """Transparent overlay of where a feature looks, of the size of the X-ray's picture.

        Of the workspace's own X-ray number ``row`` it is read from the file of strongest patches where it is kept there.
        """
        stored = self._strongest.of(feature_id, row) if row is not None and self._strongest is not None else None
        if pixels is None:
            assert image_id is not None
            pixels = self.pixels_of(image_id)
        with self._lock:
            tokens = self.workspace.manifest.sae.tokens
            heat = feature_heatmap(self.encoder, self.sae, tokens, pixels, feature_id, stored)
        return overlay_png(heat, *pixels.shape)


def _ms(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 2)
