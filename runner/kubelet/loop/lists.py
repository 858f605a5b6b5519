"""One list of all containers for the pods of one node that ask for theirs at the same moment. Mirrors pkg/kubelet/pleg (Relist).

A list that began after all that a pod was told of lacks nothing that the pod knows of: it serves the pod, whoever has
asked for it. What it still has of containers that are gone, or as they were, an inspection tells.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from runner.clock import Clock
from runner.core.labels import MANAGED, POD_UID
from runner.engine.protocol import ContainerSummary, Engine


class Listing(Struct, frozen=True):
    """What there was at one moment, by pod, or why nobody knows; ``began`` is in seconds on the steady clock."""

    number: int
    began: float
    by_uid: Mapping[str, Sequence[ContainerSummary]]
    error: BaseException | None = None

    def of(self, uid: str) -> Sequence[ContainerSummary]:
        """The containers of one pod."""
        return self.by_uid.get(uid, ())


class NodeLists:
    """The lists of one node, numbered from 1. May be used from several threads; one asks the Engine at a time."""

    def __init__(self, engine: Engine, clock: Clock, pods: Callable[[], int]) -> None:
        """``pods`` tells how many the node has: one alone is better off with a list of its own."""
        self._engine = engine
        self._clock = clock
        self._pods = pods
        self._changed = threading.Condition()
        self._last = Listing(0, float("-inf"), {})
        self._is_listing = False
        self.begun = 0
        """The number of the list that began last: what happens from now on the next one has."""

    @property
    def is_shared(self) -> bool:
        """Whether a list serves more than one pod."""
        return self._pods() > 1

    def get(self, number: int, oldest: float) -> Listing:
        """A list of at least this number that began after ``oldest``. Raises EngineError, to all who wait for it."""
        awaited = 0
        with self._changed:
            while (found := self._found(number, oldest, awaited)) is None and self._is_listing:
                awaited = self.begun
                self._changed.wait()
            if found is None:
                self._is_listing = True
                self.begun += 1
        found = found or self._list(self.begun)
        if found.error is not None:
            raise found.error
        return found

    def _found(self, number: int, oldest: float, awaited: int) -> Listing | None:
        """The last list, if it will do; one that has failed does for those who awaited it."""
        last = self._last
        if last.number < number or last.began <= oldest or (last.error is not None and last.number != awaited):
            return None
        return last

    def _list(self, number: int) -> Listing:
        """Ask the Engine for a list that has begun."""
        began = self._clock.steady()
        by_uid: dict[str, list[ContainerSummary]] = {}
        problem: BaseException | None = None
        try:
            for one in self._engine.list_containers({MANAGED: ""}):
                by_uid.setdefault(one.labels.get(POD_UID, ""), []).append(one)
        except BaseException as error:
            problem = error
        done = Listing(number, began, by_uid, problem)
        with self._changed:
            self._last, self._is_listing = done, False
            self._changed.notify_all()
        return done
