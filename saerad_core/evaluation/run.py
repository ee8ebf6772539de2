"""How good a workspace is, on patients that nothing was fitted on. Writes nothing; returns what a JSON file can hold."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from saerad_core import NOTICE
from saerad_core.descriptions.evidence import EvidenceTables
from saerad_core.errors import WorkspaceError
from saerad_core.evaluation import paper
from saerad_core.evaluation.compare import Counted, against, counted, draw, figures_of
from saerad_core.evaluation.concepts import concept_matrix, label_matrix, median, recover
from saerad_core.evaluation.extras import EXTRAS
from saerad_core.evaluation.facts import LEVELS, difference, hits, read_back, scores
from saerad_core.evaluation.goals import demo_goals
from saerad_core.evaluation.judge import Judge, judged
from saerad_core.evaluation.losses import grades, losses, seen
from saerad_core.evaluation.measures import MEASURES, Told
from saerad_core.evaluation.scored import scored_images
from saerad_core.evaluation.systems import OURS, SYSTEMS, Bench
from saerad_core.evaluation.systems.base import pairs
from saerad_core.evaluation.wording import by_certainty
from saerad_core.llm import LanguageModel
from saerad_core.progress import Progress, Silent
from saerad_core.reports.coverage import measure as coverage_of
from saerad_core.sae.active import active
from saerad_core.sae.codes import open_codes
from saerad_core.stages.activate import load_thresholds
from saerad_core.stages.describe import Composer, report_texts
from saerad_core.vocabulary import Fact
from saerad_core.workspace import Workspace

FORMAT = "saerad-evaluation-2"
JUDGED = "judged.jsonl"
"""What a language model said, kept in the workspace; hashes and verdicts, no text."""
FEWEST = 20
"""Patients of a view from which it has figures of its own."""


def evaluate(
    workspace: Workspace,
    split: str = "test",
    systems: Collection[str] = tuple(SYSTEMS),
    *,
    judge: LanguageModel | None = None,
    extras: Collection[str] = (),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Concept recovery, and every way of reporting by every measure.

    Facts are those of the generated text, read back by the same reader for all. The truth is what was
    drawn where X-rays are simulated, and what the X-ray's own report states where they are real.

    Args:
        workspace: a finished one.
        split: test (nothing was chosen on it) or validate.
        systems: keys of SYSTEMS; ours is always among them.
        judge: a language model that gets every generated report and the X-ray's own, and says what entails what.
        extras: keys of EXTRAS.
        progress: told of each way of reporting.

    Raises:
        WorkspaceError: the split is empty, or is the one that everything was fitted on; or there is no such way of reporting.
    """
    began, progress = time.perf_counter(), progress or Silent()
    unknown = sorted(set(systems) - set(SYSTEMS))
    if unknown:
        raise WorkspaceError(f"There is no way of reporting called {unknown[0]!r}; there are {', '.join(SYSTEMS)}.")
    for name in extras:
        if name not in EXTRAS:
            raise WorkspaceError(f"There is no extra called {name!r}; there is {', '.join(EXTRAS)}.")
    images, splits, asked = scored_images(workspace, split)
    texts = report_texts(images)
    simulated = workspace.manifest.dataset.simulated
    truth = [drawn(facts) for facts in images["facts"]] if simulated else [read_back(text) for text in texts]
    bench = bench_of(workspace, images, splits, asked, texts, truth)
    patients = bench.patients[asked]

    wanted = [key for key in SYSTEMS if key == OURS or key in systems]
    progress.stage("Writing reports", len(wanted))
    written: dict[str, list[str]] = {}
    for key in wanted:
        written[key] = SYSTEMS[key].write(bench)
        progress.advance(1)
    references, facts = references_of(images.iloc[asked]), [truth[row] for row in asked]
    told = {key: Told(some, references, facts) for key, some in written.items()}
    counts, draws = counted(told, MEASURES), draw(patients)
    by_level, compared = _by_level({key: one.stated for key, one in told.items()}, facts, patients)
    names, shown = concept_matrix(truth) if simulated else label_matrix([list(some) for some in images["labels"]])
    concepts = recover(bench.codes, bench.embeddings, names, shown, splits, bench.patients, split)
    found = {
        "format": FORMAT,
        "notice": NOTICE,
        "workspace": workspace.manifest.name,
        "simulated": simulated,
        "pseudo_reports": workspace.manifest.dataset.pseudo_reports,
        "split": split,
        "n_images": len(asked),
        "n_patients": len(np.unique(patients)),
        "systems": {key: {"title": SYSTEMS[key].title, "says": SYSTEMS[key].says, "baseline": SYSTEMS[key].baseline} for key in wanted},
        "measures": {key: {"title": one.title, "says": one.says, "better": one.better} for key, one in MEASURES.items()},
        "figures": figures_of(counts, MEASURES, draws),
        "against_ours": against(counts, MEASURES, draws, OURS),
        "views": by_view(counts, images.iloc[asked]["view"].to_numpy().astype(str), patients),
        "coverage": coverage(bench),
        "concepts": concepts,
        "concepts_median": median(concepts),
        "concepts_median_probe": median(concepts, "probe_auroc"),
        "concepts_scored": sum(concept["auroc"] is not None for concept in concepts),
        "reports": by_level["exact"],
        "differences": compared,
        "certainty": by_certainty(written[OURS], facts, patients),
        "losses": lost(bench, told[OURS], images.iloc[asked]["facts"] if simulated else ()),
        "levels": by_level,
        "facts_an_xray": float(np.mean([len(some) for some in facts])),
        "notes": notes(simulated, workspace.manifest.dataset.pseudo_reports),
    }  # fmt: skip
    found["goals"] = demo_goals(found) if simulated else []
    if judge is not None:
        found["judged"] = judged(Judge(judge, workspace.root / JUDGED), told, patients, OURS)
    if extras:
        found["extras"] = {name: EXTRAS[name](told) for name in extras}
    if workspace.manifest.dataset.kind == paper.DATASET:
        found["paper"] = paper.table(found)
    return found | {"seconds": round(time.perf_counter() - began, 1)}


def bench_of(
    workspace: Workspace,
    images: pd.DataFrame,
    splits: np.ndarray,
    asked: np.ndarray,
    texts: Sequence[str],
    truth: Sequence[set[Fact]],
) -> Bench:
    """What ways of reporting start from, of a finished workspace."""
    # The reports of the scored split are not handed on: nobody may learn which facts it has.
    held = set(asked.tolist())
    known = [
        text if one in ("train", "validate") and row not in held else ""
        for row, (text, one) in enumerate(zip(texts, splits, strict=True))
    ]
    return Bench(
        images=images,
        splits=splits,
        asked=asked,
        embeddings=np.load(workspace.embeddings).astype(np.float32),
        codes=open_codes(workspace.codes),
        thresholds=load_thresholds(workspace),
        texts=known,
        tables=EvidenceTables.load(workspace.evidence_file),
        composer=Composer.open(workspace),
        oracle=[truth[row] for row in asked],
    )


def references_of(images: pd.DataFrame) -> list[str]:
    """The section that reports are compared with: findings, or the impression where there are none."""
    return [
        next((part for part in (findings, impression) if isinstance(part, str) and part.strip()), "")
        for findings, impression in zip(images["findings"], images["impression"], strict=True)
    ]


def by_view(counts: Counted, views: np.ndarray, patients: np.ndarray) -> dict[str, Any]:
    """Figures of each view with enough patients, with intervals of their own."""
    out: dict[str, Any] = {}
    for view in sorted({str(view) for view in views if view}):
        here = np.flatnonzero(views == view)
        n = len(np.unique(patients[here]))
        if n >= FEWEST:
            some = {name: {way: one[here] for way, one in ways.items()} for name, ways in counts.items()}
            figures = figures_of(some, MEASURES, draw(patients[here]))
            out[view] = {"n_images": len(here), "n_patients": n, "figures": figures}
    return out


def coverage(bench: Bench) -> dict[str, Any]:
    """Mean coverage of the asked X-rays, and the share of them on which the program abstains."""
    composer = bench.composer
    rule = composer.reporting.coverage if composer.reporting is not None else None
    trust = composer.trust
    trusted = {f for f, text in composer.descriptions.items() if trust is None or trust.speaks(f, text)}
    found = []
    for row in bench.asked:
        ids, code = bench.codes.row(int(row))
        features, values = active(code, bench.thresholds[ids])
        found.append(coverage_of(pairs(ids[features], values), trusted, rule))
    return {
        "mean": float(np.mean([one.share for one in found])),
        "abstains": float(np.mean([one.abstains for one in found])),
        "threshold": found[0].threshold if found else None,
    }


def lost(bench: Bench, told: Told, drawn_facts: Sequence[Any]) -> dict[str, Any]:
    """Where the program's facts are lost; of simulated X-rays (their facts as stored) also how severities are worded."""
    if not bench.tables.facts:
        return {}
    found = losses(told.stated, told.truth, seen(bench))
    return found | (
        {"grades": grades(told.statements, [severities(some) for some in drawn_facts])} if len(drawn_facts) else {}
    )


def _by_level(
    stated: Mapping[str, list[set[Fact]]], truth: list[set[Fact]], patients: np.ndarray
) -> tuple[dict[str, Any], dict[str, Any]]:
    by_level = {level: {key: scores(some, truth, level) for key, some in stated.items()} for level in LEVELS}
    numbers = pd.factorize(patients)[0]
    compared = {
        level: {
            key: difference(hits(stated[OURS], truth, level), hits(some, truth, level), numbers)
            for key, some in stated.items()
            if key != OURS
        }
        for level in LEVELS
    }
    return by_level, compared


def drawn(facts: Any) -> set[Fact]:  # noqa: ANN401 - JSON from the store, or what it was parsed to
    """The truth of a simulated X-ray."""
    return set(severities(facts))


def severities(facts: Any) -> dict[Fact, str]:  # noqa: ANN401 - as drawn
    """The same with the severity of each; "" where it has none."""
    listed = json.loads(facts) if isinstance(facts, str) else facts
    return {
        Fact(one["finding"], one["side"], one["place"]): one.get("severity", "")
        for one in listed or ()
        if one.get("present", True)
    }


def notes(simulated: bool, pseudo: bool) -> list[str]:
    """What a reader of the figures has to know."""
    truth = (
        "The truth is what was drawn into each simulated X-ray."
        if simulated
        else "The truth is what each X-ray's own report states, as this program reads it; it is not a radiologist's reading."
    )
    said = [
        truth,
        "Reports are scored by what their text states, read back by rules; hedged findings count as stated.",
        "References of word and statement measures are the findings sections of the X-rays' own reports.",
        "A concept's feature is chosen on the other splits; intervals are 95% over resampled patients, p is of paired exchanges by patient.",
        "No report abstains here, so that all ways of reporting are scored on the same X-rays; how often the program would is under coverage.",
    ]
    if simulated:
        said.append("The own reports are simulated too, written by a program.")
    if pseudo:
        said.append(
            "The reports are pseudo-reports, other patients' matched by label: scores against them say little about the images."
        )
    return said
