"""What the tasks of one pod share: its collaborators and the little that a kubelet keeps in memory.

Everything in here may be lost: after a restart the next look at the Engine and the store gives the same decisions, only
back-offs begin anew, as they do when a kubelet restarts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from runner.clock import Clock
from runner.core.container.environment import PodFacts
from runner.core.model import Container, Json, Pod, ProbeKind
from runner.core.narration import Listener, Narration, PodRef, StatusChanged
from runner.core.observed import Observed, ProbeResult, ProbeResults
from runner.core.reasons import EventReason, Note, normal
from runner.core.status.containerstatus import StartFailure
from runner.core.status.podstatus import ID_PREFIX, PodStatus
from runner.core.status.status import (
    DEADLINE_MESSAGE,
    PodFailure,
    generate_status,
    held_back,
    probed_status,
    terminate_status,
)
from runner.core.sync.backoff import BackoffEntry, BackoffSettings
from runner.core.sync.decide import Memory
from runner.core.sync.restart import with_retry_scope
from runner.core.volumes import VolumePlan
from runner.engine.protocol import Engine
from runner.errors import EngineError
from runner.kubelet.containers.ahead import Ahead
from runner.kubelet.containers.config import KnownTemplate
from runner.kubelet.containers.prefetch import Prefetcher
from runner.kubelet.containers.termination_messages import TerminationMessages
from runner.kubelet.loop.health import EngineHealth
from runner.kubelet.loop.jobs import Jobs
from runner.kubelet.loop.making import Making
from runner.kubelet.loop.observer import Observer
from runner.kubelet.loop.recorder import EventRecorder
from runner.kubelet.loop.secrecy import Secrets
from runner.kubelet.loop.tasks import TaskSet
from runner.kubelet.loop.troubles import Troubles
from runner.kubelet.options import WorkerOptions
from runner.kubelet.prober.handlers import Handlers
from runner.registry.contract import Registry


@dataclass(slots=True)
class PodContext:
    """One pod's collaborators and memory. Used by one thread."""

    pod: Pod
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
    sandbox_image: str
    tasks: TaskSet = field(default_factory=TaskSet)
    observed: Observed = field(init=False)
    reasons: dict[str, StartFailure] = field(default_factory=dict)
    crashes: dict[tuple[str, ...], BackoffEntry] = field(default_factory=dict)
    attempts: dict[str, int] = field(init=False)
    """The highest attempt of each container so far, and of the sandbox (``POD``): what the store holds."""
    pulls: dict[tuple[str, ...], BackoffEntry] = field(default_factory=dict)
    troubles: Troubles = field(default_factory=Troubles)
    verdicts: dict[ProbeKind, dict[str, ProbeResult]] = field(default_factory=lambda: {kind: {} for kind in ProbeKind})
    volumes: tuple[VolumePlan, ...] = ()
    templates: dict[str, KnownTemplate] = field(default_factory=dict)
    status: PodStatus | None = None
    """What the pod's containers amount to; decisions go by it."""
    published: PodStatus | None = None
    """What everybody sees: the same, but a final phase is held back until nothing of the pod runs."""
    may_run: bool = True
    failure: PodFailure | None = None
    """Whether containers of the pod may run: until the pod was stopped for good."""
    prefetcher: Prefetcher | None = None
    messages: TerminationMessages | None = None
    ahead: Ahead | None = None
    secrets: Secrets = field(default_factory=Secrets)
    filled: set[str] = field(default_factory=set)
    resolver_told: str = ""
    """The sandbox whose resolver's limits have been told of."""
    profiles: Path | None = None
    locks: Path | None = None
    zone: Callable[[Pod], str] = lambda _: ""
    wake: Callable[[], None] = lambda: None
    making: Making = field(default_factory=Making)
    health: EngineHealth = field(default_factory=EngineHealth)
    dirty: bool = True
    now: Callable[[], datetime] = field(init=False)
    ref: PodRef = field(init=False)
    backoff: BackoffSettings = field(init=False)
    memory: Memory = field(init=False)
    """What is remembered, as decisions look at it."""
    results: ProbeResults = field(init=False)
    """A view of the verdicts."""

    def __post_init__(self) -> None:
        retry = self.options.retry
        self.now = self.clock.now
        self.observed = Observed(at=self.now())
        self.attempts = dict(self.store.ledger.attempts(self.pod.uid))
        self.pod = with_retry_scope(self.pod, retry.scope)
        self.ref = PodRef(namespace=self.pod.namespace, name=self.pod.name, uid=self.pod.uid)
        self.backoff = BackoffSettings(initial=retry.initial, cap=retry.cap, speed=self.options.speed)
        self.memory = Memory(
            crashes=self.crashes,
            attempts=self.attempts,
            settings=self.backoff,
            schedule=retry.delay,
            max_restarts=self.options.max_restarts,
            gives_up=retry.gives_up if retry.may_give_up else None,
        )
        self.results = ProbeResults(
            startup=self.verdicts[ProbeKind.STARTUP],
            liveness=self.verdicts[ProbeKind.LIVENESS],
            readiness=self.verdicts[ProbeKind.READINESS],
        )

    @property
    def facts(self) -> PodFacts:
        sandboxes = self.observed.sandboxes
        return PodFacts(
            pod_ip=sandboxes[0].ip if sandboxes else "",
            host_ip=self.options.host_ip,
            node_name=self.options.node_name,
        )

    def look(self) -> None:
        """Look at the Engine again. Raises EngineError; then the next look is due still."""
        self.dirty = False
        try:
            self.observed = self.observer.observe()
        except EngineError:
            self.dirty = True
            raise
        if self.messages is not None:
            self.messages.complete(self)

    def publish(self) -> PodStatus:
        """Compute the status from what was seen last, and publish it if it differs from the one before."""
        status = self._computed()
        self.announce(status)
        return status

    def finish(self, *, is_stopped: bool) -> None:
        """Publish how the containers ended, now that they are stopped for good, and then the last status with its final phase.

        ``is_stopped``: its sandbox too, so that what is not known to have ended counts as killed.
        """
        self.announce(self._computed(is_terminal=True))
        status = self._computed(is_terminal=True)
        self.may_run = False
        self.announce(terminate_status(self.pod, status) if is_stopped else status)

    def _computed(self, *, is_terminal: bool = False) -> PodStatus:
        status = generate_status(
            self.pod,
            self.observed,
            self.reasons,
            self.results,
            self.status,
            self.now(),
            is_terminal=is_terminal,
            host_ip=self.options.host_ip,
            failure=self.failure,
        )
        if self.may_run and status.reason == EventReason.DEADLINE_EXCEEDED:
            # A kubelet says it each time it computes the status (active_deadline.go).
            self.event(normal(EventReason.DEADLINE_EXCEEDED, DEADLINE_MESSAGE))
        return status

    def announce(self, status: PodStatus) -> None:
        """Store a status and tell the listener, unless it is the one that is known."""
        self.status = status
        before = self.published
        if self.may_run:
            status = held_back(before, status)
        # What differs mostly differs in its containers; to compare everything takes longer.
        if before is not None and status.containers == before.containers and status == before:
            return
        self.published = status
        self.store.publish_status(self.pod.uid, status)
        self.show()

    def show_probed(self, kind: ProbeKind, container_id: str, verdict: ProbeResult) -> None:
        """Publish what a readiness or startup probe says of a container, whatever else is going on with the pod."""
        if self.status is not None and kind is not ProbeKind.LIVENESS:
            published_id = f"{ID_PREFIX}{container_id}"
            self.announce(probed_status(self.pod, self.status, published_id, kind, verdict, self.now()))

    def show(self) -> None:
        """Tell the listener what the whole pod looks like now."""
        self.listener(StatusChanged(at=self.now(), ref=self.ref, manifest=self.pod.manifest, status=self.published))

    def tell(self, narration: Narration) -> None:
        self.listener(narration)

    def event(self, note: Note, container: Container | None = None) -> None:
        """Record an event about the pod or one of its containers."""
        self.recorder.note(note, field_path="" if container is None else container.field_path)

    def lookup(self, kind: str, name: str) -> Json | None:
        """Find an object that the pod refers to."""
        return self.store.get(kind, self.pod.namespace, name)

    def note_attempt(self, name: str, attempt: int) -> None:
        """Remember an attempt for good: what there was of it may be removed, its number is never given again."""
        self.attempts[name] = max(attempt, self.attempts.get(name, attempt))
        self.store.ledger.note_attempt(self.pod.uid, name, attempt)

    def poke(self) -> None:
        """Ask for a sync."""
        self.dirty = True
