"""What the sandbox costs over decoding in this process, for ordinary files."""

from __future__ import annotations

import io
import statistics
import time

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from benchmarks.common import Results, arguments
from saerad_core.images.radiograph import decode
from saerad_core.images.sandbox import decode_sandboxed

GOAL = "at most 30 ms over in-process decoding for an ordinary file"


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
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3"
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
        "JPEG 2.5k x 2.5k": encoded(film(2500, 255).astype(np.uint8), "JPEG"),
    }


def encoded(pixels: np.ndarray, kind: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def main() -> None:
    options = arguments(__doc__).parse_args()
    results = Results()
    for name, data in files().items():
        inside, outside = [], []
        # In turn, so that a busy machine slows both alike; the first round only warms up.
        for _ in range(4 if options.quick else 16):
            for times, read in ((inside, decode), (outside, decode_sandboxed)):
                began = time.perf_counter()
                read(data)
                times.append((time.perf_counter() - began) * 1000)
        plain, boxed = statistics.median(inside[1:]), statistics.median(outside[1:])
        results.add(f"{name}: in this process", plain, "ms, median")
        results.add(f"{name}: over it in the sandbox", boxed - plain, "ms, median", GOAL, boxed - plain <= 30)
    results.write(options.json)


if __name__ == "__main__":
    main()
