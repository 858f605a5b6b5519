"""The saved output of attempts, as a node saves it.

Saved lines have the CRI's form (kubelet/kuberuntime/logs): ``<RFC 3339, nanoseconds> stdout F text``, with P instead of F for
a piece that the next one continues. They outlive the container, so that ``logs --previous`` still answers; of a container
that was restarted often only the newest are kept.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import BufferedWriter
from pathlib import Path

from runner.core.narration import PodRef
from runner.core.text.times import parse_time
from runner.engine.protocol import LogChunk
from runner.errors import StoreError
from runner.kubelet.logs.output import Lines
from runner.registry.home import Home

MAX_FILE_SIZE = 10 * 1024 * 1024
"""Bytes after which a file is set aside as ``<attempt>.log.1``, replacing the one before (kubelet containerLogMaxSize)."""
KEPT_ATTEMPTS = 50
"""How many attempts of one container are kept, the newest ones."""
KEPT_BYTES = 100 * 1024 * 1024
"""How much is kept of all attempts of one container, the newest ones; the last two are kept in any case."""
_ALWAYS_KEPT = 2

_log = logging.getLogger("runner.logs")


class LogFile:
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
        """Have a file, so that an attempt that prints nothing is known to have been; the oldest attempts go."""
        try:
            if not self._broken:
                self._ready(0)
                prune(self._path.parent)
        except (OSError, StoreError) as error:
            self._give_up(error)

    def write(self, pieces: Sequence[LogChunk]) -> None:
        """Save pieces and have them in the file."""
        if self._broken:
            return
        text = b"".join(_saved(piece) for piece in pieces)
        try:
            file = self._ready(len(text))
            file.write(text)
            file.flush()
            self._size += len(text)
        except (OSError, StoreError) as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._broken = True
        _log.warning("cannot save the output of a container in %s: %s", self._path, error)

    def _ready(self, more: int) -> BufferedWriter:
        if self._opened is not None and self._size + more > MAX_FILE_SIZE:
            self.close()
            if _set_aside(self._path).exists():
                _cut_mark(self._path).touch()
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
    chunks = (chunk for chunk in _chunks(log_path(home, ref, container, attempt)) if _is_since(chunk, since))
    return chunks if tail is None else iter(Lines(chunks, keep=tail).last(tail))


def is_cut(home: Home, ref: PodRef, container: str, attempt: int) -> bool:
    """Whether there was more than is kept: only the end is."""
    return _cut_mark(log_path(home, ref, container, attempt)).exists()


def prune(directory: Path) -> None:
    """Remove the files of the oldest attempts of one container, as many as are too many or too much. Raises OSError."""
    files: dict[int, list[Path]] = {}
    for path in directory.iterdir():
        number = path.name.partition(".")[0]
        if number.isdecimal():
            files.setdefault(int(number), []).append(path)
    size = 0
    for place, attempt in enumerate(sorted(files, reverse=True)):
        size += sum(path.stat().st_size for path in files[attempt])
        if place >= KEPT_ATTEMPTS or (size > KEPT_BYTES and place >= _ALWAYS_KEPT):
            for path in files[attempt]:
                path.unlink(missing_ok=True)


def saved_attempts(home: Home, ref: PodRef, container: str) -> tuple[int, ...]:
    """The attempts of a container whose output is saved, in order."""
    directory = log_path(home, ref, container, 0).parent
    try:
        return tuple(sorted(int(path.stem) for path in directory.glob("*.log") if path.stem.isdecimal()))
    except OSError as error:
        raise StoreError(f"cannot read {directory}: {error.strerror}") from error


def log_path(home: Home, ref: PodRef, container: str, attempt: int) -> Path:
    return home.log_file(ref.namespace, ref.name, ref.uid, container, attempt)


def _set_aside(path: Path) -> Path:
    return path.with_name(path.name + ".1")


def _cut_mark(path: Path) -> Path:
    """Is there when the beginning of the output was not kept."""
    return path.with_name(path.name + ".cut")


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


def _saved(piece: LogChunk) -> bytes:
    data = piece.data
    if data.endswith(b"\n"):
        return b"%s %s F %s" % (piece.timestamp.encode(), piece.stream.encode(), data)
    return b"%s %s P %s\n" % (piece.timestamp.encode(), piece.stream.encode(), data)


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
