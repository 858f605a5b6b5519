"""Watches over the change log of the state database, and one that calls back."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, Self

from runner.clock import Clock, Countdown
from runner.errors import StoreError
from runner.registry.contract import Change, ChangeType, Expired, Object, Selection, Touch, Watch, versioned
from runner.registry.sqlite.database import Database
from runner.registry.sqlite.doorbell import Bell, Doorbells
from runner.registry.sqlite.texts import load, load_status

TICK_SECONDS = 1.0
"""How often a watch that is not rung looks whether something was written."""
_AT_ONCE = 500
_log = logging.getLogger("runner.registry")
_COLUMNS = "revision, type, kind, namespace, name, uid, holder, former, is_status, is_held, value, status"


class Log(Protocol):
    """What a watch reads."""

    database: Database
    doorbells: Doorbells

    def version(self) -> int: ...

    def get(self, kind: str, namespace: str, name: str) -> Object | None: ...

    def present(self, selection: Selection) -> tuple[Sequence[tuple[Touch, Object]], int]:
        """Everything that a selection is about, in the order in which it was written, and the version of this moment."""
        ...


def narrowing(selection: Selection, table: str = "") -> tuple[list[str], tuple[object, ...]]:
    """A selection as conditions of SQL and their arguments, but for its holder and its statuses."""
    wheres: list[str] = []
    arguments: list[object] = []
    for column, values in (
        ("kind", selection.kinds),
        ("uid", selection.uids),
        ("namespace", None if selection.namespace is None else {selection.namespace}),
        ("name", None if selection.name is None else {selection.name}),
    ):
        if values is not None:
            wheres.append(f"{table}{column} IN ({', '.join('?' * len(values))})")
            arguments.extend(sorted(values))
    return wheres, tuple(arguments)


def _holding(selection: Selection) -> tuple[str, Sequence[object]]:
    """What a selection asks of holders, as a condition of SQL and its arguments."""
    if not selection.holder:
        return "NOT is_held", ()
    if selection.held is None:
        return "? IN (holder, former)", (selection.holder,)
    kinds = sorted(selection.held)
    marks = ", ".join("?" * len(kinds))
    return f"CASE WHEN kind IN ({marks}) THEN ? IN (holder, former) ELSE NOT is_held END", (*kinds, selection.holder)


class LogWatch:
    """Reads the change log; waits at its own bell, which is made when there is something to wait for."""

    def __init__(
        self,
        registry: Log,
        selection: Selection,
        since: int | None,
        clock: Clock,
        on_close: Callable[[Watch], None],
    ) -> None:
        self._on_close = on_close
        self._registry = registry
        self._database = registry.database
        self._selection = selection
        self._since = since
        self._clock = clock
        self.bell: Bell | None = None
        """Made when it waits for the first time."""
        self._has_no_bell = False
        self._seen: tuple[int, int] | None = None
        self._is_closed = False
        self._closing = threading.Lock()
        if since is not None:
            self._refuse_the_future(since)

    def _refuse_the_future(self, since: int) -> None:
        """A version that never was is one of a database that was set aside."""
        current = self._registry.version()
        if since > current:
            raise Expired(since, current)

    def next(self, timeout: float | None = None) -> list[Change]:
        patience = Countdown(self._clock, timeout)
        while not self._is_closed:
            changes = self._pull()
            if changes or patience.is_over:
                return changes
            self._wait(patience)
        return []

    def _wait(self, patience: Countdown) -> None:
        """Return when there may be something, or the time is over, or a bell is there which was not."""
        if self.bell is None and not self._has_no_bell:
            self._hang()
            return
        while not self._is_closed:
            if patience.is_over or self._is_rung(patience.within(TICK_SECONDS)) or self._others_wrote():
                return

    def _is_rung(self, seconds: float) -> bool:
        bell = self.bell
        if bell is None:
            self._clock.sleep(seconds)
            return False
        return bell.wait(seconds)

    # Whatever reads the file does so under this lock: close waits for it, and afterwards nothing opens the file again.

    def _hang(self) -> None:
        with self._closing:
            if not self._is_closed:
                self.bell = self._registry.doorbells.hang(self._selection)
                self._has_no_bell = self.bell is None

    def _others_wrote(self) -> bool:
        with self._closing:
            return self._is_closed or self._database.seen() != self._seen

    def _pull(self) -> list[Change]:
        """What is new in the log; nothing once the watch is closed."""
        with self._closing:
            return [] if self._is_closed else self._news()

    def _news(self) -> list[Change]:
        self._seen = self._database.seen()
        if self._since is None:
            return self._everything()
        with self._database.reading():
            ((current, floor),) = self._database.read("SELECT value, floor FROM revision")
            if self._since < floor:
                raise Expired(self._since, int(floor))
            if self._since == current:
                return []
            rows = self._database.read(*self._query(int(current)))
        self._since = int(rows[-1][0]) if len(rows) == _AT_ONCE else int(current)
        return [self._change(*row) for row in rows]

    def _everything(self) -> list[Change]:
        touches, current = self._registry.present(self._selection)
        self._since = current
        return [
            Change(ChangeType.ADDED, touch, int(value["metadata"]["resourceVersion"]), partial(_same, value))
            for touch, value in touches
        ]

    def _query(self, current: int) -> tuple[str, tuple[object, ...]]:
        """The rows after the last one. What the selection is about is asked for in SQL as far as it saves reading values."""
        chosen = self._selection
        wheres, arguments = narrowing(chosen)
        holds, more = _holding(chosen)
        wheres += ["revision > ?", "revision <= ?", holds]
        if not chosen.with_status:
            wheres.append("NOT is_status")
        return (
            f"SELECT {_COLUMNS} FROM changes WHERE {' AND '.join(wheres)} ORDER BY revision LIMIT {_AT_ONCE}",
            (*arguments, self._since, current, *more),
        )

    def _change(self, revision: int, type_: str, *rest: object) -> Change:
        *touched, value, status = rest
        kind, namespace, name, uid, holder, former, is_status, is_held = touched
        touch = Touch(
            str(kind), str(namespace), str(name), str(uid), str(holder), str(former), bool(is_status), bool(is_held)
        )
        sort = self._selection.sees(ChangeType(type_), touch)
        make = partial(self._value, sort, touch, revision, value, status)
        return Change(sort, touch, revision, make)

    def _value(self, type_: ChangeType, touch: Touch, revision: int, value: object, status: object) -> Object:
        if touch.kind == "Secret" and type_ is not ChangeType.DELETED:
            # The log has no data of Secrets; as long as nothing has come after, the object itself does.
            found = self._registry.get(touch.kind, touch.namespace, touch.name)
            if found is not None and found["metadata"]["resourceVersion"] == str(revision):
                return found
        made = versioned(load(value), revision)
        if status is not None:
            made["status"] = load_status(status)
        return made

    def close(self) -> None:
        with self._closing:
            self._is_closed = True
            bell, self.bell = self.bell, None
        if bell is not None:
            self._registry.doorbells.ring([bell.name])
            self._registry.doorbells.take_down(bell)
        self._on_close(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _same(value: Object) -> Object:
    return value


class CallingWatch:
    """Another watch, read by a thread of its own that calls back when there is something."""

    def __init__(self, watch: Watch, wake: Callable[[], None], on_close: Callable[[Watch], None]) -> None:
        self._on_close = on_close
        self._watch = watch
        self._wake = wake
        self._found: deque[Change] = deque()
        self._problem: Expired | StoreError | None = None
        self._news = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._follow, name="podrunner-watch", daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        while not self._is_closed:
            try:
                changes = self._watch.next(None)
            except (Expired, StoreError) as problem:
                changes, self._problem = [], problem
            with self._news:
                self._found.extend(changes)
                self._news.notify_all()
            if (changes or self._problem) and not self._is_closed:
                self._call()
            if not changes:
                return

    def _call(self) -> None:
        try:
            self._wake()
        except Exception:  # What comes next is told all the same.
            _log.exception("changes in the registry were not heeded")

    def next(self, timeout: float | None = None) -> list[Change]:
        with self._news:
            self._news.wait_for(lambda: self._found or self._problem or self._is_closed, timeout)
            changes = list(self._found)
            self._found.clear()
        if not changes and self._problem is not None:
            raise self._problem
        return changes

    def close(self) -> None:
        """End it, and return when nothing is read from the registry any more."""
        self._is_closed = True
        self._watch.close()
        with self._news:
            self._news.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self._on_close(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
