"""The ledger in the state database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from runner.registry.sqlite.database import Database


class SqliteLedger:
    """A ``Ledger`` beside the records of a registry, in its transactions.

    ``changes_hands``: called in the transaction, with uid, old and new holder.
    """

    def __init__(
        self,
        database: Database,
        transaction: Callable[[], AbstractContextManager[None]],
        changes_hands: Callable[[str, str, str], None],
    ) -> None:
        self._database = database
        self._transaction = transaction
        self._changes_hands = changes_hands

    def begin(self, uid: str, *, holder: str, run_spec: str | None, lease: str) -> None:
        """Write down what is known of an object from the beginning, in the transaction that creates it."""
        self._database.execute(
            "INSERT OR REPLACE INTO ledger (uid, holder, run_spec, lease) VALUES (?, ?, ?, ?)",
            (uid, holder, run_spec, lease),
        )

    def forget(self, uid: str) -> None:
        """Forget everything about an object, in the transaction that removes it."""
        for table in ("ledger", "attempts", "notes"):
            self._database.execute(f"DELETE FROM {table} WHERE uid = ?", (uid,))

    def holder(self, uid: str) -> str:
        return str(self._cell("holder", uid) or "")

    def run_spec(self, uid: str) -> str | None:
        found = self._cell("run_spec", uid)
        return None if found is None else str(found)

    def lease(self, uid: str) -> str:
        return str(self._cell("lease", uid) or "")

    def _cell(self, column: str, uid: str) -> object:
        rows = self._database.read(f"SELECT {column} FROM ledger WHERE uid = ?", (uid,))
        return rows[0][0] if rows else None

    def holders(self) -> Mapping[str, str]:
        return dict(self._database.read("SELECT uid, holder FROM ledger WHERE holder <> ''"))

    def leases(self) -> Mapping[str, str]:
        return dict(self._database.read("SELECT uid, lease FROM ledger WHERE lease <> ''"))

    def take(self, uid: str, expected: str, new: str) -> bool:
        with self._transaction():
            self._have(uid)
            done = self._database.execute(
                "UPDATE ledger SET holder = ? WHERE uid = ? AND holder = ?", (new, uid, expected)
            )
            if done and new != expected:
                self._changes_hands(uid, expected, new)
            return bool(done)

    def _have(self, uid: str) -> None:
        """Have a row for what exists."""
        self._database.execute(
            "INSERT INTO ledger (uid) SELECT uid FROM records WHERE uid = ? AND uid <> '' ON CONFLICT DO NOTHING",
            (uid,),
        )

    def lend(self, uid: str, lease: str) -> None:
        with self._transaction():
            self._have(uid)
            self._database.execute("UPDATE ledger SET lease = ? WHERE uid = ?", (lease, uid))

    def keep(self, uid: str) -> None:
        with self._transaction():
            self._have(uid)
            self._database.execute("UPDATE ledger SET kept = 1 WHERE uid = ?", (uid,))

    def kept(self) -> frozenset[str]:
        return frozenset(str(row[0]) for row in self._database.read("SELECT uid FROM ledger WHERE kept"))

    def note_attempt(self, uid: str, container: str, attempt: int) -> None:
        with self._transaction():
            self._database.execute(
                "INSERT INTO attempts SELECT uid, ?, ? FROM records WHERE uid = ?"
                " ON CONFLICT DO UPDATE SET attempt = max(attempt, excluded.attempt)",
                (container, attempt, uid),
            )

    def attempts(self, uid: str) -> Mapping[str, int]:
        return dict(self._database.read("SELECT container, attempt FROM attempts WHERE uid = ?", (uid,)))

    def note(self, uid: str, name: str, text: str | None) -> None:
        with self._transaction():
            if text is None:
                self._database.execute("DELETE FROM notes WHERE uid = ? AND name = ?", (uid, name))
            else:
                self._database.execute(
                    "INSERT OR REPLACE INTO notes SELECT uid, ?, ? FROM records WHERE uid = ?", (name, text, uid)
                )

    def notes(self, uid: str) -> Mapping[str, str]:
        return dict(self._database.read("SELECT name, value FROM notes WHERE uid = ?", (uid,)))
