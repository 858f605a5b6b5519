"""Runs one pod in virtual time: the product's own worker on the simulated Engine, in one thread, without waiting.

Nothing is random, so the same pod and script give the same statuses and events at the same instants. A simulation ends
when the pod is gone, when nothing will ever happen to it any more, or at the time limit.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from runner.clock import VIRTUAL_START, VirtualClock
from runner.core.admission import admit
from runner.core.faults.model import Fault
from runner.core.model import Json, Pod
from runner.core.narration import EventRecorded, FaultInjected, Narration, StatusChanged
from runner.engine.simulated import SimulatedEngine
from runner.kubelet.options import WorkerOptions
from runner.kubelet.podworkers.worker import PodWorker
from runner.lab.between import Between
from runner.lab.handlers import SimulatedHandlers
from runner.lab.script import SimulationScript
from runner.lab.steps import Step, write
from runner.lab.virtual import End, VirtualNode

DEFAULT_SECONDS: Final = 3600.0
"""How long a simulation lasts at most unless the caller says otherwise."""

_SUFFIX = "sim42"


class Simulation(Struct, frozen=True, kw_only=True):
    """What happened: every published pod, every recording of an event (with its count), and the Engine as it was left.

    ``told`` holds both in the order in which they came, also within one instant. ``gave_up`` names the container that was
    restarted too often, "" if none was.
    """

    pod: Pod
    engine: SimulatedEngine
    trace: tuple[StatusChanged, ...]
    told: tuple[StatusChanged | EventRecorded, ...]
    ended_at: datetime
    end: End
    gave_up: str = ""
    faults: tuple[FaultInjected, ...] = ()

    @property
    def events(self) -> tuple[EventRecorded, ...]:
        return tuple([one for one in self.told if isinstance(one, EventRecorded)])

    @property
    def began_at(self) -> datetime:
        return VIRTUAL_START

    def seconds(self, instant: datetime) -> float:
        """Seconds from the beginning to an instant."""
        return (instant - VIRTUAL_START).total_seconds()


def new_pod(value: Json, *, namespace: str = "default") -> Pod:
    """A loaded manifest's pod as an API server would have let it in, with a UID that follows from its name."""
    metadata = value.get("metadata") or {}
    name = metadata.get("name") or metadata.get("generateName") or ""
    uid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{metadata.get('namespace') or namespace}/{name}"))
    return Pod.from_json(admit(value, namespace=namespace, uid=uid, suffix=_SUFFIX, now=VIRTUAL_START))


def simulate(
    pod: Pod,
    script: SimulationScript | None = None,
    *,
    options: WorkerOptions | None = None,
    for_seconds: float = DEFAULT_SECONDS,
    steps: Sequence[Step] = (),
    objects: Iterable[Json] = (),
    faults: Sequence[Fault] = (),
) -> Simulation:
    """Run one pod (see ``new_pod``) for at most so many virtual seconds.

    ``steps`` come on top of the script's; ``objects`` (ConfigMaps, Secrets) are there from the beginning.
    ``faults`` go wrong as on the real Engine.
    """
    run = SimulatedRun(pod, script or SimulationScript(), options or WorkerOptions(), faults=faults)
    for value in objects:
        write(run.store, value, pod.namespace, run.clock.now())
    for step in (*run.script.steps, *steps):
        run.plan(step)
    end = run.advance(for_seconds)
    told: list[StatusChanged | EventRecorded] = []
    trace: list[StatusChanged] = []
    injected: list[FaultInjected] = []
    for one in run.take_heard():
        if isinstance(one, StatusChanged):
            trace.append(one)
            told.append(one)
        elif isinstance(one, EventRecorded) and one.is_stored:
            told.append(one)
        elif isinstance(one, FaultInjected):
            injected.append(one)
    return Simulation(
        pod=run.worker.pod,
        engine=run.engine,
        trace=tuple(trace),
        told=tuple(told),
        ended_at=run.clock.now(),
        end=end,
        faults=tuple(injected),
        gave_up=run.worker.gave_up,
    )


class SimulatedRun:
    """One pod alone on a node in virtual time, to be advanced bit by bit."""

    def __init__(
        self,
        pod: Pod,
        script: SimulationScript,
        options: WorkerOptions,
        *,
        listener: Callable[[Narration], None] | None = None,
        handlers: Callable[[SimulatedEngine], SimulatedHandlers] | None = None,
        clock: VirtualClock | None = None,
        mends: bool = False,
        between: Between | None = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        self.heard: list[Narration] = []
        """What the worker has told, where no listener was given."""
        self.virtual = VirtualNode(
            script,
            options,
            listener=listener or self.heard.append,
            handlers=handlers,
            clock=clock,
            mends=mends,
            is_alone=True,
            between=between,
            faults=faults,
        )
        self.script = script.for_pod(pod)
        self.clock, self.store, self.engine = self.virtual.clock, self.virtual.store, self.virtual.engine
        self.running = self.virtual.add(pod, self.script)
        self.wakeup = self.running.wakeup
        self.plan, self.advance = self.virtual.plan, self.virtual.advance

    def take_heard(self) -> list[Narration]:
        """What was told until now. The run and its Engine know each other: what they heard need not live as long as they."""
        heard = [*self.heard]
        self.heard.clear()
        return heard

    @property
    def worker(self) -> PodWorker:
        return self.running.worker

    def do(self, step: Step) -> None:
        """Let a step happen now, if it is about this pod."""
        if step.concerns(self.running.pod):
            step.action(self.virtual.world(self.running), self.clock.now())
            self.wakeup.set()


__all__: Sequence[str] = ["DEFAULT_SECONDS", "End", "SimulatedRun", "Simulation", "new_pod", "simulate"]
