"""An exec with open input and output: the connection that carried the request becomes the stream.

The Engine answers the upgrade with 101 and from then on sends multiplexed frames (8 bytes of header with kind and
length, then the payload) and takes plain bytes.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Mapping
from typing import Any, Final

import requests

from runner.engine.docker.clients import Loan
from runner.engine.docker.failures import CONNECTION_ERRORS, unavailable

_ERRORS_KEPT: Final = 65536
_STDERR: Final = 2
_CONNECT_SECONDS: Final = 60.0
UPGRADE: Final[Mapping[str, str]] = {"Connection": "Upgrade", "Upgrade": "tcp"}


class DockerExecStream:
    """One exec's connection; it gives the client back when it ends."""

    def __init__(self, response: requests.Response, loan: Loan, address: str) -> None:
        self._response = response
        self._loan = loan
        self._address = address
        # Bytes that came with the response's head lie in http.client's buffered file, so that is what is read.
        raw: Any = response.raw
        self._reader: Any = raw._fp.fp
        self._socket: Any = raw._connection.sock
        self._left = 0  # of the present frame
        self._errors = bytearray()
        self._lock = threading.Lock()
        self._closed = False

    @property
    def errors(self) -> bytes:
        return bytes(self._errors)

    def read(self, size: int) -> bytes:
        """Wait for standard output. Raises EngineUnavailable when the connection breaks."""
        try:
            while True:
                while self._left == 0:
                    header = self._reader.read(8)
                    if len(header) < 8:
                        return b""
                    kind, self._left = header[0], int.from_bytes(header[4:])
                    if kind == _STDERR:
                        self._errors += self._reader.read(self._left)[: max(0, _ERRORS_KEPT - len(self._errors))]
                        self._left = 0
                piece = bytes(self._reader.read1(min(size, self._left)))
                self._left -= len(piece)
                return piece
        except (*CONNECTION_ERRORS, ValueError, AttributeError) as problem:  # the last two: closed while it was read
            if self._closed:
                return b""
            raise unavailable(self._address, problem) from problem

    def write(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except (*CONNECTION_ERRORS, ValueError, AttributeError) as problem:
            raise unavailable(self._address, problem) from problem

    def end_input(self) -> None:
        with contextlib.suppress(*CONNECTION_ERRORS, ValueError):
            child = getattr(self._socket, "proc", None)
            if child is not None:  # ssh carries the end of its input to the other machine
                child.stdin.close()
            else:
                # The base class' method: that of TLS would end both ways. The daemon takes the end of TCP for the end of input.
                socket.socket.shutdown(self._socket, socket.SHUT_WR)

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        # A reader in another thread holds the buffered file's lock: it has to be woken before anything is closed.
        with contextlib.suppress(*CONNECTION_ERRORS, ValueError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if (child := getattr(self._socket, "proc", None)) is not None:
            child.terminate()  # docker-py leaves it when its input was closed
        with contextlib.suppress(*CONNECTION_ERRORS, ValueError):
            self._socket.close()
            self._response.close()
        self._loan.close()
