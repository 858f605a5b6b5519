"""The processes of a simulated pod: what their scripts say becomes runs of the simulated Engine, marks and files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from runner.clock import VIRTUAL_START
from runner.core.labels import CONTAINER_NAME
from runner.core.model import Container, ExecAction, Handler, Pod, ProbeKind, SleepAction
from runner.core.sync.probing import ProbeRun, RunResult
from runner.engine.protocol import EngineEvent
from runner.engine.simulated import Attempt, ContainerScript, OnTerm, OutputLine, SimulatedEngine
from runner.kubelet.prober.handlers.contract import HookOutcome, Target
from runner.lab.handlers import SimulatedHandlers
from tests.conformance.marks import Mark
from tests.conformance.shell import HORIZON_SECONDS, Doings, Effect, Kind, Unknown, follow

_TERM: Final = "15"


class ProcessScript(ContainerScript, frozen=True, kw_only=True):
    """Runs that are thought out when they start: a script may look for files that an earlier run left."""

    begin: Callable[[], Attempt]

    def attempt(self, number: int) -> Attempt:  # noqa: ARG002 - files tell the runs apart
        return self.begin()


@dataclass(slots=True, kw_only=True)
class _Part:
    """What one process does from an instant on; ``order`` is its place among what happens at the same instant."""

    began: datetime
    order: int
    effects: Sequence[Effect]
    owner: tuple[str, int]
    until: datetime | None = None

    def happened(self, until: datetime) -> Iterator[tuple[datetime, int, Effect]]:
        end = until if self.until is None else min(until, self.until)
        for effect in self.effects:
            at = self.began + timedelta(seconds=effect.at)
            if at > end:
                return
            yield at, self.order, effect


@dataclass(slots=True)
class _Run:
    """One run of a container: its main process, its trap, and what was executed in it."""

    number: int
    doings: Doings
    parts: list[_Part] = field(default_factory=list)


class Processes:
    """All processes of one pod, past and present."""

    def __init__(self, pod: Pod) -> None:
        self._pod = pod
        self._now: Callable[[], datetime] = lambda: VIRTUAL_START
        self._runs: list[_Run] = []
        self._starting: dict[str, _Run] = {}
        self._living: dict[str, _Run] = {}
        self._order = 0
        for container in pod.all_containers():
            self._try_out(container)

    def _try_out(self, container: Container) -> None:
        """Read every script once. Raises Unknown."""
        probes = (container.probe(kind) for kind in ProbeKind)
        handlers = [probe.handler for probe in probes if probe is not None]
        handlers += [hook for hook in (container.post_start, container.pre_stop) if hook is not None]
        for handler in handlers:
            if isinstance(handler, ExecAction):
                follow(handler.command, lambda _path, _at: 1)
            elif not isinstance(handler, SleepAction):
                raise Unknown("the network")
        follow(_command(container), lambda _path, _at: 0)

    def scripts(self) -> Mapping[str, ContainerScript]:
        """The scripts of the pod's containers for the simulated Engine."""
        found = {}
        for container in self._pod.all_containers():
            sample = _attempt(follow(_command(container), lambda _path, _at: 0))
            found[container.name] = ProcessScript(attempts=(sample,), begin=_Beginning(self, container))
        return found

    def watch(self, engine: SimulatedEngine) -> None:
        """Follow what becomes of the containers."""
        self._now = engine.clock.now
        engine.subscribe({CONTAINER_NAME: ""}, self._hear)

    # --- containers ----------------------------------------------------------------------------------------------------

    def begin(self, container: Container) -> Attempt:
        """A container starts."""
        now, number = self._now(), len(self._runs)
        doings = follow(_command(container), self._looker(container, number, now))
        run = _Run(number, doings)
        run.parts.append(self._part(container, number, doings.effects, now))
        self._runs.append(run)
        self._starting[container.name] = run
        return _attempt(doings)

    def _hear(self, event: EngineEvent) -> None:
        name = event.labels[CONTAINER_NAME]
        if event.action == "start" and name in self._starting:
            self._living[event.container_id] = self._starting.pop(name)
        run = self._living.get(event.container_id)
        if run is None:
            return
        is_told = event.action == "kill" and event.attributes["signal"] == _TERM
        if is_told and run.doings.trap is not None and run.parts[0].until is None:
            container = self._pod.container(name)
            assert container is not None
            run.parts[0].until = event.at
            run.parts.append(self._part(container, run.number, run.doings.trap.effects, event.at))
        elif event.action == "die":
            for part in run.parts:
                part.until = event.at if part.until is None else part.until

    # --- probes and hooks ------------------------------------------------------------------------------------------------

    def execute(self, container: Container, container_id: str, command: Sequence[str], limit: float | None) -> Doings:
        """Start a process in a container; the caller lets its time pass."""
        now, run = self._now(), self._living[container_id]
        seconds = HORIZON_SECONDS if limit is None else limit
        doings = follow(command, self._looker(container, run.number, now), limit=seconds)
        run.parts.append(self._part(container, run.number, doings.effects, now))
        return doings

    # --- the world -------------------------------------------------------------------------------------------------------

    def _part(self, container: Container, number: int, effects: Sequence[Effect], began: datetime) -> _Part:
        self._order += 1
        return _Part(began=began, order=self._order, effects=effects, owner=(container.name, number))

    def _looker(self, container: Container, number: int, began: datetime) -> Callable[[str, float], int]:
        return lambda path, at: self._writes(container, number, path, began + timedelta(seconds=at))

    def _writes(self, container: Container, number: int, path: str, now: datetime) -> int:
        """How often a file was written to since it was made; 0: it is not there."""
        wanted = self._place(container.name, number, path)
        found = [
            (at, order, effect.kind)
            for run in self._runs
            for part in run.parts
            for at, order, effect in part.happened(now)
            if effect.kind in (Kind.MAKE, Kind.REMOVE) and self._place(*part.owner, effect.text) == wanted
        ]
        count = 0
        for _, _, kind in sorted(found, key=lambda one: one[:2]):
            count = count + 1 if kind is Kind.MAKE else 0
        return count

    def _place(self, name: str, number: int, path: str) -> str:
        """A file's place: in a volume, or in one run of a container."""
        container = self._pod.container(name)
        assert container is not None
        for mount in container.volume_mounts:
            if path.startswith(f"{mount.mount_path.rstrip('/')}/"):
                return f"volume {mount.name}: {path.removeprefix(mount.mount_path)}"
        return f"{name} {number}: {path}"

    def marks(self, begin: datetime) -> list[Mark]:
        """Every mark so far, by time; ``at`` counts from ``begin``."""
        found = [
            (at, order, effect.text.split())
            for run in self._runs
            for part in run.parts
            for at, order, effect in part.happened(self._now())
            if effect.kind is Kind.MARK
        ]
        found.sort(key=lambda one: one[:2])
        return [Mark((at - begin).total_seconds(), words[0], words[1]) for at, _, words in found]


@dataclass(frozen=True, slots=True)
class _Beginning:
    """Begins a run of a container."""

    processes: Processes
    container: Container

    def __call__(self) -> Attempt:
        return self.processes.begin(self.container)


def _command(container: Container) -> Sequence[str]:
    if not container.command:
        raise Unknown("a command of the image")
    return [*container.command, *container.args]


def _attempt(doings: Doings) -> Attempt:
    trap = doings.trap
    return Attempt(
        exit_code=doings.code,
        after=doings.seconds,
        on_term=OnTerm(ignore=True) if trap is None else _on_term(trap),
        output=tuple(OutputLine(at=e.at, data=e.text.encode()) for e in doings.effects if e.kind is Kind.PRINT),
    )


def _on_term(trap: Doings) -> OnTerm:
    return OnTerm(ignore=True) if trap.seconds is None else OnTerm(exit_code=trap.code, after=trap.seconds)


class ProcessHandlers(SimulatedHandlers):
    """Probes and hooks that run their commands."""

    def __init__(self, engine: SimulatedEngine, processes: Processes) -> None:
        super().__init__(engine, {})
        self._processes = processes

    def _run(self, target: Target, handler: Handler, limit: float | None) -> Doings:
        assert isinstance(handler, ExecAction)
        doings = self._processes.execute(target.container, target.container_id, handler.command, limit)
        ended = doings.seconds if doings.seconds is not None else limit
        self._engine.block(HORIZON_SECONDS if ended is None else ended)
        return doings

    def probe(self, target: Target, handler: Handler, *, timeout: int) -> ProbeRun:
        doings = self._run(target, handler, timeout)
        if doings.seconds is None:
            return ProbeRun(result=RunResult.FAILURE, output=f"command timed out after {timeout}s")
        return ProbeRun(result=RunResult.FAILURE if doings.code else RunResult.SUCCESS)

    def hook(self, target: Target, handler: Handler, *, timeout: float | None) -> HookOutcome:  # noqa: ARG002
        doings = self._run(target, handler, None)  # the worker loses its patience, the process goes on
        return HookOutcome(ok=not doings.code, message=f"exit code {doings.code}" if doings.code else "")
