"""What the page says of a description's score, in words."""

from __future__ import annotations

import math

from saerad_core.descriptions.judge import UNSCORED, Judged, Part
from saerad_core.explorer.scores import TextScore
from saerad_core.ui.feature_score import _strip, verdict


def judged(auroc: float, lo: float, hi: float, firing: int) -> Judged:
    return Judged(auroc, lo, hi, Part(0.5, 0.2, 0.8, 10), Part(1.0, 0.6, 1.0, firing), firing, 90)


def said(decides: Judged, reads: Judged = UNSCORED) -> str:
    return verdict(TextScore(True, {"validate": decides, "test": reads}))


def test_the_verdict_tells_what_holds_what_is_unknown_and_what_is_wrong():
    good = judged(0.95, 0.8, 0.99, 12)
    assert "they speak in reports" in said(good) and "No test patient fires" in said(good)
    assert "Test patients, who decide nothing: AUROC .95 (.80" in said(good, good)
    few = said(judged(0.95, 0.5, 1.0, 1))
    assert few.startswith("Only 1 validation patient fires") and "explain nothing in reports" in few
    assert "don't bear the words out" in said(judged(0.55, 0.3, 0.8, 20))
    assert "fires in none of the validation patients" in said(UNSCORED)
    assert "vouches" in verdict(TextScore(False))


def test_a_figure_that_cannot_be_said_is_a_dash():
    assert math.isnan(UNSCORED.auroc) and "nan" not in _strip(UNSCORED) and "\N{EN DASH}" in _strip(UNSCORED)
    assert ".95" in _strip(judged(0.95, 0.8, 0.99, 12))
