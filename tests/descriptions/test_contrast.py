import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats

from saerad_core.descriptions.claims import WITHOUT
from saerad_core.descriptions.contrast import COLUMNS, describe
from saerad_core.descriptions.matching import benjamini_hochberg, count, strata, tail
from saerad_core.descriptions.reported import read_reports
from saerad_core.descriptions.terms import phrases_of
from saerad_core.vocabulary import Fact
from tests.descriptions.planted import FACTS, facts_of, plant, say


@pytest.fixture(scope="module")
def planted():
    return plant()


@pytest.fixture(scope="module")
def described(planted):
    return describe(planted.active, planted.images, planted.reported, planted.texts, say).set_index("feature_id")


def test_recovers_what_each_feature_stands_for(described):
    def fact(feature):
        row = described.loc[feature]
        return Fact(row.finding, row.side, row.place)

    assert [fact(f) for f in (0, 1, 2, 4, 7)] == [FACTS[0], FACTS[1], FACTS[2], FACTS[3], FACTS[6]]
    assert fact(3) == Fact("pleural_effusion"), "a feature of both sides names none"
    assert fact(6) == Fact("consolidation", "", "lower zone"), "a feature of one place on both sides names the place"
    assert fact(5) == Fact("consolidation")


def test_table_has_the_columns_of_the_store(described, planted):
    assert [described.index.name, *described.columns] == list(COLUMNS)
    row = described.loc[1]
    assert row.text == "right pleural_effusion."
    assert 0 < row.n_with <= row.n_firing and 0 <= row.n_control_with <= row.n_control
    assert "right" in " ".join(row.terms)


def test_listed_images_fire_and_say_so_one_a_patient(described, planted):
    where = {image: number for number, image in enumerate(planted.images["image_id"])}
    for feature, row in described.iterrows():
        rows = [where[image] for image in row.image_ids]
        assert 1 <= len(rows) <= 8
        assert len({planted.images["patient_id"][r] for r in rows}) == len(rows)
        assert all(planted.active[r, feature] > 0 for r in rows)
        column = planted.reported.column(Fact(row.finding, row.side, row.place))
        assert all(planted.reported.stated[r, column] for r in rows)


def test_noise_gets_no_description():
    found, noise = 0, 0
    for seed in range(8):
        planted = plant(patients=150, features=120, seed=100 + seed)
        table = describe(planted.active, planted.images, planted.reported, planted.texts, say)
        noise += int((table["feature_id"] > 7).sum())
        found += len(table)
    assert found >= 8 * 7
    assert noise / found <= 0.1, f"{noise} of {found} descriptions are of features that fire at random"


def test_no_report_no_description(planted):
    silent = read_reports([""] * len(planted.texts), facts_of)
    table = describe(planted.active, planted.images, silent, [""] * len(planted.texts), say)
    assert table.empty and list(table.columns) == list(COLUMNS)


def test_a_feature_of_normal_reports_is_described_as_without_findings(planted):
    nothing = np.array([not facts for facts in planted.truth])
    active = sparse.csr_matrix(nothing.astype(np.float32)[:, None])
    row = describe(active, planted.images, planted.reported, planted.texts, say).iloc[0]
    assert (row.text, row.finding) == (WITHOUT, "")


def test_severity_is_named_only_where_the_feature_tells_it(planted):
    severe = np.array(["severe cardiomegaly" in text for text in planted.texts])
    every = np.array(["cardiomegaly." in text and "no cardiomegaly" not in text for text in planted.texts])
    active = sparse.csr_matrix(np.stack([severe, every], axis=1).astype(np.float32))
    table = describe(active, planted.images, planted.reported, planted.texts, say)
    assert table["severity"].tolist() == ["severe", ""]
    assert table["certainty"].tolist() == ["certain", "certain"]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), copies=st.integers(2, 3))
def test_repeating_a_patients_images_changes_nothing(seed, copies):
    planted = plant(patients=40, features=12, seed=seed)
    patients = pd.factorize(planted.images["patient_id"])[0]
    stratum = strata(planted.images)
    again = np.repeat(np.arange(len(patients)), np.where(patients % 3 == 0, copies, 1))
    once = count(planted.active, planted.reported.stated, patients, stratum)
    more = count(planted.active[again], planted.reported.stated[again], patients[again], stratum[again])
    for name, a, b in zip(once._fields, once, more, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3, err_msg=name)


def test_each_patient_counts_once_in_each_group():
    # One patient fires on one of two X-rays and states the fact on it; another never fires; a third always does.
    firing = sparse.csr_matrix(np.array([[1.0], [0.0], [0.0], [1.0]], dtype=np.float32))
    stated = sparse.csr_matrix(np.array([[1.0], [0.0], [1.0], [0.0]], dtype=np.float32))
    found = count(firing, stated, np.array([0, 0, 1, 2]), np.zeros(4, dtype=np.int64))
    assert (found.firing[0], found.firing_with[0, 0]) == (2, 1)
    assert (found.silent[0], found.silent_with[0, 0]) == (2, 1)


def test_view_alone_makes_no_contrast():
    """A feature that fires on every AP film isn't described by what AP films have."""
    rng = np.random.default_rng(0)
    n = 1200
    ap = rng.random(n) < 0.4
    tube = rng.random(n) < np.where(ap, 0.7, 0.02)
    fires = rng.random(n) < np.where(ap, 0.7, 0.02)
    images = pd.DataFrame({"image_id": np.arange(n).astype(str), "patient_id": np.arange(n).astype(str)})
    texts = ["endotracheal_tube." if t else "no cardiomegaly." for t in tube]
    reported = read_reports(texts, facts_of)
    active = sparse.csr_matrix(fires.astype(np.float32)[:, None])
    matched = images.assign(view=np.where(ap, "AP", "PA"), sex="F", age=50)
    assert describe(active, matched, reported, texts, say).empty
    assert len(describe(active, images, reported, texts, say)) == 1, "unmatched, the view passes for the finding"


def test_tail_is_at_least_the_hypergeometric_one():
    rng = np.random.default_rng(1)
    for _ in range(30):
        n, with_fact, fires = 200, int(rng.integers(2, 60)), int(rng.integers(3, 40))
        firing = np.zeros((n, 1), np.float32)
        firing[rng.choice(n, fires, replace=False)] = 1
        stated = np.zeros((n, 1), np.float32)
        stated[rng.choice(n, with_fact, replace=False)] = 1
        found = count(sparse.csr_matrix(firing), sparse.csr_matrix(stated), np.arange(n), np.zeros(n, dtype=np.int64))
        a = int((firing * stated).sum())
        if a >= found.expected[0, 0] + 1:
            exact = stats.hypergeom.sf(a - 1, n, with_fact, fires)
            assert tail(found)[0, 0] >= exact * 0.999


def test_benjamini_hochberg_by_hand():
    p = np.array([0.001, 0.008, 0.039, 0.041, 0.2])
    assert benjamini_hochberg(p, 0.05) == 0.008
    assert benjamini_hochberg(np.array([0.9, 0.8]), 0.05) == 0.0


def test_phrases_stay_within_affirmed_sentences():
    assert phrases_of("Right effusion. No pneumothorax. Heart big.") == [
        "right", "right effusion", "effusion", "heart", "heart big", "big",
    ]  # fmt: skip
