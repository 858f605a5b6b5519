"""Container output: followed while containers run, told line by line, and saved as a node saves it.

Saved lines have the CRI's form (kubelet/kuberuntime/logs): ``<RFC 3339, nanoseconds> stdout F text``, with P instead of F for
a piece that the next one continues. They outlive the container, so that ``logs --previous`` still answers.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from io import BufferedWriter
from pathlib import Path
from typing import Protocol

from runner.core.times import parse_time
from runner.engine.protocol import ContainerDetails, EngineState, LogChunk, LogStream
from runner.errors import EngineError, NotFound, StoreError
from runner.runtime.home import Home
from runner.runtime.narration import AttemptEnding, AttemptStarted, Listener, LogLine, Narration, PodRef

DRAIN_SECONDS = 5.0
"""How long the end of a container's output is waited for before the container is removed."""
KEPT_DRAIN_SECONDS = 0.3
"""The same for one that is kept: it may well run on, and the Engine still has its output."""
RECONNECT_SECONDS = 0.5
MAX_FILE_SIZE = 10 * 1024 * 1024
"""Bytes after which a file is set aside as ``<attempt>.log.1``, replacing the one before (kubelet containerLogMaxSize)."""
MAX_LINE_SIZE = 1024 * 1024
"""Bytes after which a line without an end is told as it is."""

_STOP_SECONDS = 1.0
_FRACTION = re.compile(r"(?:\.(\d{1,9}))?(?=Z|[+-]\d\d:)")
_OVER = (EngineState.EXITED, EngineState.DEAD, EngineState.REMOVING)
_log = logging.getLogger("runner.logs")


class LoggedEngine(Protocol):
    """The verbs of an Engine that following needs."""

    def inspect_container(self, container_id: str) -> ContainerDetails: ...

    def logs(
        self, container_id: str, *, follow: bool, tail: int | None = None, since: datetime | None = None
    ) -> LogStream: ...


class LogCollector:
    """Follows containers, one thread each, tells every line once and in order, and saves it below ``home`` (None: does not).

    A listener itself: an attempt that starts is followed, one that ends is drained before the call returns. The Engine
    may go away and come back meanwhile. ``listener`` is called from the threads.
    """

    def __init__(self, engine: LoggedEngine, home: Home | None, listener: Listener) -> None:
        self._engine = engine
        self._home = home
        self._listener = listener
        self._lock = threading.Lock()
        self._followers: dict[str, _Follower] = {}

    def __call__(self, message: Narration) -> None:
        match message:
            case AttemptStarted():
                self.follow(message)
            case AttemptEnding():
                self.follow(message)
                self.finish(message.container_id, DRAIN_SECONDS if message.is_removed else KEPT_DRAIN_SECONDS)
            case _:
                return

    def follow(self, attempt: AttemptStarted | AttemptEnding) -> None:
        """Follow a container from its first line that is not saved yet; one that is followed already stays so."""
        with self._lock:
            if attempt.container_id in self._followers:
                return
            follower = _Follower(self._engine, attempt, self._listener, self._file(attempt))
            self._followers[attempt.container_id] = follower
        follower.start()

    def _file(self, attempt: AttemptStarted | AttemptEnding) -> _LogFile | None:
        if self._home is None:
            return None
        return _LogFile(self._home, _path(self._home, attempt.ref, attempt.container, attempt.attempt))

    def finish(self, container_id: str, timeout: float) -> bool:
        """Wait until a container's output is told to its end, at most ``timeout`` seconds; whether it was.

        Called before the container is removed; afterwards nothing of it is told any more.
        """
        with self._lock:
            follower = self._followers.get(container_id)
        return follower is None or follower.finish(timeout)

    def close(self) -> None:
        """Stop following."""
        with self._lock:
            followers = list(self._followers.values())
            self._followers.clear()
        for follower in followers:
            follower.stop()
        for follower in followers:
            follower.finish(_STOP_SECONDS)


@dataclass(slots=True)
class _Place:
    """How far one of the two streams was read. Only within one of them do times never go back.

    ``seen`` pieces of the time ``last`` were told, ``repeated`` of them came since the stream began (again).
    """

    last: str = ""
    seen: int = 0
    repeated: int = 0

    def is_new(self, timestamp: str) -> bool:
        """Whether a piece of this time was not told before."""
        if timestamp < self.last:
            return False
        if timestamp > self.last:
            self.last, self.seen, self.repeated = timestamp, 0, 0
        self.repeated += 1
        if self.repeated <= self.seen:
            return False
        self.seen = self.repeated
        return True


@dataclass(slots=True)
class _Places:
    """How far a container's output was read."""

    streams: dict[str, _Place] = field(default_factory=dict)

    def is_new(self, chunk: LogChunk) -> bool:
        return self.streams.setdefault(chunk.stream, _Place()).is_new(_comparable(chunk.timestamp))

    def resume(self) -> datetime | None:
        """Prepare for a stream that begins again; from where on it is needed, None for its start."""
        for place in self.streams.values():
            place.repeated = 0
        return min((instant for place in self.streams.values() if (instant := parse_time(place.last))), default=None)


class _Follower:
    """Reads one container's output to its end, in a thread of its own."""

    def __init__(
        self,
        engine: LoggedEngine,
        attempt: AttemptStarted | AttemptEnding,
        listener: Listener,
        file: _LogFile | None,
    ) -> None:
        self._engine = engine
        self._attempt = attempt
        self._listener = listener
        self._file = file
        self._places = _Places()
        self._parts: dict[str, list[LogChunk]] = {}
        self._stopping = threading.Event()
        self._stream: LogStream | None = None
        self._lock = threading.Lock()
        name = f"logs-{attempt.container}-{attempt.attempt}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self, timeout: float) -> bool:
        self._thread.join(timeout)
        drained = not self._thread.is_alive()
        if not drained:
            self.stop()
            self._thread.join(_STOP_SECONDS)
        return drained

    def stop(self) -> None:
        self._stopping.set()
        with self._lock:
            if self._stream is not None:
                self._stream.close()

    def _run(self) -> None:
        if self._file is not None:
            for chunk in self._file.read():
                self._places.is_new(chunk)
            self._file.begin()
        try:
            while not self._stopping.is_set() and not self._read():
                self._stopping.wait(RECONNECT_SECONDS)
        finally:
            for stream in list(self._parts):
                self._tell(stream)
            if self._file is not None:
                self._file.close()

    def _read(self) -> bool:
        """Read until the stream ends; whether the container's output ends there too."""
        try:
            self._take_all(follow=True)
            if self._engine.inspect_container(self._attempt.container_id).state not in _OVER:
                return False  # the Engine went away politely
            # Dockerd may end a followed stream just before the last lines that a container wrote (seen with 20.10).
            self._take_all(follow=False)
            return True
        except NotFound:
            return True
        except EngineError as error:
            if not error.recoverable and not self._stopping.is_set():
                _log.warning("cannot read the output of container %s: %s", self._attempt.container, error)
            return not error.recoverable
        finally:
            with self._lock:
                self._stream = None

    def _take_all(self, *, follow: bool) -> None:
        stream = self._engine.logs(self._attempt.container_id, follow=follow, since=self._places.resume())
        with self._lock:
            self._stream = stream
            if self._stopping.is_set():
                stream.close()
        for chunk in stream:
            if self._places.is_new(chunk):
                self._take(chunk)

    def _take(self, chunk: LogChunk) -> None:
        if self._file is not None:
            self._file.write(chunk)
        parts = self._parts.setdefault(chunk.stream, [])
        parts.append(chunk)
        if chunk.data.endswith(b"\n") or sum(len(part.data) for part in parts) > MAX_LINE_SIZE:
            self._tell(chunk.stream)

    def _tell(self, stream: str) -> None:
        parts = self._parts.pop(stream)
        self._listener(
            LogLine(
                ref=self._attempt.ref,
                container=self._attempt.container,
                is_init=self._attempt.is_init,
                attempt=self._attempt.attempt,
                stream=stream,
                data=b"".join(part.data for part in parts).removesuffix(b"\n"),
                timestamp=parts[0].timestamp,
            )
        )


class _LogFile:
    """One attempt's saved output. Trouble with it is logged once and does not keep lines from being told."""

    def __init__(self, home: Home, path: Path) -> None:
        self._home = home
        self._path = path
        self._opened: BufferedWriter | None = None
        self._size = 0
        self._broken = False

    def read(self) -> Iterator[LogChunk]:
        """What an earlier process saved of it."""
        try:
            yield from _chunks(self._path)
        except StoreError as error:
            self._give_up(error)

    def begin(self) -> None:
        """Have a file, so that an attempt that prints nothing is known to have been."""
        try:
            if not self._broken:
                self._ready(0)
        except (OSError, StoreError) as error:
            self._give_up(error)

    def write(self, chunk: LogChunk) -> None:
        if self._broken:
            return
        whole = chunk.data.endswith(b"\n")
        head = f"{chunk.timestamp} {chunk.stream} {'F' if whole else 'P'} ".encode()
        line = head + chunk.data.removesuffix(b"\n") + b"\n"
        try:
            file = self._ready(len(line))
            file.write(line)
            file.flush()
            self._size += len(line)
        except (OSError, StoreError) as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._broken = True
        _log.warning("cannot save the output of a container in %s: %s", self._path, error)

    def _ready(self, more: int) -> BufferedWriter:
        if self._opened is not None and self._size + more > MAX_FILE_SIZE:
            self.close()
            self._path.replace(_set_aside(self._path))
        if self._opened is None:
            self._home.ensure(self._path.parent)
            _drop_cut_line(self._path)
            self._opened = self._path.open("ab")
            self._size = self._opened.tell()
        return self._opened

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None


def read_saved(
    home: Home, ref: PodRef, container: str, attempt: int, *, tail: int | None = None, since: datetime | None = None
) -> Iterator[LogChunk]:
    """The saved output of one attempt, as an Engine's ``logs`` gives it; nothing when none was saved.

    ``tail`` counts lines from the end, ``since`` is an instant of the earliest one. Raises StoreError.
    """
    chunks = (chunk for chunk in _chunks(_path(home, ref, container, attempt)) if _is_since(chunk, since))
    if tail is None:
        yield from chunks
        return
    lines: deque[list[LogChunk]] = deque(maxlen=tail)
    open_lines: dict[str, list[LogChunk]] = {}
    for chunk in chunks:
        line = open_lines.get(chunk.stream)
        if line is None:
            line = open_lines[chunk.stream] = []
            lines.append(line)
        line.append(chunk)
        if chunk.data.endswith(b"\n"):
            del open_lines[chunk.stream]
    for line in lines:
        yield from line


def saved_attempts(home: Home, ref: PodRef, container: str) -> tuple[int, ...]:
    """The attempts of a container whose output is saved, in order."""
    directory = _path(home, ref, container, 0).parent
    try:
        return tuple(sorted(int(path.stem) for path in directory.glob("*.log") if path.stem.isdecimal()))
    except OSError as error:
        raise StoreError(f"cannot read {directory}: {error.strerror}") from error


def _path(home: Home, ref: PodRef, container: str, attempt: int) -> Path:
    return home.log_file(ref.namespace, ref.name, ref.uid, container, attempt)


def _set_aside(path: Path) -> Path:
    return path.with_name(path.name + ".1")


def _drop_cut_line(path: Path) -> None:
    """Remove the end of a file whose writer died within a line; the Engine still has the whole line."""
    try:
        with path.open("r+b") as file:
            content = file.read()
            if not content.endswith(b"\n"):
                file.truncate(content.rfind(b"\n") + 1)
    except FileNotFoundError:
        return


def _chunks(path: Path) -> Iterator[LogChunk]:
    for part in (_set_aside(path), path):
        try:
            with part.open("rb") as file:
                for line in file:
                    chunk = _chunk(line)
                    if chunk is not None:
                        yield chunk
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreError(f"cannot read {part}: {error.strerror}") from error


def _chunk(line: bytes) -> LogChunk | None:
    """Read one saved line; None for one that was cut off while it was written."""
    fields = line.split(b" ", 3)
    if len(fields) < 4 or not line.endswith(b"\n"):
        return None
    data = fields[3] if fields[2] == b"F" else fields[3].removesuffix(b"\n")
    return LogChunk(stream=fields[1].decode(errors="replace"), data=data, timestamp=fields[0].decode(errors="replace"))


def _is_since(chunk: LogChunk, since: datetime | None) -> bool:
    if since is None:
        return True
    instant = parse_time(chunk.timestamp)
    return instant is None or instant >= since


def _comparable(timestamp: str) -> str:
    """The time with nine digits of fraction, so that its text sorts; within one stream zones are the same."""
    return _FRACTION.sub(lambda match: "." + (match.group(1) or "").ljust(9, "0"), timestamp, count=1)
