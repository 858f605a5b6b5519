"""One HTTP request over a unix socket: http.client takes longer to import than it takes, and does more than is needed."""

from __future__ import annotations

import socket
from typing import Final

from msgspec import Struct

_BODILESS: Final = (204, 304)
_LONGEST_LINE: Final = 65536


class NotHttp(OSError):
    """What answers does not speak HTTP, or stops in the middle."""


class NoAnswer(NotHttp, ConnectionResetError):
    """The connection ended before the first byte of an answer."""


class Begun(Struct, frozen=True):
    """The head of a response whose body comes at ``connection``; ``rest`` is what came of it with the head."""

    status: int
    connection: socket.socket
    is_chunked: bool
    rest: bytes


class Answer(Struct, frozen=True):
    """A whole response."""

    status: int
    body: bytes


def ask(path: str, method: str, target: str, *, timeout: float, body: bytes | None = None) -> Answer:
    """Make one request, ``body`` being JSON; each step of it may take ``timeout`` seconds. Raises OSError.

    It is HTTP/1.0, so that the answer's body comes in one piece and ends with the connection.
    """
    head = [f"{method} {target} HTTP/1.0", "Host: localhost"]
    if body is not None:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(path)
        connection.sendall("\r\n".join([*head, "", ""]).encode() + (body or b""))
        with connection.makefile("rb") as answer:
            first = answer.readline(_LONGEST_LINE)
            if not first:
                raise NoAnswer("the connection was ended without an answer")
            version, _, rest = first.partition(b" ")
            number = rest.partition(b" ")[0].strip()
            if not version.startswith(b"HTTP/") or not number.isdigit():
                raise NotHttp(f"the answer begins with {first[:40]!r}")
            length = -1  # up to the end
            while line := answer.readline(_LONGEST_LINE).strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length" and value.strip().isdigit():
                    length = int(value)
            content = b"" if int(number) in _BODILESS else answer.read(length)
    if len(content) < length:
        raise NotHttp(f"the answer ended after {len(content)} of {length} bytes")
    return Answer(int(number), content)


def begin(path: str, target: str, *, timeout: float) -> Begun:
    """Ask for something whose body is read as it comes: its head may take ``timeout`` seconds, its body for ever.

    Raises OSError.
    """
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(timeout)
        connection.connect(path)
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        received = b""
        while b"\r\n\r\n" not in received:
            piece = connection.recv(_LONGEST_LINE)
            if not piece:
                raise NoAnswer("the connection was ended without an answer")
            received += piece
            if len(received) > _LONGEST_LINE:
                raise NotHttp("the answer has a head without an end")
        head, _, rest = received.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        version, _, words = first.partition(b" ")
        number = words.partition(b" ")[0]
        if not version.startswith(b"HTTP/") or not number.isdigit():
            raise NotHttp(f"the answer begins with {first[:40]!r}")
        is_chunked = any(line.lower().replace(b" ", b"") == b"transfer-encoding:chunked" for line in lines)
        connection.settimeout(None)
    except BaseException:
        connection.close()
        raise
    return Begun(int(number), connection, is_chunked, rest)
