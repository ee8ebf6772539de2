"""What counts for all features at one moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from saerad_core.store.curation.events import WORKSPACE, Event
from saerad_core.store.curation.state import FeatureState, after, decides, fold


class Snapshot:
    """The states of the features that somebody touched, groups resolved. Not changed once it was given out."""

    def __init__(self, states: Mapping[int, FeatureState], count: int) -> None:
        self._own = states
        self.count = count
        """Events that it stands for."""
        self._members: dict[int, list[int]] = defaultdict(list)
        for state in states.values():
            if state.merged_into is not None:
                self._members[self._root(state.feature_id)].append(state.feature_id)

    @classmethod
    def of(cls, events: Iterable[Event], sae: str = "") -> Snapshot:
        """After ``events``, oldest first; those on features of another SAE than ``sae`` are passed over."""
        by_feature: dict[int, list[Event]] = defaultdict(list)
        count = 0
        for event in events:
            count += 1
            if ours(event, sae):
                by_feature[event.feature_id].append(event)
        states = {i: state for i, one in by_feature.items() if (state := fold(one)) is not None}
        return cls(states, count)

    def __getitem__(self, feature_id: int) -> FeatureState:
        """What counts for a feature; of one that nobody touched the state that it starts from."""
        own = self._own.get(feature_id)
        if own is None:
            return FeatureState(feature_id)
        if own.merged_into is not None:
            head = self._own.get(self._root(feature_id), FeatureState(own.merged_into))
            return replace(
                own, text=head.text, fields=head.fields, status=head.status, reason=head.reason, machine=head.machine
            )
        if feature_id in self._members:
            return replace(own, members=tuple(sorted(self._members[feature_id])))
        return own

    def __contains__(self, feature_id: int) -> bool:
        """Whether there is any event on a feature."""
        return feature_id in self._own

    def own(self, feature_id: int) -> FeatureState:
        """The same without what it takes over from the group that it was merged into."""
        return self._own.get(feature_id, FeatureState(feature_id))

    def features(self) -> list[int]:
        """The features with events, in order; without WORKSPACE."""
        return sorted(i for i in self._own if i != WORKSPACE)

    def all(self) -> dict[int, FeatureState]:
        """The state of each of them."""
        return {i: self[i] for i in self.features()}

    def lists(self) -> dict[str, list[int]]:
        """Name of each list -> its features."""
        found: dict[str, list[int]] = defaultdict(list)
        for i in self.features():
            for name in self._own[i].lists:
                found[name].append(i)
        return dict(sorted(found.items()))

    def bookmarks(self, author: str) -> list[int]:
        """Features that an author marked."""
        return [i for i in self.features() if author in self._own[i].bookmarked]

    def pins(self) -> tuple[str, ...]:
        """Names of the X-rays whose reports curators watch, in the order of pinning."""
        return self.own(WORKSPACE).pins

    def tags(self) -> dict[str, int]:
        """Tag -> features that have it."""
        found: dict[str, int] = defaultdict(int)
        for i in self.features():
            for tag in self._own[i].tags:
                found[tag] += 1
        return dict(sorted(found.items()))

    def _root(self, feature_id: int) -> int:
        seen = {feature_id}
        while (state := self._own.get(feature_id)) is not None and state.merged_into is not None:
            feature_id = state.merged_into
            if feature_id in seen:
                break
            seen.add(feature_id)
        return feature_id


class View:
    """The current states, kept up to date event by event."""

    def __init__(self, sae: str) -> None:
        self._sae = sae
        self._states: dict[int, FeatureState] = {}
        self._snapshot: Snapshot | None = None
        self.count = 0
        self.foreign = 0
        """Events on features of another SAE, which don't count here."""
        self.latest_at = ""

    def take(self, events: Sequence[Event], history: Callable[[int], list[Event]] | None = None) -> None:
        """Go on by events that follow those taken before.

        Args:
            events: in order.
            history: all events of a feature, these included; asked where something was undone. None where these are
                all there are.
        """
        refold: set[int] = set()
        if history is None:
            whole = Snapshot.of(events, self._sae)
            self._states = {i: whole.own(i) for i in [*whole.features(), WORKSPACE]}
        for event in events:
            self.count += 1
            self.latest_at = max(self.latest_at, event.at)
            if not ours(event, self._sae):
                self.foreign += 1
                continue
            if history is None:
                continue
            if event.kind == "undone":
                refold.add(event.feature_id)
            else:
                state = after(self._states.get(event.feature_id, FeatureState(event.feature_id)), event)
                revision = event.number if decides(event) else state.revision
                self._states[event.feature_id] = replace(state, number=event.number, revision=revision)
        for feature_id in refold:
            assert history is not None
            state = fold([event for event in history(feature_id) if ours(event, self._sae)])
            assert state is not None
            self._states[feature_id] = state
        self._snapshot = None

    def own(self, feature_id: int) -> FeatureState:
        """One feature's own state, groups not resolved."""
        return self._states.get(feature_id, FeatureState(feature_id))

    def snapshot(self) -> Snapshot:
        """What counts now."""
        if self._snapshot is None:
            self._snapshot = Snapshot(dict(self._states), self.count)
        return self._snapshot


def ours(event: Event, sae: str) -> bool:
    """Whether an event is about the features of the SAE ``sae``; one that doesn't say counts for any."""
    return not event.sae or not sae or event.sae == sae
