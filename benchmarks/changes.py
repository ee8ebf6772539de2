"""What reports say of changes, against what was drawn, on test patients with several X-rays; and how coverage goes with being right.

    python -m benchmarks.changes [workspace, default data/demo] [--quick] [--json OUT]

Every X-ray of a test patient with an earlier one is reported with that as the prior. A change is right where the simulator drew it: the
finding, on its side where one is named, is on this X-ray and not on the prior one (new), the other way round (gone), or on both (same).
Thresholds come from validation patients' report texts; nothing here chooses anything. Intervals resample patients.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.common import Results, arguments
from benchmarks.twins import rate
from saerad_core.evaluation.facts import read_back
from saerad_core.evaluation.run import drawn
from saerad_core.evaluation.scored import scored_images
from saerad_core.reports.changes import KINDS
from saerad_core.reports.counterfactual import pairs_of
from saerad_core.sae.codes import open_codes
from saerad_core.stages.activate import load_thresholds
from saerad_core.stages.describe import Composer
from saerad_core.vocabulary import Fact
from saerad_core.workspace import Workspace

GOAL = "changes are stated only from the two feature sets"


def has(facts: set[Fact], finding: str, side: str) -> bool:
    return any(f.finding == finding and side in ("", f.side) for f in facts)


def truth_of(kind: str, now: set[Fact], prior: set[Fact], finding: str, side: str) -> bool:
    here, there = has(now, finding, side), has(prior, finding, side)
    return {"new": here and not there, "gone": there and not here, "same": here and there}[kind]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("workspace", nargs="?", type=Path, default=Path("data/demo"))
    options = parser.parse_args()
    workspace = Workspace.open(options.workspace)
    images, _, asked = scored_images(workspace, "test")
    if options.quick:
        asked = asked[:100]
    codes, thresholds, composer = open_codes(workspace.codes), load_thresholds(workspace), Composer.open(workspace)
    patients = images["patient_id"].to_numpy()
    facts = {int(row): drawn(images["facts"][row]) for row in asked}
    code = {int(row): codes.rows(np.array([row])).toarray()[0] for row in asked}

    right: dict[str, list[bool]] = defaultdict(list)
    who: dict[str, list[str]] = defaultdict(list)
    found: dict[str, list[bool]] = defaultdict(list)
    whose: dict[str, list[str]] = defaultdict(list)
    shares, scores = [], []
    previous: dict[str, int] = {}
    pairs = 0
    for row in (int(one) for one in asked):
        active, fires = pairs_of(code[row], thresholds)
        patient = str(patients[row])
        before = previous.get(patient)
        prior = pairs_of(code[before], thresholds)[1] if before is not None else None
        report = composer.compose(active, code=fires, prior=prior, abstain=False)
        previous[patient] = row
        assert report.coverage is not None
        said, true = read_back(report.text), facts[row]
        shares.append(report.coverage.share)
        scores.append((len(said & true), len(said), len(true)))
        if before is None:
            continue
        pairs += 1
        told = {(one.change, s.finding, s.side) for one in report.changes for s in one.statements}
        for kind, finding, side in told:
            right[kind].append(truth_of(kind, facts[row], facts[before], finding, side))
            who[kind].append(patient)
        every = {(f.finding, f.side) for f in facts[row] | facts[before]}
        for finding, side in every:
            kind = next(k for k in KINDS if truth_of(k, facts[row], facts[before], finding, side))
            found[kind].append((kind, finding, side) in told or (kind, finding, "") in told)
            whose[kind].append(patient)

    results = Results()
    results.add("test X-rays with an earlier one", pairs, "pairs")
    all_right = [one for kind in KINDS for one in right[kind]]
    rate(results, "stated changes that were drawn", all_right, [one for kind in KINDS for one in who[kind]], GOAL)
    for kind in KINDS:
        rate(results, f"... {kind}", right[kind], who[kind])
        rate(results, f"drawn changes that are stated: {kind}", found[kind], whose[kind])
    order = np.argsort(shares)
    counts = np.array(scores)[order]
    for name, some in zip(("least", "second", "third", "most"), np.array_split(counts, 4), strict=True):
        hits, said, true = some.sum(0)
        results.add(
            f"exact fact F1, quarter of {name} coverage", 2 * hits / max(1, said + true), f"of {len(some)} X-rays"
        )
    rule = composer.reporting
    assert rule is not None
    results.add("coverage under which a report abstains", rule.coverage.threshold, "share of activation")
    results.add(
        "test X-rays without a report for it", float(np.mean(np.array(shares) < rule.coverage.threshold)), "share"
    )
    results.write(options.json)


if __name__ == "__main__":
    main()
