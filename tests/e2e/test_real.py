"""Real X-rays through upload to report in a real browser; they are test material and never kept."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.browser import Server, settle
from tests.images.films import dicom, written


def hannover(shared: Path) -> bytes:
    return sorted((shared / "cxr" / "hannover" / "images").glob("*.png"))[0].read_bytes()


def nih_as_dicom(shared: Path) -> bytes:
    """An untouched NIH original as a CR/DX file with a name in it."""
    original = sorted((shared / "cxr" / "nih" / "originals").glob("*.png"))[0]
    pixels = np.asarray(Image.open(io.BytesIO(original.read_bytes())).convert("L")).astype(np.uint16) * 16
    return written(dicom(pixels, PatientName="Secret^Name"))


@pytest.mark.parametrize(("name", "make"), [("hannover.png", hannover), ("IM0001.dcm", nih_as_dicom)])
def test_a_real_x_ray_is_read_and_a_workspace_of_discs_says_why_it_writes_no_report(
    server: Server, page: Page, shared: Path, name: str, make
):
    page.goto(f"{server.url}/report?ws=tiny")
    settle(page)
    page.locator('input[type="file"]').set_input_files({"name": name, "mimeType": "", "buffer": make(shared)})
    said = page.locator("a.sentence, .empty")
    expect(said.first).to_be_visible()
    settle(page)
    if page.locator("a.sentence").count():
        page.locator("a.sentence").first.click()
        expect(page.locator("a.sentence.on")).to_have_count(1)
    else:
        # A dictionary of drawn discs has nothing to say of a chest, and says so.
        expect(said.first).to_contain_text("There is no report")
    expect(page.locator('.stage[data-state="values"]')).to_be_visible()
    assert "Secret" not in page.content()
