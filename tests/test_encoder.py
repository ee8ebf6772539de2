"""The encoder: preprocessing as the model's own processor does it, boxes, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from saerad_core.encoder import REVISIONS, Encoder, pooled
from saerad_core.errors import EncoderError


def write_encoder(folder: Path, size: int = 64, patch: int = 16, edge: int | None = None, channels: int = 1) -> Path:
    """A random DINOv2-like model on disk."""
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    config = Dinov2Config(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=size,
        patch_size=patch,
        num_channels=channels,
    )
    model = Dinov2Model(config)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {k: v.contiguous() for k, v in model.state_dict().items()}, folder / "model.safetensors", {"format": "pt"}
    )
    (folder / "config.json").write_text(config.to_json_string())
    how = {
        "size": {"shortest_edge": edge or size},
        "crop_size": {"height": size, "width": size},
        "do_center_crop": True,
        "image_mean": [0.5] * channels,
        "image_std": [0.25] * channels,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(how))
    return folder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Encoder:
    return Encoder.load(write_encoder(tmp_path_factory.mktemp("encoder") / "tiny", edge=80), precision="float32")


def test_shapes_and_pooled(encoder: Encoder) -> None:
    batch = encoder.preprocess([np.full((100, 160), 0.5, dtype=np.float32), np.ones((90, 70), dtype=np.float32)])
    assert batch.shape == (2, 1, 64, 64)
    # 0.5 is level 128 of 255, as the image processor would be handed it.
    torch.testing.assert_close(batch[0], torch.full_like(batch[0], (128 / 255 - 0.5) / 0.25), atol=1e-6, rtol=0)
    embedded = encoder.embed(batch)
    assert embedded.cls.shape == (2, 32)
    assert embedded.patches is not None and embedded.patches.shape == (2, 16, 32)
    torch.testing.assert_close(pooled(embedded).norm(dim=1), torch.ones(2))


def test_one_image_at_a_time_equals_the_batch(encoder: Encoder) -> None:
    rng = np.random.default_rng(0)
    images = [rng.random((80 + 10 * i, 90), dtype=np.float32) for i in range(3)]
    together = encoder.embed(encoder.preprocess(images)).cls
    for i, image in enumerate(images):
        torch.testing.assert_close(encoder.embed(encoder.preprocess([image])).cls[0], together[i], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("shape", [(160, 100), (100, 160), (80, 80)])
def test_the_box_is_what_the_encoder_sees(encoder: Encoder, shape: tuple[int, int]) -> None:
    top, left, bottom, right = encoder.patch_box(*shape)
    pixels = np.zeros(shape, dtype=np.float32)
    assert torch.equal(encoder.preprocess([pixels])[0], encoder.preprocess([pixels])[0])
    outside = pixels.copy()
    margin = 3
    mask = np.ones(shape, dtype=bool)
    mask[max(0, top - margin) : bottom + margin, max(0, left - margin) : right + margin] = False
    outside[mask] = 1
    assert mask.any()
    torch.testing.assert_close(encoder.preprocess([outside]), encoder.preprocess([pixels]), atol=0.05, rtol=0)
    inside = pixels.copy()
    inside[top + 2 : bottom - 2, left + 2 : right - 2] = 1
    assert float(encoder.preprocess([inside]).max()) > 1


def test_refusals_are_one_sentence(tmp_path) -> None:
    with pytest.raises(EncoderError, match="no encoder"):
        Encoder.load("nobody/nothing-here")
    folder = write_encoder(tmp_path / "e")
    with pytest.raises(EncoderError, match="multiple of this encoder's patch size"):
        Encoder.load(folder, image_size=70)
    (folder / "config.json").write_text('{"model_type": "vit"}')
    with pytest.raises(EncoderError, match="'vit' model"):
        Encoder.load(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(EncoderError, match=r"no model\.safetensors"):
        Encoder.load(folder)


def test_another_weight_is_another_fingerprint(tmp_path) -> None:
    one = Encoder.load(write_encoder(tmp_path / "a"))
    two = Encoder.load(write_encoder(tmp_path / "b", edge=80))
    assert one.fingerprint == Encoder.load(tmp_path / "a").fingerprint != two.fingerprint


SHAPES = [(420, 300), (300, 420), (259, 259), (101, 333), (517, 518), (64, 90), (700, 257)]
"""Portrait, landscape, square, odd, smaller than the crop."""


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"size": {"shortest_edge": 64}},
        {"size": {"shortest_edge": 48}},
        {"size": {"height": 64, "width": 64}},
        {"do_center_crop": False, "size": {"height": 64, "width": 64}},
        {"do_rescale": False},
        {"do_normalize": False},
        {"do_resize": False},
        {"resample": 2},
        {"resample": 1},
        {"rescale_factor": 0.01},
    ],
)
def test_preprocessing_is_the_image_processors(tmp_path, change: dict) -> None:
    from PIL import Image
    from transformers import BitImageProcessorPil

    folder = write_encoder(tmp_path / "e", edge=80, channels=3)
    path = folder / "preprocessor_config.json"
    how = json.loads(path.read_text()) | {"do_resize": True, "resample": 3, "do_convert_rgb": True} | change
    path.write_text(json.dumps(how))
    encoder, processor = Encoder.load(folder), BitImageProcessorPil.from_pretrained(folder, local_files_only=True)
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        grey = rng.integers(0, 256, shape).astype(np.uint8)
        ours = encoder.preprocess([grey.astype(np.float32) / 255])
        theirs = processor(Image.fromarray(grey).convert("RGB"), return_tensors="pt")["pixel_values"]
        torch.testing.assert_close(ours, theirs.float(), atol=1e-3, rtol=1e-6)


def test_real_x_rays_are_preprocessed_as_dinov2s_processor_does(shared: Path) -> None:
    from PIL import Image
    from transformers import BitImageProcessorPil

    folder = shared / "models" / "dinov2-small"
    encoder, processor = Encoder.load(folder), BitImageProcessorPil.from_pretrained(folder, local_files_only=True)
    for path in sorted((shared / "cxr" / "nih" / "images").iterdir())[:12]:
        picture = Image.open(path).convert("L")
        ours = encoder.preprocess([np.asarray(picture, dtype=np.float32) / 255])
        theirs = processor(picture.convert("RGB"), return_tensors="pt")["pixel_values"]
        assert float((ours - theirs).abs().max()) < 1e-3


def rad_dino_shape(folder: Path) -> Path:
    """A random model of RAD-DINO's shape on disk."""
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(hidden_size=768, num_hidden_layers=12, num_attention_heads=12, image_size=518, patch_size=14)
    state = {name: value.contiguous() for name, value in Dinov2Model(config).state_dict().items()}
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(config.to_json_string())
    how = {"size": {"shortest_edge": 518}, "crop_size": {"height": 518, "width": 518}, "resample": 3}
    how |= {"image_mean": [0.5307] * 3, "image_std": [0.2583] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(how))
    return folder


@pytest.mark.slow
def test_a_random_model_of_rad_dinos_shape(tmp_path) -> None:
    encoder = Encoder.load(rad_dino_shape(tmp_path))
    assert (encoder.d, encoder.image_size, encoder.patch_grid) == (768, 518, 37)
    embedded = encoder.embed(encoder.preprocess([np.linspace(0, 1, 600 * 700, dtype=np.float32).reshape(600, 700)]))
    assert embedded.patches is not None and embedded.patches.shape == (1, 1369, 768)
    assert bool(torch.isfinite(embedded.patches).all())


def test_rad_dino_is_pinned() -> None:
    assert len(REVISIONS["microsoft/rad-dino"]) == 40


def test_bfloat16_stays_close_to_float32(tmp_path) -> None:
    folder = write_encoder(tmp_path / "e")
    pixels = np.random.default_rng(0).random((64, 64), dtype=np.float32)
    full, half = (Encoder.load(folder, precision=precision) for precision in ("float32", "bfloat16"))
    one, other = (encoder.embed(encoder.preprocess([pixels])).cls for encoder in (full, half))
    assert one.dtype == other.dtype == torch.float32
    assert 0.999 < float(torch.nn.functional.cosine_similarity(one, other)) < 1
