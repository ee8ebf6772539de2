import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from saerad_core.sae.monosemanticity import mean_similarity, monosemanticity


def by_pairs(codes: np.ndarray, embeddings: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """The definition, pair by pair."""
    low, high = codes.min(axis=0), codes.max(axis=0)
    a = (codes - low) / np.where(high > low, high - low, np.inf)
    e = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    above, below = np.zeros(codes.shape[1]), np.zeros(codes.shape[1])
    for i in range(len(a)):
        for j in range(i + 1, len(a)):
            if patients[i] != patients[j]:
                above += a[i] * a[j] * (e[i] @ e[j])
                below += a[i] * a[j]
    with np.errstate(invalid="ignore"):
        return np.where(below > 1e-12, above / below, np.nan)


def drawn(n: int, m: int, d: int, seed: int):
    rng = np.random.default_rng(seed)
    codes = np.maximum(rng.normal(size=(n, m)), 0) + (rng.random(m) < 0.3)
    return codes, rng.normal(size=(n, d)), rng.integers(0, n, n)


@given(st.integers(2, 12), st.integers(1, 6), st.integers(1, 5), st.integers(0, 10_000), st.booleans())
def test_it_is_the_weighted_mean_over_pairs_of_different_patients(n, m, d, seed, packed):
    codes, embeddings, patients = drawn(n, m, d, seed)
    found = monosemanticity(sparse.csc_matrix(codes) if packed else codes, embeddings, patients)
    np.testing.assert_allclose(found, by_pairs(codes, embeddings, patients), atol=1e-7)
    assert np.all(np.isnan(found) | (np.abs(found) <= 1))


@given(st.integers(0, 10_000))
def test_identical_images_score_one_and_lengths_do_not_matter(seed):
    codes, embeddings, _ = drawn(8, 4, 3, seed)
    scores = monosemanticity(codes, np.repeat(embeddings[:1], 8, axis=0), np.arange(8))
    assert scores[~np.isnan(scores)] == pytest.approx(1)
    longer = embeddings * np.random.default_rng(seed).uniform(0.1, 9, (8, 1))
    np.testing.assert_allclose(
        monosemanticity(3 * codes, longer, np.arange(8)), monosemanticity(codes, embeddings, np.arange(8)), atol=1e-9
    )


def test_a_feature_of_one_kind_of_image_scores_above_one_of_two_kinds():
    embeddings = np.repeat(np.eye(2), 10, axis=0)
    codes = np.zeros((20, 2))
    codes[:10, 0] = 1
    codes[5:15, 1] = 1
    one, both = monosemanticity(codes, embeddings, np.arange(20))
    assert one == pytest.approx(1)
    assert both == pytest.approx(20 / 45)  # pairs within a kind: 2 x 10 of 45
    assert mean_similarity(embeddings, np.arange(20)) == pytest.approx(90 / 190)


def test_a_feature_of_one_patient_has_no_score():
    codes = np.array([[1.0, 1, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]])
    scores = monosemanticity(codes, np.eye(4), np.array([0, 0, 1, 2]))
    assert np.isnan(scores[[0, 2]]).all() and scores[1] == 0
