"""The seam around an Engine: a wrapper sees every call of every verb, tagged with the pod, the container and the attempt.

A wrapper is one class with one method, ``around``: it looks at a call, proceeds or raises, and looks at what came back.
Wrappers stand on each other, each in a ``Seam`` of its own. Without one nothing is between the kubelet and the Engine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Final, ParamSpec, Protocol, TypeVar

from msgspec import Struct, field

from runner.clock import Clock
from runner.core.container.containerconfig import ContainerConfig, VolumeConfig
from runner.core.images.progress import PullProgress
from runner.engine.protocol import (
    PLAIN,
    ArchiveStream,
    ContainerDetails,
    ContainerSummary,
    Engine,
    EngineEvent,
    EngineInfo,
    EventStream,
    ExecResult,
    ExecStream,
    ImageDetails,
    LogChunk,
    LogStream,
    Named,
    PathStat,
    RegistryAuth,
    Session,
    VolumeDetails,
    Wishes,
)

T = TypeVar("T")
P = ParamSpec("P")

READ: Final = "read"
"""The step of a stream in which something comes: an event, some output, the progress of a pull."""
WRITE: Final = "write"
END: Final = "end"
"""The last step of a stream that ended, or was closed, without an error."""


class Target(Struct, frozen=True, kw_only=True):
    """What a call is made for. ``container`` is ``POD`` for the sandbox; what is not known is empty or None."""

    namespace: str = ""
    name: str = ""
    uid: str = ""
    container: str = ""
    attempt: int | None = None

    def __str__(self) -> str:
        """``NAMESPACE/POD/CONTAINER#ATTEMPT`` as far as it is known; ``-`` for a call that belongs to no pod."""
        words = "/".join(word for word in (self.namespace, self.name, self.container) if word)
        return (words if self.attempt is None else f"{words}#{self.attempt}") or "-"


class Call(Struct, frozen=True, kw_only=True, gc=False):
    """One call of a verb; or, when ``step`` says so, one step of the stream that the call ``opened`` has given.

    ``began`` is the steady clock's, in seconds. ``arguments`` may hold secrets, so no text shows them.
    """

    verb: str
    target: Target
    began: float
    arguments: Mapping[str, object] = field(default_factory=dict)
    step: str = ""
    opened: Call | None = None

    def __repr__(self) -> str:
        return f"Call({self.name} {self.target})"

    @property
    def name(self) -> str:
        """The verb, with the step behind it: ``logs.end``."""
        return f"{self.verb}.{self.step}" if self.step else self.verb


class Wrapper(Protocol):
    """Something that stands around the calls of an Engine; may be called from several threads."""

    def around(self, call: Call, proceed: Callable[[], T]) -> T:
        """Make the call with ``proceed``, or raise what the call shall raise instead."""
        ...


class Seam:
    """An Engine whose calls all go through a wrapper."""

    def __init__(self, engine: Engine, wrapper: Wrapper, clock: Clock, target: Target | None = None) -> None:
        self._engine = engine
        self._wrapper = wrapper
        self._clock = clock
        self._target = target or Target()

    def of(self, pod: Named | None = None, container: str = "", attempt: int | None = None) -> Seam:
        before = self._target
        target = Target(
            namespace=before.namespace if pod is None else pod.namespace,
            name=before.name if pod is None else pod.name,
            uid=before.uid if pod is None else pod.uid,
            container=container,
            attempt=attempt,
        )
        return Seam(self._engine.of(pod, container, attempt), self._wrapper, self._clock, target)

    def close(self) -> None:
        self._engine.close()

    def _call(self, verb: Callable[P, T], *_: P.args, **arguments: P.kwargs) -> T:
        return self._wrapper.around(self._call_of(verb.__name__, arguments), partial(verb, **arguments))

    def _call_of(self, verb: str, arguments: Mapping[str, object]) -> Call:
        return Call(verb=verb, target=self._target, began=self._clock.steady(), arguments=arguments)

    # --- verbs whose answer is the whole of it -----------------------------------------------------------------------

    def info(self) -> EngineInfo:
        return self._call(self._engine.info)

    def architecture(self) -> str:
        return self._call(self._engine.architecture)

    def list_containers(self, labels: Mapping[str, str]) -> list[ContainerSummary]:
        return self._call(self._engine.list_containers, labels=labels)

    def inspect_container(self, container_id: str) -> ContainerDetails:
        return self._call(self._engine.inspect_container, container_id=container_id)

    def create_container(self, config: ContainerConfig) -> str:
        return self._call(self._engine.create_container, config=config)

    def start_container(self, container_id: str) -> None:
        self._call(self._engine.start_container, container_id=container_id)

    def kill_container(self, container_id: str, signal: str) -> None:
        self._call(self._engine.kill_container, container_id=container_id, signal=signal)

    def stop_container(self, container_id: str, timeout: int) -> None:
        self._call(self._engine.stop_container, container_id=container_id, timeout=timeout)

    def remove_container(self, container_id: str) -> None:
        self._call(self._engine.remove_container, container_id=container_id)

    def rename_container(self, container_id: str, name: str) -> None:
        self._call(self._engine.rename_container, container_id=container_id, name=name)

    def container_config(self, container_id: str) -> ContainerConfig:
        return self._call(self._engine.container_config, container_id=container_id)

    def commit_container(self, container_id: str, reference: str, labels: Mapping[str, str]) -> None:
        self._call(self._engine.commit_container, container_id=container_id, reference=reference, labels=labels)

    def list_images(self, labels: Mapping[str, str]) -> list[ImageDetails]:
        return self._call(self._engine.list_images, labels=labels)

    def inspect_image(self, reference: str) -> ImageDetails:
        return self._call(self._engine.inspect_image, reference=reference)

    def import_image(self, reference: str, rootfs: bytes, *, changes: Sequence[str]) -> None:
        self._call(self._engine.import_image, reference=reference, rootfs=rootfs, changes=changes)

    def load_image(self, archive: bytes) -> None:
        self._call(self._engine.load_image, archive=archive)

    def remove_image(self, reference: str, *, force: bool = False) -> None:
        self._call(self._engine.remove_image, reference=reference, force=force)

    def create_volume(self, config: VolumeConfig) -> None:
        self._call(self._engine.create_volume, config=config)

    def list_volumes(self, labels: Mapping[str, str]) -> list[VolumeDetails]:
        return self._call(self._engine.list_volumes, labels=labels)

    def inspect_volume(self, name: str) -> VolumeDetails:
        return self._call(self._engine.inspect_volume, name=name)

    def remove_volume(self, name: str) -> None:
        self._call(self._engine.remove_volume, name=name)

    def upload(self, container_id: str, path: str, archive: bytes) -> None:
        self._call(self._engine.upload, container_id=container_id, path=path, archive=archive)

    def download(self, container_id: str, path: str) -> bytes:
        return self._call(self._engine.download, container_id=container_id, path=path)

    def stat_path(self, container_id: str, path: str) -> PathStat:
        return self._call(self._engine.stat_path, container_id=container_id, path=path)

    def upload_stream(self, container_id: str, path: str, pieces: Iterator[bytes]) -> None:
        self._call(self._engine.upload_stream, container_id=container_id, path=path, pieces=pieces)

    def exec(self, container_id: str, command: Sequence[str], *, timeout: float | None, limit: int) -> ExecResult:
        return self._call(self._engine.exec, container_id=container_id, command=command, timeout=timeout, limit=limit)

    # --- verbs that give something piece by piece --------------------------------------------------------------------

    def pull_image(
        self, reference: str, *, auth: RegistryAuth | None, on_progress: Callable[[PullProgress], None]
    ) -> None:
        call = self._call_of("pull_image", {"reference": reference, "auth": auth})
        steps = _Steps(self._wrapper, self._clock, call)
        work = partial(
            self._engine.pull_image,
            reference,
            auth=auth,
            on_progress=lambda progress: steps.make(READ, partial(on_progress, progress)),
        )
        self._wrapper.around(call, work)

    def download_stream(self, container_id: str, path: str) -> ArchiveStream:
        call = self._call_of("download_stream", {"container_id": container_id, "path": path})
        stream = self._wrapper.around(call, partial(self._engine.download_stream, container_id, path))
        return _ArchiveStream(stream, _Steps(self._wrapper, self._clock, call))

    def exec_stream(self, container_id: str, command: Sequence[str]) -> ExecStream:
        call = self._call_of("exec_stream", {"container_id": container_id, "command": command})
        stream = self._wrapper.around(call, partial(self._engine.exec_stream, container_id, command))
        return _ExecStream(stream, _Steps(self._wrapper, self._clock, call))

    def session(
        self, container_id: str, command: Sequence[str] | None, *, tty: bool, wishes: Wishes = PLAIN
    ) -> Session:
        call = self._call_of("session", {"container_id": container_id, "command": command, "tty": tty})
        return self._wrapper.around(call, partial(self._engine.session, container_id, command, tty=tty, wishes=wishes))

    def logs(
        self, container_id: str, *, follow: bool, tail: int | None = None, since: datetime | None = None
    ) -> LogStream:
        arguments = {"container_id": container_id, "follow": follow, "tail": tail, "since": since}
        call = self._call_of("logs", arguments)
        work = partial(self._engine.logs, container_id, follow=follow, tail=tail, since=since)
        return _LogStream(self._wrapper.around(call, work), _Steps(self._wrapper, self._clock, call))

    def events(self, labels: Mapping[str, str], *, since: datetime | None = None) -> EventStream:
        call = self._call_of("events", {"labels": labels, "since": since})
        stream = self._wrapper.around(call, partial(self._engine.events, labels, since=since))
        return _EventStream(stream, _Steps(self._wrapper, self._clock, call))


class _Steps:
    """The steps of one stream, each a call of its own; none comes after the last."""

    def __init__(self, wrapper: Wrapper, clock: Clock, opened: Call) -> None:
        self._wrapper = wrapper
        self._clock = clock
        self._opened = opened
        self._is_over = False
        self._lock = threading.Lock()

    def make(self, step: str, work: Callable[[], T], **arguments: object) -> T:
        opened = self._opened
        call = Call(
            verb=opened.verb,
            target=opened.target,
            began=self._clock.steady(),
            arguments=arguments,
            step=step,
            opened=opened,
        )
        try:
            return self._wrapper.around(call, work)
        except BaseException:
            with self._lock:
                self._is_over = True
            raise

    def end(self, work: Callable[[], None] = lambda: None) -> None:
        """The last step, unless an error was; done once, by the first to see the end."""
        with self._lock:
            was_over, self._is_over = self._is_over, True
        if was_over:
            work()
        else:
            self.make(END, work)

    def through(self, pieces: Iterator[T]) -> Iterator[T]:
        """Pass pieces on as they come."""
        try:
            while (piece := self.make(READ, partial(next, pieces, None))) is not None:
                yield piece
        finally:
            self.end()


class _EventStream:
    def __init__(self, stream: EventStream, steps: _Steps) -> None:
        self._stream = stream
        self._steps = steps

    def __iter__(self) -> Iterator[EngineEvent]:
        return self._steps.through(iter(self._stream))

    def close(self) -> None:
        self._steps.end(self._stream.close)


class _LogStream:
    def __init__(self, stream: LogStream, steps: _Steps) -> None:
        self._stream = stream
        self._steps = steps

    def __iter__(self) -> Iterator[LogChunk]:
        return chain.from_iterable(self.batches())

    def batches(self) -> Iterator[list[LogChunk]]:
        return self._steps.through(self._stream.batches())

    def place(self) -> int | None:
        return self._stream.place()

    def close(self) -> None:
        self._steps.end(self._stream.close)


class _ArchiveStream:
    def __init__(self, stream: ArchiveStream, steps: _Steps) -> None:
        self._stream = stream
        self._steps = steps

    def read(self, size: int) -> bytes:
        return self._steps.make(READ, partial(self._stream.read, size), size=size)

    def close(self) -> None:
        self._steps.end(self._stream.close)


class _ExecStream:
    def __init__(self, stream: ExecStream, steps: _Steps) -> None:
        self._stream = stream
        self._steps = steps

    @property
    def errors(self) -> bytes:
        return self._stream.errors

    def read(self, size: int) -> bytes:
        return self._steps.make(READ, partial(self._stream.read, size), size=size)

    def write(self, data: bytes) -> None:
        self._steps.make(WRITE, partial(self._stream.write, data), data=data)

    def end_input(self) -> None:
        self._stream.end_input()

    def close(self) -> None:
        self._steps.end(self._stream.close)
