"""The sampled patients and exposures: plausible, reproducible and cheap to send to another process."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saerad_core.demo.anatomy import Anatomy, Technique, sample_anatomy, sample_technique


@given(seed=st.integers(0, 2**32 - 1), sex=st.sampled_from("FM"), age=st.integers(18, 100))
def test_a_patient_is_plausible_and_reproducible(seed: int, sex: str, age: int) -> None:
    anatomy = sample_anatomy(np.random.default_rng(seed), sex, age)
    assert anatomy == sample_anatomy(np.random.default_rng(seed), sex, age)
    assert (anatomy.sex, anatomy.age) == (sex, age)
    assert 0.40 <= anatomy.heart_ratio <= 0.49
    assert 10 < anatomy.half_width < 16
    assert 12 < anatomy.depth < 30
    assert anatomy.breast == 0 or sex == "F"
    assert pickle.loads(pickle.dumps(anatomy)) == anatomy
    assert isinstance(hash(anatomy), int)


@given(seed=st.integers(0, 2**32 - 1), view=st.sampled_from(["PA", "AP"]))
def test_a_technique_is_plausible_and_reproducible(seed: int, view: str) -> None:
    technique = sample_technique(np.random.default_rng(seed), view)
    assert technique == sample_technique(np.random.default_rng(seed), view)
    assert technique.view == view
    assert technique.marker in ("L", "R")
    assert not (technique.supine and view == "PA")
    assert not (technique.label and view == "PA")
    assert pickle.loads(pickle.dumps(technique)) == technique


def test_ap_films_differ_from_pa_films_as_they_should() -> None:
    rng = np.random.default_rng(0)
    pa: list[Technique] = [sample_technique(rng, "PA") for _ in range(200)]
    ap: list[Technique] = [sample_technique(rng, "AP") for _ in range(200)]

    def mean(group: list[Technique], name: str) -> float:
        return float(np.mean([getattr(t, name) for t in group]))

    assert mean(ap, "magnification") > mean(pa, "magnification") + 0.05
    assert mean(ap, "inspiration") < mean(pa, "inspiration") - 0.15
    assert mean(ap, "scapulae") > mean(pa, "scapulae") + 0.2
    assert 0.3 < mean(ap, "supine") < 0.7


@pytest.mark.parametrize("name", ["unfolding", "knob"])
def test_the_aorta_ages(name: str) -> None:
    rng = np.random.default_rng(1)

    def mean(age: int) -> float:
        group: list[Anatomy] = [sample_anatomy(rng, "M", age) for _ in range(100)]
        return float(np.mean([getattr(a, name) for a in group]))

    assert mean(85) > mean(30)
