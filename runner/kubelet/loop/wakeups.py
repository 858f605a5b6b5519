"""What wakes the workers of a process: Engine events, and writes to the store by other processes. Hints only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from runner.clock import Clock, Wakeup
from runner.core.labels import MANAGED, POD_UID
from runner.engine.protocol import Engine, EventStream
from runner.errors import EngineError, StoreError
from runner.registry.storage import Store

TELLING = frozenset({"die", "destroy", "oom", "pause", "unpause"})
"""Engine events after which a pod may look different; what a worker does itself it sees without them."""
_POLL_SECONDS = 0.1
_RECONNECT_SECONDS = 1.0


class EngineWatcher:
    """Follows the Engine's events in a thread and calls back with the pod UID and the container id of each; both may be ""."""

    def __init__(self, engine: Engine, clock: Clock, since: datetime, callback: Callable[[str, str], None]) -> None:
        self._engine = engine
        self._clock = clock
        self._since = since
        self._callback = callback
        self._stream: EventStream | None = None
        self._stopped = Wakeup()
        self._thread = threading.Thread(target=self._follow, name="podrunner-engine-events", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._stream is not None:
            self._stream.close()

    def _follow(self) -> None:
        while not self._stopped.is_set():
            try:
                self._stream = self._engine.events({MANAGED: ""}, since=self._since)
                for event in self._stream:
                    self._since = event.at
                    if event.action.split(":")[0] in TELLING:
                        self._callback(event.labels.get(POD_UID, ""), event.container_id)
            except EngineError:
                pass  # The workers notice by themselves when the Engine does not answer.
            self._stopped.wait(_RECONNECT_SECONDS)
            # What happened while nobody listened is found by looking.
            self._callback("", "")


class StoreWatcher:
    """Notices writes of other processes to the store."""

    def __init__(self, store: Store, callback: Callable[[], None]) -> None:
        self._store = store
        self._callback = callback
        self._stopped = Wakeup()
        self._thread = threading.Thread(target=self._poll, name="podrunner-store-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End, and return when nothing is read from the store any more."""
        self._stopped.set()
        self._thread.join()

    def _poll(self) -> None:
        seen: int | None = None
        while not self._stopped.wait(_POLL_SECONDS):
            try:
                version = self._store.version()
            except StoreError:
                continue  # The workers meet it too, and say so.
            if seen is not None and version != seen:
                self._callback()
            seen = version
