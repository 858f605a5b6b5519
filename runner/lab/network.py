"""The cluster's names and Services in virtual time: the product's own network, which looks when what it tells may have changed.

Nothing of it keeps a simulation going: what it would do later, when nothing else happens any more, it does at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from runner.clock import Clock
from runner.core.model import Pod
from runner.core.status.podstatus import ConditionType, PodStatus
from runner.engine.protocol import Engine
from runner.errors import RunnerError
from runner.kubelet.network.dns import PAUSE_SECONDS, PLAIN_SECONDS, ClusterNetwork, Pace, Resolving, Tell
from runner.kubelet.network.place import NetworkPlace
from runner.registry.contract import Registry
from runner.registry.holders import SoleHolder

if TYPE_CHECKING:
    from runner.core.narration import Listener
    from runner.kubelet.network.proxy import Proxies


_NOTHING: Final = (None, None)


class VirtualNetwork:
    """The network of a node in virtual time. ``due``: when it wants to ``work``; None: not at all."""

    def __init__(self, engine: Engine, registry: Registry, clock: Clock, *, image: str, owner: str) -> None:
        place = NetworkPlace(SoleHolder(owner), owner)

        def proxies(tell: Tell) -> Proxies:
            from runner.kubelet.network.proxy import Proxies, one_by_one

            return Proxies(engine, registry, clock, place, tell, image=image, spread=one_by_one)

        self._registry = registry
        self._clock = clock
        self._network = ClusterNetwork(engine, registry, clock, place, relook=None, make_proxies=proxies)
        self._sandboxes: Callable[[], Iterable[Resolving]] = lambda: ()
        self.due: datetime | None = None
        self._rests_until: datetime | None = None
        self._is_prepared = False
        self._seen: dict[str, tuple[Pod | None, object]] = {}
        """Of each pod what the network tells others, with the value that it is of."""

    # What a node needs

    def zone(self, pod: Pod) -> str:
        """What a new sandbox of the pod is given."""
        self.wake()
        return self._network.zone(pod)

    def follow(self, sandboxes: Callable[[], Iterable[Resolving]], listener: Listener) -> None:
        """Keep everything true from now on."""
        self._sandboxes = sandboxes
        self._network.tell(listener)

    def wake(self) -> None:
        """Look again soon, when what changes meanwhile is gathered."""
        self._plan(PAUSE_SECONDS)

    # What the owner of the clock does

    def prepare(self) -> None:
        """Give the Services that there are their addresses, before the first pod starts; later it is done with all else."""
        if self._is_prepared:
            return
        self._is_prepared = True
        services = self._registry.list("Service").items
        if services:
            with suppress(RunnerError):
                self._network.prepare(services)

    def see(self, pod: Pod, status: PodStatus | None) -> None:
        """A pod has gone on: what others are told of it may have changed."""
        if status is None:
            return
        told: object = (status.pod_ip, status.phase.is_terminal)
        if self._network.has_services:  # Else its readiness is not asked for.
            # A pod is another value after each write of it: its identity tells, where comparing would take long.
            told = (told, id(pod), status.is_true(ConditionType.READY))
        if self._seen.get(pod.uid, _NOTHING)[1] != told:
            self.wake()
            self._seen[pod.uid] = (pod, told)

    def clock_was_set(self, by: timedelta) -> None:
        """What is planned comes as much later by the clock."""
        self.due = None if self.due is None else self.due + by
        self._rests_until = None if self._rests_until is None else self._rests_until + by

    def forget(self, uid: str) -> None:
        """A pod is gone."""
        self._seen.pop(uid, None)
        self.wake()

    def work(self) -> None:
        """Look, if that is due."""
        if self.due is not None and self.due <= self._clock.now():
            self.finish()

    def finish(self) -> None:
        """Do what there is to do, whenever it is due."""
        if self.due is None:
            return
        self.due = self._rests_until = None
        pace = Pace(again=PLAIN_SECONDS)
        with suppress(RunnerError):  # The next look finds the same difference.
            pace = self._network.look(self._sandboxes())
        if pace.rest:
            self._rests_until = self._clock.now() + timedelta(seconds=pace.rest)
        if pace.again is not None:
            self._plan(pace.again)

    def _plan(self, seconds: float) -> None:
        if self.due is None:
            due = self._clock.now() + timedelta(seconds=seconds)
            self.due = due if self._rests_until is None else max(due, self._rests_until)


__all__ = ["VirtualNetwork"]
