"""What a drag of the window costs in the browser, on a film of 2,048 x 2,048 pixels with 12 bits.

python -m benchmarks.viewer [--quick] [--json OUT]

A real server, a real chromium without a graphics card, the viewer's own page. Frames are counted while a pointer is dragged
over the stage, and set against two others in the same page: a look-up of every pixel of the film with putImageData, as a
viewer does that keeps the whole film on its canvas, and CSS filters over an 8-bit picture, which this page once used.
"""

from __future__ import annotations

import io
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.common import Results, arguments

SIDE = 2048
GOAL = "Window/level by drag"
_FRAMES = """async (seconds) => {
  const times = [];
  const until = performance.now() + 1000 * seconds;
  for (;;) {
    const now = await new Promise(requestAnimationFrame);
    times.push(now);
    if (performance.now() > until) return times;
  }
}"""
_DRAG = """async ([seconds, act]) => {
  const root = [...document.querySelectorAll('*')].map(e => e.shadowRoot?.querySelector('.v')).find(Boolean);
  const stage = root.querySelector('.stage'), film = root.viewer.panes[0].film;
  const box = stage.getBoundingClientRect();
  const shiftKey = act === 'pan', own = act === 'viewer' || act === 'pan';
  const send = (type, x, y) => stage.dispatchEvent(new PointerEvent(type, { bubbles: true, pointerId: 1, buttons: 1, shiftKey, clientX: x, clientY: y }));
  stage.setPointerCapture = () => {};
  const cover = document.createElement('div');
  cover.style.cssText = `position:fixed;left:${box.left}px;top:${box.top}px;width:${box.width}px;height:${box.height}px;z-index:9999;background:#000`;
  let paint;
  if (act === 'whole') {
    const { raw, width, height } = film.levels[0];
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    canvas.style.cssText = 'width:100%;height:100%';
    cover.append(canvas); document.body.append(cover);
    const context = canvas.getContext('2d', { alpha: false });
    const image = context.createImageData(width, height), pixels = new Uint32Array(image.data.buffer), table = new Uint32Array(65536);
    paint = (i) => {
      const center = 2048 + 5 * i, width = 3000;
      for (let v = 0; v < 65536; v++) {
        const g = Math.round(255 * Math.min(1, Math.max(0, (film.intercept + film.slope * v - center) / width + 0.5)));
        table[v] = 0xff000000 | g << 16 | g << 8 | g;
      }
      for (let p = 0; p < pixels.length; p++) pixels[p] = table[raw[p]];
      context.putImageData(image, 0, 0);
    };
  } else if (act === 'filters') {
    const { raw, width, height } = film.levels[0];
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d', { alpha: false });
    const image = context.createImageData(width, height);
    for (let p = 0; p < raw.length; p++) { image.data.fill(raw[p] >> 4, 4 * p, 4 * p + 3); image.data[4 * p + 3] = 255; }
    context.putImageData(image, 0, 0);
    const img = new Image();
    img.src = canvas.toDataURL('image/png');
    await img.decode();
    img.style.cssText = 'width:100%;height:100%';
    cover.append(img); document.body.append(cover);
    paint = (i) => { img.style.filter = `brightness(${1 + 0.002 * (i % 200)}) contrast(${1 + 0.003 * (i % 200)})`; };
  } else {
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    send('pointerdown', x, y);
    paint = (i) => send('pointermove', x + 100 * Math.sin(i / 9), y + 60 * Math.cos(i / 7));
  }
  const before = { ...stage.draws }, spent = [];
  const frames = [];
  const until = performance.now() + 1000 * seconds;
  for (let i = 0; performance.now() < until; i++) {
    const began = performance.now();
    paint(i);
    spent.push(performance.now() - began);
    frames.push(await new Promise(requestAnimationFrame));
  }
  if (own) send('pointerup', 0, 0);
  cover.remove();
  delete stage.setPointerCapture;
  const gaps = frames.slice(1).map((t, i) => t - frames[i]).sort((a, b) => a - b);
  const n = stage.draws.n - before.n;
  return { fps: 1000 * gaps.length / gaps.reduce((a, b) => a + b, 0), p95: gaps[Math.floor(0.95 * gaps.length)],
    ms: own ? (stage.draws.ms - before.ms) / n : spent.reduce((a, b) => a + b, 0) / spent.length,
    side: stage.querySelector('canvas.xray').width };
}"""


def film() -> bytes:
    """A 12-bit DICOM file of SIDE x SIDE: a simulated radiograph with the noise of a detector."""
    from pydicom import dcmwrite
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

    from saerad_core.demo.population import patient_studies
    from saerad_core.demo.render import render
    from saerad_core.images.pictures import fit

    pixels = fit(render(patient_studies(0, 0)[0], size=512).pixels, SIDE)
    noise = np.random.default_rng(0).normal(0, 12, pixels.shape)
    grey = np.clip(pixels * 4095 + noise, 0, 4095).astype(np.uint16)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = UID("1.2.3")
    dataset.Rows, dataset.Columns = grey.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelData = grey.tobytes()
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def serve(results: Results, data: bytes) -> None:
    """The server's part."""
    from saerad_core.images.sandbox import measure_sandboxed, warm
    from saerad_core.ui.viewer.values import of_film

    warm()
    measure_sandboxed(data)
    began = time.perf_counter()
    read = measure_sandboxed(data)
    decoded = time.perf_counter()
    values = of_film(read)
    body = values.body()
    packed = time.perf_counter()
    results.add("server: decode in the sandbox", 1000 * (decoded - began), "ms")
    results.add("server: pack 16 bits", 1000 * (packed - decoded), "ms")
    results.add("bytes over the wire, of those of the raw words", len(body) / (2 * SIDE * SIDE), "ratio")


def drive(results: Results, data: bytes, folder: Path, seconds: float) -> None:
    """The browser's part."""
    from playwright.sync_api import sync_playwright

    from tests.e2e.browser import ARGUMENTS, chromium, serving, settle
    from tests.tiny import make_tiny_workspace

    make_tiny_workspace(folder / "data" / "tiny")
    with serving(folder / "data") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        page.goto(f"{server.url}/report?ws=tiny")
        settle(page)
        page.locator('input[type="file"]').set_input_files({"name": "film", "mimeType": "", "buffer": data})
        page.wait_for_selector('.stage[data-state="values"]')
        settle(page)
        for large in (False, True):
            if large:
                page.locator(".stage").first.press("f")
                page.wait_for_function("() => document.fullscreenElement !== null")
                page.wait_for_timeout(500)
            idle = page.evaluate(_FRAMES, seconds / 2)
            free = 1000 * (len(idle) - 1) / (idle[-1] - idle[0])
            drawn = page.evaluate(_DRAG, [seconds, "viewer"])
            where = f"{'full screen' if large else 'report page'}, {drawn['side']} px wide"
            results.add(f"window drag, {where}", drawn["fps"], "frames a second", GOAL)
            results.add("... its 95th percentile of a frame", drawn["p95"], "ms")
            results.add("... drawing alone", drawn["ms"], "ms a frame")
            results.add("... of the frames of an idle page", drawn["fps"] / free, "ratio")
            if large:
                continue
            for act, name in (("whole", "a look-up of all pixels"), ("filters", "CSS filters over 8 bits")):
                other = page.evaluate(_DRAG, [seconds, act])
                results.add(f"{name}, same place", other["fps"], "frames a second")
                results.add("... viewer over it", drawn["fps"] / other["fps"], "ratio")
                if act == "whole":
                    results.add("... its drawing alone", other["ms"], "ms a frame")
                    results.add("... viewer's drawing over it", drawn["ms"] / other["ms"], "ratio")
        page.locator(".stage").first.press("9")
        moved = page.evaluate(_DRAG, [seconds, "pan"])
        results.add("moving the film at one to one, full screen", moved["fps"], "frames a second")
        results.add("... drawing alone", moved["ms"], "ms a frame")
        browser.close()


def main() -> None:
    options = arguments(__doc__).parse_args()
    results = Results()
    data = film()
    serve(results, data)
    with tempfile.TemporaryDirectory() as folder:
        drive(results, data, Path(folder), 2.0 if options.quick else 8.0)
    results.write(options.json)


if __name__ == "__main__":
    main()
