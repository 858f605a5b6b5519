"""An Engine behind a bad line: a proxy on a socket of its own that refuses, cuts off and delays some of the requests.

Which ones is drawn from a seed, in the order in which they come, and their number is bounded: whoever tries again long
enough gets through. What it did is kept for the message of a test that fails.
"""

from __future__ import annotations

import hashlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from runner.clock import Wakeup

_PIECE: Final = 65536
_LINGER_NOT: Final = struct.pack("ii", 1, 0)
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_UPGRADE: Final = re.compile(rb"\r\nconnection: *upgrade", re.IGNORECASE)


class Kind(StrEnum):
    """What may happen to a request."""

    E500 = "500"
    E503 = "503"
    E409 = "409"
    RESET = "reset before the Engine has heard of it"
    LOST = "reset when the Engine has done it"
    DELAY = "delay"


@dataclass(frozen=True, slots=True)
class Request:
    """The first line of a request, its path without the version of the API."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


Decide = Callable[[Request], tuple[Kind, float] | None]
"""What happens to a request, and how many seconds it takes; None: it is passed on."""


@dataclass
class Dice:
    """Draws a fault for some requests, at most ``most`` in all; a conflict only where an Engine may answer with one."""

    seed: int
    share: float = 0.15
    most: int = 8
    delay: float = 0.3
    kinds: tuple[Kind, ...] = tuple(Kind)
    _count: int = 0

    def __call__(self, request: Request) -> tuple[Kind, float] | None:
        self._count += 1
        drawn = hashlib.sha256(f"{self.seed}:{self._count}".encode()).digest()
        if self.most <= 0 or drawn[0] >= self.share * 256:
            return None
        kind = self.kinds[drawn[1] % len(self.kinds)]
        if kind is Kind.E409 and request.method not in ("POST", "DELETE"):
            kind = Kind.E500
        if request.path.endswith("/start") and kind in (Kind.E409, Kind.E500):
            kind = (
                Kind.E503
            )  # The others say of a start that the container cannot run, which ends a run that waits for it.
        self.most -= 1
        return kind, self.delay


@dataclass
class FaultyEngine:
    """The proxy, from ``__enter__`` to ``__exit__``; ``url`` is what DOCKER_HOST says then."""

    place: Path
    target: Path
    decide: Decide
    done: list[str] = field(default_factory=list)
    _listener: socket.socket = field(init=False)
    _open: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: Wakeup = field(default_factory=Wakeup)

    @property
    def url(self) -> str:
        return f"unix://{self.place}"

    def __enter__(self) -> Self:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.place))
        self._listener.listen(128)
        threading.Thread(target=self._accept, name="faulty-engine", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._listener.close()
        with self._lock:
            left = list(self._open)
        for one in left:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self.place.unlink(missing_ok=True)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """One request a connection: what comes after its head is passed on as it is."""
        with self._kept(client), suppress(OSError):
            head, rest = _read_head(client)
            if not head:
                return
            request = _request(head)
            with self._lock:
                fault = self.decide(request)
                if fault is not None:
                    self.done.append(f"{fault[0]}: {request}")
            kind, seconds = fault or (None, 0.0)
            if kind is Kind.DELAY:
                self._stopped.wait(seconds)
            elif kind is Kind.RESET:
                _reset(client)
                return
            elif kind is Kind.LOST:
                self._lose(client, head, rest)
                return
            elif kind is not None:
                _swallow(client, head, rest)
                client.sendall(_refusal(str(kind)))
                return
            self._pass_on(client, head, rest)

    def _kept(self, one: socket.socket) -> _Kept:
        return _Kept(self, one)

    def _pass_on(self, client: socket.socket, head: bytes, rest: bytes) -> None:
        engine = socket.socket(socket.AF_UNIX)
        with self._kept(engine):
            engine.connect(str(self.target))
            engine.sendall(_once(head) + rest)
            up = threading.Thread(target=_pump, args=(client, engine), daemon=True)
            up.start()
            _pump(engine, client)

    def _lose(self, client: socket.socket, head: bytes, rest: bytes) -> None:
        """Let the Engine do it, and never say so."""
        body = _swallow(client, head, rest)
        engine = socket.socket(socket.AF_UNIX)
        with self._kept(engine):
            engine.connect(str(self.target))
            engine.settimeout(5)
            engine.sendall(_once(head) + body)
            engine.recv(_PIECE)
        _reset(client)


@dataclass(slots=True)
class _Kept:
    """A socket that the proxy knows of as long as it is used."""

    proxy: FaultyEngine
    one: socket.socket

    def __enter__(self) -> None:
        with self.proxy._lock:
            self.proxy._open.add(self.one)

    def __exit__(self, *_: object) -> None:
        with self.proxy._lock:
            self.proxy._open.discard(self.one)
        self.one.close()


def _read_head(client: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(_PIECE)
        if not piece:
            return b"", b""
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def _request(head: bytes) -> Request:
    method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
    return Request(method, re.sub(r"^/v\d\.\d+", "", target).split("?")[0])


def _once(head: bytes) -> bytes:
    """The head of a request after which the Engine closes the connection."""
    if _UPGRADE.search(head):
        return head
    lines = [line for line in head[:-4].split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])


def _swallow(client: socket.socket, head: bytes, rest: bytes) -> bytes:
    """The body of a request."""
    found = _LENGTH.search(head)
    missing = int(found[1]) - len(rest) if found else 0
    body = rest
    while missing > 0 or (_CHUNKED.search(head) and not body.endswith(b"0\r\n\r\n")):
        piece = client.recv(_PIECE)
        if not piece:
            break
        body, missing = body + piece, missing - len(piece)
    return body


def _refusal(status: str) -> bytes:
    body = b'{"message":"injected %s"}\n' % status.encode()
    reasons: Mapping[str, str] = {"500": "Internal Server Error", "503": "Service Unavailable", "409": "Conflict"}
    head = f"HTTP/1.1 {status} {reasons[status]}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    client.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Pass everything on to the end, and the end too."""
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
