"""Keeps the cluster's names and Services up to date for the pods of this process.

Level-triggered: whenever a pod or a Service may have changed, the zone is computed again and written to each sandbox that has
another one; the same goes for the Services' proxies and their endpoints. Nothing here waits: a thread (``following.py``) or
the laboratory's clock drives it. Without Services and other pods, none of this costs an Engine call while a pod starts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from runner.clock import Clock
from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Json, Object, Pod
from runner.core.network.clusterdns import ZONE, asks_cluster
from runner.engine.protocol import Engine
from runner.engine.textfiles import upload_text
from runner.errors import EngineError, RunnerError
from runner.kubelet.network.place import NetworkPlace
from runner.kubelet.network.zonefile import write_zone, zone_directory
from runner.registry.contract import Registry, uid_of
from runner.registry.holders import pods_of_living

if TYPE_CHECKING:
    from runner.core.narration import Listener, Notice
    from runner.kubelet.network.proxy import Proxies

RELOOK_SECONDS = 2.0
"""How often to look at Services although nothing was written: a process that held their proxies may have died."""
PAUSE_SECONDS, _PAUSE_PER_POD = 0.1, 0.01
"""How long writes are gathered, so that many pods that start at once cause one update and not one each."""
_QUICK_SECONDS, _SHARE = 0.5, 4
"""Each sandbox gets its zone by a call of its own. If all calls take longer than this, a rest follows, longer in proportion."""
PLAIN_SECONDS = 1.0
"""A zone that tells a pod only of itself is not in a hurry."""


Resolving = tuple[Pod, str]
"""A pod, and the id of its sandbox, which resolves names for it."""
Tell = Callable[[Json, str], None]
"""Hears of a Service."""


class Pace(NamedTuple):
    """Seconds to rest after a look whatever happens, and how many more until the next look at the latest; None: no need."""

    rest: float = 0.0
    again: float | None = None


class Network(Protocol):
    """What a node needs of the part that keeps names and Services up to date."""

    def zone(self, pod: Pod) -> str:
        """What a new sandbox of the pod is given; empty when what it knows by itself is enough."""
        ...

    def follow(self, sandboxes: Callable[[], Iterable[Resolving]], listener: Listener) -> None:
        """Keep everything up to date from now on. Raises StoreError."""
        ...

    def wake(self) -> None:
        """Look again: something was written, or a sandbox is new."""
        ...


@dataclass(slots=True)
class _Told:
    """The zones that the sandboxes of one pod answer from."""

    given: str | None = None
    """The zone that the latest sandbox began with."""
    written: dict[str, str] = field(default_factory=dict)
    """The zone that each existing sandbox has received since, by the sandbox's id."""
    directory: Path | None = None
    """The directory of the zone, valid once ``is_found``; None where writing goes through the Engine."""
    is_found: bool = False

    def give(self, zone: str) -> None:
        """Note the zone that another sandbox begins with."""
        self.given = zone

    def answers_by(self, sandbox_id: str, zone: str) -> bool:
        """Whether a sandbox answers from this zone already."""
        return self.written.get(sandbox_id, self.given) == zone

    def bring(self, sandbox_id: str, zone: str, there: Set[str]) -> None:
        """Note that a sandbox has received another zone; forget sandboxes that are gone."""
        self.written = {one: before for one, before in self.written.items() if one in there} | {sandbox_id: zone}

    def where(self, find: Callable[[], Path | None]) -> Path | None:
        """The directory of the pod's zone on this host, found once."""
        if not self.is_found:
            self.directory, self.is_found = find(), True
        return self.directory


class ClusterNetwork:
    """The names and Services of one process' pods.

    ``relook``: seconds after which to look at Services again although nothing is known to have changed; None where nobody
    else holds proxies. ``make_proxies`` is called when there are Services; None makes the usual ones.
    """

    def __init__(
        self,
        engine: Engine,
        registry: Registry,
        clock: Clock,
        place: NetworkPlace,
        *,
        relook: float | None = RELOOK_SECONDS,
        make_proxies: Callable[[Tell], Proxies] | None = None,
    ) -> None:
        self._engine = engine
        self._registry = registry
        self._clock = clock
        self._place = place
        self._make_proxies = make_proxies or self._usual
        self._relook = relook
        self._listener: Listener | None = None
        self._unsaid: list[Notice] = []
        self._made: Proxies | None = None
        self._told: dict[str, _Told] = {}
        """By the UIDs of the existing pods."""
        self._computing = threading.Lock()
        self._begins_with: tuple[float, str] | None = None
        """The zone for new sandboxes, and how long it is valid on the steady clock."""
        self._began = clock.steady()
        self.has_services = False
        """Whether there were Services at the last look."""

    def prepare(self, services: Sequence[Json]) -> None:
        """Make the proxies of Services, so that they have addresses before pods start. Raises RunnerError."""
        self.has_services = bool(services)
        self._proxies().look(services, self._pods())

    def zone(self, pod: Pod) -> str:
        """What a new sandbox of the pod is given; empty when what it knows by itself is enough."""
        if not asks_cluster(pod):
            return ""
        with self._computing:
            # Sandboxes that start together begin with the same zone; later writes reach them afterwards.
            now = self._clock.steady()
            if self._begins_with is None or self._begins_with[0] <= now:
                text, pods = self._zone()
                self._begins_with = now + PAUSE_SECONDS + _PAUSE_PER_POD * pods, text
            text = self._begins_with[1]
        self._told.setdefault(pod.uid, _Told()).give(text)
        return text

    @property
    def remembered(self) -> frozenset[str]:
        """The UIDs of the pods that it remembers something about."""
        return frozenset(self._told)

    def _zone(self) -> tuple[str, int]:
        """The zone for a new sandbox, and the number of pods."""
        from runner.core.network.zone import is_plain, zone_text

        services, pods = self._registry.list("Service").items, self._pods()
        return "" if is_plain(services, pods) else zone_text(services, pods), len(pods)

    def tell(self, listener: Listener) -> None:
        """Tell this listener what is wrong with Services, now and so far."""
        self._listener = listener
        for notice in self._unsaid:
            listener(notice)
        self._unsaid.clear()

    def look(self, sandboxes: Iterable[Resolving]) -> Pace:
        """Write zones, proxies and endpoints that are out of date. Raises RunnerError; the next look tries again."""
        from runner.core.network.zone import is_plain, zone_text

        known = set(self._told)  # A pod that asks meanwhile may be newer than the list.
        services, pods = self._registry.list("Service").items, self._pods()
        for uid in known - {uid_of(pod) for pod in pods}:
            del self._told[uid]
        is_tidy = True
        if services or self._made is not None:
            is_tidy = self._proxies().look(services, pods)
            services = self._registry.list("Service").items
        self.has_services = bool(services)
        text, plain = zone_text(services, pods), is_plain(services, pods)
        waits, fails, began = False, self._made is not None and self._made.is_troubled, self._clock.steady()
        there = list(sandboxes)
        ids = {sandbox_id for _, sandbox_id in there}
        for pod, sandbox_id in there:
            told = self._told.setdefault(pod.uid, _Told())
            if told.answers_by(sandbox_id, text):
                continue
            if plain and sandbox_id not in told.written and began < self._began + PLAIN_SECONDS:
                waits = True
                continue
            try:
                self._bring(pod, sandbox_id, told, text)
            except EngineError:  # The sandbox has gone meanwhile, or the next look finds the same difference.
                fails = True
                continue
            told.bring(sandbox_id, text, ids)
        rest = 0.0
        if not plain:
            took = max(0.0, self._clock.steady() - began - _QUICK_SECONDS)
            rest = PAUSE_SECONDS + _PAUSE_PER_POD * len(pods) + _SHARE * took
        if waits or not is_tidy:
            return Pace(rest, PLAIN_SECONDS)
        return Pace(rest, RELOOK_SECONDS if fails else self._relook if services else None)

    def _bring(self, pod: Pod, sandbox_id: str, told: _Told, text: str) -> None:
        """Give a sandbox another zone. Raises EngineError."""
        engine = self._engine.of(pod, SANDBOX_CONTAINER)
        if not write_zone(told.where(partial(zone_directory, engine, pod)), text):
            upload_text(engine, sandbox_id, ZONE, text, self._clock.now())

    def close(self) -> None:
        """Stop the proxies that nobody else needs."""
        if self._made is not None:
            with suppress(RunnerError):
                self._made.close()

    def _pods(self) -> list[Object]:
        """The pods that have names."""
        return pods_of_living(self._registry, self._place.holder.is_alive)

    def _usual(self, tell: Tell) -> Proxies:
        """Make the usual proxies; only then are their modules imported."""
        from runner.kubelet.network.proxy import Proxies

        return Proxies(self._engine, self._registry, self._clock, self._place, tell)

    def _proxies(self) -> Proxies:
        if self._made is None:
            self._made = self._make_proxies(self._tell)
        return self._made

    def _tell(self, service: Json, text: str) -> None:
        from runner.core.narration import Notice, PodRef

        metadata = service["metadata"]
        ref = PodRef(namespace=metadata["namespace"], name=metadata["name"], uid=metadata["uid"])
        notice = Notice(at=self._clock.now(), ref=ref, text=text)
        if self._listener is None:
            self._unsaid.append(notice)
        else:
            self._listener(notice)


__all__: Sequence[str] = ["PAUSE_SECONDS", "PLAIN_SECONDS", "ClusterNetwork", "Network", "Pace", "Resolving", "Tell"]
