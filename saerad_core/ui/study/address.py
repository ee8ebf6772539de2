"""The study that an address names, and where in it a reader is."""

from __future__ import annotations

import re
from collections.abc import Mapping

import streamlit as st

from saerad_core.study import SOURCES, Design
from saerad_core.study.design import KINDS, MOST, MOST_SEED

KEPT = ("kind", "sources", "n", "seed")
"""Words of the address that are the study's."""
_AT = re.compile(r"([AB])(\d{1,3})")


def design_of(query: Mapping[str, str]) -> Design:
    """Whatever an address says, a study: what can't be meant counts as the default."""
    plain = Design()
    kind = query.get("kind", plain.kind)
    sources = (
        tuple(dict.fromkeys(one for one in query.get("sources", "").split(",") if one in SOURCES)) or plain.sources
    )
    kind = kind if kind in KINDS and (kind != "pair" or len(sources) == 2) else plain.kind
    return Design(
        kind, sources, max(1, _whole(query, "n", plain.n, MOST)), _whole(query, "seed", plain.seed, MOST_SEED)
    )


def _whole(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    said = query.get(name, "")
    return min(int(said), most) if said.isascii() and said.isdigit() and len(said) < 8 else default


def words_of(design: Design) -> dict[str, str]:
    """The address of a study."""
    return {"kind": design.kind, "sources": ",".join(design.sources), "n": str(design.n), "seed": str(design.seed)}


def item_of(query: Mapping[str, str], n: int) -> int | None:
    """Number of the item, from 1; None where the address names none."""
    said = query.get("item", "")
    return min(max(1, int(said)), n) if said.isascii() and said.isdigit() and len(said) < 8 and n else None


def at_of(query: Mapping[str, str]) -> tuple[str, int]:
    """Letter of the report and number of the sentence, from 0."""
    found = _AT.fullmatch(query.get("at", ""))
    return (found[1], int(found[2])) if found else ("A", 0)


def go(item: int | None = None, letter: str = "A", sentence: int = 0) -> None:
    """Move within the study; None leads to its beginning."""
    for name in ("item", "at"):
        st.query_params.pop(name, None)
    if item is not None:
        st.query_params["item"] = str(item)
        if (letter, sentence) != ("A", 0):
            st.query_params["at"] = f"{letter}{sentence}"
