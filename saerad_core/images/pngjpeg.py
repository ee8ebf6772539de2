"""PNG and JPEG files to grey levels."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps

from saerad_core.errors import ImageRefused
from saerad_core.images.limits import TWELVE_BITS, check_grey, check_size


def decode_png_jpeg(data: bytes) -> tuple[np.ndarray, dict[str, str]]:
    """Pixels and facts of a PNG or JPEG file.

    A 16-bit file keeps its depth: v becomes v / 65,535, or v / 4,095 where no pixel exceeds 12 bits, since such files
    hold a 12-bit detector's values.

    Returns:
        float32 [H, W] in [0, 1], turned upright by the EXIF orientation; facts.

    Raises:
        ImageRefused: too small or large, or a colour photograph.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=["PNG", "JPEG"])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageRefused("The image has too many pixels for an X-ray; choose a smaller one.") from error
    with image:
        check_size(*image.size)
        kind = image.format or ""
        image.load()
        upright = ImageOps.exif_transpose(image)
    pixels, bits = _grey(upright)
    height, width = pixels.shape
    return pixels, {"size": f"{width} x {height}", "bits": str(bits), "format": "JPEG" if kind == "MPO" else kind}


def _grey(image: Image.Image) -> tuple[np.ndarray, int]:
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.float32)
        twelve = values.max() <= TWELVE_BITS
        return values / (TWELVE_BITS if twelve else 65535), 12 if twelve else 16
    if image.mode == "F":
        raise ImageRefused("The image holds floating-point values; export it with 8 or 16 bits.")
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"), dtype=np.float32) / 255, 8
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        # What is transparent is outside the picture: black, as the air around a patient.
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)
    rgb = image.convert("RGB")
    check_grey(np.asarray(rgb))
    return np.asarray(rgb.convert("L"), dtype=np.float32) / 255, 8
