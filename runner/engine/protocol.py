"""The Engine as podrunner needs it: about twenty verbs, one Engine API call each, typed values in and out.

Every verb may raise ``EngineUnavailable`` (nothing answers), ``NotFound``, ``EngineConflict`` or another ``EngineError``; what a
verb raises beyond that stands in its docstring. An Engine may be used from several threads. Two implementations: the
Docker Engine (``runner.engine.docker``) and the simulated one in virtual time (``runner.engine.simulated``); one test
suite runs over both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, Self

from msgspec import Struct, field

from runner.core.container.containerconfig import ContainerConfig, VolumeConfig
from runner.core.images.progress import PullProgress
from runner.core.labels import CONTAINER_NAME, attempt_of
from runner.core.model import EMPTY


class EngineInfo(Struct, frozen=True, kw_only=True):
    """Who answers: versions as the daemon names them, ``arch`` as in amd64 or arm64, memory in bytes.

    ``confinement`` names what it can confine containers with: seccomp, apparmor, userns … ``limits_memory``: limits of memory
    are enforced.
    """

    name: str
    version: str
    api_version: str
    arch: str
    os: str = "linux"
    storage_driver: str = ""
    cgroup_version: str = ""
    cgroup_driver: str = ""
    kernel: str = ""
    root_dir: str = ""
    rootless: bool = False
    confinement: frozenset[str] = frozenset()
    cpus: int = 0
    memory: int = 0
    limits_memory: bool = True


class EngineState(StrEnum):
    """A container's state in Docker's words."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


class ContainerSummary(Struct, frozen=True, kw_only=True):
    """One row of the container list."""

    id: str
    name: str
    image: str
    state: EngineState
    labels: Mapping[str, str]
    status: str = ""
    created_at: datetime | None = None


class ContainerDetails(Struct, frozen=True):
    """What inspect tells of a container. ``image`` is the name it was created from, ``image_id`` its ``sha256:…``.

    ``started_at``/``finished_at`` are None as long as the container never started or never ended. ``error`` is the
    runtime's own text of a failed start, ``raw`` is the Engine's JSON, for artifacts only.
    ``stop_signal`` is what the container or its image asks for, "" for SIGTERM.
    """

    id: str
    name: str
    image: str
    image_id: str
    state: EngineState
    labels: Mapping[str, str]
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int = 0
    oom_killed: bool = False
    error: str = ""
    ip: str = ""
    network_mode: str = ""
    stop_signal: str = ""
    pid: int = 0
    raw: Mapping[str, object] = EMPTY

    def __repr__(self) -> str:
        # What it was created with may hold secret values.
        return f"ContainerDetails(id={self.id!r}, name={self.name!r}, state={self.state!r})"


class ImageDetails(Struct, frozen=True, kw_only=True):
    """An image that is present: id, ``repo@sha256:…`` digests, size in bytes, the user and stop signal it asks for.

    A row of the list has names, size and labels alone.
    """

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    size: int = 0
    user: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    stop_signal: str = ""
    labels: Mapping[str, str] = EMPTY


class VolumeDetails(Struct, frozen=True, kw_only=True):
    """A named volume; ``mountpoint`` is a path of the Engine's host."""

    name: str
    labels: Mapping[str, str]
    mountpoint: str = ""


class RegistryAuth(Struct, frozen=True, kw_only=True):
    """Credentials for one registry, from a pull secret."""

    username: str = ""
    password: str = ""
    identity_token: str = ""


class ExecResult(Struct, frozen=True, kw_only=True):
    """An ended exec: exit code and combined output (cut at the limit that was asked for), and the two streams apart.

    ``started``: there was a process; otherwise the output is what the runtime says about it.
    """

    exit_code: int
    output: bytes
    stdout: bytes = b""
    stderr: bytes = b""
    started: bool = True


class LogChunk(Struct, frozen=True, kw_only=True, gc=False):
    """One piece of a container's output, with the Engine's nanosecond timestamp text when asked for."""

    stream: str
    data: bytes
    timestamp: str = ""


class EngineEvent(Struct, frozen=True, kw_only=True):
    """Something happened to a container: create, start, die, oom, kill, stop, destroy, pause, exec_die …"""

    action: str
    container_id: str
    labels: Mapping[str, str]
    at: datetime
    attributes: Mapping[str, str] = field(default_factory=dict)


class EventStream(Protocol):
    """Engine events as they happen; ``close`` may be called from another thread and ends the iteration."""

    def __iter__(self) -> Iterator[EngineEvent]: ...

    def close(self) -> None: ...


class LogStream(Protocol):
    """A container's output, line by line; ``close`` may be called from another thread and ends the iteration.

    ``batches`` gives the same, as many chunks at once as have come, and none when what came is no whole chunk; either may be
    used, and only once.
    """

    def __iter__(self) -> Iterator[LogChunk]: ...

    def batches(self) -> Iterator[list[LogChunk]]: ...

    def place(self) -> int | None:
        """The file descriptor where the next batch comes: while nothing has come there, waiting for a batch blocks.

        None when it does not block in any case, -1 when that cannot be seen.
        """
        ...

    def close(self) -> None: ...


class ExecStream(Protocol):
    """A running exec whose input and output are open; one thread may read while another writes."""

    @property
    def errors(self) -> bytes:
        """What has come on standard error so far; complete once ``read`` has given the end. At most 64 KiB are kept."""
        ...

    def read(self, size: int) -> bytes:
        """Wait for standard output and return at most ``size`` bytes of it; empty at the end or after ``close``."""
        ...

    def write(self, data: bytes) -> None:
        """Pass everything to standard input. Raises EngineUnavailable when the other side has gone."""
        ...

    def end_input(self) -> None:
        """Close standard input, where the connection can be closed by halves; elsewhere nothing happens."""
        ...

    def close(self) -> None:
        """Give the connection up, from any thread; the command itself may go on in the container."""
        ...


class Session(ExecStream, Protocol):
    """A process whose input and output are open to a user; one thread may read while others write and resize."""

    def frame(self) -> tuple[str, bytes]:
        """Wait for output: its stream, ``stdout`` or ``stderr``, and some of it; empty at the end or after ``close``."""
        ...

    def resize(self, columns: int, rows: int) -> None:
        """Tell the process' terminal how large it is."""
        ...

    def exit_code(self) -> int:
        """How the process ended; to be asked once its output has ended."""
        ...


class PathStat(Struct, frozen=True, kw_only=True):
    """What lies at a path of a container. ``link_target`` is where a link leads in the end, within the container."""

    name: str
    is_directory: bool = False
    link_target: str = ""
    size: int = 0
    mode: int = 0


class ArchiveStream(Protocol):
    """A tar as it comes; ``close`` may be called from another thread and ends it."""

    def read(self, size: int) -> bytes:
        """Wait for something and return at most ``size`` bytes of it; empty at the end. Raises EngineUnavailable."""
        ...

    def close(self) -> None: ...


class Wishes(Struct, frozen=True, kw_only=True):
    """How a command is run that a user asked for: with an open standard input or none, and what differs from the container.

    ``env`` is added to the container's, as ``NAME=VALUE``; "" stands for the container's own user and directory.
    """

    stdin: bool = True
    env: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""


PLAIN: Final = Wishes()
"""As the container itself, with an open standard input."""


class ExecTimeout(Exception):
    """An exec was not over in time; it may go on in the container."""


class Named(Protocol):
    """What a call may be made for: a pod, or a Service in its place."""

    @property
    def namespace(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def uid(self) -> str: ...


class Untagged:
    """An Engine that does not look at what its calls are made for."""

    def of(self, pod: Named | None = None, container: str = "", attempt: int | None = None) -> Self:  # noqa: ARG002
        """See ``Engine.of``."""
        return self


def tagged(engine: Engine, labels: Mapping[str, str]) -> Engine:
    """The Engine for calls about what carries these labels."""
    if isinstance(engine, Untagged):
        return engine  # Not read for nothing: this is asked at every look.
    return engine.of(container=labels.get(CONTAINER_NAME, ""), attempt=attempt_of(labels))


class Engine(Protocol):
    """A container engine."""

    def of(self, pod: Named | None = None, container: str = "", attempt: int | None = None) -> Engine:
        """The same Engine; its calls are made for this attempt of a container (``POD``: the sandbox) of a pod.

        Only wrappers around an Engine look at it (``runner.engine.seam``). None: the pod that it is for already.
        """
        ...

    def info(self) -> EngineInfo: ...

    def architecture(self) -> str:
        """The Engine's architecture (amd64, arm64 …), which the first call has told already."""
        ...

    def list_containers(self, labels: Mapping[str, str]) -> list[ContainerSummary]:
        """All containers, running or not, that carry these labels ("" as value: any value), newest first."""
        ...

    def inspect_container(self, container_id: str) -> ContainerDetails: ...

    def create_container(self, config: ContainerConfig) -> str:
        """Create a container and return its id. Raises NotFound when the image is absent, EngineConflict when the name is taken.

        Directories of sub-paths that are missing are made. Raises ConfigError with the kubelet's text for a sub-path that
        leads out of its volume.
        """
        ...

    def start_container(self, container_id: str) -> None:
        """Start a created container. Raises StartError with the runtime's text when the process cannot be started."""
        ...

    def kill_container(self, container_id: str, signal: str) -> None:
        """Send a signal (``SIGTERM``; "" = the container's stop signal). A container that is not running: EngineConflict."""
        ...

    def stop_container(self, container_id: str, timeout: int) -> None:
        """Send the stop signal, wait up to timeout seconds, then SIGKILL; returns when it is over. Blocks."""
        ...

    def remove_container(self, container_id: str) -> None:
        """Remove a container, killing it first if need be, with its anonymous volumes. Gone already: fine."""
        ...

    def rename_container(self, container_id: str, name: str) -> None:
        """Give a container another name. Raises EngineConflict when one has it."""
        ...

    def container_config(self, container_id: str) -> ContainerConfig:
        """What a container was created from, as far as another one like it needs to know; without its published ports."""
        ...

    def commit_container(self, container_id: str, reference: str, labels: Mapping[str, str]) -> None:
        """Make an image of a container's file system as it is now, without what is mounted there. Blocks."""
        ...

    def list_images(self, labels: Mapping[str, str]) -> list[ImageDetails]:
        """The images that carry these labels ("" as value: any value)."""
        ...

    def inspect_image(self, reference: str) -> ImageDetails:
        """Look an image up locally. Raises NotFound."""
        ...

    def pull_image(
        self, reference: str, *, auth: RegistryAuth | None, on_progress: Callable[[PullProgress], None]
    ) -> None:
        """Pull from the registry, to the end of the stream. Raises ImagePullError with the daemon's text. Blocks."""
        ...

    def import_image(self, reference: str, rootfs: bytes, *, changes: Sequence[str]) -> None:
        """Make an image from a root file system tar, with Dockerfile-style changes."""
        ...

    def load_image(self, archive: bytes) -> None:
        """Load images, with their names, from an archive as ``docker save`` writes it."""
        ...

    def remove_image(self, reference: str, *, force: bool = False) -> None:
        """Remove a name of an image, and with its last name the image. Gone already: fine. Still in use: EngineConflict.

        ``force``: containers that do not run may use it; they keep what they have of it.
        """
        ...

    def create_volume(self, config: VolumeConfig) -> None:
        """Create a named volume; one of that name with the same driver is kept."""
        ...

    def list_volumes(self, labels: Mapping[str, str]) -> list[VolumeDetails]: ...

    def inspect_volume(self, name: str) -> VolumeDetails: ...

    def remove_volume(self, name: str) -> None:
        """Remove a volume. Gone already: fine. Still in use: EngineConflict."""
        ...

    def upload(self, container_id: str, path: str, archive: bytes) -> None:
        """Unpack a tar below a directory of the container (running or not)."""
        ...

    def download(self, container_id: str, path: str) -> bytes:
        """Fetch a file or directory of the container as a tar. Raises NotFound."""
        ...

    def stat_path(self, container_id: str, path: str) -> PathStat:
        """Look at a path of a container, running or not. Raises NotFound."""
        ...

    def upload_stream(self, container_id: str, path: str, pieces: Iterator[bytes]) -> None:
        """Unpack a tar below a directory of the container while it is made. Raises what making it raises."""
        ...

    def download_stream(self, container_id: str, path: str) -> ArchiveStream:
        """Fetch a file or directory of the container as a tar, piece by piece. Raises NotFound."""
        ...

    def exec(self, container_id: str, command: Sequence[str], *, timeout: float | None, limit: int) -> ExecResult:
        """Run a command in a running container; at most ``limit`` bytes of output are kept. Blocks.

        Raises ExecTimeout after ``timeout`` seconds (None: never), EngineConflict when the container does not run.
        """
        ...

    def exec_stream(self, container_id: str, command: Sequence[str]) -> ExecStream:
        """Start a command in a running container with its input and output open, for instance a relay to a port.

        Raises EngineConflict when the container does not run. A simulated Engine has no processes to talk to.
        """
        ...

    def session(
        self, container_id: str, command: Sequence[str] | None, *, tty: bool, wishes: Wishes = PLAIN
    ) -> Session:
        """Start a command in a running container for a user; None: be there for the container's own process.

        A client that does not read holds the process up, and nothing else. Raises EngineConflict when the container does not
        run. What cannot be started is told by ``Session.frame``, which raises CommandNotStarted. In a simulated Engine a
        command does what its script says.
        """
        ...

    def logs(
        self, container_id: str, *, follow: bool, tail: int | None = None, since: datetime | None = None
    ) -> LogStream:
        """The container's output so far and, with follow, what comes until it ends."""
        ...

    def events(self, labels: Mapping[str, str], *, since: datetime | None = None) -> EventStream:
        """Container events of everything that carries these labels."""
        ...

    def close(self) -> None:
        """Give connections back."""
        ...
