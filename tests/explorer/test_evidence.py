"""What is counted of a feature from its rows alone, against loops over patients and dense columns."""

from __future__ import annotations

import json

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from saerad_core.explorer.confounders import FEWEST, LEANS, NOBODY_LOOKED, TEXT, Divided, facets, odds_ratio
from saerad_core.explorer.disagreements import silent, unlabelled
from saerad_core.explorer.labels import TrainingLabels, associations, share
from saerad_core.store.activations import Firing
from saerad_core.store.markers import UNKNOWN
from saerad_core.store.roster import Roster

CONNECTION = duckdb.connect()
LABELS = ("Effusion", "Nodule", "Pacemaker")


@st.composite
def worlds(draw: st.DrawFn) -> tuple[pd.DataFrame, Roster, Firing]:
    """X-rays of a few patients, and a feature that fires on some."""
    n = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    patient = np.sort(rng.integers(0, draw(st.integers(1, 15)), n))
    images = pd.DataFrame(
        {
            "image_id": [f"x{i}" for i in range(n)],
            "study_id": [f"s{i}" for i in range(n)],
            "patient_id": [f"p{one}" for one in patient],
            "split": np.where(patient % 4 == 3, "test", "train"),
            "view": rng.choice(["PA", "AP", ""], n),
            "sex": rng.choice(["F", "M"], n),
            "age": [None if rng.random() < 0.2 else int(age) for age in rng.integers(18, 90, n)],
            "labels": [[label for label in LABELS if rng.random() < 0.3] for _ in range(n)],
        }
    )
    values = rng.gamma(2, 1, n).astype(np.float16).astype(np.float32) * (rng.random(n) < 0.5)
    images["activation"] = values
    rows = np.flatnonzero((values > 0) & (images["split"] == "train"))
    rows = rows[np.lexsort((rows, -values[rows]))]
    return images, roster_of(images), Firing(rows.astype(np.int32), values[rows])


def roster_of(images: pd.DataFrame) -> Roster:
    """As the store reads it: through DuckDB, with labels as lists."""
    given_ = images.drop(columns="activation", errors="ignore").assign(labels=images["labels"].map(json.dumps))
    with CONNECTION.cursor() as connection:
        connection.register("given", given_)
        return Roster(
            connection.sql(
                "SELECT * REPLACE (labels::JSON::VARCHAR[] AS labels, age::SMALLINT AS age) FROM given"
            ).to_arrow_table()
        )


@settings(max_examples=40, deadline=None)
@given(worlds(), st.floats(0, 6))
def test_precision_and_recall_are_those_of_a_loop_over_patients(world, threshold: float):
    images, roster, firing = world
    train = images[images["split"] == "train"]
    for found in associations(TrainingLabels(roster), firing, list(LABELS), threshold):
        fires = has = both = 0
        for _, mine in train.groupby("patient_id"):
            on = (mine["activation"] > 0) & (mine["activation"] >= np.float32(threshold))
            with_label = mine["labels"].map(lambda some, label=found.label: label in some)
            fires, has, both = fires + on.any(), has + with_label.any(), both + (on & with_label).any()
        assert (found.precision.n, found.precision.of) == ((both, fires) if fires else (0, 0))
        assert (found.recall.n, found.recall.of) == ((both, has) if has else (0, 0))


@given(st.integers(0, 400), st.integers(0, 400))
def test_an_interval_holds_its_share_and_lies_in_the_unit(n: int, more: int):
    found = share(n, n + more)
    assert 0 <= found.lo <= found.hi <= 1
    if n + more:
        assert found.value is not None and found.lo - 1e-9 <= found.value <= found.hi + 1e-9


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_disagreements_are_of_patients_never_labelled_or_never_firing(world):
    images, roster, firing = world
    train = images[images["split"] == "train"].assign(
        has=lambda frame: frame["labels"].map(lambda some: "Effusion" in some), on=lambda frame: frame["activation"] > 0
    )
    of = train.groupby("patient_id").agg(has=("has", "any"), on=("on", "any"))
    known = TrainingLabels(roster)
    against, missed = unlabelled(known, firing, "Effusion", 100), silent(known, firing, "Effusion", 100)
    patients = images["patient_id"].to_numpy()
    assert sorted(patients[against.rows]) == sorted(of.index[of["on"] & ~of["has"]])
    assert sorted(patients[missed.rows]) == sorted(of.index[of["has"] & ~of["on"]])
    assert against.patients == len(against.rows) and missed.patients == len(missed.rows)
    values = images["activation"].to_numpy()[against.rows]
    assert (np.diff(values) <= 0).all() and (values > 0).all()


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_groups_are_counted_by_patient(world):
    images, roster, firing = world
    view = next(facet for facet in facets(roster) if facet.name == "View")
    found = Divided(TrainingLabels(roster), view).confounder(firing, "")
    train = images[images["split"] == "train"]
    for group, counted in zip(found.groups, found.fires, strict=True):
        mine = train[train["view"] == group]
        assert counted.of == mine["patient_id"].nunique()
        assert counted.n == pytest.approx((mine["activation"] > 0).groupby(mine["patient_id"]).mean().sum(), abs=1e-4)
    # Nobody says anything of groups this small.
    assert max((share.of for share in found.fires), default=0) >= FEWEST or found.verdict == "unknown"


def big(seed: int, fires) -> tuple[Roster, Firing]:  # noqa: ANN001
    """2,000 patients with one X-ray; ``fires(ap, ill, rng)`` says on whom."""
    rng = np.random.default_rng(seed)
    n = 2_000
    ap = rng.random(n) < 0.5
    # The ill are X-rayed in bed: the label goes with the view.
    ill = rng.random(n) < np.where(ap, 0.4, 0.1)
    on = fires(ap, ill, rng)
    images = pd.DataFrame(
        {
            "image_id": [f"x{i}" for i in range(n)], "study_id": [f"s{i}" for i in range(n)], "patient_id": [f"p{i}" for i in range(n)],
            "split": "train", "view": np.where(ap, "AP", "PA"), "sex": rng.choice(["F", "M"], n), "age": rng.integers(18, 90, n),
            "labels": [["Effusion"] if one else [] for one in ill],
        }
    )  # fmt: skip
    rows = np.flatnonzero(on).astype(np.int32)
    return roster_of(images), Firing(rows, np.ones(len(rows), np.float32))


def verdict_of(roster: Roster, firing: Firing, name: str):
    facet = next(one for one in facets(roster) if one.name == name)
    return Divided(TrainingLabels(roster), facet).confounder(firing, "Effusion")


def test_a_feature_of_the_view_is_told_from_one_of_the_finding():
    roster, firing = big(1, lambda ap, ill, rng: rng.random(len(ap)) < np.where(ap, 0.5, 0.05))
    view = verdict_of(roster, firing, "View")
    assert view.verdict == "follows" and view.most == "AP" and view.explains
    assert verdict_of(roster, firing, "Sex").verdict == "no"
    roster, firing = big(2, lambda ap, ill, rng: rng.random(len(ap)) < np.where(ill, 0.7, 0.05))
    view = verdict_of(roster, firing, "View")
    # It fires more often in AP since the ill are there, but tells the ill within each view.
    assert view.verdict in ("leans", "follows") and not view.explains and view.kept is not None and view.kept > 0.8


def test_what_isn_t_known_is_said():
    roster, firing = big(3, lambda ap, ill, rng: rng.random(len(ap)) < 0.2)
    assert verdict_of(roster, firing, "Device").verdict == "unknown"
    assert "name no lines" in verdict_of(roster, firing, "Device").says
    assert verdict_of(roster, firing, "Burned-in text").groups == ()


def test_a_feature_of_a_marker_is_told_from_one_of_the_finding():
    rng = np.random.default_rng(9)
    corner = rng.random(2_000) < 0.4
    zones = np.where(corner, 1, 0).astype(np.int16)
    zones[:100] = UNKNOWN
    zones[150:160] |= 1 << 7
    roster, firing = big(4, lambda ap, ill, _: np.random.default_rng(1).random(len(ap)) < np.where(corner, 0.5, 0.05))
    told = {one.name: one for one in facets(roster, zones) if one.name.startswith(TEXT)}
    # The lower right corner has a mark on ten patients: too few to say anything of it.
    assert list(told) == [f"{TEXT}, top left"]
    facet = told[f"{TEXT}, top left"]
    assert (facet.codes[:100] == -1).all() and (facet.codes[100:] == corner[100:]).all()
    found = Divided(TrainingLabels(roster), facet).confounder(firing, "Effusion")
    assert found.verdict == "follows" and found.most == "with" and found.ratio is not None and 6 < found.ratio < 15
    roster, firing = big(5, lambda ap, ill, _: np.random.default_rng(2).random(len(ap)) < 0.2)
    facet = next(one for one in facets(roster, zones) if one.name.startswith(TEXT))
    assert Divided(TrainingLabels(roster), facet).confounder(firing, "Effusion").verdict == "no"


def test_zones_that_nobody_knows_are_said():
    roster, _ = big(3, lambda ap, ill, rng: rng.random(len(ap)) < 0.2)
    for zones in (None, np.full(len(roster), UNKNOWN, np.int16)):
        assert [one.says for one in facets(roster, zones) if one.name == TEXT] == [NOBODY_LOOKED]
    none = [one for one in facets(roster, np.zeros(len(roster), np.int16)) if one.name == TEXT]
    assert len(none) == 1 and not none[0].groups and none[0].says.startswith("Fewer than")


@settings(max_examples=30, deadline=None)
@given(worlds(), st.sampled_from(LABELS))
def test_every_facet_answers_for_every_feature(world, label: str):
    images, roster, firing = world
    known = TrainingLabels(roster)
    for facet in facets(roster):
        assert facet.codes.max(initial=-1) < max(len(facet.groups), 1) if facet.groups else (facet.codes == -1).all()
        found = Divided(known, facet).confounder(firing, label)
        assert len(found.fires) == len(found.groups)
        assert all(0 <= one.n <= one.of + 1e-6 for one in found.fires)


def test_the_odds_ratio_is_that_of_the_book():
    # Two strata of 2 x 2 tables, a b c d: (10 20 30 40) and (5 15 10 70).
    tables = [(10, 20, 30, 40), (5, 15, 10, 70)]
    expected = (10 * 40 / 100 + 5 * 70 / 100) / (20 * 30 / 100 + 15 * 10 / 100)
    assert odds_ratio(np.array(tables, dtype=float).T) == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_what_is_left_within_groups_is_that_of_whole_tables(world):
    images, roster, firing = world
    view = next(facet for facet in facets(roster) if facet.name == "View")
    divided = Divided(TrainingLabels(roster), view)
    known = images[(images["split"] == "train") & (images["view"] != "")]
    weight = 1 / known.groupby("patient_id")["image_id"].transform("size")
    on, has = known["activation"] > 0, known["labels"].map(lambda some: "Effusion" in some)
    cells = [
        [weight[(known["view"] == group) & (on == fires) & (has == shown)].sum() for group in view.groups]
        for fires, shown in ((True, True), (True, False), (False, True), (False, False))
    ]
    tables = np.array(cells, dtype=float)
    crude, within = odds_ratio(tables.sum(axis=1, keepdims=True)), odds_ratio(tables)
    rows = firing.rows[view.codes[firing.rows] >= 0]
    found = divided._kept(rows, "Effusion")
    assume(crude is None or abs(crude - LEANS) > 1e-6)
    if crude is None or within is None or crude < LEANS:
        assert found is None
    else:
        assert found == pytest.approx(np.log(within) / np.log(crude))


def test_follow_up_numbers_come_from_the_studies_names_where_all_have_one():
    images = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"], "study_id": ["00000211_013", "00000211_000", "00000415_001"], "patient_id": ["1", "1", "2"],
            "split": "train", "view": "PA", "sex": "F", "age": 40, "labels": [[], [], []],
        }
    )  # fmt: skip
    assert roster_of(images).follow_up.tolist() == [13, 0, 1]
