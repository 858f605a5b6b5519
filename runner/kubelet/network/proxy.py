"""The proxies of Services: one small container each, held by one of the processes that run pods.

The node that holds a Service runs its proxy. When that node dies, another node with pods takes over the Service, and its
proxy as it is. Each look derives everything from the store and the Engine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from runner.clock import Clock
from runner.core.labels import POD_UID
from runner.core.model import Json
from runner.core.narration import PodRef
from runner.core.network.endpoints import address_of, needs_address, proxy_table
from runner.core.network.proxyconfig import PROXY_HASH, TABLE, proxy_config, proxy_hash
from runner.core.storedobjects import addressed
from runner.engine.creating import create
from runner.engine.protocol import Engine, EngineState
from runner.engine.textfiles import upload_text
from runner.errors import EngineError, RunnerError
from runner.kubelet.network.place import NetworkPlace
from runner.kubelet.sandboximage import sandbox_reference
from runner.registry.contract import Object, Registry
from runner.registry.holders import PodIsOwned, somebody_runs_pods, take_over

_THREADS = 8
_PROXY = "proxy"
"""The name of a proxy as a container of its Service."""
_FRESH_SECONDS = 1.5
"""How long to assume that a container runs after it was seen running."""


Spread = Callable[[Callable[[str], None], Iterable[str]], None]
"""Calls a function for each of several UIDs, perhaps side by side."""


def in_threads(function: Callable[[str], None], uids: Iterable[str]) -> None:
    """Several threads at a time."""
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="podrunner-proxy") as pool:
        list(pool.map(function, uids))


def one_by_one(function: Callable[[str], None], uids: Iterable[str]) -> None:
    """Without threads."""
    for uid in uids:
        function(uid)


@dataclass(slots=True)
class Proxy:
    """A proxy that this process holds. ``table``: the one written to it last; ``fresh_until``: on the steady clock."""

    service: Json
    container_id: str = ""
    address: str = ""
    hash: str = ""
    table: str = ""
    fresh_until: float = 0.0

    def take(self, service: Json) -> None:
        """Note the Service as it is now."""
        self.service = service

    def is_fresh(self, wanted: str, now: float) -> bool:
        """Whether it was seen a moment ago to be as it should be."""
        return self.hash == wanted and now < self.fresh_until

    def run_in(self, container_id: str, address_of: Callable[[str], str]) -> None:
        """Note the container that it runs in. Nothing has been written to a new one yet."""
        if container_id != self.container_id:
            self.table = ""
            self.address = address_of(container_id)
            self.container_id = container_id

    def see(self, hash_: str, now: float) -> None:
        """Note that it was seen to be as it should be."""
        self.hash, self.fresh_until = hash_, now + _FRESH_SECONDS

    def bring(self, table: str, write: Callable[[str], None]) -> None:
        """Write this table to it, unless it has that already."""
        if table != self.table:
            write(table)
            self.table = table


class Proxies:
    """The proxies that this process holds. Used by one thread at a time."""

    def __init__(
        self,
        engine: Engine,
        store: Registry,
        clock: Clock,
        place: NetworkPlace,
        tell: Callable[[Json, str], None],
        *,
        image: str = "",
        spread: Spread = in_threads,
    ) -> None:
        """``image`` is the image of the proxies; "": the built-in image of sandboxes."""
        self._engine = engine
        self._store = store
        self._place = place
        self._clock = clock
        self._tell = tell
        self._mine: dict[str, Proxy] = {}
        self._told: dict[str, str] = {}
        self._reference = image
        self._spread = spread
        self._one_at_a_time = threading.Lock()

    def look(self, services: Sequence[Json], pods: Sequence[Json]) -> bool:
        """Run a proxy for every Service that no other node has one for, and for no other, and write its endpoints to each.

        Returns whether every proxy that had to go could be removed.
        """
        wanted = {str(service["metadata"]["uid"]): service for service in services if needs_address(service)}
        for uid in [uid for uid in self._mine if uid not in wanted]:
            self._end(uid)
        for uid in [uid for uid in self._told if uid not in wanted]:
            del self._told[uid]
        if wanted:
            self._spread(lambda uid: self._care(uid, wanted[uid], pods), wanted)
        return self._mine.keys() <= wanted.keys()

    @property
    def is_troubled(self) -> bool:
        """Whether something could not be done at the last look."""
        return bool(self._told)

    def _care(self, uid: str, service: Json, pods: Sequence[Json]) -> None:
        try:
            proxy = self._held(uid, service)
            if proxy is not None:
                self._bring_up(proxy)
                self._bring_table(proxy, pods)
                self._told.pop(uid, None)
        except RunnerError as error:
            # A port that is taken, an Engine that does not answer: the next look tries again.
            if self._told.get(uid) != error.message:
                self._told[uid] = error.message
                self._tell(service, f"Service {service['metadata']['name']}: {error.message}")

    def _held(self, uid: str, service: Json) -> Proxy | None:
        """The proxy, if this process is to hold it."""
        proxy = self._mine.get(uid)
        if proxy is None:
            try:
                take_over(self._store, uid, self._place.holder.id, self._place.holder.is_alive)
            except PodIsOwned:
                return None
            proxy = self._mine[uid] = Proxy(service=service)
        proxy.take(service)
        return proxy

    def _bring_up(self, proxy: Proxy) -> None:
        """Make sure that the container runs and that the Service has its address. Raises EngineError."""
        service, image = proxy.service, self._image()
        engine = self._for(service)
        wanted = proxy_hash(service, image)
        if proxy.is_fresh(wanted, self._clock.steady()):
            return
        running = ""
        for found in engine.list_containers({POD_UID: str(service["metadata"]["uid"])}):
            if found.state is EngineState.RUNNING and found.labels.get(PROXY_HASH) == wanted and not running:
                running = found.id
            else:
                engine.remove_container(found.id)
        if not running:
            running = create(engine, proxy_config(service, image=image, owner=self._place.owner))
            try:
                engine.start_container(running)
            except EngineError:
                engine.remove_container(running)
                raise
        proxy.run_in(running, lambda container_id: engine.inspect_container(container_id).ip)
        proxy.see(wanted, self._clock.steady())
        if address_of(service) != proxy.address:
            self._write(service, proxy.address)

    def _for(self, service: Json) -> Engine:
        metadata = service["metadata"]
        ref = PodRef(namespace=metadata["namespace"], name=metadata["name"], uid=str(metadata["uid"]), kind="Service")
        return self._engine.of(ref, _PROXY)

    def _image(self) -> str:
        with self._one_at_a_time:
            if not self._reference:
                self._reference = sandbox_reference(self._engine, "")
            return self._reference

    def _bring_table(self, proxy: Proxy, pods: Sequence[Json]) -> None:
        engine = self._for(proxy.service)
        write = partial(upload_text, engine, proxy.container_id, TABLE, now=self._clock.now())
        proxy.bring(proxy_table(proxy.service, pods), write)

    def _write(self, service: Json, address: str) -> None:
        """Give the Service its address, unless it has been replaced meanwhile."""
        metadata = service["metadata"]

        def write(current: Object | None) -> Object | None:
            is_same = current is not None and current["metadata"].get("uid") == metadata["uid"]
            return addressed(current, address) if current and is_same and needs_address(current) else None

        self._store.change("Service", metadata["namespace"], metadata["name"], write)

    def _end(self, uid: str) -> None:
        """Remove a proxy and let go of its Service. The next look tries again what could not be removed."""
        engine = self._for(self._mine[uid].service)
        with suppress(EngineError):
            for found in engine.list_containers({POD_UID: uid}):
                engine.remove_container(found.id)
            self._mine.pop(uid)
            self._let_go(uid)

    def close(self) -> None:
        """Remove the proxies, except one that pods of other processes may use: that is left to them."""
        holder, ending = self._place.holder, []
        others = somebody_runs_pods(self._store, holder.is_alive, besides=holder.id)
        for uid, proxy in list(self._mine.items()):
            if others and not self._goes(uid):
                self._mine.pop(uid)
                self._let_go(uid)
            else:
                self._write(proxy.service, "")
                ending.append(uid)
        if ending:
            self._spread(self._end, ending)
        for uid in list(self._mine):  # A sweep finds the leftovers.
            self._mine.pop(uid)
            self._let_go(uid)

    def _goes(self, uid: str) -> bool:
        """Whether the Service goes with this run."""
        return bool(self._place.lease) and self._store.ledger.lease(uid) == self._place.lease

    def _let_go(self, uid: str) -> None:
        self._store.ledger.take(uid, self._place.holder.id, "")
