"""The registry in memory: for simulations, where hundreds of thousands of statuses are published. Nothing is copied deeply.

Statuses and events are kept as the typed values that they came as, and turned into JSON when they are read; there is a change
log only while there is a watch.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from runner.core.events import Event
from runner.core.model import Json
from runner.core.status.podstatus import PodStatus
from runner.errors import NoSuchObject
from runner.registry.contract import (
    EVENT_LIFETIME,
    AlreadyExists,
    Change,
    ChangeType,
    Conflict,
    Expired,
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
    without_status,
)
from runner.registry.identities import new_uid
from runner.registry.memory.ledger import MemoryLedger
from runner.registry.memory.records import NOTHING, Entry, Key, Record, read
from runner.registry.memory.watching import MemoryWatch

LOG_LENGTH = 10_000
"""How many changes are kept while there is a watch, for watches that begin later."""
_EVENT = "Event"


class MemoryRegistry:
    """A ``Registry`` that dies with the process. May be used from several threads.

    ``event_lifetime``: seconds, counted back from the newest event; None keeps all. A transaction that raises is not undone.
    """

    def __init__(self, *, event_lifetime: float | None = EVENT_LIFETIME) -> None:
        self._lock = threading.RLock()
        self._by_uid: dict[str, Record] = {}
        self.ledger: MemoryLedger = MemoryLedger(self._by_uid, self._lock, self._hold)
        self._kinds: dict[str, dict[Key, Record]] = {}
        self._events: dict[Key, Record] = {}
        self._kinds[_EVENT] = self._events
        self._revision = 0
        self._wishes = 0
        self._event_lifetime = event_lifetime
        self._watches: list[MemoryWatch] = []
        # Whether a watch hears of these; they are by far the most, and what no watch hears is not logged.
        self._hears_statuses = self._hears_events = False
        self._log: deque[Change] = deque(maxlen=LOG_LENGTH)
        self._touches: deque[Touch] = deque(maxlen=LOG_LENGTH)
        self._floor = 0

    # Reading

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        with self._lock:
            record = self._kinds.get(kind, {}).get((namespace, name))
            return None if record is None else record.read()

    def get_by_uid(self, uid: str) -> Object | None:
        with self._lock:
            record = self._by_uid.get(uid)
            return None if record is None else record.read()

    def list(self, kind: str, namespace: str | None = None, *, about: str | None = None) -> Listing:
        with self._lock:
            known = self._kinds.get(kind)
            if not known:
                return Listing([], str(self._revision))
            # Events are in the order in which they were seen.
            keys = known if kind == _EVENT else sorted(known)
            found = [known[key] for key in keys if namespace in (None, key[0])]
            if about is not None:
                found = [one for one in found if _target(one.value) == about]
            return Listing([one.read() for one in found], str(self._revision))

    def unbegun(self, holder: str, uid: str = "") -> Sequence[Object]:
        with self._lock:
            known = self._by_uid.items() if not uid else ((uid, self._by_uid[uid]),) if uid in self._by_uid else ()
            held = [record for _, record in known if record.entry.holder == holder]
            fresh = [one for one in held if not one.entry.attempts and not one.entry.notes]
            values = [one.read() for one in sorted(fresh, key=lambda one: one.revision)]
            return [value for value in values if value["kind"] == "Pod" and not was_admitted(value)]

    def version(self) -> int:
        return self._revision

    def wishes(self) -> int:
        """A number that changes whenever something else is wanted of a pod: another spec, its deletion."""
        return self._wishes

    # Writing

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            yield

    def create(self, value: Json, *, holder: str = "", run_spec: str | None = None, lease: str = "") -> Object:
        kind, (namespace, name) = str(value["kind"]), name_of(value)
        metadata = {**value["metadata"], "namespace": namespace}
        metadata["uid"] = str(metadata.get("uid") or new_uid())
        if kind == "Pod":
            metadata.setdefault("generation", 1)
        with self._lock:
            if (namespace, name) in self._kinds.get(kind, ()):
                raise AlreadyExists(resource_of(kind), name)
            entry = Entry(holder, run_spec, lease) if holder or lease or run_spec is not None else NOTHING
            return self._put(kind, (namespace, name), {**value, "metadata": metadata}, entry).read()

    def update(self, value: Json, *, expect: str | None = None) -> Object:
        kind, (namespace, name) = str(value["kind"]), name_of(value)
        with self._lock:
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
            return self._put(kind, (namespace, name), new).read()

    def change(
        self, kind: str, namespace: str, name: str, function: Callable[[Object | None], Json | None]
    ) -> Object | None:
        with self._lock:
            old = self.get(kind, namespace, name)
            new = function(old)
            if new is None or new is old or (old is not None and unversioned(new) == unversioned(old)):
                return old
            return self._put(kind, (namespace, name), new).read()

    def _put(self, kind: str, key: Key, value: Json, entry: Entry = NOTHING) -> Record:
        if kind == _EVENT:
            return self._put_event(key, value, last_seen(value))
        known = self._kinds.setdefault(kind, {})
        old, status, uid = known.get(key), value.get("status"), uid_of(value)
        self._revision += 1
        self._wishes += kind == "Pod" and old is not None
        if old is not None:
            before = uid_of(old.value) if not isinstance(old.value, Event) else ""
            if before == uid:
                entry = old.entry
            else:
                self._by_uid.pop(before, None)
        others = foreign_conditions(status) if kind == "Pod" and isinstance(status, Mapping) else ()
        record = Record(key, unversioned(without_status(value)), self._revision, None, status, others, entry)
        known[key] = record
        if uid:
            self._by_uid[uid] = record
        if self._watches:
            self._tell(ChangeType.ADDED if old is None else ChangeType.MODIFIED, kind, uid, record)
        return record

    def delete(self, kind: str, namespace: str, name: str, *, uid: str = "") -> Object | None:
        with self._lock:
            known = self._kinds.get(kind, {})
            record = known.get((namespace, name))
            own = "" if record is None or isinstance(record.value, Event) else uid_of(record.value)
            if record is None or (uid and own != uid):
                return None
            del known[namespace, name]
            self._by_uid.pop(own, None)
            self._revision += 1
            record.end(self._revision)
            if self._watches:
                self._tell(ChangeType.DELETED, kind, own, record)
            return record.read()

    def publish_status(self, uid: str, status: PodStatus | Json) -> None:
        with self._lock:
            record = self._by_uid.get(uid)
            if record is None:
                return
            self._revision += 1
            record.publish(status, self._revision)
            if self._hears_statuses:
                kind = str(record.value["kind"]) if not isinstance(record.value, Event) else _EVENT
                self._tell(ChangeType.MODIFIED, kind, uid, record, is_status=True)
            elif self._watches:
                self._floor = self._revision

    def _hold(self, uid: str, former: str, holder: str) -> None:
        """Tell watches that an object has another holder."""
        record = self._by_uid[uid]
        assert not isinstance(record.value, Event)
        self._revision += 1
        if self._watches:
            kind = str(record.value["kind"])
            touch = Touch(kind, *record.key, uid, holder, former, is_held=True)
            self._log_change(ChangeType.MODIFIED, touch, record)

    def record_event(self, event: Event | Json) -> None:
        with self._lock:
            if isinstance(event, Event):
                self._put_event((event.ref.namespace, event.name), event, event.last)
            else:
                self._put_event(name_of(event), {"kind": _EVENT, **unversioned(event)}, last_seen(event))

    def _put_event(self, key: Key, event: Event | Json, instant: datetime | None) -> Record:
        known = self._events.pop(key, None)  # so that the dictionary's order is the order of last being seen
        self._revision = revision = self._revision + 1
        record = self._events[key] = Record(key, event, revision, instant)
        if self._hears_events:
            self._tell(ChangeType.ADDED if known is None else ChangeType.MODIFIED, _EVENT, "", record)
        elif self._watches:
            self._floor = self._revision
        # One that is counted up takes no more room than it did.
        if known is None and instant is not None and self._event_lifetime is not None:
            self._expire(instant, self._event_lifetime)
        return record

    def _expire(self, now: datetime, lifetime: float) -> None:
        while self._events:
            key = next(iter(self._events))
            seen = self._events[key].seen
            if seen is None or (now - seen).total_seconds() <= lifetime:
                return
            self.delete(_EVENT, *key)

    # Watching

    def _tell(self, type_: ChangeType, kind: str, uid: str, record: Record, *, is_status: bool = False) -> None:
        holder = record.entry.holder
        touch = Touch(kind, *record.key, uid, holder, holder, is_status)
        self._log_change(type_, touch, record)

    def _log_change(self, type_: ChangeType, touch: Touch, record: Record) -> None:
        value = record.value if isinstance(record.value, Event) else loggable(touch.kind, record.value)
        make = partial(self._value, type_, touch, self._revision, value, record.status, record.others)
        change = Change(type_, touch, self._revision, make)
        if len(self._log) == LOG_LENGTH:
            self._floor = self._log[0].revision
        self._log.append(change)
        self._touches.append(touch)
        for watch in self._watches:
            watch.hear(change, touch)

    def _value(
        self,
        type_: ChangeType,
        touch: Touch,
        revision: int,
        value: Json | Event,
        status: Json | PodStatus | None,
        others: Sequence[Json],
    ) -> Object:
        if touch.kind == "Secret" and type_ is not ChangeType.DELETED:
            found = self.get(touch.kind, touch.namespace, touch.name)
            if found is not None and found["metadata"]["resourceVersion"] == str(revision):
                return found
        return read(value, status, others, revision)

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
        with self._lock:
            if not self._watches:
                self._floor = self._revision
            watch = MemoryWatch(selection, wake, self._lock, self._forget)
            if since is None:
                watch.begin(self._present(selection))
            elif (problem := self._expired(int(since))) is not None:
                watch.fail(problem)
            else:
                self._catch_up(watch, int(since))
            self._watches.append(watch)
            self._listen()
        if wake is not None and (watch.found or watch.problem):
            wake()
        return watch

    def _expired(self, since: int) -> Expired | None:
        if since > self._revision:
            return Expired(since, self._revision)
        return Expired(since, self._floor) if since < self._floor else None

    def _catch_up(self, watch: MemoryWatch, since: int) -> None:
        for change, touch in zip(self._log, self._touches, strict=True):
            if change.revision > since:
                watch.hear(change, touch, is_old=True)

    def _present(self, selection: Selection) -> Sequence[Change]:
        found = []
        for kind, known in self._kinds.items():
            for record in known.values():
                uid = "" if isinstance(record.value, Event) else uid_of(record.value)
                holder = record.entry.holder
                touch = Touch(kind, *record.key, uid, holder, holder)
                if selection.takes(touch):
                    make = partial(read, record.value, record.status, record.others, record.revision)
                    found.append(Change(ChangeType.ADDED, touch, record.revision, make))
        return sorted(found, key=lambda change: change.revision)

    def _listen(self) -> None:
        """See what is heard by now."""
        chosen = [watch.selection for watch in self._watches]
        self._hears_statuses = any(one.with_status and (one.kinds is None or "Pod" in one.kinds) for one in chosen)
        self._hears_events = any(one.kinds is None or _EVENT in one.kinds for one in chosen)

    def _forget(self, watch: MemoryWatch) -> None:
        """It is closed."""
        with self._lock:
            if watch in self._watches:
                self._watches.remove(watch)
                self._listen()
            if not self._watches:
                self._log.clear()
                self._touches.clear()

    def close(self) -> None:
        """End the watches."""
        for watch in list(self._watches):
            watch.close()


def _target(event: Json | Event) -> str:
    if isinstance(event, Event):
        return event.ref.uid
    return str((event.get("involvedObject") or {}).get("uid") or "")
