"""Ten X-rays of a detection test: half of them fire, no patient twice, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from saerad_core.errors import SaeRadError
from saerad_core.explorer.detection import HALF, draw
from saerad_core.store.activations import ActivationStore
from saerad_core.workspace import Workspace


@pytest.fixture(scope="module")
def store(tiny_workspace: Workspace) -> ActivationStore:
    return ActivationStore(tiny_workspace.activations_db)


def test_half_of_them_fire_and_no_patient_is_shown_twice(store: ActivationStore):
    drawn = 0
    for feature_id in range(12):
        try:
            items = draw(store, feature_id, 1)
        except SaeRadError:
            continue
        drawn += 1
        firing = set(store.firing(feature_id).rows.tolist())
        assert sum(one.fires for one in items) == HALF
        assert all((one.row in firing) == one.fires for one in items)
        patients = store.roster.patient.codes[[one.row for one in items]]
        assert len(np.unique(patients)) == 2 * HALF
        assert draw(store, feature_id, 1) == items
    assert drawn


def test_a_feature_that_few_patients_show_is_refused(store: ActivationStore):
    class Silent:
        roster = store.roster

        def firing(self, _: int):
            found = store.firing(0)
            return found._replace(rows=found.rows[:2], activations=found.activations[:2])

    with pytest.raises(SaeRadError, match="can't be tested"):
        draw(Silent(), 0, 1)  # pyright: ignore[reportArgumentType]
