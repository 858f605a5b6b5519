"""The body of a response that was asked for without docker-py: bytes as they come, closable from another thread."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

from runner.engine.docker.chunks import Chunks
from runner.engine.docker.importing import IMPORTING
from runner.engine.plainhttp import Begun
from runner.errors import EngineUnavailable

_PIECE: Final = 65536


class PlainWire:
    """What ``runner.engine.docker.wire.Wire`` is for docker-py's responses. ``on_end`` is called once, when it has ended."""

    def __init__(self, begun: Begun, address: str, on_end: Callable[[PlainWire], None]) -> None:
        self._socket = begun.connection
        self._rest = begun.rest
        self._chunks = Chunks() if begun.is_chunked else None
        self._address = address
        self._on_end = on_end
        self._is_read = False
        self._is_given_back = False
        self._lock = threading.Lock()
        self.closed = False

    def blocks(self) -> Iterator[bytes]:
        """Yield the body as it comes; a block is empty when what has come was no whole chunk. Raises EngineUnavailable."""
        while True:
            received = self._receive()
            if not received:
                if self.closed or self._chunks is None:
                    return
                raise self._broken(ConnectionResetError("the answer stopped in the middle"))
            try:
                block = received if self._chunks is None else self._chunks.take(received)
            except ValueError as problem:
                raise self._broken(problem) from problem
            yield block
            if self._chunks is not None and self._chunks.is_over:
                return

    def _receive(self) -> bytes:
        if not self._takes():
            return b""
        received, self._rest = self._rest, b""
        if received:
            return received
        try:
            return self._socket.recv(_PIECE)
        except OSError as problem:
            if self.closed:
                return b""
            raise self._broken(problem) from problem

    def _takes(self) -> bool:
        """Have the connection stay until its reader gives it back. Returns whether there is something to read."""
        with self._lock:
            self._is_read = self._is_read or not self.closed
        return not self.closed

    def _broken(self, problem: BaseException) -> EngineUnavailable:
        with IMPORTING:
            from runner.engine.docker.failures import unavailable

        return unavailable(self._address, problem)

    def objects(self) -> Iterator[dict[str, Any]]:
        """Yield the JSON objects of a body with one on each line."""
        rest = b""
        for block in self.blocks():
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                if line.strip():
                    try:
                        document = json.loads(line)
                    except ValueError as problem:
                        raise self._broken(problem) from problem
                    if isinstance(document, dict):
                        yield document

    def place(self) -> int | None:
        """The file descriptor where what ``blocks`` gives next comes; None when it is here already.

        The reader that waits there reads on in any case, also when this is closed meanwhile.
        """
        if self._rest or (self._chunks is not None and self._chunks.is_over) or not self._takes():
            return None
        return self._socket.fileno()

    def close(self) -> None:
        """End it; a thread that waits for something gets the end at once."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            is_read = self._is_read
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if not is_read:
            self._give_back()

    def release(self) -> None:
        """Close, and give the connection back; only the reading thread may call this."""
        self.close()
        self._give_back()

    def _give_back(self) -> None:
        if not self._is_given_back:
            self._is_given_back = True
            self._socket.close()
            self._on_end(self)
