"""Choose on validation patients when a report abstains, when it hedges and when it states a change; kept as reporting.json."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
import pandas as pd

from saerad_core.descriptions.evidence import EvidenceTables
from saerad_core.descriptions.judge import part
from saerad_core.descriptions.matrices import dense
from saerad_core.descriptions.reported import Reported, depth, read_reports
from saerad_core.descriptions.statements import facts_of
from saerad_core.reports.changes import ChangeRule, fit
from saerad_core.reports.compose import Composer, Speaks
from saerad_core.reports.coverage import CoverageRule, choose, measure
from saerad_core.reports.decide import Candidate, present
from saerad_core.reports.reporting import Reporting
from saerad_core.sae.active import active
from saerad_core.sae.codes import open_codes
from saerad_core.stages.activate import load_thresholds
from saerad_core.store.activations import ActivationStore
from saerad_core.vocabulary import Fact
from saerad_core.workspace import Workspace

SAFE = 0.95
"""Share of validation X-rays without a stated finding that matters whose reports state none that matters either, from which an impression reassures."""
FEWEST_CALM = 10
"""Such X-rays without which none ever does."""
SURE = 0.95
"""Share of the facts stated without a hedge that must be right, by the lower end of its interval, on validation patients."""
RULES = b"4"
"""Number of the rules by which all is chosen; what was chosen by others is chosen again."""
MOST_PATIENTS = 500
"""Validation patients that are looked at, drawn where there are more: a share of a tenth is then known to within .03."""


def reporting_of(
    workspace: Workspace, tables: EvidenceTables, descriptions: Mapping[int, str], trust: Speaks | None = None
) -> Reporting:
    """What the workspace keeps; chosen now, and kept, where it has none or the evidence is another."""
    made_of = _made_of(workspace, descriptions, trust)
    kept = Reporting.load(workspace.reporting_file)
    if kept is not None and kept.made_of == made_of:
        return kept
    chosen = choose_reporting(workspace, tables, descriptions, made_of, trust)
    with suppress(OSError):  # A folder that can't be written to: it is chosen again next time.
        chosen.save(workspace.reporting_file)
    return chosen


def choose_reporting(
    workspace: Workspace,
    tables: EvidenceTables,
    descriptions: Mapping[int, str],
    made_of: str,
    trust: Speaks | None = None,
) -> Reporting:
    """Read the validation X-rays' codes and reports, and choose."""
    store = ActivationStore(workspace.activations_db)
    rows = _validation_rows(store)
    if not len(rows) or not tables.facts or not workspace.codes.is_dir():
        return Reporting(made_of, CoverageRule(), ChangeRule())
    composer, codes, thresholds = (
        Composer(tables, descriptions),
        open_codes(workspace.codes),
        load_thresholds(workspace),
    )
    written = store.texts(rows)
    texts = [" ".join(part for part in (written[row].findings, written[row].impression) if part) for row in rows]
    reported = read_reports(texts, facts_of)
    trusted = {f for f, text in descriptions.items() if trust is None or trust.speaks(f, text)}
    p = np.zeros((len(rows), len(tables.facts)))
    shares, counts = np.zeros(len(rows)), np.zeros((len(rows), 3), dtype=int)
    calm: list[tuple[float, bool]] = []
    told: list[tuple[float, bool]] = []
    for place, row in enumerate(rows):
        ids, values = codes.row(int(row))
        p[place] = tables.probabilities(list(zip(ids.tolist(), values.tolist(), strict=True)))
        on, strength = active(values, thresholds[ids])
        found = list(zip(ids[on].tolist(), strength.tolist(), strict=True))
        shares[place] = measure(found, trusted, None).share
        candidates = _stated(p[place], tables, composer)
        said = {c.statement.fact for c in candidates}
        true = {fact for fact, s in facts_of(texts[place]).items() if s.present}
        told += [(c.probability, c.statement.fact in true) for c in candidates]
        counts[place] = len(said & true), len(said), len(true)
        if all(composer.wording.is_minor(fact.finding) for fact in said):
            nothing = composer.nothing(p[place], {fact.finding for fact in said})
            calm.append((nothing, all(composer.wording.is_minor(fact.finding) for fact in true)))
    return Reporting(
        made_of,
        # Without descriptions there is nothing that a report could be explained by.
        choose(shares, *counts.T) if descriptions else CoverageRule(images=len(rows)),
        _changes(store, rows, p, reported, tables),
        lowest_safe(calm, SAFE, FEWEST_CALM),
        max(composer.settings.decide.certain, lowest_sure(told, SURE)),
    )


def lowest_safe(told: Sequence[tuple[float, bool]], share: float, fewest: int) -> float:
    """The lowest probability from which at least ``share`` of ``fewest`` or more cases were right; 1.01 where there is none.

    Args:
        told: probability and whether it was right, of each case.
    """
    ranked = sorted(told, key=lambda one: -one[0])
    right = np.cumsum([one[1] for one in ranked])
    safe = [i for i in range(fewest - 1, len(ranked)) if right[i] >= share * (i + 1)]
    return float(ranked[safe[-1]][0]) if safe else 1.01


def lowest_sure(told: Sequence[tuple[float, bool]], share: float) -> float:
    """The lowest probability from which the interval of the share that was right lies at ``share`` or above; 1.01 where there is none.

    Wilson's interval of 95%: with every fact right, 73 of them show a share of .95.

    Args:
        told: probability and whether it was right, of each fact.
    """
    ranked = sorted(told, key=lambda one: -one[0])
    right = np.cumsum([one[1] for one in ranked])
    # Facts of one probability are stated together or not at all.
    ends = [i for i, one in enumerate(ranked) if i + 1 == len(ranked) or ranked[i + 1][0] < one[0]]
    shown = [i for i in ends if part(float(right[i]), i + 1).lo >= share]
    return float(ranked[shown[-1]][0]) if shown else 1.01


def _stated(p: np.ndarray, tables: EvidenceTables, composer: Composer) -> list[Candidate]:
    return present(p, tables, composer.settings.decide)


def _validation_rows(store: ActivationStore) -> np.ndarray:
    """X-rays of at most MOST_PATIENTS validation patients, in the order of the store."""
    roster = store.roster
    rows = np.flatnonzero(roster.split.where("validate"))
    patients = roster.patient.codes[rows]
    known = np.unique(patients)
    if len(known) > MOST_PATIENTS:
        drawn = np.random.default_rng(0).choice(known, MOST_PATIENTS, replace=False)
        rows = rows[np.isin(patients, drawn)]
    return rows


def _changes(
    store: ActivationStore, rows: np.ndarray, p: np.ndarray, reported: Reported, tables: EvidenceTables
) -> ChangeRule:
    """From each patient's successive X-rays; of facts with no more than a side, as changes are stated of no others."""
    patients = pd.Series(store.roster.patient.codes[rows])
    prior = pd.Series(np.arange(len(rows))).groupby(patients.to_numpy()).shift(1)
    later = np.flatnonzero(prior.notna())
    earlier = prior[later].to_numpy().astype(int)
    facts = [fact for fact in tables.facts if not fact.place and depth(fact) < 2 and fact in reported.facts]
    mine = [tables.index(fact) for fact in facts]
    columns = [reported.column(fact) for fact in facts]
    stated = dense(reported.stated[:, columns]) > 0
    known = dense(reported.unknown[:, columns]) == 0
    # A side's fact tells what its finding's does; where both are there the finding's own would count twice.
    sided = {fact.finding for fact in facts if fact.side}
    single = np.array([bool(fact.side) or Fact(fact.finding).finding not in sided for fact in facts], dtype=bool)
    p = p[:, mine]
    return fit(p[later], p[earlier], stated[later], stated[earlier], (known[later] & known[earlier]) & single)


def _made_of(workspace: Workspace, descriptions: Mapping[int, str], trust: Speaks | None) -> str:
    digest = hashlib.sha256(RULES + json.dumps(sorted(descriptions.items())).encode())
    if trust is not None:
        digest.update(trust.digest.encode())
    for path in (workspace.evidence_file, workspace.root / "thresholds.safetensors"):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
