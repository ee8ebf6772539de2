"""What an encoder's preprocessor_config.json asks for, done to grey 8-bit pictures as transformers' image processor does.

The processor resizes 8-bit pictures with Pillow, which rounds to 8 bits after each axis. One level is 0.017 of a
normalised input, so that only Pillow's own arithmetic agrees with it; torch's antialiased bicubic differs by up to a
level. The square that comes out is uint8: small enough to leave a decoding process, and exact. Scaling and normalising
are torch's, on the encoder's device. Nothing here needs torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from saerad_core.errors import EncoderError

FILTERS = {1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""Pillow's numbers of the filters that an image processor may name."""
RESCALE = 1 / 255
"""What a processor multiplies 8-bit values by when it names no factor."""
_RUN = 2**16
"""Pixels that become bytes at a time."""


@dataclass(frozen=True)
class Preprocessing:
    """From an X-ray of any size to the encoder's square input."""

    side: int
    """Pixels along the square that the encoder sees."""
    edge: int | None
    """Pixels of the shorter edge after resizing; None where both sides become ``side``, or nothing is resized."""
    resize: bool = True
    """Whether pictures are resized at all."""
    resample: int = 3
    """Pillow's number of the filter, a key of FILTERS."""
    scale: float = RESCALE
    """8-bit values are multiplied by it; 1 where the processor doesn't rescale."""
    mean: tuple[float, ...] = (0.0,)
    """Of each channel, taken away after scaling; 0 where the processor doesn't normalise."""
    std: tuple[float, ...] = (1.0,)

    @classmethod
    def read(cls, path: Path, channels: int, image_size: int | None = None) -> Preprocessing:
        """Read a preprocessor_config.json.

        A processor without a centre crop and with a shortest edge gives oblong pictures, which a square grid of patches
        can't take: there the centre square is what the encoder sees.

        Args:
            path: the file.
            channels: of the encoder.
            image_size: another side than the file's; resizing keeps the file's proportion of edge to crop.

        Raises:
            EncoderError: the file is damaged, or asks for what isn't done here.
        """
        try:
            how = json.loads(path.read_text(encoding="utf-8"))
            edge, own_side = _sizes(how)
            resample = int(how.get("resample", 3))
            scale = float(how.get("rescale_factor", RESCALE)) if how.get("do_rescale", True) else 1.0
            normalise = how.get("do_normalize", True)
            mean = tuple(float(v) for v in how["image_mean"]) if normalise else (0.0,) * channels
            std = tuple(float(v) for v in how["image_std"]) if normalise else (1.0,) * channels
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise EncoderError(f"{path} is damaged; copy the encoder again.") from error
        if resample not in FILTERS:
            raise EncoderError(f"{path} asks for the resampling filter {resample}; use one of {sorted(FILTERS)}.")
        if len(mean) != channels or len(std) != channels or not all(std):
            raise EncoderError(f"{path} is for {len(mean)} channels, its model for {channels}; copy the encoder again.")
        side = image_size or own_side
        if edge is not None and image_size is not None:
            edge = round(edge * image_size / own_side)
        return cls(side, edge, bool(how.get("do_resize", True)), resample, scale, mean, std)

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) after resizing; the longer side is cut to a whole pixel, as the processor does."""
        if not self.resize:
            return height, width
        if self.edge is None:
            return self.side, self.side
        if height <= width:
            return self.edge, int(self.edge * width / height)
        return int(self.edge * height / width), self.edge

    def offset(self, height: int, width: int) -> tuple[int, int]:
        """(top, left) of the square in a resized picture; negative where it reaches outside of the picture."""
        # The processor rounds down when it cuts off and rounds the border up when it adds one: both are this.
        return (height - self.side) // 2, (width - self.side) // 2

    def square(self, pixels: np.ndarray) -> np.ndarray:
        """Resize with Pillow and cut out the centre.

        Args:
            pixels: float32 [H, W] in [0, 1], or uint8 [H, W].

        Returns:
            uint8 [side, side]; black where the picture doesn't reach.
        """
        grey = as_bytes(pixels)
        height, width = self.resized(*grey.shape)
        if (height, width) != grey.shape:
            image = Image.fromarray(grey).resize((width, height), Image.Resampling(self.resample))
            grey = np.asarray(image)
        top, left = self.offset(height, width)
        if min(top, left) >= 0:
            return np.ascontiguousarray(grey[top : top + self.side, left : left + self.side])
        out = np.zeros((self.side, self.side), dtype=np.uint8)
        inside = grey[max(top, 0) : top + self.side, max(left, 0) : left + self.side]
        out[max(-top, 0) :, max(-left, 0) :][: inside.shape[0], : inside.shape[1]] = inside
        return out


def as_bytes(pixels: np.ndarray) -> np.ndarray:
    """uint8 [H, W] of float32 [H, W] in [0, 1]: what the processor would be handed; 8-bit files come back as they were."""
    if pixels.dtype == np.uint8:
        return pixels
    # In runs that stay in a core's cache: a large film takes a third of the time.
    flat = np.ascontiguousarray(pixels).reshape(-1)
    out, room = np.empty(flat.size, dtype=np.uint8), np.empty(_RUN, dtype=flat.dtype)
    for start in range(0, flat.size, _RUN):
        part = flat[start : start + _RUN]
        grey = room[: part.size]
        np.clip(part, 0, 1, out=grey)
        np.multiply(grey, np.float32(255), out=grey)
        out[start : start + _RUN] = np.rint(grey, out=grey)
    return out.reshape(pixels.shape)


def _sizes(how: dict) -> tuple[int | None, int]:
    """(shorter edge after resizing or None, side of the square) of a processor's settings."""
    size, crop = how.get("size", {}), how.get("crop_size", {})
    size = {"shortest_edge": size} if isinstance(size, int) else size
    crop = {"height": crop, "width": crop} if isinstance(crop, int) else crop
    if "shortest_edge" in size:
        edge = int(size["shortest_edge"])
        side = edge
    else:
        edge, side = None, int(size["height"])
        if int(size["width"]) != side:
            raise ValueError(size)
    if how.get("do_center_crop", True) and crop:
        if int(crop["height"]) != int(crop["width"]):
            raise ValueError(crop)
        if edge is None and int(crop["height"]) != side:
            raise ValueError(size)
        side = int(crop["height"])
    if side <= 0 or (edge is not None and edge <= 0):
        raise ValueError(how)
    return edge, side
