"""Real values before any window, and the window that shows them as ``decode`` does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import Dataset

from saerad_core.images.grey import linear_window, window
from saerad_core.images.radiograph import decode
from saerad_core.images.sandbox import Film, measure_sandboxed
from tests.images.films import dicom, encoded, film, written


def shown(read: Film) -> np.ndarray:
    """What a viewer shows at first."""
    values = read.lowest + read.pixels.astype(np.float64) * (read.highest - read.lowest)
    grey = window(values, read.center, read.width)
    return 1 - grey if read.inverse else grey


SIGNED = film(high=2047).astype(np.int16) - 1024


@pytest.mark.parametrize(
    ("pixels", "tags"),
    [
        (film(), {}),
        (film(), {"WindowCenter": 1800, "WindowWidth": 900}),
        (film(), {"WindowCenter": 1800, "WindowWidth": 900, "PhotometricInterpretation": "MONOCHROME1"}),
        (film(), {"WindowCenter": 2.0, "WindowWidth": 3.0, "RescaleSlope": 0.001, "RescaleIntercept": 0}),
        (film(), {"WindowCenter": 1800, "WindowWidth": 900, "VOILUTFunction": "LINEAR_EXACT"}),
        (film(high=65535), {}),
        (film(low=20_000, high=23_000), {}),
        (SIGNED, {"WindowCenter": 0, "WindowWidth": 1000, "RescaleSlope": 1, "RescaleIntercept": -100}),
        (film(high=255).astype(np.uint8), {}),
    ],
)
def test_its_window_shows_what_decode_shows(pixels: np.ndarray, tags: dict) -> None:
    data = written(dicom(pixels, **tags))
    assert np.abs(shown(measure_sandboxed(data)) - decode(data).pixels).max() < 2e-4


def test_values_are_the_file_s_own_beyond_its_window() -> None:
    pixels = film()
    read = measure_sandboxed(written(dicom(pixels, WindowCenter=1800, WindowWidth=900)))
    values = read.lowest + read.pixels.astype(np.float64) * (read.highest - read.lowest)
    assert (read.lowest, read.highest) == (pixels.min(), pixels.max())
    assert np.array_equal(np.round(values), pixels)
    # The same through the window has lost what lies beyond it.
    assert len(np.unique(decode(written(dicom(pixels, WindowCenter=1800, WindowWidth=900))).pixels)) < len(
        np.unique(values)
    )


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black(photometric: str) -> None:
    pixels = film(low=100)
    pixels[:20] = 0
    data = written(dicom(pixels, PixelPaddingValue=0, PhotometricInterpretation=photometric))
    read = measure_sandboxed(data)
    assert np.all(shown(read)[:20] < 0.01)


def test_a_sigmoid_is_met_in_its_middle() -> None:
    pixels = film()
    data = written(dicom(pixels, WindowCenter=2000, WindowWidth=1500, VOILUTFunction="SIGMOID"))
    read, seen = measure_sandboxed(data), decode(data).pixels
    middle = (seen > 0.25) & (seen < 0.75)
    assert np.abs(shown(read) - seen)[middle].max() < 0.05


def test_a_falling_lookup_table_leaves_the_whole_range() -> None:
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [4096, 0, 16], list(range(65535, -1, -16))
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    pixels = film()
    read = measure_sandboxed(written(dicom(pixels, VOILUTSequence=[item])))
    assert read.width == pixels.max() - pixels.min() + 1


@pytest.mark.parametrize(("high", "top"), [(255, 255), (4095, 4095), (65535, 65535)])
def test_png_files_keep_their_depth(high: int, top: int) -> None:
    pixels = film(high=high)
    image = Image.fromarray(pixels.astype(np.uint8) if high == 255 else pixels)
    read = measure_sandboxed(encoded(image))
    assert (read.lowest, read.highest, read.width) == (0, top, top + 1)
    assert np.array_equal(np.round(read.pixels.astype(np.float64) * top), pixels)


@given(center=st.floats(-2000, 2000), width=st.floats(8, 5000))
def test_a_linear_window_is_found_again(center: float, width: float) -> None:
    values = np.arange(-5000, 5001, dtype=np.float64)
    found = linear_window(values, window(values, center, width))
    if found is None:
        # Fewer than two values lie in the middle half of a narrow window.
        assert width < 8
        return
    assert np.allclose(found, (center, width), rtol=1e-6, atol=1e-6)
