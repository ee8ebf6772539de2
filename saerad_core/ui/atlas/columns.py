"""What the map can be coloured by: every column of the features' table, under a reader's words, and the colours of its values."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from saerad_core.explorer import Explorer
from saerad_core.explorer.colouring import Colouring, colour_codes
from saerad_core.heatmap.overlay import cividis
from saerad_core.ui.palette import FAMILIES, GREY, UNDESCRIBED, family_of
from saerad_core.vocabulary import TERMS


class Column(NamedTuple):
    """A column that is offered."""

    name: str
    says: str = ""


FAMILY, SILENT = "family", "silent"
"""Columns that aren't in the table: the finding's family, and whether a feature never fires."""

_NAMED = {
    FAMILY: Column("Finding, by family", "Family of the description's finding."),
    "finding": Column("Finding", "Finding of the description."),
    "status": Column("Status", "Undescribed: no text. Suggested: the program's text. The rest: a reader's last word."),
    "side": Column("Side", "The patient's side, as the description says it."),
    "place": Column("Place", "Zone or lobe, as the description says it."),
    "severity": Column("Severity", "As the description says it."),
    "certainty": Column("Certainty", "How sure the program is of its description."),
    "best_label": Column("Best label", "Label that the activation tells best."),
    "best_auroc": Column("Best label's AUROC", "AUROC of the activation for the best label, over training patients."),
    "best_lo": Column("Best label's AUROC, lower end", "Lower end of its 95 % interval over patients."),
    "best_hi": Column("Best label's AUROC, upper end", "Upper end of its 95 % interval over patients."),
    "frequency": Column("Frequency", "Share of training X-rays in which the feature is active."),
    "n_images": Column("X-rays", "Training X-rays in which the feature is active."),
    "n_patients": Column("Patients", "Training patients with the feature active in an X-ray."),
    "max": Column("Strongest activation", "Over training X-rays."),
    "mean": Column("Mean activation", "Over the training X-rays in which the feature is active."),
    "threshold": Column("Threshold", "From this activation on the feature counts as active."),
    SILENT: Column("Silent or not", "Silent: never active on a training X-ray."),
    "z": Column("Support (z)", "How much more often the description is said of X-rays that show the feature."),
    "score": Column(
        "Score on unseen patients",
        "AUROC with which the description tells, on validation patients, where the feature fires.",
    ),
    "score_lo": Column(
        "Score on unseen patients, lower end",
        "Lower end of its 95 % interval; up to 0.60 the words explain nothing in reports.",
    ),
    "flags": Column(
        "Flags", "What should make one doubt the feature: one patient's quirk, the view, a device, a duplicate."
    ),
    "n_firing": Column("Patients compared who show it", "Behind the description's support."),
    "n_with": Column("... whose reports say it", "Of the patients compared who show the feature."),
    "n_control": Column("Patients compared who don't show it", "Matched to those who do."),
    "n_control_with": Column("... whose reports say it all the same", "Of the matched patients."),
}
"""In the order of the menu; others of the table follow under their own names."""
_LEFT_OUT = {"feature_id", "text", "machine_text", "terms", "image_ids"}

_SPREAD = (
    "#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#F0E442", "#B79F8A", "#88CCEE", "#AA4499", "#999933",
)  # fmt: skip
"""For words without a colour of their own: Okabe and Ito, then Tol."""
_STATUS = {
    "suggested": "#56B4E9", "edited": "#E69F00", "accepted": "#009E73", "rejected": "#D55E00", "unsure": "#CC79A7",
    "undescribed": GREY,
}  # fmt: skip
_OTHER = "#e4e7eb"
"""Stands out from the grey of what isn't known, and from what a search doesn't light."""
_ON_WHITE = {"#F0E442": "#b3a100", "#88CCEE": "#4a9cc4", _OTHER: "#2f353c"}
"""What would be too pale on the light theme's ground."""
_LOWEST, _HIGHEST = 60, 215
"""Part of the scale that stands out from a dark ground, from the first on, and from a light one, up to the second."""


def columns(explorer: Explorer) -> dict[str, Column]:
    """Key -> what is offered, in the order of the menu."""
    there = {FAMILY, SILENT, *explorer.catalogue.column_names} - _LEFT_OUT
    more = sorted(there - set(_NAMED))
    return {key: column for key, column in _NAMED.items() if key in there} | {
        key: Column(key.replace("_", " ").capitalize()) for key in more
    }


def values(explorer: Explorer, key: str, ids: np.ndarray) -> np.ndarray:
    """A column's values of some features; KeyError where the column isn't offered."""
    catalogue = explorer.catalogue
    if key == FAMILY:
        family = np.array([family_of(one) for one in catalogue.column("finding", ids)], dtype=object)
        return np.where(family == UNDESCRIBED, "", family)
    if key == SILENT:
        return np.where(catalogue.column("n_images", ids) > 0, "active", "silent").astype(object)
    if key in _LEFT_OUT:
        raise KeyError(key)
    found = catalogue.column(key, ids)
    if found.dtype == object:
        return np.array([_words(one) for one in found], dtype=object)
    return found


def coloured(explorer: Explorer, key: str, ids: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Codes, uint8 [n], and the legend: what a page needs to draw and to explain them.

    The legend has ``title``, ``unknown`` (features without a value), ``tables`` (for a dark and a light ground a colour each code), and
    either ``names`` ([word, features, code] each) or ``lo``, ``hi`` and ``log`` of a scale.
    """
    found = colour_codes(values(explorer, key, ids))
    head: dict[str, Any] = {
        "title": columns(explorer)[key].name,
        "unknown": found.unknown,
        "tables": {"dark": _table(key, found, False), "light": _table(key, found, True)},
    }
    if found.numeric:
        return found.codes, head | {"lo": found.lo, "hi": found.hi, "log": found.log}
    return found.codes, head | {"names": [[_said(key, w), n, i + 1] for i, (w, n) in enumerate(found.names)]}


def _words(value: Any) -> str:  # noqa: ANN401 - whatever a column of words holds
    """A list's words in one; "" for nothing."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return ", ".join(str(one) for one in value)
    return "" if value is None or value != value else str(value)


def _table(key: str, found: Colouring, light: bool) -> list[str]:
    """A colour for each code, code 0 first."""
    if found.numeric:
        scale = cividis()
        low, high = (0, _HIGHEST) if light else (_LOWEST, 255)
        at = np.linspace(low, high, 16).astype(int)
        return [GREY, *("#" + bytes(scale[i]).hex() for i in at)]
    own = {
        FAMILY: {name: colour for name, (colour, _) in FAMILIES.items()},
        "status": _STATUS,
        SILENT: {"silent": "#D55E00"},
    }
    mine, free = own.get(key, {}), iter(_SPREAD)
    table = [GREY]
    for word, _ in found.names:
        colour = mine.get(word) or (_OTHER if word == "other" else next(free))
        table.append(_ON_WHITE.get(colour, colour) if light else colour)
    return table


def _said(key: str, word: str) -> str:
    if key == "finding" and word in TERMS:
        return TERMS[word].name
    return word.replace("_", " ")
