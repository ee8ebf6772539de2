"""PNG and JPEG files."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageOps

from saerad_core.errors import ImageRefused
from saerad_core.images.radiograph import Radiograph, check_size

COLOURFUL = 0.08
"""Mean spread between channels above which a picture is a colour photograph; scans with a tint stay below."""


def decode_pngjpeg(data: bytes) -> Radiograph:
    """Grey pixels of a PNG or JPEG, its EXIF orientation applied; 16-bit values are scaled, not clipped."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=["PNG", "JPEG"])
            check_size(image.height, image.width)
            image.load()
            image = ImageOps.exif_transpose(image)
            pixels = _grey(image)
    except ImageRefused:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, KeyError, TypeError, IndexError, OverflowError,
            MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:  # fmt: skip
        raise ImageRefused("The image file is damaged; export it again as PNG or JPEG.") from error
    return Radiograph(pixels)


def _grey(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float32)
        if not np.isfinite(values).all():
            raise ImageRefused("The image holds values that are not numbers; export it again.")
        return np.clip(values / 65535, 0, 1)
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"), dtype=np.float32) / 255
    if image.mode in ("LA", "PA", "RGBA", "P"):
        with_alpha = image.convert("RGBA")
        black = Image.new("RGBA", with_alpha.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, with_alpha)
    rgb = np.asarray(image.convert("RGB"), dtype=np.float32) / 255
    if float((rgb.max(2) - rgb.min(2)).mean()) > COLOURFUL:
        raise ImageRefused("The image is in colour; give the X-ray itself, in shades of grey.")
    return rgb @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
