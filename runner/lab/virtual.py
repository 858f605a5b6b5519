"""A node in virtual time: the product's own, on a simulated Engine, in one thread, without waiting.

Nothing is random, so the same objects and script give the same statuses and events at the same instants. A pod's containers
begin with the first attempt of the script, but for a Job's: what replaces a failed pod goes on where that one's attempts ended.
A Job's container need not be scripted to be good: without a script it exits 0 after a second.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from runner.clock import VIRTUAL_START, Flag, VirtualClock
from runner.core.admission import admit
from runner.core.images.images import InvalidReference
from runner.core.manifest.types import LoadedObject
from runner.core.model import Json, Object, Pod
from runner.core.narration import EventRecorded, Narration, StatusChanged
from runner.core.status.podstatus import PodStatus
from runner.core.text.times import later
from runner.core.workloads import WORKLOAD_KINDS, Member, WorkloadKind, expand
from runner.core.workloads.hashing import SAFE_LETTERS
from runner.engine.protocol import EngineEvent
from runner.engine.simulated import ContainerScript, Script, SimulatedEngine
from runner.errors import EngineError
from runner.kubelet.loop.jobs import InlineJobs, Jobs
from runner.kubelet.loop.making import Making
from runner.kubelet.loop.wakeups import TELLING
from runner.kubelet.options import WorkerOptions
from runner.lab.between import Between
from runner.lab.handlers import SimulatedHandlers
from runner.lab.network import VirtualNetwork
from runner.lab.script import INIT_ATTEMPT, SimulationScript
from runner.lab.steps import Step, World, write
from runner.node.newcomers import Newcomers
from runner.node.node import Node
from runner.node.owning import Owned, begin_sandbox
from runner.node.running import Past, Running
from runner.registry.admission import create
from runner.registry.contract import ChangeType, Registry, uid_of, unversioned, without_status
from runner.registry.holders import note_former
from runner.registry.memory import MemoryRegistry

if TYPE_CHECKING:
    from runner.controllers.control import Controller
    from runner.core.faults.model import Fault
    from runner.node.faults.injector import Injector
    from runner.node.standing import Standing

_OWNER: Final = "simulation"
_SANDBOX_IMAGE: Final = "podrunner/sandbox:simulated"


class End(StrEnum):
    """Why a simulation is over."""

    GONE = "the pod is gone"
    QUIET = "nothing more will happen"
    LIMIT = "the time limit is reached"


class ObjectShown(Struct, frozen=True, kw_only=True):
    """A workload's v1 object has changed."""

    at: datetime
    value: Json


Told = StatusChanged | EventRecorded | ObjectShown


class Numbered:
    """Names that follow from how many there were before: nothing is random in a simulation."""

    def __init__(self) -> None:
        self._count = itertools.count()

    def uid(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, str(next(self._count))))

    def suffix(self) -> str:
        number, size = next(self._count), len(SAFE_LETTERS)
        return "sim" + SAFE_LETTERS[number // size % size] + SAFE_LETTERS[number % size]


def _ignore(_: object) -> None:
    """A callback that does nothing."""


def _ignore_pod(_: Cluster, __: Pod) -> None:
    """The same."""


class VirtualNode:
    """A node with its Engine, store and clock, to be advanced bit by bit.

    ``listener`` hears everything. ``mends``: broken workers begin again, as in real time; else what breaks one is raised.
    ``is_alone``: all is over as soon as the pods are gone, whatever is on the clock's agenda.
    """

    def __init__(
        self,
        script: SimulationScript | None = None,
        options: WorkerOptions | None = None,
        *,
        listener: Callable[[Narration], None] = _ignore,
        handlers: Callable[[SimulatedEngine], SimulatedHandlers] | None = None,
        clock: VirtualClock | None = None,
        mends: bool = False,
        between: Between | None = None,
        is_alone: bool = False,
        faults: Sequence[Fault] = (),
        standing: Standing | None = None,
    ) -> None:
        self._standing = standing
        self.script = script or SimulationScript()
        self.options = options or WorkerOptions()
        self.clock = clock or VirtualClock()
        self.store = MemoryRegistry()
        self.engine = SimulatedEngine(self.clock, Script(images=self.script.images))
        self.engine.add_image(_SANDBOX_IMAGE)
        self.handlers = SimulatedHandlers(self.engine, {}) if handlers is None else handlers(self.engine)
        self.mends = mends
        self._is_alone = is_alone
        self._listener, self._between = listener, between
        self._scripts: dict[str, SimulationScript] = {}
        self._read: dict[str, Pod] = {}
        self._faults = self._injector(faults) if faults else None
        self.node = self._begin()
        self._held = self.store.watch(kinds=("Pod",), holder=_OWNER, with_status=False, wake=self._see_held)
        if between is None:
            self.engine.subscribe({}, self._engine_event, TELLING)
        else:
            self.engine.subscribe({}, lambda event: between.event(event, self._engine_event), TELLING)
        self._wake: datetime | None = None
        self._broken: set[str] = set()

    def _begin(self) -> Node:
        between = self._between or Between()
        engine, registry = between.engine(self.engine), between.registry(self.store)
        if self._faults is not None:
            engine = self._faults.engine(engine)
        self.network = VirtualNetwork(engine, registry, self.clock, image=_SANDBOX_IMAGE, owner=_OWNER)
        begin = partial(
            begin_sandbox,
            engine=engine,
            store=registry,
            clock=self.clock,
            image=_SANDBOX_IMAGE,
            zone=self.network.zone,
        )
        node = Node(
            engine=engine,
            store=registry,
            clock=self.clock,
            handlers=self.handlers,
            options=replace(self.options, relist=between.relist),
            listener=self._listener,
            sandbox_image=_SANDBOX_IMAGE,
            newcomers=Newcomers(registry, _OWNER, self._means, begin if self._faults is None else _ignore),
            network=self.network,
            on_add=self._added,
            faults=self._faults,
            standing=self._standing,
        )
        node.roster.remember(None)
        self.network.follow(node.resolving, self._listener)
        return node

    def _injector(self, faults: Sequence[Fault]) -> Injector:
        from runner.lab.agenda import VirtualAgenda
        from runner.node.faults.injector import Injector

        return Injector(faults, self.clock, VirtualAgenda(self.clock, self.engine))

    def _added(self, one: Running) -> None:
        """A pod is about to live."""

    def _see_held(self) -> None:
        """Something of a pod that the node holds, or held, was written."""
        self.node.registry_changed(self._held.next(0))

    def restart(self) -> None:
        """The node's process has died, and another one begins: it takes what is in the registry and the Engine."""
        self.node = self._begin()
        self._wake = None
        self._broken.clear()
        self._resume()

    def _resume(self) -> None:
        """Find what there is, as any node that begins."""
        self._note_former()
        self.node.roster.look()

    def _note_former(self) -> None:
        """Of two lives one cannot be told from the other by its holder, as those of two instances can."""
        for uid in self.store.ledger.holders():
            note_former(self.store, uid, _OWNER)

    def clock_was_set(self, by: timedelta) -> None:
        """Somebody has set the clock by so much: everybody finds out, as each does after its next wait."""
        self.engine.clock_was_set(by)
        self.network.clock_was_set(by)
        if self._wake is not None:
            self._wake += by
        for one in self.node.running:
            one.worker.heed_clock()

    def _engine_event(self, event: EngineEvent | None) -> None:
        self.node.engine_event(event)

    # --- pods -------------------------------------------------------------------------------------------------------

    def add(self, pod: Pod, script: SimulationScript | None = None) -> Running:
        """Begin with a pod, which does what a script says of it."""
        self.write(pod, script or self.script.for_pod(pod))
        return self.node.live[pod.uid]

    def write(self, pod: Pod, script: SimulationScript, registry: Registry | None = None) -> Pod:
        """Write a pod, which the node finds; through the registry of whoever writes it."""
        pod = pod if self._faults is None else self._faults.annotated(pod)
        self._assign(pod, script)
        self._read[pod.uid] = pod
        create(registry or self.store, {"kind": "Pod", **pod.manifest}, holder=_OWNER)
        return pod

    def _means(self, value: Object) -> Owned:
        """What it takes to run a pod that the node has found; what was written here need not be read again."""
        pod = self._read.pop(uid_of(value), None) or Pod.from_json(unversioned(without_status(value)))
        if pod.uid not in self._scripts:
            self._assign(pod, self.script.for_pod(pod))
        return self._owned(pod, self._scripts[pod.uid])

    def _assign(self, pod: Pod, script: SimulationScript) -> None:
        """Have a pod do what a script says, whichever node runs it."""
        self._scripts[pod.uid] = script
        self.engine.assign(pod.uid, script.for_engine(pod))
        self.handlers.assign(pod.uid, script.hooks)
        self._have_images(pod)

    def _owned(self, pod: Pod, script: SimulationScript) -> Owned:
        wakeup = Flag()
        wakeup.set()
        # A message that is never written need not be looked for.
        scripts = script.containers.values()
        jobs: Jobs = InlineJobs(self.clock, wakeup, self.engine)
        return Owned(
            pod=pod,
            wakeup=wakeup,
            jobs=jobs if self._between is None else self._between.jobs(jobs),
            owner=_OWNER,
            making=Making(wakeup.set),
            has_messages=any(one.termination_message or any(run.output for run in one.attempts) for one in scripts),
        )

    def _have_images(self, pod: Pod) -> None:
        """Give the Engine every image of a pod whose pulls are not scripted."""
        for container in pod.all_containers():
            if container.image not in self.script.images:
                try:
                    self.engine.add_image(container.image)
                except (EngineError, InvalidReference):
                    continue  # No image can have this name; the pod's status will tell.

    def world(self, one: Running) -> World:
        """What a step of a script can reach for a pod."""
        return World(engine=self.engine, store=self.store, pod=one.pod)

    def do(self, step: Step) -> None:
        """Let a step happen now, to the pods that it is about."""
        for one in self.node.running:
            if step.concerns(one.pod):
                step.action(self.world(one), self.clock.now())
                one.wakeup.set()
        self.network.wake()

    def plan(self, step: Step) -> None:
        """Let a step happen at its time."""
        self.clock.at(later(VIRTUAL_START, step.at), partial(self.do, step))

    # --- time -------------------------------------------------------------------------------------------------------

    def advance(self, until: float) -> End:
        """Go on to so many seconds after the beginning, everything that happens at that instant included."""
        limit = later(VIRTUAL_START, until)
        live, clock, network = self.node.live, self.clock, self.network
        network.prepare()
        while True:
            self._work()
            if self._is_alone and not live:
                return End.GONE
            following = clock.next_happening()
            for uid, one in live.items():
                due = None if uid in self._broken else one.worker.next_deadline()
                if due is not None and (following is None or due < following):
                    following = due
            if self._wake is not None and (following is None or self._wake < following):
                following = self._wake
            if following is None:
                network.finish()
                return End.GONE if self.node.everyone and not live else End.QUIET
            target = min(following, limit)
            if network.due is not None and network.due <= target:
                self._network_until(target)
            clock.advance(target)
            if following > limit:
                return End.LIMIT

    def _network_until(self, instant: datetime) -> None:
        """Let the network do what is due before an instant."""
        network = self.network
        while network.due is not None and network.due <= instant:
            self.clock.advance(network.due)
            network.work()

    def _work(self) -> None:
        """Let everybody do what is to be done at this instant."""
        live, has_workloads = self.node.live, self.node.has_workloads
        while True:
            has_worked = False
            for one in tuple(live.values()):
                if self._is_due(one):
                    has_worked = True
                    self._step(one)
            if has_workloads:
                self._wake = self.node.reconcile()
            elif len(live) == 1 or not has_worked:
                return  # What has happened within the step was seen by it: it goes on as long as anything moves.
            if not any(map(self._is_due, live.values())):
                return

    def _is_due(self, one: Running) -> bool:
        if not one.wakeup.is_set():
            due = one.worker.next_deadline()
            if due is None or due > self.clock.now():
                return False
        return not self._broken or one.pod.uid not in self._broken

    def _step(self, one: Running) -> None:
        if one.detached:
            return self.node.let_go(one)
        try:
            is_gone = self.node.step(one)
        except Exception as error:
            seconds = self.node.broke(one, error) if self.mends else None
            if seconds is None:
                raise
            self._broken.add(one.pod.uid)
            self.clock.after(seconds, partial(self._mend, one))
            return None
        one.wakeup.clear()
        self.network.see(one.worker.cache.pod, one.worker.statuses.published)
        if is_gone:
            self._forget(one)
        return None

    def _forget(self, one: Running) -> None:
        self.network.forget(one.pod.uid)
        self.engine.forget(one.pod.uid)
        self.handlers.forget(one.pod.uid)
        self._scripts.pop(one.pod.uid, None)

    def _mend(self, one: Running) -> None:
        if self.node.live.get(one.pod.uid) is not one:
            return  # It was another node's.
        self._broken.discard(one.pod.uid)
        if self.node.mend(one):
            one.wakeup.set()
        else:
            self._forget(one)


class Cluster(VirtualNode):
    """A node with everything that was loaded: pods, workloads, and the objects that they refer to, there from the beginning.

    ``told`` holds what was told, in the order in which it came; ``on_pod`` is called with each pod before it lives.
    """

    def __init__(
        self,
        objects: Sequence[LoadedObject],
        script: SimulationScript,
        options: WorkerOptions,
        *,
        listener: Callable[[Narration], None] = _ignore,
        on_pod: Callable[[Cluster, Pod], None] = _ignore_pod,
        handlers: Callable[[SimulatedEngine], SimulatedHandlers] | None = None,
        clock: VirtualClock | None = None,
        mends: bool = False,
        between: Between | None = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        self._on_pod = on_pod
        super().__init__(
            script, options, listener=self._hear, handlers=handlers, clock=clock, mends=mends, between=between,
            faults=faults,
        )  # fmt: skip
        self.told: list[Told] = []
        self._shown = self.store.watch(kinds=WORKLOAD_KINDS, with_status=False, wake=self._see_shown)
        self._hears = listener
        self._names = Numbered()
        for item in objects:
            if item.kind != "Pod" and item.kind not in WORKLOAD_KINDS:
                write(self.store, {**item.value, "kind": item.kind}, item.namespace, self.clock.now())
        from runner.controllers.control import Controller
        from runner.core.workloads.status import objects_of

        self._workloads = expand(objects, self._names, self.clock.now())
        made = [Controller(workload) for workload in self._workloads]
        for one in made:
            create(self.store, *objects_of(one.view((), self.clock.now())), holder=_OWNER)
        for item in objects:
            if item.kind == "Pod":
                self.add(self._admitted(item.value, item.namespace))
        self.node.control(made, self._spawn)
        for step in script.steps:
            self.plan(step)

    def _added(self, one: Running) -> None:
        self._on_pod(self, one.pod)

    def _resume(self) -> None:
        """The same with the workloads that this node holds."""
        from runner.controllers.control import Controller

        self._note_former()
        held = self.store.ledger.holders()
        found = [Controller(one) for one in self._workloads if held.get(one.uid) == _OWNER]
        self.node.control(found, self._spawn, is_new=False)
        self.node.roster.look()

    def _admitted(self, value: Json, namespace: str) -> Pod:
        made = admit(
            value, namespace=namespace, uid=self._names.uid(), suffix=self._names.suffix(), now=self.clock.now()
        )
        spec = made.get("spec") or {}
        return Pod.from_json({**made, "spec": {**spec, "nodeName": spec.get("nodeName") or self.options.node_name}})

    def _spawn(self, value: Json, controller: Controller) -> Json:
        """Write a pod that a workload makes."""
        pod = self._admitted(value, controller.workload.namespace)
        return self.write(pod, self._script_of(pod, controller), self.node.store).manifest

    def _script_of(self, pod: Pod, controller: Controller) -> SimulationScript:
        script = self.script.for_pod(pod)
        if controller.workload.kind is not WorkloadKind.JOB:
            return script
        index = Member(pod=pod.manifest, status=PodStatus()).index
        before = [one for one in self.node.members(controller) if one.index == index and not one.succeeded]
        failed = [member for member in before if not member.is_active]
        given = {c.name: ContainerScript(attempts=(INIT_ATTEMPT,)) for c in pod.containers} | dict(script.containers)
        containers = {name: _from(one, _used(failed, name)) for name, one in given.items()}
        return replace(script, containers=containers)

    def _see_shown(self) -> None:
        """A workload's controller has written how it is."""
        for change in self._shown.next(0):
            if change.type is not ChangeType.DELETED:
                self.told.append(ObjectShown(at=self.clock.now(), value=unversioned(change.value)))

    def _hear(self, narration: Narration) -> None:
        if isinstance(narration, StatusChanged) or (isinstance(narration, EventRecorded) and narration.is_stored):
            self.told.append(narration)
        self._hears(narration)

    @property
    def controllers(self) -> Sequence[Controller]:
        return self.node.controllers

    @property
    def pods(self) -> Sequence[Running | Past]:
        """Everybody who is or was there, in the order in which they came."""
        return self.node.everyone


def _used(failed: Iterable[Member], container: str) -> int:
    """How many attempts of a container failed pods have used up."""
    statuses = [member.status.container(container) for member in failed]
    return sum(status.restart_count + 1 for status in statuses if status is not None)


def _from(script: ContainerScript, first: int) -> ContainerScript:
    """A container's script without the first attempts; the last one stays."""
    return replace(script, attempts=script.attempts[first:] or script.attempts[-1:])
