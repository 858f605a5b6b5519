"""Events of the simulated Engine: who listens, what the last ones were, and streams that move the virtual clock on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from runner.clock import NothingWillHappen, VirtualClock
from runner.core.labels import POD_UID
from runner.core.text.times import later
from runner.engine.protocol import EngineEvent, LogChunk
from runner.engine.simulated.container import SimulatedContainer

KEPT_EVENTS: Final = 256
"""As many past events as the real daemon remembers for ``since``."""

Listener = Callable[[EngineEvent], None]
_Entry = tuple[Mapping[str, str], Collection[str] | None, Listener]


def matches(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Tell whether labels hold all that is wanted; "" stands for any value."""
    for key, value in wanted.items():
        found = labels.get(key)
        if found is None or (value and found != value):
            return False
    return True


class Call(NamedTuple):
    """One verb that was called, on what."""

    at: datetime
    verb: str
    target: str


class EventBus:
    """Hands each event to the streams that asked for its labels; those who ask for one pod are found by its UID."""

    def __init__(self) -> None:
        # By UID, "" for those who ask for more than one pod. Who is told of an event does not change while it is told.
        self._listeners: dict[str, tuple[_Entry, ...]] = {"": ()}
        self.history: deque[EngineEvent] = deque(maxlen=KEPT_EVENTS)

    def subscribe(
        self, labels: Mapping[str, str], listener: Listener, actions: Collection[str] | None = None
    ) -> Callable[[], None]:
        """Listen from now on, to all actions or to some; returns what ends it."""
        uid = labels.get(POD_UID, "")
        # A stream that is found by its UID need not be compared with it.
        entry = ({key: value for key, value in labels.items() if key != POD_UID or not uid}, actions, listener)
        self._listeners[uid] = (*self._listeners.get(uid, ()), entry)

        def end() -> None:
            left = tuple(one for one in self._listeners.pop(uid, ()) if one is not entry)
            if left or not uid:
                self._listeners[uid] = left

        return end

    def emit(self, event: EngineEvent, uid: str) -> None:
        """Tell of an event of a container of this pod ("" for none)."""
        self.history.append(event)
        listeners = self._listeners
        entries = listeners[""]
        if uid and uid in listeners:
            entries = listeners[uid] + entries
        for labels, actions, listener in entries:
            if (actions is None or event.action in actions) and (not labels or matches(labels, event.labels)):
                listener(event)


def _move_on(clock: VirtualClock) -> None:
    following = clock.next_happening()
    if following is None:
        raise NothingWillHappen("reading a stream, and nothing is on the agenda")
    clock.advance(following)


class SimulatedEventStream:
    """Events since the call; to wait for the next one is to let the next happening happen."""

    def __init__(self, clock: VirtualClock, bus: EventBus, labels: Mapping[str, str], since: datetime | None) -> None:
        past = bus.history if since is not None else ()
        self._queue = deque(e for e in past if since is not None and e.at >= since and matches(labels, e.labels))
        self._clock = clock
        self._end = bus.subscribe(labels, self._queue.append)
        self._closed = False

    def __iter__(self) -> Iterator[EngineEvent]:
        while not self._closed:
            if self._queue:
                yield self._queue.popleft()
            else:
                _move_on(self._clock)

    def close(self) -> None:
        self._closed = True
        self._end()


class SimulatedLogStream:
    """The output that a container's attempt has written by now and, with follow, writes until it ends."""

    def __init__(
        self,
        clock: VirtualClock,
        container: SimulatedContainer,
        *,
        follow: bool,
        tail: int | None,
        since: datetime | None,
    ) -> None:
        self._clock, self._container, self._follow, self._since = clock, container, follow, since
        self._skip = 0
        if tail is not None:
            self._skip = max(0, len(self._written()) - tail)
        self._closed = False

    def _written(self) -> list[tuple[datetime, LogChunk]]:
        container = self._container
        if container.started_at is None or container.attempt is None:
            return []
        start, end = container.started_at, container.finished_at
        until = self._clock.now() if end is None or container.is_alive() else end
        found = []
        for line in container.attempt.output:
            at = later(start, line.at)
            if at <= until and (self._since is None or at >= self._since):
                stamp = at.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
                found.append((at, LogChunk(stream=line.stream, data=line.data, timestamp=stamp)))
        return found

    def __iter__(self) -> Iterator[LogChunk]:
        position = self._skip
        while not self._closed:
            alive = self._container.is_alive()
            written = self._written()
            while position < len(written) and not self._closed:
                yield written[position][1]
                position += 1
            if not self._follow or not alive:
                return
            self._wait_for_more()

    def batches(self) -> Iterator[list[LogChunk]]:
        return ([chunk] for chunk in self)

    def place(self) -> int:
        return -1

    def _wait_for_more(self) -> None:
        """Go to the next line's time or the next happening, whichever is first."""
        container, now = self._container, self._clock.now()
        assert container.started_at is not None
        assert container.attempt is not None
        due = [later(container.started_at, line.at) for line in container.attempt.output]
        coming = min((at for at in due if at > now), default=None)
        following = self._clock.next_happening()
        if coming is not None and (following is None or coming < following):
            self._clock.advance(coming)
        else:
            _move_on(self._clock)

    def close(self) -> None:
        self._closed = True
