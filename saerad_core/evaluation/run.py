"""How good a workspace is, on patients that nothing was fitted on. Writes nothing; returns what a JSON file can hold."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pandas as pd

from saerad_core.descriptions.evidence import EvidenceTables
from saerad_core.descriptions.reported import read_reports
from saerad_core.descriptions.statements import facts_of
from saerad_core.evaluation.concepts import concept_matrix, label_matrix, median, recover
from saerad_core.evaluation.facts import LEVELS, difference, hits, scores
from saerad_core.evaluation.reports import everything, nearest_texts, probe_texts, read_back
from saerad_core.evaluation.scored import scored_images
from saerad_core.evaluation.wording import by_certainty
from saerad_core.sae.active import active
from saerad_core.sae.codes import SparseCodes, open_codes
from saerad_core.stages.activate import load_thresholds
from saerad_core.stages.describe import Composer, report_texts
from saerad_core.vocabulary import Fact
from saerad_core.workspace import Workspace

OURS = "ours"


def evaluate(workspace: Workspace, split: str = "test") -> dict[str, Any]:
    """Concept recovery and report scores.

    Facts are those of the generated text, read back by the same reader as every baseline's. The truth is what was
    drawn where X-rays are simulated, and what the X-ray's own report states where they are real.

    Args:
        workspace: a finished one.
        split: test (nothing was chosen on it) or validate.

    Raises:
        WorkspaceError: the split is empty, or is the one that everything was fitted on.
    """
    began = time.perf_counter()
    images, splits, asked = scored_images(workspace, split)
    codes = open_codes(workspace.codes)
    embeddings = np.load(workspace.embeddings).astype(np.float32)
    patients = pd.factorize(images["patient_id"])[0]
    texts = report_texts(images)
    simulated = workspace.manifest.dataset.simulated
    truth = [drawn(facts) for facts in images["facts"]] if simulated else [read_back(text) for text in texts]

    written = _written(workspace, codes, asked)
    generated = _generated(workspace, embeddings, asked, images, texts, splits, patients, written)
    reports, levels, compared = _score(generated, [truth[row] for row in asked], patients[asked])
    names, shown = concept_matrix(truth) if simulated else label_matrix([list(some) for some in images["labels"]])
    concepts = recover(codes, embeddings, names, shown, splits, patients, split)
    return {
        "concepts": concepts,
        "concepts_median": median(concepts),
        "concepts_median_probe": median(concepts, "probe_auroc"),
        "concepts_scored": sum(concept["auroc"] is not None for concept in concepts),
        "reports": reports,
        "differences": compared,
        "certainty": by_certainty(written, [truth[row] for row in asked], patients[asked]),
        "levels": levels,
        "split": split,
        "n_images": len(asked),
        "n_patients": len(np.unique(patients[asked])),
        "facts_an_xray": float(np.mean([len(truth[row]) for row in asked])),
        "notes": _notes(simulated, workspace.manifest.dataset.pseudo_reports),
        "seconds": round(time.perf_counter() - began, 1),
    }


def _written(workspace: Workspace, codes: SparseCodes, asked: np.ndarray) -> list[str]:
    """The program's own reports of the asked X-rays."""
    composer, thresholds = Composer.open(workspace), load_thresholds(workspace)
    texts = []
    for row in asked:
        ids, code = codes.row(row)
        features, values = active(code, thresholds[ids])
        found = [(int(f), float(v)) for f, v in zip(ids[features], values, strict=True)]
        texts.append(
            composer.compose(found, code=list(zip(ids.tolist(), code.tolist(), strict=True)), abstain=False).text
        )
    return texts


def _generated(
    workspace: Workspace,
    embeddings: np.ndarray,
    asked: np.ndarray,
    images: pd.DataFrame,
    texts: list[str],
    splits: np.ndarray,
    patients: np.ndarray,
    written: list[str],
) -> dict[str, list[set[Fact]]]:
    """Facts that each way of reporting states of the asked X-rays; ``written`` are the program's own reports of them."""
    train, validate = np.flatnonzero(splits == "train"), np.flatnonzero(splits == "validate")
    # The reports of the scored split are not read here: a probe must not learn which facts it has.
    known = [text if one in ("train", "validate") else "" for text, one in zip(texts, splits, strict=True)]
    probe = probe_texts(
        embeddings,
        {"train": train, "validate": validate},
        asked,
        read_reports(known, facts_of),
        patients,
        EvidenceTables.load(workspace.evidence_file),
    )
    all_facts = everything([read_back(texts[row]) for row in train])
    return {
        OURS: [read_back(text) for text in written],
        "nearest": [read_back(text) for text in nearest_texts(embeddings, train, asked, texts)],
        "probe_template": [read_back(text) for text in probe],
        "all_normal": [set() for _ in asked],
        "all_positive": [set(all_facts) for _ in asked],
    }


def _score(
    generated: dict[str, list[set[Fact]]], truth: list[set[Fact]], patients: np.ndarray
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    by_level = {level: {name: scores(stated, truth, level) for name, stated in generated.items()} for level in LEVELS}
    numbers = pd.factorize(patients)[0]
    compared = {
        level: {
            name: difference(hits(generated[OURS], truth, level), hits(stated, truth, level), numbers)
            for name, stated in generated.items()
            if name != OURS
        }
        for level in LEVELS
    }
    return by_level["exact"], by_level, compared


def drawn(facts: Any) -> set[Fact]:  # noqa: ANN401 - JSON from the store, or what it was parsed to
    """The truth of a simulated X-ray."""
    listed = json.loads(facts) if isinstance(facts, str) else facts
    return {Fact(one["finding"], one["side"], one["place"]) for one in listed or () if one.get("present", True)}


def _notes(simulated: bool, pseudo: bool) -> list[str]:
    truth = (
        "The truth is what was drawn into each simulated X-ray."
        if simulated
        else "The truth is what each X-ray's own report states, as this program reads it; it is not a radiologist's reading."
    )
    notes = [
        truth,
        "Reports are scored by what their text states, read back by rules; hedged findings count as stated.",
        "A concept's feature is chosen on the other splits; differences of F1 have 95% intervals over resampled patients.",
    ]
    if pseudo:
        notes.append(
            "The reports are other patients', matched by label: scores against them say little about the images."
        )
    return notes
