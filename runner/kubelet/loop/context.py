"""What the tasks of one pod share until each takes what it uses: collaborators, which own their state.

Everything in here may be lost: after a restart the next look at the Engine and the store gives the same decisions, only
back-offs begin anew, as they do when a kubelet restarts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from runner.clock import Clock
from runner.core.container.environment import PodFacts
from runner.core.model import Container, Json, Pod
from runner.core.narration import Listener, Narration, PodRef
from runner.core.observed import Observed, ProbeResults
from runner.core.reasons import Note
from runner.core.status.podstatus import PodStatus
from runner.core.status.status import PodFailure
from runner.core.sync.backoff import BackoffEntry, BackoffSettings
from runner.core.sync.decide import Memory
from runner.core.sync.restart import with_retry_scope
from runner.core.volumes import VolumePlan
from runner.engine.protocol import Engine
from runner.kubelet.loop.health import EngineHealth
from runner.kubelet.loop.jobs import Jobs
from runner.kubelet.loop.making import Making
from runner.kubelet.loop.observer import Observer
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.recorder import EventRecorder
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.restarts import Restarts
from runner.kubelet.loop.secrecy import Secrets
from runner.kubelet.loop.status import StatusManager
from runner.kubelet.loop.tasks import TaskSet
from runner.kubelet.loop.troubles import Troubles
from runner.kubelet.options import WorkerOptions
from runner.kubelet.prober.handlers import Handlers
from runner.kubelet.prober.results import Results
from runner.registry.contract import Registry

if TYPE_CHECKING:
    from runner.kubelet.containers.wiring import Containers


@dataclass(slots=True)
class PodContext:
    """One pod's collaborators and memory. Used by one thread."""

    made_of: Pod
    engine: Engine
    store: Registry
    clock: Clock
    jobs: Jobs
    recorder: EventRecorder
    observer: Observer
    options: WorkerOptions
    handlers: Handlers
    listener: Listener
    owner: str
    stored: PodStatus | None = None
    tasks: TaskSet = field(default_factory=TaskSet)
    pulls: dict[tuple[str, ...], BackoffEntry] = field(default_factory=dict)
    troubles: Troubles = field(default_factory=Troubles)
    probes: Results = field(default_factory=Results)
    volumes: tuple[VolumePlan, ...] = ()
    secrets: Secrets = field(default_factory=Secrets)
    filled: set[str] = field(default_factory=set)
    locks: Path | None = None
    making: Making = field(default_factory=Making)
    health: EngineHealth = field(default_factory=EngineHealth)
    now: Callable[[], datetime] = field(init=False)
    reporter: Reporter = field(init=False)
    cache: PodCache = field(init=False)
    restarts: Restarts = field(init=False)
    statuses: StatusManager = field(init=False)
    containers: Containers = field(init=False)

    def __post_init__(self) -> None:
        options, pod = self.options, with_retry_scope(self.made_of, self.options.retry.scope)
        self.now = self.clock.now
        self.reporter = Reporter(
            PodRef(namespace=pod.namespace, name=pod.name, uid=pod.uid), self.recorder, self.listener, self.clock
        )
        self.cache = PodCache(pod, self.observer, self.clock, node_name=options.node_name, host_ip=options.host_ip)
        self.restarts = Restarts(pod.uid, self.store.ledger, options)
        self.statuses = StatusManager(
            self.cache,
            self.store,
            self.reporter,
            self.clock,
            self.probes.view,
            host_ip=options.host_ip,
            stored=self.stored,
        )

    # What follows is for those who do not take the collaborators themselves yet.

    @property
    def pod(self) -> Pod:
        return self.cache.pod

    @property
    def observed(self) -> Observed:
        return self.cache.observed

    @property
    def facts(self) -> PodFacts:
        return self.cache.facts

    @property
    def ref(self) -> PodRef:
        return self.reporter.ref

    @property
    def attempts(self) -> Mapping[str, int]:
        return self.restarts.attempts

    @property
    def memory(self) -> Memory:
        return self.restarts.memory

    @property
    def backoff(self) -> BackoffSettings:
        return self.restarts.settings

    @property
    def results(self) -> ProbeResults:
        return self.probes.view

    @property
    def status(self) -> PodStatus | None:
        return self.statuses.status

    @property
    def published(self) -> PodStatus | None:
        return self.statuses.published

    @property
    def failure(self) -> PodFailure | None:
        return self.statuses.failure

    @property
    def dirty(self) -> bool:
        return self.cache.dirty

    def look(self) -> None:
        self.cache.look()

    def publish(self) -> None:
        self.statuses.publish()

    def tell(self, narration: Narration) -> None:
        self.reporter.tell(narration)

    def event(self, note: Note, container: Container | None = None) -> None:
        self.reporter.event(note, container)

    def lookup(self, kind: str, name: str) -> Json | None:
        """Find an object that the pod refers to."""
        return self.store.get(kind, self.pod.namespace, name)

    def note_attempt(self, name: str, attempt: int) -> None:
        self.restarts.note_attempt(name, attempt)

    def poke(self) -> None:
        self.cache.poke()
