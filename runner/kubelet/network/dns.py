"""Keeps the cluster's names and Services true for the pods of this process.

Level-triggered: whenever a pod or a Service may have changed, the zone is computed again and brought to each sandbox that has
another one, and so are the Services' proxies and their endpoints. Nothing here waits: whoever drives it gives it time, a thread
(``following.py``) or the laboratory's clock. As long as there are no Services and no other pods, nothing of that costs a call to
the Engine while a pod starts.
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
"""How often Services are looked at although nobody has written: another process that held their proxies may have died."""
PAUSE_SECONDS, _PAUSE_PER_POD = 0.1, 0.01
"""How long what is written is gathered, so that many pods that start at once are not told of each one."""
_QUICK_SECONDS, _SHARE = 0.5, 4
"""A zone is brought to each sandbox by itself. What that takes beyond so many seconds is followed by a rest, so much longer."""
PLAIN_SECONDS = 1.0
"""A zone that tells a pod only of itself is not in a hurry."""


Resolving = tuple[Pod, str]
"""A pod, and the id of its sandbox, which resolves names for it."""
Tell = Callable[[Json, str], None]
"""Tells of a Service."""


class Pace(NamedTuple):
    """Seconds to rest after a look whatever happens, and in how many more to look again at the latest; None: no need."""

    rest: float = 0.0
    again: float | None = None


class Network(Protocol):
    """What a node needs of whoever keeps names and Services true."""

    def zone(self, pod: Pod) -> str:
        """What a new sandbox of the pod is given; empty when what it knows by itself is enough."""
        ...

    def follow(self, sandboxes: Callable[[], Iterable[Resolving]], listener: Listener) -> None:
        """Keep everything true from now on. Raises StoreError."""
        ...

    def wake(self) -> None:
        """Look again: something was written, or a sandbox is new."""
        ...


@dataclass(slots=True)
class _Told:
    """What the sandboxes of one pod answer by."""

    given: str | None = None
    """What the latest one began with."""
    written: dict[str, str] = field(default_factory=dict)
    """What each that there is was brought since, by its id."""
    directory: Path | None = None
    """Where that is written, once ``is_found``; None where it goes through the Engine."""
    is_found: bool = False

    def give(self, zone: str) -> None:
        """Another sandbox begins with this zone."""
        self.given = zone

    def answers_by(self, sandbox_id: str, zone: str) -> bool:
        """Whether a sandbox answers by this zone already."""
        return self.written.get(sandbox_id, self.given) == zone

    def bring(self, sandbox_id: str, zone: str, there: Set[str]) -> None:
        """A sandbox was brought another zone; those that are not there any more are forgotten."""
        self.written = {one: before for one, before in self.written.items() if one in there} | {sandbox_id: zone}

    def where(self, find: Callable[[], Path | None]) -> Path | None:
        """The directory of the pod's zone on this host, found once."""
        if not self.is_found:
            self.directory, self.is_found = find(), True
        return self.directory


class ClusterNetwork:
    """The names and Services of one process' pods.

    ``relook``: in how many seconds Services are looked at again although nothing is known to have changed; None where nobody
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
        """By the UIDs of the pods that there are."""
        self._computing = threading.Lock()
        self._begins_with: tuple[float, str] | None = None
        """What new sandboxes are given, and until when on the steady clock."""
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
            # Those that start together begin with the same one; what was written since is brought to them.
            now = self._clock.steady()
            if self._begins_with is None or self._begins_with[0] <= now:
                text, pods = self._zone()
                self._begins_with = now + PAUSE_SECONDS + _PAUSE_PER_POD * pods, text
            text = self._begins_with[1]
        self._told.setdefault(pod.uid, _Told()).give(text)
        return text

    @property
    def remembered(self) -> frozenset[str]:
        """The UIDs of the pods of which something is remembered."""
        return frozenset(self._told)

    def _zone(self) -> tuple[str, int]:
        """What a new sandbox is given, and how many pods there are."""
        from runner.core.network.zone import is_plain, zone_text

        services, pods = self._registry.list("Service").items, self._pods()
        return "" if is_plain(services, pods) else zone_text(services, pods), len(pods)

    def tell(self, listener: Listener) -> None:
        """Tell this listener what is wrong with Services, and what has been before."""
        self._listener = listener
        for notice in self._unsaid:
            listener(notice)
        self._unsaid.clear()

    def look(self, sandboxes: Iterable[Resolving]) -> Pace:
        """Bring everything where it belongs. Raises RunnerError; the next look finds the same difference."""
        from runner.core.network.zone import is_plain, zone_text

        known = set(self._told)  # A pod that asks meanwhile may be younger than the list.
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
            except EngineError:  # It has gone meanwhile, or the next look finds the same difference.
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
        """Have a sandbox answer by another zone. Raises EngineError."""
        engine = self._engine.of(pod, SANDBOX_CONTAINER)
        if not write_zone(told.where(partial(zone_directory, engine, pod)), text):
            upload_text(engine, sandbox_id, ZONE, text, self._clock.now())

    def close(self) -> None:
        """End the proxies that nobody else needs."""
        if self._made is not None:
            with suppress(RunnerError):
                self._made.close()

    def _pods(self) -> list[Object]:
        """The pods that have names."""
        return pods_of_living(self._registry, self._place.holder.is_alive)

    def _usual(self, tell: Tell) -> Proxies:
        """The proxies, and what they need imported."""
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
