"""One pull at a time on the node, first come first served (serializeImagePulls; images/puller.go)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from runner.kubelet.loop.tasks import Task, Wait


class PullQueue:
    """Shared by all pods of a process; ``wake`` of a waiting pod is called when its turn comes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[object, Callable[[], None]]] = deque()

    def ticket(self, wake: Callable[[], None]) -> PullTicket:
        """A pod's own access to the queue."""
        return PullTicket(self, wake)

    def _join(self, ticket: object, wake: Callable[[], None]) -> None:
        with self._lock:
            self._waiting.append((ticket, wake))

    def _is_first(self, ticket: object) -> bool:
        with self._lock:
            return bool(self._waiting) and self._waiting[0][0] is ticket

    def _quit(self, ticket: object) -> None:
        with self._lock:
            self._waiting = deque(entry for entry in self._waiting if entry[0] is not ticket)
            following = self._waiting[0][1] if self._waiting else None
        if following is not None:
            following()


class PullTicket:
    """One pod's place in the queue."""

    def __init__(self, queue: PullQueue, wake: Callable[[], None]) -> None:
        self._queue = queue
        self._wake = wake

    def enter(self) -> Task[None]:
        """Wait for the turn. Must be followed by ``leave``."""
        self._queue._join(self, self._wake)
        if not self._queue._is_first(self):
            yield Wait(ready=lambda: self._queue._is_first(self))

    def leave(self) -> None:
        """Let the next pod pull. Calling it without having had a turn is fine."""
        self._queue._quit(self)
