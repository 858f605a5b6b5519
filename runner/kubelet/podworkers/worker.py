"""The life of one pod: taken in, run, stopped, removed; and the one loop that waits.

Mirrors pkg/kubelet/pod_workers.go (sync, terminating, terminated).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from runner.clock import Clock, JumpWatch, Wakeup
from runner.core.container.nodeadmission import Rejection
from runner.core.model import Json, Pod
from runner.core.narration import Gone, PodRef
from runner.core.observed import Observed
from runner.core.status.podstatus import PodStatus
from runner.core.sync.decide import Plan
from runner.kubelet.containers.evicting import StorageWatch
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.status import StatusManager
from runner.kubelet.loop.tasks import Handle, Task, TaskSet
from runner.kubelet.loop.troubles import Troubles
from runner.kubelet.options import WorkerOptions
from runner.kubelet.podworkers.admitting import Admitting
from runner.kubelet.podworkers.patience import Patience
from runner.kubelet.podworkers.requests import Requests
from runner.kubelet.podworkers.rests import Rests
from runner.kubelet.podworkers.syncloop import SyncLoop
from runner.kubelet.podworkers.termination import Terminator
from runner.kubelet.prober.manager import ProbeManager
from runner.kubelet.volumes.manager import VolumeManager
from runner.registry.contract import Registry
from runner.registry.deletion import forget_pod

if TYPE_CHECKING:
    from runner.kubelet.loop.standstill import Standstill


@dataclass(slots=True, kw_only=True)
class PodWorker:
    """Runs one pod. ``is_adopted``: another process, or another worker, had it before."""

    options: WorkerOptions
    cache: PodCache
    statuses: StatusManager
    reporter: Reporter
    troubles: Troubles
    registry: Registry
    clock: Clock
    wakeup: Wakeup
    tasks: TaskSet
    patience: Patience
    rests: Rests
    requests: Requests
    admitting: Admitting
    probes: ProbeManager
    volumes: VolumeManager
    storage: StorageWatch
    loop: SyncLoop
    terminator: Terminator
    is_adopted: bool
    standstill: Standstill | None = None
    gone: bool = field(default=False, init=False)
    rejection: Rejection | None = field(default=None, init=False)
    _life: Handle[None] | None = field(default=None, init=False)
    _jumps: JumpWatch = field(init=False)

    def __post_init__(self) -> None:
        self._jumps = JumpWatch(self.clock)

    # --- whoever looks at it ------------------------------------------------------------------------------------------

    @property
    def pod(self) -> Pod:
        """The pod as it is asked for now."""
        return self.cache.pod

    @property
    def ref(self) -> PodRef:
        return self.reporter.ref

    @property
    def observed(self) -> Observed:
        """What was seen last."""
        return self.cache.observed

    def inspection(self, container_id: str) -> Json | None:
        """The Engine's JSON of a container that was seen after its end."""
        return self.cache.observer.end_of(container_id)

    @property
    def published(self) -> PodStatus | None:
        """The status that everybody sees."""
        return self.statuses.published

    @property
    def gave_up(self) -> str:
        """The container that was restarted too often, "" when there is none."""
        return self.loop.gave_up

    @property
    def last_plan(self) -> Plan | None:
        """The last decision that had something to do."""
        return self.loop.last_plan

    # --- being driven -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run the pod until it is gone. Raises what broke the worker itself, never what broke the pod."""
        while not self.step():
            self.wait()

    def wait(self) -> None:
        """Wait for the next thing to do. A clock that is set meanwhile makes nothing come earlier or later."""
        self.clock.wait(self.next_deadline(), self.wakeup)
        self.heed_clock()

    def next_deadline(self) -> datetime | None:
        """When it wants to go on at the latest; None as long as nothing but an event lets it."""
        return None if self.standstill is not None and self.standstill.is_standing else self.tasks.next_deadline()

    def heed_clock(self) -> None:
        """Find out whether the clock was set, and move what is waited for."""
        jump = self._jumps.jump()
        if jump:
            self.tasks.move(jump)
            self.reporter.notice(
                f"the clock was set by {jump.total_seconds():+.0f} s; what is waited for takes as long as it would have"
            )
            self.cache.poke()

    def step(self) -> bool:
        """Advance everything as far as it goes at this instant. Returns whether the pod is gone."""
        tasks, clock, read = self.tasks, self.clock, self.requests.read
        if self._life is None:
            self._life = tasks.start(self._live(), f"life of {self.pod.full_name}")
        read()
        while not self._stands() and tasks.advance(clock.now()):
            read()
        if self._life.done:
            tasks.cancel_all()
            self._life.result  # noqa: B018 - raises what ended it
            return True
        return False

    def _stands(self) -> bool:
        """Whether it stands at a breakpoint, and nobody has said how to go on."""
        return self.standstill is not None and self.standstill.heed()

    def let_go(self) -> None:
        """Nobody drives it any more: end what it waits for."""
        self.tasks.cancel_all()
        self.stand_down()

    def stand_down(self) -> None:
        """It stands at no breakpoint any more."""
        if self.standstill is not None:
            self.standstill.leave()

    # --- the life -----------------------------------------------------------------------------------------------------

    def _live(self) -> Task[None]:
        self.patience.begin()
        if self.is_adopted:
            yield from self.terminator.remove_unfinished()
        if not self.is_adopted or not self.admitting.is_assigned:
            self.admitting.assign()  # A process that took it over before died before it could.
            self.storage.tell_what_nobody_watches()
        yield from self.patience.steadily(self._ask_the_node)
        if self.rejection is None:
            yield from self._run_containers()
        else:
            yield from self.admitting.stay_rejected(self.rejection)
        yield from self.terminator.clean_up()
        self.patience.end()
        self.gone = True
        forget_pod(self.registry, self.pod.uid)
        self.end()

    def _ask_the_node(self) -> None:
        self.rejection = self.admitting.rejection()

    def end(self) -> None:
        """The pod is forgotten: nothing is left to be done but to say so."""
        self.gone = True
        self.reporter.tell(Gone(at=self.clock.now(), ref=self.ref))

    def _run_containers(self) -> Task[None]:
        probes, cache = self.probes, self.cache
        probes.start()
        refresh = self.tasks.start_alone(self.volumes.refresh(), "refreshing volumes")
        watch = self.tasks.start_alone(self.storage.watch(), "watching storage")
        yield from self.loop.run()
        if self.standstill is not None:
            self.standstill.end()
        probes.stop_killing_probes()
        refresh.cancel()
        watch.cancel()
        yield from self.terminator.terminate()
        probes.stop()
        if not cache.pod.is_deleted:
            yield from self.rests.until(lambda: cache.pod.is_deleted)
            yield from self.terminator.terminate()
