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
def test_a_real_x_ray_becomes_a_report(server: Server, page: Page, shared: Path, name: str, make):
    page.goto(f"{server.url}/report?ws=tiny")
    settle(page)
    page.locator('input[type="file"]').set_input_files({"name": name, "mimeType": "", "buffer": make(shared)})
    expect(page.locator("a.sentence").first).to_be_visible()
    settle(page)
    page.locator("a.sentence").first.click()
    expect(page.locator("a.sentence.on")).to_have_count(1)
    expect(page.locator('.stage[data-state="values"]')).to_be_visible()
    assert "Secret" not in page.content()
