"""What wakes the workers of a process: Engine events, and changes in the registry. Hints only."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime

from runner.clock import Clock, Wakeup
from runner.core.kindwords import PODS
from runner.core.labels import MANAGED
from runner.core.sync.backoff import pull_schedule
from runner.engine.protocol import Engine, EngineEvent, EventStream
from runner.errors import EngineError, Expired, StoreError
from runner.registry.contract import Change, Registry, Watch

TELLING = frozenset({"die", "destroy", "oom", "pause", "unpause"})
"""Engine events after which a pod may look different; what a worker does itself it sees without them."""
_RECONNECT_SECONDS = 1.0
_AGAIN = pull_schedule(_RECONNECT_SECONDS, 30.0)
"""Seconds to wait after the n-th failure in a row."""
_HELD = (PODS.kind,)
_END_SECONDS = 1.0
"""How long an end is waited for: an Engine that hangs keeps nobody."""


_log = logging.getLogger("runner.node")


class EngineWatcher:
    """Follows the Engine's events in a thread and calls back with each; with None, when anything may have happened."""

    def __init__(
        self, engine: Engine, clock: Clock, since: datetime, callback: Callable[[EngineEvent | None], None]
    ) -> None:
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
        """End, and return when the Engine is asked nothing any more, unless it does not answer."""
        self._stopped.set()
        if self._stream is not None:
            self._stream.close()
        self._thread.join(_END_SECONDS)

    def _follow(self) -> None:
        while not self._stopped.is_set():
            with suppress(EngineError):  # The workers notice by themselves when the Engine does not answer.
                self._hear(self._engine.events({MANAGED: ""}, since=self._since))
            if self._stopped.wait(_RECONNECT_SECONDS):
                return
            # What happened while nobody listened is found by looking.
            self._tell(None)

    def _tell(self, event: EngineEvent | None) -> None:
        """Call back. Our own mistake there must not end the hearing: like a worker that broke, it is told and goes on."""
        try:
            self._callback(event)
        except Exception:
            _log.exception("an event of the Engine was not heeded")

    def _hear(self, stream: EventStream) -> None:
        self._stream = stream
        if self._stopped.is_set():  # Whoever stopped it may have seen no stream yet.
            stream.close()
            return
        for event in stream:
            self._since = event.at
            if event.action.split(":")[0] in TELLING:
                self._tell(event)


class RegistryWatcher:
    """Follows the registry in a thread, and calls back with what has changed; with nothing, when anything may have."""

    def __init__(
        self, registry: Registry, kinds: Collection[str], callback: Callable[[Sequence[Change]], None], holder: str = ""
    ) -> None:
        """``holder``: of pods only those count that it holds; "" for all."""
        self._registry = registry
        self._kinds = kinds
        self._holder = holder
        self._callback = callback
        self._stopped = Wakeup()
        self._watch: Watch | None = None
        self._thread = threading.Thread(target=self._follow, name="podrunner-registry", daemon=True)

    def begin(self) -> None:
        """Remember what comes from now on. Raises StoreError."""
        self._begin()

    def start(self) -> None:
        """Tell what comes from ``begin`` on, or from now on. Raises StoreError."""
        if self._watch is None:
            self._begin()
        self._thread.start()

    def stop(self) -> None:
        """End, and return when nothing is read from the registry any more."""
        self._stopped.set()
        if self._watch is not None:
            self._watch.close()
        if self._thread.ident is None:
            return
        self._thread.join()
        if self._watch is not None:  # It may have begun anew meanwhile.
            self._watch.close()

    def _begin(self) -> None:
        # A worker knows its own statuses, and asks for nobody else's.
        since, former = str(self._registry.version()), self._watch
        if former is not None:
            former.close()
        self._watch = self._registry.watch(since, kinds=self._kinds, holder=self._holder, held=_HELD, with_status=False)

    def _follow(self) -> None:
        failures, is_whole = 0, True
        while not self._stopped.is_set():
            try:
                if not is_whole:  # Anything may have happened meanwhile.
                    self._begin()
                    is_whole = True
                    self._callback(())
                    continue  # It may have been stopped meanwhile, without having seen this watch.
                assert self._watch is not None
                changes = self._watch.next()
                if changes:
                    self._callback(changes)
                failures = 0
                continue
            except (Expired, StoreError):  # The workers meet it too, and say so.
                failures = 1
            except Exception:  # Our own mistake: like a worker that broke it is told of, and goes on.
                failures += 1
                _log.exception("changes in the registry were not heeded")
            is_whole = False
            if self._stopped.wait(_AGAIN(failures)):
                return
