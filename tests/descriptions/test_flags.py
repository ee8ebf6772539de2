"""Flags of features: one patient's quirk, the view, a neighbour's duplicate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from saerad_core.descriptions.flags import duplicates, follows, one_patient
from saerad_core.explorer.confounders import Divided, facets
from saerad_core.explorer.labels import TrainingLabels
from saerad_core.stages.score import flags_of
from saerad_core.store.activations import ActivationStore


def test_a_feature_of_one_patient_is_a_quirk():
    patients = np.array([0, 0, 0, 1, 2, 3])
    activations = np.array([[3, 1, 0, 0], [3, 0, 0, 0], [3, 0, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 0, 0]], float)
    # Nine of twelve from patient 0; a quarter each; two patients only; silent.
    assert one_patient(sparse.csr_matrix(activations), patients).tolist() == [True, False, True, False]


def test_a_feature_follows_a_group_only_where_that_is_clear():
    group = np.repeat([0, 1], 100)
    fires = np.zeros((200, 3))
    fires[:60, 0], fires[100:105, 0] = 1, 1
    fires[:50, 1], fires[100:140, 1] = 1, 1
    fires[:4, 2], fires[100:101, 2] = 1, 1
    assert follows(sparse.csr_matrix(fires), np.arange(200), group, 2).tolist() == [True, False, False]
    assert not follows(sparse.csr_matrix(fires), np.arange(200), np.full(200, -1), 2).any()


def test_of_two_that_say_the_same_the_weaker_is_the_duplicate():
    likeness = pd.DataFrame({"feature_id": [1, 2, 1, 3], "other_id": [2, 1, 3, 1], "cosine": [0.8, 0.8, np.nan, np.nan], "npmi": [np.nan, np.nan, 0.9, 0.9]})  # fmt: skip
    said = pd.DataFrame({"feature_id": [1, 2, 3], "finding": ["mass", "mass", "mass"], "side": ["", "", "left"], "place": "", "z": [5.0, 4.0, 9.0]})  # fmt: skip
    assert duplicates(likeness, said) == {2: 1}


def test_the_flags_agree_with_the_feature_page(tiny_workspace):
    store = ActivationStore(tiny_workspace.activations_db)
    flags, _ = flags_of(store, store.descriptions())
    known = TrainingLabels(store.roster)
    by_name = {facet.name: Divided(known, facet) for facet in facets(store.roster) if facet.groups}
    for feature in range(store.width):
        firing = store.firing(feature)
        firing = firing.take(store.roster.train[firing.rows])
        if "View" in by_name:
            follows_it = by_name["View"].confounder(firing, "").verdict == "follows"
            assert ("view" in flags.get(feature, [])) is follows_it
