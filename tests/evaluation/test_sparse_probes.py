import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from saerad_core.descriptions.auroc import auroc
from saerad_core.errors import WorkspaceError
from saerad_core.evaluation.bootstrap import check_patients, interval, resample, weighted_auroc
from saerad_core.evaluation.sparse_probes import probe, select, single_features


@given(st.integers(2, 30), st.integers(0, 10_000))
def test_weighted_auroc_is_the_auroc_of_repeated_x_rays(n, seed):
    rng = np.random.default_rng(seed)
    scores, label = rng.integers(0, 5, n).astype(float), rng.random(n) < 0.5
    weights = rng.integers(0, 4, (n, 3))
    found = weighted_auroc(scores, label, weights.astype(float))
    for column in range(3):
        rows = np.repeat(np.arange(n), weights[:, column])
        wanted = auroc(scores[rows, None], label[rows, None])[0, 0] if len(rows) else np.nan
        np.testing.assert_allclose(found[column], wanted)


def test_resampling_draws_whole_patients():
    patients = np.array([4, 4, 9, 9, 9, 1])
    weights = resample(patients, samples=50)
    assert (weights[:, 0] == 1).all()
    for patient in np.unique(patients):
        rows = weights[patients == patient]
        assert (rows == rows[0]).all()
    assert (weights[[0, 2, 5]].sum(axis=0) == 3).all()


def test_interval_leaves_out_what_could_not_be_computed():
    assert interval(np.array([np.nan, 0.5, 0.5])) == (0.5, 0.5)
    assert np.isnan(interval(np.array([np.nan]))).all()


def planted(n: int = 900, m: int = 60, seed: int = 0):
    """Label a is feature 3; label b needs features 10 to 14 together; c is noise. Two X-rays a patient."""
    rng = np.random.default_rng(seed)
    shown = rng.random((n, 3)) < 0.3
    codes = np.maximum(rng.normal(size=(n, m)), 0)
    codes[:, 3] += 4 * shown[:, 0]
    codes[:, 10:15] += 0.8 * shown[:, [1]]
    patients = np.arange(n) // 2
    split = np.array(["train", "train", "train", "validate", "test"])[patients % 5]
    embeddings = np.concatenate([shown[:, :2] + 0.5 * rng.normal(size=(n, 2)), rng.normal(size=(n, 6))], axis=1)
    return codes, embeddings, ["a", "b", "c"], shown, split, patients


@pytest.fixture(scope="module")
def found():
    return probe(*planted())


def test_planted_features_are_found(found):
    a, b, c = found["labels"]
    assert a["feature_id"] == 3 and a["features"][0] == 3 and a["single"]["auroc"] > 0.97
    assert set(b["features"][:5]) == {10, 11, 12, 13, 14}
    assert b["k5"]["auroc"] > b["k1"]["auroc"] + 0.1
    assert a["dense"]["auroc"] > 0.85 and c["dense"]["lo"] < 0.5 < c["dense"]["hi"]
    for one in (a, b, c):
        for way in ("single", "k1", "k5", "k15", "dense"):
            assert one[way]["lo"] <= one[way]["auroc"] <= one[way]["hi"]


def test_the_mean_and_the_paired_difference_belong_together(found):
    assert found["mean"]["k5"]["auroc"] == pytest.approx(np.mean([one["k5"]["auroc"] for one in found["labels"]]))
    for way, less in found["less_than_dense"].items():
        assert less["auroc"] == pytest.approx(found["mean"][way]["auroc"] - found["mean"]["dense"]["auroc"])


@pytest.mark.parametrize("scored", ["test", "validate"])
def test_nothing_of_the_scored_split_is_chosen_or_fitted_on(scored):
    codes, embeddings, names, shown, split, patients = planted()
    first = probe(codes, embeddings, names, shown, split, patients, scored)
    test = split == scored
    # Turned labels of the scored split turn its AUROCs, and nothing else can have changed.
    turned = np.where(test[:, None], ~shown, shown)
    second = probe(codes, embeddings, names, turned, split, patients, scored)
    for one, other in zip(first["labels"], second["labels"], strict=True):
        assert one["features"] == other["features"] and one["feature_id"] == other["feature_id"]
        assert one["auroc_where_chosen"] == other["auroc_where_chosen"]
        for way in first["mean"]:
            assert other[way]["auroc"] == pytest.approx(1 - one[way]["auroc"])


def test_codes_of_validation_and_scored_patients_do_not_choose_features():
    codes, embeddings, names, shown, split, patients = planted()
    other = np.where((split == "train")[:, None], codes, np.random.default_rng(1).permutation(codes, axis=1))
    one, two = (probe(some, embeddings, names, shown, split, patients)["labels"] for some in (codes, other))
    assert [label["features"] for label in one] == [label["features"] for label in two]
    assert [label["feature_id"] for label in one] == [label["feature_id"] for label in two]


@given(st.integers(0, 1_000))
def test_a_patient_in_two_splits_is_refused(seed):
    rng = np.random.default_rng(seed)
    patients = rng.integers(0, 20, 60)
    split = np.array(["train", "validate", "test"])[rng.integers(0, 3, 20)][patients]
    check_patients(split, patients)
    shared = np.flatnonzero(np.bincount(patients, minlength=20)[patients] > 1)
    row = int(rng.choice(shared))
    split[row] = "test" if split[row] != "test" else "train"
    with pytest.raises(WorkspaceError, match="two splits"):
        check_patients(split, patients)


def test_probes_refuse_a_leak():
    codes, embeddings, names, shown, split, patients = planted()
    split[0] = "test" if split[1] != "test" else "train"
    with pytest.raises(WorkspaceError, match="two splits"):
        probe(codes, embeddings, names, shown, split, patients)


def test_sparse_and_dense_codes_give_the_same():
    codes, _, _, shown, _, _ = planted(n=200)
    np.testing.assert_array_equal(select(codes, shown, 15), select(sparse.csr_matrix(codes), shown, 15))
    codes = codes.astype(np.float16)
    best, areas = single_features(sparse.csr_matrix(codes.astype(np.float32)), shown)
    np.testing.assert_allclose(areas, auroc(codes, shown).max(axis=0))
    np.testing.assert_array_equal(best, auroc(codes, shown).argmax(axis=0))


def test_a_label_of_too_few_patients_is_left_out():
    codes, embeddings, names, shown, split, patients = planted(n=300)
    shown[:, 2] = patients < 3
    found = probe(codes, embeddings, names, shown, split, patients)
    assert found["left_out"] == ["c"] and [one["label"] for one in found["labels"]] == ["a", "b"]
    shown[:] = False
    assert probe(codes, embeddings, names, shown, split, patients)["labels"] == []
