import numpy as np
import pytest

from saerad_core.evaluation.recovery import Concept, concepts_of, recover, shows
from saerad_core.vocabulary import Fact

RIGHT, LEFT, HEART = Fact("pleural_effusion", "right"), Fact("pleural_effusion", "left"), Fact("cardiomegaly")


def planted(n: int = 1_200, seed: int = 0, features=None):
    """Each feature is active where its function of (right, left, heart) says so."""
    rng = np.random.default_rng(seed)
    right, left, heart = (rng.random(n) < p for p in (0.1, 0.1, 0.1))
    truth = [
        {fact for fact, has in zip((RIGHT, LEFT, HEART), some, strict=True) if has}
        for some in zip(right, left, heart, strict=True)
    ]
    columns = features(right, left, heart, rng)
    noise = [rng.random(n) < 0.05 for _ in range(10)]
    active = np.stack([*columns, *noise], axis=1) * rng.uniform(1, 2, (n, len(columns) + 10))
    codes = active + 0.1 * rng.random(active.shape)
    patients = np.arange(n) // 2
    split = np.array(["train", "train", "train", "validate", "test"])[patients % 5]
    return codes, active, truth, split, patients


def found(features):
    entries = recover(*planted(features=features))
    return {(one["finding"], one["side"]): one for one in entries}


def test_concepts_are_nested():
    truth = [{Fact("mass", "left", "upper zone")}, {Fact("mass", "right", "upper zone"), HEART}, set()]
    concepts = concepts_of(truth)
    assert [c.level for c in concepts] == ["finding", "finding", "side", "side", "place", "place"]
    shown = shows(truth, concepts)
    assert shown[:, concepts.index(Concept(Fact("mass"), "finding"))].tolist() == [True, True, False]
    assert shown[:, concepts.index(Concept(Fact("mass", "left"), "side"))].tolist() == [True, False, False]
    assert not shown[2].any()


def test_one_feature_a_concept_is_neither_split_nor_absorbed():
    one = found(lambda right, left, heart, rng: (heart, right | left))
    assert one["cardiomegaly", ""]["feature_id"] == 0 and one["cardiomegaly", ""]["auroc"] == 1
    assert one["cardiomegaly", ""]["sharing"] == 1 and one["cardiomegaly", ""]["split_features"] == [0]
    assert one["cardiomegaly", ""]["general"] is None
    effusion = one["pleural_effusion", ""]
    assert effusion["split_features"] == [1] and effusion["general"] is True and effusion["absorbed"] == 0


def test_a_feature_a_side_is_a_split_and_not_general():
    effusion = found(lambda right, left, heart, rng: (heart, right, left))["pleural_effusion", ""]
    assert sorted(effusion["split_features"]) == [1, 2] and effusion["sharing"] == 2
    assert effusion["split_f1"] == 1 > effusion["main_f1"]
    assert effusion["general"] is False and effusion["absorbed"] is None


def test_noise_shares_nothing():
    one = found(lambda right, left, heart, rng: (rng.random(len(heart)) < 0.1,))
    assert all(entry["sharing"] == 0 and entry["split_features"] == [] for entry in one.values())
    assert all(abs(entry["auroc"] - 0.5) < 0.2 for entry in one.values())


def test_a_general_feature_with_holes_that_a_narrower_one_fills_is_absorbed():
    holes = {}

    def features(right, left, heart, rng):
        taken = left & (rng.random(len(left)) < 0.4)
        holes["share"] = (taken & ~right).sum() / (right | left).sum()
        return heart, (right | left) & ~(taken & ~right), taken & ~right

    effusion = found(features)["pleural_effusion", ""]
    assert effusion["split_features"][0] == 1 and effusion["general"] is True
    assert effusion["absorbed"] == pytest.approx(holes["share"], abs=0.08) and effusion["absorbed"] > 0.1


def test_the_scored_split_chooses_nothing():
    codes, active, truth, split, patients = planted(features=lambda right, left, heart, rng: (heart, right, left))
    first = recover(codes, active, truth, split, patients)
    rng = np.random.default_rng(5)
    test = np.flatnonzero(split == "test")
    mixed = test[rng.permutation(len(test))]
    codes[test], active[test] = codes[mixed], active[mixed]
    second = recover(codes, active, truth, split, patients)
    for one, other in zip(first, second, strict=True):
        for key in ("feature_id", "sharing", "split_features", "auroc_where_chosen", "general"):
            assert one[key] == other[key]
        assert other["auroc"] < 0.75 < one["auroc"]
