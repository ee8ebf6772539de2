"""Words can be read on every ground that they lie on, in either theme: 4.5 to 1 (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import re

import pytest

from saerad_core.ui.css import CSS
from saerad_core.ui.place import PROJECT

LEAST = 4.5
WORDS = ("ink", "quiet", "faint", "accent", "good", "warn", "bad")
GROUNDS = ("page", "menu", "panel", "raised")


def colours(theme: str) -> dict[str, str]:
    """Name -> #rrggbb, of the style sheet and of Streamlit's theme."""
    found = {
        name: both[theme == "dark"]
        for name, *both in re.findall(r"--(\w+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", CSS)
    }
    config = (PROJECT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    for name, section in (("page", f"theme.{theme}"), ("menu", f"theme.{theme}.sidebar")):
        part = config.split(f"[{section}]")[1].split("[")[0]
        found[name] = re.search(r'^backgroundColor = "(#[0-9a-f]{6})"', part, re.MULTILINE)[1]  # type: ignore[index]
    return found


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_counted_as_the_guideline_does():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_words_can_be_read_on_every_ground(theme: str):
    found = colours(theme)
    weak = {
        (word, ground): round(contrast(found[word], found[ground]), 2)
        for word in WORDS
        for ground in GROUNDS
        if contrast(found[word], found[ground]) < LEAST
    }
    assert not weak
