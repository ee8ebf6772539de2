"""Oddities of a description are found, and ordinary ones have none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saerad_core.descriptions.lint import lint


def kinds(text: str, *args) -> list[str]:
    return [one.kind for one in lint(text, *args)]


@pytest.mark.parametrize(
    "text",
    ["Small right pleural effusion", "Lead of a pacemaker over the patient's left chest", "Sternal wires", "Dense aortic knob"],
)  # fmt: skip
def test_an_ordinary_description_has_nothing_odd(text: str):
    assert kinds(text) == []


@pytest.mark.parametrize("text", ["Abnormality", "Some changes in this region", "Various findings", "abnormal pattern"])
def test_what_names_nothing_is_vague(text: str):
    assert kinds(text) == ["vague"]


@pytest.mark.parametrize(
    "text",
    ["Effusion in a 76-year-old man", "Effusion, unchanged", "Nodule of 8 mm", "Scar since 2019", "This patient has a mass"],
)  # fmt: skip
def test_words_of_one_patient_are_named(text: str):
    assert "patient" in kinds(text)


def test_a_neighbour_that_says_the_same_is_named():
    found = lint("Left pleural effusion, small", near=[(3, "Mass"), (7, "Small left pleural effusion")])
    assert [one.kind for one in found] == ["duplicate"]
    assert "#7" in found[0].says
    assert kinds("Left pleural effusion", "", [(7, "Right apical scarring")]) == []


def test_sides_that_contradict_each_other():
    assert kinds("Left pleural effusion", "right") == ["side"]
    assert kinds("Left pleural effusion", "left", (), "right") == ["side"]
    assert kinds("Pleural effusion", "right", (), "left") == ["side"]
    assert kinds("Left pleural effusion", "left", (), "left") == []
    assert kinds("Bilateral pleural effusion", "both", (), "left") == []


@given(st.text(max_size=80), st.sampled_from(["", "right", "left", "both"]))
def test_any_text_can_be_looked_at_and_is_its_own_duplicate(text: str, side: str):
    found = lint(text, side, [(1, text)])
    assert bool(found) <= bool(text.strip())
    assert ("duplicate" in [one.kind for one in found]) == any("a" <= char <= "z" for char in text.lower())


def test_a_side_that_the_heatmaps_contradict():
    assert kinds("Left pleural effusion", "", [], "", "right") == ["side"]
    assert kinds("Pleural effusion", "left", [], "", "right") == ["side"]
    assert (
        kinds("Right pleural effusion", "", [], "", "right") == kinds("Bilateral effusions", "", [], "", "right") == []
    )
