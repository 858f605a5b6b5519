"""Log and event streams of the Docker Engine."""

from __future__ import annotations

from collections.abc import Iterator

from runner.engine.docker.parse import engine_event
from runner.engine.docker.wire import Wire, frames
from runner.engine.protocol import EngineEvent, LogChunk
from runner.errors import EngineUnavailable


class DockerEventStream:
    """Events as they happen. An end that nobody asked for is an EngineUnavailable: the Engine went away."""

    def __init__(self, wire: Wire, address: str) -> None:
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

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def __iter__(self) -> Iterator[LogChunk]:
        try:
            header = self._wire.read_exactly(8)
            if header[:1] > b"\x02":
                yield from self._terminal(header)
            elif len(header) == 8:
                yield self._chunk(header[0], self._wire.read_exactly(int.from_bytes(header[4:])))
                for stream, payload in frames(self._wire):
                    yield _log_chunk(stream, payload)
        finally:
            self._wire.release()

    def _chunk(self, kind: int, payload: bytes) -> LogChunk:
        return _log_chunk("stderr" if kind == 2 else "stdout", payload)

    def _terminal(self, start: bytes) -> Iterator[LogChunk]:
        lines = self._wire.lines()
        yield _log_chunk("stdout", start + next(lines, b""))
        for line in lines:
            yield _log_chunk("stdout", line)

    def close(self) -> None:
        self._wire.close()


def _log_chunk(stream: str, payload: bytes) -> LogChunk:
    timestamp, _, data = payload.partition(b" ")
    return LogChunk(stream=stream, data=data, timestamp=timestamp.decode("ascii", "replace"))
