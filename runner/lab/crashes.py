"""Faults in virtual time: every call of the Engine and every write of the registry has a number, at which something happens.

A crash ends the process: it passes every handler, and whatever the dead node still tries reaches nothing. The driver of the
node catches ``Crashed`` and begins another one over the same registry and Engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from functools import partial
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from runner.clock import VirtualClock
from runner.core.container.containerconfig import ContainerConfig
from runner.core.events import Event
from runner.core.labels import CONTAINER_NAME
from runner.core.model import Json
from runner.core.status.podstatus import PodStatus
from runner.engine.protocol import ContainerSummary, Engine, EngineEvent, EngineState
from runner.engine.seam import Call, Seam
from runner.engine.simulated import SimulatedEngine
from runner.errors import (
    EngineConflict,
    EngineError,
    EngineRefusal,
    EngineUnavailable,
    ImagePullError,
    PullFailure,
    RunnerError,
    StartError,
    StoreError,
)
from runner.lab.between import Between, Deliver
from runner.registry.contract import Object, Registry, name_of
from runner.registry.ledger import Ledger
from runner.registry.memory import MemoryRegistry

T = TypeVar("T")

READS: Final = frozenset(
    {
        "info", "architecture", "list_containers", "inspect_container", "inspect_image", "list_volumes", "inspect_volume",
        "download", "logs", "events",
    }
)  # fmt: skip
"""Verbs that change nothing: a crash after one is a crash before the next, and a reply that is lost is an error."""
REGISTRY: Final = "registry."
"""What the names of the registry's writes begin with."""


class Kind(StrEnum):
    """What may happen at a number."""

    CRASH_BEFORE = "crash-before"
    CRASH_AFTER = "crash-after"
    CRASH_DURING = "crash-during"
    """The Engine goes on with what the dead node has asked for, and has done it a moment later."""
    ERROR = "error"
    ERROR_FOR_EVER = "error-for-ever"
    UNAVAILABLE = "unavailable"
    """Nothing answers this one call."""
    LOST_REPLY = "lost-reply"
    """It is done, and the reply is lost."""
    LATE = "late"
    """The reply is lost, and it is done a moment later: until then no list has what is created, and every list what is removed.

    Lists of a daemon are never older than its replies (moby: daemon/create.go registers before it answers, daemon/delete.go
    forgets before it answers), but a busy one may go on with a call that nobody waits for any more.
    """
    STALE_LIST = "stale-list"
    """A list still has what ended at this very moment as running, as a daemon's has for milliseconds (daemon/monitor.go)."""
    MISSED_EVENT = "missed-event"
    """The stream of events breaks: this one is never told, and a moment later everything has to be looked at."""
    REPEATED_EVENT = "repeated-event"
    REORDERED_EVENT = "reordered-event"
    """An event comes after the next one of another container."""


OF_CALLS: Final = (
    Kind.CRASH_BEFORE, Kind.CRASH_AFTER, Kind.CRASH_DURING,
    Kind.ERROR, Kind.ERROR_FOR_EVER, Kind.UNAVAILABLE, Kind.LOST_REPLY, Kind.LATE,
)  # fmt: skip
OF_ENGINE: Final = (Kind.UNAVAILABLE, Kind.LATE, Kind.CRASH_DURING)
"""A write of the registry is done in this process: none of these happens to it."""
OF_EVENTS: Final = (Kind.MISSED_EVENT, Kind.REPEATED_EVENT, Kind.REORDERED_EVENT)
RECONNECT_SECONDS: Final = 1.0
"""After so long a stream of events that has broken is there again (kubelet/loop/wakeups.py)."""
LATE_SECONDS: Final = 2.0
"""So much later is done what is done late."""


class Crashed(BaseException):
    """The process is dead. No handler of an error may hold it up."""


class Point(Struct, frozen=True, kw_only=True):
    """What has a number: a call, a write or an event."""

    name: str
    target: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.target}".strip()

    @property
    def is_write(self) -> bool:
        """Whether the registry's."""
        return self.name.startswith(REGISTRY)


class Fault(Struct, frozen=True, kw_only=True):
    """``kind`` happens at number ``at``, from 1: of calls and writes together, of lists, or of events, as the kind is."""

    kind: Kind
    at: int

    def __str__(self) -> str:
        return f"{self.kind} at {self.at}"


class Strike(Fault, frozen=True, kw_only=True):
    """A fault that has happened, and to what."""

    point: Point

    def __str__(self) -> str:
        return f"{super().__str__()}: {self.point}"


class Hazard(Between):
    """Stands between nodes, one after the other, and their world: numbers what they do, and lets faults happen.

    ``points``, ``lists`` and ``events`` are what had a number so far.
    """

    def __init__(
        self,
        faults: Sequence[Fault] = (),
        *,
        most: int | None = None,
        endless: Callable[[], BaseException] = lambda: RecursionError("it turns in circles"),
    ) -> None:
        """After ``most`` calls and writes ``endless`` is raised."""
        self._faults = {(_series(fault.kind), fault.at): fault.kind for fault in faults}
        self._most, self._endless = most, endless
        self._is_asleep = True
        self._failing: set[Point] = set()
        self._under_way: set[tuple[str, object]] = set()
        """What is done late and was not done yet: the verbs, with the container's name or id."""
        self.refused: dict[Point, float] = {}
        """What fails for ever, and when it has failed last, in steady seconds."""
        self.done: Counter[Point] = Counter()
        """How often the Engine has done what."""
        self._delayed: list[EngineEvent] = []
        self.points: list[Point] = []
        self.lists: list[Point] = []
        self.events: list[Point] = []
        self.struck: list[Strike] = []
        """What has happened so far."""
        self._engine: SimulatedEngine | None = None
        self._gate = _Gate(self)

    # --- Between ----------------------------------------------------------------------------------------------------

    def engine(self, engine: SimulatedEngine) -> Engine:
        """Another node begins: what the one before may still try reaches nothing."""
        self._engine = engine
        self._gate.close()
        self._gate = _Gate(self)
        return Seam(engine, self._gate, engine.clock)

    def registry(self, registry: MemoryRegistry) -> Registry:
        return NumberedRegistry(registry, self._gate)

    def event(self, event: EngineEvent, deliver: Deliver) -> None:
        self.events.append(Point(name=event.action, target=event.labels.get(CONTAINER_NAME, "")))
        kind = self._take("event", len(self.events), self.events[-1])
        delayed, self._delayed = self._delayed, []
        early = [one for one in delayed if one.container_id == event.container_id]
        for one in early:
            deliver(one)
        match kind:
            case Kind.MISSED_EVENT:
                self._clock().after(RECONNECT_SECONDS, partial(deliver, None))
            case Kind.REORDERED_EVENT:
                self._delayed.append(event)
                self._clock().after(RECONNECT_SECONDS, partial(self._catch_up, deliver))  # at the latest
            case Kind.REPEATED_EVENT:
                deliver(event)
                deliver(event)
                self._clock().after(RECONNECT_SECONDS, partial(deliver, event))
            case _:
                deliver(event)
        for one in delayed:
            if one not in early:
                deliver(one)

    def _catch_up(self, deliver: Deliver) -> None:
        delayed, self._delayed = self._delayed, []
        for event in delayed:
            deliver(event)

    def _clock(self) -> VirtualClock:
        assert self._engine is not None
        return self._engine.clock

    # --- numbers ----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """From now on everything has a number."""
        self._is_asleep = False

    def plan(self, kind: Kind, ahead: int) -> None:
        """Let something happen at the next number but so many, of the series of its kind."""
        so_far = {"call": self.points, "list": self.lists, "event": self.events}
        series = _series(kind)
        self._faults[series, len(so_far[series]) + ahead] = kind

    def lift(self) -> None:
        """What would fail for ever fails no more."""
        self._failing.clear()
        self.refused.clear()

    @property
    def is_failing(self) -> bool:
        """Whether something fails for ever."""
        return bool(self._failing)

    def enter(self, point: Point) -> Kind | None:
        """Something that has the next number begins: what happens to it, unless that is over before anything is done."""
        if self._is_asleep:
            return None
        if self._most is not None and len(self.points) >= self._most:
            raise self._endless()
        self.points.append(point)
        kind = self._take("call", len(self.points), point)
        if kind is Kind.ERROR_FOR_EVER:
            self._failing.add(point)
        if kind is Kind.CRASH_BEFORE:
            self._die()
        if kind is Kind.UNAVAILABLE and not point.is_write:
            raise EngineUnavailable("injected: no answer")
        if point in self._failing:
            self.refused[point] = self._clock().steady()
            raise _error(point)
        if kind in (Kind.ERROR, Kind.UNAVAILABLE):
            raise _error(point)
        return kind

    def do(self, point: Point, call: Call, proceed: Callable[[], T], kind: Kind | None) -> T:
        """Have the Engine do something: now, or late."""
        key = _key(call)
        if key in self._under_way:  # The daemon has the name, or has begun to remove it.
            raise EngineConflict("injected: it is under way", recoverable=True)
        if kind in (Kind.LATE, Kind.CRASH_DURING):
            self._under_way.add(key)
            self._clock().after(LATE_SECONDS, partial(self._do_late, point, key, proceed))
            if kind is Kind.CRASH_DURING:
                self._die()
            raise EngineUnavailable("injected: no answer yet")
        result = proceed()
        self.done[point] += 1
        return result

    def _do_late(self, point: Point, key: tuple[str, object], proceed: Callable[[], object]) -> None:
        self._under_way.discard(key)
        with suppress(EngineError):  # Nobody hears of it.
            proceed()
            self.done[point] += 1

    def leave(self, point: Point, kind: Kind | None) -> None:
        """It is done."""
        if kind is Kind.CRASH_AFTER:
            self._die()
        if kind is Kind.LOST_REPLY:
            text = "injected: the reply is lost"
            raise StoreError(text) if point.is_write else EngineUnavailable(text)

    def listed(self, point: Point, found: list[ContainerSummary]) -> None:
        """A list was made: perhaps an old one."""
        self.lists.append(point)
        if self._take("list", len(self.lists), point) is Kind.STALE_LIST:
            found[:] = [_still_running(one) if self._has_just_ended(one) else one for one in found]

    def _has_just_ended(self, one: ContainerSummary) -> bool:
        assert self._engine is not None
        if one.state is not EngineState.EXITED:
            return False
        return self._engine.inspect_container(one.id).finished_at == self._clock().now()

    def _take(self, series: str, number: int, point: Point) -> Kind | None:
        kind = self._faults.get((series, number))
        if kind is not None:
            self.struck.append(Strike(kind=kind, at=number, point=point))
        return kind

    def _die(self) -> None:
        self._gate.close()
        raise Crashed


def _key(call: Call) -> tuple[str, object]:
    """What two calls have in common of which the daemon refuses the second while it is at the first; others never have."""
    match call.verb:
        case "create_container":
            config = call.arguments["config"]
            assert isinstance(config, ContainerConfig)
            return call.verb, config.name
        case "remove_container":
            return call.verb, call.arguments["container_id"]
        case _:
            return call.verb, object()


def _series(kind: Kind) -> str:
    if kind in OF_EVENTS:
        return "event"
    return "list" if kind is Kind.STALE_LIST else "call"


def _error(point: Point) -> RunnerError:
    """What a daemon, or a disk, answers that is in trouble (engine/docker/failures.py)."""
    match point.name:
        case name if name.startswith(REGISTRY):
            return StoreError("injected: disk I/O error")
        case "pull_image":
            return ImagePullError("injected", kind=PullFailure.UNAVAILABLE)
        case "start_container":
            return StartError("injected")
        case _:
            return EngineRefusal("injected", recoverable=True)


def _still_running(one: ContainerSummary) -> ContainerSummary:
    return replace(one, state=EngineState.RUNNING)


class _Gate:
    """What one node's calls and writes go through."""

    def __init__(self, hazard: Hazard) -> None:
        self._hazard = hazard
        self._is_inside = False
        self.is_dead = False

    def close(self) -> None:
        """The node is dead: nothing of it gets through any more."""
        self.is_dead = True

    def around(self, call: Call, proceed: Callable[[], T]) -> T:
        """A ``Wrapper``'s."""
        if self.is_dead:
            raise Crashed
        if call.step:
            return proceed()
        point = Point(name=call.verb, target=call.target.container or call.target.name)
        kind = self._hazard.enter(point)
        result = self._hazard.do(point, call, proceed, kind)
        if call.verb == "list_containers" and isinstance(result, list):
            self._hazard.listed(point, result)
        self._hazard.leave(point, kind)
        return result

    @contextmanager
    def write(self, name: str, target: str) -> Iterator[None]:
        """A write of the registry; those inside a transaction are one with it."""
        if self.is_dead:
            raise Crashed
        if self._is_inside:
            yield
            return
        point = Point(name=f"{REGISTRY}{name}", target=target)
        kind = self._hazard.enter(point)
        self._is_inside = True
        try:
            yield
        finally:
            self._is_inside = False
        self._hazard.leave(point, kind)


class NumberedRegistry:
    """A ``Registry`` whose writes go through a gate."""

    def __init__(self, registry: MemoryRegistry, gate: _Gate) -> None:
        self._registry = registry
        self._gate = gate
        self.ledger: Ledger = NumberedLedger(registry.ledger, gate)
        self.get, self.get_by_uid, self.list = registry.get, registry.get_by_uid, registry.list
        self.version, self.wishes, self.watch = registry.version, registry.wishes, registry.watch
        self.unbegun = registry.unbegun

    def create(self, value: Json, *, holder: str = "", run_spec: str | None = None, lease: str = "") -> Object:
        with self._gate.write("create", _named(value)):
            return self._registry.create(value, holder=holder, run_spec=run_spec, lease=lease)

    def update(self, value: Json, *, expect: str | None = None) -> Object:
        with self._gate.write("update", _named(value)):
            return self._registry.update(value, expect=expect)

    def change(
        self, kind: str, namespace: str, name: str, function: Callable[[Object | None], Json | None]
    ) -> Object | None:
        with self._gate.write("change", f"{kind}/{name}"):
            return self._registry.change(kind, namespace, name, function)

    def delete(self, kind: str, namespace: str, name: str, *, uid: str = "") -> Object | None:
        with self._gate.write("delete", f"{kind}/{name}"):
            return self._registry.delete(kind, namespace, name, uid=uid)

    def publish_status(self, uid: str, status: PodStatus | Json) -> None:
        with self._gate.write("publish_status", ""):
            self._registry.publish_status(uid, status)

    def record_event(self, event: Event | Json) -> None:
        with self._gate.write("record_event", str(event.reason if isinstance(event, Event) else event.get("reason"))):
            self._registry.record_event(event)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._gate.write("transaction", ""), self._registry.transaction():
            yield

    def close(self) -> None:
        self._registry.close()


class NumberedLedger:
    """A ``Ledger`` whose writes go through a gate."""

    def __init__(self, ledger: Ledger, gate: _Gate) -> None:
        self._ledger = ledger
        self._gate = gate
        self.holder, self.holders, self.run_spec = ledger.holder, ledger.holders, ledger.run_spec
        self.lease, self.leases, self.kept = ledger.lease, ledger.leases, ledger.kept
        self.attempts, self.notes = ledger.attempts, ledger.notes

    def take(self, uid: str, expected: str, new: str) -> bool:
        with self._gate.write("take", ""):
            return self._ledger.take(uid, expected, new)

    def lend(self, uid: str, lease: str) -> None:
        with self._gate.write("lend", ""):
            self._ledger.lend(uid, lease)

    def keep(self, uid: str) -> None:
        with self._gate.write("keep", ""):
            self._ledger.keep(uid)

    def note_attempt(self, uid: str, container: str, attempt: int) -> None:
        with self._gate.write("note_attempt", container):
            self._ledger.note_attempt(uid, container, attempt)

    def note(self, uid: str, name: str, text: str | None) -> None:
        with self._gate.write("note", name):
            self._ledger.note(uid, name, text)


def _named(value: Json) -> str:
    return f"{value.get('kind')}/{name_of(value)[1]}"
