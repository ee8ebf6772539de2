"""Who the simulated patients are: which findings go together, and how they change from one study to the next.

Every patient is drawn from its own random stream, so a population can be cut anywhere, extended or drawn in parallel
without changing a single patient. The probabilities are set by hand to a long tail over what a hospital's frontal
radiographs show; they imitate no published cohort.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from saerad_core.demo.anatomy import sample_anatomy, sample_technique
from saerad_core.demo.causes import LOADS, SPREADS, Visit, draw_cause, draw_visit
from saerad_core.demo.coexistence import fits
from saerad_core.demo.study import SimulatedFinding, Study
from saerad_core.vocabulary import SIDES, SIMULATED, TERMS

_STUDIES = (0.64, 0.23, 0.09, 0.04)
"""Share of the patients with one, two, three and four studies: 1.53 on average."""


def patient_studies(seed: int, index: int) -> list[Study]:
    """The studies of one simulated patient, in order of time.

    Args:
        seed: of the population, 0 or more.
        index: of the patient within it, 0 or more.

    Returns:
        One to four studies; the same ones for the same seed and index, whoever else is drawn.
    """
    assert seed >= 0 and index >= 0
    rng = np.random.default_rng([seed, index, 0x5AE])
    patient_id = f"S{seed:02d}-{index:06d}"
    cause = draw_cause(rng)
    anatomy = sample_anatomy(rng, cause.sex, cause.age)
    studies: list[Study] = []
    prior: tuple[SimulatedFinding, ...] | None = None
    for number in range(1 + int(np.searchsorted(np.cumsum(_STUDIES)[:-1], rng.random(), side="right"))):
        visit = draw_visit(rng, cause, number)
        findings = _draw_findings(rng, visit, prior)
        studies.append(
            Study(
                patient_id=patient_id,
                study_id=f"{patient_id}-{number + 1}",
                number=number,
                sex=cause.sex,
                age=cause.age,
                view=visit.view,
                anatomy=anatomy,
                technique=sample_technique(rng, visit.view),
                findings=findings,
                seed=int(rng.integers(2**31)),
                prior=prior,
            )
        )
        prior = findings
    return studies


def sample_studies(patients: int, seed: int) -> list[Study]:
    """All studies of the first ``patients`` patients of population ``seed``, patient by patient."""
    return [study for index in range(patients) for study in patient_studies(seed, index)]


def _draw_findings(
    rng: np.random.Generator, visit: Visit, prior: Sequence[SimulatedFinding] | None
) -> tuple[SimulatedFinding, ...]:
    """What a study shows: what is left of the previous one, then what is new, in vocabulary order."""
    kept: list[SimulatedFinding] = []
    for finding in prior or ():
        later = _evolve(rng, finding)
        if later is not None and fits(later, kept, visit.view):
            kept.append(later)
    # A patient whose chronic findings are known gets few new ones; otherwise follow-ups would fill up.
    novelty = {True: 0.12, False: 0.5} if prior is not None else {True: 1.0, False: 1.0}
    chances = rng.random(len(SIMULATED))
    had = {finding.finding for finding in prior or ()}
    # In random order, since whoever comes first shuts out what doesn't go with it.
    for i in rng.permutation(len(SIMULATED)):
        key = SIMULATED[i]
        if key in had or chances[i] >= visit.probability(key) * novelty[SPREADS[key].chronic]:
            continue
        for finding in _draw_one(rng, key):
            if fits(finding, kept, visit.view):
                kept.append(finding)
    order = {key: i for i, key in enumerate(SIMULATED)}
    return tuple(sorted(kept, key=lambda f: (order[f.finding], f.side, f.place)))


def _draw_one(rng: np.random.Generator, key: str) -> list[SimulatedFinding]:
    """One finding, or two where it is on both sides or in two places."""
    term, spread = TERMS[key], SPREADS[key]
    side = ""
    if term.sided:
        side = "right" if rng.random() < spread.right else "left"
    place = str(rng.choice(term.places, p=spread.places)) if term.places else ""
    first = SimulatedFinding(key, side, place, _severity(rng, key), float(rng.random()), int(rng.integers(2**31)))
    found = [first]
    if rng.random() < spread.bilateral:
        other = SIDES[1 - SIDES.index(side)]
        # Both sides of one disease look alike more often than not.
        severity = first.severity if rng.random() < 0.6 else _severity(rng, key)
        beside = place if rng.random() < 0.7 or not term.places else str(rng.choice(term.places, p=spread.places))
        found.append(SimulatedFinding(key, other, beside, severity, float(rng.random()), int(rng.integers(2**31))))
    elif term.places and rng.random() < spread.second:
        others = [p for p in term.places if p != place]
        found.append(
            replace(first, place=str(rng.choice(others)), extent=float(rng.random()), seed=int(rng.integers(2**31)))
        )
    return found


def _severity(rng: np.random.Generator, key: str) -> str:
    severities = TERMS[key].severities
    if not severities:
        return ""
    return str(rng.choice(severities, p=LOADS[len(severities)]))


def _evolve(rng: np.random.Generator, finding: SimulatedFinding) -> SimulatedFinding | None:
    """The finding at the next study; None where it is gone. What stays keeps its seed, so it stays the same one."""
    spread = SPREADS[finding.finding]
    if rng.random() >= spread.stays:
        return None
    if spread.chronic:
        return finding
    severities = TERMS[finding.finding].severities
    extent = float(np.clip(finding.extent + rng.normal(0, 0.25), 0, 1))
    severity = finding.severity
    if severities and rng.random() < 0.4:
        step = severities.index(severity) + (1 if rng.random() < 0.4 else -1)
        severity = severities[int(np.clip(step, 0, len(severities) - 1))]
    return replace(finding, severity=severity, extent=extent)
