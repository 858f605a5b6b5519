"""Copies of failed attempts: the container as its process left it, for somebody who wants to look around.

A copy is made of the dead container when it is asked for: an image of its file system, and a container of that with the same
environment, mounts, user and limits, in the network of the pod's sandbox. The image goes as soon as the container is there;
the containers carry the pod's labels, so they go with the pod, and the label of this process, so a sweep finds them when it
is dead.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from runner.core.container.containerconfig import ContainerConfig, Mount, MountType
from runner.core.faults.standin import FOLDER, PROGRAM
from runner.core.labels import (
    CONTAINER_NAME,
    DOCKER_TYPE,
    MANAGED,
    OWNER,
    POD_NAME,
    POD_NAMESPACE,
    POD_UID,
    RESTART_COUNT,
    TYPE_CONTAINER,
    TYPE_DEBUG,
    TYPE_SANDBOX,
    attempt_of,
)
from runner.core.model import Pod
from runner.engine.creating import create
from runner.engine.protocol import ContainerDetails, Engine, EngineState, ExecResult, LogChunk, Session
from runner.errors import EngineConflict, EngineError, NotFound, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from runner.core.images.progress import PullProgress

_NAMESPACE = "container:"
_TRACING = "SYS_PTRACE"
_MOST_OUTPUT = 64 * 2**20
"""How many bytes of a command's output are kept."""
ROOT_OF_COPY = "/proc/1/root"
"""Where tools see the file system of the attempt, its mounts included."""


class Attempt(Struct, frozen=True):
    """An ended attempt of a container that the Engine still has."""

    details: ContainerDetails
    number: int

    @property
    def name(self) -> str:
        """Its container's name."""
        return self.details.labels.get(CONTAINER_NAME, "")

    @property
    def exit_code(self) -> int:
        return self.details.exit_code

    @property
    def has_failed(self) -> bool:
        return self.details.exit_code != 0 or bool(self.details.error)


class End(Struct, frozen=True):
    """How a copy's command has ended: its exit code, what the Engine says of it, and how many seconds it took."""

    code: int
    text: str
    seconds: float


class Copy(Struct, frozen=True):
    """A copy that is there: the container in which commands run, where they see the attempt's files, and what it is of.

    ``has_network``: whether the pod's sandbox runs, so that the copy is in its network.
    """

    container_id: str
    root: str
    attempt: Attempt
    has_network: bool
    engine: Engine

    @property
    def has_shell(self) -> bool:
        """Whether a shell can be started in it."""
        return self.exec(("sh", "-c", ":")).started

    def exec(self, command: Sequence[str], *, timeout: float | None = None) -> ExecResult:
        """Run a command in it. Raises ExecTimeout."""
        return self.engine.exec(self.container_id, command, timeout=timeout, limit=_MOST_OUTPUT)

    def session(self, command: Sequence[str], *, tty: bool) -> Session:
        """Start a command in it, for somebody who talks to it."""
        return self.engine.session(self.container_id, command, tty=tty)

    def run(self) -> Iterator[LogChunk]:
        """Start what was only created, and follow what it writes to its end. Raises StartError."""
        self.engine.start_container(self.container_id)
        stream = self.engine.logs(self.container_id, follow=True)
        try:
            yield from stream
        finally:
            stream.close()

    def end(self) -> End:
        """How it ended, once its output has."""
        details = self.engine.inspect_container(self.container_id)
        began, ended = details.started_at, details.finished_at
        seconds = 0.0 if began is None or ended is None else (ended - began).total_seconds()
        how = "it was killed for memory, with" if details.oom_killed else "it ended with"
        return End(details.exit_code, f"{how} exit code {details.exit_code}", seconds)


def last_failed(pod: Pod, number: int | None, engine: Engine) -> Attempt:
    """The attempt of whichever container that has failed last. Raises UsageError when none has."""
    found = [one for made in pod.all_containers() for one in _ended(pod, made.name, engine)[0] if one.has_failed]
    latest = max(found, key=lambda one: one.details.finished_at or one.details.created_at, default=None)
    if latest is None:
        raise UsageError(f'nothing of pod "{pod.name}" has failed, as far as it is there', hint=_none_hint(pod))
    return latest if number is None else find_attempt(pod, latest.name, number, engine)


def find_attempt(pod: Pod, name: str, number: int | None, engine: Engine) -> Attempt:
    """The attempt that is asked for, by default the last that has failed. Raises UsageError when there is none."""
    if pod.any_container(name) is None:
        raise UsageError(f"container {name} is not valid for pod {pod.name} out of: {pod.choices}")
    found, running = _ended(pod, name, engine)
    if number is not None:
        return _chosen(pod, name, number, found, running)
    failed = [one for one in found if one.has_failed]
    if not failed:
        message = f'no failed attempt of container "{name}" in pod "{pod.name}" is there'
        raise UsageError(message, hint=_hint(pod, name, found, running))
    return failed[-1]


def _ended(pod: Pod, name: str, engine: Engine) -> tuple[list[Attempt], list[int]]:
    """The attempts of a container that have ended, oldest first, and the numbers of those that run."""
    labels = {POD_UID: pod.uid, DOCKER_TYPE: TYPE_CONTAINER, CONTAINER_NAME: name}
    found: list[Attempt] = []
    running: list[int] = []
    for summary in engine.list_containers(labels):
        if summary.state in (EngineState.RUNNING, EngineState.PAUSED, EngineState.RESTARTING):
            running.append(attempt_of(summary.labels))
            continue
        with suppress(NotFound):
            details = engine.inspect_container(summary.id)
            attempt = Attempt(details, attempt_of(details.labels))
            if details.state is not EngineState.CREATED or attempt.has_failed:
                found.append(attempt)
    found.sort(key=lambda one: one.number)
    return found, running


def _chosen(pod: Pod, name: str, number: int, found: Sequence[Attempt], running: Sequence[int]) -> Attempt:
    chosen = next((one for one in found if one.number == number), None)
    if chosen is not None:
        return chosen
    what = f'attempt {number} of container "{name}" in pod "{pod.name}"'
    if number in running:
        raise UsageError(f"{what} is running", hint=f"podrunner shell{_of(pod)} -c {name}")
    raise UsageError(f"{what} is not there any more, or was never", hint=_hint(pod, name, found, running))


def _hint(pod: Pod, name: str, found: Sequence[Attempt], running: Sequence[int]) -> str:
    """What else there is, and what to type for it."""
    line = f"podrunner debug{_of(pod)} -c {name}"
    if found:
        known = ", ".join(f"{one.number} (exit code {one.details.exit_code})" for one in found)
        return f"there are: {known}\n{line} --attempt {found[-1].number}"
    if running:
        return f"it runs: podrunner shell{_of(pod)} -c {name}"
    return _none_hint(pod)


def _none_hint(pod: Pod) -> str:
    return f"podrunner describe po{_of(pod)} tells how its containers are"


def _of(pod: Pod) -> str:
    return f" {pod.name}" + ("" if pod.namespace == "default" else f" -n {pod.namespace}")


class Copier(Struct, frozen=True, kw_only=True):
    """Makes copies of one pod's attempts. ``owner`` is the label of this process, ``program`` the one that does nothing."""

    pod: Pod
    engine: Engine
    owner: str
    program: Callable[[], bytes]
    now: Callable[[], datetime]

    @contextmanager
    def idle(self, attempt: Attempt, image: str, on_progress: Callable[[PullProgress], None]) -> Iterator[Copy]:
        """A copy in which nothing runs yet. With an ``image`` commands run beside it, in a container of that image."""
        if image:
            self._pull(image, on_progress)
        with ExitStack() as undo:
            config, sandbox = self._config(attempt, undo)
            resting = self._resting(replace(config, pid_mode="") if image else config)
            copy = self._started(resting, config.image, undo)
            if not image:
                yield Copy(copy, "/", attempt, bool(sandbox), self.engine)
                return
            # What can be mounted again is; the program is a volume of its own in each.
            mounts = tuple(mount for mount in config.mounts if mount.target != FOLDER)
            beside = ContainerConfig(
                name=f"{config.name}_tools",
                image=image,
                labels=config.labels,
                network_mode=config.network_mode,
                ipc_mode=config.ipc_mode,
                pid_mode=f"{_NAMESPACE}{copy}",
                mounts=mounts,
                cap_add=(_TRACING,),
            )
            yield Copy(
                self._started(self._resting(beside), "", undo), ROOT_OF_COPY, attempt, bool(sandbox), self.engine
            )

    @contextmanager
    def again(self, attempt: Attempt) -> Iterator[Copy]:
        """A copy that is about to run the container's own command: it was created, and is not started."""
        with ExitStack() as undo:
            config, sandbox = self._config(attempt, undo)
            yield Copy(self._created(config, config.image, undo), "/", attempt, bool(sandbox), self.engine)

    def _config(self, attempt: Attempt, undo: ExitStack) -> tuple[ContainerConfig, str]:
        """What a copy is created from, of an image that is made here, and the sandbox that it joins ("": none runs)."""
        engine, word = self._engine_of(attempt), uuid.uuid4().hex[:12]
        image = f"podrunner/debug:{word}"
        config = engine.container_config(attempt.details.id)
        labels = {MANAGED: "1", OWNER: self.owner}
        undo.callback(partial(_gone, engine.remove_image, image, force=True))
        engine.commit_container(attempt.details.id, image, labels)
        sandbox = self._sandbox()
        labels |= {
            POD_NAME: self.pod.name,
            POD_NAMESPACE: self.pod.namespace,
            POD_UID: self.pod.uid,
            CONTAINER_NAME: attempt.name,
            RESTART_COUNT: str(attempt.number),
            DOCKER_TYPE: TYPE_DEBUG,
        }
        return replace(
            config,
            name=f"podrunner_debug_{word}",
            image=image,
            labels=labels,
            network_mode=_joined(config.network_mode, sandbox, "none"),
            ipc_mode=_joined(config.ipc_mode, sandbox, "private"),
            pid_mode=_joined(config.pid_mode, sandbox, ""),
        ), sandbox

    def _resting(self, config: ContainerConfig) -> ContainerConfig:
        """The same with a process that waits to be ended."""
        mounts = config.mounts
        if not any(mount.target == FOLDER for mount in mounts):
            mounts = (*mounts, Mount(type=MountType.VOLUME, source="", target=FOLDER))
        return replace(
            config, entrypoint=(PROGRAM,), command=None, mounts=mounts, tty=False, stdin=False, stdin_once=False
        )

    def _started(self, config: ContainerConfig, image: str, undo: ExitStack) -> str:
        from runner.core.archives import ArchiveWriter

        container_id = self._created(config, image, undo)
        if any(mount.target == FOLDER and not mount.source for mount in config.mounts):
            archive = ArchiveWriter(self.now())
            archive.file(PROGRAM.removeprefix(f"{FOLDER}/"), self.program(), 0o755)
            self.engine.upload(container_id, FOLDER, archive.content())
        self.engine.start_container(container_id)
        return container_id

    def _created(self, config: ContainerConfig, image: str, undo: ExitStack) -> str:
        """Create it; the ``image`` that was made for it is not needed by that name any more."""
        container_id = create(self.engine, config)
        undo.callback(partial(_gone, self.engine.remove_container, container_id))
        if image:
            with suppress(EngineConflict):  # Then it goes when the container has gone.
                self.engine.remove_image(image, force=True)
        return container_id

    def _engine_of(self, attempt: Attempt) -> Engine:
        return self.engine.of(self.pod, attempt.name, attempt.number)

    def _sandbox(self) -> str:
        """The pod's sandbox that runs; "" when none does."""
        labels = {POD_UID: self.pod.uid, DOCKER_TYPE: TYPE_SANDBOX}
        running = [one for one in self.engine.list_containers(labels) if one.state is EngineState.RUNNING]
        return max(running, key=lambda one: attempt_of(one.labels)).id if running else ""

    def _pull(self, image: str, on_progress: Callable[[PullProgress], None]) -> None:
        try:
            self.engine.inspect_image(image)
        except NotFound:
            self.engine.pull_image(image, auth=None, on_progress=on_progress)


def _joined(mode: str, sandbox: str, otherwise: str) -> str:
    """A namespace that was a sandbox's: that of the one that there is now."""
    if not mode.startswith(_NAMESPACE):
        return mode
    return f"{_NAMESPACE}{sandbox}" if sandbox else otherwise


def _gone(verb: Callable[..., None], key: str, **how: bool) -> None:
    """Remove something; what cannot be removed now a sweep removes."""
    with suppress(EngineError):
        verb(key, **how)
