"""A composer over planted evidence, with the program's own wording."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import numpy as np

from saerad_core.descriptions.evidence import EvidenceTables
from saerad_core.descriptions.fit_evidence import fit_evidence
from saerad_core.descriptions.reported import read_reports
from saerad_core.reports.compose import Composer
from tests.descriptions.planted import Planted, facts_of, plant


@cache
def planted() -> Planted:
    return plant()


@cache
def tables() -> EvidenceTables:
    train, validate = planted(), plant(60, seed=1)
    both = read_reports(train.texts + validate.texts, facts_of)
    rows = np.arange(len(both.severity))
    return fit_evidence(
        train.active,
        train.active,
        train.images,
        both.rows(rows < len(train.texts)),
        validate_codes=validate.active,
        validate_reported=both.rows(rows >= len(train.texts)),
    )


@cache
def composer() -> Composer:
    return Composer(tables(), {0: "There is cardiomegaly.", 1: "Right pleural effusion."})


def curated(text: str = "", status: str = "confirmed") -> SimpleNamespace:
    return SimpleNamespace(text=text, status=status)


def all_sentences(report):  # noqa: ANN001, ANN201
    return [*report.findings, *report.impression]


__all__ = ["all_sentences", "composer", "curated", "planted", "tables"]
