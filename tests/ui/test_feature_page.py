"""The verdict on confounders in words, and what the X-ray's line says."""

from __future__ import annotations

from dataclasses import replace

from saerad_core.explorer import Confounder
from saerad_core.explorer.labels import share
from saerad_core.ui.feature_confounders import verdict


def one(name: str, ratio: float | None = 1.1, clear: bool = False, kept: float | None = None) -> Confounder:
    shares = (share(30, 100), share(10, 100))
    return Confounder(name, "", ("AP", "PA"), shares, ratio, clear, "AP", "PA", kept)


def test_the_verdict_names_what_the_feature_follows():
    assert (
        verdict([one("View"), one("Sex"), one("Age", None)], "effusion")
        == "No sign that it follows the view and the sex."
    )
    said = verdict([one("View", 4.0, True, 0.2), one("Sex")], "effusion")
    assert said.startswith("It follows the view: it fires 4.0 times as often for AP as for PA.")
    assert said.endswith("Much of what it tells of effusion is explained by the view: compare within the groups.")
    said = verdict([one("View", 2.0, True, 0.9), one("Follow-up", 1.8, True, 0.95)], "effusion")
    assert "leans on the view" in said and "leans on the follow-up number too" in said
    assert said.endswith("What it tells of effusion holds within the groups.")


def test_burned_in_text_is_named_by_its_place():
    zone = replace(one("Burned-in text, top left", 4.0, True, 0.2), most="with", least="without")
    said = verdict([zone, one("Burned-in text, right"), one("View")], "effusion")
    assert said.startswith(
        "It follows markers or burned-in text in the top left corner of the picture: it fires 4.0 times as often with it as without it."
    )
    assert "explained by markers or burned-in text in the top left corner" in said
    both = [one("Burned-in text, right"), one("Burned-in text, top left"), one("View")]
    assert verdict(both, "") == "No sign that it follows markers or burned-in text and the view."


def test_a_large_ratio_that_could_be_chance_is_no_verdict():
    assert verdict([one("View", 5.0, False)], "effusion").startswith("No sign")


def test_nothing_known_is_said():
    assert verdict([one("View", None)], "effusion").startswith("Nothing is known")
