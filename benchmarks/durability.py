"""Does the curation store keep what it acknowledged? Killed while it saves, its files damaged, written by eight at once.

python -m benchmarks.durability [--quick] [--json OUT] [--indexed-python PYTHON]

--indexed-python is a Python with duckdb 1.5.6: the same kills are then shown to find a table with a key and an index that
doesn't keep what it acknowledged. --quick does a tenth. A kill takes
nothing from what the system holds of a file, so that --folder may be in memory, where fsync costs nothing.
"""

from __future__ import annotations

import gc
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.common import Results, arguments
from benchmarks.kills import Tally, run
from saerad_core.errors import WorkspaceError
from saerad_core.store.curation import Act, ConflictError, CurationStore
from saerad_core.workspace import DatasetInfo, EncoderInfo, Workspace

FEATURES = 200
KILLS, EDITS = 1000, 50_000
LIVES = 12
"""Workspaces that the kills are spread over."""
DAMAGES = 200
"""Truncations and bit flips of each file."""
WRITERS, SAVES, CONTESTED = 8, 500, 10
GOAL_KILLS = "at least 1,000 kill -9 at random moments over 50,000 acknowledged edits, with reopen-and-close rounds: 0 lost, 0 wrong"
GOAL_INDEX = "the same harness shows the fault with duckdb 1.5.6 and an index (so that it can bite)"
GOAL_DAMAGE = "200 truncations and bit flips of either file: never silent"
GOAL_WRITERS = "8 writers x 500 saves on ten features: accepted + conflicts = tried"


def make(root: Path) -> Workspace:
    """A workspace without X-rays."""
    workspace = Workspace.create(root, DatasetInfo(kind="folder"), EncoderInfo(id="none"))
    workspace.manifest.counts.features = FEATURES
    workspace.save()
    return workspace


class Curation:
    """The curation store as the subject of kills: single edits, judgements, notes, bulk acts and undoings."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._store: CurationStore | None = None
        self._revisions: dict[int, int] = {}

    def open(self) -> None:
        self._store = CurationStore(Workspace.open(self._root))

    def check(self, expected: list[list]) -> tuple[int, int, list[list]]:
        """By the database, by the journal's bytes and by what counts: all three must be the acts in their order."""
        assert self._store is not None
        found = [_told(one.seq, one.feature_id, one.number, one.kind, one.data) for one in self._store.events()]
        raw = (
            [json.loads(line) for line in (self._root / "curation.jsonl").read_bytes().splitlines()] if expected else []
        )
        journal = [_told(one["seq"], one["feature_id"], one["number"], one["kind"], one["data"]) for one in raw]
        lost = max(0, len(expected) - len(found)) + (max(0, len(expected) - len(journal)) if expected else 0)
        wrong = sum(a != b for a, b in zip(expected, found, strict=False))
        wrong += sum(a != b for a, b in zip(expected, journal, strict=False))
        undone = {(one[1], number) for one in expected if one[3] == "undone" for number in one[4]["undoes"]}
        texts = {one[1]: one[4]["text"] for one in expected if one[3] == "edited" and (one[1], one[2]) not in undone}
        beyond = found[len(expected) :]
        touched = {one[1] for one in beyond}
        now = self._store.snapshot()
        wrong += sum(now[i].text != text for i, text in texts.items() if i not in touched)
        self._revisions = {i: now.own(i).revision for i in range(FEATURES)}
        return lost, wrong, beyond

    def act(self, rng: random.Random) -> list[list]:
        assert self._store is not None
        store, feature = self._store, rng.randrange(FEATURES)
        base, text, chance = self._revisions[feature], f"edit {rng.getrandbits(64):x} \N{LUNGS}", rng.random()
        if chance < 0.8:
            events = [store.edit(feature, text, f"reader {rng.randrange(5)}", base)]
        elif chance < 0.9:
            events = [store.accept(feature, "reader", base)]
        elif chance < 0.95:
            events = [store.note(feature, text, "reader")]
        else:
            several = rng.sample(range(FEATURES), 3)
            acts = [Act(i, "edited", {"text": f"{text} {i}"}, self._revisions[i]) for i in several]
            applied = store.bulk(acts, "reader")
            events = list(applied.events)
            if chance > 0.98:
                events += store.undo("reader", batch=applied.batch).events
        for event in events:
            self._revisions[event.feature_id] = store.snapshot().own(event.feature_id).revision
        return [_told(one.seq, one.feature_id, one.number, one.kind, one.data) for one in events]

    def close(self) -> None:
        assert self._store is not None
        self._store.close()


def _told(seq: int, feature_id: int, number: int, kind: str, data: dict[str, Any]) -> list:
    return [seq, feature_id, number, kind, data]


def start_kills(folder: Path, share: float, seed: int, jobs: int) -> list[tuple[int, int]]:
    """Begin the kills, beside everything else; (process, pipe) of each job.

    In several workspaces one after the other, as their journals are read whole at every opening.
    """
    lives = max(1, round(LIVES * share))

    def work(job: int) -> list[dict[str, Any]]:
        # Where the scheduler shares by session, a job's own: many other processes would leave it nothing.
        os.setsid()
        gc.freeze()
        tallies = []
        for life in range(job, lives, jobs):
            root = folder / f"kills-{life}"
            make(root)
            some = run(
                Curation(root), math.ceil(KILLS * share / lives), math.ceil(EDITS * share / lives), seed + life, _say
            )
            tallies.append(asdict(some))
        return tallies

    return [_fork(lambda job=job: work(job)) for job in range(jobs)]


def kills(results: Results, started: list[tuple[int, int]], share: float, where: str) -> None:
    said = [_collect(*one) for one in started]
    assert all(isinstance(one, list) for one in said), f"a job ended with {said}"
    tallies = [Tally(**one) for some in said for one in some]
    for fault in [fault for one in tallies for fault in one.faults]:
        print(f"  fault: {fault}")

    def total(name: str) -> float:
        return sum(getattr(one, name) for one in tallies)

    faults = sum(len(one.faults) for one in tallies)
    lost, wrong = total("lost"), total("wrong")
    enough = total("kills") >= KILLS * share and total("acknowledged") >= EDITS * share
    fine = lost == wrong == faults == 0 and enough
    results.add(
        f"kill -9 at random moments, files {where}",
        total("kills"),
        "kills",
        GOAL_KILLS if share == 1 else "a tenth",
        fine,
    )
    results.add("reopen-and-close rounds", total("closes"), "rounds")
    results.add("acknowledged acts (a bulk act is one)", total("acknowledged"), "acts")
    results.add("saved, killed before it could be said", total("kept"), "events kept")
    results.add("acknowledged events lost", lost, "events", "0 lost", lost == 0 and fine)
    results.add("acknowledged events wrong", wrong, "events", "0 wrong", wrong == 0 and fine)
    results.add("times the store could not be opened or written", faults, "faults", "", not faults)
    results.add("time for all kills, jobs added up", total("seconds"), "s")


def indexed(results: Results, folder: Path, python: str | None, seed: int) -> None:
    if python is None:
        print(f"  skipped: no Python with duckdb 1.5.6 was given (--indexed-python): {GOAL_INDEX}")
        return
    root = folder / "indexed"
    root.mkdir()
    command = [python, "-m", "benchmarks.durability_indexed", str(root), "20", "1000", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    held = json.loads(done.stdout)
    tally = Tally(**{name: held[name] for name in Tally.__dataclass_fields__})
    name = f"duckdb {held['duckdb']} with a key and an index"
    bites = bool(tally.wrong or tally.lost or tally.faults)
    results.add(f"{name}: wrong answers", tally.wrong, f"in {tally.kills} kills", GOAL_INDEX, bites)
    results.add(f"{name}: fatal exceptions", len(tally.faults), f"in {tally.kills} kills")
    for fault in tally.faults[:1]:
        print(f"  {fault.splitlines()[0]}")


# -- damaged files

_UNCLOSED: list[Curation] = []


def damages(results: Results, folder: Path, share: float, seed: int) -> None:
    rng = random.Random(seed)
    truth = folder / "whole"
    workspace = make(truth)
    expected = _in_child(lambda: _write_some(truth, closed=True))
    late = folder / "unclosed"
    shutil.copytree(truth, late)
    more = _in_child(lambda: _write_some(late, closed=False))
    del workspace
    for name, file in (
        ("curation.jsonl", "curation.jsonl"),
        ("curation.duckdb", "curation.duckdb"),
        ("curation.duckdb.wal", "curation.duckdb.wal"),
    ):
        cases = round(DAMAGES * share) if name != "curation.duckdb.wal" else round(DAMAGES * share / 4)
        found: Counter[str] = Counter()
        for case in range(cases):
            source, events = (late, more) if name.endswith("wal") or case % 2 else (truth, expected)
            copy = folder / "damaged"
            shutil.copytree(source, copy)
            harm = _harm(copy / file, rng, flips=case % 4 < 2)
            outcome = _in_child(lambda copy=copy, events=events: _judged(copy, events))
            if outcome == "wrong and silent":
                print(f"  {name}: {harm}: {outcome}")
            found[outcome] += 1
            shutil.rmtree(copy)
        silent = found.pop("wrong and silent", 0)
        goal = GOAL_DAMAGE if share == 1 and not name.endswith("wal") else ""
        results.add(f"{name}: damages that passed silently", silent, f"of {cases}", goal, silent == 0)
        for outcome, n in sorted(found.items()):
            results.add(f"  {outcome}", n, f"of {cases}")


def _write_some(root: Path, closed: bool) -> list[list]:
    subject = Curation(root)
    subject.open()
    before = len(subject.check([])[2])
    rng = random.Random(before)
    for _ in range(300 if closed else 40):
        subject.act(rng)
    assert subject._store is not None
    events = subject.check([])[2]
    if closed:
        subject.close()
    else:
        # As a kill leaves it: nothing may close the database, not even the collector of rubbish.
        _UNCLOSED.append(subject)
    return events


def _harm(path: Path, rng: random.Random, *, flips: bool) -> str:
    data = bytearray(path.read_bytes())
    if flips:
        at, bit = rng.randrange(len(data)), rng.randrange(8)
        data[at] ^= 1 << bit
        path.write_bytes(bytes(data))
        return f"bit {bit} of byte {at} of {len(data)}"
    # Half the cuts at the end of a line, where nothing looks torn.
    at = rng.randrange(len(data))
    if path.suffix == ".jsonl" and rng.random() < 0.5:
        at = data.rfind(b"\n", 0, at) + 1
    path.write_bytes(bytes(data[:at]))
    return f"cut to {at} of {len(data)} bytes"


def _judged(root: Path, expected: list[list]) -> str:
    """What opening a damaged copy came to."""
    subject = Curation(root)
    try:
        subject.open()
    except WorkspaceError:
        return "refused, with a sentence"
    assert subject._store is not None
    right = [
        _told(one.seq, one.feature_id, one.number, one.kind, one.data) for one in subject._store.events()
    ] == expected
    if subject._store.notices:
        return "all events there, with a sentence" if right else "an unfinished last edit taken out, with a sentence"
    return "all events there; bytes that hold nothing" if right else "wrong and silent"


def _in_child(job: Callable[[], Any]) -> Any:
    """What ``job`` returns, run in a fork that ends without closing anything; DuckDB itself may die of a damaged file."""
    return _collect(*_fork(job))


def _fork(job: Callable[[], Any]) -> tuple[int, int]:
    """Run ``job`` in a fork; its process and the pipe that its answer comes through."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reads)
        with os.fdopen(writes, "w") as file:
            try:
                json.dump({"is": job()}, file)
            except BaseException as error:  # noqa: BLE001 - told to the parent
                json.dump({"is": f"raised {type(error).__name__}: {error}"}, file)
        os._exit(0)
    os.close(writes)
    return child, reads


def _collect(child: int, reads: int) -> Any:
    with os.fdopen(reads) as file:
        said = file.read()
    os.waitpid(child, 0)
    return json.loads(said)["is"] if said else "the process died"


# -- many writers


def writers(results: Results, folder: Path, share: float, seed: int) -> None:
    root = folder / "writers"
    make(root)
    saves = round(SAVES * share)
    counts = _in_child(lambda: _race(root, saves, seed))
    tried = WRITERS * saves
    whole = (
        counts["accepted"] + counts["conflicts"] == tried and counts["kept"] == counts["accepted"] and counts["chained"]
    )
    results.add("saves tried by eight writers", tried, "saves")
    results.add("accepted", counts["accepted"], "saves")
    results.add("refused as conflicts", counts["conflicts"], "saves")
    results.add("accepted + conflicts", counts["accepted"] + counts["conflicts"], "saves", GOAL_WRITERS, whole)
    results.add("events in the journal afterwards", counts["kept"], "events", "as many as were accepted", whole)


def _race(root: Path, saves: int, seed: int) -> dict[str, Any]:
    store = CurationStore(Workspace.open(root))
    accepted, conflicts = [0] * WRITERS, [0] * WRITERS
    start = threading.Barrier(WRITERS)

    def write(who: int) -> None:
        rng = random.Random(seed * 1000 + who)
        start.wait()
        for turn in range(saves):
            feature = rng.randrange(CONTESTED)
            base = store.state(feature).revision
            if rng.random() < 0.5:
                store.history(feature)  # time in which another may save
            try:
                store.edit(feature, f"{who} says {turn}", f"reader {who}", base)
                accepted[who] += 1
            except ConflictError:
                conflicts[who] += 1

    threads = [threading.Thread(target=write, args=(who,)) for who in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    store = CurationStore(Workspace.open(root))
    events = store.events()
    # Each save rests on the one before: nobody's was written over.
    chained = all(one.base == one.number - 1 for one in events)
    own = Counter(one.author for one in events)
    chained = chained and [own[f"reader {who}"] for who in range(WRITERS)] == accepted
    return {"accepted": sum(accepted), "conflicts": sum(conflicts), "kept": len(events), "chained": chained}


def _say(words: str) -> None:
    print(f"  {words}", file=sys.stderr, flush=True)


def main(given: list[str] | None = None) -> Results:
    parser = arguments(__doc__)
    parser.add_argument("--indexed-python", default=None, help="a Python with duckdb 1.5.6")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where the files are written; default: a temporary folder"
    )
    parser.add_argument("--jobs", type=int, default=1, help="workspaces that are killed at a time")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(given)
    share = 0.1 if asked.quick else 1.0
    results = Results()
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        where = "in memory" if folder.resolve().is_relative_to("/dev/shm") else "on a disk"  # noqa: S108 - only asked about
        print(f"duckdb {duckdb.__version__}, files {where}")
        started = start_kills(folder, share, asked.seed, asked.jobs)
        indexed(results, folder, asked.indexed_python, asked.seed)
        damages(results, folder, share, asked.seed)
        writers(results, folder, share, asked.seed)
        kills(results, started, share, where)
    results.write(asked.json)
    return results


if __name__ == "__main__":
    main()
