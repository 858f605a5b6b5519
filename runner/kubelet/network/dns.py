"""Keeps the cluster's names and Services true for the pods of this process.

Level-triggered: after every write of a pod or a Service, by this process or another, the zone is computed again and brought
to each sandbox that has another one, and so are the Services' proxies and their endpoints. As long as there are no Services
and no other pods, nothing of that costs a call to the Engine while a pod starts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from runner.clock import Clock, Deadline, Wakeup
from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Json, Object, Pod
from runner.core.network.clusterdns import ZONE, asks_cluster
from runner.engine.protocol import Engine
from runner.engine.textfiles import upload_text
from runner.errors import EngineError, Expired, RunnerError, StoreError
from runner.kubelet.network.place import NetworkPlace
from runner.registry.contract import Registry, Watch
from runner.registry.holders import pods_of_living

if TYPE_CHECKING:
    from runner.core.narration import Listener, Notice
    from runner.kubelet.network.proxy import Proxies

_RELOOK_SECONDS = 2.0
"""How often Services are looked at although nobody has written: another process that held their proxies may have died."""
_PAUSE_SECONDS, _PAUSE_PER_POD = 0.1, 0.01
"""How long what is written is gathered, so that many pods that start at once are not told of each one."""
_QUICK_SECONDS, _SHARE = 0.5, 4
"""A zone is brought to each sandbox by itself. What that takes beyond so many seconds is followed by a rest, so much longer."""
_PLAIN_SECONDS = 1.0
"""A zone that tells a pod only of itself is not in a hurry."""
_CLOSE_SECONDS = 10.0


Resolving = tuple[Pod, str]
"""A pod, and the id of its sandbox, which resolves names for it."""


class ClusterNetwork:
    """The names and Services of one process' pods. ``prepare`` before they start, ``follow`` while they run."""

    def __init__(self, engine: Engine, store: Registry, clock: Clock, place: NetworkPlace) -> None:
        self._engine = engine
        self._store = store
        self._place = place
        self._clock = clock
        self._listener: Listener | None = None
        self._unsaid: list[Notice] = []
        self._made: Proxies | None = None
        self._sandboxes: Callable[[], Iterable[Resolving]] = lambda: ()
        self._written: dict[str, str] = {}
        self._given: dict[str, str] = {}
        """What the latest sandbox of each pod began with, by the pod's UID."""
        self._wakeup = Wakeup()
        self._stop = Wakeup()
        self._prepared = threading.Event()
        self._prepared.set()
        self._thread: threading.Thread | None = None
        self._watch: Watch | None = None
        self._began = Deadline(_PLAIN_SECONDS)

    def prepare(self) -> None:
        """Begin to make the proxies of the Services that there are, so that they have addresses before pods start."""
        services = self._store.list("Service").items
        if not services:
            return
        self._prepared.clear()

        def work() -> None:
            try:
                with suppress(RunnerError):
                    self._proxies().look(services, self._pods())
            finally:
                self._prepared.set()

        threading.Thread(target=work, name="podrunner-proxies", daemon=True).start()

    def await_prepared(self) -> None:
        """Wait until what was begun is done."""
        self._prepared.wait()

    def zone(self, pod: Pod) -> str:
        """What a new sandbox of the pod is given; empty when what it knows by itself is enough."""
        if not asks_cluster(pod):
            return ""
        self.await_prepared()
        from runner.core.network.zone import is_plain, zone_text

        services, pods = self._store.list("Service").items, self._pods()
        text = "" if is_plain(services, pods) else zone_text(services, pods)
        self._given[pod.uid] = text
        return text

    def follow(self, sandboxes: Callable[[], Iterable[Resolving]], listener: Listener) -> None:
        """Keep everything true until ``close``."""
        self._sandboxes, self._listener = sandboxes, listener
        self._thread = threading.Thread(target=self._work, name="podrunner-network", daemon=True)
        self._begin()
        self._thread.start()

    def _begin(self) -> None:
        """Be woken by what is written from now on. Raises StoreError."""
        since = str(self._store.version())
        self._watch = self._store.watch(since, kinds=["Pod", "Service"], wake=self._wakeup.set)

    def wake(self) -> None:
        """Look again: something was written, or a sandbox is new."""
        self._wakeup.set()

    def close(self) -> None:
        """Stop, and end the proxies that nobody else needs."""
        self._stop.set()
        self._wakeup.set()
        if self._watch is not None:
            self._watch.close()
        if self._thread is not None:
            self._thread.join(_CLOSE_SECONDS)
            if self._thread.is_alive():
                return  # The Engine hangs; a sweep finds what is left.
        if self._watch is not None:  # It may have begun anew meanwhile.
            self._watch.close()
        self.await_prepared()
        if self._made is not None:
            with suppress(RunnerError):
                self._made.close()

    def _pods(self) -> list[Object]:
        """The pods that have names."""
        return pods_of_living(self._store, self._place.holder.is_alive)

    def _proxies(self) -> Proxies:
        """Made, and what it needs imported, when there are Services."""
        if self._made is None:
            from runner.kubelet.network.proxy import Proxies

            self._made = Proxies(self._engine, self._store, self._clock, self._place, self._tell)
        return self._made

    def _work(self) -> None:
        self.await_prepared()
        while not self._stop.is_set():
            seconds: float | None = _PLAIN_SECONDS
            with suppress(RunnerError):  # The next look finds the same difference.
                seconds = self._look()
            if self._wakeup.wait(seconds):
                self._stop.wait(_PAUSE_SECONDS)
            self._wakeup.clear()
            self._hear()

    def _hear(self) -> None:
        """Take what has changed as a hint: everything is looked at anew."""
        try:
            if self._watch is not None:
                self._watch.next(0)
        except (Expired, StoreError):
            with suppress(StoreError):
                if not self._stop.is_set():
                    self._begin()

    def _look(self) -> float | None:
        """Bring everything where it belongs. Returns in how many seconds to look again at the latest, None: no need."""
        from runner.core.network.zone import is_plain, zone_text

        for notice in self._unsaid:
            self._say(notice)
        self._unsaid.clear()
        services, pods = self._store.list("Service").items, self._pods()
        if services or self._made is not None:
            self._proxies().look(services, pods)
            services = self._store.list("Service").items
        text, plain = zone_text(services, pods), is_plain(services, pods)
        waits, began = False, self._clock.steady()
        for pod, sandbox_id in self._sandboxes():
            if self._written.get(sandbox_id, self._given.get(pod.uid)) == text:
                continue
            if plain and sandbox_id not in self._written and self._began.remaining():
                waits = True
                continue
            with suppress(EngineError):  # It has gone meanwhile, or the next look finds the same difference.
                upload_text(self._engine.of(pod, SANDBOX_CONTAINER), sandbox_id, ZONE, text, self._clock.now())
                self._written[sandbox_id] = text
        if not plain:
            took = max(0.0, self._clock.steady() - began - _QUICK_SECONDS)
            self._stop.wait(_PAUSE_SECONDS + _PAUSE_PER_POD * len(pods) + _SHARE * took)
        if waits:
            return _PLAIN_SECONDS
        return _RELOOK_SECONDS if services else None

    def _tell(self, service: Json, text: str) -> None:
        from runner.core.narration import Notice, PodRef

        metadata = service["metadata"]
        ref = PodRef(namespace=metadata["namespace"], name=metadata["name"], uid=metadata["uid"])
        self._say(Notice(at=self._clock.now(), ref=ref, text=text))

    def _say(self, notice: Notice) -> None:
        if self._listener is None:
            self._unsaid.append(notice)
        else:
            self._listener(notice)


__all__: Sequence[str] = ["ClusterNetwork", "Resolving"]
