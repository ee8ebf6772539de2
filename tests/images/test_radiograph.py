"""PNG and JPEG files: what is read is exact, what is wrong is refused in one sentence."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from saerad_core.errors import ImageRefused
from saerad_core.images import limits
from saerad_core.images.radiograph import decode
from tests.images.films import encoded, film


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(20_000, 65_535))
def test_16_bits_are_scaled_not_clipped(seed, high) -> None:
    values = film(seed, high=high)
    read = decode(encoded(Image.fromarray(values)))
    assert np.array_equal(read.pixels, values.astype(np.float32) / 65535)
    assert read.facts["bits"] == "16"


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1_000, 4_095))
def test_12_bits_in_a_16_bit_file_keep_their_contrast(seed, high) -> None:
    values = film(seed, high=high)
    read = decode(encoded(Image.fromarray(values)))
    assert np.array_equal(read.pixels, values.astype(np.float32) / 4095)
    assert read.facts["bits"] == "12"


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_8_bits_come_back_exactly(seed) -> None:
    values = film(seed, high=255).astype(np.uint8)
    assert np.array_equal(decode(encoded(Image.fromarray(values))).pixels, values.astype(np.float32) / 255)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_channels_of_a_grey_picture_become_one(mode) -> None:
    values = film(high=255).astype(np.uint8)
    read = decode(encoded(Image.fromarray(values).convert(mode)))
    assert np.array_equal(read.pixels, values.astype(np.float32) / 255)


def test_a_palette_is_looked_up() -> None:
    values = film(high=255).astype(np.uint8)
    image = Image.fromarray(255 - values).convert("P")
    image.putpalette([level for grey in range(256) for level in (255 - grey,) * 3])
    indices = np.asarray(image)
    assert np.array_equal(decode(encoded(image)).pixels, (255 - indices).astype(np.float32) / 255)


def test_transparent_is_black() -> None:
    image = Image.fromarray(film(high=255).astype(np.uint8)).convert("RGBA")
    image.paste((255, 255, 255, 0), (0, 0, 40, 96))
    assert decode(encoded(image)).pixels[:, :40].max() == 0


@pytest.mark.parametrize(("orientation", "turn"), [(3, 2), (6, 3), (8, 1)])
def test_exif_orientation_is_applied(orientation, turn) -> None:
    values = film(high=255, shape=(96, 144)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = decode(encoded(Image.fromarray(values), "JPEG", quality=100, exif=exif)).pixels
    np.testing.assert_allclose(read, np.rot90(values, turn) / 255, atol=0.02)


def test_pixels_are_float32_and_contiguous() -> None:
    pixels = decode(encoded(Image.fromarray(film(high=255).astype(np.uint8)), "JPEG")).pixels
    assert pixels.dtype == np.float32 and pixels.flags.c_contiguous and pixels.min() >= 0 and pixels.max() <= 1


def _photograph() -> Image.Image:
    rng = np.random.default_rng(0)
    patches = rng.integers(0, 256, (6, 6, 3)).astype(np.uint8)
    return Image.fromarray(np.kron(patches, np.ones((40, 40, 1), np.uint8)))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"%PDF-1.7 whatever", "neither PNG, JPEG nor DICOM"),
        (encoded(Image.linear_gradient("L"), "GIF"), "neither PNG, JPEG nor DICOM"),
        (encoded(Image.linear_gradient("L"), "TIFF"), "neither PNG, JPEG nor DICOM"),
        (encoded(Image.new("L", (80, 80), 7)), "blank"),
        (encoded(Image.linear_gradient("L").resize((7, 20))), "smaller than 8"),
        (encoded(Image.linear_gradient("L").resize((1_000, 100))), "strip"),
        (encoded(Image.linear_gradient("L"))[:200], "damaged"),
        (encoded(Image.linear_gradient("L"), "JPEG")[:300], "damaged"),
    ],
)
def test_refusals_are_one_plain_sentence(data, says) -> None:
    with pytest.raises(ImageRefused, match=says) as refused:
        decode(data)
    assert str(refused.value).endswith(".") and "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_photograph_is_read_with_a_warning(kind) -> None:
    assert "in colour" in decode(encoded(_photograph(), kind)).facts["warning"]


def test_a_mark_in_colour_and_a_faint_tint_are_no_photograph() -> None:
    image = Image.fromarray(film(high=255).astype(np.uint8)).convert("RGB")
    image.paste((255, 255, 0), (5, 5, 15, 15))
    assert decode(encoded(image)).pixels.shape == (96, 80)
    tinted = np.asarray(image).astype(np.float32) * (0.94, 0.97, 1.0)
    assert decode(encoded(Image.fromarray(tinted.astype(np.uint8)))).pixels.shape == (96, 80)


@pytest.mark.parametrize("side", [11_000, 60_000])
def test_a_huge_header_is_refused_before_its_pixels_are_touched(side) -> None:
    # 60,000 a side is above Pillow's own limit too, which raises another kind of error.
    small = encoded(Image.linear_gradient("L"))
    header = b"IHDR" + struct.pack(">II", side, side) + small[24:29]
    with pytest.raises(ImageRefused, match="pixels"):
        decode(small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:])


def test_files_over_the_limit_are_not_read(tmp_path, monkeypatch) -> None:
    path = tmp_path / "Doe-Jane.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 3_000)
    monkeypatch.setattr(limits, "MOST_BYTES", 2_000)
    with pytest.raises(ImageRefused, match="larger than"):
        decode(path)
    with pytest.raises(ImageRefused, match="can't be opened") as refused:
        decode(tmp_path / "Doe-John.png")
    assert "Doe" not in str(refused.value)
