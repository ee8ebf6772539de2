"""Small trees laid out as the published datasets are; every word and picture in them is made up."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from saerad_core.datasets.fields import CHEXPERT_LABELS
from tests.tiny import REPORTS, draw

SIDES = ("left", "right", "")


def write_csv(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_film(path: Path, number: int) -> None:
    """A drawn picture as PNG, JPEG or DICOM, by the name's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = draw(np.random.default_rng(number), SIDES[number % 3])
    if path.suffix == ".dcm":
        write_dicom(path, pixels)
    else:
        Image.fromarray(pixels).save(path)


def write_dicom(path: Path, pixels: np.ndarray) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    film = Dataset()
    film.file_meta = meta
    film.SOPClassUID, film.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    film.Modality, film.PatientName = "CR", "Doe^Jane"
    film.Rows, film.Columns = pixels.shape
    film.SamplesPerPixel, film.PhotometricInterpretation = 1, "MONOCHROME2"
    film.BitsAllocated = film.BitsStored = 8
    film.HighBit, film.PixelRepresentation = 7, 0
    film.PixelData = pixels.tobytes()
    film.save_as(path, enforce_file_format=True)


def mimic_report(number: int) -> str:
    findings, impression = REPORTS[SIDES[number % 3]]
    return (
        "                                 FINAL REPORT\n EXAMINATION:  CHEST (PA AND LAT)\n\n INDICATION:  ___ year old with "
        f"cough.\n\n COMPARISON:  ___\n\n FINDINGS:\n \n {findings}\n\n IMPRESSION: \n \n {impression}\n"
    )


def mimic(root: Path, *, patients: int = 12, suffix: str = ".jpg", zipped: bool = True) -> None:
    """One frontal and one lateral image a study, one study a patient; the first patient has an AP image more."""
    meta, split, labels, texts = [], [], [], {}
    for number in range(patients):
        subject, study = 10_000_032 + number, 50_414_267 + number
        folder = f"files/p{str(subject)[:2]}/p{subject}/s{study}"
        views = ["PA", "LATERAL"] + (["AP"] if number == 0 else [])
        for at, view in enumerate(views):
            dicom = f"{number:08x}-bde0afdd-112c0b34-7bc16630-{at:08x}"
            meta.append(
                {
                    "dicom_id": dicom,
                    "subject_id": subject,
                    "study_id": study,
                    "PerformedProcedureStepDescription": "CHEST (PA AND LAT)",
                    "ViewPosition": "" if (number, at) == (1, 0) else view,
                    "Rows": 96,
                    "Columns": 96,
                    "StudyDate": 21800506,
                    "StudyTime": 213014.531,
                    "ProcedureCodeSequence_CodeMeaning": "CHEST (PA AND LAT)",
                    "ViewCodeSequence_CodeMeaning": {"PA": "postero-anterior", "AP": "antero-posterior"}.get(view, "lateral"),
                    "PatientOrientationCodeSequence_CodeMeaning": "Erect",
                }
            )  # fmt: skip
            name = ("train", "train", "validate", "train", "test", "train")[number % 6]
            split.append({"dicom_id": dicom, "study_id": study, "subject_id": subject, "split": name})
            write_film(root / f"{folder}/{dicom}{suffix}", number)
        row = dict.fromkeys(CHEXPERT_LABELS, "") | {
            "Pleural Effusion": ("1.0", "-1.0", "0.0")[number % 3],
            "No Finding": "",
        }
        labels.append({"subject_id": subject, "study_id": study} | row)
        texts[f"{folder}.txt"] = mimic_report(number)
    for name, rows in {"metadata": meta, "split": split, "chexpert": labels}.items():
        write_csv(root / f"mimic-cxr-2.0.0-{name}.csv.gz", rows)
    if zipped:
        with zipfile.ZipFile(root / "mimic-cxr-reports.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in texts.items():
                archive.writestr(name, text)
    else:
        for name, text in texts.items():
            (root / name).write_text(text, encoding="utf-8")


def openi_report(number: int, images: list[str], heading: str = "Pleural Effusion/left") -> str:
    findings, impression = REPORTS[SIDES[number % 3]]
    pictures = "".join(
        f'<parentImage id="{image}"><caption>Xray Chest PA and Lateral</caption></parentImage>' for image in images
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<eCitation><uId id="CXR{number}"/><MedlineCitation><Article><Abstract>'
        '<AbstractText Label="COMPARISON">None.</AbstractText><AbstractText Label="INDICATION">Cough &amp; fever</AbstractText>'
        f'<AbstractText Label="FINDINGS">{findings}</AbstractText><AbstractText Label="IMPRESSION">{impression}</AbstractText>'
        f"</Abstract></Article></MedlineCitation><MeSH><major>{heading}</major></MeSH>{pictures}</eCitation>"
    )


def openi(root: Path, *, reports: int = 12, dicom: bool = False) -> None:
    """Two images a report, and the list of views."""
    (root / "ecgen-radiology").mkdir(parents=True)
    views = []
    for number in range(1, reports + 1):
        names = [f"{number}_IM-{number:04d}-{end}" for end in ("1001", "2001")]
        text = openi_report(
            number, [f"CXR{name}" for name in names], "normal" if number % 3 == 2 else "Pleural Effusion/left"
        )
        (root / "ecgen-radiology" / f"{number}.xml").write_text(text, encoding="utf-8")
        for name, view in zip(names, ("Frontal", "Lateral"), strict=True):
            write_film(root / (f"dicom/{number}/{name}.dcm" if dicom else f"images/CXR{name}.png"), number)
            views.append({"uid": number, "filename": f"{name}.dcm.png", "projection": view})
    write_csv(root / "indiana_projections.csv", views)


def nih(root: Path) -> None:
    rows = [
        {
            "Image Index": f"{patient:08d}_{follow_up:03d}.png",
            "Finding Labels": ("No Finding", "Effusion|Mass")[patient % 2],
            "Follow-up #": follow_up,
            "Patient ID": patient,
            "Patient Age": (58, 94)[follow_up],
            "Patient Gender": "FM"[patient % 2],
            "View Position": ("PA", "AP")[follow_up],
            "OriginalImage[Width": 2682, "Height]": 2749, "OriginalImagePixelSpacing[x": 0.143, "y]": 0.143,
        }
        for patient in range(1, 7)
        for follow_up in range(2)
    ]  # fmt: skip
    write_csv(root / "Data_Entry_2017_v2020.csv", rows)
    names = [row["Image Index"] for row in rows]
    (root / "test_list.txt").write_text("\n".join(names[8:]) + "\n", encoding="utf-8")
    (root / "train_val_list.txt").write_text("\n".join(names[:8]), encoding="utf-8")
    for at, name in enumerate(names[:-1]):
        write_film(root / f"images_{1 + at // 6:03d}/images/{name}", at)


def padchest(root: Path) -> None:
    rows = [
        {
            "": at,
            "ImageID": f"2053668664013634823614867989145588646{at}_k6ga29.png",
            "ImageDir": at % 2,
            "StudyDate_DICOM": 20140915,
            "StudyID": f"205{at // 2}",
            "PatientID": f"8398{at // 2}",
            "PatientBirth": "1920.0" if at < 2 else "1960.0",
            "PatientSex_DICOM": "F",
            "ViewPosition_DICOM": "POSTEROANTERIOR",
            "Projection": ("PA", "L", "AP_horizontal", "COSTAL", "AP", "UNK")[at % 6],
            "Pediatric": "No",
            "ReportID": at,
            "Report": "nan" if at == 10 else ' derram pleural izquierd , "mod" .',
            "MethodLabel": "Physician",
            "Labels": "['pleural effusion', 'normal', '']" if at else "nan",
        }
        for at in range(12)
    ]
    write_csv(root / "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz", rows)
    for row in rows:
        write_film(root / str(row["ImageDir"]) / str(row["ImageID"]), int(str(row[""])))


def chexpert_plus(root: Path) -> None:
    rows, labels = [], []
    for at in range(8):
        split = "valid" if at >= 6 else "train"
        for view, side in ((1, "frontal"), (2, "lateral")):
            path = f"{split}/patient{at:05d}/study1/view{view}_{side}.jpg"
            findings, impression = REPORTS[SIDES[at % 3]]
            rows.append(
                {
                    "": len(rows), "path_to_image": path, "path_to_dcm": path.replace(".jpg", ".dcm"),
                    "frontal_lateral": side.capitalize(), "ap_pa": ("AP", "PA")[at % 2] if side == "frontal" else "",
                    "deid_patient_id": f"patient{at:05d}", "patient_report_date_order": 1, "report": "NARRATIVE:\nall, of it",
                    "section_narrative": "", "section_clinical_history": "Cough,\nfever.", "section_history": "",
                    "section_findings": findings if at else "", "section_impression": f"1. {impression}\n2. \"Stable\".",
                    "age": 93.0, "sex": "Female", "split": split,
                }
            )  # fmt: skip
            labels.append(
                {"path_to_image": path, "Pleural Effusion": 1.0, "Edema": -1.0, "Fracture": None, "No Finding": None}
            )
            write_film(root / "PNG" / path.replace(".jpg", ".png"), at)
    write_csv(root / "df_chexpert_plus_240401.csv", rows)
    (root / "chexbert_labels").mkdir()
    (root / "chexbert_labels" / "report_fixed.json").write_text(
        "".join(json.dumps(row) + "\n" for row in labels), encoding="utf-8"
    )
