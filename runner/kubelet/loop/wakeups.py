"""What wakes the workers of a process: Engine events, and changes in the registry. Hints only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime

from runner.clock import Clock, Wakeup
from runner.core.labels import MANAGED, POD_UID
from runner.engine.protocol import Engine, EventStream
from runner.errors import EngineError, Expired, StoreError
from runner.registry.contract import Change, Registry, Watch

TELLING = frozenset({"die", "destroy", "oom", "pause", "unpause"})
"""Engine events after which a pod may look different; what a worker does itself it sees without them."""
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


class RegistryWatcher:
    """Follows the registry in a thread, and calls back with what has changed; with nothing, when anything may have."""

    def __init__(
        self, registry: Registry, kinds: Collection[str], callback: Callable[[Sequence[Change]], None]
    ) -> None:
        self._registry = registry
        self._kinds = kinds
        self._callback = callback
        self._stopped = Wakeup()
        self._watch: Watch | None = None
        self._thread = threading.Thread(target=self._follow, name="podrunner-registry", daemon=True)

    def start(self) -> None:
        """Begin with what comes from now on. Raises StoreError."""
        self._begin()
        self._thread.start()

    def stop(self) -> None:
        """End, and return when nothing is read from the registry any more."""
        self._stopped.set()
        if self._watch is not None:
            self._watch.close()
        self._thread.join()

    def _begin(self) -> None:
        # A worker knows its own statuses, and asks for nobody else's.
        self._watch = self._registry.watch(str(self._registry.version()), kinds=self._kinds, with_status=False)

    def _follow(self) -> None:
        while not self._stopped.is_set():
            try:
                assert self._watch is not None
                changes = self._watch.next()
                if changes:
                    self._callback(changes)
            except (Expired, StoreError):  # The workers meet it too, and say so.
                self._stopped.wait(_RECONNECT_SECONDS)
                with suppress(StoreError):
                    self._begin()
                    self._callback(())
