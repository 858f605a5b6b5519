"""The simulated Engine: the Engine protocol on a virtual clock, one thread, no process.

It answers as a real daemon of API 1.41 does, with the same errors and event sequences (one suite runs over both):
a natural exit emits ``die``; a stop ``kill``, ``die``, ``stop``; a kill ``kill``, ``die``; a kill for memory ``oom``,
``die``; a failed start leaves the container created, with its error's text and exit code, and emits nothing.

Verbs that block on a real Engine return at once; the seconds that they would have taken add up until ``take_elapsed``
is asked, so that the caller can deliver the result that much later. What processes do stands on the clock's agenda.
"""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from msgspec.structs import replace

from runner.clock import VirtualClock
from runner.core.container.containerconfig import ContainerConfig, MountType, VolumeConfig
from runner.core.images.progress import PullProgress
from runner.core.labels import CONTAINER_NAME, POD_UID
from runner.core.model import EMPTY, ProbeKind
from runner.core.sync.probing import ProbeRun, RunResult
from runner.engine.protocol import (
    PLAIN,
    ContainerDetails,
    ContainerSummary,
    EngineEvent,
    EngineInfo,
    EngineState,
    ExecResult,
    ExecStream,
    ExecTimeout,
    ImageDetails,
    RegistryAuth,
    Session,
    Untagged,
    VolumeDetails,
    Wishes,
)
from runner.engine.simulated.container import SimulatedContainer
from runner.engine.simulated.ends import Ends
from runner.engine.simulated.events import Call, EventBus, Listener, SimulatedEventStream, SimulatedLogStream, matches
from runner.engine.simulated.fileverbs import FileVerbs
from runner.engine.simulated.images import ImageStore
from runner.engine.simulated.orders import as_ordered
from runner.engine.simulated.script import Script
from runner.engine.simulated.sessions import nobody, session_of
from runner.engine.simulated.signals import NUMBERS, STOPPING, signal_name
from runner.engine.simulated.volumes import VolumeStore
from runner.errors import (
    EngineConflict,
    EngineError,
    EngineUnavailable,
    ImagePullError,
    NotFound,
    StartError,
)

START_FAILED: Final = 128
NOT_FOUND: Final = 127

_SPREAD, _IDS = int(sha256(b"container").hexdigest(), 16) | 1, 1 << 256
"""Ids are numbers times the one, below the other: none comes twice, and they look like an Engine's."""
_OTHERS: Final = 1 << 21
"""The first number of a container that is no pod's: what else there is changes no pod's ids and addresses."""

_OTHERS_NAMESPACE: Final = "container:"
_LENGTH: Final = len(_OTHERS_NAMESPACE)

_INFO: Final = EngineInfo(
    confinement=frozenset({"apparmor", "seccomp", "userns"}),
    name="Simulated Engine",
    version="1",
    api_version="1.41",
    arch="amd64",
    cpus=4,
    memory=8 * 1024**3,
)


class SimulatedEngine(FileVerbs, Untagged):
    """An Engine whose containers do what ``script`` says, or what was assigned to their pod.

    ``images`` are present from the start.
    """

    def __init__(
        self,
        clock: VirtualClock,
        script: Script | None = None,
        *,
        images: Iterable[str] = (),
        record_calls: bool = False,
    ) -> None:
        self.clock = clock
        self.script = script or Script()
        self.calls: list[Call] = []
        self._record_calls = record_calls
        self._errors: dict[str, deque[EngineError]] = defaultdict(deque)
        self.is_down = False
        """While it is set nothing answers; what runs goes on running."""
        self._elapsed = 0.0
        self._bus = EventBus()
        # What the ids and addresses are made from.
        self._numbers, self._others = itertools.count(1), itertools.count(_OTHERS)
        self._containers: dict[str, SimulatedContainer] = {}
        self._by_uid: dict[str, dict[str, SimulatedContainer]] = {}
        self._names: dict[str, SimulatedContainer] = {}
        self._scripts: dict[str, Script] = {}
        self._starts: dict[str, dict[str, int]] = {}
        self._images = ImageStore(self.script.images)
        self._volumes = VolumeStore()
        self._ends = Ends(clock, self._emit, self._tree)
        for reference in images:
            self.add_image(reference)

    # --- what a simulation does beside the protocol -----------------------------------------------------------------

    def take_elapsed(self) -> float:
        """Seconds that the verbs called since the last time would have blocked."""
        elapsed, self._elapsed = self._elapsed, 0.0
        return elapsed

    def block(self, seconds: float) -> None:
        """What was done took so long, beside the Engine's own verbs."""
        self._elapsed += seconds

    def assign(self, uid: str, script: Script) -> None:
        """Have the containers of one pod do what this script says of containers; its images are not looked at."""
        self._scripts[uid] = script

    def forget(self, uid: str) -> None:
        """Remember nothing of a pod that is gone."""
        self._scripts.pop(uid, None)
        self._starts.pop(uid, None)

    def fail_next(self, verb: str, error: EngineError, times: int = 1) -> None:
        """Let the next calls of a verb (its method's name) raise an error instead."""
        self._errors[verb].extend([error] * times)

    def subscribe(
        self, labels: Mapping[str, str], listener: Listener, actions: Collection[str] | None = None
    ) -> Callable[[], None]:
        """Call a function on every event (of these actions) of what carries these labels; returns what ends it."""
        return self._bus.subscribe(labels, listener, actions)

    def probe(self, container_id: str, kind: ProbeKind) -> ProbeRun:
        """What a probe of this kind gives right now; a container that does not run fails it."""
        container = self._find(container_id)
        if container.started_at is None or not container.is_alive():
            return ProbeRun(result=RunResult.FAILURE, output="connection refused")
        return container.script.probe(kind, (self.clock.now() - container.started_at).total_seconds())

    def files(self, container_id: str) -> list[str]:
        """The paths of the files in a container, but for what its mounts hold."""
        return self._find(container_id).files.files()

    def add_image(self, reference: str) -> None:
        """Make an image present without a pull."""
        self._images.add(reference)

    def lose_image(self, reference: str) -> None:
        """Let an image vanish, as ``docker rmi --force`` does; what runs of it goes on."""
        with suppress(NotFound):
            self._images.remove(self._images.find(reference))

    def pause(self, container_id: str) -> None:
        """Freeze a running container, as ``docker pause`` does; its scripted time stands still."""
        container = self._find(container_id)
        if container.state is not EngineState.RUNNING:
            raise EngineConflict(f"Container {container.id} is not running")
        self._ends.pause(container)

    def unpause(self, container_id: str) -> None:
        container = self._find(container_id)
        if container.state is not EngineState.PAUSED:
            raise EngineConflict(f"Container {container.id} is not paused")
        self._ends.unpause(container)

    def end(self, container_id: str, exit_code: int) -> None:
        """Have what runs of a container end by itself now, whatever its script says."""
        container = self._find(container_id)
        if container.state is not EngineState.RUNNING:
            raise EngineConflict(f"Container {container.id} is not running")
        self._ends.end(container, exit_code)

    def clock_was_set(self, by: timedelta) -> None:
        """Instants that were planned come as much later by the clock."""
        for container in self._containers.values():
            container.move(by)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _called(self, verb: str, target: str = "") -> None:
        if self._record_calls:
            self.calls.append(Call(self.clock.now(), verb, target))
        if self.is_down:
            raise EngineUnavailable("cannot connect to the simulated Engine")
        if self._errors and (errors := self._errors.get(verb)):
            raise errors.popleft()

    def _find(self, container_id: str) -> SimulatedContainer:
        found = self._containers.get(container_id) or self._names.get(container_id)
        if found is None:
            raise NotFound(f"No such container: {container_id}")
        return found

    def _emit(self, container: SimulatedContainer, action: str, attributes: Mapping[str, str] = EMPTY) -> None:
        event = EngineEvent(
            action=action,
            container_id=container.id,
            labels=container.config.labels,
            at=self.clock.now(),
            attributes={**container.attributes, **attributes} if attributes else container.attributes,
        )
        self._bus.emit(event, container.uid)

    # --- the Engine --------------------------------------------------------------------------------------------------

    def info(self) -> EngineInfo:
        self._called("info")
        return _INFO

    def architecture(self) -> str:
        return _INFO.arch

    def events(self, labels: Mapping[str, str], *, since: datetime | None = None) -> SimulatedEventStream:
        self._called("events")
        return SimulatedEventStream(self.clock, self._bus, labels, since)

    def close(self) -> None:
        """Nothing is held."""

    # --- containers --------------------------------------------------------------------------------------------------

    def list_containers(self, labels: Mapping[str, str]) -> list[ContainerSummary]:
        self._called("list_containers")
        uid = labels.get(POD_UID)
        candidates = self._by_uid.get(uid, {}) if uid else self._containers
        if uid and len(labels) == 1:
            return [c.summary() for c in reversed(candidates.values())]
        return [c.summary() for c in reversed(candidates.values()) if matches(labels, c.config.labels)]

    def inspect_container(self, container_id: str) -> ContainerDetails:
        self._called("inspect_container", container_id)
        return self._find(container_id).details()

    def create_container(self, config: ContainerConfig) -> str:
        self._called("create_container", config.name)
        image = self._images.find(config.image)
        if taken := self._names.get(config.name):
            raise EngineConflict(
                f'The container name "/{config.name}" is already in use by container {taken.id}', recoverable=True
            )
        number = next(self._numbers if CONTAINER_NAME in config.labels else self._others)
        container_id = f"{number * _SPREAD % _IDS:064x}"
        name = config.labels.get(CONTAINER_NAME, config.name)
        scripts = self._scripts.get(config.labels.get(POD_UID, ""), self.script)
        script = scripts.containers.get(name, scripts.default)
        container = SimulatedContainer(container_id, config, image_id=image.id, script=script, now=self.clock.now())
        container.begin_with(self._images.files_of(image))
        self._containers[container_id] = container
        self._names[config.name] = container
        if container.uid:
            self._by_uid.setdefault(container.uid, {})[container_id] = container
        for mount in config.mounts:
            if mount.type is MountType.VOLUME and mount.source:
                self._volumes.use(mount.source, container_id, mount.create)
        self._emit(container, "create")
        return container_id

    def start_container(self, container_id: str) -> None:
        self._called("start_container", container_id)
        container = self._find(container_id)
        if container.is_alive():
            return
        self._join(container)
        starts = self._starts.setdefault(container.uid, {})
        number = starts.get(container.script_name, 0)
        starts[container.script_name] = number + 1
        attempt = as_ordered(container.script.attempt(number), container.config.entrypoint)
        if attempt.start_error:
            raise self._failed_start(container, StartError(attempt.start_error), attempt.exit_code or NOT_FOUND)
        number = next(self._numbers if CONTAINER_NAME in container.config.labels else self._others)
        pid, ip = 1000 + number, ""
        if container.config.network_mode in ("", "default", "bridge"):
            place = pid // 250
            ip = f"172.17.{place % 250 if number < _OTHERS else 250 + place % 6}.{pid % 250 + 2}"
        container.begin(attempt, pid, ip, self.clock.now())
        self._emit(container, "start")
        self._ends.plan_natural(container, attempt)

    def _join(self, container: SimulatedContainer) -> None:
        """Refuse to start when a namespace to join is not there, as the daemon does."""
        config = container.config
        for what, mode in (("network", config.network_mode), ("IPC", config.ipc_mode), ("PID", config.pid_mode)):
            if mode[:_LENGTH] != _OTHERS_NAMESPACE:
                continue
            target = mode[_LENGTH:]
            other = self._containers.get(target) or self._names.get(target)
            if other is None:
                raise self._failed_start(container, StartError(f"No such container: {target}"), START_FAILED)
            if not other.is_alive():
                problem = EngineConflict(f"cannot join {what} of a non running container: {other.id}")
                raise self._failed_start(container, problem, START_FAILED)
            if what == "IPC" and other.config.ipc_mode not in ("shareable", "host"):
                raise self._failed_start(container, StartError(f"non-shareable IPC of {other.id}"), START_FAILED)

    def _failed_start(self, container: SimulatedContainer, problem: EngineError, exit_code: int) -> EngineError:
        container.fail_to_start(exit_code, problem.message)
        return problem

    def kill_container(self, container_id: str, signal: str) -> None:
        self._called("kill_container", container_id)
        container = self._find(container_id)
        if not container.is_alive():
            raise EngineConflict(f"Cannot kill container: {container_id}: Container {container.id} is not running")
        stop_signal = signal_name(container.config.stop_signal or "SIGTERM")
        name = signal_name(signal) if signal else stop_signal
        if name == "SIGKILL":
            self._ends.kill(container)
            return
        self._emit(container, "kill", {"signal": str(NUMBERS.get(name, 0))})
        if name == stop_signal and self._ends.obeys_at_once(container):
            return
        if name in STOPPING or name == stop_signal:
            self._ends.plan_term(container)

    def stop_container(self, container_id: str, timeout: int) -> None:
        self._called("stop_container", container_id)
        container = self._find(container_id)
        if not container.is_alive():
            return
        self._elapsed += self._ends.stop(container, timeout)

    def remove_container(self, container_id: str) -> None:
        self._called("remove_container", container_id)
        container = self._containers.get(container_id) or self._names.get(container_id)
        if container is None:
            return
        if container.is_alive():
            self._ends.kill(container)
        container.vanish()
        del self._containers[container.id]
        del self._names[container.config.name]
        if container.uid:
            siblings = self._by_uid[container.uid]
            del siblings[container.id]
            if not siblings:
                del self._by_uid[container.uid]
        for mount in container.config.mounts:
            if mount.type is MountType.VOLUME and mount.source:
                self._volumes.release(mount.source, container.id)
        self._emit(container, "destroy")

    def rename_container(self, container_id: str, name: str) -> None:
        self._called("rename_container", container_id)
        container = self._find(container_id)
        if other := self._names.get(name):
            raise EngineConflict(f'The container name "/{name}" is already in use by container {other.id}')
        del self._names[container.config.name]
        container.rename(name)
        self._names[name] = container
        self._emit(container, "rename")

    def container_config(self, container_id: str) -> ContainerConfig:
        self._called("container_config", container_id)
        return replace(self._find(container_id).config, port_bindings=())

    def commit_container(self, container_id: str, reference: str, labels: Mapping[str, str]) -> None:
        self._called("commit_container", container_id)
        self._images.commit(reference, self._find(container_id).files.copy(), labels)

    def exec(self, container_id: str, command: Sequence[str], *, timeout: float | None, limit: int) -> ExecResult:
        self._called("exec", container_id)
        container = self._find(container_id)
        if container.state is not EngineState.RUNNING:
            raise EngineConflict(f"Container {container.id} is not running")
        step = container.script.exec(tuple(command))
        self._emit(container, "exec_create")
        self._emit(container, "exec_start")
        run = container.run

        def end() -> None:
            if container.run == run:
                self._emit(container, "exec_die", {"exitCode": str(step.exit_code)})

        self.clock.after(step.took, end)
        if timeout is not None and step.took > timeout:
            self._elapsed += timeout
            raise ExecTimeout(f"the command was not over after {timeout:g} s")
        self._elapsed += step.took
        return ExecResult(exit_code=step.exit_code, output=step.output[:limit], stderr=step.output[:limit])

    def exec_stream(self, container_id: str, command: Sequence[str]) -> ExecStream:
        self._called("exec_stream", container_id)
        raise nobody(self._find(container_id), command)

    def session(
        self, container_id: str, command: Sequence[str] | None, *, tty: bool, wishes: Wishes = PLAIN
    ) -> Session:
        self._called("session", container_id)
        return session_of(self._find(container_id), command, tty=tty, stdin=wishes.stdin)

    def logs(
        self, container_id: str, *, follow: bool, tail: int | None = None, since: datetime | None = None
    ) -> SimulatedLogStream:
        self._called("logs", container_id)
        return SimulatedLogStream(self.clock, self._find(container_id), follow=follow, tail=tail, since=since)

    # --- images ------------------------------------------------------------------------------------------------------

    def inspect_image(self, reference: str) -> ImageDetails:
        self._called("inspect_image", reference)
        return self._images.find(reference)

    def pull_image(
        self,
        reference: str,
        *,
        auth: RegistryAuth | None,  # noqa: ARG002  # scripts tell what a registry answers
        on_progress: Callable[[PullProgress], None],
    ) -> None:
        self._called("pull_image", reference)
        step = self._images.next_pull(reference)
        self._elapsed += step.took
        if step.error:
            raise ImagePullError(step.error, kind=step.kind)
        on_progress(PullProgress(layer="", status=f"Pulling {reference}"))
        self.add_image(reference)

    def import_image(self, reference: str, rootfs: bytes, *, changes: Sequence[str]) -> None:  # noqa: ARG002  # its content never runs
        self._called("import_image", reference)
        self.add_image(reference)

    def load_image(self, archive: bytes) -> None:
        self._called("load_image")
        self._images.load(archive)

    def list_images(self, labels: Mapping[str, str]) -> list[ImageDetails]:
        self._called("list_images")
        return self._images.list(labels)

    def remove_image(self, reference: str, *, force: bool = False) -> None:
        self._called("remove_image", reference)
        try:
            found = self._images.find(reference)
        except NotFound:
            return
        users = [one for one in self._containers.values() if one.image_id == found.id]
        if any(one.is_alive() or not force for one in users):
            raise EngineConflict(f"image {reference} is used by a container", recoverable=True)
        self._images.remove(found)

    # --- volumes -----------------------------------------------------------------------------------------------------

    def create_volume(self, config: VolumeConfig) -> None:
        self._called("create_volume", config.name)
        self._volumes.create(config)

    def list_volumes(self, labels: Mapping[str, str]) -> list[VolumeDetails]:
        self._called("list_volumes")
        return self._volumes.list(labels)

    def inspect_volume(self, name: str) -> VolumeDetails:
        self._called("inspect_volume", name)
        return self._volumes.details(name)

    def remove_volume(self, name: str) -> None:
        self._called("remove_volume", name)
        self._volumes.remove(name)
