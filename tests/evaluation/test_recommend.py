import numpy as np
import pytest

from saerad_core.evaluation.recommend import recommend


def candidate(
    label: str,
    explained: float,
    told: float,
    *,
    l0: float = 15.0,
    pca: float = 0.5,
    mean: float = 0.0,
    wobble: float = 0.001,
):
    rng = np.random.default_rng(sum(map(ord, label)))
    figures = {
        pool: {"k15": {"samples": [value, *(value + wobble * rng.normal(size=200))]}}
        for pool, value in (("max", told), ("mean", told + mean))
    }
    shape = {"label": label, "architecture": label.split("-")[0], "tokens": "patch", "width": 64, "target_l0": 15}
    return shape | {
        "validate": {"l0": l0, "explained_variance": explained, "pca_explained_variance": pca, "auroc": figures}
    }


def test_the_better_told_wins_where_the_interval_says_so():
    found = recommend([candidate("topk", 0.9, 0.80), candidate("gated", 0.7, 0.90)], 15)
    assert found["label"] == "gated" and found["as_good"] == ["gated"]
    assert "less well than the best by 0.100" in found["compared"]["topk"]


def test_among_equals_the_margin_over_pca_decides():
    found = recommend([candidate("topk", 0.9, 0.90, wobble=0.05), candidate("gated", 0.7, 0.91, wobble=0.05)], 15)
    assert found["label"] == "topk" and set(found["as_good"]) == {"topk", "gated"}
    assert "0.910, gated" in found["sentence"] and "as telling" in found["compared"]["gated"]


def test_more_active_features_are_no_way_to_win():
    found = recommend([candidate("topk", 0.8, 0.8), candidate("jumprelu", 0.99, 0.99, l0=30)], 15)
    assert found["label"] == "topk" and "L0 30.0 is not near 15" in found["compared"]["jumprelu"]
    assert recommend([candidate("jumprelu", 0.99, 0.99, l0=30)], 15) is None


def test_without_labels_the_margin_alone_decides():
    some = [candidate("topk", 0.8, 0.8), candidate("gated", 0.9, 0.8)]
    for one in some:
        del one["validate"]["auroc"]
    found = recommend(some, 15)
    assert found["label"] == "gated" and "no labels" in found["sentence"]


@pytest.mark.parametrize(("mean", "pool"), [(0.1, "mean"), (0.0, "max"), (-0.1, "max")])
def test_the_mean_is_taken_where_it_is_surely_better(mean: float, pool: str):
    assert recommend([candidate("topk", 0.8, 0.8, mean=mean, wobble=0.01)], 15)["pool"] == pool
