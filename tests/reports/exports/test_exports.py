"""The report as files: what each says, that others can read it, and that the audit row makes it again."""

import io
import json
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saerad_core import NOTICE
from saerad_core.errors import WorkspaceError
from saerad_core.reports.check import Flag
from saerad_core.reports.compose import Composer
from saerad_core.reports.exports import plain
from saerad_core.reports.exports.audit import audit_row, models_of, recreate, report_hash
from saerad_core.reports.exports.dicom_sr import as_dicom_sr
from saerad_core.reports.exports.document import clean, make_document, stored
from saerad_core.reports.exports.docx import as_docx
from saerad_core.reports.exports.pdf import as_pdf
from tests.reports.written import composer, curated, tables

SIMULATED, PSEUDO = "The X-ray is simulated.", "The report texts are pseudo-reports."
MODELS = {"encoder": "e" * 64, "sae": "5" * 64, "thresholds": "7" * 64, "evidence": "1" * 64, "descriptions": "d" * 64}
HOSTILE = "<script>alert(1)</script> ![x](http://evil/x.png) \u202egnirts\x00 <img src=x onerror=y> ]]> {{7*7}} \ud800"
CODES = st.lists(st.tuples(st.integers(0, 59), st.floats(0.1, 9)), max_size=20, unique_by=lambda one: one[0])


def document(found=((1, 3.0), (5, 2.0), (7, 2.0)), title="chest.png", notes=(NOTICE, SIMULATED, PSEUDO), words=None):
    report = composer().compose(list(found), words or {})
    row = audit_row(report, MODELS, composer())
    return make_document(report, title=title, notes=notes, made_by={"program": "SAE-Rad"}, audit=row)


def text_of_pdf(data):
    from pypdf import PdfReader

    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(data), strict=True).pages).split())


def text_of_docx(data):
    import docx

    read = docx.Document(io.BytesIO(data))
    return " ".join([*(p.text for p in read.paragraphs), *(p.text for p in read.sections[0].header.paragraphs)])


def text_of_sr(data):
    import pydicom

    def items(dataset):
        yield str(dataset.get("TextValue", ""))
        for item in dataset.get("ContentSequence", []):
            yield from items(item)

    return " ".join(items(pydicom.dcmread(io.BytesIO(data))))


FORMATS = {
    "txt": (plain.as_text, bytes.decode),
    "json": (plain.as_json, bytes.decode),
    "pdf": (as_pdf, text_of_pdf),
    "docx": (as_docx, text_of_docx),
    "dcm": (as_dicom_sr, text_of_sr),
}


@pytest.mark.parametrize("ending", FORMATS)
def test_each_file_has_the_notices_and_every_sentence(ending):
    write, read = FORMATS[ending]
    one = document()
    text = read(write(one))
    assert all(note in text for note in (NOTICE, SIMULATED, PSEUDO))
    assert one.findings and one.impression
    assert one.coverage and one.coverage in text or f'"share": {one.report["coverage"]["share"]}' in text
    for sentence in (*one.findings, *one.impression):
        assert sentence.text in text
    assert one.audit["report_sha256"] in text or ending == "txt"


@pytest.mark.parametrize("ending", FORMATS)
def test_a_flagged_sentence_is_left_out(ending):
    write, read = FORMATS[ending]
    report = composer().compose([(1, 3.0), (5, 2.0)])
    report.findings[0] = replace(
        report.findings[0],
        text="Invented aneurysm.",
        flags=(Flag("added finding", "The evidence says nothing of it."),),
    )
    text = read(write(make_document(report, title="x", notes=(NOTICE,), made_by={})))
    assert "aneurysm" not in text and NOTICE in text


def test_no_notice_no_file():
    with pytest.raises(AssertionError):
        make_document(composer().compose([]), title="x", notes=(), made_by={})


@pytest.mark.parametrize("ending", FORMATS)
def test_hostile_titles_and_descriptions_stay_text(ending):
    write, read = FORMATS[ending]
    one = document(title=HOSTILE, words={1: curated(HOSTILE)})
    data = write(one)
    read(data)
    assert "\u202e" not in read(data) and "\x00" not in read(data)
    if ending == "docx":
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            body = parts.read("word/document.xml").decode()
            assert "<script" not in body and "&lt;script" in body
            assert not any(
                "http://evil" in parts.read(n).decode("utf-8", "ignore")
                for n in parts.namelist()
                if n.endswith(".rels")
            )
    if ending == "pdf":
        assert not re.search(rb"/(?:JavaScript|JS|URI|Launch|EmbeddedFile)\b", data)


@pytest.mark.parametrize("ending", FORMATS)
def test_the_same_report_is_the_same_file(ending):
    write, _ = FORMATS[ending]
    first, second = write(document()), write(document())
    if ending == "dcm":  # the date and time of a document are its own
        import pydicom

        one, other = (pydicom.dcmread(io.BytesIO(data)) for data in (first, second))
        assert one.SOPInstanceUID == other.SOPInstanceUID and one.ContentSequence == other.ContentSequence
    else:
        assert first == second


def test_the_sr_names_no_patient_and_refers_to_nothing():
    import pydicom

    sr = pydicom.dcmread(io.BytesIO(as_dicom_sr(document())))
    assert sr.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.22" and sr.Modality == "SR"
    assert (sr.PatientName, sr.PatientID, sr.PatientBirthDate) == ("", "", "")
    assert "CurrentRequestedProcedureEvidenceSequence" not in sr
    assert (sr.VerificationFlag, sr.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert all(len(sr[name].value) <= 64 for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"))


@pytest.mark.parametrize("found", [((1, 3.0), (5, 2.0)), ()])
def test_the_sr_is_valid_to_dciodvfy(tmp_path, found):
    if shutil.which("dciodvfy") is None:
        pytest.skip("needs dciodvfy, of Debian's dicom3tools")
    path = tmp_path / "report.dcm"
    path.write_bytes(as_dicom_sr(document(found, words={1: curated(HOSTILE)})))
    told = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    said = told.stdout + told.stderr
    assert "EnhancedSR" in said
    assert not [line for line in said.splitlines() if line.startswith("Error")], said


def test_the_sr_is_read_by_dcmtk(tmp_path):
    if shutil.which("dsrdump") is None:
        pytest.skip("needs dsrdump, of Debian's dcmtk")
    path = tmp_path / "report.dcm"
    one = document()
    path.write_bytes(as_dicom_sr(one))
    told = subprocess.run(["dsrdump", "+U8", "+Pl", str(path)], capture_output=True, text=True, check=True)
    assert "Enhanced SR Document" in told.stdout and NOTICE in told.stdout
    assert all(sentence.text in told.stdout for sentence in one.findings)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(found=CODES, rejected=st.sets(st.integers(0, 59), max_size=4), typical=st.booleans(), more=st.none() | CODES)
def test_an_audit_row_makes_the_report_again_bit_for_bit(found, rejected, typical, more):
    words = {f: curated(status="rejected") for f in rejected} | {3: curated("A curator's words.")}
    code = None if more is None else sorted((dict(more) | dict(found)).items())
    report = composer().compose(found, words, code, silence=typical)
    report.warnings.insert(0, "The file says that it is a hand.")
    report.timings_ms["report"] = 1.25
    report.typicality = {"distance_percentile": 12.3, "error_percentile": 99.5} if typical else None
    row = json.loads(json.dumps(audit_row(report, MODELS, composer())))
    again = recreate(row, MODELS, composer())
    assert json.dumps(stored(again)).encode() == json.dumps(stored(report)).encode()
    assert report_hash(again) == row["report_sha256"]


def test_an_exported_file_makes_the_same_file():
    one = document(words={1: curated("Fluid on the right.")})
    data = json.loads(plain.as_json(one))
    again = recreate(data["audit"], MODELS, composer())
    row = audit_row(again, MODELS, composer())
    made = make_document(again, title=one.title, notes=one.notes, made_by=one.made_by, audit=row)
    assert plain.as_json(made) == plain.as_json(one)


def test_what_cannot_be_made_again_is_refused_in_one_sentence():
    row = document().audit
    with pytest.raises(WorkspaceError, match="another sae"):
        recreate(row, MODELS | {"sae": "0" * 64}, composer())
    with pytest.raises(WorkspaceError, match="comes out otherwise"):
        recreate(row | {"features": [[2, 1.0]]}, MODELS, composer())
    with pytest.raises(WorkspaceError, match="other settings"):
        recreate(row | {"settings": {}}, MODELS, composer())
    for damaged in (
        {},
        {"format": row["format"]},
        row | {"features": "x"},
        row | {"curated": [1]},
        row | {"models": None},
        [],
    ):
        with pytest.raises(WorkspaceError):
            recreate(damaged, MODELS, composer())


def test_models_are_told_apart_by_their_files(tiny_workspace, tmp_path):
    from saerad_core.stages.describe import Composer as Opened
    from saerad_core.workspace import Workspace

    shutil.copytree(tiny_workspace.root, tmp_path / "copy", ignore=shutil.ignore_patterns("curation*", "*.lock"))
    workspace = Workspace.open(tmp_path / "copy")
    opened = Opened.open(workspace)
    models = models_of(workspace, opened)
    assert models == models_of(tiny_workspace, opened) and all(len(value) == 64 for value in models.values())
    with (workspace.root / "thresholds.safetensors").open("ab") as file:
        file.write(b" ")
    assert {name for name, value in models_of(workspace, opened).items() if value != models[name]} == {"thresholds"}
    assert models_of(workspace, Composer(tables(), {0: "Other."}))["descriptions"] != models["descriptions"]


@settings(deadline=None)
@given(st.text(max_size=200))
def test_a_cleaned_text_is_one_line_of_visible_characters(text):
    line = clean(text)
    assert "\n" not in line and "\u202e" not in line and clean(line) == line and len(clean(text * 50)) <= 2_000
