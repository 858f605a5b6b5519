"""A damaged state database: found, set aside under another name, and followed by one with all that could be read of it.

What could not be read is not needed: the Engine's labels tell what there is, so a sweep finds it. Processes that have the old
file open go on with it until they end; their locks and labels keep their pods from being swept meanwhile.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from runner.clock import Clock
from runner.errors import StoreError
from runner.registry.contract import Registry
from runner.registry.home import Home
from runner.registry.pulllocks import held_alone
from runner.registry.sqlite import SqliteRegistry
from runner.registry.sqlite.database import is_damage
from runner.registry.sqlite.schema import MIGRATIONS, TABLES, migrate, schema_of
from runner.registry.sqlite.texts import is_record

_LOCK = "state-database.lock"
_BESIDE = ("", "-wal", "-shm")


class Damage(Struct, frozen=True, kw_only=True):
    """What is wrong with the database, how many of its records can be read, and where it lies once it was set aside."""

    reason: str
    kept: int = 0
    lost: int = 0
    aside: Path | None = None

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        what = f"the state database is damaged ({self.reason}): {self.kept} records of it can be read"
        if self.aside is None:
            return f"{what}; podrunner gc sets it aside"
        return f"{what} and are kept, the rest lies in {self.aside}"


@contextmanager
def readable(home: Home) -> Iterator[tuple[Registry | None, str]]:
    """A store of what can be read of a damaged database, and what is wrong with it; None and "" when nothing is.

    Nothing is written to the state directory. Raises StoreError when the database cannot be opened.
    """
    with tempfile.TemporaryDirectory(prefix="podrunner-") as folder:
        fresh = Home(Path(folder))
        found = _salvage(home, fresh) if home.database.is_file() else None
        if found is None:
            yield None, ""
            return
        store = SqliteRegistry(fresh)
        try:
            yield store, found.sentence
        finally:
            store.close()


def repair(home: Home, clock: Clock) -> Damage | None:
    """Set a damaged database aside. Returns what was wrong; None when nothing is. Raises StoreError."""
    home.ensure()
    with readable(home) as (_, damage):
        if not damage:
            return None
    home.ensure(home.locks)
    with held_alone(home.locks / _LOCK) as is_mine:
        if not is_mine:
            return None
        with tempfile.TemporaryDirectory(prefix=".repair-", dir=home.path) as folder:
            fresh = Home(Path(folder))
            found = _salvage(home, fresh)  # again: another process may have been quicker
            if found is None:
                return None
            aside = home.path / f"{home.database.name}.damaged-{clock.now():%Y%m%dT%H%M%S}"
            for end in _BESIDE:
                with suppress(FileNotFoundError):
                    Path(f"{home.database}{end}").rename(f"{aside}{end}")
            shutil.move(fresh.database, home.database)
        return Damage(reason=found.reason, kept=found.kept, lost=found.lost, aside=aside)


def _salvage(home: Home, fresh: Home) -> Damage | None:
    """Copy what can be read into a fresh database, if anything is wrong with the old one; it is brought up to date later."""
    fresh.database.touch(0o600)
    kept = lost = 0
    with closing(_opened(home)) as old, closing(sqlite3.connect(fresh.database, isolation_level=None)) as new:
        reason, version = _check(old)
        if not reason and version > len(MIGRATIONS):
            return None
        new.execute("PRAGMA journal_mode = WAL")
        migrate(new, version)
        new.execute("BEGIN")
        for table, columns in TABLES[version].items():
            marks = ", ".join("?" * len(columns))
            insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"
            for row in _rows(old, table, columns):
                whole = _whole(table, columns, row)
                if whole is None:
                    lost += 1
                    reason = reason or f"a damaged record in {table}"
                    continue
                new.execute(insert, whole)
                kept += 1
        _mend(new, version)
        new.execute("COMMIT")
    return Damage(reason=reason, kept=kept, lost=lost) if reason else None


def _mend(connection: sqlite3.Connection, version: int) -> None:
    """Give the copy a version that is later than all that are in it, and forget what belongs to nothing."""
    holds = "pods" if version == 1 else "records"
    # No watch may go on from a version of the log that was lost.
    connection.execute(f"UPDATE revision SET value = (SELECT coalesce(max(revision), 0) + 1 FROM {holds})")
    if version > 1:
        connection.execute("UPDATE revision SET floor = value")
    for table in set(TABLES[version]) & {"attempts", "notes", "ledger"}:
        connection.execute(f"DELETE FROM {table} WHERE uid NOT IN (SELECT uid FROM {holds})")


def _opened(home: Home) -> sqlite3.Connection:
    """The old database; what is no text in it comes as bytes. Raises StoreError."""
    try:
        connection = sqlite3.connect(f"file:{home.database}?mode=rw", uri=True, timeout=5.0)
    except sqlite3.Error as error:
        raise StoreError(f"cannot open the state database {home.database}: {error}") from error
    connection.text_factory = _text
    return connection


def _text(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _check(connection: sqlite3.Connection) -> tuple[str, int]:
    """What is wrong with the file as such, "" for nothing, and its schema's version. Raises StoreError when that cannot be told.

    A later version of podrunner has its own view of what belongs into its file.
    """
    version = len(MIGRATIONS)
    try:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        version = schema_of(connection) or version
        if version > len(MIGRATIONS):
            return "", version
        for table, columns in {**TABLES[version], "revision": ("value",)}.items():
            connection.execute(f"SELECT {', '.join(columns)} FROM {table} LIMIT 1").fetchone()
        if connection.execute("SELECT value FROM revision").fetchone() is None:
            return "its revision is missing", version
    except sqlite3.Error as error:
        if not is_damage(error):
            raise StoreError(f"cannot use the state database: {error}") from error
        return str(error), version
    return "" if verdict == "ok" else str(verdict).splitlines()[-1], version


def _rows(connection: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> Iterator[tuple[object, ...]]:
    """The rows of a table up to where it cannot be read on."""
    with suppress(sqlite3.Error):
        yield from connection.execute(f"SELECT {', '.join(columns)} FROM {table}")


def _whole(table: str, columns: tuple[str, ...], row: tuple[object, ...]) -> tuple[object, ...] | None:
    """A row as it is taken over, None for one that is of no use. A status is computed again when it is needed."""
    if any(isinstance(cell, bytes) for name, cell in zip(columns, row, strict=True) if name != "status"):
        return None
    named = dict(zip(columns, row, strict=True))
    uid = named.get("uid") if table in ("pods", "records") else None
    if "value" in named and table != "notes" and not is_record(named["value"], uid or None):
        return None
    if named.get("status") is not None and not _is_mapping(named["status"]):
        named["status"] = None
    return tuple(named.values())


def _is_mapping(text: object) -> bool:
    try:
        return isinstance(text, str) and isinstance(json.loads(text), dict)
    except ValueError:
        return False
