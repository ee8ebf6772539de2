"""Each encoding against what the standard says of the array that was encoded, in plain numpy and none of our functions."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from saerad_core.images.radiograph import decode
from tests.images.films import as_jpeg_dicom, compressed, dicom, encoded, film, written

V12, V8, V16 = film(), film(high=255).astype(np.uint8), film(high=65_535)
X = V12.astype(float)
FULL = {"WindowCenter": 2048, "WindowWidth": 4096}
ONE = X / 4095
"""What the full 12-bit window shows."""


def linear(x, c, w):
    return np.clip((x - (c - 0.5)) / (w - 1) + 0.5, 0, 1)


def syntax(pixels, uid, frame=None, **tags) -> bytes:
    dataset = dicom(pixels, **tags)
    dataset.file_meta.TransferSyntaxUID = uid
    if frame is not None:
        dataset.PixelData = encapsulate([bytes(frame)])
        dataset["PixelData"].VR = "OB"
    return written(dataset)


def big(pixels, **tags) -> bytes:
    return syntax(
        pixels, ExplicitVRBigEndian, PixelData=pixels.astype(pixels.dtype.newbyteorder(">")).tobytes(), **tags
    )


def lut(entries, first, bits, data) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [entries, first, bits]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = [int(v) for v in data]
    item["LUTData"].VR = "US"
    return item


SIGNED = V12.astype(np.int16) - 2000
PADDED = V12.copy()
PADDED[:20] = 4000
RAMP16 = np.round(np.linspace(0, 1, 16) ** 2 * 4095)
CMYK = np.stack([film(s, high=255).astype(np.uint8) for s in range(4)], axis=-1)
PALETTE = np.random.default_rng(0).integers(0, 256, (256, 3)).astype(np.uint8)
LUMA = np.array([0.299, 0.587, 0.114])
HALF = np.where(np.arange(80) < 40, 0, 255).astype(np.uint8)


def palette() -> bytes:
    image = Image.frombytes("P", (80, 96), V8.tobytes())
    image.putpalette(PALETTE.tobytes())
    return encoded(image)


def alpha() -> bytes:
    return encoded(Image.fromarray(np.stack([V8, np.broadcast_to(HALF, V8.shape)], axis=-1), "LA"))


def cmyk() -> tuple[bytes, np.ndarray]:
    data = encoded(Image.fromarray(CMYK, "CMYK"), "JPEG", quality=100, subsampling=0)
    # Adobe's CMYK is stored inverted: what the codec gives is 255 minus each ink.
    inks = 255 - imagecodecs.jpeg8_decode(data, outcolorspace="CMYK").astype(float)
    return data, (255 - inks[..., :3]) * (255 - inks[..., 3:]) / 255 @ LUMA / 255


def ycck() -> tuple[bytes, np.ndarray]:
    frame = imagecodecs.jpeg8_encode(255 - CMYK, level=100, colorspace="CMYK", outcolorspace="YCCK", subsampling="444")
    data = bytes(frame)
    assert data[data.index(b"\xff\xee") + 15] == 2, "Adobe's marker says YCCK"
    inks = 255 - imagecodecs.jpeg8_decode(data, outcolorspace="CMYK").astype(float)
    return data, (255 - inks[..., :3]) * (255 - inks[..., 3:]) / 255 @ LUMA / 255


def near(most: int) -> tuple[bytes, np.ndarray]:
    frame = imagecodecs.jpegls_encode(V12, level=most)
    coded = imagecodecs.jpegls_decode(frame).astype(int)
    # What near-lossless means (ISO/IEC 14495-1, A.4), and that it is not lossless after all.
    assert 0 < np.abs(coded - V12.astype(int)).max() <= most
    return syntax(V12, JPEGLSNearLossless, frame, **FULL), coded / 4095


def lossy_j2k() -> tuple[bytes, np.ndarray]:
    frame = imagecodecs.jpeg2k_encode(V12, level=40, codecformat="j2k", reversible=False, bitspersample=12)
    coded = imagecodecs.jpeg2k_decode(frame).astype(float)
    assert 0 < np.abs(coded - X).max() < 400
    return syntax(V12, JPEG2000, frame, **FULL), coded / 4095


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(Image.fromarray(V8), "JPEG", quality=100, exif=exif)


def jpeg8(data: bytes) -> np.ndarray:
    return imagecodecs.jpeg8_decode(data).astype(float) / 255


BASELINE = encoded(Image.fromarray(V8), "JPEG", quality=95)
CASES = {
    "MONOCHROME2 12 bit": lambda: (written(dicom(V12, **FULL)), ONE),
    "MONOCHROME1 12 bit": lambda: (written(dicom(V12, PhotometricInterpretation="MONOCHROME1", **FULL)), 1 - ONE),
    "MONOCHROME1 and INVERSE": lambda: (
        written(dicom(V12, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE", **FULL)), 1 - ONE,
    ),
    "MONOCHROME1 and a narrow window": lambda: (
        written(dicom(V12, PhotometricInterpretation="MONOCHROME1", WindowCenter=1500, WindowWidth=900)),
        1 - linear(X, 1500, 900),
    ),
    "no window, 12 bit": lambda: (written(dicom(V12)), ONE),
    "no window, 8 bit": lambda: (written(dicom(V8)), V8 / 255),
    "no window, 16 bit": lambda: (written(dicom(V16)), V16 / 65_535),
    "several windows": lambda: (
        written(dicom(V12, WindowCenter=[1000, 3000], WindowWidth=[1500, 10])), linear(X, 1000, 1500),
    ),
    "linear exact": lambda: (
        written(dicom(V12, WindowCenter=1000, WindowWidth=1500, VOILUTFunction="LINEAR_EXACT")),
        np.clip((X - 1000) / 1500 + 0.5, 0, 1),
    ),
    "sigmoid": lambda: (
        written(dicom(V12, WindowCenter=1000, WindowWidth=1500, VOILUTFunction="SIGMOID")),
        1 / (1 + np.exp(-4 * (X - 1000) / 1500)),
    ),
    "rescale": lambda: (
        written(dicom(V12, RescaleSlope=0.5, RescaleIntercept=-100, WindowCenter=500, WindowWidth=800)),
        linear(X / 2 - 100, 500, 800),
    ),
    "negative slope": lambda: (
        written(dicom(V12, RescaleSlope=-1, RescaleIntercept=4095, **FULL)), linear(4095 - X, 2048, 4096),
    ),
    "modality LUT": lambda: (
        written(dicom(V12, ModalityLUTSequence=[lut(4096, 0, 16, 10 * np.arange(4096))], WindowCenter=20_000, WindowWidth=30_000)),
        linear(10 * X, 20_000, 30_000),
    ),
    "VOI LUT of 16 entries": lambda: (
        written(dicom(V12, VOILUTSequence=[lut(16, 2000, 12, RAMP16)])),
        RAMP16[np.clip(V12.astype(int) - 2000, 0, 15)] / 4095,
    ),
    "VOI LUT of 4,096 entries": lambda: (
        written(dicom(V12, VOILUTSequence=[lut(4096, 0, 16, np.arange(4096)[::-1] * 16)])), (4095 - X) * 16 / 65_535,
    ),
    "signed 16 bit": lambda: (written(dicom(SIGNED, WindowCenter=48, WindowWidth=4096)), ONE),
    "signed 12 bit in 16": lambda: (
        written(dicom((V12.astype(np.int16) - 2048) & 0xFFF, BitsStored=12, HighBit=11, WindowCenter=0, WindowWidth=4096)),
        linear(X - 2048, 0, 4096),
    ),
    "12 bit at the top of the word": lambda: (written(dicom(V12 << 4, BitsStored=12, HighBit=15, **FULL)), ONE),
    "10 bit": lambda: (written(dicom(V12 >> 2, BitsStored=10, HighBit=9)), (V12 >> 2) / 1023),
    "overlay bits": lambda: (written(dicom(V12 | 0x8000, BitsStored=12, HighBit=11, **FULL)), ONE),
    "padding": lambda: (
        written(dicom(PADDED, PixelPaddingValue=4000, **FULL)), np.where(PADDED == 4000, 0, PADDED / 4095),
    ),
    "padding range, MONOCHROME1": lambda: (
        written(dicom(
            PADDED, PixelPaddingValue=3990, PixelPaddingRangeLimit=4010, PhotometricInterpretation="MONOCHROME1", **FULL
        )),
        np.where((PADDED >= 3990) & (PADDED <= 4010), 0, 1 - PADDED / 4095),
    ),
    "big endian": lambda: (big(V12, **FULL), ONE),
    "implicit": lambda: (syntax(V12, ImplicitVRLittleEndian, **FULL), ONE),
    "no preamble": lambda: (written(dicom(V12, **FULL))[132:], ONE),
    "RLE 16 bit": lambda: (compressed(dicom(V12, **FULL), RLELossless), ONE),
    "RLE 8 bit": lambda: (compressed(dicom(V8), RLELossless), V8 / 255),
    "JPEG baseline": lambda: (as_jpeg_dicom(V8), jpeg8(BASELINE)),
    "JPEG lossless": lambda: (
        syntax(V12, JPEGLosslessSV1, imagecodecs.ljpeg_encode(V12, bitspersample=12), **FULL), ONE,
    ),
    "JPEG-LS": lambda: (syntax(V12, JPEGLSLossless, imagecodecs.jpegls_encode(V12), **FULL), ONE),
    "JPEG-LS near-lossless": lambda: near(3),
    "JPEG 2000": lossy_j2k,
    "JPEG 2000 lossless": lambda: (compressed(dicom(V12, **FULL), JPEG2000Lossless), ONE),
    "PNG 8 bit": lambda: (encoded(Image.fromarray(V8)), V8 / 255),
    "PNG 16 bit": lambda: (encoded(Image.fromarray(V16)), V16 / 65_535),
    "PNG 16 bit of 12": lambda: (encoded(Image.fromarray(V12)), ONE),
    "PNG palette": lambda: (palette(), PALETTE[V8] @ LUMA / 255),
    "PNG alpha": lambda: (alpha(), np.where(HALF > 0, V8, 0) / 255),
    "JPEG grey": lambda: (BASELINE, jpeg8(BASELINE)),
    "JPEG CMYK": cmyk,
    "JPEG YCCK": ycck,
    "JPEG EXIF 3": lambda: (turned(3), np.rot90(jpeg8(turned(3)), 2)),
    "JPEG EXIF 6": lambda: (turned(6), np.rot90(jpeg8(turned(6)), 3)),
    "JPEG EXIF 2": lambda: (turned(2), jpeg8(turned(2))[:, ::-1]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_it_is_what_the_standard_says(case) -> None:
    data, wanted = CASES[case]()
    np.testing.assert_allclose(decode(data).pixels, wanted, atol=1 / 255)


def test_an_original_is_the_same_in_three_formats(shared: Path) -> None:
    for original in sorted((shared / "cxr" / "nih" / "originals").glob("*.png")):
        grey = np.asarray(Image.open(original).convert("L"))
        twelve = np.round(grey / 255 * 4095).astype(np.uint16)
        for data in (
            original.read_bytes(),
            written(dicom(255 - grey, PhotometricInterpretation="MONOCHROME1")),
            written(dicom(twelve, BitsStored=12, HighBit=11)),
            written(dicom(twelve, BitsStored=12, HighBit=11, **FULL)),
        ):
            np.testing.assert_allclose(decode(data).pixels, grey / 255, atol=1 / 255)
