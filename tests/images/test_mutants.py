"""Damaged files: whatever is wrong with them, they are read or refused, never anything else."""

from __future__ import annotations

import random

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEG2000Lossless, RLELossless

from saerad_core.errors import ImageRefused
from saerad_core.images.radiograph import decode
from tests.images.films import NAME, as_jpeg_dicom, compressed, dicom, encoded, film, written

FILES = {
    "dicom": lambda: written(dicom(film(), WindowCenter=2048, WindowWidth=4096, RescaleSlope=1, RescaleIntercept=0)),
    "dicom of JPEG": lambda: as_jpeg_dicom(film(high=255).astype(np.uint8)),
    "dicom of RLE": lambda: compressed(dicom(film()), RLELossless),
    "dicom of JPEG 2000": lambda: compressed(dicom(film()), JPEG2000Lossless),
    "16-bit png": lambda: encoded(Image.fromarray(film(high=65535))),
    "rgba png": lambda: encoded(Image.fromarray(film(high=255).astype(np.uint8)).convert("RGBA")),
    "jpeg": lambda: encoded(Image.fromarray(film(high=255).astype(np.uint8)), "JPEG"),
}


@pytest.mark.parametrize("kind", FILES)
def test_mutants_are_read_or_refused(kind) -> None:
    rng = random.Random(kind)
    source = FILES[kind]()
    refused = 0
    for _ in range(70):
        data = bytearray(source)
        for _ in range(rng.randint(1, 6)):
            # Headers decide more than pixels do.
            at = rng.randrange(min(len(data), 1_200)) if rng.random() < 0.8 else rng.randrange(len(data))
            data[at] = rng.randrange(256)
        if rng.random() < 0.25:
            del data[rng.randrange(len(data)) :]
        try:
            pixels = decode(bytes(data)).pixels
        except ImageRefused as refusal:
            refused += 1
            assert str(refusal).endswith(".") and NAME not in str(refusal)
        else:
            assert pixels.dtype == np.float32 and pixels.ndim == 2
            assert np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1
    assert refused >= 10
