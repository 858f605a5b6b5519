"""Log and event streams of the Docker Engine."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Protocol

from runner.engine.docker.parse import engine_event
from runner.engine.protocol import EngineEvent, LogChunk
from runner.errors import EngineUnavailable


class Body(Protocol):
    """The body of a response as it comes; ``runner.engine.docker.wire`` says more of each verb."""

    @property
    def closed(self) -> bool: ...

    def blocks(self) -> Iterator[bytes]: ...

    def objects(self) -> Iterator[dict[str, Any]]: ...

    def place(self) -> int | None: ...

    def close(self) -> None: ...

    def release(self) -> None: ...


class DockerEventStream:
    """Events as they happen. An end without a close is an EngineUnavailable: the Engine went away."""

    def __init__(self, wire: Body, address: str) -> None:
        self._wire = wire
        self._address = address

    def __iter__(self) -> Iterator[EngineEvent]:
        try:
            for document in self._wire.objects():
                yield engine_event(document)
            if not self._wire.closed:
                raise EngineUnavailable(f"the Engine at {self._address} ended the event stream")
        finally:
            self._wire.release()

    def close(self) -> None:
        self._wire.close()


class DockerLogStream:
    """A container's output, one line a chunk; the Engine cuts lines of more than 16 KiB into several chunks.

    The stream was asked for with timestamps. So the first byte tells whether it is multiplexed (0, 1 or 2) or the raw
    output of a terminal (the first digit of a year), which the API before 1.42 does not say.
    """

    def __init__(self, wire: Body) -> None:
        self._wire = wire

    def __iter__(self) -> Iterator[LogChunk]:
        return chain.from_iterable(self.batches())

    def batches(self) -> Iterator[list[LogChunk]]:
        try:
            rest, is_terminal = b"", None
            for block in self._wire.blocks():
                data = rest + block
                if is_terminal is None:
                    is_terminal = data[:1] > b"\x02"
                found, rest = _lines(data) if is_terminal else _frames(data)
                yield found
            if is_terminal and rest:
                yield [_log_chunk("stdout", rest)]
        finally:
            self._wire.release()

    def place(self) -> int | None:
        return self._wire.place()

    def close(self) -> None:
        self._wire.close()


_HEADER = 8
"""Bytes before each payload: the kind of stream, three zeros, the length."""


def _frames(data: bytes) -> tuple[list[LogChunk], bytes]:
    """The frames that are complete, and what is left."""
    found = []
    place, size = 0, len(data)
    number, find = int.from_bytes, data.find  # A million lines come by here.
    while (start := place + _HEADER) <= size:
        end = start + number(data[place + 4 : start])
        if end > size:
            break
        stream = "stderr" if data[place] == 2 else "stdout"
        space = find(b" ", start, end)
        if space < 0:
            found.append(_log_chunk(stream, data[start:end]))
        else:
            text = data[space + 1 : end]
            found.append(LogChunk(stream=stream, data=text, timestamp=data[start:space].decode("latin-1")))
        place = end
    return found, data[place:]


def _lines(data: bytes) -> tuple[list[LogChunk], bytes]:
    *whole, rest = data.split(b"\n")
    return [_log_chunk("stdout", line + b"\n") for line in whole], rest


def _log_chunk(stream: str, payload: bytes) -> LogChunk:
    timestamp, _, data = payload.partition(b" ")
    return LogChunk(stream=stream, data=data, timestamp=timestamp.decode("latin-1"))
