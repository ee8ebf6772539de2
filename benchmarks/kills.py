"""Kill a process that saves edits with SIGKILL at random moments, again and again, and count what is lost or wrong afterwards.

Nothing but the standard library, so that it runs in any environment. The process under test is a fork of this one; it
knows what was acknowledged before, checks it after every opening, and tells of each further act once it is saved.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

PATIENCE = 120.0
"""Seconds without a word after which a process counts as hung."""
EARLY = 0.1
"""Share of kills while the process is still opening its files."""
WITHIN = 0.012
"""Seconds from an acknowledgement within which the kill falls: a little longer than an act takes."""
EVERY = 10
"""So many rounds apart the process works and then closes its files by itself."""
BARE = 4
"""So many rounds apart it opens its files, which the kill before left as they were, and only closes them again."""


class Subject(Protocol):
    """What is tested. All of it is called in the forked process."""

    def open(self) -> None: ...

    def check(self, expected: list[Any]) -> tuple[int, int, list[Any]]:
        """(lost, wrong, acts found beyond the expected ones), given every act so far."""
        ...

    def act(self, rng: random.Random) -> list[Any]:
        """Save something; what was saved, as JSON, once it is acknowledged."""
        ...

    def close(self) -> None: ...


@dataclass
class Tally:
    """What the kills did."""

    kills: int = 0
    closes: int = 0
    """Rounds in which the process closed its files itself."""
    acknowledged: int = 0
    lost: int = 0
    wrong: int = 0
    kept: int = 0
    """Acts that were saved but not acknowledged when the kill came: either is right."""
    faults: list[str] = field(default_factory=list)
    """What the process said instead of going on."""
    seconds: float = 0.0


def run(
    subject: Subject, kills: int, acts: int, seed: int, says: Callable[[str], None], *, most_faults: int = 3
) -> Tally:
    """``kills`` kills over ``acts`` acknowledged acts; ends early after ``most_faults`` faults."""
    rng = random.Random(seed)
    tally, expected = Tally(), []
    began = time.monotonic()
    number = 0
    per_kill = acts / max(1, kills) / (1 - EARLY)
    while tally.kills < kills or tally.acknowledged < acts:
        number += 1
        closes = number % EVERY == 0
        bare = not closes and number % BARE == 0
        early = not closes and not bare and rng.random() < EARLY
        target = round(per_kill) if closes else round(rng.uniform(0, 2 * per_kill))
        before = tally.acknowledged
        ended = (
            _round(subject, expected, tally, rng, None, -1, False)
            if bare
            else _round(subject, expected, tally, rng, None if closes else target, target, early)
        )
        if ended is not None:
            tally.faults.append(ended)
            if len(tally.faults) >= most_faults:
                break
        if closes or bare:
            tally.closes += 1
        elif ended is None:
            tally.kills += 1
        if number % 50 == 0 or tally.acknowledged // 5000 > before // 5000:
            says(
                f"{tally.kills} kills, {tally.acknowledged} acts, lost {tally.lost}, wrong {tally.wrong}, "
                f"{time.monotonic() - began:.0f} s"
            )
    # A last opening, so that the last kill is looked at too.
    ended = _round(subject, expected, tally, rng, None, 0, False)
    if ended is not None:
        tally.faults.append(ended)
    tally.seconds = time.monotonic() - began
    return tally


def _round(
    subject: Subject,
    expected: list[Any],
    tally: Tally,
    rng: random.Random,
    kill_after: int | None,
    acts: int,
    early: bool,
) -> str | None:
    """One life of the process, of ``acts`` acts (-1: it only opens and closes); what it said when it couldn't go on."""
    reads, writes = os.pipe()
    seed = rng.getrandbits(32)
    child = os.fork()
    if child == 0:
        os.close(reads)
        _live(subject, expected, writes, seed, None if kill_after is not None else acts)
    os.close(writes)
    if early:
        time.sleep(rng.uniform(0, 0.3))
        os.kill(child, signal.SIGKILL)
    heard, acked, ended, killed = b"", 0, None, early
    while True:
        if kill_after is not None and acked >= kill_after and not killed:
            time.sleep(rng.uniform(0, WITHIN))
            os.kill(child, signal.SIGKILL)
            killed = True
        ready, _, _ = select.select([reads], [], [], PATIENCE)
        if not ready:
            os.kill(child, signal.SIGKILL)
            ended = f"no word for {PATIENCE:.0f} s"
            killed = True
        some = os.read(reads, 65536) if ready else b""
        heard += some
        *lines, heard = heard.split(b"\n")
        for line in lines:
            said = json.loads(line)
            if "acts" in said:
                acked += 1
                tally.acknowledged += 1
                expected += said["acts"]
            elif "fault" in said:
                ended = said["fault"]
            else:
                tally.lost += said["lost"]
                tally.wrong += said["wrong"]
                tally.kept += len(said["beyond"])
                expected += said["beyond"]
        if not some:
            break
    os.close(reads)
    _, status = os.waitpid(child, 0)
    if not killed and os.WIFSIGNALED(status):
        ended = f"died of signal {os.WTERMSIG(status)}"
    return ended


def _live(subject: Subject, expected: list[Any], writes: int, seed: int, acts: int | None) -> None:
    """The process under test; never returns."""

    def tell(said: dict[str, Any]) -> None:
        os.write(writes, json.dumps(said).encode() + b"\n")

    rng = random.Random(seed)
    try:
        subject.open()
        if acts == -1:
            subject.close()
            os._exit(0)
        lost, wrong, beyond = subject.check(expected)
        tell({"lost": lost, "wrong": wrong, "beyond": beyond})
        done = 0
        while acts is None or done < acts:
            tell({"acts": subject.act(rng)})
            done += 1
        subject.close()
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the finding
        with contextlib.suppress(OSError):
            tell({"fault": f"{type(error).__name__}: {str(error)[:200]}"})
    os._exit(0)
