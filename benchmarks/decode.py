"""What the sandbox costs over decoding in this process, for ordinary files."""

from __future__ import annotations

import io
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from benchmarks.common import Results, arguments
from saerad_core.images.radiograph import Radiograph, decode
from saerad_core.images.sandbox import decode_sandboxed

GOAL = "at most 30 ms over in-process decoding for an ordinary file"
PAUSE = 0.2
"""Seconds before each file: uploads come one by one."""


def film(side: int, high: int) -> np.ndarray:
    """uint16 [side, side]: a smooth field with noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] / side
    grey = 0.5 + 0.4 * np.sin(5 * x + 3 * y) + 0.01 * rng.standard_normal((side, side))
    return np.round(np.clip(grey, 0, 1) * high).astype(np.uint16)


def files() -> dict[str, bytes]:
    dataset = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=bytes(128))
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = UID("1.2.3")
    dataset.Modality, dataset.Rows, dataset.Columns = "DX", 2000, 2000
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    dataset.PixelData = film(2000, 4095).tobytes()
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    return {
        "DICOM 2k x 2k, 12 bit": out.getvalue(),
        "PNG 3k x 3k, 16 bit": encoded(film(3000, 65_535), "PNG"),
        "JPEG 2k x 2k": encoded(film(2000, 255).astype(np.uint8), "JPEG"),
        "PNG 1,024 x 1,024, 8 bit": encoded(film(1024, 255).astype(np.uint8), "PNG"),
    }


def encoded(pixels: np.ndarray, kind: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def main() -> None:
    options = arguments(__doc__).parse_args()
    results = Results()
    results.add("processes that want a core, at the start", os.getloadavg()[0], "1 min mean")
    for name, data in files().items():
        times = []
        # In turn, so that a busy machine slows both alike; the first rounds only warm up.
        for _ in range(6 if options.quick else 23):
            times.append([spent(read, data) for read in (decode, decode_sandboxed)])
        inside, outside = np.array(times[3:]).T
        over = statistics.median(outside - inside)
        results.add(f"{name}: in this process", statistics.median(inside), "ms, median")
        results.add(f"{name}: in the sandbox", statistics.median(outside), "ms, median")
        results.add(f"{name}: over it in the sandbox", over, "ms, median of pairs", GOAL, bool(over <= 30))
    results.add("processes that want a core, at the end", os.getloadavg()[0], "1 min mean")
    results.write(options.json)


def spent(read: Callable[[bytes], Radiograph], data: bytes) -> float:
    """Milliseconds, after the pause between two uploads in which the next decoder gets ready."""
    time.sleep(PAUSE)
    began = time.perf_counter()
    read(data)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
