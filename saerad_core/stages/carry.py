"""What people wrote about the features of one dictionary, offered on the features of another that point the same way."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np

from saerad_core.sae.matching import MOST, match
from saerad_core.store.curation.events import Author, Fields
from saerad_core.store.curation.state import FeatureState
from saerad_core.store.curation.store import Act, CurationStore
from saerad_core.workspace import Workspace

ALIKE = 0.7
"""Least cosine of two decoder rows for words to be carried from one to the other: the threshold by which Paulo and Belrose
2025 (arXiv 2501.16615) call features of two dictionaries shared."""
CARRIER = Author("SAE switch")
"""Who offers what was carried over."""


@dataclass(frozen=True)
class Word:
    """What a person's word on a feature was."""

    feature_id: int
    text: str
    """The person's, or the program's that the person judged; "" where neither is known."""
    status: str
    author: str
    fields: dict[str, Any] = field(default_factory=dict)


class Pair(NamedTuple):
    """A feature of the old dictionary and the one of the new that it was matched with; ``new`` None where none is alike enough."""

    old: int
    new: int | None
    cosine: float
    """Of the match, or of the most alike where there is none."""


def words_of(states: dict[int, FeatureState], described: dict[int, str]) -> list[Word]:
    """Every feature on which a person's word counts; ``described`` is the program's texts."""
    return [
        Word(i, state.text or state.machine or described.get(i, ""), state.status, state.author, asdict(state.fields))
        for i, state in sorted(states.items())
    ]


def pairs(old: np.ndarray, new: np.ndarray, wanted: list[int]) -> list[Pair]:
    """One-to-one partners of the old features ``wanted`` with a cosine of at least ALIKE.

    All features of both take part in the matching where they are few enough, so that a feature whose best partner belongs to
    another old one isn't given it; of larger dictionaries only the wanted ones.

    Args:
        old: float [a, d], decoder rows.
        new: float [b, d].
        wanted: rows of ``old``.
    """
    if not wanted:
        return []
    rows = np.arange(len(old)) if max(len(old), len(new)) <= MOST // 4 else np.array(wanted)
    first, second = _unit(old[rows]), _unit(new)
    # A code is never negative, so that opposite directions don't mean the same: they are no match at all.
    towards = np.maximum(first @ second.T, 0)
    found = match(first, second, towards)
    partner = {int(rows[i]): (int(j), float(cosine)) for i, j, cosine in zip(*found, strict=True)}
    place = {int(row): i for i, row in enumerate(rows)}
    out = []
    for one in wanted:
        other, cosine = partner.get(one, (None, 0.0))
        if cosine >= ALIKE:
            out.append(Pair(one, other, cosine))
        else:
            out.append(Pair(one, None, float(towards[place[one]].max(initial=0))))
    return out


def offer(workspace: Workspace, words: list[Word], matched: list[Pair]) -> int:
    """Propose the words on their partners in the workspace's curation; what was rejected is not proposed. Counts the proposals.

    What is proposed already isn't again. Words of journals that don't say which dictionary they are about would count for
    the new features too: those features go back to the program's text first.

    Raises:
        SaeRadError: another process is writing.
    """
    store = CurationStore(workspace)
    stray = sorted(store.all_current())
    acts = [Act(i, "restored", {"to": 0}, store.state(i).revision) for i in stray if _unsigned(store, i)]
    known = {
        (one.feature_id, one.data.get("source"))
        for one in store.events()
        if one.kind == "proposed" and one.sae == store.sae
    }
    partner = {pair.old: pair for pair in matched}
    for word in words:
        pair = partner[word.feature_id]
        source = (
            f"{word.author[:30]}, {word.status}, on #{word.feature_id} of the earlier SAE, cosine {pair.cosine:.2f}"
        )
        if pair.new is None or not word.text or word.status == "rejected" or (pair.new, source) in known:
            continue
        acts.append(
            Act(pair.new, "proposed", {"text": word.text, "fields": asdict(Fields(**word.fields)), "source": source})
        )
    store.bulk(acts, CARRIER)
    return sum(act.kind == "proposed" for act in acts)


def _unsigned(store: CurationStore, feature_id: int) -> bool:
    return all(event.sae == "" for event in store.history(feature_id) if event.sae in ("", store.sae))


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float64)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
