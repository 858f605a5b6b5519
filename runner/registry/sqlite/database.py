"""The state database as a file: opened once by each process, migrated by one that is alone with it, patient with others.

Write-ahead logging, so that readers and the writer do not wait for each other; short transactions; one connection,
guarded by a lock. Nothing is opened before the first call. What a power cut may take are the last moments
(synchronous=NORMAL), never the file's consistency: the Engine is the truth, a worker derives the rest from it again.

A process that has it open shares a lock on a file beside it; one that migrates it needs that lock alone.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from runner.clock import Clock, SystemClock
from runner.errors import StoreError
from runner.registry.home import Home, hint_of
from runner.registry.sqlite.schema import MIGRATIONS, migrate, schema_of

BUSY_SECONDS = 60.0
"""How long a call waits, all in all, for another process' write."""
OPEN_SECONDS = 5.0
"""How long opening waits for others who open or migrate the file at this moment."""
REPAIR_HINT = "podrunner gc sets it aside, keeps what can be read of it and removes what its pods left in the Engine"
_SQLITE_SECONDS = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 2.0
_log = logging.getLogger("runner.registry")
T = TypeVar("T")


class Database:
    """One connection to ``home``'s database. May be used from several threads. Raises StoreError whenever SQLite refuses."""

    def __init__(self, home: Home, clock: Clock | None = None) -> None:
        self.home = home
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._opened: sqlite3.Connection | None = None
        self._flock = -1
        self._depth = 0
        self._is_writing = False
        self._is_closed = False
        self._commits = 0

    def read(self, query: str, arguments: tuple[Any, ...] = ()) -> list[Any]:
        """The rows of one query."""
        with self._lock:
            try:
                return self._connection().execute(query, arguments).fetchall()
            except sqlite3.Error as error:
                if not is_busy(error):
                    raise self._problem(error) from error
            with self._translated():
                return self._patiently(lambda: self._connection().execute(query, arguments).fetchall())

    def execute(self, statement: str, arguments: tuple[Any, ...] = ()) -> int:
        """Carry out one statement of a transaction. Returns how many rows it has changed."""
        try:
            return self._connection().execute(statement, arguments).rowcount
        except sqlite3.Error as error:
            raise self._problem(error) from error

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Keep the other threads out. Gives whether this one is within a transaction that writes."""
        with self._lock:
            yield self._is_writing

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction; what begins within it, in this thread, belongs to it."""
        with self._lock, self._transaction("BEGIN IMMEDIATE", writes=True):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Everything that is read meanwhile is of one moment."""
        with self._lock, self._transaction("BEGIN", writes=False):
            yield

    @contextmanager
    def _transaction(self, begin: str, *, writes: bool) -> Iterator[None]:
        if self._depth:
            assert self._is_writing or not writes, "a write within a read"
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            return
        with self._translated():
            connection = self._connection()
        try:
            # Whatever a KeyboardInterrupt comes after: what was begun is ended.
            with self._translated():
                self._patiently(lambda: connection.execute(begin))
            self._depth, self._is_writing = 1, writes
            yield
            with self._translated():
                connection.execute("COMMIT")
            self._commits += writes
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        finally:
            self._depth, self._is_writing = 0, False

    def seen(self) -> tuple[int, int]:
        """Something that is another one whenever anybody has written. Nothing is read for it but a counter."""
        return int(self.read("PRAGMA data_version")[0][0]), self._commits

    def forget_what_was_written(self) -> None:
        """Empty the write-ahead log, which still has what was removed; when others read at this moment it stays a while."""
        with self._lock, self._translated():
            if not self._depth:
                self._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Close the file for good: a thread that comes late gets StoreError and opens nothing."""
        with self._lock, self._translated():
            self._is_closed = True
            if self._opened is not None:
                self._opened.close()
                self._opened = None
            self._unlock()

    def _patiently(self, call: Callable[[], T]) -> T:
        """Do something, ever later again while others write. Raises sqlite3.Error, also when that takes too long."""
        pause, end = _FIRST_PAUSE, self._clock.steady() + BUSY_SECONDS
        while True:
            try:
                return call()
            except sqlite3.OperationalError as error:
                if not is_busy(error) or self._clock.steady() >= end:
                    raise
                _log.info("%s: another process writes, trying again in %.2f s", self.home.database, pause)
            self._clock.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._problem(error) from error

    def _problem(self, error: sqlite3.Error) -> StoreError:
        text = f"cannot use the state database {self.home.database}: {error}"
        return StoreError(text, hint=self._hint(error), recoverable=is_busy(error))

    def _hint(self, error: sqlite3.Error) -> str:
        if is_busy(error):
            return "another podrunner is writing to it for very long; try again"
        if is_damage(error):
            return REPAIR_HINT
        path = self.home.database
        return f"check the permissions and the free space of {path.parent}, or set PODRUNNER_HOME to another directory"

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            if self._is_closed:
                raise StoreError(f"cannot use the state database {self.home.database}: it is closed")
            self.home.ensure()
            self._opened = self._open()
        return self._opened

    def _open(self) -> sqlite3.Connection:
        # Secrets are in it; the files beside it get the same mode. What is wrong with the place SQLite tells by itself.
        if not self.home.database.is_dir():
            with suppress(OSError):
                self.home.database.touch(0o600)
                self.home.database.chmod(0o600)
        pause, end = _FIRST_PAUSE, self._clock.steady() + OPEN_SECONDS
        while True:
            connection = sqlite3.connect(
                self.home.database, timeout=_SQLITE_SECONDS, isolation_level=None, check_same_thread=False
            )
            is_last = self._clock.steady() >= end
            try:
                if self._is_ready(connection, is_last=is_last):
                    return connection
            except sqlite3.Error as error:
                connection.close()
                self._unlock()
                # Switching a new file to write-ahead logging does not wait for others who do the same.
                if not is_busy(error) or is_last:
                    raise
            except BaseException:
                connection.close()
                self._unlock()
                raise
            else:
                connection.close()
                self._unlock()
            self._clock.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE / 10)

    def _is_ready(self, connection: sqlite3.Connection, *, is_last: bool) -> bool:
        """Prepare a connection, and migrate the file if it is an old one. Returns whether that was possible now.

        Raises StoreError when it was written by a later version, or, at the last attempt, others keep it from being migrated.
        """
        for pragma in ("synchronous = NORMAL", "journal_mode = WAL", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")
        version = self._schema(connection)
        if version == len(MIGRATIONS):
            # A quicker process may have migrated it once more meanwhile.
            return self._lock_file(fcntl.LOCK_SH) and self._schema(connection) == version
        if not (self._lock_file(fcntl.LOCK_EX) and self._is_alone(connection, version)):
            if is_last:
                raise StoreError(
                    f"the state directory {self.home.path} is an earlier version's and has to be brought up to date, but "
                    f"{self._others()} has it open",
                    hint="end that first, or set PODRUNNER_HOME to another directory",
                )
            return False
        if self._schema(connection) < len(MIGRATIONS):
            migrate(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        return self._lock_file(fcntl.LOCK_SH)

    def _schema(self, connection: sqlite3.Connection) -> int:
        version = schema_of(connection)
        if version > len(MIGRATIONS):
            raise StoreError(
                f"the state database {self.home.database} was written by a newer podrunner",
                hint="use that version, or set PODRUNNER_HOME to another directory",
            )
        return version

    def _is_alone(self, connection: sqlite3.Connection, version: int) -> bool:
        """Whether no other process has the file open; earlier versions took no lock, but SQLite knows."""
        if not version:
            return True
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            return False
        return bool(mode == "delete")

    def _lock_file(self, mode: int) -> bool:
        try:
            if self._flock < 0:
                self._flock = os.open(self.home.state_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._flock, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise StoreError(f"cannot lock {self.home.state_lock}: {error.strerror}", hint=hint_of(error)) from error
        return True

    def _unlock(self) -> None:
        if self._flock >= 0:
            os.close(self._flock)
            self._flock = -1

    def _others(self) -> str:
        """The processes that have the file open, as far as this one can see them."""
        found = [f"process {pid} ({command})" for pid, command in processes_with(self.home.database)]
        return ", ".join(found) or "another process"


def processes_with(path: Path, proc: Path = Path("/proc")) -> list[tuple[int, str]]:
    """The other processes that have a file open, with their command lines; only those that this user may look at."""
    found = []
    for entry in sorted(proc.glob("[0-9]*"), key=lambda one: int(one.name)):
        with suppress(OSError):
            if int(entry.name) != os.getpid() and any(_leads_to(link, path) for link in (entry / "fd").iterdir()):
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                found.append((int(entry.name), " ".join(words).strip()))
    return found


def _leads_to(link: Path, path: Path) -> bool:
    try:
        return str(link.readlink()) == str(path)
    except OSError:
        return False


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process has the file at this moment."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the content of the file is at fault, not the place where it lies, or another writer."""
    if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.InterfaceError):
        return False
    # A table that is not there is SQLITE_ERROR; text that is none has no code.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (0, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)
