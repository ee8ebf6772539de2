"""Score every description on validation and test patients, whose reports it wasn't made from, and flag what is doubtful.

What is decided by a score (which descriptions speak in reports) is decided on the validation patients; the test patients' scores are
for reading only.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from hashlib import sha256

import numpy as np
import pandas as pd
from scipy import sparse

from saerad_core.descriptions.flags import DEVICES, TWIN_COSINE, TWIN_NPMI, duplicates, follows, one_patient
from saerad_core.descriptions.judge import Judged
from saerad_core.descriptions.statements import facts_of
from saerad_core.descriptions.unseen import Unseen
from saerad_core.errors import WorkspaceError
from saerad_core.locks import only_one
from saerad_core.progress import Progress
from saerad_core.store.activations import ActivationStore
from saerad_core.store.curation.store import sae_id
from saerad_core.store.said import Said
from saerad_core.store.scores import SPLITS, save_scores
from saerad_core.vocabulary import TERMS, Statement
from saerad_core.workspace import StageRecord, Workspace

MOST_PATIENTS = 20_000
"""Patients of a split whose reports are read, drawn where there are more: a parse takes 3 ms."""
BLOCK = 2_000
"""Reports fetched at a time."""
NAME = "Scoring descriptions on patients they weren't made from"


def score_descriptions(workspace: Workspace, progress: Progress, identity: str = "", said: Said | None = None) -> None:
    """Write said.parquet and scores.parquet of a workspace whose store is written.

    Args:
        workspace: which.
        progress: told of every report that is read.
        identity: of the dictionary, where it doesn't lie in the workspace yet.
        said: what the unseen patients' reports state, where that is known; None: they are read.
    """
    store = ActivationStore(workspace.activations_db)
    try:
        if said is None:
            said = Said.of(_read(store, progress))
        said.save(workspace.said_file)
        unseen, described = Unseen(store, said), store.descriptions()
        flags, twins = flags_of(store, described)
        lines = {feature: {"feature_id": feature, "text": "", "flags": found} for feature, found in flags.items()}
        texts = zip(described["feature_id"].astype(int), described["text"].astype(str), strict=True)
        for feature, text in texts:
            line = lines.setdefault(feature, {"feature_id": feature, "flags": []}) | {"text": text}
            for split in SPLITS:
                line |= line_of(unseen.score(feature, text, split), split)
            lines[feature] = line | {"twin": twins.get(feature, -1)}
        save_scores(list(lines.values()), identity or sae_id(workspace), workspace.scores_file)
    finally:
        store.close()


def score_again(workspace: Workspace, progress: Progress) -> None:
    """The same of a finished workspace.

    Raises:
        WorkspaceError: it has no store yet, or a build is writing it.
    """
    taken = WorkspaceError(f"Another build is writing {workspace.root}; wait for it or stop it.")
    with only_one(workspace.root / "build.lock", taken):
        began = time.monotonic()
        progress.stage(NAME, 0)
        score_descriptions(workspace, progress)
        key = sha256(workspace.scores_file.read_bytes()).hexdigest()
        workspace.manifest.stages["score"] = StageRecord(seconds=time.monotonic() - began, key=key)
        workspace.save()
    progress.finish()


def line_of(judged: Judged, split: str) -> dict[str, float | int | None]:
    """A split's columns of scores.parquet."""
    precision, recall = judged.precision, judged.recall
    found = {
        "auroc": judged.auroc, "lo": judged.lo, "hi": judged.hi,
        "precision": precision.value, "precision_lo": precision.lo, "precision_hi": precision.hi,
        "recall": recall.value, "recall_lo": recall.lo, "recall_hi": recall.hi,
    }  # fmt: skip
    counts = {"firing": judged.firing, "silent": judged.silent, "stating": precision.of}
    known = {name: None if np.isnan(value) else float(value) for name, value in found.items()}
    return {f"{split}_{name}": value for name, value in (known | counts).items()}


def flags_of(store: ActivationStore, described: pd.DataFrame) -> tuple[dict[int, list[str]], dict[int, int]]:
    """Flags of every living feature that has some, and whom the duplicates repeat."""
    roster, m = store.roster, store.width
    rows, features, activations = store.active()
    all_of = sparse.csr_matrix((activations, (rows, features)), shape=(len(roster), m))
    train = np.flatnonzero(roster.train)
    active, patients = all_of[train], roster.patient.codes[train].astype(np.int64)
    view = roster.view.codes[train].astype(np.int64)
    known = [code for code, name in enumerate(roster.view.names) if name]
    place = np.full(len(roster.view.names) + 1, -1)
    place[known] = np.arange(len(known))
    worn = [name for name in roster.label_names if name.lower() in DEVICES]
    device = np.full(len(train), -1) if not worn else np.zeros(len(train), dtype=np.int64)
    for name in worn:
        device |= roster.labelled(name)[train].astype(np.int64)
    # A description that names a device is right to follow it.
    tells = {
        int(feature)
        for feature, finding in zip(described["feature_id"], described["finding"], strict=True)
        if finding in TERMS and TERMS[finding].device
    }
    twins = dict(duplicates(store.likeness(TWIN_COSINE, TWIN_NPMI), described))
    found = {
        "patient": np.flatnonzero(one_patient(active, patients)),
        "view": np.flatnonzero(follows(active, patients, place[view], len(known))),
        "device": [one for one in np.flatnonzero(follows(active, patients, device, 2)) if int(one) not in tells],
        "duplicate": sorted(twins),
    }
    flags: dict[int, list[str]] = {}
    for name, which in found.items():
        for feature in which:
            flags.setdefault(int(feature), []).append(name)
    return flags, twins


def _read(store: ActivationStore, progress: Progress) -> Iterator[tuple[int, bool, Sequence[Statement]]]:
    """(row, whether by labels, statements) of every validation and test X-ray that has a report or labels."""
    rows = unseen_rows(store)
    stated_by: dict[str, tuple[Statement, ...]] = {}
    for first in range(0, len(rows), BLOCK):
        block = rows[first : first + BLOCK]
        texts = store.texts(block)
        for row in block.tolist():
            report = " ".join(part for part in (texts[row].findings, texts[row].impression) if part)
            labels = store.roster.labels_of(row)
            progress.advance()
            if report.strip():
                yield row, False, tuple(facts_of(report).values())
            elif labels:
                for label in labels:
                    stated_by.setdefault(label, tuple(facts_of(label.replace("_", " ")).values()))
                yield row, True, tuple(dict.fromkeys(one for label in labels for one in stated_by[label]))


def unseen_rows(store: ActivationStore) -> np.ndarray:
    """int64 [U]: rows of the splits' patients, of at most MOST_PATIENTS each, ascending."""
    chosen, codes = [], store.roster.patient.codes
    for split in SPLITS:
        rows = np.flatnonzero(store.roster.split.where(split))
        known = np.unique(codes[rows])
        if len(known) > MOST_PATIENTS:
            drawn = np.random.default_rng(0).choice(known, MOST_PATIENTS, replace=False)
            rows = rows[np.isin(codes[rows], drawn)]
        chosen.append(rows)
    return np.sort(np.concatenate(chosen))
