"""A port of the pod as a local socket: bytes go through an exec of the sandbox's program.

The program copies its standard input to the port and the port to its standard output; two threads copy between that
exec and one end of a socket pair (or a connection to a port of the loopback, for a client that wants an address).
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Final

from runner.clock import Deadline
from runner.engine.protocol import ExecStream
from runner.errors import EngineError
from runner.kubelet.prober.handlers.dialing import DialError

PROGRAM: Final = "/pause"
UNLIMITED_SECONDS: Final = 86400
"""How many seconds the program may live when no caller has a deadline; nothing else would end it."""

_PIECE: Final = 32768
_ACCEPT_SECONDS: Final = 0.1
# The words by which the program says that it could not connect, and not that an open connection broke.
_DIAL_FAILURES: Final = frozenset(
    {
        "connection refused",
        "connection timed out",
        "no route to host",
        "network is unreachable",
        "address not available",
        "address family not supported",
        "failed",
        "not a numeric address or localhost",
    }
)


def relay_trouble(errors: bytes, peer: str) -> DialError | None:
    """The meaning of the program's line on standard error for the attempt to connect."""
    text = errors.decode("utf-8", "replace").strip()
    reason = text.rpartition(": ")[2]
    if not text.startswith("pause: "):
        return DialError(f"dial tcp {peer}: {text}") if text else None
    if reason == "timed out":
        return DialError(f"dial tcp {peer}: i/o timeout", timed_out=True)
    return DialError(f"dial tcp {peer}: connect: {reason}") if reason in _DIAL_FAILURES else None


class Pump:
    """Copies between an exec and a socket until one of them ends; owns both from the start."""

    def __init__(self, stream: ExecStream, inner: socket.socket) -> None:
        self._stream = stream
        self._inner = inner
        self._outward = threading.Thread(target=self._copy_out, name="podrunner-relay-out", daemon=True)
        self._inward = threading.Thread(target=self._copy_in, name="podrunner-relay-in", daemon=True)
        self._outward.start()
        self._inward.start()

    def _copy_out(self) -> None:
        with contextlib.suppress(OSError, EngineError):
            while data := self._inner.recv(_PIECE):
                self._stream.write(data)
            self._stream.end_input()

    def _copy_in(self) -> None:
        try:
            with contextlib.suppress(OSError, EngineError):
                while data := self._stream.read(_PIECE):
                    self._inner.sendall(data)
        finally:
            with contextlib.suppress(OSError):
                self._inner.shutdown(
                    socket.SHUT_RDWR
                )  # the rest of what was sent can still be read; the other thread wakes
            self._outward.join()
            self._inner.close()
            self._stream.close()

    def close(self) -> None:
        """End the exec's connection and wait for both threads."""
        self._stream.close()
        with contextlib.suppress(OSError):  # It may wait for a client that reads nothing.
            self._inner.shutdown(socket.SHUT_RDWR)
        self._inward.join()


class RelayConnection:
    """A connection to a port of the pod, through the sandbox."""

    def __init__(self, stream: ExecStream, peer: str, deadline: Deadline) -> None:
        self.socket, inner = socket.socketpair()
        self.peer = peer
        self.deadline = deadline
        self._stream = stream
        self._pump = Pump(stream, inner)

    def trouble(self) -> DialError | None:
        return relay_trouble(self._stream.errors, self.peer)

    def close(self) -> None:
        self.socket.close()
        self._pump.close()


class LocalPort:
    """A port of the loopback that leads to one port of the pod; for one client, for a short time."""

    def __init__(self, open_stream: Callable[[], ExecStream]) -> None:
        self._open_stream = open_stream
        self._next: ExecStream | None = open_stream()  # so that the client's time is not spent on it
        self._pumps: list[Pump] = []
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_ACCEPT_SECONDS)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="podrunner-relay-port", daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(None)
            try:
                stream, self._next = self._next or self._open_stream(), None
            except EngineError:
                connection.close()
                continue
            self._pumps.append(Pump(stream, connection))

    def close(self) -> None:
        self._stopped.set()
        self._thread.join()
        self._listener.close()
        if self._next is not None:
            self._next.close()
        for pump in self._pumps:
            pump.close()
