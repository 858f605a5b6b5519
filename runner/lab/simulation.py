"""Runs one pod in virtual time: the product's own worker on the simulated Engine, in one thread, without waiting.

Nothing is random, so the same pod and script give the same statuses and events at the same instants. A simulation ends
when the pod is gone, when nothing will ever happen to it any more, or at the time limit.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from runner.clock import VIRTUAL_START, Flag, VirtualClock
from runner.core.admission import admit
from runner.core.images.images import InvalidReference
from runner.core.labels import POD_UID
from runner.core.model import Json, Pod
from runner.core.narration import EventRecorded, Narration, StatusChanged
from runner.core.times import later
from runner.engine.protocol import EngineEvent
from runner.engine.simulated import Script, SimulatedEngine
from runner.errors import EngineError
from runner.kubelet.containers.termination_messages import TerminationMessages
from runner.kubelet.images.pullqueue import PullQueue
from runner.kubelet.loop.context import PodContext
from runner.kubelet.loop.jobs import InlineJobs
from runner.kubelet.loop.observer import Observer
from runner.kubelet.loop.recorder import EventRecorder
from runner.kubelet.loop.wakeups import TELLING
from runner.kubelet.loop.worker import PodWorker
from runner.kubelet.options import WorkerOptions
from runner.lab.handlers import SimulatedHandlers
from runner.lab.script import SimulationScript
from runner.lab.steps import Step, World, placed
from runner.registry.memory import MemoryStore

DEFAULT_SECONDS: Final = 3600.0
"""How long a simulation lasts at most when nobody says otherwise."""

_SANDBOX_IMAGE = "podrunner/sandbox:simulated"
_SUFFIX = "sim42"


class End(StrEnum):
    """Why a simulation is over."""

    GONE = "the pod is gone"
    QUIET = "nothing more will happen"
    LIMIT = "the time limit is reached"


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
) -> Simulation:
    """Run one pod (see ``new_pod``) for at most so many virtual seconds.

    ``steps`` come on top of the script's; ``objects`` (ConfigMaps, Secrets) are there from the beginning.
    """
    run = SimulatedRun(pod, script or SimulationScript(), options or WorkerOptions())
    for value in objects:
        run.store.put_object(placed(value, pod.namespace))
    for step in (*run.script.steps, *steps):
        run.plan(step)
    end = run.advance(for_seconds)
    told = tuple(
        [
            one
            for one in run.heard
            if isinstance(one, StatusChanged) or (isinstance(one, EventRecorded) and one.is_stored)
        ]
    )
    # The run and its Engine know each other: what it was told need not live until the collector finds them.
    run.heard.clear()
    return Simulation(
        pod=run.worker.context.pod,
        engine=run.engine,
        trace=tuple([one for one in told if isinstance(one, StatusChanged)]),
        told=told,
        ended_at=run.clock.now(),
        end=end,
        gave_up=run.worker.gave_up,
    )


class SimulatedRun:
    """One pod under simulation, to be advanced bit by bit."""

    def __init__(
        self,
        pod: Pod,
        script: SimulationScript,
        options: WorkerOptions,
        *,
        listener: Callable[[Narration], None] | None = None,
        handlers: Callable[[SimulatedEngine], SimulatedHandlers] | SimulatedHandlers | None = None,
        clock: VirtualClock | None = None,
        store: MemoryStore | None = None,
        engine: SimulatedEngine | None = None,
    ) -> None:
        script = self.script = script.for_pod(pod)
        self.heard: list[Narration] = []
        """What the worker has told, where nobody else listens."""
        listen = listener or self.heard.append
        self.clock = clock or VirtualClock()
        self.wakeup = Flag()
        self.store = store or MemoryStore()
        own, usual = (engine, None) if engine is not None else engine_of(script, self.clock)
        self.engine = own
        made = handlers(own) if callable(handlers) else handlers or usual or SimulatedHandlers(own, {})
        direct(own, pod, script)
        made.assign(pod.uid, script.hooks)
        self.store.create_pod(pod.manifest, owner="simulation")
        context = PodContext(
            pod=pod,
            engine=self.engine,
            store=self.store,
            clock=self.clock,
            jobs=InlineJobs(self.clock, self.wakeup, made.take_elapsed),
            recorder=EventRecorder(pod, self.store, listen, self.clock, options.node_name),
            observer=Observer(self.engine, self.clock, pod.uid),
            # Every happening of the simulated Engine is told, so nothing has to be looked for.
            options=replace(options, relist=None),
            handlers=made,
            listener=listen,
            owner="simulation",
            sandbox_image=_SANDBOX_IMAGE,
        )
        # A message that nobody writes need not be looked for.
        scripts = script.containers.values()
        if any(one.termination_message or any(run.output for run in one.attempts) for one in scripts):
            context.messages = TerminationMessages.of(self.engine, pod, context.owner)
        self.worker = PodWorker(context, self.wakeup, PullQueue().ticket(self.wakeup.set))
        self._world = World(engine=self.engine, store=self.store, pod=pod)
        self.engine.subscribe({POD_UID: pod.uid}, self._engine_event, TELLING)

    def _engine_event(self, event: EngineEvent) -> None:
        self.worker.context.observer.suspect(event.container_id)
        self.worker.context.poke()
        self.wakeup.set()

    def plan(self, step: Step) -> None:
        """Let a step happen at its time."""
        self.clock.at(later(VIRTUAL_START, step.at), partial(self.do, step))

    def do(self, step: Step) -> None:
        """Let a step happen now, if it is about this pod."""
        if not step.concerns(self._world.pod):
            return
        step.action(self._world, self.clock.now())
        self.wakeup.set()

    def advance(self, until: float) -> End:
        """Go on to so many seconds after the beginning, everything that happens at that instant included."""
        limit = later(VIRTUAL_START, until)
        clock, tasks = self.clock, self.worker.context.tasks
        while not self.worker.step():
            # What has happened within the step was seen by it: it goes on as long as anything moves.
            self.wakeup.clear()
            due, coming = tasks.next_deadline(), clock.next_happening()
            following = due if coming is None else coming if due is None else min(due, coming)
            if following is None:
                return End.QUIET
            if following > limit:
                clock.advance(limit)
                return End.LIMIT
            # What is on the agenda may be about processes that are gone: no wait without an end, or it passes the limit.
            clock.wait(due if due is not None and due <= limit else following, self.wakeup)
        return End.GONE


def engine_of(script: SimulationScript, clock: VirtualClock) -> tuple[SimulatedEngine, SimulatedHandlers]:
    """An Engine for the pods of a script, and what their probes and hooks ask."""
    engine = SimulatedEngine(clock, Script(images=script.images))
    engine.add_image(_SANDBOX_IMAGE)
    return engine, SimulatedHandlers(engine, {})


def direct(engine: SimulatedEngine, pod: Pod, script: SimulationScript) -> None:
    """Give a pod its script, and the Engine every image of it whose pulls nobody has scripted."""
    engine.assign(pod.uid, script.for_engine(pod))
    pulled = set(script.images)
    for container in pod.all_containers():
        if container.image not in pulled:
            try:
                engine.add_image(container.image)
            except (EngineError, InvalidReference):
                continue  # No image can have this name; the pod's status will tell.
