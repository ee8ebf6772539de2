"""A report as a DICOM Enhanced SR (PS3.3 A.35.2), by highdicom: findings and impression as text items, the notices first.

No tag of the X-ray is kept but view, size and the like, so the document names no patient and refers to no image; whoever files
it has to assign both.
"""

from __future__ import annotations

import hashlib
import io

from saerad_core import __version__
from saerad_core.reports.exports.document import ReportDocument, clean, evidence_of

_OWN = "99SAERAD"
"""Coding scheme of the codes that DICOM has none for."""


def as_dicom_sr(document: ReportDocument) -> bytes:
    """The report as a part 10 file: preliminary, unverified, complete; the same report has the same UIDs."""
    from highdicom.sr import (
        CodedConcept,
        ContainerContentItem,
        ContentSequence,
        EnhancedSR,
        RelationshipTypeValues,
        TextContentItem,
        UIDRefContentItem,
    )
    from highdicom.sr.value_types import CodeContentItem
    from pydicom.dataset import Dataset

    contains, context = RelationshipTypeValues.CONTAINS, RelationshipTypeValues.HAS_OBS_CONTEXT
    properties = RelationshipTypeValues.HAS_PROPERTIES

    def dcm(value: str, meaning: str) -> CodedConcept:
        return CodedConcept(value, "DCM", meaning)

    def text(name: CodedConcept, value: str, relationship: RelationshipTypeValues = contains) -> TextContentItem:
        return TextContentItem(name, clean(value) or "-", relationship_type=relationship)

    device = _uid(document, "device")
    root = ContainerContentItem(CodedConcept("18748-4", "LN", "Diagnostic Imaging Report"), template_id=None)
    items = [
        CodeContentItem(
            dcm("121049", "Language of Content Item and Descendants"),
            CodedConcept("en", "RFC5646", "English"),
            relationship_type=RelationshipTypeValues.HAS_CONCEPT_MOD,
        ),
        CodeContentItem(dcm("121005", "Observer Type"), dcm("121007", "Device"), relationship_type=context),
        UIDRefContentItem(dcm("121012", "Device Observer UID"), device, relationship_type=context),
        text(dcm("121013", "Device Observer Name"), f"SAE-Rad {__version__}", context),
    ]
    items += [text(dcm("121106", "Comment"), note) for note in (*document.notes, f"X-ray: {document.title}")]
    for (_, sentences), section, one in zip(
        document.sections,
        (dcm("121070", "Findings"), dcm("121072", "Impressions"), CodedConcept("CHANGES", _OWN, "Changes since prior")),
        (dcm("121071", "Finding"), dcm("121073", "Impression"), CodedConcept("CHANGE", _OWN, "Change")),
        strict=False,  # The last section is there only where there is a prior X-ray.
    ):
        container = ContainerContentItem(section, relationship_type=contains)
        children = []
        for sentence in sentences:
            item = text(one, sentence.said)
            told = text(CodedConcept("EVIDENCE", _OWN, "Probability; features"), evidence_of(sentence), properties)
            item.ContentSequence = ContentSequence([told])
            children.append(item)
        container.ContentSequence = ContentSequence(children or [text(one, "Nothing that the evidence supports.")])
        items.append(container)
    comments = (*document.warnings, document.coverage) if document.coverage else document.warnings
    items += [text(dcm("121106", "Comment"), comment) for comment in comments]
    items.append(text(CodedConcept("MADEBY", _OWN, "Made by"), document.foot))
    told = document.audit.get("report_sha256")
    if told:
        items.append(text(CodedConcept("REPORT", _OWN, "SHA-256 of the report"), told))
    root.ContentSequence = ContentSequence(items)

    # highdicom takes patient and study from an image; here are none, and the study is the report's own.
    nobody = Dataset()
    nobody.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    nobody.StudyInstanceUID, nobody.SeriesInstanceUID = _uid(document, "study"), _uid(document, "image series")
    nobody.SOPInstanceUID = _uid(document, "image")
    for name in (
        "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate", "StudyTime",
        "ReferringPhysicianName",
    ):  # fmt: skip
        setattr(nobody, name, "")
    sr = EnhancedSR(
        evidence=[nobody],
        content=root,
        series_instance_uid=_uid(document, "series"),
        series_number=1,
        sop_instance_uid=_uid(document, "report"),
        instance_number=1,
        manufacturer="SAE-Rad",
        manufacturer_model_name="SAE-Rad",
        software_versions=__version__,
        device_serial_number="0",
        is_complete=True,
        is_final=False,
        is_verified=False,
        record_evidence=False,
        specific_character_set="ISO_IR 192",
    )
    # The image that stood in doesn't exist; a reference to it would lead nowhere.
    for name in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
        if name in sr:
            delattr(sr, name)
    sr.SeriesDescription = clean(document.notes[0])[:64]
    out = io.BytesIO()
    sr.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _uid(document: ReportDocument, part: str) -> str:
    """A UID under 2.25 that follows from the report (PS3.5 B.2)."""
    said = (
        f"{document.audit.get('report_sha256', '')} {document.title} {document.findings} {document.impression} {part}"
    )
    digest = hashlib.sha256(said.encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"
