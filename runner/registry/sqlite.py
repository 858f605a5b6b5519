"""The store in one SQLite file that several processes share: one writes, others look on.

Write-ahead logging, so that readers and the writer do not wait for each other; short transactions; one connection per
store, guarded by a lock. Nothing is opened before the first call. What a power cut may take are the last moments
(synchronous=NORMAL), never the file's consistency: the Engine is the truth, a worker derives the rest from it again.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from runner.clock import Clock, Deadline, SystemClock
from runner.core.events import Event
from runner.core.model import Json
from runner.core.status.podstatus import PodStatus
from runner.errors import StoreError
from runner.registry.home import Home
from runner.registry.storage import (
    EVENT_LIFETIME,
    AlreadyExists,
    Object,
    deleted,
    last_seen,
    name_of,
    updated,
    without_status,
)

BUSY_TIMEOUT = 5.0
"""Seconds that a write waits for another process' write."""

_OPEN_PAUSE = 0.02
REPAIR_HINT = "podrunner gc sets it aside, keeps what can be read of it and removes what its pods left in the Engine"

MIGRATIONS: Sequence[str] = (
    """
    CREATE TABLE revision (value INTEGER NOT NULL);
    INSERT INTO revision VALUES (0);
    CREATE TABLE pods (
        uid TEXT PRIMARY KEY,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        owner TEXT NOT NULL,
        kept INTEGER NOT NULL DEFAULT 0,
        revision INTEGER NOT NULL,
        value TEXT NOT NULL,
        status TEXT,
        UNIQUE (namespace, name)
    ) WITHOUT ROWID;
    CREATE TABLE attempts (
        uid TEXT NOT NULL REFERENCES pods (uid) ON DELETE CASCADE,
        container TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        PRIMARY KEY (uid, container)
    ) WITHOUT ROWID;
    CREATE TABLE events (
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        pod TEXT NOT NULL,
        uid TEXT NOT NULL,
        seen REAL,
        revision INTEGER NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (namespace, name)
    ) WITHOUT ROWID;
    CREATE INDEX events_seen ON events (seen);
    CREATE TABLE objects (
        kind TEXT NOT NULL,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (kind, namespace, name)
    ) WITHOUT ROWID;
    """,
)
"""One script per schema version; ``PRAGMA user_version`` counts how many have run. Append, never change."""


class SqliteStore:
    """A ``Store`` in ``home``'s database. May be used from several threads and processes.

    ``clock`` says which events are too old to be shown. Raises StoreError, with a hint, whenever SQLite refuses.
    """

    def __init__(self, home: Home, *, clock: Clock | None = None) -> None:
        self._home = home
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._opened: sqlite3.Connection | None = None
        self._pruned: float = 0.0

    # Pods

    def create_pod(self, pod: Json, *, owner: str) -> None:
        namespace, name = name_of(pod)
        metadata = {"generation": 1, **pod["metadata"], "namespace": namespace}
        value = {**without_status(pod), "metadata": metadata}
        status = pod.get("status")
        row = (str(metadata["uid"]), namespace, name, owner)
        with self._write() as connection:
            if connection.execute("SELECT 1 FROM pods WHERE namespace = ? AND name = ?", row[1:3]).fetchone():
                raise AlreadyExists("pods", name)
            connection.execute(
                "INSERT INTO pods (uid, namespace, name, owner, revision, value, status)"
                " VALUES (?, ?, ?, ?, (SELECT value FROM revision), ?, ?)",
                (*row, _dump(value), None if status is None else _dump(status)),
            )

    def pod(self, namespace: str, name: str) -> Object | None:
        return next(iter(self._pods("WHERE namespace = ? AND name = ?", (namespace, name))), None)

    def pod_by_uid(self, uid: str) -> Object | None:
        return next(iter(self._pods("WHERE uid = ?", (uid,))), None)

    def pods(self, namespace: str | None = None) -> list[Object]:
        return self._pods("WHERE ? IN ('', namespace) ORDER BY namespace, name", (namespace or "",))

    def _pods(self, where: str, arguments: tuple[str, ...]) -> list[Object]:
        # ``where`` is one of the literals above.
        rows = self._read(f"SELECT value, status, revision FROM pods {where}", arguments)
        return [_pod(*row) for row in rows]

    def owner(self, uid: str) -> str:
        rows = self._read("SELECT owner FROM pods WHERE uid = ?", (uid,))
        return str(rows[0][0]) if rows else ""

    def publish(self, uid: str, status: PodStatus, at: datetime) -> None:
        del at  # the status carries its own times
        text = _dump(status.to_json())
        with self._write() as connection:
            connection.execute(
                "UPDATE pods SET status = ?, revision = (SELECT value FROM revision) WHERE uid = ?", (text, uid)
            )

    def update_pod(self, pod: Json) -> None:
        self._change(str(pod["metadata"]["uid"]), lambda old: updated(old, pod))

    def request_deletion(self, uid: str, at: datetime, grace: int) -> None:
        self._change(uid, lambda old: deleted(old, at, grace))

    def _change(self, uid: str, change: Callable[[Object], Object | None]) -> None:
        with self._write() as connection:
            row = connection.execute("SELECT value FROM pods WHERE uid = ?", (uid,)).fetchone()
            value = None if row is None else change(_load(row[0]))
            if value is not None:
                connection.execute(
                    "UPDATE pods SET value = ?, revision = (SELECT value FROM revision) WHERE uid = ?",
                    (_dump(value), uid),
                )

    def keep_pod(self, uid: str) -> None:
        with self._write() as connection:
            connection.execute("UPDATE pods SET kept = 1 WHERE uid = ?", (uid,))

    def kept_pods(self) -> frozenset[str]:
        return frozenset(str(row[0]) for row in self._read("SELECT uid FROM pods WHERE kept", ()))

    def remove_pod(self, uid: str) -> None:
        with self._write() as connection:
            connection.execute("DELETE FROM pods WHERE uid = ?", (uid,))

    def note_attempt(self, uid: str, container: str, attempt: int) -> None:
        with self._write() as connection:
            connection.execute(
                "INSERT INTO attempts SELECT uid, ?, ? FROM pods WHERE uid = ?"
                " ON CONFLICT DO UPDATE SET attempt = max(attempt, excluded.attempt)",
                (container, attempt, uid),
            )

    def attempts(self, uid: str) -> Mapping[str, int]:
        return dict(self._read("SELECT container, attempt FROM attempts WHERE uid = ?", (uid,)))

    # Events

    def record_event(self, event: Event | Json) -> None:
        if isinstance(event, Event):
            event = event.to_json()
        namespace, name = name_of(event)
        target = event.get("involvedObject") or {}
        instant = last_seen(event)
        seen = None if instant is None else instant.timestamp()
        row = (namespace, name, str(target.get("name") or ""), str(target.get("uid") or ""), seen, _dump(event))
        with self._write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO events (revision, namespace, name, pod, uid, seen, value)"
                " VALUES ((SELECT value FROM revision), ?, ?, ?, ?, ?, ?)",
                row,
            )
            horizon = self._horizon()
            if horizon - self._pruned > EVENT_LIFETIME / 60:
                connection.execute("DELETE FROM events WHERE seen < ?", (horizon,))
                self._pruned = horizon

    def events(self, namespace: str | None = None, *, pod: str | None = None, uid: str | None = None) -> list[Object]:
        rows = self._read(
            "SELECT value FROM events WHERE ? IN ('', namespace) AND ? IN ('', pod) AND ? IN ('', uid)"
            " AND (seen IS NULL OR seen >= ?) ORDER BY revision",
            (namespace or "", pod or "", uid or "", self._horizon()),
        )
        return [_load(row[0]) for row in rows]

    def remove_event(self, namespace: str, name: str) -> None:
        with self._write() as connection:
            connection.execute("DELETE FROM events WHERE namespace = ? AND name = ?", (namespace, name))

    def _horizon(self) -> float:
        return self._clock.now().timestamp() - EVENT_LIFETIME

    # Other objects

    def put_object(self, value: Json) -> None:
        row = (str(value.get("kind") or ""), *name_of(value), _dump(value))
        with self._write() as connection:
            connection.execute("INSERT OR REPLACE INTO objects (kind, namespace, name, value) VALUES (?, ?, ?, ?)", row)

    def object(self, kind: str, namespace: str, name: str) -> Object | None:
        rows = self._read(
            "SELECT value FROM objects WHERE kind = ? AND namespace = ? AND name = ?", (kind, namespace, name)
        )
        return _load(rows[0][0]) if rows else None

    def objects(self, kind: str, namespace: str | None = None) -> list[Object]:
        rows = self._read(
            "SELECT value FROM objects WHERE kind = ? AND ? IN ('', namespace) ORDER BY namespace, name",
            (kind, namespace or ""),
        )
        return [_load(row[0]) for row in rows]

    def remove_object(self, kind: str, namespace: str, name: str) -> None:
        with self._write() as connection:
            connection.execute(
                "DELETE FROM objects WHERE kind = ? AND namespace = ? AND name = ?", (kind, namespace, name)
            )
        if kind == "Secret":
            self._forget_what_was_written()

    def _forget_what_was_written(self) -> None:
        """Empty the write-ahead log, which still has what was removed; when others read at this moment it stays a while."""
        with self._lock, self._translated():
            self._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    # The file

    def version(self) -> int:
        rows = self._read("SELECT value FROM revision", ())
        if not rows:
            raise StoreError("the state database is damaged: its revision is missing", hint=REPAIR_HINT)
        return int(rows[0][0])

    def wishes(self) -> int:
        return self.version()

    def close(self) -> None:
        """Close the file; the next call would open it again."""
        with self._lock, self._translated():
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _read(self, query: str, arguments: tuple[Any, ...]) -> list[Any]:
        with self._lock, self._translated():
            return self._connection().execute(query, arguments).fetchall()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, which raises the revision first."""
        with self._lock, self._translated():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.execute("UPDATE revision SET value = value + 1")
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"cannot use the state database {self._home.database}: {error}", hint=self._hint(error)
            ) from error

    def _hint(self, error: sqlite3.Error) -> str:
        if _is_busy(error):
            return "another podrunner is writing to it for very long; try again"
        if is_damage(error):
            return REPAIR_HINT
        path = self._home.database
        return f"check the permissions and the free space of {path.parent}, or set PODRUNNER_HOME to another directory"

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._home.ensure()
            self._opened = self._open()
        return self._opened

    def _open(self) -> sqlite3.Connection:
        # Switching a new file to write-ahead logging does not wait for others who do the same: SQLITE_BUSY comes at once.
        deadline = Deadline(BUSY_TIMEOUT)
        # Secrets are in it; the files beside it get the same mode. What is wrong with the place SQLite tells by itself.
        if not self._home.database.is_dir():
            with suppress(OSError):
                self._home.database.touch(0o600)
                self._home.database.chmod(0o600)
        while True:
            connection = sqlite3.connect(
                self._home.database, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(connection)
            except sqlite3.Error as error:
                connection.close()
                if not _is_busy(error) or deadline.remaining() == 0:
                    raise
                SystemClock().sleep(_OPEN_PAUSE)
            except BaseException:
                connection.close()
                raise
            else:
                return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        self._migrate(connection)

    def _migrate(self, connection: sqlite3.Connection) -> None:
        if self._schema(connection) == len(MIGRATIONS):
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            done = self._schema(connection)
            for script in MIGRATIONS[done:]:
                for statement in script.split(";"):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _schema(self, connection: sqlite3.Connection) -> int:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > len(MIGRATIONS):
            raise StoreError(
                f"the state database {self._home.database} was written by a newer podrunner",
                hint="use that version, or set PODRUNNER_HOME to another directory",
            )
        return version


def _is_busy(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _dump(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the content of the file is at fault, not the place where it lies, or somebody who writes to it."""
    if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.InterfaceError):
        return False
    # A table that is not there is SQLITE_ERROR; text that is none has no code.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (0, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)


def is_record(text: object, uid: object = None) -> bool:
    """Whether a record can be used: an object with a name, and the UID under which it stands, if it has to have one."""
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return False
    metadata = value.get("metadata") if isinstance(value, dict) else None
    return isinstance(metadata, dict) and isinstance(metadata.get("name"), str) and uid in (None, metadata.get("uid"))


def _load(text: str) -> Object:
    try:
        value: Any = json.loads(text)
    except (ValueError, TypeError) as error:
        raise StoreError(f"the state database holds a damaged record: {error}", hint=REPAIR_HINT) from error
    if not isinstance(value, dict) or not isinstance(value.get("metadata"), dict):
        raise StoreError("the state database holds a damaged record: it is no object", hint=REPAIR_HINT)
    return value


def _pod(value: str, status: str | None, revision: int) -> Object:
    pod = _load(value)
    pod["metadata"]["resourceVersion"] = str(revision)
    if status is not None:
        try:
            pod["status"] = json.loads(status)
        except (ValueError, TypeError) as error:
            raise StoreError(f"the state database holds a damaged status: {error}", hint=REPAIR_HINT) from error
    return pod
