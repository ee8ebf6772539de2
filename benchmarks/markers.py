"""Markers and burned-in words, by border zone: what the detector finds of those that are there, and what else it takes for one.

On simulated X-rays the places are the simulator's. On 60 real ones, 44 of the NIH set and 16 of the Hannover set, every mark was pointed at by eye
on a contact sheet before the detector was run (markers_seen.csv: file, x, y as shares of the picture; nothing of what a mark says). The detector's
bounds were chosen on other X-rays. A mark within SLACK of a line between zones counts for either. Times are of one core, with what a
decoding process does otherwise for the same X-ray beside them: processor time, which other work on the machine disturbs least.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from benchmarks.common import Results, arguments
from saerad_core.demo.display import stamps
from saerad_core.demo.render import render
from saerad_core.demo.renders import studies_of
from saerad_core.images.marks import Mark, marked_zones
from saerad_core.images.pictures import thumbnail
from saerad_core.images.radiograph import decode
from saerad_core.images.zones import ZONES

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared" / "cxr"
SEEN = Path(__file__).with_name("markers_seen.csv")
SEED = 71
"""Of a population that nothing was fitted on."""
SIZE = 256
"""Pixels of a simulated X-ray, as the demo's encoder sees it."""
DARK = 0.6
"""Grey level of the ground under a simulated mark, up to which a white letter stands out by 0.37 and more."""
SLACK = 0.03


class Answer(NamedTuple):
    """Of one X-ray."""

    found: set[int]
    there: set[int]
    """Zones with a mark's centre."""
    either: set[int]
    """Zones that a mark near a line may count for as well: finding it there is no fault."""
    clear: set[int]
    """Of ``there``, those with a mark on a dark ground; the same where that isn't known."""


def zones_near(x: float, y: float) -> set[int]:
    """Zones within SLACK of a point."""
    near = {Mark(x + dx, y + dy, x + dx, y + dy).zone for dx in (-SLACK, 0, SLACK) for dy in (-SLACK, 0, SLACK)}
    return near - {-1}


def answer(found: set[int], points: Iterable[tuple[float, float, bool]]) -> Answer:
    """What was found beside marks at (x, y, on a dark ground)."""
    there, either, clear = set(), set(), set()
    for x, y, dark in points:
        near, own = zones_near(x, y), {Mark(x, y, x, y).zone} - {-1}
        # Near a line the zone in which it was found is the one it counts for.
        own = (near & found) or own
        there |= own
        either |= near
        clear |= own if dark else set()
    return Answer(found, there, either, clear)


def zones_of(bits: int) -> set[int]:
    return {zone for zone in range(len(ZONES)) if bits >> zone & 1}


def simulated(patients: int) -> tuple[list[Answer], float, float]:
    """Answers, and milliseconds an X-ray of drawing and of looking for marks."""
    answers, drawing, looking = [], 0.0, 0.0
    for study in studies_of(SEED, 0, patients):
        began = time.process_time()
        pixels = render(study, size=SIZE).pixels
        drawn = time.process_time()
        bits = marked_zones(pixels)
        looking += time.process_time() - drawn
        drawing += drawn - began
        points = []
        for stamp, x, y in stamps(study.technique, SIZE):
            h, w = stamp.shape
            around = pixels[max(0, y - 3) : y + h + 3, max(0, x - 3) : x + w + 3].copy()
            inside = (slice(min(y, 3), min(y, 3) + h), slice(min(x, 3), min(x, 3) + w))
            around[inside][stamp > 0] = np.nan
            points.append(((x + w / 2) / SIZE, (y + h / 2) / SIZE, float(np.nanmedian(around)) <= DARK))
        answers.append(answer(zones_of(bits), points))
    n = len(answers)
    return answers, 1000 * drawing / n, 1000 * looking / n


def real(folder: Path) -> tuple[list[Answer], float, float]:
    """The same of the real X-rays; milliseconds of reading and looking."""
    seen: dict[str, list[tuple[float, float, bool]]] = {}
    with SEEN.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            seen.setdefault(row["file"], []).append((float(row["x"]), float(row["y"]), True))
    answers, reading, looking = [], 0.0, 0.0
    for name, points in seen.items():
        path = folder / ("hannover/images" if name.endswith(".png") else "nih/images") / name
        began = time.process_time()
        pixels = decode(path).pixels
        thumbnail(pixels)
        read = time.process_time()
        bits = marked_zones(pixels)
        looking += time.process_time() - read
        reading += read - began
        answers.append(answer(zones_of(bits), points))
    return answers, 1000 * reading / len(answers), 1000 * looking / len(answers)


def add(results: Results, name: str, answers: list[Answer]) -> None:
    """Precision and recall over zones, then zone by zone."""

    def rows(kept: Callable[[int], bool], said: str) -> None:
        pairs = [(one, zone) for one in answers for zone in range(len(ZONES)) if kept(zone)]
        found = [(one, zone) for one, zone in pairs if zone in one.found]
        there = [(one, zone) for one, zone in pairs if zone in one.there]
        right = sum(zone in one.there or zone in one.either for one, zone in found)
        if found:
            results.add(f"{name}: precision, {said}", right / len(found), f"{right} of {len(found)} zones")
        if there:
            hit = sum(zone in one.found for one, zone in there)
            results.add(f"{name}: recall, {said}", hit / len(there), f"{hit} of {len(there)} zones")

    rows(lambda _: True, "all zones")
    clear = [(one, zone) for one in answers for zone in one.clear]
    if clear and any(one.clear != one.there for one in answers):
        hit = sum(zone in one.found for one, zone in clear)
        results.add(f"{name}: recall of marks on a dark ground", hit / len(clear), f"{hit} of {len(clear)} zones")
    empty = [(one, zone) for one in answers for zone in range(len(ZONES)) if zone not in one.either]
    wrong = sum(zone in one.found for one, zone in empty)
    results.add(f"{name}: zones without a mark taken for marked", wrong / len(empty), f"{wrong} of {len(empty)} zones")
    for place, zone in enumerate(ZONES):
        if any(place in one.there or place in one.found for one in answers):
            rows(lambda other, place=place: other == place, zone)


def main() -> None:
    options = arguments(__doc__).parse_args()
    results = Results()
    answers, drawing, looking = simulated(40 if options.quick else 600)
    results.add("simulated: X-rays", len(answers), "")
    add(results, "simulated", answers)
    results.add("simulated: looking for marks", looking, f"ms; drawing {drawing:.1f} ms")
    results.add("simulated: looking over drawing", looking / drawing, "of the time")
    if REAL.exists():
        answers, reading, looking = real(REAL)
        results.add("real: X-rays", len(answers), "")
        add(results, "real", answers)
        results.add("real: looking for marks", looking, f"ms; decoding and thumbnail {reading:.1f} ms")
    else:
        results.unmeasured("real: precision and recall", "the X-rays are not here")
    grey = np.asarray(Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (256, 1))).resize((2048, 2500)))
    began = time.process_time()
    marked_zones(grey)
    results.add("a picture of 2,500 x 2,048: looking for marks", 1000 * (time.process_time() - began), "ms")
    results.write(options.json)


if __name__ == "__main__":
    main()
