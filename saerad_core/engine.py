"""The live path: one X-ray's bytes -> features -> report, and where a feature looks. Loaded once, shared by sessions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch

from saerad_core.datasets import Dataset, open_dataset
from saerad_core.encoder import Encoder, pooled
from saerad_core.errors import WorkspaceError
from saerad_core.gate import Gate, Typicality
from saerad_core.heatmap.methods import feature_heatmap
from saerad_core.heatmap.overlay import overlay_png
from saerad_core.images import sandbox
from saerad_core.reports.counterfactual import pairs_of, switched
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


@dataclass(frozen=True)
class Reading:
    """What the encoder and the dictionary make of one X-ray."""

    code: np.ndarray
    """float32 [m], before the rule."""
    active: list[tuple[int, float]]
    """(feature_id, activation), as the rule orders them."""
    typicality: Typicality | None
    """None where the workspace can't tell."""

    @property
    def untypical(self) -> bool:
        """Whether silent features are no evidence on it."""
        return self.typicality is not None and (self.typicality.flagged or self.typicality.poorly_explained)


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
    reading: Reading


class Ended(NamedTuple):
    """A stage of the live path that has just ended."""

    stage: str
    """decode, encode, features, typical, report or similar, in this order."""
    ms: float
    active: list[tuple[int, float]] | None = None
    """(feature_id, activation), once the features are known."""
    report: Report | None = None
    """Once it is compiled."""


Tell = Callable[[Ended], None]


def _nobody(_: Ended) -> None:
    """Nobody watches."""


class Engine:
    """Encoder, dictionary, rule, index and report writer of one workspace."""

    def __init__(self, workspace: Workspace, *, device: str = "auto", curation: CurationStore | None = None) -> None:
        self.workspace = workspace
        self._device = device
        self._curation = curation
        # The encoder is one object for all sessions; two forwards at once would only take each other's cores.
        self._lock = threading.Lock()
        self._aside = ThreadPoolExecutor(1, "nearest")

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

    def analyse(self, data: bytes, prior: Reading | None = None, tell: Tell = _nobody) -> Analysis:
        """From the bytes of a PNG, JPEG or DICOM file to its report.

        Args:
            data: the file.
            prior: the patient's prior X-ray, as `read` gives it.
            tell: called as each stage ends.

        Raises:
            ImageRefused: the file is not a usable radiograph; the message says why.
        """
        began = time.perf_counter()
        radiograph = sandbox.decode_sandboxed(data)
        timings = {"decode": _ms(began)}
        tell(Ended("decode", timings["decode"]))
        return self.analyse_pixels(radiograph.pixels, radiograph.facts, timings, prior=prior, tell=tell)

    def read(self, source: bytes | np.ndarray, row: int | None = None) -> Reading:
        """Only features and typicality, as of a prior X-ray; ``source`` and ``row`` as in analyse and analyse_pixels."""
        pixels = source if isinstance(source, np.ndarray) else sandbox.decode_sandboxed(source).pixels
        return self._read(pixels, row, {}, _nobody)[0]

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
        prior: Reading | None = None,
        tell: Tell = _nobody,
    ) -> Analysis:
        """The same from float32 pixels H x W in [0, 1]; ``row`` where it is one of the workspace's own X-rays."""
        timings = dict(timings or {})
        reading, vector = self._read(pixels, row, timings, tell)
        began = time.perf_counter()
        report = self.report_of(reading, prior, facts)
        timings["report"] = _ms(began)
        tell(Ended("report", timings["report"], report=report))
        began = time.perf_counter()
        similar = self.index.search(vector, SIMILAR)
        timings["similar"] = _ms(began)
        tell(Ended("similar", timings["similar"]))
        report.timings_ms.update(timings)
        box = self.encoder.patch_box(*pixels.shape)
        return Analysis(pixels, facts or {}, reading.code, reading.active, report, similar, box, reading)

    def report_of(
        self,
        reading: Reading,
        prior: Reading | None = None,
        facts: dict[str, str] | None = None,
        multipliers: Mapping[int, float] | None = None,
    ) -> Report:
        """The report of an X-ray that was read; milliseconds.

        Args:
            reading: of the X-ray.
            prior: of the patient's prior one.
            facts: allow-listed tags of the file; a warning among them comes first.
            multipliers: features to switch off (0) or up, as reports.counterfactual.switched takes them.
        """
        curated = self._curation.all_current() if self._curation is not None else {}
        code = switched(reading.code, multipliers, self.composer.tables.most) if multipliers else reading.code
        found, whole = pairs_of(code, self.thresholds)
        then = None if prior is None or prior.untypical else pairs_of(prior.code, self.thresholds)[1]
        seen = reading.typicality is None or not reading.typicality.unseen
        report = self.composer.compose(found, curated, whole, silence=not reading.untypical, prior=then, seen=seen)
        report.typicality = reading.typicality.as_json() if reading.typicality is not None else None
        if prior is not None and prior.untypical:
            report.warnings.insert(
                0, "The prior X-ray is unlike those of this workspace, so nothing is said of changes."
            )
        if facts and "warning" in facts:
            report.warnings.insert(0, facts["warning"])
        # Where there is no report for it, the reason has said more than the warning.
        if reading.typicality is not None and reading.typicality.warning and (seen or reading.typicality.flagged):
            report.warnings.insert(0, reading.typicality.warning)
        return report

    def _read(
        self, pixels: np.ndarray, row: int | None, timings: dict[str, float], tell: Tell
    ) -> tuple[Reading, np.ndarray]:
        """Features and typicality, and the vector that similar X-rays are searched by."""
        with self._lock, torch.no_grad():
            began = time.perf_counter()
            embedded = self.encoder.embed(self.encoder.preprocess([pixels]), patches=True)
            timings["encode"] = _ms(began)
            tell(Ended("encode", timings["encode"]))
            began = time.perf_counter()
            vector = np.asarray(pooled(embedded)[0].cpu(), dtype=np.float32)
            # The search waits for memory rather than for the cores that look for features.
            gate = self.gate
            distance = self._aside.submit(gate.distance, vector, row) if gate is not None else None
            # Rounded to float16 as the store's codes are, so that the same pixels give the same features.
            read = self.reader.read(embedded)
            code = read.code.rows(slice(None)).toarray()[0]
            features, values = active(code, self.thresholds)
            found = [(int(f), float(v)) for f, v in zip(features, values, strict=True)]
            timings["features"] = _ms(began)
            tell(Ended("features", timings["features"], active=found))
            began = time.perf_counter()
            typicality = None
            if gate is not None and distance is not None:
                typicality = gate.judge(vector, read.error[0], row, distance.result())
            timings["typical"] = _ms(began)
            tell(Ended("typical", timings["typical"]))
        return Reading(code, found, typicality), vector

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
