"""PNG and JPEG files to grey levels."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps

from saerad_core.errors import ImageRefused
from saerad_core.images.limits import MOST_PIXELS, TWELVE_BITS, check_size, colour_warning

# Pillow warns from here on; the size is checked against the same number before any pixel is read.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS


def decode_png_jpeg(data: bytes) -> tuple[np.ndarray, dict[str, str]]:
    """Pixels and facts of a PNG or JPEG file.

    A 16-bit file keeps its depth: v becomes v / 65,535, or v / 4,095 where no pixel exceeds 12 bits, since such files
    hold a 12-bit detector's values.

    Returns:
        float32 [H, W] in [0, 1], turned upright by the EXIF orientation; facts.

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
    pixels, bits, warning = _grey(upright)
    height, width = pixels.shape
    facts = {"size": f"{width} x {height}", "bits": str(bits), "format": "JPEG" if kind == "MPO" else kind}
    return pixels, facts | ({"warning": warning} if warning else {})


def _grey(image: Image.Image) -> tuple[np.ndarray, int, str]:
    """Grey levels, bits a pixel, a warning. Colour profiles and gamma chunks are not applied."""
    if image.mode.startswith("I"):
        values = np.asarray(image)
        twelve = values.max() <= TWELVE_BITS
        pixels = np.divide(values, np.float32(TWELVE_BITS if twelve else 65535), dtype=np.float32)
        return pixels, 12 if twelve else 16, ""
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
    return np.divide(np.asarray(image.convert("L")), np.float32(255), dtype=np.float32), 8, warning
