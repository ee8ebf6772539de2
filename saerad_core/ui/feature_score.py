"""How a feature's words do on patients that they weren't made from: figures, flags, and the X-rays on which they are right and wrong."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from saerad_core.explorer import FeatureRow, ImageRow
from saerad_core.explorer.rows import FLAGS
from saerad_core.explorer.scores import DECIDES, READS, Case, Judged, Part, TextScore
from saerad_core.ui.asked import asked_for
from saerad_core.ui.components import (
    FactItem,
    chip,
    chips,
    empty_state,
    fact_strip,
    heading,
    html,
    number,
    score,
    xray_grid,
)
from saerad_core.ui.feature_xrays import xray_cell
from saerad_core.ui.state import Here

SHOWN = 4
"""X-rays of each kind."""
NAMES = {DECIDES: "Validation patients", READS: "Test patients"}
FLAG_SAYS = {
    "patient": "It fires in fewer than three training patients, or one of them has half of its activation.",
    "view": "It fires at least three times as often in one view as in another, over training patients.",
    "device": "It fires at least three times as often, or as seldom, where a device is labelled, and its words name none.",
    "duplicate": "Its direction, or the X-rays on which it fires, are nearly those of another feature with the same words and better support.",
}
_HOW = (
    "Whether reports of patients that the words weren't made from tell, by these words, on which X-rays the feature fires: 0.5 is chance, "
    "with the 95 % interval over patients. Each patient counts once."
)


def flag_chips(here: Here, row: FeatureRow) -> list[str]:
    """What should make one doubt the feature; each chip lists the others."""
    found = [
        chip(FLAGS[flag], "notice", FLAG_SAYS[flag], here.links.page("features", flag=flag))
        for flag in row.flags
        if flag != "duplicate"
    ]
    twin = here.explorer.scores.twin(row.feature_id)
    if twin is not None:
        found.append(chip(f"duplicate of #{twin}", "notice", FLAG_SAYS["duplicate"], here.links.feature(twin)))
    return found


def score_strip(here: Here, row: FeatureRow) -> None:
    """Figures and verdict, for the column of words."""
    if row.score is None:
        return
    html(heading("On unseen patients", _HOW))
    html(chips([verdict_chip(row), *flag_chips(here, row)]))
    if row.score.told:
        html(_strip(row.score.decides))
    html(f'<p class="quiet">{escape(verdict(row.score))}</p>')


def verdict_chip(row: FeatureRow) -> str:
    """holds, weak, or can't be tested."""
    if row.holds == "holds":
        return chip(
            "holds",
            "accepted",
            "The whole interval on validation patients lies above 0.60: the words speak in reports.",
        )
    if row.holds == "weak":
        return chip(
            "weak", "notice", "The interval on validation patients touches 0.60: the words explain nothing in reports."
        )
    return chip("can't be tested", "", "The words state nothing that reports name.")


def verdict(found: TextScore) -> str:
    """What the figures mean for reports, in sentences."""
    if not found.told:
        return "These words state no finding that reports name, so that reports can't test them; whoever wrote them vouches for them."
    one = found.decides
    if not one.scored:
        said = f"The feature fires in {'none' if not one.firing else 'all'} of the validation patients, so that nothing tells whether the words hold; they explain nothing in reports."
    elif found.holds:
        said = f"Validation patients, {number(one.firing)} of whom fire, bear the words out: they speak in reports."
    elif one.auroc > 0.6:
        said = (
            f"Only {number(one.firing)} validation patient{'s' if one.firing != 1 else ''} fire{'' if one.firing != 1 else 's'}: the interval "
            "reaches 0.60, so that the words aren't shown to hold and explain nothing in reports."
        )
    else:
        said = "Validation patients don't bear the words out: they explain nothing in reports. Reword them, or reject the feature."
    read = found.reads
    if not read.scored:
        return f"{said} No test patient fires."
    return f"{said} Test patients, who decide nothing: AUROC {_area(read)}, precision {_part(read.precision)}, recall {_part(read.recall)}."


def _strip(one: Judged) -> str:
    def item(value: float, lo: float, hi: float, known: bool, name: str, says: str) -> FactItem:
        if not known:
            return FactItem("\N{EN DASH}", name, says)
        return FactItem(score(value), f"{name} {score(lo)}\N{EN DASH}{score(hi)}", f"{says} 95 % interval beside it.")

    precision, recall = one.precision, one.recall
    return fact_strip(
        [
            item(one.auroc, one.lo, one.hi, one.scored, "AUROC", f"{_HOW} Validation patients."),
            item(*precision[:3], bool(precision.of), "precision", f"Of {precision.of} validation patients whose reports state the words, the share whose X-rays then fire."),
            item(*recall[:3], bool(recall.of), "recall", f"Of {recall.of} validation patients whose X-rays fire, the share whose reports then state the words."),
        ]
    )  # fmt: skip


def _area(one: Judged) -> str:
    return f"{score(one.auroc)} ({score(one.lo)}\N{EN DASH}{score(one.hi)})" if one.scored else "\N{EN DASH}"


def _part(one: Part) -> str:
    return f"{score(one.value)} ({score(one.lo)}\N{EN DASH}{score(one.hi)})" if one.of else "\N{EN DASH}"


def right_and_wrong(here: Here, row: FeatureRow) -> None:
    """The very X-rays of the test, with links."""
    if row.score is None or not row.score.told:
        return
    key, follow = asked_for("unseen", DECIDES, options=list(NAMES))
    html(
        heading(
            "Right and wrong on unseen patients",
            "X-rays of patients that the words weren't made from, one a patient of each kind: where the feature fires and the report states the "
            "words, where it fires and the report doesn't, and where the report states them and the feature is silent.",
        )
    )
    split = st.segmented_control(
        "Patients", list(NAMES), key=key, on_change=follow, format_func=NAMES.__getitem__, label_visibility="collapsed",
        help="Validation patients decide whether words speak in reports; reword by them. Test patients are for reading only.",
    ) or DECIDES  # fmt: skip
    found, images = here.explorer.score_cases(row.feature_id, SHOWN, split)
    columns = st.columns(3, gap="medium")
    for column, cases, title, says in (
        (columns[0], found.right, "Right", "Fires, and the report states the words."),
        (columns[1], found.missed, "Fires without the words", "Fires, and the report doesn't state the words."),
        (columns[2], found.vain, "Words without firing", "The report states the words, and the feature is silent."),
    ):
        with column:
            html(heading(title, says, f"{number(len(cases))} patients"))
            if not cases:
                empty_state("None.", f"There is no such X-ray among the {NAMES[split].lower()}.")
                continue
            html(_grid(here, row, cases[:SHOWN], images))


def _grid(here: Here, row: FeatureRow, cases: Sequence[Case], images: dict[int, ImageRow]) -> str:
    cells = [xray_cell(here, row, images[one.row], tag="" if one.fires else "silent") for one in cases]
    return xray_grid(cells, cell="8rem")
