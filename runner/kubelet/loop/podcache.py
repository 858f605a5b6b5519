"""What one pod is to be, and what of it there is: the manifest as it is asked for now, and the last look at the Engine.

Mirrors pkg/kubelet/pod (the manager, which keeps what is asked for) and pkg/kubelet/container/cache.go.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from runner.clock import Clock
from runner.core.container.environment import PodFacts
from runner.core.model import Pod
from runner.core.observed import Observed
from runner.engine.protocol import EngineEvent
from runner.errors import EngineError
from runner.kubelet.loop.observer import Observer


def _as_it_is(observed: Observed) -> Observed:
    return observed


class PodCache:
    """One pod as it is now. ``poke`` may be called from any thread, everything else from the worker's alone."""

    def __init__(self, pod: Pod, observer: Observer, clock: Clock, *, node_name: str, host_ip: str) -> None:
        self.pod = pod
        self.was_dying = pod.is_deleted
        """Whether its deletion was asked for before anybody here had it."""
        self.observer = observer
        self.observed = Observed(at=clock.now())
        self.dirty = True
        """Whether something may have changed since the last look."""
        self._node_name = node_name
        self._host_ip = host_ip
        self.stood = 0.0
        """For how many seconds the pod has stood still."""
        self._complete: Callable[[Observed], Observed] = _as_it_is
        self._counted: Callable[[Observed], Observed] = _as_it_is
        self._decided: Callable[[Observed], Observed] = _as_it_is

    def complete_with(self, complete: Callable[[Observed], Observed]) -> None:
        """From now on have this add to each look what the Engine does not tell. It may raise EngineError."""
        self._complete = complete

    def count_with(self, counted: Callable[[Observed], Observed], decided: Callable[[Observed], Observed]) -> None:
        """From now on have these say what of each look counts, and what of that is decided upon."""
        self._counted, self._decided = counted, decided

    @property
    def to_decide(self) -> Observed:
        """What was seen, for a decision."""
        return self._decided(self.observed)

    def has_stood(self, seconds: float) -> None:
        """The pod stood still for so long."""
        self.stood += seconds
        self.poke()

    def look(self) -> None:
        """Look at the Engine again. Raises EngineError; then the next look is due still."""
        self.dirty = False
        try:
            self.observed = self.observer.observe()
        except EngineError:
            self.dirty = True
            raise
        self.observed = self._counted(self._complete(self.observed))

    def poke(self) -> None:
        """Ask for a look."""
        self.dirty = True

    def shake(self) -> None:
        """Anything may have happened on the node: ask for a look at everything. For any thread."""
        self.observer.shake()
        self.poke()

    def hear(self, event: EngineEvent) -> bool:
        """The Engine tells of a container. Whether a look is due. For any thread."""
        is_news = self.observer.hear(event)
        if is_news:
            self.dirty = True
        return is_news

    def update(self, pod: Pod) -> None:
        """Somebody has changed what is asked of the pod."""
        self.pod = pod
        self.poke()

    def drop(self, container_id: str) -> None:
        """Forget an instance that was removed here; that is no news, which would be a reason to decide at once again."""
        left = [one for one in self.observed.containers if one.id != container_id]
        self.observed = replace(self.observed, containers=tuple(left))

    @property
    def sandbox_id(self) -> str:
        """The newest sandbox, "" before there is one."""
        sandboxes = self.observed.sandboxes
        return sandboxes[0].id if sandboxes else ""

    @property
    def facts(self) -> PodFacts:
        """What the pod's fields may refer to and its manifest does not say."""
        sandboxes = self.observed.sandboxes
        return PodFacts(pod_ip=sandboxes[0].ip if sandboxes else "", host_ip=self._host_ip, node_name=self._node_name)
