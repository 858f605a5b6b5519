"""The doorbell: one datagram socket for each watch that waits, rung by the writer of something that it is about.

A socket lies beside the database, its selection in a table of it. A bell is a hint only: a watch that was not rung, because its
socket could not be made, looks at the database's counter once a second all the same.
"""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import msgspec

from runner.errors import StoreError
from runner.registry.contract import Selection, Touch
from runner.registry.sqlite.database import Database

_LONGEST_PATH = 100
"""Of a socket, in bytes; Linux takes 107, others 103 (sockaddr_un)."""
_DESCRIPTORS = Path("/proc/self/fd")


class Bell:
    """The socket of one watch. ``wait`` is for one thread; ``ring`` for all."""

    def __init__(self, name: str, receiver: socket.socket, address: str) -> None:
        self.name = name
        self._socket = receiver
        self._address = address
        self._hearing = threading.Lock()

    def wait(self, seconds: float) -> bool:
        """Wait for the bell. Returns whether it was rung; several rings are one."""
        with self._hearing:
            return self._wait(seconds)

    def _wait(self, seconds: float) -> bool:
        try:
            self._socket.settimeout(max(seconds, 0.0))
            self._socket.recv(1)
        except (TimeoutError, BlockingIOError):
            return False
        except OSError:  # It was closed.
            return True
        with suppress(OSError):
            self._socket.setblocking(False)
            while True:
                self._socket.recv(1)
        return True

    def close(self) -> None:
        """Close it when ``wait`` has returned: another thread may get the descriptor's number at once."""
        with self._hearing:
            self._socket.close()


class Doorbells:
    """Those of one state directory."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._home = database.home
        self._guard = threading.Lock()
        self._sender: socket.socket | None = None
        self._folder = -1
        self._is_closed = False

    def hang(self, selection: Selection) -> Bell | None:
        """Make a bell that is rung for a selection; None where there are no such sockets."""
        name = uuid.uuid4().hex[:16]
        receiver = None
        try:
            self._home.ensure(self._home.bells)
            address = self._address(name)
            receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            receiver.bind(address)
        except (OSError, AttributeError, StoreError):
            if receiver is not None:
                receiver.close()
            return None
        bell = Bell(name, receiver, address)
        try:
            with self._database.writing():
                text = msgspec.json.encode(selection).decode()
                self._database.execute("INSERT INTO watchers (name, selection) VALUES (?, ?)", (name, text))
        except BaseException:
            self._remove(bell)
            raise
        return bell

    def take_down(self, bell: Bell) -> None:
        """Remove a bell."""
        self._remove(bell)
        self._forget([bell.name])

    def _remove(self, bell: Bell) -> None:
        bell.close()
        with suppress(OSError):
            (self._home.bells / bell.name).unlink()

    def concerned(self, touched: Collection[Touch]) -> list[str]:
        """The names of the bells that are to be rung; asked within the transaction that has touched something."""
        rows = self._database.read("SELECT name, selection FROM watchers") if touched else []
        return [str(name) for name, text in rows if any(_selection(text).takes(touch) for touch in touched)]

    def ring(self, names: Iterable[str]) -> None:
        """Ring bells; those whose watch is dead are taken down."""
        dead = [name for name in names if not self._ring(name)]
        if dead:
            self._forget(dead)
            for name in dead:
                with suppress(OSError):
                    (self._home.bells / name).unlink()

    def _ring(self, name: str) -> bool:
        """Returns whether its watch may hear it."""
        address = self._address(name)
        with self._guard:
            if self._is_closed:
                return True
            try:
                if self._sender is None:
                    self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                    self._sender.setblocking(False)
                self._sender.sendto(b"!", address)
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            except OSError:
                pass  # It has been rung so often that no more rings are kept; or no more files may be opened.
        return True

    def _forget(self, names: Sequence[str]) -> None:
        with suppress(StoreError), self._database.writing():
            for name in names:
                self._database.execute("DELETE FROM watchers WHERE name = ?", (name,))

    def _address(self, name: str) -> str:
        """A path that fits into a socket's address: through a descriptor where the state directory's is too long."""
        path = str(self._home.bells / name)
        if len(os.fsencode(path)) <= _LONGEST_PATH or not _DESCRIPTORS.is_dir():
            return path
        with self._guard:
            if self._folder < 0 and not self._is_closed:
                self._folder = os.open(self._home.bells, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            return str(_DESCRIPTORS / str(self._folder) / name)

    def close(self) -> None:
        """Close what was opened to ring; nothing is opened again."""
        with self._guard:
            self._is_closed = True
            sender, self._sender = self._sender, None
            folder, self._folder = self._folder, -1
        if sender is not None:
            sender.close()
        if folder >= 0:
            os.close(folder)


@lru_cache(maxsize=256)
def _selection(text: str) -> Selection:
    return msgspec.json.decode(text, type=Selection)
