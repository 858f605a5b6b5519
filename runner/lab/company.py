"""Runs several pods in virtual time, and the workloads that make them: the product's own controllers and workers.

They share the clock, the store and the simulated Engine, which holds the script of each pod. A pod's containers begin with
the first attempt of the script, but for a Job's: what replaces a failed pod goes on where that one's attempts ended. Nobody
scripts a Job's container to be good: without a script it exits 0 after a second.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from runner.clock import VIRTUAL_START, VirtualClock
from runner.controllers.control import Control, Controller
from runner.core.admission import admit
from runner.core.manifest.types import LoadedObject
from runner.core.model import Json, Pod, PodUID
from runner.core.narration import EventRecorded, Narration, StatusChanged
from runner.core.status.podstatus import PodStatus
from runner.core.sync.termination import deletion_grace
from runner.core.times import later
from runner.core.workloads import WORKLOAD_KINDS, Member, WorkloadKind, WorkloadState, expand
from runner.core.workloads.hashing import SAFE_LETTERS
from runner.engine.simulated import ContainerScript
from runner.kubelet.options import WorkerOptions
from runner.lab.script import INIT_ATTEMPT, SimulationScript
from runner.lab.simulation import DEFAULT_SECONDS, End, SimulatedRun, Simulation, engine_of
from runner.lab.steps import Step, placed
from runner.registry.memory import MemoryStore


class ObjectShown(Struct, frozen=True, kw_only=True):
    """A workload's v1 object has changed."""

    at: datetime
    value: Json


Told = StatusChanged | EventRecorded | ObjectShown


class CompanySimulation(Struct, frozen=True, kw_only=True):
    """What happened: to each pod, in the order in which they came, and what was told in the order in which it came."""

    pods: tuple[Simulation, ...]
    told: tuple[Told, ...]
    objects: tuple[Json, ...]
    verdicts: tuple[str, ...]
    ended_at: datetime
    end: End

    def seconds(self, instant: datetime) -> float:
        """Seconds from the beginning to an instant."""
        return (instant - VIRTUAL_START).total_seconds()


class _Numbered:
    """Names that follow from how many there were before: nothing is random in a simulation."""

    def __init__(self) -> None:
        self._count = itertools.count()

    def uid(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, str(next(self._count))))

    def suffix(self) -> str:
        number, size = next(self._count), len(SAFE_LETTERS)
        return "sim" + SAFE_LETTERS[number // size % size] + SAFE_LETTERS[number % size]


class _Store(MemoryStore):
    """A store that tells what is put into it of workloads."""

    def __init__(self, clock: VirtualClock, told: list[Told]) -> None:
        super().__init__()
        self._clock = clock
        self._told = told

    def put_object(self, value: Json) -> None:
        super().put_object(value)
        if value.get("kind") in WORKLOAD_KINDS:
            self._told.append(ObjectShown(at=self._clock.now(), value=value))


def _ignore(_: object) -> None:
    """Nobody wants to know."""


@dataclass(slots=True)
class _Pod:
    """One pod of the company."""

    run: SimulatedRun
    controller: Controller | None
    is_begun: bool = False
    is_over: bool = False

    @property
    def pod(self) -> Pod:
        return self.run.worker.context.pod

    @property
    def status(self) -> PodStatus:
        return self.run.worker.context.published or PodStatus()

    @property
    def deadline(self) -> datetime | None:
        return None if self.is_over else self.run.worker.context.tasks.next_deadline()


def simulate_company(
    objects: Sequence[LoadedObject],
    script: SimulationScript | None = None,
    *,
    options: WorkerOptions | None = None,
    for_seconds: float = DEFAULT_SECONDS,
) -> CompanySimulation:
    """Run loaded Pods and workloads for at most so many virtual seconds; ConfigMaps and Secrets are there from the beginning."""
    company = Company(objects, script or SimulationScript(), options or WorkerOptions())
    end = company.advance(for_seconds)
    return company.result(end)


class Company:
    """Pods under simulation and what makes them, to be advanced bit by bit."""

    def __init__(
        self,
        objects: Sequence[LoadedObject],
        script: SimulationScript,
        options: WorkerOptions,
        *,
        listener: Callable[[Narration], None] = _ignore,
        on_pod: Callable[[SimulatedRun], None] = _ignore,
    ) -> None:
        """``listener`` hears everything; ``on_pod`` is called with each pod before it lives."""
        self.clock = VirtualClock()
        self.told: list[Told] = []
        self.store = _Store(self.clock, self.told)
        self.pods: list[_Pod] = []
        self._script = script
        self._options = options
        self._listener = listener
        self._on_pod = on_pod
        self._names = _Numbered()
        self.engine, self._handlers = engine_of(script, self.clock)
        self._wake: datetime | None = None
        for item in objects:
            if item.kind != "Pod" and item.kind not in WORKLOAD_KINDS:
                self.store.put_object(placed({**item.value, "kind": item.kind}, item.namespace))
        self.controllers = [Controller(workload) for workload in expand(objects, self._names, self.clock.now())]
        for item in objects:
            if item.kind == "Pod":
                self._add(item.value, item.namespace, None)
        self._control = Control(self.controllers, self, self.store, self._hear, self.clock, options.speed)
        self._control.begin()
        for step in script.steps:
            self.clock.at(later(VIRTUAL_START, step.at), self._happening(step))

    # --- the controllers' hands -------------------------------------------------------------------------------------

    def members(self, controller: Controller) -> Sequence[Member]:
        """The pods of a workload, those that are gone included."""
        return [
            Member(
                pod=one.pod.manifest,
                status=one.status,
                is_deleted=one.pod.is_deleted or one.pod.uid in controller.asked,
                is_gone=one.is_over,
            )
            for one in self.pods
            if one.controller is controller
        ]

    def create(self, controller: Controller, value: Json) -> str:
        """Make a pod for a workload; returns its name."""
        return self._add(value, controller.workload.namespace, controller).pod.name

    def delete(self, uid: PodUID, grace: int | None = None) -> None:
        """Ask for the deletion of a pod."""
        for one in self.pods:
            if one.pod.uid == uid:
                self.store.request_deletion(uid, self.clock.now(), deletion_grace(one.pod, grace))
                one.run.wakeup.set()

    # --- time -------------------------------------------------------------------------------------------------------

    def advance(self, until: float) -> End:
        """Go on to so many seconds after the beginning, everything that happens at that instant included."""
        limit = later(VIRTUAL_START, until)
        while True:
            self._work()
            moments = [self._wake, self.clock.next_happening(), *(one.deadline for one in self.pods)]
            following = min((moment for moment in moments if moment is not None), default=None)
            if following is None:
                return End.GONE if self.pods and all(one.is_over for one in self.pods) else End.QUIET
            if following > limit:
                self.clock.advance(limit)
                return End.LIMIT
            self.clock.advance(following)

    def _work(self) -> None:
        """Let everybody do what is to be done at this instant."""
        while True:
            for one in self.pods:
                if self._is_due(one):
                    self._step(one)
            self._wake = self._control.reconcile()
            if not any(map(self._is_due, self.pods)):
                return

    def _is_due(self, one: _Pod) -> bool:
        if one.is_over:
            return False
        deadline = one.deadline
        return not one.is_begun or one.run.wakeup.is_set() or (deadline is not None and deadline <= self.clock.now())

    def _step(self, one: _Pod) -> None:
        one.is_begun = True
        one.run.wakeup.clear()
        one.is_over = one.run.worker.step()

    def _happening(self, step: Step) -> Callable[[], None]:
        def happen() -> None:
            for one in self.pods:
                if not one.is_over:
                    one.run.do(step)

        return happen

    # --- pods -------------------------------------------------------------------------------------------------------

    def _add(self, value: Json, namespace: str, controller: Controller | None) -> _Pod:
        made = admit(
            value, namespace=namespace, uid=self._names.uid(), suffix=self._names.suffix(), now=self.clock.now()
        )
        spec = made.get("spec") or {}
        pod = Pod.from_json({**made, "spec": {**spec, "nodeName": spec.get("nodeName") or self._options.node_name}})
        run = SimulatedRun(
            pod,
            self._script_of(pod, controller),
            self._options,
            listener=self._hear,
            clock=self.clock,
            store=self.store,
            engine=self.engine,
            handlers=self._handlers,
        )
        self.pods.append(_Pod(run=run, controller=controller))
        self._on_pod(run)
        return self.pods[-1]

    def _script_of(self, pod: Pod, controller: Controller | None) -> SimulationScript:
        script = self._script.for_pod(pod)
        if controller is None or controller.workload.kind is not WorkloadKind.JOB:
            return script
        index = Member(pod=pod.manifest, status=PodStatus()).index
        before = [member for member in self.members(controller) if member.index == index and not member.succeeded]
        failed = [member for member in before if not member.is_active]
        given = {c.name: ContainerScript(attempts=(INIT_ATTEMPT,)) for c in pod.containers} | dict(script.containers)
        containers = {name: _from(one, _used(failed, name)) for name, one in given.items()}
        return replace(script, containers=containers)

    def _hear(self, narration: Narration) -> None:
        if isinstance(narration, StatusChanged) or (isinstance(narration, EventRecorded) and narration.is_stored):
            self.told.append(narration)
        self._listener(narration)

    # --- the result -------------------------------------------------------------------------------------------------

    def result(self, end: End) -> CompanySimulation:
        """What has happened so far."""
        kinds = {str(value["kind"]): None for one in self.controllers for value in one.shown.values()}
        return CompanySimulation(
            pods=tuple(self._of_pod(one, end) for one in self.pods),
            told=tuple(self.told),
            objects=tuple(value for kind in kinds for value in self.store.objects(kind)),
            verdicts=tuple(_verdict(one) for one in self.controllers if one.is_over or one.is_idle),
            ended_at=self.clock.now(),
            end=end,
        )

    def _of_pod(self, one: _Pod, end: End) -> Simulation:
        told = tuple(t for t in self.told if not isinstance(t, ObjectShown) and t.ref.uid == one.pod.uid)
        return Simulation(
            pod=one.pod,
            engine=one.run.engine,
            trace=tuple(t for t in told if isinstance(t, StatusChanged)),
            told=told,
            ended_at=self.clock.now(),
            end=End.GONE if one.is_over else end,
            gave_up=one.run.worker.gave_up,
        )


def _used(failed: Iterable[Member], container: str) -> int:
    """How many attempts of a container failed pods have used up."""
    statuses = [member.status.container(container) for member in failed]
    return sum(status.restart_count + 1 for status in statuses if status is not None)


def _from(script: ContainerScript, first: int) -> ContainerScript:
    """A container's script without the first attempts; the last one stays."""
    return replace(script, attempts=script.attempts[first:] or script.attempts[-1:])


def _verdict(controller: Controller) -> str:
    if controller.is_idle:
        return controller.idleness
    is_complete = controller.state is WorkloadState.COMPLETE
    return f"{controller.workload.source} is complete" if is_complete else controller.verdict


__all__: Sequence[str] = ["Company", "CompanySimulation", "ObjectShown", "simulate_company"]
