"""Features as rows of links, used by every list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from saerad_core.explorer import FeatureRow
from saerad_core.ui.components import number, score, share, status_chip
from saerad_core.ui.palette import colour_of
from saerad_core.ui.state import Here


def described(row: FeatureRow) -> str:
    """The text as HTML; a sentence where there is none."""
    if row.text:
        return f'<span class="text">{escape(row.text)}</span>'
    return '<span class="text none">not described</span>'


def feature_rows(
    here: Here, rows: Sequence[FeatureRow], *, images: Mapping[int, Sequence[str]] | None = None, page: str = "features"
) -> str:
    """Rows of feature number, X-rays, text, numbers; each leads to the feature.

    Args:
        images: X-rays to show beside each feature.
        page: page that a row leads to, features or curate.
    """
    return "".join(_row(here, row, (images or {}).get(row.feature_id, ()), page) for row in rows)


def _row(here: Here, row: FeatureRow, images: Sequence[str], page: str) -> str:
    strip = "".join(f'<img src="{escape(here.links.thumb(i))}" alt="" loading="lazy">' for i in images)
    strip = f'<span class="strip">{strip}</span>' if strip else ""
    auroc = ""
    if row.best_auroc is not None and row.best_label:
        says = f"AUROC of the activation for {label_name(row.best_label)}, over training patients"
        auroc = f'<span title="{escape(says)}">{escape(label_name(row.best_label))} {score(row.best_auroc)}</span>'
    frequency = f'<span title="Share of training X-rays in which the feature is active">{share(row.frequency)}</span>'
    patients = (
        f'<span title="Training patients with the feature active in an X-ray">{number(row.n_patients)} patients</span>'
    )
    dot = f'<i class="dot" style="background:{colour_of(row.finding)}"></i>'
    return (
        f'<a class="feature nav" href="{escape(here.links.page(page, feature=row.feature_id))}">'
        f'<span class="id">{dot}#{row.feature_id}</span><span class="main">{described(row)}</span>'
        f'<span class="nums">{strip}{auroc}{patients}{frequency}{status_chip(row.status)}</span></a>'
    )


def label_name(label: str) -> str:
    """A label as it is read: pleural_effusion_right -> pleural effusion right."""
    return label.replace("_", " ")
