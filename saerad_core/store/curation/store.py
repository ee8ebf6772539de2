"""What curators say about features. Nothing is overwritten: every act is an event, and what counts is a view over them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time
from hashlib import file_digest
from typing import Any, Literal

from saerad_core.errors import SaeRadError
from saerad_core.store.curation import database
from saerad_core.store.curation.compare import Change, compare
from saerad_core.store.curation.conflict import ConflictError, ManyConflictsError, Mine
from saerad_core.store.curation.events import (
    DECIDING,
    LONGEST_NAME,
    ON_WORKSPACE,
    WORKSPACE,
    Author,
    Event,
    Fields,
    Status,
    checked_data,
    one_line,
)
from saerad_core.store.curation.ledger import Ledger, ledger_of
from saerad_core.store.curation.progress import Progress, progress
from saerad_core.store.curation.snapshot import Snapshot, View, ours
from saerad_core.store.curation.state import FeatureState, fold, voided
from saerad_core.workspace import Workspace

_JUDGED: dict[str, Status] = {"accepted": "accepted", "rejected": "rejected", "flagged": "second"}
_OWN_WORD = ("edited", "accepted", "rejected", "flagged", "adjudicated", "restored")
"""Kinds that a member of a group can't take: its words are the group's."""


Admit = Callable[[Author, frozenset[str]], Author]
"""(who says they act, kinds of event that they would write or take back; "imported" for others' events taken over) -> who acts;
raises SaeRadError where they may not."""


@dataclass(frozen=True)
class Act:
    """One thing to write about one feature, for bulk acts."""

    feature_id: int
    kind: str
    """One of events.Kind."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What the kind holds (see events); left out parts have their defaults."""
    base: int | None = None
    """Revision that the author saw; needed for deciding kinds. None for the others."""


@dataclass(frozen=True)
class Applied:
    """What became of a bulk act."""

    events: tuple[Event, ...]
    batch: str
    """For undo; "" where nothing was written."""
    conflicts: tuple[SaeRadError, ...] = ()
    """One for each feature that was passed over."""
    passed_over: tuple[int, ...] = ()
    """These features."""


@dataclass(frozen=True)
class Release:
    """A named moment."""

    name: str
    seq: int
    """Events that it stands for."""
    at: str
    author: str
    note: str


class CurationStore:
    """Events on the features of one workspace; safe to share between threads.

    Every writing method returns when the event is on the disk in curation.jsonl and committed in curation.duckdb, and raises
    SaeRadError where something won't do, WorkspaceError where another process is writing or the disk is full, and, for deciding
    acts, ConflictError where somebody changed the feature after the revision ``base``. ``base`` is FeatureState.revision.
    """

    def __init__(
        self, workspace: Workspace, now: Callable[[], datetime] = lambda: datetime.now(UTC), admit: Admit | None = None
    ) -> None:
        """Open it; for reading only where another process writes it.

        Args:
            workspace: whose.
            now: the clock.
            admit: asked before anything is written; None: everybody may do everything under the name they give.

        Raises:
            WorkspaceError: the journal is damaged.
        """
        self._features = workspace.manifest.counts.features
        self._now = now
        self._admit = admit or (lambda author, kinds: author)
        self.sae = sae_id(workspace)
        self._ledger: Ledger = ledger_of(workspace.curation_journal, workspace.curation_db, self.sae)

    def close(self) -> None:
        """Let go of the files; the store can't be used any more."""
        self._ledger.close()

    # -- reading

    @property
    def notices(self) -> list[str]:
        """What opening found that a person should know (a damaged database made anew, a torn edit), in sentences."""
        return list(self._ledger.notices)

    @property
    def writes(self) -> bool:
        """Whether this process may write; otherwise another one does, and this one follows it."""
        return self._ledger.writes

    @property
    def revision(self) -> int:
        """Events on all features; grows with every one."""
        self._ledger.refresh()
        return self._ledger.view.count

    def snapshot(self) -> Snapshot:
        """What counts now for every feature: states, lists, bookmarks, tags."""
        return self._ledger.snapshot()

    def state(self, feature_id: int) -> FeatureState:
        """What counts for one feature; of an untouched one the state that it starts from."""
        return self.snapshot()[feature_id]

    def all_current(self) -> dict[int, FeatureState]:
        """The state of every feature on which a person's word counts."""
        return {i: state for i, state in self.snapshot().all().items() if state.touched}

    def history(self, feature_id: int) -> list[Event]:
        """Every event on a feature, oldest first; WORKSPACE (-1) for those on the workspace."""
        return self._ledger.ask(database.HISTORY, [feature_id])

    def void(self, feature_id: int) -> set[int]:
        """Numbers of its events that were undone."""
        return voided(self.history(feature_id))

    def events(self) -> list[Event]:
        """Every event of the journal, oldest first."""
        return self._ledger.ask(database.ALL)

    def recent(self, count: int, author: str = "") -> list[Event]:
        """The latest events, newest first; of one author where one is named."""
        if author:
            return self._ledger.ask(database.AUTHOR, [author, count])
        return self._ledger.ask(database.RECENT, [count])

    def batch(self, batch: str) -> list[Event]:
        """The events of a bulk act."""
        return self._ledger.ask(database.BATCH, [batch])

    def releases(self) -> list[Release]:
        """Named moments, oldest first."""
        found = self._ledger.ask(database.KIND, ["released"])
        return [Release(one.data["name"], one.seq, one.at, one.author, one.data["note"]) for one in found]

    def as_of(self, when: str | datetime | date) -> Snapshot:
        """What counted at a moment.

        Args:
            when: a release's name, a date (its end, UTC), or a date and time; texts of the two in ISO 8601.

        Raises:
            SaeRadError: it is neither.
        """
        for release in self.releases():
            if release.name == when:
                return Snapshot.of(self.events()[: release.seq], self.sae)
        moment = _moment(when)
        return Snapshot.of((one for one in self.events() if datetime.fromisoformat(one.at) <= moment), self.sae)

    def compare(self, before: str | datetime | date, after: str | datetime | date | None = None) -> list[Change]:
        """What differs between two moments (as for as_of); ``after`` None: now."""
        return compare(self.as_of(before), self.snapshot() if after is None else self.as_of(after))

    def progress(self) -> Progress:
        """Who did how much, and how many features have each status."""
        return progress(self._ledger.rows(database.PROGRESS, [self.sae, self.sae]), self.snapshot())

    # -- deciding

    def edit(
        self, feature_id: int, text: str, author: Author | str, base: int, fields: Fields | None = None, *, accept: bool = False
    ) -> Event:  # fmt: skip
        """Let ``text`` count as a draft, or accepted at once with ``accept``; fields None: those that count stay."""
        kept = self._ledger.view.own(feature_id).fields if fields is None else fields
        edited = Act(feature_id, "edited", {"text": text, "fields": asdict(kept)}, base)
        if not accept:
            return self._one(edited, author)
        return self.bulk([edited, Act(feature_id, "accepted", {}, base)], author).events[-1]

    def accept(self, feature_id: int, author: Author | str, base: int, machine_text: str = "") -> Event:
        """The text that counts is right; ``machine_text`` is the program's, where that is the one."""
        return self._one(Act(feature_id, "accepted", {"machine": machine_text}, base), author)

    def reject(self, feature_id: int, author: Author | str, base: int, reason: str = "") -> Event:
        """The text doesn't fit the X-rays; reports use the feature no more."""
        return self._one(Act(feature_id, "rejected", {"reason": reason}, base), author)

    def flag(self, feature_id: int, author: Author | str, base: int, reason: str = "") -> Event:
        """A second reader should look."""
        return self._one(Act(feature_id, "flagged", {"reason": reason}, base), author)

    def adjudicate(
        self, feature_id: int, text: str, author: Author | str, base: int, fields: Fields | None = None,
        status: Status = "accepted", readings: Sequence[int] = (),
    ) -> Event:  # fmt: skip
        """Decide between readings, given by the numbers of their events; text "": the program's."""
        data = {"text": text, "fields": asdict(fields or Fields()), "status": status, "readings": list(readings)}
        return self._one(Act(feature_id, "adjudicated", data, base), author)

    def restore(self, feature_id: int, number: int, author: Author | str, base: int) -> Event:
        """Let count again what did after event ``number``; 0: the program's text."""
        return self._one(self.restoring(feature_id, number, base), author)

    def restoring(self, feature_id: int, number: int, base: int | None) -> Act:
        """The act of `restore`, for bulk."""
        past = self._past(feature_id, number)
        data = {"to": number, "text": past.text, "fields": asdict(past.fields), "status": past.status}
        return Act(feature_id, "restored", data, base)

    def merge(self, into: int, members: Sequence[int], author: Author | str, bases: Mapping[int, int]) -> Applied:
        """Let features say what ``into`` says, now and later; ``bases`` of all of them, the target's too."""
        self._check_merge(into, members)
        acts = [Act(one, "merged", {"into": into}, bases.get(one, 0)) for one in members]
        acts.append(Act(into, "merged", {"members": list(members)}, bases.get(into, 0)))
        return self.bulk(acts, author)

    def split(self, members: Sequence[int], author: Author | str, bases: Mapping[int, int]) -> Applied:
        """Take features out of their groups; each keeps the group's words as a draft of its own."""
        now = self.snapshot()
        acts = []
        for one in members:
            if now[one].merged_into is None:
                raise SaeRadError(f"Feature {one} isn't merged into another; choose members of a group.")
            data = {"out_of": now[one].merged_into, "text": now[one].text, "fields": asdict(now[one].fields)}
            acts.append(Act(one, "split", data, bases.get(one, 0)))
        return self.bulk(acts, author)

    # -- adding

    def propose(
        self, feature_id: int, text: str, author: Author | str, fields: Fields | None = None, source: str = ""
    ) -> Event:
        """Suggest a text; it counts only when somebody edits it in."""
        data = {"text": text, "fields": asdict(fields or Fields()), "source": source}
        return self._one(Act(feature_id, "proposed", data), author)

    def tag(
        self, features: Sequence[int], author: Author | str, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> Applied:
        """Put tags on features and take tags off; features that stay as they are get no event."""
        data = {"add": list(add), "remove": list(remove)}
        changed = [
            one for one in features if set(add) - set(self._own(one).tags) or set(remove) & set(self._own(one).tags)
        ]
        return self.bulk([Act(one, "tagged", data) for one in changed], author)

    def note(self, feature_id: int, text: str, author: Author | str) -> Event:
        """Remark on a feature."""
        return self._one(Act(feature_id, "noted", {"text": text}), author)

    def assign(self, features: Sequence[int], to: str, author: Author | str) -> Applied:
        """Give features to a curator; "" takes them from whoever has them."""
        changed = [one for one in features if self._own(one).assigned != to.strip()]
        return self.bulk([Act(one, "assigned", {"to": to}) for one in changed], author)

    def defer(self, feature_id: int, author: Author | str, until: str = "", *, on: bool = True) -> Event:
        """Come back to it later: last of all, or from the ISO date ``until``; ``on`` False: as usual again."""
        if until:
            _moment(until)
        return self._one(Act(feature_id, "deferred", {"until": until, "on": on}), author)

    def score(
        self, feature_id: int, author: Author | str, value: float, n: int, *, by: Literal["human", "machine"] = "human",
        test: str = "detection", text: str = "", items: Sequence[tuple[str, bool, bool]] = (),
    ) -> Event:  # fmt: skip
        """Record a test of a description: ``value`` 0 to 1 over ``n`` X-rays; items (image_id, fires, said to fire)."""
        data = {"value": value, "n": n, "by": by, "test": test, "text": text, "items": [list(one) for one in items]}
        return self._one(Act(feature_id, "scored", data), author)

    def name(
        self, feature_id: int, author: Author | str, text: str = "", fields: Fields | None = None,
        verdict: Literal["", "accepted", "rejected"] = "", *, blind: bool = True,
    ) -> Event:  # fmt: skip
        """Record a reading: what one reader says, ``blind`` where they had seen no other words."""
        data = {"text": text, "fields": asdict(fields or Fields()), "verdict": verdict, "blind": blind}
        return self._one(Act(feature_id, "named", data), author)

    def list_(self, features: Sequence[int], name: str, author: Author | str, *, on: bool = True) -> Applied:
        """Put features on a named list, or take them off."""
        changed = [one for one in features if (name.strip() in self._own(one).lists) != on]
        return self.bulk([Act(one, "listed", {"list": name, "on": on}) for one in changed], author)

    def bookmark(self, feature_id: int, author: Author | str, *, on: bool = True) -> Event:
        """Mark a feature for oneself."""
        return self._one(Act(feature_id, "bookmarked", {"on": on}), author)

    def complain(self, features: Sequence[int], sentence: str, author: Author | str, reason: str = "") -> Applied:
        """Record that a reader rejected a report's sentence that rests on these features; they come sooner in the queue."""
        data = {"sentence": sentence, "reason": reason}
        return self.bulk([Act(one, "complained", data) for one in dict.fromkeys(features)], author)

    def pin(self, image_id: str, author: Author | str, *, on: bool = True) -> Applied:
        """Watch an X-ray's report while descriptions are edited, or don't any more; nothing where it is so already."""
        changed = (image_id.strip() in self._own(WORKSPACE).pins) != on
        return self.bulk([Act(WORKSPACE, "pinned", {"image": image_id, "on": on})] if changed else [], author)

    def release(self, name: str, author: Author | str, note: str = "") -> Event:
        """Name the present moment."""
        if name.strip() in {one.name for one in self.releases()}:
            raise SaeRadError(f"There is a release {name.strip()!r} already; take another name.")
        return self._one(Act(WORKSPACE, "released", {"name": name, "note": note}), author)

    # -- many at once, and back

    def bulk(self, acts: Sequence[Act], author: Author | str, *, pass_over: bool = False) -> Applied:
        """Write several acts as one, which `undo` takes back as one.

        Args:
            acts: on one feature they follow each other; the base of each is what the author saw before all of them.
            author: who.
            pass_over: leave out features that somebody changed since, and say so, rather than writing nothing.

        Raises:
            ConflictError, ManyConflictsError: features were changed since (never with ``pass_over``).
        """
        checked = [self._checked(act) for act in acts]
        who = self._admit(_author(author), self._kinds(checked))
        batch = uuid.uuid4().hex[:16] if len(acts) > 1 else ""
        conflicts: dict[int, SaeRadError] = {}

        def make(view: View) -> list[Event]:
            for act in checked:
                if act.feature_id not in conflicts and (found := self._conflict(view, act)) is not None:
                    conflicts[act.feature_id] = found
            if conflicts and not pass_over:
                if len(conflicts) == 1:
                    raise next(iter(conflicts.values()))
                raise ManyConflictsError(
                    f"{len(conflicts)} of these features were changed in between ({_some(conflicts)}); look at them again, or "
                    "leave them out.",
                    list(conflicts.values()),
                    list(conflicts),
                )
            at = self._at(view)
            return [
                Event(
                    0, act.feature_id, 0, act.kind, who.name, who.verified, at,
                    view.own(act.feature_id).revision if act.base is None else act.base, self.sae, batch, 1, 1, dict(act.data), who.means,
                )
                for act in checked if act.feature_id not in conflicts
            ]  # fmt: skip

        events = self._ledger.write(make)
        return Applied(tuple(events), batch if events else "", tuple(conflicts.values()), tuple(conflicts))

    def undo(
        self, author: Author | str, *, batch: str = "", seqs: Sequence[int] = (), pass_over: bool = False
    ) -> Applied:
        """Take back a bulk act, or single events by their places, with new events; an undoing can be taken back too.

        Raises:
            ConflictError, ManyConflictsError: something was decided on a feature since (never with ``pass_over``).
            SaeRadError: there is nothing to take back.
        """
        gone = self.batch(batch) if batch else self._ledger.ask(database.SEQS, [list(seqs)])
        by_feature: dict[int, list[Event]] = {}
        for event in gone:
            if event.kind not in ON_WORKSPACE:
                by_feature.setdefault(event.feature_id, []).append(event)
        acts, conflicts = [], {}
        for feature_id, events in by_feature.items():
            history = self.history(feature_id)
            void = voided(history)
            events = [event for event in events if event.number not in void]
            if not events:
                continue
            deciding = [event for event in events if _decides(event)]
            state = self._own(feature_id)
            if deciding and deciding[-1].number != state.revision:
                conflicts[feature_id] = self._told(
                    feature_id,
                    deciding[-1].number,
                    Mine(),
                    "changed feature {} after what you take back; look at it first",
                )
                continue
            data = {"undoes": [event.number for event in events], "decides": bool(deciding)}
            acts.append(Act(feature_id, "undone", data, state.revision if deciding else None))
        if conflicts and not pass_over:
            if len(conflicts) == 1:
                raise next(iter(conflicts.values()))
            raise ManyConflictsError(
                f"{len(conflicts)} of these features were changed since ({_some(conflicts)}); take back the others, or look at "
                "them first.",
                list(conflicts.values()),
                list(conflicts),
            )
        if not acts and not conflicts:
            raise SaeRadError("There is nothing to take back: it was never written, or was taken back already.")
        done = self.bulk(acts, author, pass_over=pass_over) if acts else Applied((), "")
        return Applied(done.events, done.batch, (*conflicts.values(), *done.conflicts), (*conflicts, *done.passed_over))

    def take_over(self, events: Sequence[Event]) -> list[Event]:
        """Add events of another store as they are (see saerad_core.exchange, which checks that they follow the ones here)."""
        self._admit(Author("import"), frozenset(["imported"]))
        return self._ledger.append_as_given(events)

    # -- within

    def _kinds(self, acts: Sequence[Act]) -> frozenset[str]:
        """What the acts write, and what they take back."""
        kinds = {act.kind for act in acts}
        for act in acts:
            if act.kind == "undone":
                events, gone = {one.number: one for one in self.history(act.feature_id)}, list(act.data["undoes"])
                while gone:
                    event = events.get(gone.pop())
                    if event is not None:
                        kinds.add(event.kind)
                        # Taking back an undoing does again what it took back.
                        gone += event.data["undoes"] if event.kind == "undone" else []
        return frozenset(kinds)

    def _one(self, act: Act, author: Author | str) -> Event:
        return self.bulk([act], author).events[0]

    def _own(self, feature_id: int) -> FeatureState:
        self._ledger.refresh()
        return self._ledger.view.own(feature_id)

    def _at(self, view: View) -> str:
        # Never before the last event, whatever the clock does: moments in the past are found by their date.
        at = self._now().astimezone(UTC).isoformat(timespec="milliseconds")
        return max(at, view.latest_at)

    def _checked(self, act: Act) -> Act:
        of_workspace = act.kind in ON_WORKSPACE
        lowest = WORKSPACE if of_workspace else 0
        if not lowest <= act.feature_id < self._features or of_workspace != (act.feature_id == WORKSPACE):
            raise SaeRadError(f"There is no feature {act.feature_id}; this workspace has {self._features}, from 0.")
        if act.kind in DECIDING and act.base is None:
            raise SaeRadError(f"An edit of kind {act.kind} needs the revision that its author saw.")
        return Act(act.feature_id, act.kind, checked_data(act.kind, dict(act.data)), act.base)

    def _conflict(self, view: View, act: Act) -> SaeRadError | None:
        if act.base is None:
            return None
        state = view.own(act.feature_id)
        if act.base != state.revision:
            fields = act.data.get("fields")
            mine = Mine(
                act.data.get("text"),
                None if fields is None else Fields(**fields),
                _JUDGED.get(act.kind) or act.data.get("status") or ("draft" if act.kind == "edited" else None),
            )
            return self._told(
                act.feature_id, act.base, mine, "changed feature {} in between; look at the latest text and save again"
            )
        if state.merged_into is not None and act.kind in _OWN_WORD:
            return SaeRadError(
                f"Feature {act.feature_id} is merged into {state.merged_into}; edit that one, or take this one out first."
            )
        return None

    def _told(self, feature_id: int, base: int, mine: Mine, says: str) -> ConflictError:
        history = self.history(feature_id)
        deciding = [one for one in history if _decides(one) and ours(one, self.sae)]
        last = deciding[-1] if deciding else None
        seen = self._past(feature_id, base)
        who = last.author if last else "Nobody"
        return ConflictError(f"{who} {says.format(feature_id)}.", last, seen, self._own(feature_id), mine)

    def _past(self, feature_id: int, number: int) -> FeatureState:
        """The state after event ``number`` of a feature; of 0 or less the state that it starts from."""
        events = [one for one in self.history(feature_id) if one.number <= number and ours(one, self.sae)]
        return fold(events) or FeatureState(feature_id)

    def _check_merge(self, into: int, members: Sequence[int]) -> None:
        now = self.snapshot()
        if not members or into in members or len(set(members)) < len(members):
            raise SaeRadError("Choose one feature to merge into and others that are merged into it.")
        if now[into].merged_into is not None:
            raise SaeRadError(f"Feature {into} is itself merged into {now[into].merged_into}; merge into that one.")
        for one in members:
            if now[one].members:
                raise SaeRadError(f"Features are merged into {one}; take them out first.")


def sae_id(workspace: Workspace) -> str:
    """First 16 hex digits of the sha256 of the SAE's weights; "" where the workspace has none yet."""
    path = workspace.sae_dir / "sae_weights.safetensors"
    if not path.exists():
        return ""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()[:16]


def _decides(event: Event) -> bool:
    return event.kind in DECIDING or (event.kind == "undone" and event.data["decides"])


def _author(author: Author | str) -> Author:
    who = Author(author) if isinstance(author, str) else author
    return Author(one_line(who.name, "name", LONGEST_NAME), who.verified, who.means)


def _some(features: Iterable[int]) -> str:
    found = list(features)
    return ", ".join(f"#{one}" for one in found[:5]) + (" ..." if len(found) > 5 else "")


def _moment(when: str | datetime | date) -> datetime:
    try:
        if isinstance(when, str):
            when = datetime.fromisoformat(when) if len(when) > 10 else date.fromisoformat(when)
    except ValueError as error:
        raise SaeRadError(f"{str(when)[:40]!r} is neither a release nor a date; write a date as 2026-03-01.") from error
    if not isinstance(when, datetime):
        return datetime.combine(when, time.max, UTC)
    return when if when.tzinfo else when.replace(tzinfo=UTC)
