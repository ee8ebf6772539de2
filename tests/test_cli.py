"""The command line: what info, report, evaluate and sae-report print, and how it refuses."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from saerad_core.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]


def saerad(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "saerad_core", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)


def test_info_prints_what_the_workspace_holds(tiny_workspace: Workspace) -> None:
    done = saerad("info", tiny_workspace.root, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    wanted = (
        "images", "patients", "features", "alive", "l0", "explained_variance", "dead_share", "described", "encoder", "dataset",
        "schema_version",
    )  # fmt: skip
    assert set(wanted) <= set(found)
    assert found["images"] == tiny_workspace.manifest.counts.images > 0
    assert found["alive"] <= found["features"]
    assert "clinical" in found["notice"].lower()


def test_report_prints_findings_with_evidence(tiny_workspace: Workspace) -> None:
    picture = next((tiny_workspace.root / "pictures").glob("*.webp"))
    from PIL import Image

    upload = tiny_workspace.root.parent / "upload.png"
    Image.open(picture).convert("L").save(upload)
    done = saerad("report", tiny_workspace.root, upload, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"findings", "impression", "features", "warnings", "timings_ms"} <= set(found)
    assert found["findings"] and found["features"]
    for sentence in found["findings"] + found["impression"]:
        assert sentence["text"].strip()
        for evidence in sentence["evidence"]:
            assert {"feature_id", "activation", "image_ids"} <= set(evidence)
    for feature in found["features"]:
        assert {"feature_id", "activation", "description"} <= set(feature)
    assert {"decode", "encode", "features"} <= set(found["timings_ms"])
    saved = tiny_workspace.root.parent / "report.json"
    saved.write_text(done.stdout, encoding="utf-8")
    again = saerad("recreate", tiny_workspace.root, saved)
    assert again.returncode == 0 and "is the same" in again.stderr, again.stderr
    assert json.loads(again.stdout)["findings"] == found["findings"]
    saved.write_text(done.stdout.replace(found["findings"][0]["text"], "Invented."), encoding="utf-8")
    assert saerad("recreate", tiny_workspace.root, saved).returncode == 1
    saved.write_text("{}", encoding="utf-8")
    refused = saerad("recreate", tiny_workspace.root, saved)
    assert refused.returncode == 2 and refused.stderr.strip().count("\n") == 0


def test_evaluate_writes_concepts_and_baselines(tiny_workspace: Workspace, tmp_path) -> None:
    # It writes its figures into the workspace, which other tests look at.
    workspace = shutil.copytree(tiny_workspace.root, tmp_path / "tiny")
    out = tmp_path / "figures.json"
    done = saerad("evaluate", workspace, "--json", out)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert {"ours", "nearest", "probe_template", "all_normal"} <= set(found["reports"])
    for scores in found["reports"].values():
        assert all(0 <= scores[name] <= 1 for name in ("precision", "recall", "f1"))
    assert all({"finding", "feature_id", "auroc"} <= set(concept) for concept in found["concepts"])


def test_sae_report_writes_markdown_and_json(tmp_path, tiny_workspace: Workspace) -> None:
    workspace = tmp_path / "tiny"
    shutil.copytree(tiny_workspace.root, workspace)
    done = saerad("sae-report", workspace, "--seeds", workspace / "sae", "--json", tmp_path / "figures.json")
    assert done.returncode == 0, done.stderr
    found = json.loads((workspace / "sae-report.json").read_text())
    assert found == json.loads((tmp_path / "figures.json").read_text())
    assert found["rebuilding"]["cosine"] > 0 and found["pw_mcc"]["mean"] == pytest.approx(1, abs=1e-6)
    assert (workspace / "sae-report.md").read_text().strip() == done.stdout.strip()
    assert "clinical" in done.stdout and "simulated" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("info", "data/no-such-workspace"), "There is no workspace"),
        (("build", "--images", "nowhere", "--metadata", "nowhere.csv", "--out", "data/x"), "There is no folder"),
        (("build", "--images", ".", "--metadata", "x.csv", "--out", "data/x", "--tokens", "both"), "cls or patch"),
    ],
)
def test_mistakes_are_one_sentence_on_stderr(arguments: tuple, says: str) -> None:
    done = saerad(*arguments)
    assert done.returncode == 2
    assert says in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_missing_upload_is_said_plainly(tiny_workspace: Workspace) -> None:
    done = saerad("report", tiny_workspace.root, "nowhere.png")
    assert done.returncode == 2 and "can't be opened" in done.stderr


@cache
def refused_files() -> dict[str, tuple[str, bytes]]:
    """By what is wrong with it: words of the sentence, and a file."""
    import numpy as np
    from PIL import Image
    from pydicom.encaps import encapsulate
    from pydicom.uid import (
        UID,
        DeflatedExplicitVRLittleEndian,
        EncapsulatedPDFStorage,
        JPEGExtended12Bit,
        MediaStorageDirectoryStorage,
    )

    from tests.images.films import dicom, encoded, film, written

    def of_class(uid: str) -> bytes:
        dataset = dicom(film())
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = UID(uid)
        return written(dataset)

    deflated, extended, empty = dicom(film()), dicom(film()), dicom(film())
    deflated.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    extended.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    extended.PixelData = encapsulate([encoded(Image.linear_gradient("L"), "JPEG")])
    extended["PixelData"].VR = "OB"
    del empty.PixelData
    rows = written(dicom(film())).replace(b"\x28\x00\x10\x00US", b"\x28\x00\x10\x00SS")
    return {
        "not an image": ("neither PNG, JPEG nor DICOM", b"junk"),
        "multi-frame": ("several frames", written(dicom(film(), NumberOfFrames=2))),
        "encapsulated PDF": ("an encapsulated PDF", of_class(EncapsulatedPDFStorage)),
        "DICOMDIR": ("a DICOMDIR", of_class(MediaStorageDirectoryStorage)),
        "no pixels": ("has no image", written(empty)),
        "deflated": ("deflated", written(deflated)),
        "over 100 megapixels": ("more than 100 million pixels", written(dicom(film(), Rows=10_001, Columns=10_001))),
        "over 100 megapixels, PNG": ("pixels", encoded(Image.new("1", (10_001, 10_001)))),
        "nan": ("not finite numbers", written(dicom(film(), WindowCenter="nan", WindowWidth="100"))),
        "inf": ("not finite numbers", written(dicom(film(), RescaleSlope="1", RescaleIntercept="inf"))),
        "no slope": ("slope is zero", written(dicom(film(), RescaleSlope="0", RescaleIntercept="5"))),
        "no width": ("no width", written(dicom(film(), WindowCenter="5", WindowWidth="0"))),
        "blank": ("blank", written(dicom(film() * 0))),
        "wrong VR": ("gives Rows in the wrong kind of value (VR)", rows),
        "12-bit JPEG Extended": ("12-bit JPEG Extended", written(extended)),
        "floating-point": (
            "neither PNG, JPEG nor DICOM",
            encoded(Image.fromarray(np.eye(9, dtype=np.float32)), "TIFF"),
        ),
    }


@pytest.mark.parametrize("wrong", refused_files())
def test_a_refused_file_is_one_sentence_and_exit_code_2(
    wrong, tiny_workspace: Workspace, tmp_path, monkeypatch, capfd
) -> None:
    from saerad_core.cli import run

    says, data = refused_files()[wrong]
    path = tmp_path / "Doe-Jane.dcm"
    path.write_bytes(data)
    monkeypatch.setattr(sys, "argv", ["saerad_core", "report", str(tiny_workspace.root), str(path)])
    with pytest.raises(SystemExit) as ended:
        run()
    printed = capfd.readouterr()
    assert ended.value.code == 2 and printed.out == ""
    assert says in printed.err and "Doe" not in printed.err
    assert printed.err.endswith(".\n") and printed.err.count("\n") == 1


def test_the_program_itself_refuses_so(tiny_workspace: Workspace, tmp_path) -> None:
    path = tmp_path / "Doe-Jane.png"
    path.write_bytes(b"junk")
    done = saerad("report", tiny_workspace.root, path)
    assert done.returncode == 2 and done.stdout == ""
    assert "neither PNG, JPEG nor DICOM" in done.stderr and "Doe" not in done.stderr
    assert done.stderr.endswith(".\n") and done.stderr.count("\n") == 1
