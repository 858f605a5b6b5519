"""Runs the probes of one pod, one task for each. Mirrors pkg/kubelet/prober/worker.go and prober_manager.go."""

from __future__ import annotations

from runner.clock import Clock, Countdown
from runner.core.model import Container, Probe, ProbeKind
from runner.core.observed import ContainerRecord, Observed, ProbeResult, RuntimeState
from runner.core.reasons import EventReason, warning
from runner.core.status.podstatus import PodStatus
from runner.core.sync.probing import (
    ProbeRun,
    RunResult,
    advance_probe,
    event_message,
    first_run_at,
    initial_state,
    initial_verdict,
)
from runner.kubelet.loop.jobs import Jobs, run_job
from runner.kubelet.loop.lanes import Lane
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.status import StatusManager
from runner.kubelet.loop.tasks import Handle, Task, TaskSet, Wait
from runner.kubelet.prober.handlers import Handlers, Target
from runner.kubelet.prober.results import Results

_TRIES = 3


class ProbeManager:
    """The probe tasks of a pod."""

    def __init__(
        self,
        cache: PodCache,
        results: Results,
        statuses: StatusManager,
        reporter: Reporter,
        handlers: Handlers,
        tasks: TaskSet,
        jobs: Jobs,
        clock: Clock,
    ) -> None:
        self._cache = cache
        self._results = results
        self._statuses = statuses
        self._reporter = reporter
        self._handlers = handlers
        self._tasks = tasks
        self._jobs = jobs
        self._clock = clock
        self._handles: dict[tuple[str, ProbeKind], Handle[None]] = {}
        self._judged_status: PodStatus | None = None
        self._judged_look: Observed | None = None
        self._living: dict[str, ContainerRecord] = {}
        """The newest instances at that look, by the containers' names; none when the pod's phase was final."""

    def start(self) -> None:
        """Start one task for every probe of apps and sidecars."""
        for container in self._cache.pod.all_containers():
            if container.is_regular_init:
                continue
            for kind in ProbeKind:
                probe = container.probe(kind)
                if probe is not None and (container.name, kind) not in self._handles:
                    self._handles[container.name, kind] = self._tasks.start_alone(
                        self._work(container, kind, probe), f"{kind} probe of {container.name}"
                    )

    def stop_killing_probes(self) -> None:
        """End the liveness and startup probes of apps, as the pod is being stopped; sidecars' and readiness probes go on."""
        apps = {c.name for c in self._cache.pod.containers}
        for (name, kind), handle in self._handles.items():
            if name in apps and kind is not ProbeKind.READINESS:
                handle.cancel()

    def stop(self) -> None:
        """End all probes."""
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()

    def _work(self, container: Container, kind: ProbeKind, probe: Probe) -> Task[None]:
        """Probe one container, instance after instance."""
        while True:
            record = self._running(container)
            if record is None:
                yield Wait(ready=lambda: self._running(container) is not None)
                continue
            if self._cache.pod.is_deleted and kind is not ProbeKind.READINESS:
                self._set(kind, record.id, ProbeResult.SUCCESS)
                return
            yield from self._watch(container, kind, probe, record)

    def _watch(self, container: Container, kind: ProbeKind, probe: Probe, record: ContainerRecord) -> Task[None]:
        """Probe one instance until it has ended or the pod is stopped."""
        self._results.begin(kind, record.id, initial_verdict(kind))
        state = initial_state(kind)
        now = self._clock.now()
        first = first_run_at(probe, record.started_at or record.created_at, now)
        due = Countdown(self._clock, (first - now).total_seconds())
        while self._lives(record) and not state.on_hold:
            if not due.is_over:
                yield Wait(until=due.until, ready=lambda: not self._lives(record))
                continue
            if kind is not ProbeKind.STARTUP and not self._is_started(container, record):
                yield Wait(ready=lambda: not self._lives(record) or self._is_started(container, record))
                continue
            if self._cache.pod.is_deleted and kind is not ProbeKind.READINESS:
                return
            due = Countdown(self._clock, probe.period)
            run = yield from self._run(container, kind, probe, record)
            if run is None:
                continue
            state = advance_probe(kind, probe, state, run)
            self._set(kind, record.id, state.verdict)
        # It is held, or has ended: wait for a new instance.
        yield Wait(ready=lambda: not self._lives(record))
        if kind is not ProbeKind.STARTUP or self._results.get(kind, record.id) is not ProbeResult.SUCCESS:
            self._results.drop(kind, record.id)

    def _run(
        self, container: Container, kind: ProbeKind, probe: Probe, record: ContainerRecord
    ) -> Task[ProbeRun | None]:
        target = Target(
            pod=self._cache.pod,
            container=container,
            container_id=record.id,
            sandbox_id=self._cache.sandbox_id,
            pod_ip=self._cache.facts.pod_ip,
            probe=kind,
            attempt=record.attempt,
        )
        run = ProbeRun(result=RunResult.ERROR)
        for _ in range(_TRIES):
            run = yield from run_job(
                self._jobs, lambda: self._handlers.probe(target, probe.handler, timeout=probe.timeout), Lane.EXEC
            )
            if run.result is not RunResult.ERROR:
                break
        if not self._lives(record):
            return None
        if run.result is not RunResult.SUCCESS:
            reason = EventReason.PROBE_WARNING if run.result is RunResult.WARNING else EventReason.UNHEALTHY
            self._reporter.event(warning(reason, event_message(kind, run)), container)
        return run

    def _set(self, kind: ProbeKind, container_id: str, verdict: ProbeResult) -> None:
        if not self._results.set(kind, container_id, verdict):
            return
        self._statuses.show_probed(kind, container_id, verdict)
        if kind is not ProbeKind.LIVENESS or verdict is ProbeResult.FAILURE:
            self._cache.poke()

    def _running(self, container: Container) -> ContainerRecord | None:
        """The instance to probe: it runs, and its status says so, which is only the case once its postStart hook is over."""
        record = self._cache.observed.latest(container.name)
        if record is None or not self._lives(record) or self._statuses.status is None:
            return None
        known = self._statuses.status.container(container.name)
        return record if known is not None and known.container_id == record.published_id else None

    def _lives(self, record: ContainerRecord) -> bool:
        """Whether an instance still runs, in a pod whose phase is not final."""
        status, observed = self._statuses.status, self._cache.observed
        if status is not self._judged_status or observed is not self._judged_look:
            # Each probe asks at each step of its pod, and both change rarely.
            self._judged_status, self._judged_look = status, observed
            over = status is not None and status.phase.is_terminal
            self._living = {} if over else {one.name: one for one in reversed(observed.containers)}
        latest = self._living.get(record.name)
        return latest is not None and latest.id == record.id and latest.state is RuntimeState.RUNNING

    def _is_started(self, container: Container, record: ContainerRecord) -> bool:
        if container.startup is None:
            return True
        return self._results.get(ProbeKind.STARTUP, record.id) is ProbeResult.SUCCESS
