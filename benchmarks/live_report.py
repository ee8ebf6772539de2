"""From upload to the first sentence, beside the bare encoder forward, at RAD-DINO's shape.

    python -m benchmarks.live_report [--workspace data/demo] [--real data/nih] [--quick] [--json OUT]

The encoder is a DINOv2 ViT-B/14 at 518 px with random weights: RAD-DINO's own can't be had offline, and a forward takes as long whatever its
weights are. So are the dictionary's (768 -> 12,288, topk) and the index's (100,000 X-rays of 1,536 components). The evidence tables
are those of a workspace, laid over the wider dictionary. The X-ray is simulated: a 12-bit DICOM file of 2,500 x 2,500 pixels. Forward and live
path take turns in one process; the ratio is of the medians. bfloat16 where the processor multiplies it natively. Whether
bfloat16 finds float32's features is measured with real weights: X-rays of a workspace's test patients through its own encoder
and dictionary.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save_file

from benchmarks.common import Results, arguments
from saerad_core.demo.population import patient_studies
from saerad_core.demo.render import render
from saerad_core.encoder import Encoder, pooled
from saerad_core.engine import Ended, Engine
from saerad_core.gate import Gate
from saerad_core.images import sandbox
from saerad_core.retrieval import ImageIndex
from saerad_core.sae.active import active
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.image_code import ImageReader
from saerad_core.sae.registry import make
from saerad_core.stages.describe import Composer
from saerad_core.stages.embed_again import open_encoder
from saerad_core.store.activations import ActivationStore
from saerad_core.workspace import Workspace

GOAL = "upload to the first sentence <= 1.15x the bare encoder forward"
SAME = "95% of features found equal to fp32's"
WIDTH, K, ACTIVE = 12_288, 32, 30
INDEXED = 100_000
SIDE = 2_500
"""Pixels along the film."""


def rad_dino_shape(folder: Path, precision: str) -> Encoder:
    """ViT-B/14 at 518 px, random weights."""
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    size = 518
    model = Dinov2Model(Dinov2Config(image_size=size, patch_size=14))
    model.save_pretrained(folder, safe_serialization=True)
    text = (
        f'{{"size": {{"shortest_edge": {size}}}, "crop_size": {{"height": {size}, "width": {size}}}, "do_center_crop": true, '
        '"image_mean": [0.53, 0.53, 0.53], "image_std": [0.25, 0.25, 0.25]}'
    )
    (folder / "preprocessor_config.json").write_text(text)
    return Encoder.load(folder, precision=precision)


def film() -> bytes:
    """A simulated X-ray as a 12-bit DICOM file."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

    pixels = render(patient_studies(11, 3)[0], size=1024).pixels
    large = np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)).clip(0, 1)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = "2.25.1"
    file = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    file.Modality, file.ViewPosition = "DX", "PA"
    file.Rows, file.Columns = large.shape
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 12, 11, 0
    file.PixelData = (large * 4095).astype(np.uint16).tobytes()
    out = io.BytesIO()
    file.save_as(out, enforce_file_format=True)
    return out.getvalue()


def assemble(engine: Engine, encoder: Encoder, tokens: str, folder: Path, pixels: np.ndarray) -> None:
    """Put the large parts in place of the workspace's own."""
    torch.manual_seed(1)
    sae = make(SaeConfig(encoder.d, WIDTH, k=K, tokens=tokens)).to(encoder.device)
    embedded = encoder.embed(encoder.preprocess([pixels]))
    with torch.no_grad():
        sae.W_dec.copy_(torch.nn.functional.normalize(torch.randn(WIDTH, encoder.d), dim=1))
        sae.W_enc.copy_(sae.W_dec.T)
        sae.b_dec.copy_(embedded.patches[0].mean(0) if embedded.patches is not None else sae.b_dec)
    reader = ImageReader(sae, tokens)
    code = reader.read(embedded).code.rows(slice(None)).toarray()[0]
    cut = float(np.sort(code)[-min(ACTIVE, int((code > 0).sum())) - 1])
    tables = engine.composer.tables
    rng = np.random.default_rng(0)
    spread = rng.integers(tables.width, size=WIDTH)
    examples = tables.examples
    lengths = np.diff(examples.start)[spread]
    rows = np.concatenate([examples.rows[examples.start[f] : examples.start[f + 1]] for f in spread])
    stated = np.isin(np.arange(len(tables.facts)), np.argsort(-tables.priors)[:8])
    wide = replace(
        tables,
        # So that there are sentences to write, whatever random weights say of the X-ray: about as many as a full report has.
        weights=np.where(stated[:, None], 0.01, tables.weights[:, spread]).astype(np.float32),
        intercepts=np.where(stated, 3.0, -6.0).astype(np.float32),
        centre=tables.centre[spread] * 0,
        scale=np.full(WIDTH, max(float(code.max()), 1e-3), dtype=np.float32),
        most=np.full(WIDTH, float(code.max()), dtype=np.float32),
        severity_weights=np.concatenate([tables.severity_weights[:, spread], tables.severity_weights[:, -1:]], axis=1),
        examples=replace(examples, start=np.concatenate([[0], np.cumsum(lengths)]), rows=rows),
    )
    vars(engine).update(
        encoder=encoder,
        sae=sae,
        reader=reader,
        thresholds=np.full(WIDTH, cut, dtype=np.float32),
        # Described like the features that they repeat; no report abstains, so that there is a sentence to wait for.
        composer=Composer(wide, {f: "A finding." for f in range(WIDTH)}),
    )
    if "index" not in vars(engine):
        d = 2 * encoder.d
        made = rng.standard_normal((INDEXED, d), dtype=np.float32)
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        made[0] = pooled(embedded)[0].cpu().numpy()
        ImageIndex.build(made, folder / "images.faiss")
        save_file(
            {
                "distances": np.linspace(0, 2, 5_000, dtype=np.float32),
                "errors": np.linspace(0, 2, 5_000, dtype=np.float32),
                "patients": np.arange(INDEXED, dtype=np.int32),
            },
            folder / "gate.safetensors",
        )
        index = ImageIndex(folder / "images.faiss")
        vars(engine).update(index=index, gate=Gate(folder / "gate.safetensors", index))


def measure(results: Results, engine: Engine, data: bytes, tokens: str, repeats: int) -> None:
    """Forward and live path in turn."""
    encoder = engine.encoder
    batch = encoder.preprocess([sandbox.decode_sandboxed(data).pixels])
    bare: list[float] = []
    first: list[float] = []
    listed: list[float] = []
    stages: dict[str, list[float]] = {}
    for turn in range(repeats + 1):
        began = time.perf_counter()
        encoder.embed(batch)
        forward = time.perf_counter() - began
        ended: dict[str, float] = {}
        began = time.perf_counter()

        def tell(stage: Ended, began: float = began, ended: dict[str, float] = ended) -> None:
            ended[stage.stage] = time.perf_counter() - began
            assert stage.stage != "report" or (stage.report is not None and stage.report.findings)

        analysis = engine.analyse(data, tell=tell)
        if turn:  # The first ones warm caches.
            bare.append(forward)
            first.append(ended["report"])
            listed.append(ended["features"])
            for name, ms in analysis.report.timings_ms.items():
                stages.setdefault(name, []).append(ms)
    what = f"{tokens} tokens, {encoder.precision}"
    ratio = float(np.median(first) / np.median(bare))
    results.add(f"{what}: upload to the first sentence / forward", ratio, "x", GOAL, ratio <= 1.15)
    results.add(
        f"{what}: ... upload to the list of features / forward", float(np.median(listed) / np.median(bare)), "x"
    )
    results.add(f"{what}: bare forward", 1000 * float(np.median(bare)), "ms")
    for name, ms in stages.items():
        results.add(f"{what}: ... {name}", float(np.median(ms)), "ms")


def features_kept(results: Results, workspace: Workspace, most: int) -> None:
    """Share of float32's active features that bfloat16 finds too, with real weights on real X-rays."""
    engine = Engine(workspace)
    images = ActivationStore(workspace.activations_db).images("test").head(most)
    found: dict[str, list[set[int]]] = {}
    for precision in ("float32", "bfloat16"):
        encoder = open_encoder(workspace, "auto")
        encoder.precision = precision
        for image_id in images["image_id"]:
            embedded = encoder.embed(encoder.preprocess([engine.pixels_of(image_id)]))
            code = engine.reader.read(embedded).code.rows(slice(None)).toarray()[0]
            found.setdefault(precision, []).append({int(f) for f in active(code, engine.thresholds)[0]})
    both = sum(len(a & b) for a, b in zip(*found.values(), strict=True))
    share = both / max(1, sum(len(a) for a in found["float32"]))
    name = f"float32's active features found in bfloat16 ({len(images)} X-rays of {workspace.root.name})"
    results.add(name, share, "share", SAME, share >= 0.95)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--workspace", type=Path, default=Path("data/demo"))
    parser.add_argument("--real", type=Path, default=Path("data/nih"), help="workspace whose encoder has real weights")
    parser.add_argument("--precision", default="auto")
    options = parser.parse_args()
    results = Results()
    data = film()
    sandbox.warm()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        encoder = rad_dino_shape(folder / "encoder", options.precision)
        large: dict[str, object] = {}
        for tokens in ("cls", "patch"):
            engine = Engine(Workspace.open(options.workspace))
            _ = engine.composer
            vars(engine).update(large)
            assemble(engine, encoder, tokens, folder, sandbox.decode_sandboxed(data).pixels)
            large = {"index": engine.index, "gate": engine.gate}
            measure(results, engine, data, tokens, 3 if options.quick else 9)
    results.add("threads", torch.get_num_threads(), "threads")
    if options.real.is_dir():
        features_kept(results, Workspace.open(options.real), 10 if options.quick else 60)
    else:
        results.unmeasured("float32's active features found in bfloat16", f"there is no {options.real}", SAME)
    results.add("processes waiting for a core (1 min average)", os.getloadavg()[0], f"of {os.cpu_count()} cores")
    results.write(options.json)


if __name__ == "__main__":
    main()
