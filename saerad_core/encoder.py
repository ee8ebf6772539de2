"""Pixels -> CLS and patch embeddings, by any DINOv2-like model of transformers (Oquab et al. 2023; RAD-DINO)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from saerad_core.errors import EncoderError
from saerad_core.preprocessing import Preprocessing

if TYPE_CHECKING:
    from transformers import Dinov2Model

PROJECT = Path(__file__).resolve().parents[1]
FILES = ("config.json", "preprocessor_config.json", "model.safetensors")
"""What an encoder folder holds. Nothing else of it is read: no code, no pickle."""

REVISIONS = {"microsoft/rad-dino": "110cbc18d5133582e320b43d53bf5c44e410c936"}
"""Commits that hub ids stand for, so that a build doesn't change when a model is published anew; of any other id the
commit that was found is written into the workspace."""


class Embedded(NamedTuple):
    """What the encoder says of a batch, after its final layer norm."""

    cls: torch.Tensor
    """float32 [B, d]."""
    patches: torch.Tensor | None
    """float32 [B, P, d], row by row from the top left; None where it wasn't asked for."""


def pooled(embedded: Embedded) -> torch.Tensor:
    """L2-normalised [CLS, mean patch], float32 [B, 2d]: what nearest X-rays are searched by."""
    assert embedded.patches is not None
    return F.normalize(torch.cat([embedded.cls, embedded.patches.mean(1)], dim=1), dim=1)


class Encoder:
    """A frozen vision transformer with its own preprocessing."""

    def __init__(
        self, model: Dinov2Model, folder: Path, name: str, device: str, image_size: int | None, precision: str
    ) -> None:
        self.model = model
        self.id = name
        self.folder = folder
        self.device = device
        self.precision = precision
        self.fingerprint = fingerprint_of(folder)
        self.revision = folder.name if folder.parent.name == "snapshots" else ""
        config = model.config
        self.d: int = config.hidden_size
        self.channels: int = config.num_channels
        assert isinstance(config.patch_size, int)
        self.patch_size: int = config.patch_size
        self.preprocessing = Preprocessing.read(folder / "preprocessor_config.json", self.channels, image_size)
        self._mean = torch.tensor(self.preprocessing.mean, device=device).view(1, -1, 1, 1)
        self._std = torch.tensor(self.preprocessing.std, device=device).view(1, -1, 1, 1)
        self.image_size: int = self.preprocessing.side
        if self.image_size % self.patch_size:
            raise EncoderError(
                f"The image size {self.image_size} is not a multiple of this encoder's patch size {self.patch_size}; "
                f"take {self.image_size // self.patch_size * self.patch_size}."
            )
        self.patch_grid: int = self.image_size // self.patch_size

    @classmethod
    def load(
        cls,
        id_or_dir: str | Path,
        device: str = "auto",
        image_size: int | None = None,
        download: bool = False,
        precision: str = "auto",
    ) -> Encoder:
        """Load an encoder from a folder, or from the local cache of a hub id.

        Args:
            id_or_dir: folder (absolute, or relative to here or to the project) or hub id.
            device: auto (a GPU where there is one), cpu, cuda.
            image_size: pixels along the square input; None takes the model's own.
            download: whether a hub id that isn't cached may be fetched.
            precision: float32, bfloat16 (matrix products only), or auto: bfloat16 where the processor multiplies it
                natively, half the time for a cosine of .9999 to float32 (measured on a ViT-B/14).

        Raises:
            EncoderError: there is no such encoder here, or it isn't a DINOv2-like model in safetensors.
        """
        from transformers import Dinov2Model
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        folder = _find(str(id_or_dir), download)
        for name in FILES:
            if not (folder / name).is_file():
                raise EncoderError(f"{id_or_dir} has no {name}; give a folder of a DINOv2-like model in safetensors.")
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
        if kind != "dinov2":
            raise EncoderError(f"{id_or_dir} is a {kind!r} model; SAE-Rad reads DINOv2-like ones (model_type dinov2).")
        device = resolved(device)
        model = Dinov2Model.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=torch.float32)
        model.requires_grad_(False)
        if precision == "auto":
            precision = "bfloat16" if _native_bfloat16(device) else "float32"
        # transformers' own wrapper of Module.to hides its signature from a type checker.
        torch.nn.Module.to(model.eval(), torch.device(device))
        return cls(model, folder, str(id_or_dir), device, image_size, precision)

    def preprocess(self, images: list[np.ndarray]) -> torch.Tensor:
        """Resize, crop the centre, normalise: what the model's own image processor gives for the same 8-bit pictures.

        Args:
            images: float32 H x W in [0, 1], bone white, of any sizes.

        Returns:
            float32 [B, C, S, S] on the encoder's device.
        """
        return self.normalise(np.stack([self.preprocessing.square(pixels) for pixels in images]))

    def normalise(self, squares: np.ndarray) -> torch.Tensor:
        """uint8 [B, S, S] of Preprocessing.square -> float32 [B, C, S, S] on the encoder's device."""
        grey = torch.from_numpy(squares).to(self.device, non_blocking=True).float()[:, None]
        return (grey.expand(-1, self.channels, -1, -1) * self.preprocessing.scale - self._mean) / self._std

    @torch.no_grad()
    def embed(self, batch: torch.Tensor, patches: bool = True) -> Embedded:
        """Embed what preprocess made."""
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            hidden = self.model(batch).last_hidden_state.float()
        return Embedded(hidden[:, 0], hidden[:, 1:] if patches else None)

    def patch_box(self, height: int, width: int) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) of the source pixels that the square input shows; may reach outside of them."""
        resized = self.preprocessing.resized(height, width)
        scale_y, scale_x = height / resized[0], width / resized[1]
        top, left = self.preprocessing.offset(*resized)
        edges = (top * scale_y, left * scale_x, (top + self.image_size) * scale_y, (left + self.image_size) * scale_x)
        return tuple(round(edge) for edge in edges)  # type: ignore[return-value]


def resolved(device: str) -> str:
    """``auto`` as the device it stands for: a GPU where there is one.

    Raises:
        EncoderError: a GPU is asked for where there is none.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise EncoderError("There is no usable GPU here; take --device cpu.")
    return device


def _native_bfloat16(device: str) -> bool:
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def _find(id_or_dir: str, download: bool) -> Path:
    for folder in (Path(id_or_dir), PROJECT / id_or_dir):
        if folder.is_dir():
            return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    revision = REVISIONS.get(id_or_dir)
    try:
        return Path(
            snapshot_download(id_or_dir, revision=revision, allow_patterns=list(FILES), local_files_only=not download)
        )
    except (LocalEntryNotFoundError, HFValidationError, HfHubHTTPError, OSError) as error:
        raise EncoderError(
            f"There is no encoder {id_or_dir!r} on this machine; give a folder with config.json, "
            "preprocessor_config.json and model.safetensors, or a hub id and --download."
        ) from error


def fingerprint_of(folder: Path) -> str:
    """sha256 over an encoder's weights, configuration and preprocessor."""
    digest = hashlib.sha256()
    for name in FILES:
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
