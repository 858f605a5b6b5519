"""Injects a run's faults: one wrapper at the Engine's seam decides, for each call, what of the plan belongs to it.

What a fault changes is what a kubelet would have met; everything after it is the product's own. Each fault is told as an event
of its pod when it happens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar, cast

from msgspec.structs import replace

from runner.clock import Clock
from runner.core.archives import ArchiveWriter
from runner.core.container.containerconfig import ContainerConfig
from runner.core.faults import standin
from runner.core.faults.annotation import annotated
from runner.core.faults.images import names_image, pull_error
from runner.core.faults.kinds import Aim, Place
from runner.core.faults.model import Fault
from runner.core.faults.objects import KIND_OF
from runner.core.faults.sandbox import concerning
from runner.core.images.images import InvalidReference, apply_default_tag
from runner.core.labels import CONTAINER_NAME, DOCKER_TYPE, POD_UID, SANDBOX_CONTAINER, TYPE_SANDBOX, attempt_of
from runner.core.model import Pod, PullPolicy
from runner.core.narration import FaultInjected
from runner.core.reasons import EventReason, Note
from runner.engine import seam
from runner.engine.protocol import ContainerDetails, ContainerSummary, Engine, EngineEvent, EngineState, ImageDetails
from runner.engine.seam import Call, Seam
from runner.errors import EngineError, EngineRefusal, EngineUnavailable, NotFound
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.podworkers.wiring import Shared
from runner.kubelet.prober.handlers.contract import Target
from runner.node.faults.agenda import Agenda
from runner.node.faults.attached import Attached
from runner.node.faults.sandboxes import Sandboxes
from runner.node.faults.views import SeenHandlers, SeenRegistry
from runner.node.running import Rebooted
from runner.sandbox.image import sandbox_program

T = TypeVar("T")

COMPONENT = "podrunner"
"""Who tells of injected faults."""


class Injector:
    """The faults of one node, for all threads."""

    def __init__(self, faults: Sequence[Fault], clock: Clock, agenda: Agenda) -> None:
        self._faults = tuple(faults)
        self._clock = clock
        self._agenda = agenda
        self._below: Engine | None = None
        self._pods: dict[str, Attached] = {}
        self._came: dict[tuple[str, str, Place], float] = {}
        """When a container was first at a place, on the steady clock."""
        self._seen: set[tuple[str, str, int, Place]] = set()
        self._in: dict[tuple[str, str, int], tuple[Fault, ...]] = {}
        """The faults that containers were created with."""
        self._equipped: set[str] = set()
        """Pods whose volume has the stand-in."""
        self._tries: dict[tuple[str, str], dict[object, int]] = {}
        """How often an image was asked of its registry for a pod, with each of the credentials."""
        self._pulled: set[tuple[str, str]] = set()
        self._once: set[tuple[str, Fault, object]] = set()
        self._times: dict[tuple[str, Fault], int] = {}
        """How often the moment of what happens to a sandbox, the node or the Engine has come."""
        self._down: dict[str, float] = {}
        """Until when the Engine does not answer for a pod, on the steady clock."""
        self._sandboxes: Sandboxes | None = None
        self._rebooting: frozenset[str] = frozenset()
        """The pods whose node is down."""
        self._goes_on = threading.Event()
        self._goes_on.set()
        self._lock = threading.RLock()

    # --- where it stands ------------------------------------------------------------------------------------------------

    def engine(self, engine: Engine) -> Engine:
        """The Engine with the faults around it."""
        self._below = engine
        self._sandboxes = Sandboxes(engine, self._clock, self._holds, self._tell)
        return Seam(engine, self, self._clock)

    def shared(self, shared: Shared, pod: Pod) -> Shared:
        """What a pod's worker is made from: it does one thing after the other, so that each has its time, and its attempt."""
        return replace(
            shared,
            looks_ahead=False,
            locks=None,
            registry=SeenRegistry(
                shared.registry, partial(self._of_objects, pod.uid), partial(self._tell_once, pod.uid)
            ),
            handlers=SeenHandlers(
                shared.handlers,
                self._agenda,
                self._of_probe,
                lambda fault, target: self._tell_once(pod.uid, fault, target.attempt),
                lambda target: self._in_sandboxes.is_cut(target.pod.uid),
            ),
        )

    def attach(self, pod: Pod, reporter: Reporter, reboot: Callable[[str], None]) -> None:
        """A pod's worker is made. ``reboot`` is called with its uid when its node has come back."""
        faults = concerning(self._faults, pod)
        found = Attached(pod, reporter, faults, reboot)
        with self._lock:
            self._pods[pod.uid] = found
        for fault in faults:
            if fault.nature.is_act and fault.moment is None:
                self._due(found, fault, 0.0)

    def forget(self, uid: str) -> None:
        """A pod is let go of."""
        self._in_sandboxes.forget(uid)
        with self._lock:
            self._pods.pop(uid, None)
            self._came = {key: at for key, at in self._came.items() if key[0] != uid}
            self._seen = {key for key in self._seen if key[0] != uid}
            self._in = {key: faults for key, faults in self._in.items() if key[0] != uid}
            self._equipped.discard(uid)
            self._tries = {key: tries for key, tries in self._tries.items() if key[0] != uid}
            self._pulled = {key for key in self._pulled if key[0] != uid}

    def annotated(self, pod: Pod) -> Pod:
        """A new pod, with its faults in an annotation."""
        return annotated(pod, self._faults)

    def hear(self, event: EngineEvent | None) -> None:
        """The Engine tells of a container; None: anything may have happened."""
        if event is not None and event.action == "die":
            labels = event.labels
            name = labels.get(CONTAINER_NAME, "")
            code = str(event.attributes.get("exitCode") or "0")
            self._has_ended(labels.get(POD_UID, ""), name, attempt_of(labels), failed=code != "0")

    def close(self) -> None:
        self._agenda.close()

    def around(self, call: Call, proceed: Callable[[], T]) -> T:
        """See ``engine.seam.Wrapper``."""
        found = None if call.step else self._pods.get(call.target.uid)
        if found is None or not found.faults:
            return proceed()
        if found.pod.uid in self._rebooting:
            self._goes_on.wait()
            raise Rebooted
        if self._clock.steady() < self._down.get(found.pod.uid, 0.0):
            raise EngineUnavailable("the Engine does not answer: a fault was injected")
        match call.verb:
            case "create_container":
                return cast(T, self._create(found, call, cast(Callable[[], str], proceed)))
            case "start_container":
                return self._start(found, call, proceed)
            case "inspect_container":
                return cast(T, self._inspect(found, call, cast(Callable[[], ContainerDetails], proceed)))
            case "inspect_image":
                return cast(T, self._inspect_image(found, call, cast(Callable[[], ImageDetails], proceed)))
            case "pull_image":
                return cast(T, self._pull(found, call, cast(Callable[[], None], proceed)))
            case _:
                return proceed()

    # --- when ---------------------------------------------------------------------------------------------------------

    def _holds(self, uid: str, fault: Fault) -> bool:
        """Whether a fault's time has come."""
        at = fault.at
        if at is None or fault.is_at_its_end:
            return True
        if at.container == fault.name and at.place in (Place.CREATED, Place.RUNNING) and fault.aim is Aim.CONTAINER:
            return True  # Of its own life: how far it comes before is ordered with it.
        came = self._came.get((uid, at.container, at.place))
        return came is not None and self._clock.steady() >= came + at.after

    def _has_come(self, found: Attached, container: str, attempt: int, place: Place) -> None:
        """A container is at a place: what is to happen then happens."""
        uid = found.pod.uid
        with self._lock:
            key = (uid, container, attempt, place)
            if key in self._seen:
                return
            self._seen.add(key)
            self._came.setdefault((uid, container, place), self._clock.steady())
        for fault in found.faults:
            at = fault.moment
            if fault.nature.is_brought and fault.at and (fault.at.container, fault.at.place) == (container, place):
                self._agenda.after(fault.at.after, partial(self._in_sandboxes.settle, found, fault))
            if not fault.nature.is_act:
                continue
            if at is None or (at.container, at.place) != (container, place):
                continue
            if fault.aim is not Aim.CONTAINER:
                self._due(found, fault, at.after)
            elif at.container != fault.name or fault.counts(attempt):
                self._agenda.after(at.after, partial(self._signal, found, fault))

    @property
    def _in_sandboxes(self) -> Sandboxes:
        assert self._sandboxes is not None
        return self._sandboxes

    def _due(self, found: Attached, fault: Fault, seconds: float) -> None:
        """The moment of what happens to a sandbox, the node or the Engine has come."""
        key = (found.pod.uid if fault.aim in (Aim.SANDBOX, Aim.NET) else "", fault)
        with self._lock:
            number = self._times.get(key, 0)
            self._times[key] = number + 1
        if not fault.comes(number):
            return
        if fault.aim is Aim.SANDBOX:
            act = partial(self._kill_sandbox, found, fault)
        elif fault.aim is Aim.NODE:
            act = partial(self._reboot_node, fault)
        elif fault.aim is Aim.NET:
            act = partial(self._cut_net, found, fault)
        else:
            act = partial(self._take_engine_down, fault)
        at = fault.moment
        begins = fault.aim is Aim.NET and at is not None and at.place in (Place.CREATED, Place.RUNNING)
        if seconds or (at is not None and not begins):
            self._agenda.after(seconds, act)
        else:
            act()

    def _has_ended(self, uid: str, container: str, attempt: int, *, failed: bool) -> None:
        found = self._pods.get(uid)
        if found is not None:
            self._has_come(found, container, attempt, Place.ENDED)
            if failed:
                self._has_come(found, container, attempt, Place.FAILED)

    def _kill_sandbox(self, found: Attached, fault: Fault) -> None:
        for one in self._running_of(found, {DOCKER_TYPE: TYPE_SANDBOX}):
            self._tell(found, fault)
            self._kill(found, one)

    def _reboot_node(self, fault: Fault) -> None:
        """Have the pods lose all their containers at once, and the node come back."""
        pods = [found for found in self._pods.values() if fault in found.faults]
        for found in pods:
            self._tell(found, fault)
        self._goes_on.clear()
        self._rebooting = frozenset(found.pod.uid for found in pods)
        try:
            for found in pods:
                running = self._running_of(found, {})
                for one in sorted(running, key=lambda one: one.labels.get(DOCKER_TYPE) == TYPE_SANDBOX):
                    self._kill(found, one)
            for found in pods:
                found.reboot(found.pod.uid)
        finally:
            self._rebooting = frozenset()
            self._goes_on.set()

    def _take_engine_down(self, fault: Fault) -> None:
        """Let the Engine not answer; what runs goes on."""
        pods = [found for found in self._pods.values() if fault in found.faults]
        for found in pods:
            self._tell(found, fault)
        end = self._clock.steady() + float(fault.argument or 0)
        with self._lock:
            self._down.update({found.pod.uid: end for found in pods})

    def _cut_net(self, found: Attached, fault: Fault) -> None:
        """Let nothing of a pod's network through, for a while if it has an end."""
        join = self._in_sandboxes.cut(found, fault)
        if join is not None and fault.argument is not None:
            self._agenda.after(float(fault.argument), join)

    def _running_of(self, found: Attached, labels: Mapping[str, str]) -> list[ContainerSummary]:
        """What runs of a pod; nothing when the Engine does not tell."""
        assert self._below is not None
        try:
            every = self._below.of(found.pod).list_containers({POD_UID: found.pod.uid, **labels})
        except EngineError:
            return []
        return [one for one in every if one.state is EngineState.RUNNING]

    def _kill(self, found: Attached, one: ContainerSummary, signal: str = "SIGKILL") -> None:
        assert self._below is not None
        engine = self._below.of(found.pod, one.labels.get(CONTAINER_NAME, ""), attempt_of(one.labels))
        with suppress(EngineError):  # It is gone, or the Engine is: a kubelet sees what there is.
            engine.kill_container(one.id, signal)

    def _signal(self, found: Attached, fault: Fault) -> None:
        """Send a signal to what runs of a container now."""
        for one in self._running_of(found, {CONTAINER_NAME: fault.name}):
            if fault.counts(attempt_of(one.labels)):
                self._tell(found, fault, attempt=attempt_of(one.labels))
                self._kill(found, one, f"SIG{fault.argument}")

    def _tell(self, found: Attached, fault: Fault, container: str = "", attempt: int | None = None) -> None:
        """Say that a fault is injected, and into which attempt of which container."""
        own = found.pod.container(container or fault.container)
        text = f"Injected fault {fault}"
        note = Note(type=fault.nature.type, reason=EventReason.FAULT_INJECTED, message=text)
        found.reporter.recorder.note(note, field_path="" if own is None else own.field_path, component=COMPONENT)
        name = "" if own is None else own.name
        at, ref = self._clock.now(), found.reporter.ref
        found.reporter.tell(FaultInjected(at=at, ref=ref, text=text, container=name, attempt=attempt))

    def _tell_once(self, uid: str, fault: Fault, number: int | None = None) -> None:
        """Tell of what is met again and again once for each attempt."""
        found, key = self._pods.get(uid), (uid, fault, number)
        with self._lock:
            if found is None or key in self._once:
                return
            self._once.add(key)
        self._tell(found, fault, attempt=number)

    # --- what a pod sees ------------------------------------------------------------------------------------------------

    def _of_objects(self, uid: str) -> list[Fault]:
        found = self._pods.get(uid)
        return [] if found is None else [one for one in found.faults if one.aim in KIND_OF and self._holds(uid, one)]

    def _of_probe(self, target: Target) -> list[Fault]:
        found = self._pods.get(target.pod.uid)
        name = f"{target.container.name}.{str(target.probe).lower()}"
        return [
            fault
            for fault in (() if found is None else found.faults)
            if fault.aim is Aim.PROBE
            and fault.name == name
            and fault.counts(target.attempt or 0)
            and self._holds(target.pod.uid, fault)
        ]

    # --- containers -----------------------------------------------------------------------------------------------------

    def _create(self, found: Attached, call: Call, proceed: Callable[[], str]) -> str:
        target, pod = call.target, found.pod
        made = cast(Callable[..., str], proceed)  # What the seam gives takes other arguments.
        if target.container == SANDBOX_CONTAINER:
            return made(config=self._in_sandboxes.config(found, cast(ContainerConfig, call.arguments["config"])))
        if pod.container(target.container) is None or target.attempt is None:
            return proceed()
        given = cast(ContainerConfig, call.arguments["config"])
        faults = tuple(
            fault
            for fault in found.faults
            if (_is_mounted(fault, given) if fault.kind == "readonly" else _is_own(fault, target))
            and self._holds(pod.uid, fault)
        )
        if not faults:
            return proceed()
        assert self._below is not None
        engine = self._below.of(pod, target.container, target.attempt)
        config = standin.changed(given, faults, _command(given, engine))
        container_id = made(config=config)
        if standin.needs_program(faults):
            self._equip(pod, engine, container_id)
        with self._lock:
            self._in[pod.uid, target.container, target.attempt] = faults
        return container_id

    def _equip(self, pod: Pod, engine: Engine, container_id: str) -> None:
        """Put the stand-in where the container will look for it."""
        with self._lock:
            if pod.uid in self._equipped:
                return
        archive = ArchiveWriter(self._clock.now())
        name = standin.PROGRAM.removeprefix(f"{standin.FOLDER}/")
        archive.file(name, sandbox_program(engine.architecture()), 0o755)
        try:
            engine.upload(container_id, standin.FOLDER, archive.content())
        except EngineError:
            with suppress(EngineError):
                engine.remove_container(container_id)
            raise
        with self._lock:
            self._equipped.add(pod.uid)

    def _start(self, found: Attached, call: Call, proceed: Callable[[], T]) -> T:
        target = call.target
        if target.attempt is None or not target.container:
            return proceed()
        is_sandbox = target.container == SANDBOX_CONTAINER
        if is_sandbox:
            self._in_sandboxes.begin(found, str(call.arguments["container_id"]))
        self._has_come(found, target.container, target.attempt, Place.CREATED)
        if not is_sandbox:
            self._in_sandboxes.settle(found)
        for fault in self._in.get((target.uid, target.container, target.attempt), ()):
            self._tell(found, fault, target.container, target.attempt)
        result = proceed()
        if is_sandbox:
            self._in_sandboxes.started(found, target.attempt)
        self._has_come(found, target.container, target.attempt, Place.RUNNING)
        return result

    def _inspect(self, found: Attached, call: Call, proceed: Callable[[], ContainerDetails]) -> ContainerDetails:
        """Whoever sees that a container has ended does so no earlier than this."""
        details, target = proceed(), call.target
        if details.state is EngineState.EXITED and target.attempt is not None:
            self._has_ended(found.pod.uid, target.container, target.attempt, failed=details.exit_code != 0)
        return details

    # --- images ---------------------------------------------------------------------------------------------------------

    def _of_image(self, found: Attached, call: Call) -> list[Fault]:
        """The faults of an image whose time has come. What is never pulled has none."""
        reference = str(call.arguments["reference"])
        if self._policy(found, call) is PullPolicy.NEVER:
            return []
        return [
            fault
            for fault in found.faults
            if fault.aim is Aim.IMAGE and self._holds(found.pod.uid, fault) and names_image(fault.name, reference)
        ]

    @staticmethod
    def _policy(found: Attached, call: Call) -> PullPolicy:
        container = found.pod.container(call.target.container)
        return PullPolicy.IF_NOT_PRESENT if container is None else container.pull_policy

    def _inspect_image(self, found: Attached, call: Call, proceed: Callable[[], ImageDetails]) -> ImageDetails:
        """An image that shall not be had is not there either, until a pull has gone well."""
        faults = self._of_image(found, call)
        if faults and _key(found, call) not in self._pulled:
            raise NotFound(f"No such image: {call.arguments['reference']}")
        return proceed()

    def _pull(self, found: Attached, call: Call, proceed: Callable[[], None]) -> None:
        faults, key = self._of_image(found, call), _key(found, call)
        if not faults:
            return proceed()
        with self._lock:
            tries = self._tries.setdefault(key, {})
            number = tries.get(call.arguments["auth"], 0)
            tries[call.arguments["auth"]] = number + 1
        for fault in faults:
            if not fault.counts(number):
                continue
            self._tell(found, fault, call.target.container)
            if fault.kind != "delay":
                raise pull_error(fault.kind, key[1])
            self._agenda.spend(float(fault.argument or 0))
        if self._policy(found, call) is PullPolicy.ALWAYS or not self._is_there(key[1]):
            proceed()
        with self._lock:
            self._pulled.add(key)
        return None

    def _is_there(self, reference: str) -> bool:
        """Whether the Engine has an image: a pull finds it there, so that nothing has to be asked of a registry."""
        assert self._below is not None
        try:
            self._below.inspect_image(reference)
        except EngineRefusal:
            return False
        return True


def _is_own(fault: Fault, target: seam.Target) -> bool:
    """Whether a container is created with a fault."""
    is_meant = fault.aim is Aim.CONTAINER and not fault.nature.is_act and fault.name == target.container
    return is_meant and target.attempt is not None and fault.counts(target.attempt)


def _is_mounted(fault: Fault, config: ContainerConfig) -> bool:
    return any(mount.volume == fault.name for mount in config.mounts)


def _key(found: Attached, call: Call) -> tuple[str, str]:
    reference = str(call.arguments["reference"])
    try:
        return found.pod.uid, apply_default_tag(reference)
    except InvalidReference:
        return found.pod.uid, reference


def _command(config: ContainerConfig, engine: Engine) -> tuple[str, ...]:
    """What a container would run: of its configuration, and of its image."""
    if config.entrypoint is not None:
        return (*config.entrypoint, *(config.command or ()))
    image = engine.inspect_image(config.image)
    return (*image.entrypoint, *(image.command if config.command is None else config.command))
