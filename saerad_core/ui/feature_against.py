"""What speaks against a feature: where it fires though the label or the report says no, and where it is silent."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from saerad_core.explorer import FeatureDetail, FeatureRow, ImageRow, phrases_of
from saerad_core.ui.components import XrayCell, empty_state, heading, html, number, xray_grid
from saerad_core.ui.feature_rows import label_name
from saerad_core.ui.feature_xrays import xray_cell
from saerad_core.ui.state import Here

SHOWN = 6
LOOKED_AT = 18
"""X-rays of patients without the label whose reports are read, so that those which deny the finding come first."""
LEAST_TELLING = 0.6
"""AUROC from which a label stands for the feature."""


def against(here: Here, detail: FeatureDetail) -> None:
    """Contradictions on the left, near misses on the right."""
    row = detail.row
    if not row.best_label or (row.best_auroc or 0) < LEAST_TELLING:
        html(
            heading(
                "Contradictions and near misses",
                "X-rays on which the feature and the label that it tells best disagree.",
            )
        )
        empty_state(
            "No label stands for this feature.",
            f"The label that it tells best has an AUROC under {LEAST_TELLING:.1f}, so that no X-ray can contradict it.",
        )
        return
    left, right = st.columns(2, gap="medium")
    with left:
        _contradictions(here, row)
    with right:
        _near_misses(here, row)


def _contradictions(here: Here, row: FeatureRow) -> None:
    label = label_name(row.best_label)
    evidence = here.explorer.evidence(row.feature_id)
    found = evidence.unlabelled(row.best_label, LOOKED_AT)
    html(
        heading(
            "Contradictions",
            f"The strongest training X-rays of patients none of whose training X-rays has the label {label}. Reports that deny the finding "
            "come first, the denial marked. A wrong label looks the same as a wrong feature.",
            f"{number(found.patients)} patients fire without {label}",
        )
    )
    if not found.patients:
        empty_state("None.", f"Every training patient on whom the feature fires has the label {label}.")
        return
    values = [evidence.activation_of(int(one)) or 0.0 for one in found.rows]
    images = here.explorer.images(found.rows, values)
    denials = {image.image_id: denied(row, image) for image in images}
    images.sort(key=lambda image: not denials[image.image_id])
    html(_grid([xray_cell(here, row, image, denials[image.image_id] or None) for image in images[:SHOWN]]))


def denied(row: FeatureRow, image: ImageRow) -> Sequence[str]:
    """Words of a report that deny what the feature's description says."""
    return phrases_of(image.report, row.finding, row.side, present=False) if row.finding else ()


def _near_misses(here: Here, row: FeatureRow) -> None:
    label = label_name(row.best_label)
    found = here.explorer.evidence(row.feature_id).silent(row.best_label, SHOWN)
    html(
        heading(
            "Near misses",
            f"Training patients with the label {label} on none of whose X-rays the feature is active; those with the fewest other labels first.",
            f"{number(found.patients)} patients with {label} are silent",
        )
    )
    if not found.patients:
        empty_state("None.", f"The feature fires on every training patient with the label {label}.")
        return
    html(_grid([xray_cell(here, row, image, tag="silent") for image in here.explorer.images(found.rows)]))


def _grid(cells: list[XrayCell]) -> str:
    return xray_grid(cells, cell="8rem")
