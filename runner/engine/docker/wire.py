"""The body of one streaming response: bytes as they come, with a deadline, closable from another thread.

docker-py's own helpers read byte by byte, swallow broken connections and know no deadline, so the response is read here.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.client import IncompleteRead
from typing import Any

import requests

from runner.clock import Deadline
from runner.engine.docker.chunks import Chunks
from runner.engine.docker.clients import Loan
from runner.engine.docker.failures import CONNECTION_ERRORS, unavailable

PIECE = 65536


class Wire:
    """One response that was asked for with ``stream=True``; it gives the client back when it ends."""

    def __init__(self, response: requests.Response, loan: Loan, address: str) -> None:
        self._response = response
        self._loan = loan
        self._address = address
        self._reader: Any = response.raw._fp  # http.client's response: its read1 gives what is there, chunked or not
        self._socket = _socket_of(self._reader)
        self._reading = False
        self._is_whole = False
        self._has_peeped = False
        self._lock = threading.Lock()
        self.closed = False

    def read(self, size: int = PIECE, deadline: Deadline | None = None) -> bytes:
        """Return what has come, at most ``size`` bytes; empty at the end of the body or after ``close``.

        Raises TimeoutError when the deadline passes first, EngineUnavailable when the connection breaks.
        """
        return self._receive(lambda: bytes(self._reader.read1(size)), deadline)

    def _receive(self, take: Callable[[], bytes], deadline: Deadline | None = None) -> bytes:
        if not self._takes():
            return b""
        try:
            if deadline is not None and self._socket is not None:
                remaining = deadline.remaining()
                if remaining is not None and remaining <= 0:
                    raise TimeoutError
                self._socket.settimeout(remaining)
            return take()
        except TimeoutError:
            raise
        except (*CONNECTION_ERRORS, ValueError, AttributeError) as problem:  # the last two: closed while it was read
            if self.closed:
                return b""
            raise unavailable(self._address, problem) from problem

    def _takes(self) -> bool:
        """Have the connection stay until its reader gives it back. Returns whether there is something to read."""
        with self._lock:
            self._reading = self._reading or not self.closed
        return not self.closed

    def blocks(self) -> Iterator[bytes]:
        """Yield the body as it comes, many of its chunks at once: the Engine sends each line of a log as a chunk of its own.

        Each time something has come there is a block, which is empty when that was no whole chunk. Nothing else may read the
        body. Raises EngineUnavailable when it breaks off.
        """
        if not self._reader.chunked:
            while block := self.read():
                yield block
            return
        chunks = Chunks()
        while not chunks.is_over:
            received = self._receive(lambda: bytes(self._reader.fp.read1(PIECE)))
            if not received:
                if self.closed:
                    return
                raise unavailable(self._address, IncompleteRead(b""))
            try:
                block = chunks.take(received)
            except ValueError as problem:
                raise unavailable(self._address, problem) from problem
            self._is_whole = chunks.is_over
            yield block

    def place(self) -> int | None:
        """The file descriptor where what ``blocks`` gives next comes; None when it is here already, -1 where there is none.

        The reader that waits there reads on in any case, also when the wire is closed meanwhile.
        """
        if self._socket is None or isinstance(self._socket, ssl.SSLSocket):
            return -1  # pipes; and TLS may hold back what has come
        if self._is_whole or not self._takes():
            return None
        if not self._has_peeped:
            # Something may have come with the head of the response. Later each read takes all that is buffered.
            self._has_peeped = True
            if self._has_buffered():
                return None
        return self._socket.fileno()

    def _has_buffered(self) -> bool:
        assert self._socket is not None
        try:
            self._socket.settimeout(0)
            found = bool(self._reader.fp.peek(1))
            self._socket.settimeout(None)
        except (OSError, ValueError, AttributeError):  # at its end already: the next read meets it, too
            return True
        return found

    def read_exactly(self, size: int, deadline: Deadline | None = None) -> bytes:
        """Return ``size`` bytes, fewer only at the end."""
        pieces: list[bytes] = []
        while size > 0 and (piece := self.read(size, deadline)):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def lines(self) -> Iterator[bytes]:
        """Yield the body line by line, each with its line end; the last may have none."""
        rest = b""
        while piece := self.read():
            *whole, rest = (rest + piece).split(b"\n")
            yield from (line + b"\n" for line in whole)
        if rest:
            yield rest

    def objects(self) -> Iterator[dict[str, Any]]:
        """Yield the JSON objects of a body with one on each line."""
        for line in self.lines():
            if text := line.strip():
                try:
                    document = json.loads(text)
                except ValueError as problem:
                    if self.closed:
                        return
                    raise unavailable(self._address, problem) from problem
                if isinstance(document, dict):
                    yield document

    def close(self) -> None:
        """End the stream; a thread that waits in ``read`` gets the end at once."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            is_read = self._reading
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        if self._socket is None or not is_read:
            self._give_back()

    def release(self) -> None:
        """Close, and give the connection back; only the reading thread may call this."""
        self.close()
        self._give_back()

    def _give_back(self) -> None:
        with contextlib.suppress(*CONNECTION_ERRORS, ValueError):
            self._response.close()
        self._loan.close()


def _socket_of(reader: object) -> socket.socket | None:
    """The socket below a response, kept by the file that http.client reads; None over ssh, which has pipes."""
    raw = getattr(getattr(reader, "fp", None), "raw", None)
    found = getattr(raw, "_sock", None)
    return found if isinstance(found, socket.socket) else None


def frames(wire: Wire, deadline: Deadline | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield (stream name, payload) of a multiplexed body: 8 bytes of header with kind and length, then the payload."""
    while len(header := wire.read_exactly(8, deadline)) == 8:
        name = "stderr" if header[0] == 2 else "stdout"
        yield name, wire.read_exactly(int.from_bytes(header[4:]), deadline)
