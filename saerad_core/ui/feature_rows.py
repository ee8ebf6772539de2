"""Features as rows of links, used by every list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from saerad_core.explorer import FeatureRow, ImageRow
from saerad_core.ui.components import number, score, share, status_chip
from saerad_core.ui.palette import colour_of
from saerad_core.ui.state import Here


def described(row: FeatureRow) -> str:
    """The text as HTML; a sentence where there is none."""
    if row.text:
        return f'<span class="text">{escape(row.text)}</span>'
    return '<span class="text none">not described</span>'


def feature_rows(
    here: Here, rows: Sequence[FeatureRow], *, images: Mapping[int, Sequence[str]] | None = None, compact: bool = False
) -> str:
    """Rows of feature number, text, X-rays and numbers; each leads to the feature.

    Args:
        images: X-rays to show beside each feature.
        compact: leave out the numbers, for narrow lists.
    """
    return "".join(_row(here, row, (images or {}).get(row.feature_id, ()), compact) for row in rows)


def _row(here: Here, row: FeatureRow, images: Sequence[str], compact: bool) -> str:
    strip = "".join(f'<img src="{escape(here.links.thumb(i))}" alt="" loading="lazy">' for i in images)
    dot = f'<i class="dot" style="background:{colour_of(row.finding)}"></i>'
    numbers = "" if compact else _numbers(row)
    return (
        f'<a class="feature nav" href="{escape(here.links.feature(row.feature_id))}">'
        f'<span class="id">{dot}#{row.feature_id}</span>{described(row)}'
        f'<span class="nums{" compact" if compact else ""}"><span class="strip">{strip}</span>{numbers}'
        f'<span class="last">{status_chip(row.status)}</span></span></a>'
    )


def _numbers(row: FeatureRow) -> str:
    auroc, says = "", ""
    if row.best_auroc is not None and row.best_label:
        auroc = f"{label_name(row.best_label)} {score(row.best_auroc)}"
        says = f"AUROC of the activation for {label_name(row.best_label)}, over training patients"
    return (
        f"{_unseen(row)}"
        f'<span class="n extra" title="{escape(says)}">{escape(auroc)}</span>'
        f'<span class="n extra" title="Training patients with the feature active in an X-ray">{number(row.n_patients)} patients</span>'
        f'<span class="n extra" title="Share of training X-rays in which the feature is active">{share(row.frequency)}</span>'
    )


def _unseen(row: FeatureRow) -> str:
    """The words' score on validation patients."""
    if row.score is None:
        return '<span class="n extra"></span>'
    one = row.score.decides
    words = f"{'weak ' if row.holds == 'weak' else ''}{score(one.auroc)}" if one.scored else "untested"
    says = "AUROC of the description on validation patients, whose reports it wasn't made from" + (
        f"; interval {score(one.lo)} to {score(one.hi)}, {one.firing} patients fire"
        if one.scored
        else ": none of them tells"
    )
    return f'<span class="n extra{" faint" if row.holds == "weak" else ""}" title="{escape(says)}">{words}</span>'


def who(image: ImageRow) -> str:
    """View, sex and age, as far as they are known."""
    age = f"{image.age:.0f} y" if image.age is not None else ""
    return " \N{MIDDLE DOT} ".join(part for part in (image.view, image.sex, age) if part)


def label_name(label: str) -> str:
    """A label as it is read: pleural_effusion_right -> pleural effusion right."""
    return label.replace("_", " ")
