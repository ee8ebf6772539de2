"""Every control of the X-ray viewer, in a real browser; the canvas against DICOM's window formula."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from saerad_core.images.grey import window
from saerad_core.images.radiograph import decode
from tests.e2e.browser import Server, settle
from tests.images.films import dicom, film, written

FILM = "film003"
READY = '.stage[data-state="values"]'


def opened(page: Page, server: Server, query: str = f"image={FILM}") -> Locator:
    page.goto(f"{server.url}/report?ws=tiny&{query}")
    settle(page)
    stage = page.locator(READY).first
    expect(stage).to_be_visible()
    drawn(page)
    return stage


def drawn(page: Page) -> None:
    """Two frames later, what was asked for is on the canvas."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


_GREY = """c => {
  const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
  let grey = true, text = '';
  for (let i = 0; i < data.length; i += 4) {
    grey &&= data[i] === data[i + 1] && data[i] === data[i + 2] && data[i + 3] === 255;
    text += String.fromCharCode(data[i]);
  }
  return [c.width, c.height, grey, btoa(text)];
}"""


def canvas(stage: Locator) -> np.ndarray:
    """uint8 [H, W], and grey it has to be."""
    width, height, grey, data = stage.locator("canvas.xray").evaluate(_GREY)
    assert grey
    return np.frombuffer(base64.b64decode(data), dtype=np.uint8).reshape(height, width)


def number(page: Page, name: str) -> float:
    return float(page.get_by_label(name, exact=True).input_value())


def enter(page: Page, name: str, value: float) -> None:
    field = page.get_by_label(name, exact=True)
    field.fill(str(value))
    field.press("Enter")
    drawn(page)


def expected(stage: Locator, values: np.ndarray, center: float, width: float, invert: bool = False) -> np.ndarray:
    """The canvas at one to one, computed from the file's values."""
    left, top = (int(stage.get_attribute(f"data-{side}") or 0) for side in ("left", "top"))
    assert stage.get_attribute("data-scale") == "1"
    grey = window(values.astype(np.float64), center, width)
    height, across = (int(stage.locator("canvas.xray").evaluate(f"c => c.{side}")) for side in ("height", "width"))
    seen = np.zeros((height, across))
    y0, x0 = max(0, top), max(0, left)
    part = grey[y0 - top : y0 - top + height - y0, x0 - left : x0 - left + across - x0]
    seen[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]] = 1 - part if invert else part
    return np.round(255 * seen)


def check(page: Page, stage: Locator, values: np.ndarray, invert: bool = False) -> None:
    drawn(page)
    wanted = expected(stage, values, number(page, "Level"), number(page, "Window"), invert)
    # Numbers are shown rounded to the tenth: a hair's breadth of one grey level.
    assert np.abs(canvas(stage).astype(int) - wanted).max() <= 1


def drag(page: Page, stage: Locator, dx: float, dy: float, button: str = "left") -> None:
    box = stage.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down(button=button)
    page.mouse.move(x + dx, y + dy, steps=4)
    page.mouse.up(button=button)
    drawn(page)


def test_a_12_bit_upload_is_windowed_from_its_own_values(server: Server, page: Page, shared: Path) -> None:
    original = sorted((shared / "cxr" / "nih" / "originals").glob("*.png"))[0]
    grey = np.asarray(Image.open(io.BytesIO(original.read_bytes())).convert("L")).astype(np.uint16)
    # Twelve bits that no picture of eight could hold, and a window of the file's own that cuts both ends off.
    values = np.clip(grey * 16 + np.random.default_rng(0).integers(0, 16, grey.shape), 0, 4095).astype(np.uint16)
    data = written(dicom(values, WindowCenter=1900, WindowWidth=2200))
    page.goto(f"{server.url}/report?ws=tiny")
    settle(page)
    page.locator('input[type="file"]').set_input_files({"name": "IM1", "mimeType": "", "buffer": data})
    stage = page.locator(READY).first
    expect(stage).to_be_visible()
    settle(page)
    assert (number(page, "Window"), number(page, "Level")) == (2200, 1900)
    expect(page.get_by_label("Window preset")).to_have_value("As read")
    page.get_by_role("button", name="1:1").click()
    check(page, stage, values)
    before = number(page, "Window"), number(page, "Level")
    drag(page, stage, 60, 40)
    after = number(page, "Window"), number(page, "Level")
    assert after[0] > before[0] and after[1] > before[1]
    expect(page.get_by_label("Window preset")).to_have_value("Set by hand")
    check(page, stage, values)
    drag(page, stage, -150, -90)
    assert number(page, "Window") < after[0] and number(page, "Level") < after[1]
    check(page, stage, values)
    # A window that is narrower than a grey level of an 8-bit picture still tells the file's values apart.
    enter(page, "Window", 12)
    enter(page, "Level", float(np.median(values)))
    check(page, stage, values)
    assert len(np.unique(canvas(stage))) > 8
    page.get_by_role("button", name="Invert").click()
    check(page, stage, values, invert=True)
    for name in ("Full range", "Contrast", "Lungs", "Mediastinum"):
        page.get_by_label("Window preset").select_option(name)
        check(page, stage, values, invert=True)
    page.get_by_label("Window preset").select_option("Full range")
    assert (number(page, "Window"), number(page, "Level")) == (
        np.ptp(values) + 1,
        (values.max() + values.min() + 1) / 2,
    )
    drag(page, stage, 80, 50, button="right")
    check(page, stage, values, invert=True)
    # An upload can't be shared, and its name is nowhere.
    page.wait_for_timeout(400)
    assert "IM1" not in page.url and "view=" not in page.url


def test_low_values_that_are_white_on_a_fine_screen(server: Server, browser: Browser) -> None:
    """MONOCHROME1 with a window of its own, two of the screen's pixels to one of the page's."""
    values = film(shape=(420, 380))
    data = written(dicom(values, WindowCenter=1500, WindowWidth=1800, PhotometricInterpretation="MONOCHROME1"))
    context = browser.new_context(viewport={"width": 1440, "height": 900}, device_scale_factor=2)
    page = context.new_page()
    page.goto(f"{server.url}/report?ws=tiny")
    settle(page)
    page.locator('input[type="file"]').set_input_files({"name": "IM2", "mimeType": "", "buffer": data})
    stage = page.locator(READY).first
    expect(stage).to_be_visible()
    settle(page)
    page.get_by_role("button", name="1:1").click()
    assert (number(page, "Window"), number(page, "Level")) == (1800, 1500)
    check(page, stage, values, invert=True)
    # What the encoder is shown is what the reader is shown.
    left, top = (int(stage.get_attribute(f"data-{side}") or 0) for side in ("left", "top"))
    seen = canvas(stage)[top : top + 420, left : left + 380]
    assert np.abs(seen - 255 * decode(data).pixels).max() <= 1
    before = seen.mean()
    drag(page, stage, 0, -40)
    assert canvas(stage)[top : top + 420, left : left + 380].mean() > before
    context.close()


def test_zoom_pan_fit_and_reset(server: Server, page: Page) -> None:
    stage = opened(page, server)
    box = stage.bounding_box()
    assert box is not None
    fitted = canvas(stage)
    zoom = number(page, "Zoom %")
    x, y = box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.7
    page.mouse.move(x, y)
    drawn(page)
    under = page.locator(".mark.value").first.inner_text()
    assert re.fullmatch(r"\d+, \d+: \d+", under)
    page.mouse.wheel(0, -400)
    drawn(page)
    assert number(page, "Zoom %") > 2 * zoom
    # The point under the pointer stayed.
    page.mouse.move(x + 1, y)
    page.mouse.move(x, y)
    drawn(page)
    assert page.locator(".mark.value").first.inner_text() == under
    # The whole film is still in sight, and with it its own marker; so are the sides.
    expect(page.locator(".corner").first).to_be_visible()
    for side in ("R", "L"):
        expect(page.locator(".stage .mark", has_text=re.compile(f"^{side}$")).first).to_be_visible()
    left = float(stage.get_attribute("data-left") or 0)
    page.keyboard.down("Shift")
    drag(page, stage, 30, 0)
    page.keyboard.up("Shift")
    assert float(stage.get_attribute("data-left") or 0) == pytest.approx(left + 30, abs=1.5)
    stage.press("Shift+ArrowRight")
    drawn(page)
    assert float(stage.get_attribute("data-left") or 0) < left + 30 - 40
    stage.press("+")
    stage.press("-")
    stage.press("0")
    drawn(page)
    assert number(page, "Zoom %") == zoom and np.array_equal(canvas(stage), fitted)
    expect(page.locator(".corner").first).to_be_hidden()
    stage.dblclick()
    drawn(page)
    enter(page, "Zoom %", 900)
    expect(page.get_by_label("Zoom %", exact=True)).to_have_value("900")
    page.get_by_role("button", name="Fit").click()
    stage.press("ArrowLeft")
    stage.press("ArrowUp")
    stage.press("i")
    drawn(page)
    assert not np.array_equal(canvas(stage), fitted)
    page.get_by_role("button", name="Reset").click()
    drawn(page)
    assert np.array_equal(canvas(stage), fitted)
    stage.press("4")
    drawn(page)
    expect(page.get_by_label("Window preset")).to_have_value("Lungs")


def test_the_heatmap_is_off_until_asked_and_shown_while_held(server: Server, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/heat/" in request.url else None)
    stage = opened(page, server)
    heat = stage.locator("img.heat")
    expect(heat).to_be_hidden()
    # It isn't even fetched.
    assert not asked and heat.get_attribute("src") is None
    page.keyboard.down("h")
    expect(heat).to_be_visible()
    page.keyboard.up("h")
    expect(heat).to_be_hidden()
    hold = page.get_by_role("button", name="Hold")
    box = hold.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    expect(heat).to_be_visible()
    page.mouse.up()
    expect(heat).to_be_hidden()
    hold.focus()
    page.keyboard.down("Space")
    expect(heat).to_be_visible()
    page.keyboard.up("Space")
    expect(heat).to_be_hidden()
    toggle = page.get_by_role("button", name="Heatmap")
    toggle.click()
    expect(toggle).to_have_attribute("aria-pressed", "true")
    expect(heat).to_be_visible()
    heat.evaluate("image => image.decode()")
    # It lies exactly on the film.
    film, over = stage.bounding_box(), heat.bounding_box()
    assert film is not None and over is not None
    assert abs(over["width"] - film["width"]) <= 3 and abs(over["x"] - film["x"]) <= 2
    opacity = page.get_by_label("Opacity of the heatmap")
    opacity.press("Home")
    assert heat.evaluate("image => image.style.opacity") == "0.1"
    stage.press("]")
    assert float(heat.evaluate("image => image.style.opacity")) == pytest.approx(0.2)
    page.keyboard.down("h")
    expect(heat).to_be_hidden()
    page.keyboard.up("h")
    expect(heat).to_be_visible()
    before = heat.get_attribute("src")
    which = page.get_by_label("Feature of the heatmap")
    which.select_option(index=1)
    assert heat.get_attribute("src") != before
    stage.press("o")
    expect(heat).to_be_hidden()


def test_side_by_side_moves_together(server: Server, page: Page) -> None:
    stage = opened(page, server)
    stage.press("b")
    both = page.locator(READY)
    expect(both).to_have_count(2)
    drawn(page)
    first, second = both.nth(0), both.nth(1)
    assert np.array_equal(canvas(first), canvas(second))
    page.get_by_label("X-ray beside").select_option(index=1)
    expect(second.locator(".title")).to_contain_text("similar")
    expect(both).to_have_count(2)
    drawn(page)
    assert not np.array_equal(canvas(first), canvas(second))
    box = second.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 3)
    page.mouse.wheel(0, -300)
    drawn(page)
    for name in ("data-left", "data-top", "data-scale"):
        assert first.get_attribute(name) == second.get_attribute(name)
    # A window is a film's own: another film's values mean something else.
    untouched = canvas(first)
    drag(page, second, 50, 0)
    assert np.array_equal(canvas(first), untouched)
    page.get_by_role("button", name="Side by side").click()
    expect(second).to_be_hidden()


def test_keys_full_screen_and_the_address(server: Server, page: Page) -> None:
    stage = opened(page, server)
    stage.press("?")
    sheet = page.get_by_role("dialog", name="Keys of the viewer")
    expect(sheet).to_be_visible()
    expect(sheet).to_contain_text("heatmap while it is held")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.get_by_role("button", name="Keys").click()
    sheet.get_by_role("button", name="Close").click()
    expect(sheet).to_be_hidden()
    # By keyboard alone: the stage, then every control.
    stage.focus()
    reached = []
    for _ in range(16):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "() => { let e = document.activeElement; while (e.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;"
                " return e.textContent.slice(0, 12) + (e.getAttribute('aria-label') ?? e.closest('label')?.textContent ?? '') }"
            )
        )
    wanted = ("Window", "Level", "Zoom", "Invert", "Fit", "1:1", "Reset", "Full screen", "Keys", "Heatmap", "Hold", "Opacity", "Side by side")  # fmt: skip
    assert [name for name in wanted if not any(name in one for one in reached)] == []
    stage.press("f")
    page.wait_for_function("() => document.fullscreenElement !== null")
    drawn(page)
    assert canvas(stage).shape[1] > 1000
    stage.press("f")
    page.wait_for_function("() => document.fullscreenElement === null")
    enter(page, "Window", 77)
    enter(page, "Level", 99)
    stage.press("i")
    stage.press("+")
    page.wait_for_url("**view=*")
    seen, place = canvas(stage), stage.get_attribute("data-scale")
    page.reload()
    settle(page)
    expect(page.locator(READY).first).to_be_visible()
    drawn(page)
    assert (number(page, "Window"), number(page, "Level")) == (77, 99)
    assert stage.get_attribute("data-scale") == place and np.array_equal(canvas(stage), seen)
    expect(page.get_by_role("button", name="Invert")).to_have_attribute("aria-pressed", "true")
    # Another X-ray isn't seen through this one's view.
    view = re.search(r"view=[^&]+", page.url)
    assert view is not None
    stage = opened(page, server, f"image=film005&{view[0]}")
    assert (number(page, "Window"), number(page, "Level")) == (256, 128)


_CONTRAST = """() => {
  const root = [...document.querySelectorAll('*')].map(e => e.shadowRoot?.querySelector('.v')).find(Boolean);
  const rgb = text => { const c = document.createElement('canvas').getContext('2d'); c.fillStyle = '#000'; c.fillStyle = text;
    c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => { for (let e = element; e; e = e.parentElement ?? e.getRootNode().host) {
    const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] > 200) return c; } return [255, 255, 255]; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  // A mark's ground over the whitest bone: 28 % of it shines through.
  const marks = [...root.querySelectorAll('.mark')].map(e => ratio(rgb(getComputedStyle(e).color), [72, 72, 72]));
  const rest = [...root.querySelectorAll('.panel button, .panel select, .panel input[type=number], .panel span, .panel .note')]
    .filter(e => e.offsetParent).map(e => ratio(rgb(getComputedStyle(e).color), behind(e)));
  return Math.min(...marks, ...rest);
}"""


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_contrast(server: Server, page: Page, theme: str) -> None:
    page.add_init_script(f"try {{ localStorage.setItem('saerad-theme', '\"{theme}\"') }} catch {{}}")
    stage = opened(page, server)
    stage.press("o")
    stage.press("b")
    expect(page.locator(READY)).to_have_count(2)
    assert page.evaluate(_CONTRAST) >= 4.5


def test_without_its_file_the_stored_picture_stands_in_and_says_so(server: Server, context: BrowserContext) -> None:
    # A tab of its own: the browser reports the answer 404, which other tabs mustn't see.
    page = context.new_page()
    why = "The file can't be opened; check that it is there and may be read."
    page.route("**/values/**", lambda route: route.fulfill(status=404, content_type="text/plain", body=why))
    page.goto(f"{server.url}/report?ws=tiny&image={FILM}")
    settle(page)
    stage = page.locator('.stage[data-state="picture"]').first
    expect(stage).to_be_visible()
    expect(page.locator(".note")).to_contain_text("stored 8-bit picture")
    expect(page.locator(".note")).to_contain_text(why)
    drawn(page)
    assert len(np.unique(canvas(stage))) > 20
