"""Scores of descriptions: the order in which reports bear them out, figures over patients, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from saerad_core.descriptions.claims import WITHOUT, Claims, claims_of
from saerad_core.descriptions.degree import Borne, borne_out
from saerad_core.descriptions.judge import Patients, auroc_interval, judge, part
from saerad_core.descriptions.statements import facts_of
from saerad_core.store.said import Said


def said(*texts: str) -> Said:
    return Said.of((10 + 2 * i, False, facts_of(text).values()) for i, text in enumerate(texts))


REPORTS = (
    "No pleural effusion.",
    "The heart is enlarged.",
    "Left pleural effusion.",
    "Pleural effusion.",
    "Small right pleural effusion.",
    "Possible large right pleural effusion.",
    "Large right pleural effusion.",
)
"""From denied to stated just so, for a large right effusion."""


def test_reports_bear_a_description_out_in_the_order_in_which_they_say_it():
    borne = borne_out(claims_of("There is a large right pleural effusion."), said(*REPORTS))
    assert (np.diff(borne.degree) > 0).all()
    assert borne.states.tolist() == [False] * 4 + [True] * 3


def test_a_description_of_no_finding_is_borne_out_by_reports_without_one():
    assert claims_of(WITHOUT).nothing and claims_of("Normal chest.").nothing
    borne = borne_out(claims_of(WITHOUT), said("No effusion.", "Cardiomegaly.", "Cardiomegaly. Right pneumothorax."))
    assert borne.states.tolist() == [True, False, False] and (np.diff(borne.degree) < 0).all()


def test_of_alternatives_one_will_do_and_of_several_claims_all_are_needed():
    reports = said("Cardiomegaly.", "Cardiomegaly. Right pleural effusion.")
    either = claims_of("Cardiomegaly or right pleural effusion.")
    both = claims_of("Cardiomegaly. Right pleural effusion.")
    assert either.either and not both.either
    assert borne_out(either, reports).states.tolist() == [True, True]
    assert borne_out(both, reports).states.tolist() == [False, True]


def test_an_absence_is_borne_out_by_a_denial():
    borne = borne_out(claims_of("No pleural effusion."), said("No pleural effusion.", "Cardiomegaly.", "Left pleural effusion."))  # fmt: skip
    assert (np.diff(borne.degree) < 0).all() and borne.states.tolist() == [True, False, False]


def test_words_without_a_finding_claim_nothing():
    assert not claims_of("A blurred film.").told and claims_of("A blurred film.") == Claims()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 9)), min_size=2, max_size=60))
def test_with_one_xray_a_patient_it_is_the_plain_auroc_and_a_copied_xray_changes_nothing(drawn):
    degree = np.array([one[0] for one in drawn], np.float32)
    fires, states = np.array([one[1] for one in drawn]), degree >= 3
    one = judge(Borne(degree, states), fires, Patients(np.arange(len(drawn))))
    if fires.all() or not fires.any():
        assert not one.scored and one.weak
        return
    assert one.auroc == pytest.approx(roc_auc_score(fires, degree))
    assert one.lo <= one.auroc <= one.hi
    if states.any():
        assert one.precision.value == pytest.approx((fires & states).sum() / states.sum())
    assert one.recall.value == pytest.approx((fires & states).sum() / fires.sum())
    # A patient's X-ray listed three times is no further evidence.
    again = np.concatenate([np.arange(len(drawn)), [0, 0]])
    copied = judge(Borne(degree[again], states[again]), fires[again], Patients(again))
    assert (
        copied.auroc == pytest.approx(one.auroc) and copied.firing == one.firing and copied.lo == pytest.approx(one.lo)
    )


def test_the_interval_of_a_perfect_score_narrows_with_patients_and_never_vanishes():
    lows = [auroc_interval(1.0, n, 200)[0] for n in (1, 2, 3, 10, 100)]
    assert all(low < high for low, high in zip(lows, lows[1:], strict=False))
    assert lows[1] < 0.6 < lows[2] and lows[-1] < 1
    assert auroc_interval(1.0, 5, 200)[1] == pytest.approx(1.0)
    lo, hi = auroc_interval(0.5, 20, 200)
    assert lo + hi == pytest.approx(1.0, abs=0.02)


def test_the_interval_covers_the_truth_of_a_description_that_is_stated_or_not():
    """Half of those who fire have the words, a tenth of the others: the AUROC is .7; 12 of 150 patients fire."""
    random, covered = np.random.default_rng(0), 0
    for _ in range(400):
        fires = np.arange(150) < 12
        states = random.random(150) < np.where(fires, 0.5, 0.1)
        one = judge(Borne(states.astype(np.float32), states), fires, Patients(np.arange(150)))
        covered += one.lo <= 0.7 <= one.hi
    assert 0.93 <= covered / 400 <= 1.0


def test_a_share_of_nobody_has_no_value():
    assert np.isnan(part(0, 0).value) and part(3, 4).value == 0.75 and part(3, 4).lo > 0.2


def test_what_reports_state_comes_back_from_the_file(tmp_path):
    reports = said(*REPORTS, "Nothing of note at all")
    reports.save(tmp_path / "said.parquet")
    again = Said.load(tmp_path / "said.parquet")
    assert again.images.tolist() == reports.images.tolist() and len(again) == 8
    assert [again.statements(i) for i in range(8)] == [reports.statements(i) for i in range(8)]
