"""Who holds what: a node instance, which lives as long as its one lock, however many pods it runs.

Its id stands in the ledger beside everything that it runs. The lock is an advisory one on a file in the state directory,
which the system gives back when the process dies; so whoever finds an id can tell whether somebody is behind it, and takes
over what a dead one held by compare-and-swap (``Ledger.take``).
"""

from __future__ import annotations

import fcntl
import os
import uuid
from contextlib import suppress
from types import TracebackType
from typing import Self

from runner.errors import StoreError
from runner.registry.home import Home, hint_of
from runner.registry.ownership import owner_is_alive


class NodeInstance:
    """One node's life: ``id`` is alive from the constructor to ``close``, or the process' death. Raises StoreError."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.id = uuid.uuid4().hex[:16]
        self._path = home.node_lock(self.id)
        home.ensure(self._path.parent)
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            # Nobody knows the id yet, so nobody else asks for this lock.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(f"cannot lock {self._path}: {error.strerror}", hint=hint_of(error)) from error

    def is_alive(self, holder: str) -> bool:
        """Whether somebody is behind a holder's id, this instance included."""
        return holder == self.id or holder_is_alive(self._home, holder)

    def close(self) -> None:
        """Let go of everything; a second time does nothing."""
        if self._descriptor >= 0:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def holder_is_alive(home: Home, holder: str) -> bool:
    """Whether somebody is behind a holder: a node instance, or a process by its label, as earlier versions wrote it.

    A label that cannot be judged from here, another machine's for instance, counts as alive. Raises StoreError.
    """
    if not holder:
        return False
    if ":" in holder:
        return owner_is_alive(holder) is not False
    path = home.node_lock(holder)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"cannot look at the lock {path}: {error.strerror}", hint=hint_of(error)) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def forget_dead_nodes(home: Home) -> None:
    """Remove the lock files of node instances that are dead."""
    for path in home.node_locks.glob("*.lock"):
        with suppress(OSError):
            if not holder_is_alive(home, path.stem):
                path.unlink()
