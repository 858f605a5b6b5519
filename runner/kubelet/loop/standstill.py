"""Holds one pod's life at breakpoints: where it stands, who says how it goes on, and for how long nothing counted.

While a pod stands, its worker does nothing for it: nothing is looked at, decided, probed or killed. What it waits for comes
that much later. A deletion ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct, field

from runner.clock import Clock
from runner.core.faults.breakpoints import Breakpoint, Resume, Stop, asked_to_go_on, standing, stopped_at
from runner.core.faults.kinds import Place
from runner.core.faults.stops import Key, Verdict, as_decided_upon, as_it_counts
from runner.core.model import Object, PodUID
from runner.core.narration import Stood
from runner.core.observed import ContainerRecord, Observed, RuntimeState
from runner.core.reasons import EventReason, normal
from runner.core.sync.backoff import advance_restart, backoff_key
from runner.core.text.times import format_duration
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.restarts import Restarts
from runner.kubelet.loop.tasks import Task, Wait
from runner.registry.contract import Registry, uid_of

COMPONENT: Final = "podrunner"
"""Who tells of breakpoints."""
_GOES_ON: Final = {
    Resume.CONTINUE: "as it would have",
    Resume.RETRY: "the attempt is made again now",
    Resume.SKIP: "the attempt counts as succeeded",
    Resume.FAIL: "the attempt counts as failed",
}


class Passed(Struct):
    """What is remembered of one pod's breakpoints, whichever worker has it."""

    ended: set[Key] = field(default_factory=set)
    """Attempts whose end was met."""
    verdicts: dict[Key, Verdict] = field(default_factory=dict)

    def meets(self, key: Key) -> bool:
        """Whether the end of an attempt is met for the first time, and nobody has said yet how that counts."""
        is_new = key not in self.ended
        self.ended.add(key)
        return is_new and key not in self.verdicts

    def unmeet(self, keys: set[Key]) -> None:
        """Nobody has said how these count, and nobody will to whoever met them."""
        self.ended.difference_update(keys)

    def judge(self, key: Key, verdict: Verdict) -> None:
        """Somebody has said how an attempt counts."""
        self.verdicts[key] = verdict


class _Halt(Struct, frozen=True, kw_only=True):
    """A place at which the pod stands, since when, and the instance."""

    stop: Stop
    at: datetime
    began: float
    container_id: str
    ended: ContainerRecord | None = None


class Standstill:
    """Where one pod stands. Used by its worker's thread alone; ``is_standing`` may be read from any.

    ``on_change`` is told when it begins to stand (True) and when it goes on (False).
    """

    def __init__(
        self,
        breakpoints: Sequence[Breakpoint],
        passed: Passed,
        cache: PodCache,
        reporter: Reporter,
        registry: Registry,
        restarts: Restarts,
        clock: Clock,
        on_change: Callable[[bool], None],
    ) -> None:
        self._breakpoints = breakpoints
        self._passed = passed
        self._cache = cache
        self._reporter = reporter
        self._registry = registry
        self._restarts = restarts
        self._clock = clock
        self._on_change = on_change
        self._moves: tuple[Callable[[timedelta], None], ...] = ()
        self._halts: list[_Halt] = []
        """Where it stands, and where it will when it goes on from there."""
        self._hows: dict[Stop, Resume] = {}
        self._since: tuple[datetime, float] | None = None
        self._is_open = False
        cache.count_with(self.counted, self.decided_upon)
        if stopped_at(cache.pod.manifest):
            self._write("")  # Another worker stood there.

    def move_with(self, *moves: Callable[[timedelta], None]) -> None:
        """Have these called with the time that has passed without counting, whenever the pod goes on."""
        self._moves = moves

    @property
    def is_standing(self) -> bool:
        return bool(self._halts)

    # --- reaching a breakpoint ----------------------------------------------------------------------------------------

    def reach(self, container: str, attempt: int, place: Place, container_id: str) -> Task[Resume]:
        """An attempt is created, or runs: stand still if that is a breakpoint. Returns how to go on."""
        stop = Stop(container=container, attempt=attempt, place=place)
        if not self._halt_at(stop, container_id):
            return Resume.CONTINUE
        yield Wait(ready=lambda: stop in self._hows)
        return self._hows.pop(stop)

    def counted(self, observed: Observed) -> Observed:
        """What was seen, as it counts. What has ended at a breakpoint has not, as long as the pod stands there."""
        passed = self._passed
        for one in reversed(observed.containers):
            if one.state is RuntimeState.EXITED and passed.meets((one.name, one.attempt)):
                self._halt_at_end(one)
        return as_it_counts(observed, self._held, passed.verdicts)

    def decided_upon(self, observed: Observed) -> Observed:
        """What counts, as it is decided upon: without what is to be made again."""
        return as_decided_upon(observed, self._passed.ended, self._passed.verdicts)

    @property
    def _held(self) -> set[Key]:
        return {(one.stop.container, one.stop.attempt) for one in self._halts if one.ended is not None}

    def _halt_at_end(self, one: ContainerRecord) -> None:
        places = (Place.FAILED, Place.ENDED) if one.exit_code else (Place.ENDED,)
        for place in places:
            if self._halt_at(Stop(container=one.name, attempt=one.attempt, place=place), one.id, one):
                return

    def _halt_at(self, stop: Stop, container_id: str, ended: ContainerRecord | None = None) -> bool:
        """Stand still there if it is a breakpoint, unless the pod is going away."""
        if self._is_open or self._cache.pod.is_deleted or not any(one.stops(stop) for one in self._breakpoints):
            return False
        now = self._clock.now()
        halt = _Halt(stop=stop, at=now, began=self._clock.steady(), container_id=container_id, ended=ended)
        self._halts.append(halt)
        if self._since is None:
            self._since = now, halt.began
            self._on_change(True)
        if halt is self._halts[0]:
            self._show(halt)
        return True

    def _show(self, halt: _Halt) -> None:
        """Say where the pod stands from now on."""
        self._write(str(halt.stop))
        code = "" if halt.ended is None else f", exit code {halt.ended.exit_code}"
        self._tell(halt, f"Stopped at breakpoint {halt.stop}{code}")
        self._narrate(halt)

    # --- going on -----------------------------------------------------------------------------------------------------

    def heed(self) -> bool:
        """Do what somebody asks of a pod that stands. Returns whether it stands still."""
        while self._halts:
            if self._cache.pod.is_deleted:
                self.end()
                break
            how = asked_to_go_on(self._cache.pod.manifest, str(self._halts[0].stop))
            if how is None:
                break
            self._go_on(how)
        return bool(self._halts)

    def end(self) -> None:
        """The pod comes to its end: nothing stops it any more."""
        self._is_open = True
        while self._halts:
            self._go_on(Resume.CONTINUE)

    def leave(self) -> None:
        """Its worker lets go of it: it stands nowhere then. Another worker that has the pod meets the same ends again."""
        if self._halts:
            self._passed.unmeet(self._held)
            self._halts.clear()
            self._since = None
            self._on_change(False)
            self._write("")

    def _go_on(self, how: Resume) -> None:
        halt = self._halts.pop(0)
        stop, key = halt.stop, (halt.stop.container, halt.stop.attempt)
        if how is not Resume.CONTINUE and (stop.place is not Place.CREATED or how is not Resume.RETRY):
            self._passed.judge(key, Verdict(how, self._clock.now()))
        if how is Resume.RETRY and halt.ended is not None:
            self._count(halt.ended)
        if halt.ended is None:
            self._hows[stop] = how
        seconds = max(0.0, self._clock.steady() - halt.began)
        self._tell(halt, f"Going on from breakpoint {stop} after {format_duration(round(seconds))}: {_GOES_ON[how]}")
        self._narrate(halt, how, seconds)
        if self._halts:
            self._show(self._halts[0])
            return
        self._write("")
        self._take_out()

    def _take_out(self) -> None:
        """Have the time in which the pod stood count for nothing."""
        assert self._since is not None
        at, began = self._since
        self._since = None
        by = timedelta(seconds=max(0.0, self._clock.steady() - began))
        self._restarts.stood(at, by)
        self._cache.has_stood(by.total_seconds())
        for move in self._moves:
            move(by)
        self._on_change(False)

    def _count(self, ended: ContainerRecord) -> None:
        """What is made again at once counts in the back-off of what comes after."""
        container, memory = self._cache.pod.container(ended.name), self._restarts.memory
        if container is None or ended.finished_at is None:
            return
        key = backoff_key(self._cache.pod, container)
        entry = advance_restart(memory.crashes.get(key), ended.finished_at, self._clock.now(), memory.settings)
        self._restarts.remember(key, entry)

    # --- saying so ----------------------------------------------------------------------------------------------------

    def _write(self, stop: str) -> None:
        """Have the pod's annotations say where it stands, "": nowhere."""
        pod = self._cache.pod
        uid = PodUID(pod.uid)

        def change(old: object) -> Object | None:
            if not isinstance(old, dict) or uid_of(old) != uid:
                return None
            return dict(standing(old, stop))

        self._registry.change("Pod", pod.namespace, pod.name, change)

    def _tell(self, halt: _Halt, text: str) -> None:
        own = self._cache.pod.container(halt.stop.container)
        self._reporter.recorder.note(
            normal(EventReason.BREAKPOINT, text),
            field_path="" if own is None else own.field_path,
            component=COMPONENT,
        )

    def _narrate(self, halt: _Halt, how: Resume | None = None, seconds: float = 0.0) -> None:
        stop = halt.stop
        self._reporter.tell(
            Stood(
                at=halt.at,
                ref=self._reporter.ref,
                stop=str(stop),
                container=stop.container,
                attempt=stop.attempt,
                place=str(stop.place),
                container_id=halt.container_id,
                exit_code=None if halt.ended is None else halt.ended.exit_code,
                how="" if how is None else str(how),
                seconds=seconds,
            )
        )
