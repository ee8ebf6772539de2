"""DICOM radiographs (CR, DX) to grey levels, and the few facts of their header that may leave this module."""

from __future__ import annotations

import io
import logging
import re
import struct
import warnings

import numpy as np
import pydicom
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import pixel_array

from saerad_core.errors import ImageRefused
from saerad_core.images.codestream import frame_shape
from saerad_core.images.limits import check_grey, check_size, is_flat, sample

# Its messages repeat values of the file, names included, and a build reads thousands of files.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

RADIOGRAPHY = {"CR", "DX", "DR", "RG", "SC", "OT", ""}
"""Modalities that a chest film may come as; SC and OT are screen captures and digitised films."""
OTHERS = {
    "CT": "a CT image",
    "MR": "an MR image",
    "US": "an ultrasound image",
    "MG": "a mammogram",
    "NM": "a nuclear medicine image",
    "PT": "a PET image",
    "XA": "an angiogram",
    "RF": "a fluoroscopy image",
    "IO": "a dental image",
    "PX": "a dental image",
    "SR": "a structured report",
    "PR": "a presentation state",
    "SEG": "a segmentation",
}
_UNCOMPRESSED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")
_RLE = "1.2.840.10008.1.2.5"
_COMPRESSED = (
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.4.51",  # JPEG extended
    "1.2.840.10008.1.2.4.57",  # JPEG lossless
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",  # JPEG-LS
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90",  # JPEG 2000
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.201",  # High-throughput JPEG 2000
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.203",
    _RLE,
)
_EXTENDED = "1.2.840.10008.1.2.4.51"
_DEFLATED = "1.2.840.10008.1.2.1.99"
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT")
_VIEWS = {"PA", "AP", "LL", "RL", "LATERAL", "LAT", "LLD", "RLD", "RLO", "LLO"}
_LATERAL = {"LL", "RL", "LATERAL", "LAT"}
_CHEST = {"CHEST", "THORAX", "LUNG", "CHEST PA", "CHEST AP", "PORT CHEST", "CHESTPORT", "TORAX", ""}
OLDEST = 90
"""Ages from here on are given as 90+: the HIPAA safe-harbour rule counts them as identifying."""


def decode_dicom(data: bytes) -> tuple[np.ndarray, dict[str, str]]:
    """Pixels and facts of a DICOM file with one frame.

    Stored values go through the modality rescale and the first VOI window (PS3.3 C.11.1 and C.11.2); without one, from
    the 0.5th to the 99.5th percentile. MONOCHROME1 is inverted once, and a stored mirror image turned back.

    Returns:
        float32 [H, W] in [0, 1], bone white; facts.

    Raises:
        ImageRefused: another modality, several frames, a kind of compression that isn't read, unusable values.
    """
    try:
        return _decoded(data)
    except (BytesLengthException, InvalidDicomError) as error:
        raise ImageRefused("The DICOM file is damaged; export it again.") from error


def _decoded(data: bytes) -> tuple[np.ndarray, dict[str, str]]:
    # The deflated syntax is inflated while the header is read, so it has to be found before pydicom is asked.
    _check_syntax(_transfer_syntax(data))
    config.settings.reading_validation_mode = config.IGNORE
    with warnings.catch_warnings():
        # Oddities of a header that is only read for a dozen tags; the messages repeat values of the file.
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(io.BytesIO(data))
        syntax = str(dataset.file_meta.TransferSyntaxUID)
        _check_syntax(syntax)
        _check_header(dataset, syntax)
        values = _stored(dataset, syntax)
        pixels, window = _windowed(dataset, values)
        if dataset.PhotometricInterpretation == "MONOCHROME1":
            pixels = 1 - pixels
        facts = _facts(dataset, window)
        return _upright(dataset, pixels, facts), facts


def _transfer_syntax(data: bytes) -> str:
    """Element (0002,0010) of the file meta group, which is always explicit VR little endian (PS3.10, 7.1)."""
    at = 132
    while at + 8 <= len(data):
        group, element, vr, length = struct.unpack_from("<HH2sH", data, at)
        if group != 2:
            break
        at += 8
        if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
            (length,) = struct.unpack_from("<I", data, at)
            at += 4
        if element == 0x0010:
            return data[at : at + length].rstrip(b"\0 ").decode("ascii", "replace")
        at += length
    raise ImageRefused("The DICOM file doesn't say how its pixels are stored; export it again.")


def _check_syntax(syntax: str) -> None:
    if syntax == _DEFLATED:
        raise ImageRefused("The DICOM file is deflated, which is not read for safety; export it uncompressed.")
    if syntax not in _UNCOMPRESSED + _COMPRESSED:
        raise ImageRefused("The DICOM file's compression is not supported; export it uncompressed.")


def _check_header(dataset: Dataset, syntax: str) -> None:
    modality = str(dataset.get("Modality", "") or "").strip().upper()
    if modality not in RADIOGRAPHY:
        what = OTHERS.get(modality, "of another modality")
        raise ImageRefused(f"The DICOM file is {what}, not a chest radiograph (CR or DX).")
    if "PixelData" not in dataset:
        raise ImageRefused("The DICOM file has no image; choose one that has.")
    if int(dataset.get("NumberOfFrames", 1) or 1) != 1:
        raise ImageRefused("The DICOM file has several frames; choose a single radiograph.")
    check_size(int(dataset.Columns), int(dataset.Rows))
    photometric = str(dataset.PhotometricInterpretation)
    samples = int(dataset.get("SamplesPerPixel", 1))
    if samples == 1:
        usable = photometric in ("MONOCHROME1", "MONOCHROME2")
    else:
        usable = samples == 3 and photometric in _COLOUR and int(dataset.BitsAllocated) == 8
    if not usable or int(dataset.BitsAllocated) not in (8, 16, 32):
        raise ImageRefused("The DICOM file's pixels are not plain grey levels; export it in greyscale.")
    if syntax == _EXTENDED and int(dataset.BitsStored) > 8:
        raise ImageRefused("The DICOM file is 12-bit JPEG Extended, which can't be read; export it uncompressed.")


def _stored(dataset: Dataset, syntax: str) -> np.ndarray:
    """Stored values [H, W], integer; colour is turned into grey after the check that there is none to speak of."""
    shape = (int(dataset.Rows), int(dataset.Columns))
    if syntax not in (*_UNCOMPRESSED, _RLE):
        frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
        if frame_shape(frame) != (*shape, int(dataset.get("SamplesPerPixel", 1))):
            raise ImageRefused("The DICOM file's pixels don't fit its header; export it again.")
    # pylibjpeg's RLE decoder panics on damaged files, past every except clause; pydicom's own raises.
    values = pixel_array(dataset, decoding_plugin="pydicom" if syntax == _RLE else "")
    if values.ndim == 3 and values.shape == (*shape, 3):
        check_grey(values)
        return (values @ np.array([0.299, 0.587, 0.114])).round().astype(np.uint8)
    if values.shape != shape:
        raise ImageRefused("The DICOM file's pixels don't fit its header; export it again.")
    stored = int(dataset.BitsStored)
    if values.dtype.kind == "u" and syntax in _UNCOMPRESSED and stored < int(dataset.BitsAllocated):
        # Old files keep overlays in the bits above those stored.
        values = values & ((1 << stored) - 1)
    return values


def _windowed(dataset: Dataset, stored: np.ndarray) -> tuple[np.ndarray, str]:
    """Grey levels in [0, 1] before any inversion, and in words where the window came from."""
    if "ModalityLUTSequence" in dataset:
        values = apply_modality_lut(stored, dataset).astype(np.float32)
    else:
        slope, intercept = _number(dataset, "RescaleSlope", 1.0), _number(dataset, "RescaleIntercept", 0.0)
        values = stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    if not np.isfinite(values).all():
        raise ImageRefused("The DICOM file's rescale values are not numbers; export it again.")
    if "VOILUTSequence" in dataset:
        shown = np.asarray(apply_voi_lut(values.astype(np.int32), dataset, prefer_lut=True), dtype=np.float32)
        bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
        shown = shown / np.float32(2**bits - 1)
        if not is_flat(np.clip(shown, 0, 1)):
            return np.clip(shown, 0, 1), "the file's lookup table"
    elif "WindowCenter" in dataset and "WindowWidth" in dataset:
        center, width = _number(dataset, "WindowCenter", 0.0), _number(dataset, "WindowWidth", 0.0)
        if not np.isfinite([center, width]).all():
            raise ImageRefused("The DICOM file's window values are not numbers; export it again.")
        if width > 0:
            shown = voi(values, center, width, str(dataset.get("VOILUTFunction", "LINEAR") or "LINEAR"))
            # A window beside the values shows nothing; many exports carry one that belongs to another image.
            if not is_flat(shown):
                return shown, "the file's window"
    elif int(dataset.BitsStored) == 8 and "ModalityLUTSequence" not in dataset:
        return stored.astype(np.float32) / 255, "the full scale"
    low, high = np.percentile(sample(values), (0.5, 99.5))
    return np.clip((values - low) / max(high - low, 1e-12), 0, 1, dtype=np.float32), "percentiles"


def voi(values: np.ndarray, center: float, width: float, function: str = "LINEAR") -> np.ndarray:
    """The VOI window of PS3.3 C.11.2.1.2 and C.11.2.1.3, to [0, 1].

    Args:
        values: float32 [H, W] after the modality rescale.
        center: of the window.
        width: of the window, above 0.
        function: LINEAR, LINEAR_EXACT or SIGMOID.
    """
    if function == "SIGMOID":
        return (1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -80, 80)))).astype(np.float32)
    if function != "LINEAR_EXACT" and width > 1:
        center, width = center - 0.5, width - 1
    return np.clip((values - center) / width + 0.5, 0, 1).astype(np.float32)


def _number(dataset: Dataset, name: str, default: float) -> float:
    value = dataset.get(name)
    if value is None or value == "":
        return default
    return float(value if isinstance(value, (str, int, float)) else value[0])


def _facts(dataset: Dataset, window: str) -> dict[str, str]:
    """Allow-listed tags; a value that isn't one of the expected kind is left out, since people type names anywhere."""
    facts: dict[str, str] = {}

    def text(name: str) -> str:
        return str(dataset.get(name, "") or "").strip().upper()

    view, part = text("ViewPosition"), text("BodyPartExamined")
    if view in _VIEWS:
        facts["view"] = view
    if text("PatientSex") in ("F", "M", "O"):
        facts["sex"] = text("PatientSex")
    if age := re.fullmatch(r"(\d{3})Y", text("PatientAge")):
        years = int(age[1])
        facts["age"] = f"{OLDEST}+" if years >= OLDEST else str(years)
    if text("Modality"):
        facts["modality"] = text("Modality")
    if part in _CHEST - {""}:
        facts["body part"] = part
    facts["size"] = f"{int(dataset.Columns)} x {int(dataset.Rows)}"
    facts["bits"] = str(int(dataset.BitsStored))
    facts["format"] = "DICOM"
    # Checked against a closed set in _check_header.
    facts["photometric"] = str(dataset.PhotometricInterpretation)
    facts["window"] = window
    spacing = dataset.get("PixelSpacing") or dataset.get("ImagerPixelSpacing")
    if spacing is not None and len(spacing) == 2 and all(0 < float(mm) < 10 for mm in spacing):
        facts["pixel spacing"] = f"{float(spacing[0]):.3f} x {float(spacing[1]):.3f} mm"
    if view in _LATERAL:
        facts["warning"] = "This is a lateral view; the program knows frontal views only."
    elif part not in _CHEST:
        facts["warning"] = "The file says that this is not a chest; the program knows chest radiographs only."
    return facts


def _upright(dataset: Dataset, pixels: np.ndarray, facts: dict[str, str]) -> np.ndarray:
    """Turn what PatientOrientation (PS3.3 C.7.6.1.1.1) calls mirrored or upside down, and say so."""
    try:
        row, column = (str(way).strip().upper() for way in dataset.get("PatientOrientation") or ())
    except ValueError:
        return pixels
    if not (row[:1] in ("L", "R") and column[:1] in ("F", "H")):
        return pixels
    turned = []
    if row[0] == "R":
        pixels = pixels[:, ::-1]
        turned.append("mirrored")
    if column[0] == "H":
        pixels = pixels[::-1]
        turned.append("upside down")
    if turned:
        said = f"The file says that it is stored {' and '.join(turned)}; it was turned to the usual way round."
        facts["warning"] = f"{facts['warning']} {said}" if "warning" in facts else said
    return np.ascontiguousarray(pixels)
