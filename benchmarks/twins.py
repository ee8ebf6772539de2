"""Causal twins: does a report lose a finding's sentence when the finding alone is taken out of the X-ray?

    python -m benchmarks.twins [workspace, default data/demo] [--quick] [--json OUT]

Every X-ray of the demo's test patients is drawn again with each of its localised findings (those with a side) left out: the same patient,
exposure, noise, marker and other findings. Both go through the live path. Paired: of the X-rays whose report states the finding on its
side, the share whose twin's report doesn't. Beside it the control: the same X-rays with another finding left out, where the
sentence has to stay. And changes: the X-ray with its twin as the prior one has a new finding, the twin with the X-ray as the prior
one has lost it. Intervals resample patients.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.common import Results, arguments
from saerad_core.datasets import open_dataset
from saerad_core.datasets.simulated import SIZE, SimulatedDataset
from saerad_core.demo.render import render
from saerad_core.demo.study import SimulatedFinding, Study
from saerad_core.engine import Engine, Reading
from saerad_core.reports.report import Report
from saerad_core.store.activations import ActivationStore
from saerad_core.workspace import Workspace

GOAL = "the causal twin (same patient without the finding) loses the sentence"
Key = tuple[str, str]


@dataclass
class Pair:
    """One localised finding of one X-ray."""

    patient: str
    finding: str
    had: bool
    """Whether the report states it on its side."""
    lost: bool
    """Whether the twin's report doesn't."""
    kept: bool | None
    """Whether it stays where another finding is left out; None where there is no other."""
    new: str
    """What is said of the finding with the twin as the prior X-ray: new, same or ""."""
    gone: str


def stated(report: Report) -> set[Key]:
    return {(s.finding, s.side) for one in report.findings for s in one.statements if s.present}


def change_of(report: Report, key: Key) -> str:
    return next((one.change for one in report.changes for s in one.statements if (s.finding, s.side) == key), "")


def pairs_of(engine: Engine, study: Study, row: int) -> list[Pair]:
    """All localised findings of a study; those on one side of one finding are left out together."""

    def read(*without: SimulatedFinding) -> Reading:
        return engine.read(render(study, size=SIZE, without=without).pixels, row)

    groups: dict[Key, list[SimulatedFinding]] = {}
    for finding in study.findings:
        groups.setdefault((finding.finding, finding.side), []).append(finding)
    whole = read()
    said = stated(engine.report_of(whole))
    twins = {key: read(*group) for key, group in groups.items() if key[1]}
    reports = {key: stated(engine.report_of(twin)) for key, twin in twins.items()}
    out = []
    for key, twin in twins.items():
        other = next((one for one in twins if one[0] != key[0]), None)
        out.append(
            Pair(
                study.patient_id,
                key[0],
                key in said,
                key in said and key not in reports[key],
                None if other is None else key in reports[other],
                change_of(engine.report_of(whole, twin), key),
                change_of(engine.report_of(twin, whole), key),
            )
        )
    return out


def rate(results: Results, name: str, yes: list[bool], patients: list[str], goal: str = "") -> None:
    """A share with its interval over resampled patients."""
    if not yes:
        results.unmeasured(name, "no case", goal)
        return
    values, (_, who) = np.array(yes, dtype=float), np.unique(patients, return_inverse=True)
    rng, n = np.random.default_rng(0), who.max() + 1
    sums, counts = np.bincount(who, values, n), np.bincount(who, minlength=n)
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=2000)
    low, high = np.percentile(drawn @ sums / np.maximum(drawn @ counts, 1), [2.5, 97.5])
    unit = f"of {len(yes)} ({low:.3f} to {high:.3f})"
    results.add(name, values.mean(), unit, goal)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("workspace", nargs="?", type=Path, default=Path("data/demo"))
    options = parser.parse_args()
    workspace = Workspace.open(options.workspace)
    dataset, engine = open_dataset(workspace.manifest.dataset), Engine(workspace)
    assert isinstance(dataset, SimulatedDataset), "twins are drawn: take the demo"
    images = ActivationStore(workspace.activations_db).images("test")
    if options.quick:
        images = images.head(40)
    found: list[Pair] = []
    for image_id, row in zip(images["image_id"], images["row"], strict=True):
        found += pairs_of(engine, dataset.study(image_id), int(row))
    results = Results()
    had = [one for one in found if one.had]
    who = [one.patient for one in had]
    results.add("localised findings in test X-rays", len(found), f"of {images['patient_id'].nunique()} patients")
    rate(results, "... stated on their side", [one.had for one in found], [one.patient for one in found])
    rate(results, "twin loses the sentence, of those stated", [one.lost for one in had], who, GOAL)
    left = [one for one in had if one.kept is not None]
    rate(
        results,
        "control: sentence stays without another finding",
        [bool(one.kept) for one in left],
        [one.patient for one in left],
    )
    rate(results, "called new with the twin as prior, of those stated", [one.new == "new" for one in had], who)
    rate(results, "... wrongly called the same", [one.new == "same" for one in had], who)
    gone = [one for one in had if one.lost]
    rate(
        results,
        "called gone from the twin, of those lost",
        [one.gone == "gone" for one in gone],
        [one.patient for one in gone],
    )
    for finding in sorted({one.finding for one in had}):
        some = [one for one in had if one.finding == finding]
        rate(results, f"twin loses {finding}", [one.lost for one in some], [one.patient for one in some])
    results.write(options.json)


if __name__ == "__main__":
    main()
