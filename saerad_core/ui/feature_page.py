"""One feature: what it says, how sure that is, and the X-rays that show it."""

from __future__ import annotations

from html import escape

import streamlit as st

from saerad_core.errors import SaeRadError
from saerad_core.explorer import BANDS, FeatureDetail, FeatureRow, ImageRow, Neighbour
from saerad_core.ui.charts import histogram
from saerad_core.ui.components import (
    FactItem,
    XrayCell,
    chip,
    chips,
    empty_state,
    fact_strip,
    foot,
    heading,
    html,
    marked,
    number,
    pseudo_chip,
    score,
    share,
    simulated_chip,
    status_chip,
    xray_grid,
)
from saerad_core.ui.feature_rows import label_name
from saerad_core.ui.state import Here, encoder_name, go_to
from saerad_core.vocabulary import TERMS

SHOWN = 18
"""X-rays of a band that are shown, one a patient."""
_BAND_SAYS = {
    "strongest": "The patients with the highest activation, one X-ray each, over the training split.",
    "middle": "Patients around the median activation, one X-ray each: what the feature is on an ordinary day.",
    "weakest": "Patients whose activation is just above the rule's threshold, one X-ray each.",
}


def parse_feature(here: Here, asked: str) -> int:
    """The feature's number from the address.

    Raises:
        SaeRadError: there is no such feature.
    """
    if asked.isdecimal() and len(asked) < 8 and int(asked) in here.explorer:
        return int(asked)
    raise SaeRadError(f"There is no feature {asked!r} in this workspace; look one up in the list of features.")


def show_feature(here: Here, asked: str) -> None:
    """The page of ?feature=ID."""
    feature_id = parse_feature(here, asked)
    detail = here.explorer.feature(feature_id)
    row = detail.row
    _top(here, row)
    left, right = st.columns([1, 2.05], gap="medium")
    with left:
        _words(here, detail)
    with right:
        _numbers(here, row)
        if not row.alive:
            empty_state(
                "This feature is silent.",
                "It isn't active in any training X-ray under this workspace's rule, so there is nothing to show.",
            )
            return
        _evidence(here, detail)


def _top(here: Here, row: FeatureRow) -> None:
    before, after = here.explorer.beside(row.feature_id)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        html(
            f'<div class="eyebrow"><a class="nav" href="{escape(here.links.page("features"))}">Features</a>'
            f" \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} #{row.feature_id}</div>"
        )
        with st.container(horizontal=True, width="content", gap="xsmall"):
            if st.button(
                "Previous",
                key="previous",
                shortcut="Left",
                help="The living feature before this one.",
                disabled=before is None,
            ):
                _go(before)
            if st.button(
                "Next", key="next", shortcut="Right", help="The living feature after this one.", disabled=after is None
            ):
                _go(after)


def _go(feature_id: int | None) -> None:
    st.query_params["feature"] = str(feature_id)
    st.rerun()


def _words(here: Here, detail: FeatureDetail) -> None:
    row = detail.row
    labels = [status_chip(row.status)]
    if row.finding:
        name = TERMS[row.finding].name if row.finding in TERMS else row.finding
        labels.append(
            chip(
                name,
                says="Finding of the description; lists the others.",
                href=here.links.page("features", finding=row.finding),
            )
        )
    if row.side:
        labels.append(
            chip(
                f"patient's {row.side}", says="The patient's side: the patient's right is the left half of the picture."
            )
        )
    labels += [chip(part) for part in (row.place, row.severity) if part]
    if here.simulated:
        labels.append(simulated_chip())
    if here.pseudo_reports:
        labels.append(pseudo_chip())
    html(chips(labels))
    if row.text:
        html(f'<div class="hero">{escape(row.text)}</div>')
    else:
        html('<div class="hero none">Not described</div>')
    history = here.explorer.history(row.feature_id)
    if history:
        last = history[-1]
        html(
            f'<div class="quiet">{escape(last.status)} by {escape(last.author)}, {escape(last.when[:10])} \N{MIDDLE DOT} '
            f'<a class="link nav" href="{escape(here.links.page("curate", feature=row.feature_id))}">'
            f"{len(history)} {'edit' if len(history) == 1 else 'edits'}</a></div>"
        )
    html(f'<div class="machine-text">{machine_words(row)}</div>')
    if st.button(
        "Edit description", key="edit", type="primary", shortcut="E", help="Opens this feature on the Curate page."
    ):
        go_to(here, "curate", feature=row.feature_id)
    if row.terms:
        html(
            heading(
                "Phrases",
                "Phrases said more often in reports of training X-rays that show the feature than of matched ones that don't.",
            )
        )
        html(chips(chip(term) for term in row.terms))
    if detail.labels:
        html(
            heading(
                "Labels it tells",
                "AUROC of the feature's activation for each label, over training patients. 0.5 is chance.",
            )
        )
        html(_label_rows(detail))
    if detail.together:
        html(
            heading(
                "Fires together with",
                "Features active in the same training X-rays more often than chance (normalised pointwise mutual information).",
            )
        )
        html(_neighbours(here, detail.together, "npmi"))
    if detail.similar:
        html(heading("Similar direction", "Features whose decoder directions point the same way (cosine)."))
        html(_neighbours(here, detail.similar, "cos"))


def machine_words(row: FeatureRow) -> str:
    """The program's text with the counts behind it; stays in view whatever readers write."""
    if not row.machine_text:
        return "The program found no description: no statement is clearly commoner in the reports of X-rays that show this feature."
    said = f"Suggested: <b>{escape(row.machine_text)}</b>"
    if not row.n_firing:
        return said
    return (
        f"{said}<br>said of {row.n_with} of {row.n_firing} patients who show the feature and of "
        f"{row.n_control_with} of {row.n_control} matched patients who don't (z {score(row.z)})"
    )


def _label_rows(detail: FeatureDetail) -> str:
    rows = "".join(
        f"<tr><td>{escape(label_name(item.label))}</td>"
        f'<td class="r"><span class="bar"><i style="width:{max(0.0, min(1.0, (item.auroc - 0.5) * 2)):.0%}"></i></span></td>'
        f'<td class="r" title="over {item.n_patients} patients with the label">{score(item.auroc)}</td></tr>'
        for item in detail.labels[:6]
    )
    return f'<table class="rows">{rows}</table>'


def _neighbours(here: Here, neighbours: list[Neighbour], unit: str) -> str:
    rows = "".join(
        f'<tr><td><a class="nav" href="{escape(here.links.feature(item.feature_id))}">#{item.feature_id} '
        f"{escape(item.text) if item.text else '<span class=faint>not described</span>'}</a></td>"
        f'<td class="r">{unit} {score(item.value)}</td></tr>'
        for item in neighbours[:6]
    )
    return f'<table class="rows">{rows}</table>'


def _numbers(here: Here, row: FeatureRow) -> None:
    n = number(here.workspace.manifest.counts.train_images)
    items = [
        FactItem(number(row.n_images), f"X-rays, {number(row.n_patients)} patients", f"X-rays in which the feature is active under the rule, of {n} training X-rays."),
        FactItem(share(row.frequency), "of training X-rays", f"Share of the {n} training X-rays in which the feature is active."),
        FactItem(number(row.max, 2), "strongest", "Highest activation over the training split."),
    ]  # fmt: skip
    if row.z is not None:
        items.append(
            FactItem(
                number(row.z, 1),
                f"z, {row.n_with} of {row.n_firing} patients",
                f"Contrast of the description: said of {row.n_with} of {row.n_firing} patients who show the feature and of "
                f"{row.n_control_with} of {row.n_control} matched patients who don't. Chance lies between -2 and 2.",
            )
        )
    if row.best_auroc is not None and row.best_label:
        interval = f" (95 % interval {score(row.best_lo)} to {score(row.best_hi)})" if row.best_lo is not None else ""
        items.append(
            FactItem(
                score(row.best_auroc),
                f"AUROC {label_name(row.best_label)}",
                f"How well the activation alone tells this label over training patients{interval}; the best of all labels. 0.5 is chance.",
            )
        )
    html(fact_strip(items))


def _evidence(here: Here, detail: FeatureDetail) -> None:
    row = detail.row
    if detail.histogram:
        html(
            heading(
                "Activation",
                "How strongly training X-rays show the feature. It counts as active from the dotted line, the rule's threshold, on.",
                f"{number(row.n_images)} X-rays",
            )
        )
        st.plotly_chart(
            histogram(detail.histogram, row.threshold), key="histogram", theme=None, config={"displayModeBar": False}
        )
    _xrays(here, row)


@st.fragment
def _xrays(here: Here, row: FeatureRow) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        band = st.segmented_control(
            "X-rays, one a patient",
            list(BANDS),
            default=BANDS[0],
            required=True,
            key="band",
            bind="query-params",
            format_func=str.capitalize,
            help=" ".join(f"{name.capitalize()}: {says}" for name, says in _BAND_SAYS.items()),
        )
        with st.container(horizontal=True, width="content", vertical_alignment="center"):
            heat = st.toggle(
                "Heatmap",
                key="heat",
                help="Where in each X-ray the feature is active. Off until asked: a mark draws the eye. Hold H to see it for a moment.",
            )
            opacity = (
                st.slider(
                    "Opacity",
                    0.1,
                    0.9,
                    0.5,
                    0.1,
                    key="opacity",
                    width=130,
                    disabled=not heat,
                    label_visibility="collapsed",
                )
                if heat
                else None
            )
    images, ms = here.explorer.top_images(row.feature_id, band or BANDS[0], SHOWN)
    if not images:
        empty_state("No X-rays in this band.", "The feature is active in too few patients; look at the strongest.")
        return
    html(xray_grid([_cell(here, row, image) for image in images], heat=opacity))
    foot(
        f"{len(images)} X-rays in {ms:.1f} ms",
        f"{here.workspace.manifest.sae.rule} \N{MIDDLE DOT} encoder {encoder_name(here.workspace.manifest)}",
    )


def _cell(here: Here, row: FeatureRow, image: ImageRow) -> XrayCell:
    who = ", ".join(
        str(part) for part in (image.view, image.sex, f"{image.age:.0f} y" if image.age is not None else "") if part
    )
    return XrayCell(
        thumb=here.links.thumb(image.image_id),
        href=here.links.image(image.image_id),
        tag=number(image.activation, 2),
        tag_says=f"Activation of feature {row.feature_id}; {who}",
        caption=marked(image.report, here.explorer.evidence_phrases(row, image), limit=150),
        heat=here.links.heat(row.feature_id, image.image_id),
        label=f"X-ray {image.image_id}, {who}",
    )
