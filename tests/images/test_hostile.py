"""Hostile and odd files through the sandbox: read or refused in one sentence, in time, without growth of this process.

A tenth of each kind is tried in every run, the same tenth each time; all of them under -m slow.
"""

from __future__ import annotations

import random
import struct
import time
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, RLELossless

from saerad_core.errors import ImageRefused
from saerad_core.images.sandbox import decode_sandboxed
from tests.images.films import NAME, as_jpeg_dicom, compressed, dicom, encoded, film, written

MOST_SECONDS = 21
MOST_GROWTH = 50 * 2**20
MUTANTS, DAMAGED = 1_700, 100


def corpus() -> list[bytes]:
    """Every file of pydicom's wheel that its tests read."""
    root = Path(pydicom.data.__file__).parent
    return [
        path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file() and path.suffix not in (".py", ".pyc")
    ]


def sources() -> list[bytes]:
    grey = Image.fromarray(film(high=255).astype(np.uint8))
    return [
        written(dicom(film(), WindowCenter=2048, WindowWidth=4096, RescaleSlope=1, RescaleIntercept=0)),
        as_jpeg_dicom(film(high=255).astype(np.uint8)),
        compressed(dicom(film()), RLELossless),
        compressed(dicom(film()), JPEG2000Lossless),
        encoded(Image.fromarray(film(high=65535))),
        encoded(grey.convert("RGBA")),
        encoded(grey, "JPEG"),
    ]


def mutants(n: int) -> Iterable[bytes]:
    """Files of every kind with one to six bytes changed, mostly in the header, a quarter of them cut short."""
    rng = random.Random(3)
    kinds = sources()
    for number in range(n):
        data = bytearray(kinds[number % len(kinds)])
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(min(len(data), 1_200)) if rng.random() < 0.8 else rng.randrange(len(data))
            data[at] = rng.randrange(256)
        if rng.random() < 0.25:
            del data[rng.randrange(len(data)) :]
        yield bytes(data)


def damaged(n: int) -> Iterable[bytes]:
    """PNG and JPEG files with a stretch of noise, zeros, or nothing in their body."""
    rng = random.Random(4)
    kinds = sources()[4:]
    for number in range(n):
        data = bytearray(kinds[number % 3])
        at, length = rng.randrange(20, len(data)), rng.randrange(1, 2_000)
        data[at : at + length] = (rng.randbytes(length), bytes(length), b"")[number % 3 if number % 2 else 2]
        yield bytes(data)


def _png(width: int, height: int, depth: int = 8, body: bytes = b"", chunks: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + chunks + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _nested(depth: int) -> Dataset:
    item = Dataset()
    item.PatientComments = NAME
    for _ in range(depth):
        outer = Dataset()
        outer.ReferencedImageSequence = [item]
        item = outer
    return item


def crafted() -> dict[str, bytes]:
    """Files that were made to harm."""
    zeros = zlib.compress(bytes(200_000_000), 9)
    plain, rle, j2k = written(dicom(film())), compressed(dicom(film()), RLELossless), sources()[3]
    siz = j2k.index(b"\xff\x4f\xff\x51") + 2
    huge = struct.pack(">II", 30_000, 30_000)
    jpeg = sources()[6]
    sof = jpeg.index(b"\xff\xc0") + 5
    segment = rle.index(struct.pack("<I", 2) + struct.pack("<I", 64))
    rows = plain.index(b"\x28\x00\x10\x00US")
    found = {
        "png bomb of 100 megapixels": _png(10_000, 10_000, body=zlib.compress(bytes(100_010_000), 9)),
        "png bomb over the limit": _png(20_000, 20_000, body=zeros),
        "png bomb behind a small header": _png(80, 80, body=zeros),
        "png bomb of text": _png(80, 80, chunks=_chunk(b"zTXt", b"a\0\0" + zeros)),
        "png bomb of a profile": _png(80, 80, chunks=_chunk(b"iCCP", b"a\0\0" + zeros)),
        "png of no pixels": _png(0, 0),
        "png of negative size": _png(2**32 - 1, 2**32 - 80),
        "png without its body": _png(80, 80),
        "png chunk longer than the file": b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 2**31 - 1) + b"IHDR",
        "png and dicom at once": sources()[4][:128] + b"DICM" + sources()[4][132:],
        "jpeg bomb": jpeg[:sof] + struct.pack(">HH", 65_535, 65_535) + jpeg[sof + 4 :],
        "jpeg of no rows": jpeg[:sof] + struct.pack(">HH", 0, 80) + jpeg[sof + 4 :],
        "jpeg of a magic only": b"\xff\xd8\xff",
        "jpeg with a script behind it": jpeg + b"<script>alert(1)</script>" * 1_000,
        "program in the preamble": b"MZ" + plain[2:],
        "pdf with a dicom in it": b"%PDF-1.7" + plain[8:],
        "zip": b"PK\x03\x04" + bytes(200),
        "rle bomb": rle + b"\x81\x00" * 5_000_000,
        "rle offsets beyond the file": rle[: segment + 4] + struct.pack("<2I", 2**31, 2**31 + 9) + rle[segment + 12 :],
        "rle of sixteen segments": rle[:segment] + struct.pack("<I", 16) + rle[segment + 4 :],
        "jpeg 2000 bomb": j2k[: siz + 6] + huge + j2k[siz + 14 : siz + 22] + huge + j2k[siz + 30 :],
        "jpeg 2000 of tiny tiles": j2k[: siz + 22] + struct.pack(">II", 1, 1) + j2k[siz + 30 :],
        "deflated bomb": plain.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")[:300] + zeros,
        "rows as a float": plain[: rows + 4] + b"FL" + plain[rows + 6 :],
        "rows as a sequence": plain[: rows + 4] + b"SQ" + plain[rows + 6 :],
        "rows longer than the file": plain[: rows + 6] + struct.pack("<H", 65_534) + plain[rows + 8 :],
        "no pixel data length": plain[: plain.index(b"\xe0\x7f\x10\x00") + 8] + b"\xff\xff\xff\xff" + bytes(400),
        "huge pixel data length": plain[: plain.index(b"\xe0\x7f\x10\x00") + 8] + b"\xfe\xff\xff\xff" + bytes(400),
        "huge fragment": rle.replace(b"\xfe\xff\x00\xe0", b"\xfe\xff\x00\xe0\xfe\xff\xff\x7f"),
        "half a header": plain[:140],
        "preamble only": bytes(128) + b"DICM",
        "meta length lies": plain[:140] + b"\xff\xff\xff\x7f" + plain[144:],
        "cut in the pixels": plain[:-5_000],
        "sequences 60 deep": written(dicom(film(), ReferencedImageSequence=[_nested(60)])),
        "nothing": b"",
        "zeros": bytes(10_000),
    }
    for tag in ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth"):
        window = {"WindowCenter": "0", "WindowWidth": "100"} if tag.startswith("Window") else {}
        for value in ("nan", "inf", "-1e999"):
            found[f"{tag} {value}"] = written(dicom(film(), **(window | {tag: value})))
    for tags in (
        {"Rows": 0},
        {"Columns": 65_535},
        {"BitsStored": 0},
        {"BitsStored": 60},
        {"HighBit": 99},
        {"BitsAllocated": 64},
    ):
        found[f"{tags}"] = written(dicom(film(), **tags))
    return found


def read_all(files: Iterable[bytes]) -> tuple[int, int, int]:
    """How many were read and refused, and the most that this process grew by, in bytes; everything else fails."""
    decode_sandboxed(sources()[0])
    before = most = _resident()
    read = refused = 0
    for data in files:
        began = time.monotonic()
        try:
            pixels = decode_sandboxed(data).pixels
        except ImageRefused as refusal:
            refused += 1
            said = str(refusal)
            assert said.endswith(".") and "\n" not in said and NAME not in said and "Traceback" not in said
        else:
            read += 1
            assert pixels.dtype == np.float32 and pixels.ndim == 2 and pixels.min() >= 0 and pixels.max() <= 1
            del pixels
        assert time.monotonic() - began < MOST_SECONDS
        most = max(most, _resident())
    growth = most - before
    assert growth <= MOST_GROWTH, f"This process grew by {growth / 2**20:.1f} MB over {read + refused} files."
    return read, refused, growth


def _resident() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def test_a_tenth_of_the_corpus() -> None:
    read, refused, _ = read_all(corpus()[::10])
    assert read and refused


def test_crafted_files() -> None:
    files = crafted()
    assert len(files) >= 40
    # Those inflated on the way are held in memory by the test itself, so they are made before it is measured.
    read, refused, _ = read_all(files.values())
    assert refused > 30, (read, refused)


def test_a_tenth_of_the_mutants_and_damaged_images() -> None:
    read, refused, _ = read_all([*list(mutants(MUTANTS))[::10], *list(damaged(DAMAGED))[::10]])
    assert read and refused


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("kind", ["corpus", "mutants", "damaged"])
def test_all_of_them(kind, record_testsuite_property) -> None:
    files = {"corpus": corpus, "mutants": lambda: list(mutants(MUTANTS)), "damaged": lambda: list(damaged(DAMAGED))}[
        kind
    ]()
    assert len(files) >= {"corpus": 194, "mutants": MUTANTS, "damaged": DAMAGED}[kind]
    read, refused, growth = read_all(files)
    said = f"{len(files)} files, {read} read, {refused} refused, memory +{growth / 2**20:.1f} MB"
    record_testsuite_property(kind, said)
    assert read and refused
