"""Connections with a deadline, and the texts of a Go program when no connection comes about."""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import dataclass
from typing import Final, Protocol

from runner.clock import Deadline
from runner.errors import TooManyFiles, is_out_of_files

_GO_WORDS: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset by peer",
    errno.EPIPE: "broken pipe",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network is unreachable",
    errno.ETIMEDOUT: "connection timed out",
    errno.EADDRNOTAVAIL: "cannot assign requested address",
    errno.EAFNOSUPPORT: "address family not supported by protocol",
    errno.EACCES: "permission denied",
}


class DialError(Exception):
    """No connection: the text is Go's, ``dial tcp 10.0.0.5:81: connect: connection refused``."""

    def __init__(self, text: str, *, timed_out: bool = False) -> None:
        super().__init__(text)
        self.timed_out = timed_out


class Connection(Protocol):
    """An open connection. ``peer`` is the server as ``host:port``; ``deadline`` counts for everything done on it."""

    socket: socket.socket
    peer: str
    deadline: Deadline

    def trouble(self) -> DialError | None:
        """Why the connection failed; through a sandbox this is known only once the stream has ended."""
        ...

    def close(self) -> None: ...


class Dial(Protocol):
    """Connects to a port, within ``seconds`` (None: as long as it takes). Raises DialError or EngineError."""

    def __call__(self, host: str, port: int, seconds: float | None) -> Connection: ...


@dataclass
class DirectConnection:
    """A connection made from here."""

    socket: socket.socket
    peer: str
    deadline: Deadline

    def trouble(self) -> DialError | None:
        return None

    def close(self) -> None:
        self.socket.close()


def dial_direct(host: str, port: int, seconds: float | None) -> DirectConnection:
    """Connect from here. Raises DialError, and TooManyFiles: that says nothing about the other side."""
    peer, deadline = join_host_port(host, port), Deadline(seconds)
    try:
        return DirectConnection(socket.create_connection((host, port), timeout=deadline.remaining()), peer, deadline)
    except socket.gaierror as problem:
        raise DialError(f"dial tcp: lookup {host}: no such host") from problem
    except (OSError, UnicodeError) as problem:
        if is_out_of_files(problem):
            raise TooManyFiles from problem
        raise dial_error(peer, problem) from problem


def dial_error(peer: str, problem: Exception) -> DialError:
    """The text of Go about a failed attempt."""
    # A TimeoutError with an errno means that the kernel itself gave up.
    if isinstance(problem, TimeoutError) and problem.errno is None:
        return DialError(f"dial tcp {peer}: i/o timeout", timed_out=True)
    return DialError(f"dial tcp {peer}: connect: {go_words(problem)}")


def go_words(problem: Exception) -> str:
    """A system call's error in Go's words."""
    number = problem.errno if isinstance(problem, OSError) else None
    if number is None:
        return str(problem)
    return _GO_WORDS.get(number) or os.strerror(number).lower()


def join_host_port(host: str, port: int) -> str:
    """``host:port``, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
