"""Runs the same manifests many times, each time as a run of its own, and says how often they pass and where they part.

Every repetition has a namespace of its own, so that names and volumes are its own too; imports, the Engine's connections and
the registry are shared.
"""

from __future__ import annotations

import dataclasses
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from msgspec.structs import replace

from runner.clock import Clock
from runner.core.diagnosis import diagnose
from runner.core.history.record import FaultMark, Key, PodRecord, Seen, Told
from runner.core.kindwords import CLAIMS
from runner.core.model import EMPTY, Json, Object
from runner.core.narration import (
    AttemptEnding,
    EventRecorded,
    FaultInjected,
    Listener,
    LogLine,
    LogLines,
    Narration,
    StatusChanged,
)
from runner.core.repeats.outcomes import Repeats, Repetition, gathered, label_of
from runner.core.text.times import EPOCH, parse_time
from runner.core.workloads import template_spec
from runner.errors import ExitCode, ManifestError, UsageError
from runner.kubelet.options import RunOptions, Until
from runner.node.outcome import StopRequest

if TYPE_CHECKING:
    from runner.api.inputs import Manifest
    from runner.api.settings import How
    from runner.core.manifest import LoadedObject, LoadResult

NUMBER: Final = "{n}"
"""What stands for a repetition's number in values of variables and configuration."""
MOST: Final = 10_000
MOST_PARALLEL: Final = 32
_LAST_LINES: Final = 5
_SHORTEST_NAMES: Final = 63


class Result(Protocol):
    """How a run ended."""

    @property
    def exit_code(self) -> int: ...

    @property
    def pods(self) -> tuple[Object, ...]: ...

    @property
    def message(self) -> str: ...


class Runs(Protocol):
    """What runs pods to their end: the facade."""

    def run_to_end(
        self, objects: Sequence[LoadedObject], options: RunOptions, *, listener: Listener, stop: StopRequest
    ) -> Result: ...

    def own_namespace(self, name: str) -> None: ...

    def remove_namespace(self, name: str) -> None: ...


class Repeating(Runs, Protocol):
    """What repeats manifests: the facade."""

    overrides: dict[str, Any]

    @property
    def options(self) -> RunOptions: ...

    @property
    def clock(self) -> Clock: ...

    def load_any(self, manifests: Sequence[Manifest]) -> LoadResult: ...


Tell = Callable[[Repetition, str], None]
Make = Callable[[int], Sequence["LoadedObject"]]


def usual_end(objects: Sequence[LoadedObject]) -> Until:
    """What a repetition waits for unless it is told: its end, where every pod has one; else that the pods are ready."""
    specs = [one.value["spec"] for one in objects if one.kind == "Pod"]
    specs += [spec for one in objects if one.kind != "Pod" and (spec := template_spec(one))]
    is_endless = any((spec.get("restartPolicy") or "Always") == "Always" for spec in specs)
    return Until.READY if is_endless or not specs else Until.COMPLETED


def repeat_runs(
    runs: Runs,
    make: Make,
    options: RunOptions,
    *,
    count: int,
    parallel: int = 1,
    clock: Clock,
    stop: StopRequest | None = None,
    tell: Tell = lambda _one, _label: None,
) -> Repeats:
    """Run what ``make`` makes for each number from 1, ``parallel`` at a time; returns what came of those that ended.

    ``stop`` ends those that run and begins no more. ``tell`` hears of each that is done, on one thread at a time. Raises what a
    run raises that could not be; the others are ended first.
    """
    if not 1 <= count <= MOST:
        raise UsageError(f"a run is repeated from 1 to {MOST} times, not {count}")
    if not 1 <= parallel <= MOST_PARALLEL:
        raise UsageError(f"from 1 to {MOST_PARALLEL} runs go on at a time, not {parallel}")
    return _Series(runs, make, options, clock, stop or StopRequest(), tell).all(count, parallel)


def repeat_manifests(runner: Repeating, manifests: Sequence[Manifest], how: How, *, n: int, parallel: int) -> Repeats:
    """The same with the arguments of ``Runner.repeat``, which says what is raised."""
    from runner.api.settings import options_of, overrides_of

    result = runner.load_any(manifests)
    if not result.ok:
        raise ManifestError(tuple(str(problem) for problem in result.problems))
    if not result.objects:
        raise UsageError("the manifests hold no objects")
    chosen: How = {"max_restarts": 0, "until": usual_end(result.objects), **how}
    changes = overrides_of(how, runner.overrides)
    if parallel > 1:
        changes = dataclasses.replace(changes, host_ports=False)

    def make(number: int) -> Sequence[LoadedObject]:
        own = dataclasses.replace(changes, env=numbered(changes.env, number), config=numbered(changes.config, number))
        return own.apply(result.objects)

    make(1)
    return repeat_runs(runner, make, options_of(chosen, runner.options), count=n, parallel=parallel, clock=runner.clock)


class _Series:
    """One series of repetitions."""

    def __init__(
        self, runs: Runs, make: Make, options: RunOptions, clock: Clock, stop: StopRequest, tell: Tell
    ) -> None:
        self._runs, self._make, self._options, self._clock = runs, make, options, clock
        self._stop, self._tell = stop, tell
        self._token = secrets.token_hex(2)
        self._live: set[StopRequest] = set()
        self._lock = threading.Lock()
        self._done: list[Repetition] = []
        self._labels: dict[int, str] = {}
        self._known: set[str] = set()
        stop.subscribe(self._pass_on)

    def _pass_on(self) -> None:
        for one in list(self._live):
            one.request()

    def all(self, count: int, parallel: int) -> Repeats:
        numbers = iter(range(1, count + 1))
        problem: BaseException | None = None
        with ThreadPoolExecutor(parallel, thread_name_prefix="repeat") as pool:
            going: set[Future[None]] = set()
            try:
                while True:
                    while len(going) < parallel and not self._stop.requested and problem is None:
                        number = next(numbers, None)
                        if number is None:
                            break
                        going.add(pool.submit(self._one, number))
                    if not going:
                        break
                    over, going = wait(going, return_when=FIRST_COMPLETED)
                    for future in over:
                        problem = problem or future.exception()
                    if problem is not None:
                        self._pass_on()
            except BaseException:  # A program's own Ctrl-C: what runs is ended before it goes on.
                self._stop.request()
                raise
        if problem is not None and not (self._stop.requested and self._done):
            raise problem
        return gathered(self._done, self._labels, count)

    def _one(self, number: int) -> None:
        objects = in_namespaces(self._make(number), f"-r{number}-{self._token}")
        artifacts = None if self._options.artifacts is None else self._options.artifacts / str(number)
        options = replace(self._options, artifacts=artifacts, history=None)
        life, began = _Life(), self._clock.steady()
        with self._stopping() as stop, self._claims(objects):
            result = self._runs.run_to_end(objects, options, listener=life.hear, stop=stop)
        if result.exit_code == ExitCode.INTERRUPTED:
            return
        one = Repetition(
            number=number,
            exit_code=int(result.exit_code),
            message=result.message,
            seconds=self._clock.steady() - began,
            records=life.records(number),
            tail=life.last_lines(result.pods),
            artifacts="" if artifacts is None else str(artifacts),
        )
        label = label_of(one)
        with self._lock:
            if label in self._known:  # One of a kind is enough to look at.
                one = replace(one, records=(), tail=())
            self._known.add(label)
            self._done.append(one)
            self._labels[number] = label
            self._tell(one, label)

    @contextmanager
    def _stopping(self) -> Iterator[StopRequest]:
        """A request to end one repetition, which follows the one for all."""
        own = StopRequest()
        self._live.add(own)
        if self._stop.requested:
            own.request()
        try:
            yield own
        finally:
            self._live.discard(own)

    @contextmanager
    def _claims(self, objects: Sequence[LoadedObject]) -> Iterator[None]:
        """Let claims and their volumes go with the repetition."""
        places = sorted({one.namespace for one in objects if _claims_something(one)})
        for place in places:
            self._runs.own_namespace(place)
        try:
            yield
        finally:
            for place in places:
                self._runs.remove_namespace(place)


def _claims_something(one: LoadedObject) -> bool:
    return one.kind == CLAIMS.kind or bool((one.value.get("spec") or EMPTY).get("volumeClaimTemplates"))


# --- manifests ----------------------------------------------------------------------------------------------------------


def in_namespaces(objects: Sequence[LoadedObject], suffix: str) -> tuple[LoadedObject, ...]:
    """The objects in namespaces of their own, with the DNS names in their texts that end in a namespace."""
    places = {
        one.namespace: f"{one.namespace[: _SHORTEST_NAMES - len(suffix)]}{suffix}" for one in objects if one.namespace
    }
    return tuple(_moved(one, places) for one in objects)


def _moved(one: LoadedObject, places: Mapping[str, str]) -> LoadedObject:
    place = places.get(one.namespace, "")
    if not place:
        return one
    value = _renamed(deepcopy(dict(one.value)), {f".{old}.svc": f".{new}.svc" for old, new in places.items()})
    value["metadata"] = {**value["metadata"], "namespace": place}
    return replace(one, namespace=place, value=value)


def numbered(value: Any, number: int) -> Any:
    """A value of options with the repetition's number in the place of ``{n}``."""
    return _renamed(value, {NUMBER: str(number)})


def _renamed(value: Any, words: Mapping[str, str]) -> Any:
    match value:
        case str():
            for old, new in words.items():
                value = value.replace(old, new)
            return value
        case Mapping():
            return {key: _renamed(part, words) for key, part in value.items()}
        case list() | tuple():
            return type(value)(_renamed(part, words) for part in value)
        case _:
            return value


# --- what is heard ------------------------------------------------------------------------------------------------------


class _Life:
    """What the pods of one repetition did until they were deleted. May be called by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, list[StatusChanged]] = {}
        self._told: dict[str, list[Told]] = {}
        self._faults: dict[str, list[FaultMark]] = {}
        self._ends: dict[str, dict[Key, Json]] = {}
        self._lines: dict[tuple[str, str, int], list[bytes]] = {}

    def hear(self, narration: Narration) -> None:
        uid = narration.ref.uid
        with self._lock:
            match narration:
                case StatusChanged():
                    if not (narration.manifest.get("metadata") or EMPTY).get("deletionTimestamp"):
                        self._seen.setdefault(uid, []).append(narration)
                case EventRecorded(is_stored=True):
                    self._told.setdefault(uid, []).append(Told(at=narration.at, event=narration.event))
                case FaultInjected():
                    mark = FaultMark(
                        at=narration.at,
                        kind="FaultInjected",
                        text=narration.text,
                        container=narration.container,
                        attempt=narration.attempt,
                    )
                    self._faults.setdefault(uid, []).append(mark)
                case AttemptEnding(inspection=Mapping() as inspection):
                    # Its times alone: the rest may tell secrets.
                    times = {key: inspection[key] for key in ("Created", "State") if key in inspection}
                    self._ends.setdefault(uid, {})[narration.container, narration.attempt] = times
                case LogLine():
                    self._line(narration)
                case LogLines():
                    for line in narration.lines[-_LAST_LINES:]:
                        self._line(line)
                case _:
                    return

    def _line(self, line: LogLine) -> None:
        lines = self._lines.setdefault((line.ref.uid, line.container, line.attempt), [])
        lines.append(line.data)
        del lines[:-_LAST_LINES]

    def records(self, number: int) -> tuple[PodRecord, ...]:
        """What each pod did, from the first status of any of them on; ``number`` stands for the run."""
        with self._lock:
            began = min((found[0].at for found in self._seen.values()), default=EPOCH)
            return tuple(self._record(uid, found, began, number) for uid, found in self._seen.items())

    def _record(self, uid: str, found: Sequence[StatusChanged], began: datetime, number: int) -> PodRecord:
        end = found[-1].at
        return PodRecord(
            namespace=found[-1].ref.namespace,
            name=found[-1].ref.name,
            uid=uid,
            run=str(number),
            trace=tuple(Seen(at=one.at, pod=one.pod) for one in found),
            told=tuple(one for one in self._told.get(uid, ()) if one.at <= end),
            faults=tuple(self._faults.get(uid, ())),
            inspections={key: _until(end, one) for key, one in self._ends.get(uid, {}).items()},
            began_at=began,
            ended_at=end,
        )

    def last_lines(self, pods: Sequence[Json]) -> tuple[str, ...]:
        """What the container wrote last that holds its pod up."""
        for pod in pods:
            cause = diagnose(pod)
            if cause is not None and cause.attempt is not None:
                key = (str(pod["metadata"].get("uid")), cause.container, cause.attempt)
                with self._lock:
                    return tuple(one.decode("utf-8", "replace").rstrip() for one in self._lines.get(key, ()))
        return ()


def _until(end: datetime, inspection: Json) -> Json:
    """An inspection as of an instant: what has ended later still runs."""
    state = inspection.get("State") or EMPTY
    finished = parse_time(state.get("FinishedAt"))
    if finished is None or finished <= end:
        return inspection
    return {**inspection, "State": {"StartedAt": state.get("StartedAt"), "Running": True}}
