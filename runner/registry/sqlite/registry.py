"""The registry in one SQLite file that several processes share: everyone writes, and hears of what others write."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from runner.clock import Clock, SystemClock
from runner.core.events import Event
from runner.core.model import Json
from runner.core.status.podstatus import PodStatus
from runner.errors import NoSuchObject, StoreError
from runner.registry.contract import (
    EVENT_LIFETIME,
    TOMBSTONE_SECONDS,
    AlreadyExists,
    ChangeType,
    Conflict,
    Kinds,
    Listing,
    Object,
    Selection,
    Touch,
    Watch,
    foreign_conditions,
    last_seen,
    loggable,
    name_of,
    resource_of,
    selection_of,
    uid_of,
    unversioned,
    updated,
    was_admitted,
    with_conditions,
    without_status,
)
from runner.registry.home import Home
from runner.registry.identities import new_uid
from runner.registry.sqlite.database import REPAIR_HINT, Database
from runner.registry.sqlite.doorbell import Doorbells
from runner.registry.sqlite.ledger import SqliteLedger
from runner.registry.sqlite.texts import dump, load, load_status
from runner.registry.sqlite.watching import CallingWatch, LogWatch, narrowing

_RECORD = "records.value, records.status, records.revision"
_PRUNE_SECONDS = 60.0
_EVENT = "Event"


class SqliteRegistry:
    """A ``Registry`` in ``home``'s database. May be used from several threads and processes.

    ``clock`` says which events and changes are too old to be kept. Raises StoreError, with a hint, whenever SQLite refuses.
    """

    def __init__(self, home: Home, *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self.database = Database(home, self._clock)
        self.doorbells = Doorbells(self.database)
        self.ledger: SqliteLedger = SqliteLedger(self.database, self.transaction, self._hold)
        self._wishing = threading.Lock()
        self._wish = self._wished_at = 0
        self._touched: deque[Touch] = deque()
        self._watches: set[Watch] = set()
        self._log_pruned = self._events_pruned = 0.0

    # Reading

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        return self._one("WHERE kind = ? AND namespace = ? AND name = ?", (kind, namespace, name))

    def get_by_uid(self, uid: str) -> Object | None:
        return self._one("WHERE uid = ?", (uid,))

    def list(self, kind: str, namespace: str | None = None, *, about: str | None = None) -> Listing:
        where, arguments = "WHERE kind = ?", [kind]
        if namespace is not None:
            where, arguments = f"{where} AND namespace = ?", [*arguments, namespace]
        if about is not None:
            where, arguments = f"{where} AND about_uid = ?", [*arguments, about]
        if kind == _EVENT:
            where = f"{where} AND (seen IS NULL OR seen >= {self._clock.now().timestamp() - EVENT_LIFETIME})"
        order = "revision" if kind == _EVENT else "namespace, name"
        with self.database.reading():
            rows = self._rows(f"{where} ORDER BY {order}", tuple(arguments))
            return Listing([_object(*row) for row in rows], str(self.version()))

    def _one(self, where: str, arguments: tuple[object, ...]) -> Object | None:
        rows = self._rows(where, arguments)
        return _object(*rows[0]) if rows else None

    def _rows(self, where: str, arguments: tuple[object, ...]) -> Sequence[Any]:
        # ``where`` is one of the literals of this module.
        return self.database.read(f"SELECT {_RECORD} FROM records {where}", arguments)

    def unbegun(self, holder: str, uid: str = "") -> Sequence[Object]:
        query = (
            f"SELECT {_RECORD} FROM ledger JOIN records ON records.uid = ledger.uid"
            " WHERE ledger.holder = ? AND ? IN ('', ledger.uid) AND records.kind = 'Pod'"
            " AND NOT EXISTS (SELECT 1 FROM attempts WHERE attempts.uid = ledger.uid)"
            " AND NOT EXISTS (SELECT 1 FROM notes WHERE notes.uid = ledger.uid) ORDER BY revision"
        )
        found = [_object(*row) for row in self.database.read(query, (holder, uid))]
        return [value for value in found if not was_admitted(value)]

    def present(self, selection: Selection) -> tuple[Sequence[tuple[Touch, Object]], int]:
        """Everything that a selection is about, in the order in which it was written, and the version of this moment."""
        wheres, arguments = narrowing(selection, "records.")
        query = (
            "SELECT records.kind, records.namespace, records.name, records.uid, coalesce(ledger.holder, ''),"
            f" {_RECORD} FROM records LEFT JOIN ledger ON ledger.uid = records.uid AND ledger.uid <> ''"
            f" WHERE {' AND '.join(['1', *wheres])} ORDER BY revision"
        )
        found = []
        with self.database.reading():
            for kind, namespace, name, uid, holder, value, status, revision in self.database.read(query, arguments):
                touch = Touch(kind, namespace, name, uid, holder, holder)
                if selection.takes(touch):
                    found.append((touch, _object(value, status, revision)))
            return found, self.version()

    def version(self) -> int:
        rows = self.database.read("SELECT value FROM revision")
        if not rows:
            raise StoreError("the state database is damaged: its revision is missing", hint=REPAIR_HINT)
        return int(rows[0][0])

    def wishes(self) -> int:
        """The version of the last change of a pod but for statuses, which are written all the time."""
        version = self.version()
        with self._wishing:
            if version != self._wished_at:
                query = (
                    "SELECT coalesce(max(revision), 0), (SELECT floor FROM revision) FROM changes WHERE revision > ?"
                )
                ((newest, floor),) = self.database.read(
                    f"{query} AND kind = 'Pod' AND NOT is_status", (self._wished_at,)
                )
                # What the log has forgotten is not known any more.
                self._wish = max(self._wish, newest, version if floor > self._wished_at else 0)
                self._wished_at = version
            return self._wish

    # Writing

    @contextmanager
    def transaction(self) -> Iterator[None]:
        bells: Iterable[str] = ()
        with self.database.locked() as is_writing:
            if is_writing:
                yield
                return
            try:
                with self.database.writing():
                    yield
                    self._prune()
                    bells = self.doorbells.concerned(self._touched)
            finally:
                self._touched.clear()
        self.doorbells.ring(bells)

    def create(self, value: Json, *, holder: str = "", run_spec: str | None = None, lease: str = "") -> Object:
        kind, (namespace, name) = str(value["kind"]), name_of(value)
        metadata = {**value["metadata"], "namespace": namespace}
        metadata["uid"] = uid = str(metadata.get("uid") or new_uid())
        if kind == "Pod":
            metadata.setdefault("generation", 1)
        with self.transaction():
            if self._rows("WHERE kind = ? AND namespace = ? AND name = ?", (kind, namespace, name)):
                raise AlreadyExists(resource_of(kind), name)
            if kind == "Pod" or holder or lease or run_spec is not None:
                self.ledger.begin(uid, holder=holder, run_spec=run_spec, lease=lease)
            return _object(*self._put(kind, namespace, name, {**value, "metadata": metadata}, before=None))

    def update(self, value: Json, *, expect: str | None = None) -> Object:
        kind, (namespace, name) = str(value["kind"]), name_of(value)
        with self.transaction():
            old = self.get(kind, namespace, name)
            if old is None:
                raise NoSuchObject(f'{resource_of(kind)} "{name}" not found')
            if expect not in (None, old["metadata"]["resourceVersion"]) or uid_of(value) not in ("", uid_of(old)):
                raise Conflict(resource_of(kind), name)
            new = updated(old, value)
            if "status" in old:
                new["status"] = old["status"]
            if unversioned(new) == unversioned(old):
                return old
            return _object(*self._put(kind, namespace, name, new, before=uid_of(old)))

    def change(
        self, kind: str, namespace: str, name: str, function: Callable[[Object | None], Json | None]
    ) -> Object | None:
        with self.transaction():
            old = self.get(kind, namespace, name)
            new = function(old)
            if new is None or new is old or (old is not None and unversioned(new) == unversioned(old)):
                return old
            before = None if old is None else uid_of(old)
            return _object(*self._put(kind, namespace, name, new, before=before))

    def _put(
        self, kind: str, namespace: str, name: str, value: Json, *, before: str | None
    ) -> tuple[str, str | None, int]:
        """Write a whole object; ``before`` is the uid of the one that was there, None for none. Returns it as it was written."""
        value, status = unversioned(without_status(value)), value.get("status")
        uid, others = uid_of(value), foreign_conditions(status) if kind == "Pod" and isinstance(status, Mapping) else ()
        if kind == _EVENT:
            self._expire_events()
        about, about_uid, seen = _about(value) if kind == _EVENT else ("", "", None)
        texts = (dump(value), None if status is None else dump(status), dump(others) if others else None)
        revision = self._next_revision()
        columns = "kind, namespace, name, uid, revision, about, about_uid, seen, value, status, others"
        self.database.execute(
            f"INSERT OR REPLACE INTO records ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (kind, namespace, name, uid, revision, about, about_uid, seen, *texts),
        )
        holder = self.ledger.holder(uid) if uid else ""
        touch = Touch(kind, namespace, name, uid, holder, holder)
        kept = texts[0] if kind != "Secret" else dump(loggable(kind, value))
        self._log(ChangeType.ADDED if before is None else ChangeType.MODIFIED, touch, revision, kept, texts[1])
        if before and before != uid:
            self.ledger.forget(before)
        return texts[0], texts[1], revision

    def _next_revision(self) -> int:
        self.database.execute("UPDATE revision SET value = value + 1")
        return self.version()

    def _log(self, type_: ChangeType, touch: Touch, revision: int, value: str, status: str | None) -> None:
        self._touched.append(touch)
        self.database.execute(
            "INSERT INTO changes (revision, at, type, kind, namespace, name, uid, holder, former, is_status, is_held, value,"
            " status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                revision,
                self._clock.now().timestamp(),
                str(type_),
                touch.kind,
                touch.namespace,
                touch.name,
                touch.uid,
                touch.holder,
                touch.former,
                touch.is_status,
                touch.is_held,
                value,
                status,
            ),
        )

    def delete(self, kind: str, namespace: str, name: str, *, uid: str = "") -> Object | None:
        with self.transaction():
            rows = self.database.read(
                "SELECT uid, value, status FROM records WHERE kind = ? AND namespace = ? AND name = ?",
                (kind, namespace, name),
            )
            if not rows or (uid and rows[0][0] != uid):
                return None
            found, value, status = rows[0]
            revision = self._next_revision()
            removed = _object(value, status, revision)
            holder = self.ledger.holder(found) if found else ""
            touch = Touch(kind, namespace, name, found, holder, holder)
            kept = value if kind != "Secret" else dump(loggable(kind, load(value)))
            self._log(ChangeType.DELETED, touch, revision, kept, status)
            self.database.execute(
                "DELETE FROM records WHERE kind = ? AND namespace = ? AND name = ?", (kind, namespace, name)
            )
            if found:
                self.ledger.forget(found)
        if kind == "Secret":
            self.database.forget_what_was_written()
        return removed

    def publish_status(self, uid: str, status: PodStatus | Json) -> None:
        told = status.to_json() if isinstance(status, PodStatus) else status
        with self.transaction():
            rows = self.database.read(
                "SELECT records.kind, namespace, records.name, value, others, coalesce(holder, '') FROM records"
                " LEFT JOIN ledger USING (uid) WHERE uid = ?",
                (uid,),
            )
            if not rows:
                return
            kind, namespace, name, value, others, holder = rows[0]
            if others is not None:
                told = with_conditions(told, load_status(others))
            text, revision = dump(told), self._next_revision()
            self.database.execute(
                "UPDATE records SET status = ?, revision = ? WHERE uid = ?",
                (text, revision, uid),
            )
            touch = Touch(kind, namespace, name, uid, holder, holder, is_status=True)
            self._log(ChangeType.MODIFIED, touch, revision, value, text)

    def _hold(self, uid: str, former: str, holder: str) -> None:
        """Log that an object has another holder."""
        for kind, namespace, name, value, status in self.database.read(
            "SELECT kind, namespace, name, value, status FROM records WHERE uid = ?", (uid,)
        ):
            touch = Touch(kind, namespace, name, uid, holder, former, is_held=True)
            kept = value if kind != "Secret" else dump(loggable(kind, load(value)))
            self._log(ChangeType.MODIFIED, touch, self._next_revision(), kept, status)

    def record_event(self, event: Event | Json) -> None:
        value = event.to_json() if isinstance(event, Event) else {"kind": _EVENT, **event}
        namespace, name = name_of(value)
        with self.transaction():
            known = self.database.read(
                "SELECT uid FROM records WHERE kind = ? AND namespace = ? AND name = ?", (_EVENT, namespace, name)
            )
            self._put(_EVENT, namespace, name, value, before=known[0][0] if known else None)

    # Forgetting

    def _expire_events(self) -> None:
        now = self._clock.now().timestamp()
        if abs(now - self._events_pruned) < EVENT_LIFETIME / 60:
            return
        self._events_pruned = now
        old = "SELECT namespace, name FROM records WHERE seen < ?"
        for namespace, name in self.database.read(old, (now - EVENT_LIFETIME,)):
            self.delete(_EVENT, namespace, name)

    def _prune(self) -> None:
        """Shorten the change log, now and then."""
        now = self._clock.now().timestamp()
        if abs(now - self._log_pruned) < _PRUNE_SECONDS:
            return
        self._log_pruned = now
        ((last,),) = self.database.read("SELECT max(revision) FROM changes WHERE at < ?", (now - TOMBSTONE_SECONDS,))
        if last is not None:
            self.database.execute("DELETE FROM changes WHERE revision <= ?", (last,))
            self.database.execute("UPDATE revision SET floor = max(floor, ?)", (last,))

    # Watching

    def watch(
        self,
        since: str | None = None,
        *,
        kinds: Kinds = None,
        namespace: str | None = None,
        name: str | None = None,
        uids: Iterable[str] | None = None,
        holder: str = "",
        held: Kinds = None,
        with_status: bool = True,
        wake: Callable[[], None] | None = None,
    ) -> Watch:
        selection = selection_of(
            kinds=kinds, namespace=namespace, name=name, uids=uids, holder=holder, held=held, with_status=with_status
        )
        version, forget = None if since is None else int(since), self._watches.discard
        if wake is None:
            watch: Watch = LogWatch(self, selection, version, self._clock, forget)
        else:
            watch = CallingWatch(LogWatch(self, selection, version, self._clock, _ignore), wake, forget)
        self._watches.add(watch)
        return watch

    def close(self) -> None:
        """End the watches and close the file, for good: a thread that comes late gets StoreError and opens nothing."""
        for watch in list(self._watches):
            watch.close()
        self._watches.clear()
        self.doorbells.close()
        self.database.close()


def _ignore(_: object) -> None:
    """A callback that does nothing."""


def _about(event: Json) -> tuple[str, str, float | None]:
    target, instant = event.get("involvedObject") or {}, last_seen(event)
    return str(target.get("name") or ""), str(target.get("uid") or ""), None if instant is None else instant.timestamp()


def _object(value: str, status: str | None, revision: int) -> Object:
    found = load(value)
    found["metadata"]["resourceVersion"] = str(revision)
    if status is not None:
        found["status"] = load_status(status)
    return found


__all__ = ["SqliteRegistry"]
