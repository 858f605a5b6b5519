"""Reads one container's output from the Engine, for everybody: each piece once, in order, also when a connection breaks.

The Engine cuts lines of more than 16 KiB into pieces and gives all pieces of a line the time of its first. ``Assembler``
puts lines together again; whoever passes bytes on takes the pieces as they are.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from runner.core.narration import LogLine, PodRef
from runner.core.text.times import parse_time
from runner.engine.protocol import ContainerDetails, EngineState, LogChunk, LogStream, Named
from runner.errors import EngineError, NotFound
from runner.kubelet.logs.lane import Step

RECONNECT_SECONDS = 0.5
BEGIN_SECONDS = 0.1
"""How long a container that has started is not followed yet: what has ended by then is read with one call."""
KNOWN_SECONDS = 0.5
"""How long a stream that has ended waits for somebody to say so of its container, before the Engine is asked."""
MAX_LINE_SIZE = 16 * 1024 * 1024
"""Bytes after which a line without an end is passed on in parts."""
TAIL_MARGIN = 1000
"""So many pieces more than lines are asked for at the end of a log, because the first ones may be the rest of a line."""

_WHOLE_TIME = len("2026-01-02T03:04:05.000000001Z")
_UNREAD = ("", 0)
_FRACTION = re.compile(r"(?:\.(\d{1,9}))?(?=Z|[+-]\d\d:)")
_OVER = (EngineState.CREATED, EngineState.EXITED, EngineState.DEAD, EngineState.REMOVING)
"""States in which nothing more is written. Who is read has been started or is about to go, so one that is only created
could not be started and never will be."""


class LoggedEngine(Protocol):
    """What reading needs of an Engine; see ``runner.engine.protocol``."""

    def of(self, pod: Named | None = None, container: str = "", attempt: int | None = None) -> LoggedEngine: ...

    def inspect_container(self, container_id: str) -> ContainerDetails: ...

    def logs(
        self, container_id: str, *, follow: bool, tail: int | None = None, since: datetime | None = None
    ) -> LogStream: ...


class OutputReader:
    """Reads one container. ``end``, ``want_no_more`` and ``close`` may be called from another thread."""

    def __init__(self, engine: LoggedEngine, container_id: str) -> None:
        self._engine = engine
        self._container_id = container_id
        self._places = _Places()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._is_following = False
        self._is_hurried = False
        self._stream: LogStream | None = None
        self._rest = 0.0
        self._is_rested: Callable[[], bool] = self._stopping.is_set
        self._lock = threading.Lock()

    @property
    def is_closed(self) -> bool:
        return self._stopping.is_set()

    @property
    def has_ended(self) -> bool:
        """Whether somebody knows that the container has ended."""
        return self._ended.is_set()

    def end(self) -> None:
        """The container has ended: what is there by now is all, and nobody need ask the Engine whether it is."""
        self._ended.set()

    def hurry(self) -> None:
        """Somebody waits for the end: nothing is put off any more."""
        self._is_hurried = True

    def want_no_more(self) -> bool:
        """Read what is there by now, and no more, unless following has begun. Whether it had not."""
        with self._lock:
            if not self._is_following:
                self._ended.set()
            return not self._is_following

    @property
    def is_read_at_once(self) -> bool:
        """Whether it is not followed: what is there is read with one call."""
        return self._ended.is_set() and not self._is_following

    @property
    def latest(self) -> str:
        """The time of the newest piece that was read; "" before the first."""
        return self._places.latest

    def saw(self, pieces: Iterable[LogChunk]) -> None:
        """Leave out what is known already; it has to be the output's beginning."""
        self._places.note(pieces)

    def follow(self, *, patient: bool = True, since: datetime | None = None) -> Iterator[Sequence[LogChunk]]:
        """Yield pieces as they come until the container has ended and all of its output is read.

        ``patient``: wait while the Engine does not answer, else raise EngineUnavailable. Raises EngineError when there is
        no way to read.
        """
        for batch in self.steps(patient=patient, since=since):
            if batch:
                yield batch
            elif self._rest:
                self._stopping.wait(self._rest)

    def steps(
        self, *, patient: bool = True, since: datetime | None = None, is_told: bool = False
    ) -> Iterator[Sequence[LogChunk]]:
        """The same, with an empty batch before each step that may take its time; ``next_step`` says what that is.

        ``is_told``: somebody will say when the container has ended. Then it is not followed at once, and when its output
        ends the Engine is not asked at once whether that was all.
        """
        if is_told:
            yield from self._put_off(BEGIN_SECONDS)
        while not self._stopping.is_set():
            try:
                if not self._begin_to_follow():
                    yield from self._read(follow=False, since=since)
                    return
                yield from self._read(follow=True, since=since)
                if self._stopping.is_set():
                    return
                if is_told:
                    yield from self._put_off(KNOWN_SECONDS)
                yield ()
                if self._ended.is_set() or self.is_over():
                    # Dockerd may end a followed stream just before the last lines that a container wrote (seen with 20.10).
                    yield from self._missed(since)
                    return
            except NotFound:
                return
            except EngineError as error:
                if self._stopping.is_set():
                    return
                if not (error.recoverable and patient):
                    raise
            self._rest = RECONNECT_SECONDS
            yield ()
            self._rest = 0.0

    def _put_off(self, seconds: float) -> Iterator[Sequence[LogChunk]]:
        """Wait, unless the container is known to have ended, or somebody is in a hurry."""
        if not self._is_pressed():
            self._rest, self._is_rested = seconds, self._is_pressed
            yield ()
            self._rest, self._is_rested = 0.0, self._stopping.is_set

    def _is_pressed(self) -> bool:
        return self._ended.is_set() or self._is_hurried or self._stopping.is_set()

    def _begin_to_follow(self) -> bool:
        """Whether there is something to follow: more may be written."""
        with self._lock:
            self._is_following = not self._ended.is_set()
            return self._is_following

    @property
    def next_step(self) -> Step:
        """What the next batch waits for."""
        stream = self._stream
        if stream is None:
            return Step(rest=self._rest, is_over=self._is_rested)
        place = stream.place()
        return Step() if place is None else Step(place=place, blocks=place < 0)

    def now(self, *, tail: int | None = None, since: datetime | None = None) -> Iterator[Sequence[LogChunk]]:
        """What was written so far; ``tail`` counts lines, not pieces. Raises EngineError."""
        if tail is None:
            return self._batches(follow=False, since=since)
        return iter([self._end(tail, since)])

    def is_over(self) -> bool:
        """Whether the container writes nothing more. Raises EngineError."""
        return self._engine.inspect_container(self._container_id).state in _OVER

    def close(self) -> None:
        self._stopping.set()
        with self._lock:
            if self._stream is not None:
                self._stream.close()

    def _read(self, *, follow: bool, since: datetime | None) -> Iterator[Sequence[LogChunk]]:
        """Yield what was not read before."""
        start = self._places.resume()
        for batch in self._batches(follow=follow, since=since if start is None else start):
            fresh: Sequence[LogChunk] = batch
            if start is None:
                self._places.note(batch)
            else:
                fresh = [piece for piece in batch if self._places.is_new(piece)]
            yield fresh

    def _batches(self, *, follow: bool, since: datetime | None) -> Iterator[Sequence[LogChunk]]:
        stream = self._engine.logs(self._container_id, follow=follow, since=since)
        with self._lock:
            self._stream = stream
            if self._stopping.is_set():
                stream.close()
        try:
            yield ()
            yield from stream.batches()
        finally:
            stream.close()
            with self._lock:
                self._stream = None

    def _missed(self, since: datetime | None) -> Iterator[Sequence[LogChunk]]:
        """What is there and was not read. The end of a long log is at hand, its beginning takes the Engine long."""
        pieces = self._last(TAIL_MARGIN, since)
        if len(pieces) < TAIL_MARGIN or self._places.cover(pieces):
            self._places.resume()
            if fresh := [piece for piece in pieces if self._places.is_new(piece)]:
                yield fresh
        else:
            yield from self._read(follow=False, since=since)

    def _last(self, count: int, since: datetime | None) -> list[LogChunk]:
        stream = self._engine.logs(self._container_id, follow=False, tail=count, since=since)
        try:
            return [piece for batch in stream.batches() for piece in batch]
        finally:
            stream.close()

    def _end(self, tail: int, since: datetime | None) -> Sequence[LogChunk]:
        count = tail + TAIL_MARGIN
        while True:
            pieces = self._last(count, since)
            lines = Lines(pieces)
            # The first of what was asked for may be the rest of a line; when it is not wanted it does not matter.
            if len(pieces) < count or len(lines) > tail or not tail:
                self._places.note(pieces)
                return lines.last(tail)
            count *= 4


@dataclass(slots=True)
class _Place:
    """How far one of the two streams was read. Only within one of them do times never go back.

    ``seen`` pieces of the time ``last`` were told, ``repeated`` of them came since the stream began (again).
    """

    last: str = ""
    seen: int = 0
    repeated: int = 0

    def reach(self, timestamp: str, seen: int) -> None:
        """So far it was read: to so many pieces of this time."""
        self.last, self.seen = timestamp, seen

    def begin_again(self) -> None:
        """The stream begins again: what was told of the last time comes once more."""
        self.repeated = 0

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

    @property
    def latest(self) -> str:
        return max((place.last for place in self.streams.values()), default="")

    def is_new(self, piece: LogChunk) -> bool:
        return self.streams.setdefault(piece.stream, _Place()).is_new(_comparable(piece.timestamp))

    def note(self, pieces: Iterable[LogChunk]) -> None:
        """Take down pieces that all are new: a stream that was read from its start has no others."""
        ends = {name: (place.last, place.seen) for name, place in self.streams.items()}
        for piece in pieces:
            timestamp = piece.timestamp
            if len(timestamp) != _WHOLE_TIME:
                timestamp = _comparable(timestamp)
            last, seen = ends.get(piece.stream, _UNREAD)
            ends[piece.stream] = (timestamp, seen + 1 if last == timestamp else 1)
        for name, (timestamp, seen) in ends.items():
            self.streams.setdefault(name, _Place()).reach(timestamp, seen)

    def cover(self, pieces: Sequence[LogChunk]) -> bool:
        """Whether the end of a log begins with what is known, so that nothing is missing before it."""
        is_known = False
        for name, place in self.streams.items():
            times = {_comparable(piece.timestamp) for piece in pieces if piece.stream == name}
            has_older = any(time < place.last for time in times)
            if place.last in times and not has_older:
                return False  # Some of this time may be left out, and they are told apart by their count.
            is_known |= has_older
        return is_known

    def resume(self) -> datetime | None:
        """Prepare for a stream that begins again; from where on it is needed, None for its start."""
        for place in self.streams.values():
            place.begin_again()
        return min((instant for place in self.streams.values() if (instant := parse_time(place.last))), default=None)


class Lines:
    """Pieces by the lines that they make, in the order in which the lines begin."""

    def __init__(self, pieces: Iterable[LogChunk], keep: int | None = None) -> None:
        self._lines: list[list[LogChunk]] = []
        unfinished: dict[str, list[LogChunk]] = {}
        for piece in pieces:
            line = unfinished.get(piece.stream)
            if line is None:
                line = unfinished[piece.stream] = []
                self._lines.append(line)
                if keep is not None and len(self._lines) > 2 * keep + 16:
                    del self._lines[: len(self._lines) - keep]
            line.append(piece)
            if piece.data.endswith(b"\n"):
                del unfinished[piece.stream]

    def __len__(self) -> int:
        return len(self._lines)

    def last(self, count: int) -> list[LogChunk]:
        """The pieces of the last lines."""
        chosen = self._lines[-count:] if count else []
        return [piece for line in chosen for piece in line]


class Assembler:
    """Makes lines out of one container's pieces; the two streams do not mix within a line."""

    def __init__(self, ref: PodRef, container: str, *, is_init: bool, attempt: int) -> None:
        self._ref = ref
        self._container = container
        self._is_init = is_init
        self._attempt = attempt
        self._parts: dict[str, list[LogChunk]] = {}
        self._sizes: dict[str, int] = {}
        self._begun: set[str] = set()

    def joined(self, batch: Sequence[LogChunk]) -> list[LogLine]:
        """All pieces as one, with the newlines among them."""
        data = b"".join([piece.data for piece in batch])
        return [self._line(batch[0], data, has_end=data.endswith(b"\n"))] if batch else []

    def whole(self, batch: Iterable[LogChunk]) -> list[LogLine]:
        """The lines that are complete by now."""
        found: list[LogLine] = []
        ref, container, is_init, attempt = self._ref, self._container, self._is_init, self._attempt
        for piece in batch:
            data, stream = piece.data, piece.stream
            if data[-1:] != b"\n" or stream in self._parts or stream in self._begun:
                found.extend(self._take(piece))
                continue
            line = LogLine(  # Not through a function: a million lines come by here.
                ref=ref,
                container=container,
                is_init=is_init,
                attempt=attempt,
                stream=stream,
                data=data[:-1],
                timestamp=piece.timestamp,
            )
            found.append(line)
        return found

    def rest(self) -> list[LogLine]:
        """What was written after the last newline, as a line."""
        return [self._join(stream) for stream in list(self._parts)]

    def _take(self, piece: LogChunk) -> Iterator[LogLine]:
        stream = piece.stream
        self._parts.setdefault(stream, []).append(piece)
        self._sizes[stream] = self._sizes.get(stream, 0) + len(piece.data)
        if piece.data.endswith(b"\n"):
            yield self._join(stream)
        elif self._sizes[stream] > MAX_LINE_SIZE:
            yield self._join(stream, has_end=False)
            self._begun.add(stream)

    def _join(self, stream: str, *, has_end: bool = True) -> LogLine:
        parts = self._parts.pop(stream)
        del self._sizes[stream]
        is_start = stream not in self._begun
        self._begun.discard(stream)
        data = b"".join(part.data for part in parts)
        return self._line(parts[0], data, has_end=has_end, is_start=is_start)

    def _line(self, piece: LogChunk, data: bytes, *, has_end: bool, is_start: bool = True) -> LogLine:
        return LogLine(
            ref=self._ref,
            container=self._container,
            is_init=self._is_init,
            attempt=self._attempt,
            stream=piece.stream,
            data=data.removesuffix(b"\n"),
            timestamp=piece.timestamp,
            has_end=has_end,
            is_start=is_start,
        )


def _comparable(timestamp: str) -> str:
    """The time with nine digits of fraction, so that its text sorts; within one stream zones are the same."""
    return _FRACTION.sub(lambda match: "." + (match.group(1) or "").ljust(9, "0"), timestamp, count=1)
