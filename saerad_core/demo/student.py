"""The demo's encoder before training: the first layers of a DINOv2 teacher, fitted to grey 256 px X-rays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from transformers import Dinov2Model

IMAGE_SIZE = 256
PATCH = 16
MEAN, STD = 0.5, 0.25
"""Of the demo's own preprocessor: about the mean and spread of a simulated X-ray in [0, 1]."""


def student_config(layers: int, width: int = 384, heads: int = 6):  # noqa: ANN201 - transformers is imported lazily
    """Dinov2Config of the demo's encoder: one grey channel, 16 x 16 patches of 16 px."""
    from transformers import Dinov2Config

    return Dinov2Config(
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        mlp_ratio=4,
        image_size=IMAGE_SIZE,
        patch_size=PATCH,
        num_channels=1,
    )


def random_student(layers: int, seed: int = 0) -> Dinov2Model:
    """The same architecture with random weights: the control that every figure is shown against."""
    from transformers import Dinov2Model

    torch.manual_seed(seed)
    return Dinov2Model(student_config(layers)).eval()


def student_from_teacher(teacher_dir: Path | str, layers: int) -> Dinov2Model:
    """The teacher's first ``layers`` blocks as the student's starting point (as DistilBERT does, Sanh et al. 2019).

    Patch kernels are resampled from 14 to 16 px and folded from normalised RGB to one grey channel; position
    embeddings are resampled to the 16 x 16 grid. The final layer norm starts anew.
    """
    from transformers import Dinov2Model

    teacher = Dinov2Model.from_pretrained(teacher_dir, local_files_only=True, use_safetensors=True).float().eval()
    student = Dinov2Model(student_config(layers, teacher.config.hidden_size, teacher.config.num_attention_heads)).eval()
    weights = {
        name: value for name, value in teacher.state_dict().items() if name in student.state_dict() and "layer" in name
    }
    weights = {k: v for k, v in weights.items() if v.shape == student.state_dict()[k].shape and "layernorm" not in k}
    student.load_state_dict(weights, strict=False)

    preprocessor = json.loads((Path(teacher_dir) / "preprocessor_config.json").read_text(encoding="utf-8"))
    mean = torch.tensor(preprocessor["image_mean"]).view(1, 3, 1, 1)
    std = torch.tensor(preprocessor["image_std"]).view(1, 3, 1, 1)
    theirs, ours = teacher.embeddings, student.embeddings
    with torch.no_grad():
        kernel = theirs.patch_embeddings.projection.weight
        grey = (kernel * STD / std).sum(1, keepdim=True)
        side = kernel.shape[-1]
        ours.patch_embeddings.projection.weight.copy_(
            F.interpolate(grey, size=(PATCH, PATCH), mode="bicubic", align_corners=False) * (side / PATCH) ** 2
        )
        shift = (kernel * (MEAN - mean) / std).sum((1, 2, 3))
        bias, their_bias = ours.patch_embeddings.projection.bias, theirs.patch_embeddings.projection.bias
        assert bias is not None and their_bias is not None
        bias.copy_(their_bias + shift)
        ours.cls_token.copy_(theirs.cls_token)
        old = theirs.position_embeddings
        grid = round((old.shape[1] - 1) ** 0.5)
        new = IMAGE_SIZE // PATCH
        patches = old[:, 1:].reshape(1, grid, grid, -1).permute(0, 3, 1, 2)
        patches = F.interpolate(patches, size=(new, new), mode="bicubic", align_corners=False)
        ours.position_embeddings.copy_(torch.cat([old[:, :1], patches.flatten(2).transpose(1, 2)], dim=1))
    return student


def save_student(model: Dinov2Model, folder: Path) -> None:
    """Write config, preprocessor and fp16 weights, as any Dinov2Model folder."""
    folder.mkdir(parents=True, exist_ok=True)
    half = {k: v.detach().half().contiguous() for k, v in model.state_dict().items() if not k.endswith("mask_token")}
    from safetensors.torch import save_file

    save_file(half, folder / "model.safetensors", metadata={"format": "pt"})
    model.config.architectures = ["Dinov2Model"]
    model.config.use_mask_token = False
    (folder / "config.json").write_text(model.config.to_json_string(use_diff=False), encoding="utf-8")
    preprocessor = {
        "image_processor_type": "BitImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": IMAGE_SIZE},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": IMAGE_SIZE, "width": IMAGE_SIZE},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [MEAN],
        "image_std": [STD],
        "do_convert_rgb": False,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2) + "\n", encoding="utf-8")
