"""What columns of different datasets say of a view, a person and labels, in one form."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

CHEXPERT_LABELS = (
    "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema", "Consolidation", "Pneumonia",
    "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture", "Support Devices",
)  # fmt: skip
"""The labels of CheXpert (Irvin et al., AAAI 2019) but "No Finding", which is the absence of the others."""
NO_LABEL = {"", "no finding", "no findings", "normal", "none", "nan"}
FRONTAL = {
    "PA": "PA", "POSTEROANTERIOR": "PA", "POSTERIORANTERIOR": "PA",
    "AP": "AP", "ANTEROPOSTERIOR": "AP", "ANTERIORPOSTERIOR": "AP", "APHORIZONTAL": "AP", "APSUPINE": "AP",
    "APERECT": "AP", "APPORTABLE": "AP", "PORTABLEAP": "AP", "CHESTPORTABLEAP": "AP",
    "FRONTAL": "",
}  # fmt: skip
"""Names of a frontal view, letters only; "" where the direction isn't told. Decubitus and axial views are not among them."""
UNTOLD = {"", "NAN", "NONE", "UNK", "UNKNOWN"}


def frontal_view(*texts: str | None) -> str | None:
    """PA, AP, or "" for a frontal view of untold direction; None where the first text that tells anything tells of another.

    None, too, where no text tells anything.
    """
    for text in texts:
        letters = re.sub(r"[^A-Z]+", "", (text or "").upper())
        if letters not in UNTOLD:
            return FRONTAL.get(letters)
    return None


def is_told(text: str | None) -> bool:
    """Whether a view column says anything."""
    return re.sub(r"[^A-Z]+", "", (text or "").upper()) not in UNTOLD


def sex_of(text: str | None) -> str:
    """F, M or ""; from female, Male, f ..."""
    letter = (text or "").strip().upper()[:1]
    return letter if letter in ("F", "M") else ""


def age_of(text: str | None) -> int | None:
    """Years, from years or a DICOM age string; 90 for 90 and older."""
    digits = re.fullmatch(r"0*(\d{1,3})(?:\.\d+)?\s*(Y|M|W|D|)[A-Z+]*", (text or "").strip().upper())
    if digits is None or int(digits.group(1)) > 130:
        return None
    if digits.group(2) in ("M", "W", "D"):
        # DICOM's age strings (PS3.5 6.2): months, weeks and days.
        return int(digits.group(1)) // {"M": 12, "W": 52, "D": 365}[digits.group(2)]
    # Ages over 89 identify (HIPAA's safe harbour): 90 stands for all of them.
    return min(int(digits.group(1)), 90)


def positive_labels(values: Iterable[tuple[str, object]]) -> tuple[str, ...]:
    """Labels that a CheXpert labeller found present (1).

    Absent (0), unmentioned (blank) and **uncertain (-1)** ones are dropped alike: what a report leaves open is no label.
    """
    return tuple(name for name, value in values if _is_one(value))


def _is_one(value: object) -> bool:
    try:
        return float(str(value)) == 1
    except ValueError:
        return False


def one_line(text: str | None) -> str:
    """Text with every run of white space as one space."""
    return " ".join((text or "").split())


def safe_id(text: str) -> str:
    """``text`` where it is safe in addresses and file names; else its safe part and a hash."""
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:48]
    return text if safe == text else f"{safe}-{short_hash(text)}" if safe else short_hash(text)


def short_hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()


def image_id_of(path: str) -> str:
    """A name that is safe in URLs and file names: the file's own, with a hash where that isn't safe or has a folder."""
    stem = Path(path).stem
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:48]
    folder = Path(path).parent.as_posix()
    if safe == stem and folder in (".", "images"):
        suffix = "" if Path(path).suffix.lower() in (".png", ".jpg", ".jpeg", ".dcm", "") else "-" + short_hash(path)
        return safe + suffix
    return f"{safe}-{short_hash(path)}" if safe else short_hash(path)
