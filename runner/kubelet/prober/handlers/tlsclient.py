"""TLS without verification over a connected socket, with one deadline. It keeps the first bytes that the server sends.

The records pass through memory, so it can tell a server that answers in plain HTTP from one that answers nonsense; a failed
handshake on the socket itself would have swallowed those bytes.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final, TypeVar

from runner.clock import Deadline

_PIECE: Final = 65536
_HTTP: Final = b"HTTP/"

Result = TypeVar("Result")


class PlainHTTPAnswer(http.client.HTTPException):
    """A server without TLS was asked with TLS, and said so in HTTP."""


def arm(end: socket.socket, deadline: Deadline) -> None:
    """Give the next call on a socket the time that is left. Raises TimeoutError when none is."""
    remaining = deadline.remaining()
    if remaining == 0:
        raise TimeoutError
    end.settimeout(remaining)


class TlsEnd:
    """One end of a TLS connection. Raises ssl.SSLError, OSError, TimeoutError, and PlainHTTPAnswer from ``handshake``."""

    def __init__(self, plain: socket.socket, deadline: Deadline, host: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._plain = plain
        self._deadline = deadline
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._heard = False

    def handshake(self) -> None:
        self._drive(self._tls.do_handshake)

    def sendall(self, data: bytes) -> None:
        self._drive(lambda: self._tls.write(data))

    def recv_into(self, buffer: Any) -> int:
        """Read decrypted bytes; 0 at the end."""
        try:
            data = self._drive(lambda: self._tls.read(len(buffer)))
        except ssl.SSLZeroReturnError:
            return 0
        buffer[: len(data)] = data
        return len(data)

    def _drive(self, step: Callable[[], Result]) -> Result:
        """Repeat a step of the protocol, moving records in between, until it is done."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        if data := self._outgoing.read():
            arm(self._plain, self._deadline)
            self._plain.sendall(data)

    def _fill(self) -> None:
        arm(self._plain, self._deadline)
        data = self._plain.recv(_PIECE)
        if not self._heard and data and _HTTP.startswith(data[: len(_HTTP)]):
            raise PlainHTTPAnswer
        self._heard = True
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
