"""PNG and JPEG files to grey levels."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps

from saerad_core.errors import ImageRefused
from saerad_core.images.levels import Levels, scale
from saerad_core.images.limits import MOST_PIXELS, TWELVE_BITS, check_size, colour_warning

# Pillow warns from here on; the size is checked against the same number before any pixel is read.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS


def decode_png_jpeg(data: bytes) -> tuple[Levels, dict[str, str]]:
    """Grey levels and facts of a PNG or JPEG file.

    A 16-bit file keeps its depth: v becomes v / 65,535, or v / 4,095 where no pixel exceeds 12 bits, since such files
    hold a 12-bit detector's values.

    Returns:
        The levels, turned upright by the EXIF orientation; facts.

    Raises:
        ImageRefused: too small or large, or an animation.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=["PNG", "JPEG"])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageRefused("The image has too many pixels for an X-ray; choose a smaller one.") from error
    with image:
        check_size(*image.size)
        kind = image.format or ""
        if kind == "PNG" and getattr(image, "is_animated", False):
            raise ImageRefused("The PNG file has several frames; choose a single radiograph.")
        image.load()
        upright = ImageOps.exif_transpose(image)
    levels, bits, warning = _grey(upright)
    height, width = levels.index.shape
    facts = {"size": f"{width} x {height}", "bits": str(bits), "format": "JPEG" if kind == "MPO" else kind}
    return levels, facts | ({"warning": warning} if warning else {})


def _grey(image: Image.Image) -> tuple[Levels, int, str]:
    """Grey levels, bits a pixel, a warning. Colour profiles and gamma chunks are not applied."""
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.uint16, copy=False)
        twelve = values.max() <= TWELVE_BITS
        return Levels(values, scale(16, TWELVE_BITS if twelve else 65535)), 12 if twelve else 16, ""
    if image.mode == "F":
        raise ImageRefused("The image holds floating-point values; export it with 8 or 16 bits.")
    warning = ""
    if image.mode not in ("1", "L") or "transparency" in image.info:
        if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
            # What is transparent is outside the picture: black, as the air around a patient.
            rgba = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)
        image = image.convert("RGB")
        warning = colour_warning(np.asarray(image))
    return Levels(np.asarray(image.convert("L")), scale(8, 255)), 8, warning
