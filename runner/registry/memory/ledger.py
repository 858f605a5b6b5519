"""The ledger in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from runner.registry.memory.records import NOTHING, Entry, Record


class MemoryLedger:
    """A ``Ledger`` that dies with the process. ``changes_hands``: called with uid, old and new holder."""

    def __init__(
        self, by_uid: Mapping[str, Record], lock: threading.RLock, changes_hands: Callable[[str, str, str], None]
    ) -> None:
        self._by_uid = by_uid
        self._lock = lock
        self._changes_hands = changes_hands

    def _entry(self, uid: str) -> Entry:
        record = self._by_uid.get(uid)
        return NOTHING if record is None else record.entry

    @contextmanager
    def _writing(self, uid: str) -> Iterator[Entry]:
        """The entry of an object; of one that is gone, one that is thrown away."""
        with self._lock:
            record = self._by_uid.get(uid)
            yield Entry() if record is None else record.writable()

    def holder(self, uid: str) -> str:
        return self._entry(uid).holder

    def holders(self) -> Mapping[str, str]:
        with self._lock:
            return {uid: one.entry.holder for uid, one in self._by_uid.items() if one.entry.holder}

    def take(self, uid: str, expected: str, new: str) -> bool:
        with self._writing(uid) as entry:
            if uid not in self._by_uid or entry.holder != expected:
                return False
            entry.pass_on(new)
            if new != expected:
                self._changes_hands(uid, expected, new)
            return True

    def run_spec(self, uid: str) -> str | None:
        return self._entry(uid).run_spec

    def lease(self, uid: str) -> str:
        return self._entry(uid).lease

    def leases(self) -> Mapping[str, str]:
        with self._lock:
            return {uid: one.entry.lease for uid, one in self._by_uid.items() if one.entry.lease}

    def lend(self, uid: str, lease: str) -> None:
        with self._writing(uid) as entry:
            entry.lend(lease)

    def keep(self, uid: str) -> None:
        with self._writing(uid) as entry:
            entry.keep()

    def kept(self) -> frozenset[str]:
        with self._lock:
            return frozenset(uid for uid, one in self._by_uid.items() if one.entry.kept)

    def note_attempt(self, uid: str, container: str, attempt: int) -> None:
        with self._lock:
            record = self._by_uid.get(uid)
            if record is not None:
                record.writable().note_attempt(container, attempt)

    def attempts(self, uid: str) -> Mapping[str, int]:
        return dict(self._entry(uid).attempts)

    def note(self, uid: str, name: str, text: str | None) -> None:
        with self._writing(uid) as entry:
            entry.note(name, text)

    def notes(self, uid: str) -> Mapping[str, str]:
        return dict(self._entry(uid).notes)
