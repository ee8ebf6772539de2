"""Small pieces of HTML that pages are made of. Whatever comes from data is escaped here, once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

import streamlit as st

from saerad_core import NOTICE


def html(body: str) -> None:
    """Show HTML that the functions of this module made; nothing where there is none."""
    if body:
        st.html(body)


def literal(text: str) -> str:
    """A text for Streamlit's messages, which read Markdown: nothing in it is markup, fetches a picture or leads anywhere."""
    # Addresses become links whether escaped or not; a word joiner, which isn't seen, keeps them from it.
    text = re.sub(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=\S)(?=@)", "\N{WORD JOINER}", text)
    return re.sub(r"([\\`*_{}\[\]()#+.!|<>~$:/-])", r"\\\1", text)


def number(value: float | None, digits: int = 0, unit: str = "") -> str:
    """A number with thin spaces between thousands; a dash where there is none."""
    if value is None or value != value:
        return "\N{EN DASH}"
    return f"{value:,.{digits}f}".replace(",", "\N{NARROW NO-BREAK SPACE}") + (
        f"\N{NARROW NO-BREAK SPACE}{unit}" if unit else ""
    )


def share(value: float | None) -> str:
    """A share as per cent: two digits that carry meaning."""
    if value is None or value != value:
        return "\N{EN DASH}"
    per_cent = value * 100
    return number(per_cent, 0 if per_cent >= 10 else 1 if per_cent >= 1 or per_cent == 0 else 2, "%")


def score(value: float | None) -> str:
    """An AUROC, cosine or probability: .97."""
    if value is None or value != value:
        return "\N{EN DASH}"
    return f"{value:.2f}".replace("0.", ".", 1) if -1 < value < 1 else f"{value:.2f}"


def tip(text: str, says: str) -> str:
    """Text with a tooltip."""
    return f'<span class="tip" title="{escape(says)}">{escape(text)}</span>'


def heading(text: str, says: str, beside: str = "") -> str:
    """Heading of a part of the page; the tooltip says what it is and over what it was computed."""
    return f'<div class="heading" role="heading" aria-level="2">{tip(text, says)}<b>{escape(beside)}</b></div>'


def chip(text: str, kind: str = "", says: str = "", href: str = "") -> str:
    """A chip; a link where it leads somewhere."""
    title = f' title="{escape(says)}"' if says else ""
    if href:
        return f'<a class="chip nav {kind}" href="{escape(href)}"{title}>{escape(text)}</a>'
    return f'<span class="chip {kind}"{title}>{escape(text)}</span>'


def chips(parts: Iterable[str]) -> str:
    return f'<div class="chips">{"".join(parts)}</div>'


def simulated_chip() -> str:
    return chip("Simulated", "notice", "These X-rays and reports were made by a program. They show no patient.")


def pseudo_chip() -> str:
    return chip("Pseudo-reports", "notice", "The report texts belong to other patients and were matched by label.")


STATUS_SAYS = {
    "suggested": "The program's own text; nobody has looked at it yet.",
    "edited": "A reader wrote this text.",
    "accepted": "A reader found that the text fits the X-rays.",
    "rejected": "A reader found that the text doesn't fit the X-rays.",
    "unsure": "A reader couldn't tell whether the text fits the X-rays.",
    "undescribed": "No phrase was said clearly more often of the X-rays that show this feature.",
}


def status_chip(status: str) -> str:
    return chip(status, status, STATUS_SAYS.get(status, ""))


class FactItem(NamedTuple):
    """One number of a strip."""

    value: str
    what: str
    says: str


def fact_strip(items: Sequence[FactItem]) -> str:
    """Numbers in one quiet row; each with a tooltip of what it is, over what."""
    cells = "".join(
        f'<div title="{escape(item.says)}"><div class="n">{escape(item.value)}</div><div class="what">{escape(item.what)}</div></div>'
        for item in items
    )
    return f'<div class="facts">{cells}</div>'


def marked(text: str, terms: Sequence[str] = (), limit: int = 240) -> str:
    """Report text with the terms marked, cut to ``limit`` characters around the first of them."""
    pattern = "|".join(re.escape(term) for term in sorted(set(terms), key=len, reverse=True) if term.strip())
    found = re.search(pattern, text, re.IGNORECASE) if pattern else None
    if len(text) > limit:
        middle = found.start() if found else 0
        first = max(0, min(middle - limit // 3, len(text) - limit))
        if first:
            first = text.find(" ", first) + 1
        cut = text[first : first + limit]
        if first + limit < len(text):
            cut = cut.rsplit(" ", 1)[0] + "\N{HORIZONTAL ELLIPSIS}"
        text = ("\N{HORIZONTAL ELLIPSIS}" if first else "") + cut
    if not pattern:
        return escape(text)
    parts = re.split(f"({pattern})", text, flags=re.IGNORECASE)
    return "".join(f"<mark>{escape(part)}</mark>" if i % 2 else escape(part) for i, part in enumerate(parts))


class XrayCell(NamedTuple):
    """One X-ray of a grid."""

    thumb: str
    href: str
    tag: str = ""
    tag_says: str = ""
    caption: str = ""
    """HTML from ``marked``."""
    line: str = ""
    """Who it is and its labels; above the caption."""
    heat: str = ""
    """Address of its heatmap; fetched when asked for."""
    label: str = ""
    """What a screen reader says."""


def xray_grid(cells: Sequence[XrayCell], *, cell: str = "8.4rem", heat: float | None = None) -> str:
    """X-rays on black. ``heat``: opacity of the heatmaps, None where they are off (H still shows them while held)."""
    style = f"--cell:{cell};--heat:{heat if heat is not None else 0.5:.2f}"
    return f'<div class="xrays{" heat-on" if heat is not None else ""}" style="{style}">{"".join(_figure(c, heat is not None) for c in cells)}</div>'


def _figure(cell: XrayCell, heat: bool) -> str:
    overlay = ""
    if cell.heat:
        overlay = f'<img class="heat" alt="" {"src" if heat else "data-src"}="{escape(cell.heat)}">'
    tag = f'<span class="tag" title="{escape(cell.tag_says)}">{escape(cell.tag)}</span>' if cell.tag else ""
    line = f'<div class="line" title="{escape(cell.line)}">{escape(cell.line)}</div>' if cell.line else ""
    caption = f"{line}<figcaption>{cell.caption}</figcaption>" if cell.caption else line
    return (
        f'<figure class="xray"><a class="frame nav" href="{escape(cell.href)}">'
        f'<img src="{escape(cell.thumb)}" alt="{escape(cell.label or "X-ray")}" loading="lazy" decoding="async">{overlay}{tag}</a>'
        f"{caption}</figure>"
    )


def empty_state(title: str, says: str) -> None:
    """Nothing to show: why, and what to do next; what stands between backticks is a command."""
    said = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(says))
    html(f'<div class="empty"><b>{escape(title)}</b>{said}</div>')


def notice_foot() -> None:
    """The notice at the foot of the menu, on every page."""
    html(f'<div class="research">{"<br>".join(escape(s.strip() + ".") for s in NOTICE.split(".") if s.strip())}</div>')


def foot(left: str, right: str = "") -> None:
    """Last line of a page: what was asked of the store and how long it took."""
    html(f'<div class="foot"><span>{escape(left)}</span><span>{escape(right)}</span></div>')
