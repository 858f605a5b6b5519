"""The tables of the state database, version by version, and what a repair can take over of each."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence

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
    # One table for every kind, a change log, and the ledger beside them. The log begins with what there is now.
    """
    ALTER TABLE revision ADD COLUMN floor INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE records (
        kind TEXT NOT NULL,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        uid TEXT NOT NULL,
        revision INTEGER NOT NULL,
        value TEXT NOT NULL,
        status TEXT,
        others TEXT,
        about TEXT NOT NULL DEFAULT '',
        about_uid TEXT NOT NULL DEFAULT '',
        seen REAL,
        UNIQUE (kind, namespace, name)
    );
    CREATE TABLE changes (
        revision INTEGER PRIMARY KEY,
        at REAL NOT NULL,
        type TEXT NOT NULL,
        kind TEXT NOT NULL,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        uid TEXT NOT NULL,
        holder TEXT NOT NULL,
        former TEXT NOT NULL,
        is_status INTEGER NOT NULL,
        is_held INTEGER NOT NULL,
        value TEXT NOT NULL,
        status TEXT
    );
    CREATE TABLE ledger (
        uid TEXT PRIMARY KEY,
        holder TEXT NOT NULL DEFAULT '',
        run_spec TEXT,
        lease TEXT NOT NULL DEFAULT '',
        kept INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE TABLE notes (
        uid TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (uid, name)
    ) WITHOUT ROWID;
    CREATE TABLE watchers (name TEXT PRIMARY KEY, selection TEXT NOT NULL) WITHOUT ROWID;
    INSERT INTO records (kind, namespace, name, uid, revision, value, status)
        SELECT 'Pod', namespace, name, uid, revision, value, status FROM pods;
    INSERT INTO records (kind, namespace, name, uid, revision, value, about, about_uid, seen)
        SELECT 'Event', namespace, name, '', revision, value, pod, uid, seen FROM events;
    INSERT INTO records (kind, namespace, name, uid, revision, value)
        SELECT kind, namespace, name, uid_in(value), (SELECT value FROM revision), value FROM objects;
    INSERT INTO ledger (uid, holder, kept) SELECT uid, owner, kept FROM pods;
    CREATE TABLE created (
        uid TEXT NOT NULL,
        container TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        PRIMARY KEY (uid, container)
    ) WITHOUT ROWID;
    INSERT INTO created SELECT uid, container, attempt FROM attempts;
    DROP TABLE attempts;
    DROP TABLE pods;
    DROP TABLE events;
    DROP TABLE objects;
    ALTER TABLE created RENAME TO attempts;
    CREATE INDEX records_uid ON records (uid);
    CREATE INDEX records_about ON records (about_uid);
    CREATE INDEX records_seen ON records (seen) WHERE seen IS NOT NULL;
    UPDATE revision SET floor = value;
    """,
)
"""One script per schema version; ``PRAGMA user_version`` counts how many have run. Append, never change."""

TABLES: Mapping[int, Mapping[str, tuple[str, ...]]] = {
    1: {
        "pods": ("uid", "namespace", "name", "owner", "kept", "revision", "value", "status"),
        "attempts": ("uid", "container", "attempt"),
        "events": ("namespace", "name", "pod", "uid", "seen", "revision", "value"),
        "objects": ("kind", "namespace", "name", "value"),
    },
    2: {
        "records": (
            "kind",
            "namespace",
            "name",
            "uid",
            "revision",
            "value",
            "status",
            "others",
            "about",
            "about_uid",
            "seen",
        ),
        "ledger": ("uid", "holder", "run_spec", "lease", "kept"),
        "attempts": ("uid", "container", "attempt"),
        "notes": ("uid", "name", "value"),
    },
}
"""By version, the tables whose rows are worth being taken over from a damaged file."""


def schema_of(connection: sqlite3.Connection) -> int:
    """How many migrations have run."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, target: int = len(MIGRATIONS)) -> None:
    """Bring the database to a schema version in one transaction; what is there stays."""
    connection.create_function("uid_in", 1, _uid_in, deterministic=True)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for script in MIGRATIONS[schema_of(connection) : target]:
            for statement in script.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {target}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _uid_in(text: object) -> str:
    try:
        value = json.loads(text) if isinstance(text, str) else {}
        return str(value["metadata"].get("uid") or "")
    except (ValueError, TypeError, KeyError, AttributeError):
        return ""
