"""What may be known of a DICOM file: a closed list, each value one of the standard's own codes or a number.

People type names anywhere, so a value that isn't expected is left out, and no text of the file is ever passed on.
"""

from __future__ import annotations

import math

from pydicom.dataset import Dataset

from saerad_core.images.part10 import SYNTAXES

RADIOGRAPHY = {"CR", "DX", "DR", "RG", "SC", "OT"}
"""Modalities that a chest film may come as; SC and OT are screen captures and digitised films."""
OTHERS = {
    "CT": "a CT image", "MR": "an MR image", "US": "an ultrasound image", "MG": "a mammogram",
    "NM": "a nuclear medicine image", "PT": "a PET image", "XA": "an angiogram", "RF": "a fluoroscopy image",
    "IO": "a dental image", "PX": "a dental image", "ES": "an endoscopy image", "XC": "a photograph",
    "GM": "a microscopy image", "SM": "a microscopy image", "OP": "an ophthalmic image", "BMD": "a bone density scan",
}  # fmt: skip
"""Modalities (PS3.3 C.7.3.1.1.1) that no chest radiograph comes as."""
VIEWS = {"PA", "AP", "LL", "RL", "RLD", "LLD", "RLO", "LLO"}
"""View Position (PS3.3 C.8.1.1)."""
LATERAL = {"LL", "RL", "LATERAL", "LAT"}
"""The last two are no codes of the standard, but many exports write them."""
LATERALITIES = {"R", "L", "U", "B"}
CHEST = {"CHEST", "LUNG", "THORAX", "RIB"}
BODY_PARTS = {
    *CHEST, "ABDOMEN", "ABDOMENPELVIS", "ANKLE", "AORTA", "ARM", "AXILLA", "BACK", "BLADDER", "BRAIN", "BREAST", "BRONCHUS",
    "BUTTOCK", "CALCANEUS", "CALF", "CAROTID", "CEREBELLUM", "CERVIX", "CHEEK", "CHESTABDOMEN", "CHESTABDPELVIS", "CLAVICLE",
    "COCCYX", "COLON", "CORNEA", "CORONARYARTERY", "CSPINE", "CTSPINE", "DUODENUM", "EAR", "ELBOW", "ESOPHAGUS", "EXTREMITY",
    "EYE", "EYELID", "FACE", "FEMUR", "FINGER", "FOOT", "GALLBLADDER", "HAND", "HEAD", "HEADNECK", "HEART", "HIP", "HUMERUS",
    "IAC", "ILEUM", "ILIUM", "JAW", "JEJUNUM", "KIDNEY", "KNEE", "LARYNX", "LEG", "LIVER", "LSPINE", "LSSPINE", "MAXILLA",
    "MEDIASTINUM", "MOUTH", "NECK", "NECKCHEST", "NOSE", "ORBIT", "OVARY", "PANCREAS", "PAROTID", "PATELLA", "PELVIS",
    "PHARYNX", "PROSTATE", "RECTUM", "SCALP", "SCAPULA", "SHOULDER", "SKULL", "SPINE", "SPLEEN", "SSPINE", "STERNUM",
    "STOMACH", "THIGH", "THUMB", "THYMUS", "THYROID", "TLSPINE", "TMJ", "TOE", "TONGUE", "TRACHEA", "TSPINE", "URETER",
    "URETHRA", "UTERUS", "WHOLEBODY", "WRIST", "ZYGOMA",
}  # fmt: skip
"""Body Part Examined (PS3.16 annex L)."""


def facts_of(dataset: Dataset, syntax: str, bits: int) -> dict[str, str]:
    """The allow-listed facts, and under "warning" why this may be no frontal chest X-ray."""

    def code(name: str) -> str:
        value = dataset.get(name, "")
        return value.strip().upper() if isinstance(value, str) else ""

    modality, view, part = code("Modality"), code("ViewPosition"), code("BodyPartExamined")
    laterality = code("ImageLaterality") or code("Laterality")
    facts: dict[str, str] = {}
    if modality in RADIOGRAPHY or modality in OTHERS:
        facts["modality"] = modality
    if view in VIEWS:
        facts["view"] = view
    if laterality in LATERALITIES:
        facts["laterality"] = laterality
    if part in BODY_PARTS:
        facts["body part"] = part
    facts["bits"] = str(bits)
    if spacing := _spacing(dataset):
        facts["spacing"] = spacing
    # Both were checked against closed sets before any pixel was read.
    facts["photometric interpretation"] = str(dataset.PhotometricInterpretation)
    facts["transfer syntax"] = SYNTAXES[syntax]
    facts["size"] = f"{int(dataset.Columns)} x {int(dataset.Rows)}"
    facts["format"] = "DICOM"
    warnings = []
    if modality in OTHERS:
        warnings.append(f"The file says that it is {OTHERS[modality]}; the program knows chest radiographs only.")
    elif modality and modality not in RADIOGRAPHY:
        warnings.append("The file says that it is of another modality; the program knows chest radiographs only.")
    if view in LATERAL:
        warnings.append("This is a lateral view; the program knows frontal views only.")
    if part and part not in CHEST and not part.startswith(("CHEST", "PORT CHEST", "TORAX")):
        warnings.append("The file says that this is not a chest; the program knows chest radiographs only.")
    if warnings:
        facts["warning"] = " ".join(warnings)
    return facts


def _spacing(dataset: Dataset) -> str:
    """Millimetres between rows and between columns."""
    for name in ("PixelSpacing", "ImagerPixelSpacing"):
        try:
            rows, columns = (float(mm) for mm in dataset.get(name) or ())
        except (TypeError, ValueError):
            continue
        if all(math.isfinite(mm) and 0 < mm < 10 for mm in (rows, columns)):
            return f"{rows:.3f} x {columns:.3f} mm"
    return ""
