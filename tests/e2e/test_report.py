"""Upload X-rays in a real browser and follow a sentence back to its evidence."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.browser import Server, settle
from tests.tiny import draw


def film() -> np.ndarray:
    """uint8: a film that the tiny workspace has never seen, of the sort whose reports tell of an effusion."""
    return draw(np.random.default_rng(99), "left")


def png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(film()).save(buffer, format="PNG")
    return buffer.getvalue()


def dicom() -> bytes:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    pixels = film().astype(np.uint16) * 16
    file = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID = meta.MediaStorageSOPClassUID
    file.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    file.Modality = "DX"
    file.PatientName = "Secret^Name"
    file.PatientID = "SECRET-ID"
    file.ViewPosition = "PA"
    file.Rows, file.Columns = pixels.shape
    file.SamplesPerPixel = 1
    file.PhotometricInterpretation = "MONOCHROME2"
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 12, 11, 0
    file.PixelData = pixels.tobytes()
    buffer = io.BytesIO()
    file.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def upload(page: Page, server: Server, name: str, data: bytes) -> None:
    page.goto(f"{server.url}/report?ws=tiny")
    settle(page)
    page.locator('input[type="file"]').set_input_files({"name": name, "mimeType": "", "buffer": data})


@pytest.mark.parametrize(("name", "make"), [("chest.png", png), ("IM0001", dicom)])
def test_an_upload_becomes_a_report_with_evidence(server: Server, page: Page, name: str, make):
    upload(page, server, name, make())
    sentences = page.locator("a.sentence")
    expect(sentences.first).to_be_visible()
    settle(page)
    assert "Secret" not in page.content() and "SECRET" not in page.content()
    last = sentences.last
    last.click()
    expect(page.locator("a.sentence.on")).to_have_count(1)
    page.wait_for_url("**sentence=*")
    # While the page runs, what was there before is still there.
    settle(page)
    text = last.locator("span").first.inner_text()
    expect(page.locator(".heading", has_text="Why")).to_contain_text(text)
    expect(page.locator("table.rows", has_text="#").first).to_be_visible()
    # The picture is this session's alone: nothing in the address names it.
    assert name not in page.url
    expect(page.locator('.stage[data-state="values"]')).to_be_visible()


def test_the_report_can_be_taken_away_with_its_notice(server: Server, page: Page):
    upload(page, server, "chest.png", png())
    expect(page.locator("a.sentence").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export report").click()
    text = download.value.path().read_text(encoding="utf-8")
    assert "Research use only" in text and "FINDINGS" in text
    assert download.value.suggested_filename == "chest-report.txt"
    for name, start in (("PDF", b"%PDF-"), ("DOCX", b"PK"), ("JSON", b"{"), ("DICOM SR", b"\0" * 128 + b"DICM")):
        page.get_by_role("button", name="Files", exact=True).click()
        with page.expect_download() as download:
            page.get_by_role("button", name=name, exact=True).click()
        assert download.value.path().read_bytes().startswith(start)
        page.keyboard.press("Escape")


@pytest.mark.parametrize("junk", [b"not an image", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b""])
def test_junk_is_one_sentence_and_the_page_stays_usable(server: Server, page: Page, junk: bytes):
    upload(page, server, "junk.png", junk)
    alert = page.locator('[data-testid="stAlert"]')
    expect(alert).to_be_visible()
    words = alert.inner_text().strip()
    assert words.endswith(".") and "Traceback" not in words and "\n" not in words
    page.locator('input[type="file"]').set_input_files({"name": "chest.png", "mimeType": "", "buffer": png()})
    expect(page.locator("a.sentence").first).to_be_visible()


def test_one_of_the_workspace_s_x_rays_has_an_address(server: Server, page: Page):
    page.goto(f"{server.url}/report?ws=tiny")
    settle(page)
    page.locator(".xrays a.frame").first.click()
    expect(page.locator("a.sentence").first).to_be_visible()
    assert "image=" in page.url
    page.reload()
    expect(page.locator("a.sentence").first).to_be_visible()
    page.get_by_role("button", name="Heatmap").click()
    expect(page.locator(".stage img.heat.on")).to_be_visible()
    page.keyboard.press("u")
    expect(page.locator(".hero")).to_have_text("Read a chest X-ray")


def test_a_rejected_sentence_is_struck_through_and_leaves_the_file(server: Server, page: Page):
    upload(page, server, "chest.png", png())
    first = page.locator("a.sentence").first
    expect(first).to_be_visible()
    settle(page)
    text = first.locator("span").first.inner_text()
    page.get_by_role("button", name="Reject", exact=True).click()
    page.locator(".st-key-verdict_reason textarea").fill("nothing there")
    page.locator(".st-key-verdict_reason textarea").blur()
    page.get_by_role("button", name="Reject the sentence").click()
    expect(page.locator("a.sentence s").first).to_have_text(text)
    page.keyboard.press("Escape")
    settle(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export report").click()
    told = download.value.path().read_text(encoding="utf-8")
    # Features are listed by what they are described as, which may say the same; the report itself doesn't.
    report = told[: told.upper().index("ACTIVE FEATURES")]
    assert text not in report and re.search(r"[12] rejected", told)
