"""Drives the cluster's network in real time: a thread that writes to the registry wake."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from runner.clock import Clock, Wakeup
from runner.core.model import Json, Pod
from runner.engine.protocol import Engine
from runner.errors import Expired, RunnerError, StoreError
from runner.kubelet.network.dns import PAUSE_SECONDS, PLAIN_SECONDS, ClusterNetwork, Pace, Resolving
from runner.kubelet.network.place import NetworkPlace
from runner.registry.contract import Registry, Watch

if TYPE_CHECKING:
    from runner.core.narration import Listener

_CLOSE_SECONDS = 10.0
PREPARE_SECONDS = 120.0
"""How long pods wait for the addresses of Services: twice what one call to the Engine may take. They are told later then."""
_LOOK_SECONDS = 1.0
_log = logging.getLogger("runner.node")


class NetworkThread:
    """The network of one process' pods. ``prepare`` before they start, ``follow`` while they run."""

    def __init__(
        self,
        engine: Engine,
        registry: Registry,
        clock: Clock,
        place: NetworkPlace,
        *,
        patience: float = _CLOSE_SECONDS,
        prepares: float = PREPARE_SECONDS,
    ) -> None:
        """``patience``: how many seconds ``close`` waits for an Engine that does not answer, for each thing under way.

        ``prepares``: how many seconds pods wait for what ``prepare`` has begun.
        """
        self._patience = patience
        self._prepares = prepares
        self._registry = registry
        self._network = ClusterNetwork(engine, registry, clock, place)
        self._sandboxes: Callable[[], Iterable[Resolving]] = lambda: ()
        self._wakeup = Wakeup()
        self._stop = Wakeup()
        self._prepared = threading.Event()
        self._prepared.set()
        self._thread: threading.Thread | None = None
        self._watch: Watch | None = None

    def prepare(self) -> None:
        """Begin to make the proxies of the existing Services, so that they have addresses before pods start."""
        services = self._registry.list("Service").items
        if not services:
            return
        self._prepared.clear()
        threading.Thread(target=self._prepare, args=(services,), name="podrunner-proxies", daemon=True).start()

    def _prepare(self, services: Sequence[Json]) -> None:
        try:
            with suppress(RunnerError):
                self._network.prepare(services)
        finally:
            self._prepared.set()

    def await_prepared(self, seconds: float | None = None) -> bool:
        """Wait until ``prepare`` is done, at most so many seconds (None: as long as pods wait for it). Returns whether it is."""
        return self._prepared.wait(self._prepares if seconds is None else seconds)

    def zone(self, pod: Pod) -> str:
        """The zone for a new sandbox of the pod, once ``prepare`` is done."""
        self.await_prepared()
        return self._network.zone(pod)

    def follow(self, sandboxes: Callable[[], Iterable[Resolving]], listener: Listener) -> None:
        """Keep everything up to date until ``close``. Raises StoreError."""
        self._sandboxes = sandboxes
        self._network.tell(listener)
        self._begin()
        self._thread = threading.Thread(target=self._work, name="podrunner-network", daemon=True)
        self._thread.start()

    def _begin(self) -> None:
        """Let writes from now on wake this thread. Raises StoreError."""
        since, former = str(self._registry.version()), self._watch
        if former is not None:
            former.close()
        self._watch = self._registry.watch(since, kinds=["Pod", "Service"], wake=self._wakeup.set)
        if self._stop.is_set():  # ``close`` may have seen the watch before this one.
            self._watch.close()

    def wake(self) -> None:
        """Look again: something was written, or a sandbox is new."""
        self._wakeup.set()

    def close(self) -> None:
        """Stop, and remove the proxies that nobody else needs."""
        self._stop.set()
        self._wakeup.set()
        if self._watch is not None:
            self._watch.close()
        if self._thread is not None:
            self._thread.join(self._patience)
            if self._thread.is_alive():
                return  # The Engine hangs; a sweep finds the leftovers.
        if self._watch is not None:  # It may have started anew meanwhile.
            self._watch.close()
        if self.await_prepared(self._patience):
            self._network.close()

    def _work(self) -> None:
        while not self.await_prepared(_LOOK_SECONDS):  # Two at once would make two proxies of a Service.
            if self._stop.is_set():
                return
        while not self._stop.is_set():
            pace = Pace(again=PLAIN_SECONDS)
            try:
                pace = self._network.look(self._sandboxes())
            except RunnerError:
                pass  # The next look finds the same difference.
            except Exception:  # Our own mistake: like a worker that broke it is told of, and goes on.
                _log.exception("the cluster's names and Services were not brought up to date")
            if pace.rest:
                self._stop.wait(pace.rest)
            if self._wakeup.wait(pace.again):
                self._stop.wait(PAUSE_SECONDS)
            self._wakeup.clear()
            self._hear()

    def _hear(self) -> None:
        """Take a change as a hint to look at everything anew."""
        try:
            if self._watch is not None:
                self._watch.next(0)
        except (Expired, StoreError):
            with suppress(StoreError):
                if not self._stop.is_set():
                    self._begin()
