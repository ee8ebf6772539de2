"""What every feature stands for and how much it speaks for each finding, learned from report text; then the store."""

from __future__ import annotations

import numpy as np
import pandas as pd

from saerad_core.descriptions.contrast import describe
from saerad_core.descriptions.evidence import EvidenceTables
from saerad_core.descriptions.fit_evidence import fit_evidence
from saerad_core.descriptions.realise import realise
from saerad_core.descriptions.reported import read_reports
from saerad_core.descriptions.statements import facts_of
from saerad_core.progress import Progress, track
from saerad_core.reports import compose
from saerad_core.sae.base import Sae
from saerad_core.stages.activate import Activated, by_feature_on_disk
from saerad_core.stages.feature_table import feature_table
from saerad_core.stages.reporting import reporting_of
from saerad_core.stages.trust import Trust
from saerad_core.store.activations import ActivationStore
from saerad_core.store.build import build_store
from saerad_core.workspace import Workspace


def report_texts(records: pd.DataFrame) -> list[str]:
    """Findings and impression of each X-ray as one text; the indication is a question, not a finding."""
    return [
        " ".join(part for part in (findings, impression) if isinstance(part, str) and part)
        for findings, impression in zip(records["findings"], records["impression"], strict=True)
    ]


def describe_features(
    workspace: Workspace, records: pd.DataFrame, activated: Activated, sae: Sae, progress: Progress
) -> None:
    """Write the evidence tables and the store.

    The truth of simulated X-rays (records.facts) is not looked at: it is for evaluation.

    Args:
        workspace: where to.
        records: metadata of all X-rays, the row number being the X-ray's place in ``activated``.
        activated: codes and active features.
        sae: the dictionary, for features that resemble each other.
        progress: told of each report that is read.
    """
    split = records["split"].to_numpy().astype(str)
    train, validate = np.flatnonzero(split == "train"), np.flatnonzero(split == "validate")
    texts = report_texts(records)
    # The test split's reports are left unread: nothing may be chosen on them, not even which facts there are.
    read = np.concatenate([train, validate])
    reported = read_reports(track([texts[row] for row in read], progress), facts_of)
    of_train = reported.rows(np.arange(len(train)))
    images = records.iloc[train].reset_index(drop=True)
    active = activated.active[train]

    descriptions = describe(active, images, of_train, [texts[row] for row in train], realise)
    tables = fit_evidence(
        activated.codes.rows(train),
        active,
        images,
        of_train,
        validate_codes=activated.codes.rows(validate),
        validate_reported=reported.rows(np.arange(len(train), len(read))),
    )
    tables.save(workspace.evidence_file)
    with by_feature_on_disk(workspace, activated.codes, split == "train") as columns:
        features, labels = feature_table(columns, active, activated.thresholds, images)
    build_store(
        workspace.activations_db,
        images=records,
        active=activated.active,
        features=features,
        labels=labels,
        descriptions=descriptions,
        decoder=sae.W_dec.detach().cpu().numpy(),
        codes=activated.codes,
    )
    workspace.manifest.counts.described = len(descriptions)


class Composer(compose.Composer):
    """Writes reports from what a workspace's build learned."""

    @classmethod
    def open(cls, workspace: Workspace) -> Composer:
        """Read the evidence tables and the program's descriptions.

        Raises:
            WorkspaceError: they are missing or damaged.
        """
        descriptions = ActivationStore(workspace.activations_db).descriptions()
        texts = dict(zip(descriptions["feature_id"].astype(int), descriptions["text"].astype(str), strict=True))
        tables = EvidenceTables.load(workspace.evidence_file)
        trust = Trust(workspace, texts)
        return cls(tables, texts, reporting=reporting_of(workspace, tables, texts, trust), trust=trust)
