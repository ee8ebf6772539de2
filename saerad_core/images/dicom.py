"""DICOM files of computed and digital radiography (PS3.3 A.2, A.26)."""

from __future__ import annotations

import io
import struct
import warnings

import numpy as np

from saerad_core.errors import ImageRefused
from saerad_core.images.radiograph import Radiograph, check_size

MODALITIES = ("CR", "DX", "DR", "RG", "OT", "SC", "")
DEFLATED = "1.2.840.10008.1.2.1.99"
"""Deflated Explicit VR: 1 MB of it can grow to gigabytes before any header can be read."""
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
KEPT = {
    "Modality": "modality",
    "ViewPosition": "view",
    "BodyPartExamined": "body_part",
    "PatientSex": "sex",
    "PhotometricInterpretation": "photometric",
}
"""The only tags whose values are kept, each checked against what the standard allows."""
ALLOWED = {
    "modality": set(MODALITIES),
    "view": {"PA", "AP", "LL", "RL", "LATERAL", "LAO", "RAO"},
    "body_part": {"CHEST", "THORAX", "LUNG"},
    "sex": {"F", "M", "O"},
    "photometric": {"MONOCHROME1", "MONOCHROME2"},
}


def decode_dicom(data: bytes) -> Radiograph:
    """Pixels as displayed: rescaled, windowed (or stretched between the 0.5th and 99.5th percentile), bone white."""
    import pydicom

    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
            _check(header)
            dataset = pydicom.dcmread(io.BytesIO(data))
            values = np.asarray(dataset.pixel_array, dtype=np.float32)
            pixels = _display(dataset, values)
            facts = _facts(header)
    except ImageRefused:
        raise
    # pydicom and its decoders raise over ten kinds of exception on damaged files.
    except (AttributeError, ValueError, KeyError, TypeError, IndexError, OSError, EOFError, NotImplementedError, RuntimeError,
            OverflowError, MemoryError, struct.error, LookupError, AssertionError, ArithmeticError) as error:  # fmt: skip
        raise ImageRefused(
            "The DICOM file is damaged or of a kind that can't be read; export it again, uncompressed."
        ) from error
    return Radiograph(pixels, facts)


def _check(header) -> None:  # noqa: ANN001 - pydicom's Dataset
    syntax = str(getattr(header.file_meta, "TransferSyntaxUID", ""))
    if syntax == DEFLATED:
        raise ImageRefused("Deflated DICOM files are not read; export it again, uncompressed.")
    if syntax == JPEG_EXTENDED and int(header.get("BitsStored", 8)) > 8:
        raise ImageRefused("DICOM files with 12-bit lossy JPEG are not read; export it again, uncompressed.")
    modality = str(header.get("Modality", "") or "").strip().upper()
    if modality not in MODALITIES:
        raise ImageRefused("This DICOM file is not a radiograph; give one of modality CR or DX.")
    if int(header.get("NumberOfFrames", 1) or 1) != 1:
        raise ImageRefused("This DICOM file holds several frames; give a single X-ray.")
    if int(header.get("SamplesPerPixel", 1)) != 1:
        raise ImageRefused("This DICOM file is in colour; give the X-ray itself, in shades of grey.")
    if "Rows" not in header or "Columns" not in header:
        raise ImageRefused("This DICOM file holds no image; give one of modality CR or DX.")
    check_size(int(header.Rows), int(header.Columns))


def _display(dataset, values: np.ndarray) -> np.ndarray:  # noqa: ANN001
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    if values.ndim != 2:
        raise ImageRefused("This DICOM file holds more than one image; give a single X-ray.")
    values = np.asarray(apply_modality_lut(dataset.pixel_array, dataset), dtype=np.float64)
    windowed = "WindowCenter" in dataset or "VOILUTSequence" in dataset
    if windowed:
        shown = np.asarray(
            apply_voi_lut(values if "VOILUTSequence" not in dataset else dataset.pixel_array, dataset), dtype=np.float64
        )
        # A window that shows nothing of this image is a mistake of whoever wrote the file.
        if np.isfinite(shown).all() and np.ptp(shown) > 0:
            values = shown
        else:
            windowed = False
    if not np.isfinite(values).all():
        raise ImageRefused("The DICOM file's rescaling gives values that are not numbers; export it again.")
    low, high = (values.min(), values.max()) if windowed else np.percentile(values, (0.5, 99.5))
    if high <= low:
        raise ImageRefused("The image is blank or of one shade; give a chest X-ray.")
    pixels = np.clip((values - low) / (high - low), 0, 1).astype(np.float32)
    if str(dataset.get("PhotometricInterpretation", "")).strip().upper() == "MONOCHROME1":
        pixels = 1 - pixels
    return pixels


def _facts(header) -> dict[str, str]:  # noqa: ANN001
    facts = {}
    for tag, name in KEPT.items():
        value = str(header.get(tag, "") or "").strip().upper()
        if value and value in ALLOWED[name]:
            facts[name] = value
    age = str(header.get("PatientAge", "") or "").strip().upper()
    if len(age) == 4 and age[:3].isdigit() and age[3] in "YMWD":
        years = int(age[:3]) if age[3] == "Y" else 0
        # Ages over 89 identify (HIPAA's safe harbour).
        facts["age"] = "90+" if years > 89 else str(years)
    facts["size"] = f"{int(header.Columns)} x {int(header.Rows)}"
    spacing = header.get("ImagerPixelSpacing") or header.get("PixelSpacing")
    try:
        across = float(spacing[1]) if spacing else 0.0
    except (TypeError, ValueError, IndexError):
        across = 0.0
    if 0.01 < across < 5:
        facts["pixel_spacing_mm"] = f"{across:.3f}"
    return facts
