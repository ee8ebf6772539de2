"""The store of a real build agrees with the arrays beside it."""

from __future__ import annotations

import numpy as np
import pytest

from saerad_core.sae.active import active
from saerad_core.sae.codes import open_codes
from saerad_core.stages.activate import load_thresholds
from saerad_core.store.activations import ActivationStore
from saerad_core.workspace import Workspace


@pytest.fixture(scope="module")
def store(tiny_workspace: Workspace) -> ActivationStore:
    return ActivationStore(tiny_workspace.activations_db)


def test_the_rule_gives_the_rows_of_every_x_ray(tiny_workspace: Workspace, store: ActivationStore) -> None:
    codes, thresholds = open_codes(tiny_workspace.codes).rows(slice(None)).toarray(), load_thresholds(tiny_workspace)
    images = store.images()
    assert len(images) == len(codes) == tiny_workspace.manifest.counts.images
    for row in images["row"]:
        features, values = active(codes[row].astype(np.float32), thresholds)
        found = store.features_of_row(row)
        assert dict(found) == dict(zip(features.tolist(), values.tolist(), strict=True))
        assert [value for _, value in found] == sorted(values.tolist(), reverse=True)


def test_figures_of_features_are_those_of_training_patients(tiny_workspace: Workspace, store: ActivationStore) -> None:
    images, features = store.images("train"), store.features()
    codes = open_codes(tiny_workspace.codes).rows(images["row"].to_numpy()).toarray()
    shown = codes > load_thresholds(tiny_workspace)
    assert features["n_images"].tolist() == shown.sum(0).tolist()
    patients = images["patient_id"].to_numpy()
    assert features["n_patients"].tolist() == [len(set(patients[column])) for column in shown.T]
    assert (features["n_patients"] < features["n_images"]).any()
    for feature in features["feature_id"]:
        assert sum(n for _, _, n in store.histogram(feature)) == (codes[:, feature] > 0).sum()
        for other, together, _ in store.coactive(feature):
            assert together == len(set(patients[shown[:, feature] & shown[:, other]]))


def test_features_come_to_stand_for_what_was_drawn(store: ActivationStore) -> None:
    """The strongest X-rays of unseen patients show what the description says, on the patient's side that it says."""
    found = store.descriptions()["finding"].value_counts()
    assert found["pleural_effusion"] >= 1 and found["pneumothorax"] >= 1
    for side, finding in (("left", "pleural_effusion"), ("right", "pneumothorax")):
        described = store.descriptions().query("finding == @finding and side == @side")
        best = described.sort_values("z")["feature_id"].iloc[-1]
        unseen = store.texts(store.top_images(best, 3, split="test").rows).values()
        assert unseen and np.mean([f"{side} {finding.replace('_', ' ')}" in one.findings for one in unseen]) > 0.6
