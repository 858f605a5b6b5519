"""A running pod as a program holds it: look at it, wait for it, use what runs in it, end it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias, Unpack, overload

from runner.api.history import AttemptRecord, PodHistory
from runner.api.into.answers import Answers
from runner.api.into.copying import Copying
from runner.api.into.debugging import Debugging
from runner.api.into.outcome import CommandOptions, ExecOutcome, outcome_of
from runner.api.into.standing import Standing
from runner.api.report import last_output, report
from runner.api.settings import Seconds, seconds_of
from runner.api.status import Status
from runner.api.volumes import VolumeHandle
from runner.core.diagnosis import with_cause
from runner.core.events import Event
from runner.core.kindwords import PODS
from runner.core.labels import DOCKER_TYPE, POD_UID, TYPE_SANDBOX
from runner.core.logquestion import LogQuestion
from runner.core.model import Container, Pod
from runner.core.status.containerstatus import engine_id
from runner.core.status.podstatus import ConditionType, Phase
from runner.engine.protocol import Engine, EngineState
from runner.errors import EngineConflict, NoSuchObject, NotFound, PodFailed, UsageError, WaitTimeout

if TYPE_CHECKING:
    from runner.api.launching import Launching
    from runner.client.contract import Client
    from runner.core.explain.explaining import Explanation
    from runner.core.narration import LogLine

Condition: TypeAlias = "str | Callable[[Status], bool]"
"""``ready``, ``initialized``, ``completed``, ``deleted``, the name of a pod condition, or a function of the status."""

_PORT_SECONDS = 86400.0


class Address(NamedTuple):
    """A host and port that this process can connect to."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Attempt:
    """One instance of a container, from the first (``number`` 0) on."""

    def __init__(self, pod: PodHandle, record: AttemptRecord) -> None:
        self._pod = pod
        self._record = record

    @property
    def number(self) -> int:
        return self._record.number

    @property
    def exit_code(self) -> int | None:
        """None as long as it runs."""
        return self._record.exit_code

    @property
    def reason(self) -> str:
        """Why it ended: ``Completed``, ``Error``, ``OOMKilled``, ``StartError`` …; empty as long as it runs."""
        return self._record.reason

    @property
    def message(self) -> str:
        """What the container left as its termination message."""
        return self._record.message

    @property
    def started_at(self) -> datetime | None:
        return self._record.started_at

    @property
    def finished_at(self) -> datetime | None:
        return self._record.finished_at

    def logs(self) -> str:
        """Everything that this instance has printed so far, also when its container is gone.

        What is no UTF-8 is replaced; ``output`` has the bytes.
        """
        __tracebackhide__ = True
        return self.output().decode("utf-8", "replace")

    def output(self) -> bytes:
        """The same, byte by byte."""
        __tracebackhide__ = True
        from runner.kubelet.logs.reading import read_attempt

        known = self._record
        runner = self._pod.runner
        ref = self._pod.history.ref
        return read_attempt(ref, known.container, known.number, known.container_id, runner.engine, runner.home)

    def __repr__(self) -> str:
        ended = "running" if self.exit_code is None else f"exit code {self.exit_code} ({self.reason})"
        return f"<Attempt {self.number} of {self._record.container}: {ended}>"


class ContainerHandle:
    """One container of a pod, over all its instances."""

    def __init__(self, pod: PodHandle, container: Container) -> None:
        self._pod = pod
        self._container = container

    @property
    def name(self) -> str:
        return self._container.name

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All instances so far, oldest first."""
        return tuple(Attempt(self._pod, record) for record in self._pod.history.attempts(self.name))

    @property
    def restarts(self) -> int:
        status = self._pod.status.container(self.name)
        return status.restart_count if status is not None else 0

    @property
    def is_ready(self) -> bool:
        status = self._pod.status.container(self.name)
        return status is not None and status.ready

    @overload
    def logs(self, *, follow: Literal[False] = False, tail: int | None = None) -> str: ...

    @overload
    def logs(self, *, follow: Literal[True], tail: int | None = None) -> Iterator[str]: ...

    def logs(self, *, follow: bool = False, tail: int | None = None) -> str | Iterator[str]:
        """What the newest instance has printed, as text; with ``follow`` line by line until it ends.

        What is no UTF-8 is replaced; ``output`` has the bytes. Raises UsageError when there is none yet.
        """
        __tracebackhide__ = True
        if not follow:
            return self.output(tail=tail).decode("utf-8", "replace")
        return (line.data.decode("utf-8", "replace") for lines in self._read(tail, is_followed=True) for line in lines)

    def output(self, *, tail: int | None = None) -> bytes:
        """What the newest instance has printed, byte by byte; ``tail``: its last lines. Raises UsageError when there is none."""
        __tracebackhide__ = True
        return b"".join(line.content for lines in self._read(tail, is_followed=False) for line in lines)

    def _read(self, tail: int | None, *, is_followed: bool) -> Iterator[Sequence[LogLine]]:
        question = LogQuestion(container=self.name, follow=is_followed, tail=tail, whole=is_followed)
        return self._pod.runner.client.logs(self._pod.namespace, self._pod.name, question)

    def exec(self, command: Sequence[str], *, timeout: Seconds = None, **how: Unpack[CommandOptions]) -> ExecOutcome:
        """Run a command, a list of words, in the running container; what it exits with is no error.

        ``stdin`` is what it reads (text, bytes, a binary file, pieces), ``env``, ``user`` and ``workdir`` are set for it alone;
        ``stream(name, data)`` gets its output as it comes. Raises UsageError for a text, when the container does not run and
        when the command cannot be started, WaitTimeout when it takes too long.
        """
        __tracebackhide__ = True
        engine = self._pod.engine.of(container=self.name)
        try:
            return outcome_of(engine, self._running_id, self.name, command, timeout, how)
        except (EngineConflict, NotFound) as problem:
            raise UsageError(f"container {self.name} of pod {self._pod.name} does not run: {problem}") from problem

    def restart(self, *, timeout: Seconds = 60) -> None:
        """Stop the container within its grace period, and wait until its next instance runs, as its restart policy says."""
        __tracebackhide__ = True
        before = self.restarts
        grace = self._pod.spec.get("terminationGracePeriodSeconds")
        self._pod.engine.of(container=self.name).stop_container(self._running_id(), 30 if grace is None else int(grace))

        def is_back(status: Status) -> bool:
            found = status.container(self.name)
            return found is not None and found.restart_count > before and found.running is not None

        self._pod.wait_for(is_back, timeout)

    def _running_id(self) -> str:
        status = self._pod.status.container(self.name)
        if status is None or status.running is None:
            raise UsageError(f"container {self.name} of pod {self._pod.name} does not run")
        return engine_id(status.container_id)

    def __repr__(self) -> str:
        return f"<Container {self.name} of pod {self._pod.name}: {len(self.attempts)} attempts>"


class Life(Protocol):
    """The run that a pod belongs to, as far as its handle asks."""

    def check(self, uid: str) -> None:
        """Raise what broke the pod's worker."""
        ...

    def gave_up(self, uid: str) -> str:
        """The container that was restarted too often; "" when none was."""
        ...

    def hopeless(self, uid: str) -> str:
        """What keeps the pod from going on and has been tried often enough; "" when nothing does."""
        ...

    def decision(self, uid: str) -> str:
        """The last decision about the pod that had something to do, as text."""
        ...

    def wake(self) -> None:
        """Let the workers look at what was asked of them."""
        ...


class PodHandle(Debugging, Copying, Standing, Answers):
    """A pod that runs in the background of this process."""

    def __init__(self, runner: Launching, life: Life, history: PodHistory) -> None:
        self.runner = runner
        self.history = history
        self._life = life
        self._resources = ExitStack()
        self._addresses: dict[tuple[str, int], Address] = {}
        self._is_released = False
        self._lock = threading.Lock()
        self._read: Pod | None = None

    # --- what it is --------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self.history.ref.name

    @property
    def namespace(self) -> str:
        return self.history.ref.namespace

    @property
    def uid(self) -> str:
        return self.history.ref.uid

    @property
    def spec(self) -> dict[str, Any]:
        """The v1 PodSpec, with all defaults."""
        return dict(self.history.manifest.get("spec") or {})

    @property
    def engine(self) -> Engine:
        return self.runner.engine.of(self)

    @property
    def _client(self) -> Client:
        return self.runner.client

    @property
    def status(self) -> Status:
        """The status that was published last."""
        return Status(self.history.value, self.history.status)

    @property
    def is_gone(self) -> bool:
        """Whether it has been deleted, and nothing of it is left."""
        return self.history.is_gone

    def container(self, name: str) -> ContainerHandle:
        """A container or init container. Raises UsageError when the pod has none of that name."""
        __tracebackhide__ = True
        pod = self._pod
        found = pod.container(name)
        if found is None:
            known = ", ".join(one.name for one in pod.all_containers())
            raise UsageError(f"container {name} is not valid for pod {self.name}", hint=f"it has: {known}")
        return ContainerHandle(self, found)

    def init(self, name: str) -> ContainerHandle:
        """An init container. Raises UsageError when the pod has none of that name."""
        __tracebackhide__ = True
        if name not in [one.name for one in self._pod.init_containers]:
            raise UsageError(f"container {name} is no init container of pod {self.name}")
        return self.container(name)

    @property
    def containers(self) -> tuple[ContainerHandle, ...]:
        """All of them in the order of the manifest, init containers first."""
        return tuple(ContainerHandle(self, one) for one in self._pod.all_containers())

    def events(self) -> list[Event]:
        """What happened, as ``podrunner events`` shows it; the newest comes last."""
        found = self.runner.client.events(self.history.manifest)
        return sorted((Event.from_json(value) for value in found), key=lambda event: event.last)

    @property
    def decision(self) -> str:
        """What was decided last, one line an operation with its cause."""
        return self._life.decision(self.uid)

    @property
    def _pod(self) -> Pod:
        manifest, read = self.history.manifest, self._read
        if read is None or read.manifest is not manifest:
            read = self._read = Pod.from_json(manifest)
        return read

    # --- waiting -----------------------------------------------------------------------------------------------------

    def wait_for(self, condition: Condition, timeout: Seconds = None) -> Status:
        """Wait until the condition holds, and return the status that it holds for.

        Raises WaitTimeout, and PodFailed as soon as the pod cannot get there any more; both tell what was seen last.
        """
        __tracebackhide__ = True
        holds, limit = self._condition(condition), seconds_of(timeout)
        name = condition if isinstance(condition, str) else getattr(condition, "__name__", "the condition")
        found: list[Status] = []

        def is_over() -> bool:
            status = self.status
            if holds(status):
                found.append(status)
                return True
            self._life.check(self.uid)
            hopeless = self._life.gave_up(self.uid) or self._life.hopeless(self.uid)
            return status.phase.is_terminal or self.is_gone or bool(hopeless)

        self.history.wait(is_over, limit)
        if found:
            return found[0]
        if is_over() and not found:
            problem = self._life.gave_up(self.uid)
            what = f"gave up after too many restarts of {problem}" if problem else f"is {self._end()}"
            trouble = self._life.hopeless(self.uid)
            if not problem and trouble and not (self.is_gone or self.status.phase.is_terminal):
                what = f"does not get any further ({trouble})"
            text = with_cause(f"pod {self.name} {what} and cannot be {name} any more", self.status.value, problem)
            raise PodFailed(f"{text}\n\n{self.report()}", pod=self)
        if found:
            return found[0]
        raise WaitTimeout(
            f"pod {self.name} is not {name} after {limit:g} s: {self.status}\n\n{self.report()}", pod=self
        )

    def _why_over(self) -> str:
        self._life.check(self.uid)
        if self.is_gone or self.status.phase.is_terminal:
            return f"is {self._end()}"
        hopeless = self._life.gave_up(self.uid) or self._life.hopeless(self.uid)
        return f"does not get any further ({hopeless})" if hopeless else ""

    def _first(self) -> str:
        return self._pod.containers[0].name

    def _end(self) -> str:
        return "deleted" if self.is_gone else str(self.status.phase)

    def _condition(self, condition: Condition) -> Callable[[Status], bool]:
        if callable(condition):
            return condition
        known: dict[str, Callable[[Status], bool]] = {
            "ready": lambda status: status.is_ready or status.phase is Phase.SUCCEEDED,
            "initialized": lambda status: status.is_initialized,
            "completed": lambda status: status.phase is Phase.SUCCEEDED,
            "deleted": lambda _: self.is_gone,
        }
        if condition in known:
            return known[condition]
        kind = next((kind for kind in ConditionType if kind.lower() == condition.lower()), None)
        gates = {gate.lower(): gate for gate in self._pod.readiness_gates}
        name = str(kind) if kind is not None else gates.get(condition.lower())
        if name is None:
            choices = ", ".join((*known, *ConditionType))
            raise UsageError(
                f"{condition!r} is nothing to wait for", hint=f"one of {choices}, or a function of the status"
            )
        return lambda status: status.is_true(name)

    # --- using it ----------------------------------------------------------------------------------------------------

    def exec(
        self, command: Sequence[str], *, container: str = "", timeout: Seconds = None, **how: Unpack[CommandOptions]
    ) -> ExecOutcome:
        """Run a command in a container, the first one unless named. Arguments and errors as of ``ContainerHandle.exec``."""
        __tracebackhide__ = True
        return self.container(container or self._pod.containers[0].name).exec(command, timeout=timeout, **how)

    def port(self, port: int | str) -> Address:
        """Where this process reaches a port (number or name) of the pod, on every kind of Engine, until the pod is gone.

        That is the pod's own address where it can be reached from here, else a port of the loopback that leads through
        the sandbox. Raises UsageError for an unknown name or a pod without an address.
        """
        __tracebackhide__ = True
        from runner.kubelet.prober.handlers import Target

        pod, ip = self._pod, self.status.ip
        if not ip:
            raise UsageError(f"pod {self.name} has no address yet")
        number = _port_number(pod, port)
        with self._lock:
            if self._is_released:
                raise UsageError(f"the ports of pod {self.name} are closed: it was deleted, or its run is over")
            if (ip, number) not in self._addresses:
                first = pod.containers[0]
                target = Target(pod=pod, container=first, container_id="", sandbox_id=self._sandbox(), pod_ip=ip)
                way = self.runner.reach.address(target, ip, number, _PORT_SECONDS)
                self._addresses[ip, number] = Address(*self._resources.enter_context(way))
            return self._addresses[ip, number]

    def volume(self, name: str) -> VolumeHandle:
        """A volume of the pod. Raises UsageError when it has none of that name."""
        __tracebackhide__ = True
        known = [str(volume.get("name")) for volume in self.spec.get("volumes") or ()]
        if name not in known:
            raise UsageError(f"pod {self.name} has no volume {name}", hint=f"it has: {', '.join(known) or 'none'}")
        return VolumeHandle(self.engine, self._sandbox, name, self.runner.clock.now)

    def logs(self, container: str = "") -> str:
        """What the newest instance of a container has printed, of the first one unless named."""
        __tracebackhide__ = True
        return self.container(container or self._pod.containers[0].name).logs()

    def restart_container(self, name: str, *, timeout: Seconds = 60) -> None:
        """Stop a container and wait until its next instance runs."""
        __tracebackhide__ = True
        self.container(name).restart(timeout=timeout)

    def kill_sandbox(self) -> None:
        """End the pod's sandbox from outside, as a crash of the node's runtime would: everything in it starts again."""
        __tracebackhide__ = True
        self.engine.kill_container(self._sandbox(), "SIGKILL")

    def delete(self, grace: int | None = None, *, timeout: Seconds = None) -> None:
        """Delete the pod and wait until nothing of it is left. ``grace`` in seconds; None: the pod's own, 0: kill at once.

        Raises WaitTimeout.
        """
        __tracebackhide__ = True
        with suppress(NoSuchObject):  # It has gone already.
            self.runner.client.delete(PODS.kind, self.namespace, self.name, grace=grace, uid=self.uid)
        self._life.wake()
        limit = seconds_of(timeout)
        if not self.history.wait(lambda: self.is_gone, limit):
            raise WaitTimeout(f"pod {self.name} is not gone after {limit:g} s\n\n{self.report()}", pod=self)
        self.release()

    def release(self) -> None:
        """Close the ways to its ports."""
        with self._lock:
            self._is_released = True
            self._addresses.clear()
            self._resources.close()

    def explain(self) -> Explanation:
        """Why it is not where it should be: causes with their evidence and what to do next, as ``podrunner explain`` has them."""
        from runner.api.explaining import evidence
        from runner.core.explain.explaining import explain

        logs = {(one.name, attempt.number): text for one in self.containers for attempt, text in last_output(one)}
        return explain(evidence(self.runner.client, self.history.value, self.runner.clock.now(), logs))

    def report(self) -> str:
        """Its status as ``get po`` shows it, the cause if one is seen, its last events, and the ends of its logs."""
        return report(self, self.runner.clock.now())

    def _sandbox(self) -> str:
        found = self.engine.list_containers({POD_UID: self.uid, DOCKER_TYPE: TYPE_SANDBOX})
        running = next((one.id for one in found if one.state is EngineState.RUNNING), None)
        if running is None:
            raise UsageError(f"pod {self.name} has no running sandbox")
        return running

    def __repr__(self) -> str:
        return f"<Pod {self.namespace}/{self.name}: {'deleted' if self.is_gone else self.status}>"


def _port_number(pod: Pod, port: int | str) -> int:
    if isinstance(port, int):
        return port
    for container in pod.all_containers():
        for one in container.manifest.get("ports") or ():
            if one.get("name") == port:
                return int(one["containerPort"])
    with suppress(ValueError):
        return int(port)
    raise UsageError(f"no container of pod {pod.name} has a port named {port}")
