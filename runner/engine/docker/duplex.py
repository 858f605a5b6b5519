"""An exec with open input and output: the connection that carried the request becomes the stream.

The Engine answers the upgrade with 101 and from then on sends multiplexed frames (8 bytes of header with kind and
length, then the payload) and takes plain bytes.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

import requests
from docker.api import APIClient

from runner.engine.docker.failures import CONNECTION_ERRORS, Endpoint, error_of, translated, unavailable

_ERRORS_KEPT: Final = 65536
_STDERR: Final = 2
_CONNECT_SECONDS: Final = 60.0
_UPGRADE: Final[Mapping[str, str]] = {"Connection": "Upgrade", "Upgrade": "tcp"}


class DockerExecStream:
    """One exec's connection; it owns the session and closes it with itself."""

    def __init__(self, response: requests.Response, session: requests.Session, address: str) -> None:
        self._response = response
        self._session = session
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
        # Neither TLS nor an ssh child can be closed by halves; unwrapping TLS would end both.
        if type(self._socket) is socket.socket:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        # A reader in another thread holds the buffered file's lock: it has to be woken before anything is closed.
        with contextlib.suppress(*CONNECTION_ERRORS, ValueError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(*CONNECTION_ERRORS, ValueError):
            self._socket.close()
            self._response.close()
        self._session.close()


class DuplexExec:
    """The verb ``exec_stream``, for a class that has the Engine's address and clients."""

    address: str
    _api: str

    def _client(self) -> APIClient:
        raise NotImplementedError

    def _make_client(self, version: str, timeout: float | None) -> APIClient:
        raise NotImplementedError

    def _url(self, path: str) -> str:
        raise NotImplementedError

    def exec_stream(self, container_id: str, command: Sequence[str]) -> DockerExecStream:
        """Two calls: create and start, the latter on a connection of its own."""
        with translated(self.address):
            made = self._client().exec_create(container_id, list(command), stdin=True)
            session = self._make_client(self._api, None)
            response = session.post(
                self._url(f"/exec/{made['Id']}/start"),
                json={"Detach": False, "Tty": False},
                headers=dict(_UPGRADE),
                stream=True,
                timeout=(_CONNECT_SECONDS, None),
            )
            if response.status_code >= 400:
                with contextlib.closing(session):
                    raise error_of(Endpoint.OTHER, response.status_code, _message(response))
            return DockerExecStream(response, session, self.address)


def _message(response: requests.Response) -> str:
    """The daemon's own text."""
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return response.text.strip() or response.reason
