"""An X-ray that is open: picture at the left, sentences in the middle, the evidence for one of them at the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from saerad_core.explorer import ImageRow, phrases_of
from saerad_core.gate import FLAG_AT
from saerad_core.ui.components import (
    XrayCell,
    chip,
    chips,
    empty_state,
    foot,
    heading,
    html,
    marked,
    number,
    pseudo_chip,
    score,
    simulated_chip,
    xray_grid,
)
from saerad_core.ui.report_export import export_buttons
from saerad_core.ui.report_inputs import inputs
from saerad_core.ui.report_source import Source, start_anew, truth
from saerad_core.ui.report_switches import switches
from saerad_core.ui.report_verdicts import verdicts
from saerad_core.ui.report_writing import final, writing_panel
from saerad_core.ui.state import Here, encoder_name
from saerad_core.ui.viewer import drawn_picture, stored_picture, uploaded_picture, xray_viewer
from saerad_core.vocabulary import Statement

if TYPE_CHECKING:
    from saerad_core.engine import Analysis
    from saerad_core.reports.report import Evidence, ReportSentence

SIMILAR = 6
"""X-rays listed as similar."""
BEHIND = 3
"""Training X-rays shown for each feature of the evidence."""
LISTED = 15
"""Active features listed at once; an X-ray of much disease has some sixty."""
FEATURES = 6
"""Features of the evidence that are shown with X-rays."""


def show_report(here: Here, source: Source, analysis: Analysis) -> None:
    """The page once an X-ray has been read."""
    compiled, analysis = analysis, replace(analysis, report=final(source, analysis))
    report = analysis.report
    parts = (("f", report.findings), ("i", report.impression), ("c", report.changes))
    sentences = {f"{letter}{i}": s for letter, part in parts for i, s in enumerate(part)}
    chosen = st.query_params.get("sentence", "")
    if chosen not in sentences:
        chosen = next(iter(sentences), "")
    _top(here, source, analysis)
    left, middle, right = st.columns([1.05, 1.15, 1.0], gap="medium")
    with left:
        _picture(here, source, analysis, sentences.get(chosen))
        inputs(here, source)
        _similar(here, source, analysis)
    with middle:
        _sentences(here, source, analysis, chosen)
        writing_panel(here, source, compiled)
        _known(here, source)
        _active(here, analysis)
    with right:
        _evidence(here, source, compiled, chosen, sentences.get(chosen))
    timings = analysis.report.timings_ms
    foot(
        " \N{MIDDLE DOT} ".join(
            f"{name} {timings[name]:.0f} ms"
            for name in ("decode", "encode", "features", "similar", "typical", "report")
            if name in timings
        ),
        f"{here.workspace.manifest.sae.rule} \N{MIDDLE DOT} encoder {encoder_name(here.workspace.manifest)}",
    )


def _top(here: Here, source: Source, analysis: Analysis) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        labels = [simulated_chip()] if source.simulated else []
        if here.pseudo_reports:
            labels.append(pseudo_chip())
        facts = dict(analysis.facts)
        if source.image is not None:
            facts = {"view": source.image.view, "split": f"{source.image.split} patient"}
        labels += [
            chip(f"{value} bit" if name == "bits" else value, says=f"{name} of the file")
            for name, value in facts.items()
            if value and name != "warning"
        ][:4]
        html(
            f'<div class="chips"><span class="eyebrow"><a class="nav" href="{escape(here.links.page("report"))}">Report</a>'
            f" \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} {escape(source.title)}</span>{''.join(labels)}</div>"
        )
        with st.container(horizontal=True, width="content", gap="xsmall"):
            st.button(
                "New X-ray", key="anew", on_click=start_anew, shortcut="U", help="Close this X-ray and choose another."
            )
            export_buttons(here, source, analysis)


def _picture(here: Here, source: Source, analysis: Analysis, sentence: ReportSentence | None) -> None:
    """The X-ray, with heatmaps of its features on request: those behind the chosen sentence first."""
    behind = [one.feature_id for one in sentence.evidence if one.fires] if sentence else []
    features = behind + [feature_id for feature_id, _ in analysis.active if feature_id not in behind]
    if source.image is not None:
        picture = stored_picture(here, source.image.image_id, features)
    elif source.data is not None:
        picture = uploaded_picture(
            here, source.key, source.data, analysis.pixels, features, label=f"X-ray {source.title}"
        )
    else:
        picture = drawn_picture(here, source.key, analysis.pixels, features, label=source.title)
    beside = [
        stored_picture(here, image.image_id, label=f"similar ({score(value)}): {image.image_id}")
        for image, value in _neighbours(here, source, analysis)
    ]
    # An upload or a newly drawn X-ray is this session's alone: there is nothing to share.
    xray_viewer(picture, beside, share=source.image is not None)


def _neighbours(here: Here, source: Source, analysis: Analysis) -> list[tuple[ImageRow, float]]:
    """Similar X-rays with their similarity, without the X-ray itself."""
    own = source.image.row if source.image is not None else -1
    found = [(row, value) for row, value in analysis.similar if row != own][:SIMILAR]
    images = here.explorer.images([row for row, _ in found])
    return [(image, value) for image, (_, value) in zip(images, found, strict=True)]


def _similar(here: Here, source: Source, analysis: Analysis) -> None:
    html(
        heading(
            "Similar X-rays",
            "Nearest X-rays of the workspace by the cosine of the encoder's embedding, whatever their split.",
            "by embedding",
        )
    )
    cells = [
        XrayCell(
            here.links.thumb(image.image_id),
            here.links.image(image.image_id),
            tag=score(value),
            tag_says="Cosine similarity of the embeddings",
            caption=marked(image.impression or image.report, limit=70),
            label=f"X-ray {image.image_id}",
        )
        for image, value in _neighbours(here, source, analysis)
    ]
    html(xray_grid(cells, cell="6.4rem"))


def _sentences(here: Here, source: Source, analysis: Analysis, chosen: str) -> None:
    report = analysis.report
    coverage = report.coverage
    assert coverage is not None
    html(
        chips(
            [
                chip(
                    f"{len(report.features)} features active",
                    says=f"Active under the workspace's rule: {here.workspace.manifest.sae.rule}",
                ),
                chip(
                    f"{coverage.share:.0%} described",
                    "notice" if coverage.abstains else "",
                    says=coverage.sentence,
                ),
                chip(
                    "compiled from evidence" if report.written is None else f"worded by {report.written.model}",
                    says="No language model: each finding's probability adds up what the active features say about it."
                    if report.written is None
                    else "A language model worded the findings; each of its sentences was checked against its findings.",
                ),
            ]
        )
    )
    html("".join(f'<div class="warning">{escape(text)}</div>' for text in report.warnings if text != coverage.reason))
    html(_typicality(report.typicality))
    if coverage.abstains:
        empty_state("No report of this X-ray.", coverage.reason)
        return
    for title, letter, part, says in (
        (
            "Findings",
            "f",
            report.findings,
            "Statements that the active features support. Choose one to see its evidence.",
        ),
        ("Impression", "i", report.impression, "The findings that matter most, shortest first."),
        (
            "Changes",
            "c",
            report.changes,
            "What is new, gone or the same since the prior X-ray, where the features of both X-rays bear it out; the thresholds come from "
            "validation patients with two X-rays. Whether a finding grew is never said.",
        ),
    ):
        if letter == "c" and not part:
            continue
        html(heading(title, says))
        if not part:
            html('<p class="quiet">Nothing that the evidence supports.</p>')
        html("".join(_sentence(here, f"{letter}{i}", sentence, chosen) for i, sentence in enumerate(part)))


def _typicality(found: dict | None) -> str:
    """How unlike the training X-rays it is, in two percentiles; "" where the workspace can't tell."""
    if found is None:
        return ""
    return chips(
        [
            chip(
                f"further than {found['distance_percentile']:.0f}% of training X-rays",
                says="Mean cosine distance of the embedding to the five nearest training X-rays of other patients, "
                f"placed among the training X-rays' own; flagged from {FLAG_AT:.0f}%.",
            ),
            chip(
                f"explained worse than {found['error_percentile']:.0f}% of validation X-rays",
                says="Share of the image's tokens that the dictionary leaves unexplained, placed among the workspace's "
                f"validation X-rays, which it wasn't trained on; from {FLAG_AT:.0f}% the report may miss findings.",
            ),
        ]
    )


def _sentence(here: Here, name: str, sentence: ReportSentence, chosen: str) -> str:
    kept = {key: st.query_params.get(key) for key in ("image", "drawn", "prior", "switch")}
    first = sentence.statement
    word = "absent" if first is not None and not first.present else first.certainty if first is not None else ""
    says = "Calibrated probability of what the sentence states: of 100 unseen X-rays with the same evidence, so many had it."
    sure = score(sentence.probability)
    if not sentence.calibrated:
        says, sure = "Probabilities weren't calibrated on X-rays like this one, so none is shown.", "not calibrated"
    told = " \N{MIDDLE DOT} ".join(part for part in (word, sure) if part)
    said = escape(sentence.said)
    if sentence.verdict == "rejected":
        said = f"<s>{said}</s> {chip('rejected', 'rejected', sentence.reason or 'A reader rejected it; it leaves no file.')}"
    elif sentence.verdict:
        said += f" {chip(sentence.verdict, 'accepted' if sentence.verdict == 'accepted' else 'draft', 'By a reader.')}"
    elif sentence.flags:
        reasons = " ".join(flag.reason for flag in sentence.flags)
        said = f'<s>{said}</s> <span class="faint" title="The checker: what the sentence says beyond its evidence.">{escape(reasons)}</span>'
    return (
        f'<a class="sentence nav{" on" if name == chosen else ""}" data-stay href="{escape(here.links.page("report", **kept, sentence=name))}">'
        f'<span>{said}</span><span class="p" title="{says}">{escape(told)}</span></a>'
    )


def _known(here: Here, source: Source) -> None:
    facts = truth(here, source)
    if facts is not None:
        html(
            heading(
                "What was drawn",
                "The simulator's own record of this X-ray: the truth that the report can be held against.",
            )
        )
        html(chips(chip(text) for text in facts) if facts else '<p class="quiet">Nothing abnormal.</p>')
    if source.image is not None and source.image.report:
        html(heading("Report on record", "The text that came with this X-ray in the dataset."))
        html(f'<div class="machine-text">{marked(source.image.report, limit=900)}</div>')


def _active(here: Here, analysis: Analysis) -> None:
    lines = analysis.report.features
    html(
        heading(
            "All active features",
            "Every feature that is active on this X-ray, strongest for its own threshold first.",
            str(len(lines)),
        )
    )
    if analysis.report.coverage is not None:
        html(f'<p class="quiet">{escape(analysis.report.coverage.sentence)}</p>')
    rows = [
        f'<tr><td><a class="nav" href="{escape(here.links.feature(line.feature_id))}"><span class="faint">#{line.feature_id}</span> '
        f"{_words(line.description, line.weak)}</a></td>"
        f'<td class="r" title="Activation on this X-ray">{number(line.activation, 2)}</td></tr>'
        for line in lines
    ]
    html(f'<table class="rows">{"".join(rows[:LISTED])}</table>')
    if rows[LISTED:]:
        rest = f'<table class="rows">{"".join(rows[LISTED:])}</table>'
        html(f'<details><summary class="quiet">{len(rows) - LISTED} more</summary>{rest}</details>')


def _words(text: str, weak: bool) -> str:
    if not text:
        return '<span class="faint">not described</span>'
    if not weak:
        return escape(text)
    says = "Not shown to hold on validation patients, whose reports it wasn't made from; it explains nothing here."
    return f'<span class="faint" title="{says}">{escape(text)} (weak)</span>'


def _phrases(image: ImageRow, said: Statement | None) -> Sequence[str]:
    """Where a training X-ray's report says what the sentence says."""
    if said is None:
        return []
    return phrases_of(image.report, said.finding, said.side, said.present) or phrases_of(image.report, said.finding)


def _evidence(here: Here, source: Source, compiled: Analysis, name: str, sentence: ReportSentence | None) -> None:
    if sentence is None:
        html(heading("Evidence", "Features and training X-rays behind a sentence."))
        empty_state(
            "No sentence, no evidence.",
            "No report was written; look at this X-ray's features and similar X-rays."
            if compiled.report.coverage is not None and compiled.report.coverage.abstains
            else "None of this X-ray's active features supports a statement; look at its features and similar X-rays.",
        )
        switches(here, source, compiled, [])
        return
    html(
        heading(
            f"Why \N{LEFT DOUBLE QUOTATION MARK}{sentence.text}\N{RIGHT DOUBLE QUOTATION MARK}",
            "Features that speak for the chosen sentence, and training X-rays on which they did.",
        )
    )
    verdicts(here, source, name, sentence)
    switches(here, source, compiled, [one.feature_id for one in sentence.evidence])
    for one in sentence.evidence[:FEATURES]:
        _behind(here, one, sentence.statement)
    if sentence.prior:
        html(
            heading(
                "On the prior X-ray",
                "What the sentence rests on in the prior X-ray: features that fire there, or are silent.",
            )
        )
        for one in sentence.prior[:FEATURES]:
            _behind(here, one, sentence.statement)
    if len(sentence.evidence) > FEATURES:
        html(f'<p class="quiet">and {len(sentence.evidence) - FEATURES} more, each adding less.</p>')


def _behind(here: Here, one: Evidence, said: Statement | None) -> None:
    row = here.explorer.row(one.feature_id)
    text = _words(row.text, row.holds == "weak")
    strength = (
        number(one.activation, 2) + ("" if one.fires else " (less than usual)") if one.activation > 0 else "silent"
    )
    says = f"Activation on this X-ray; adds {one.logit:+.2f} to the log-odds of the finding"
    html(
        f'<table class="rows"><tr><td><a class="nav" href="{escape(here.links.feature(one.feature_id))}">'
        f'<span class="faint">#{one.feature_id}</span> {text}</a></td><td class="r" title="{escape(says)}">{strength} \N{MIDDLE DOT} {one.logit:+.2f}</td></tr></table>'
    )
    images = [
        image for image in (here.explorer.image(image_id) for image_id in one.image_ids[:BEHIND]) if image is not None
    ]
    cells = [
        XrayCell(
            here.links.thumb(image.image_id),
            here.links.image(image.image_id),
            caption=marked(image.report, _phrases(image, said), limit=90),
            heat=here.links.heat(one.feature_id, image.image_id),
            label=f"Training X-ray {image.image_id}",
        )
        for image in images
    ]
    if cells:
        html(xray_grid(cells, cell="6.6rem"))
