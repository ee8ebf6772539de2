import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from saerad_core.descriptions.auroc import auroc, sparse_auroc
from saerad_core.descriptions.auroc_interval import interval
from saerad_core.evaluation.concepts import concept_matrix, label_matrix, median, recover
from saerad_core.evaluation.probes import choose_penalty, fit_probes
from saerad_core.sae.codes import SparseCodes
from saerad_core.sae.columns import by_feature
from saerad_core.vocabulary import CONCEPTS, Fact


def test_auroc_agrees_with_scikit_learn_ties_included():
    rng = np.random.default_rng(0)
    scores = np.round(np.maximum(rng.normal(size=(200, 7)), 0), 1)
    labels = rng.random((200, 3)) < 0.3
    scores[:, 5], scores[:, 6] = 0, scores[:, 6] + 1
    scores = scores.astype(np.float16).astype(float)
    found = auroc(scores, labels)
    np.testing.assert_allclose(sparse_auroc(by_feature(SparseCodes.of(scores)), labels), found, rtol=1e-12)
    for j in range(7):
        for k in range(3):
            assert found[j, k] == pytest.approx(roc_auc_score(labels[:, k], scores[:, j]))


def test_auroc_of_a_label_that_all_have_is_nan():
    assert np.isnan(auroc(np.arange(4.0)[:, None], np.ones((4, 1), bool))).all()


def test_interval_narrows_with_patients():
    few, many = (interval(np.array([0.8]), np.array([n]), np.array([n])) for n in (10, 1000))
    assert few[0] < many[0] < 0.8 < many[1] < few[1]


def test_probes_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 5)) * np.array([1, 2, 5, 0.1, 1])
    y = (x[:, :2] + rng.normal(size=(300, 2)) > 0.5).astype(float)
    probes = fit_probes(x, y, np.ones_like(y), penalty=3.0)
    z = (x - probes.mean) / probes.scale
    for k in range(2):
        model = LogisticRegression(C=1 / 3.0, tol=1e-8).fit(z, y[:, k])
        np.testing.assert_allclose(probes.weights[:, k], model.coef_[0], atol=2e-2)
        np.testing.assert_allclose(probes.intercepts[k], model.intercept_[0], atol=2e-2)


def test_unknown_labels_do_not_count():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    y = (x[:, :1] > 0).astype(float)
    known = np.ones_like(y)
    known[100:] = 0
    half = fit_probes(x[:100], y[:100], known[:100], 3.0)
    wrong = y.copy()
    wrong[100:] = 1 - wrong[100:]
    full = fit_probes(x, wrong, known, 3.0)
    assert np.sign(full.weights[0, 0]) == np.sign(half.weights[0, 0])


def test_the_penalty_comes_from_the_validation_split():
    rng = np.random.default_rng(0)
    x, check = rng.normal(size=(60, 200)), rng.normal(size=(200, 200))
    y, check_y = ((part[:, :1] > 0).astype(float) for part in (x, check))
    one, other = np.ones_like(y), np.ones_like(check_y)
    chosen = choose_penalty(x, y, one, check, check_y, other, penalties=(0.01, 30.0))
    assert chosen.penalty == 30.0


def _recovered(noise: float, seed: int = 0):
    rng = np.random.default_rng(seed)
    n = 600
    shown = rng.random((n, 2)) < 0.2
    codes = rng.random((n, 40))
    codes[:, 3] += noise * shown[:, 0]
    split = np.array(["train"] * 350 + ["validate"] * 50 + ["test"] * 200)
    return recover(SparseCodes.of(codes), codes, ["a", "b"], shown, split, np.arange(n) // 2, "test")


def test_finds_the_feature_of_a_concept():
    a, _ = _recovered(noise=0.8)
    assert a["feature_id"] == 3 and a["auroc"] > 0.95 and a["lo"] < a["auroc"] <= a["hi"]
    assert a["probe_auroc"] > 0.9


def test_choosing_among_noise_gains_nothing_on_the_scored_split():
    unseen = [_recovered(noise=0.0, seed=seed)[1] for seed in range(6)]
    assert np.mean([entry["auroc_where_chosen"] for entry in unseen]) > 0.56
    assert abs(np.mean([entry["auroc"] for entry in unseen]) - 0.5) < 0.06


def test_a_concept_of_too_few_patients_has_no_score():
    shown = np.zeros((40, 1), bool)
    shown[:3] = True
    split = np.array(["test"] * 20 + ["train"] * 20)
    (only,) = recover(
        SparseCodes.of(np.random.default_rng(0).random((40, 3))),
        np.zeros((40, 2)),
        ["a"],
        shown,
        split,
        np.arange(40),
        "test",
    )
    assert only["auroc"] is None and only["n_positive"] == 3
    assert median([only]) is None


def test_concepts_of_facts():
    names, shown = concept_matrix([{Fact("pleural_effusion", "right")}, set()])
    assert names == list(CONCEPTS) and shown[0].sum() == 1 and shown[0, names.index("pleural_effusion_right")]
    names, shown = label_matrix([["Mass", "Edema"], []])
    assert names == ["Edema", "Mass"] and shown.tolist() == [[True, True], [False, False]]
