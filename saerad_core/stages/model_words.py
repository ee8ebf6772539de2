"""Descriptions by a language model for many features: asked side by side, kept as they come, checked, scored, and proposed to curators.

Answers are kept by the hash of their question in model-words.jsonl, so that a killed run goes on where it was and asks nothing twice. They
enter the curation as proposals of "model NAME": what a person wrote stays.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from saerad_core import __version__
from saerad_core.descriptions.asking import MOST_CHARACTERS, MOST_TOKENS, key_of, problems, question, read_answer
from saerad_core.descriptions.claims import claims_of
from saerad_core.descriptions.pack import EvidencePack, Packs
from saerad_core.descriptions.reported import looser
from saerad_core.descriptions.unseen import Unseen
from saerad_core.errors import SaeRadError
from saerad_core.llm import LanguageModel, Message, ModelError
from saerad_core.llm.waiting import waited_for
from saerad_core.progress import Progress
from saerad_core.reports.check import check
from saerad_core.store.curation import Act, CurationStore
from saerad_core.vocabulary import Statement

CHARACTERS_A_TOKEN = 4
"""Of English, roughly; for the estimate before a run."""
SAMPLE = 40
"""Features whose questions are made for the estimate."""
BATCH = 100
"""Answers written into the curation at a time."""
HOPELESS = 20
"""Failures of the server one after another from which a run ends."""
FEWEST = 2
"""Firing X-rays' reports that must state what a description says."""


@dataclass
class AskSettings:
    """How a model is asked."""

    concurrency: int = 4
    """Questions under way at once."""
    tries: int = 3
    """Of each question."""
    seconds: float = 90.0
    """Longest wait for an answer."""
    wait: float = 0.5
    """Seconds before a second try; doubled for each further one."""


@dataclass(frozen=True)
class Kept:
    """A line of model-words.jsonl."""

    key: str
    """Hash of model and question."""
    feature_id: int
    model: str
    text: str
    """"" where no answer would do."""
    certainty: str
    problem: str
    """Why there is none, in one sentence."""
    tries: int
    seconds: float
    characters: int
    """Of question and answer, over all tries."""


@dataclass(frozen=True)
class Estimate:
    """What a run would take."""

    features: int
    cached: int
    """Answered before."""
    requests: int
    tokens_in: int
    tokens_out: int
    seconds: float | None
    """From the times of earlier answers of this model; None before there are any."""

    def in_words(self) -> str:
        """For the command line."""
        time_ = "known after the first answers" if self.seconds is None else f"about {self.seconds / 60:.1f} min"
        return (
            f"{self.features:,} features, {self.cached:,} answered before: {self.requests:,} requests, about {self.tokens_in:,} tokens in and at "
            f"most {self.tokens_out:,} out (more where answers have to be asked again); time {time_}."
        )


class Answers:
    """model-words.jsonl: a line an answer, on the disk before the next is asked for."""

    def __init__(self, path: Path) -> None:
        """Read it; a last line that isn't whole was cut off by a kill and is dropped."""
        self.path = path
        self.kept: dict[str, Kept] = {}
        if path.exists():
            data = path.read_bytes()
            whole = data[: data.rfind(b"\n") + 1]
            if len(whole) < len(data):
                part = path.with_suffix(".part")
                part.write_bytes(whole)
                part.replace(path)
            for line in whole.decode(errors="replace").splitlines():
                try:
                    one = Kept(**json.loads(line))
                except (ValueError, TypeError):
                    continue
                self.kept[one.key] = one

    def add(self, one: Kept) -> None:
        """Write it."""
        with self.path.open("ab") as file:
            file.write(json.dumps(asdict(one)).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.kept[one.key] = one


def estimate(packs: Packs, model: str, features: Sequence[int], answers: Answers, settings: AskSettings) -> Estimate:
    """What asking about ``features`` would take; asks nothing."""
    drawn = np.random.default_rng(0).permutation(np.array(features, dtype=np.int64))[:SAMPLE]
    questions = [question(packs.make(int(feature))) for feature in drawn]
    length = np.mean([sum(len(one.content) for one in messages) for messages in questions]) if questions else 0.0
    known = {one.feature_id: one for one in answers.kept.values() if one.model == model and one.text}
    cached = sum(feature in known for feature in features)
    requests = len(features) - cached
    times = [one.seconds / max(one.tries, 1) for one in answers.kept.values() if one.model == model]
    seconds = float(np.mean(times)) * requests / settings.concurrency if times else None
    return Estimate(
        len(features), cached, requests, round(requests * length / CHARACTERS_A_TOKEN), requests * MOST_TOKENS, seconds
    )


def evidence_of(pack: EvidencePack) -> list[Statement]:
    """What a description of the pack may say: statements of at least FEWEST of the firing X-rays' reports, with all that they imply."""
    times: dict[Any, int] = {}
    for one in pack.fires:
        said = {s.fact for s in one.statements if s.present}
        for fact in said.union(*(looser(narrow) for narrow in said)):
            times[fact] = times.get(fact, 0) + 1
    known = [fact for fact, n in times.items() if n >= min(FEWEST, len(pack.fires))]
    severities = {(s.fact, s.severity) for one in pack.fires for s in one.statements if s.present and s.severity}
    return [Statement(*fact) for fact in known] + [
        Statement(*fact, severity=word) for fact, word in severities if fact in known
    ]


def faults(text: str, pack: EvidencePack) -> list[str]:
    """What words say beyond a pack's evidence, or that they are none."""
    found = problems(text)
    if found:
        return found
    if not claims_of(text).told:
        return ["It names no finding that reports name."]
    return [flag.reason for flag in check(text, evidence_of(pack))]


def ask_all(
    packs: Packs,
    model: LanguageModel,
    features: Sequence[int],
    answers: Answers,
    settings: AskSettings,
    progress: Progress,
    arrived: Callable[[Kept], None] | None = None,
) -> list[Kept]:
    """An answer, or why there is none, for every feature; those that are kept aren't asked for again.

    Raises:
        ModelError: the server failed HOPELESS times in a row; what came before is kept.
    """
    return waited_for(_ask_all(packs, model, features, answers, settings, progress, arrived))


async def _ask_all(
    packs: Packs,
    model: LanguageModel,
    features: Sequence[int],
    answers: Answers,
    settings: AskSettings,
    progress: Progress,
    arrived: Callable[[Kept], None] | None,
) -> list[Kept]:
    waiting: Iterator[int] = iter(features)
    found: list[Kept] = []
    failed = 0

    async def worker() -> None:
        nonlocal failed
        for feature in waiting:
            pack = await asyncio.to_thread(packs.make, feature)
            messages = question(pack)
            key = key_of(model.name, messages)
            one = answers.kept.get(key)
            if one is None:
                one, reached = await _ask(model, messages, key, pack, settings)
                failed = 0 if reached else failed + 1
                if failed >= HOPELESS:
                    raise ModelError(
                        f"The language model failed {HOPELESS} times in a row: {one.problem} Run the command again; it goes on where it was."
                    )
                # What couldn't be asked isn't an answer: the next run asks again.
                if reached:
                    answers.add(one)
            found.append(one)
            progress.advance()
            if arrived is not None:
                arrived(one)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(max(1, settings.concurrency)):
                group.create_task(worker())
    except* ModelError as errors:
        raise errors.exceptions[0] from None
    return found


async def _ask(
    model: LanguageModel, messages: list[Message], key: str, pack: EvidencePack, settings: AskSettings
) -> tuple[Kept, bool]:
    """The answer, and whether the model was reached at all."""
    began, problem, characters, reached = time.monotonic(), "", 0, False
    for attempt in range(1, settings.tries + 1):
        asked = messages
        if attempt > 1:
            await asyncio.sleep(settings.wait * 2 ** (attempt - 2))
            # Our own words only: nothing of the answer before goes back.
            asked = [*messages, Message("user", json.dumps({"your_last_answer_was_refused": problem}))]
        said = ""
        characters += sum(len(one.content) for one in asked)
        try:
            async with asyncio.timeout(settings.seconds), aclosing(model.stream(asked, MOST_TOKENS)) as pieces:
                async for piece in pieces:
                    said += piece
                    if len(said) > MOST_CHARACTERS:
                        break
            reached = True
            answer = read_answer(said)
            beyond = faults(answer.description, pack)
            if not beyond:
                spent = time.monotonic() - began
                return Kept(key, pack.feature_id, model.name, answer.description, answer.certainty, "", attempt, round(spent, 3), characters + len(said)), True  # fmt: skip
            problem = beyond[0]
        except TimeoutError:
            problem = f"It didn't end within {settings.seconds:.0f} s."
        except ModelError as error:
            problem = str(error)
        except ValueError as error:
            problem, reached = str(error), True
        characters += len(said)
    spent = time.monotonic() - began
    return Kept(key, pack.feature_id, model.name, "", "", problem, settings.tries, round(spent, 3), characters), reached


class Proposing:
    """Writes answers into the curation as proposals, with their scores on unseen patients."""

    def __init__(self, curation: CurationStore, unseen: Unseen | None, model: str) -> None:
        """Of a curation that this process may write.

        Raises:
            SaeRadError: another process writes it.
        """
        if not curation.writes:
            raise SaeRadError("The app is writing this workspace's curation; stop it, describe, and start it again.")
        self._curation, self._unseen = curation, unseen
        self.author, self.source = f"model {model}"[:80], f"model {model}, SAE-Rad {__version__}"[:80]
        self._waiting: list[Kept] = []
        self.written = 0

    def add(self, one: Kept) -> None:
        """Take an answer; every BATCH of them are written."""
        if one.text and not self._known(one):
            self._waiting.append(one)
        if len(self._waiting) >= BATCH:
            self.write()

    def _known(self, one: Kept) -> bool:
        state = self._curation.state(one.feature_id)
        return any(old.text == one.text and old.author == self.author for old in state.proposals)

    def write(self) -> None:
        """Write what waits, as one act."""
        acts = []
        for one in self._waiting:
            acts.append(Act(one.feature_id, "proposed", {"text": one.text, "fields": {}, "source": self.source}))
            score = None if self._unseen is None else self._unseen.score(one.feature_id, one.text, "validate")
            if score is not None and score.scored:
                told = {"value": round(score.auroc, 4), "n": score.firing + score.silent, "by": "machine", "test": "unseen patients", "text": one.text, "items": ()}  # fmt: skip
                acts.append(Act(one.feature_id, "scored", told))
        if acts:
            self._curation.bulk(acts, self.author)
        self.written += len(self._waiting)
        self._waiting = []


def reasons(found: Sequence[Kept]) -> list[tuple[str, int]]:
    """Why features have no words, the commonest first."""
    return Counter(one.problem for one in found if not one.text).most_common()
