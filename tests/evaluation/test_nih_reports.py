"""How benchmarks.nih_reports puts labels into sentences and reads them back."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.nih_reports import ALONE, SAYS, counts, labels_of, normals, sentences
from saerad_core.evaluation.measures.labels import macro

NAMES = sorted(SAYS)


@pytest.mark.parametrize("name", NAMES)
def test_a_label_in_words_is_read_back_as_itself(name: str):
    found = {NAMES[i] for i in np.flatnonzero(labels_of(sentences({name}), NAMES))}
    # What stands for an opacity or a consolidation counts as Pneumonia too.
    assert found == ({name, ALONE} if name in ("Infiltration", "Consolidation") else {name})


def test_no_label_is_read_where_none_is_said():
    assert not labels_of(sentences({"No Finding"}), NAMES).any()
    assert not labels_of(sentences(set()), NAMES).any()
    both = {NAMES[i] for i in np.flatnonzero(labels_of(sentences({"Effusion", "Pneumonia"}), NAMES))}
    assert both == {"Effusion", "Pneumonia"}


def test_figures_by_hand():
    shown = np.array([[True, False], [True, True], [False, False]])
    told = np.array([[True, False], [False, True], [True, False]])
    # F1 of the first label 2 / 4, of the second 1.
    assert float(macro(counts(told, shown).sum(axis=0)[:, None])[0]) == pytest.approx(0.75)
    assert normals(told, ~shown.any(axis=1)).sum(axis=0).tolist() == [1, 1]
