"""Runs the probes of one pod, one task for each. Mirrors pkg/kubelet/prober/worker.go and prober_manager.go."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.core.model import Container, Probe, ProbeKind
from runner.core.observed import ContainerRecord, ProbeResult, RuntimeState
from runner.core.reasons import EventReason, warning
from runner.core.sync.probing import (
    ProbeRun,
    RunResult,
    advance_probe,
    event_message,
    first_run_at,
    initial_state,
    initial_verdict,
)
from runner.core.text.times import later
from runner.kubelet.loop.context import PodContext
from runner.kubelet.loop.jobs import run_job
from runner.kubelet.loop.lanes import Lane
from runner.kubelet.loop.tasks import Handle, Task, Wait
from runner.kubelet.prober.handlers import Target

_TRIES = 3


@dataclass(slots=True)
class Prober:
    """The probe tasks of a pod."""

    context: PodContext
    _handles: dict[tuple[str, ProbeKind], Handle[None]] = field(default_factory=dict)

    def start(self) -> None:
        """Start one task for every probe of apps and sidecars."""
        for container in self.context.pod.all_containers():
            if container.is_regular_init:
                continue
            for kind in ProbeKind:
                probe = container.probe(kind)
                if probe is not None and (container.name, kind) not in self._handles:
                    self._handles[container.name, kind] = self.context.tasks.start_alone(
                        self._work(container, kind, probe), f"{kind} probe of {container.name}"
                    )

    def stop_killing_probes(self) -> None:
        """The pod is going away: liveness and startup probes of apps end, sidecars' and readiness go on."""
        apps = {c.name for c in self.context.pod.containers}
        for (name, kind), handle in self._handles.items():
            if name in apps and kind is not ProbeKind.READINESS:
                handle.cancel()

    def stop(self) -> None:
        """End all probes."""
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()

    def _work(self, container: Container, kind: ProbeKind, probe: Probe) -> Task[None]:
        """Probe instance after instance of one container."""
        while True:
            record = self._running(container)
            if record is None:
                yield Wait(ready=lambda: self._running(container) is not None)
                continue
            if self.context.pod.is_deleted and kind is not ProbeKind.READINESS:
                self._set(kind, record.id, ProbeResult.SUCCESS)
                return
            yield from self._watch(container, kind, probe, record)

    def _watch(self, container: Container, kind: ProbeKind, probe: Probe, record: ContainerRecord) -> Task[None]:
        """Probe one instance until it is over or the pod goes away."""
        context = self.context
        context.probes.begin(kind, record.id, initial_verdict(kind))
        state = initial_state(kind)
        due = first_run_at(probe, record.started_at or record.created_at, context.now())
        is_due = False
        while self._lives(record) and not state.on_hold:
            if not is_due and context.now() < due:
                yield Wait(until=due, ready=lambda: not self._lives(record))
                is_due = True  # whatever the clock says now: it may have been set
                continue
            if kind is not ProbeKind.STARTUP and not self._is_started(container, record):
                yield Wait(ready=lambda: not self._lives(record) or self._is_started(container, record))
                continue
            if context.pod.is_deleted and kind is not ProbeKind.READINESS:
                return
            due, is_due = later(context.now(), probe.period), False
            run = yield from self._run(container, kind, probe, record)
            if run is None or not self._lives(record):
                continue
            state = advance_probe(kind, probe, state, run)
            self._set(kind, record.id, state.verdict)
        # On hold, or over: wait for a new instance.
        yield Wait(ready=lambda: not self._lives(record))
        if kind is not ProbeKind.STARTUP or context.probes.get(kind, record.id) is not ProbeResult.SUCCESS:
            context.probes.drop(kind, record.id)

    def _run(
        self, container: Container, kind: ProbeKind, probe: Probe, record: ContainerRecord
    ) -> Task[ProbeRun | None]:
        context = self.context
        sandboxes = context.observed.sandboxes
        target = Target(
            pod=context.pod,
            container=container,
            container_id=record.id,
            sandbox_id=sandboxes[0].id if sandboxes else "",
            pod_ip=context.facts.pod_ip,
            probe=kind,
            attempt=record.attempt,
        )
        run = ProbeRun(result=RunResult.ERROR)
        for _ in range(_TRIES):
            run = yield from run_job(
                context.jobs, lambda: context.handlers.probe(target, probe.handler, timeout=probe.timeout), Lane.EXEC
            )
            if run.result is not RunResult.ERROR:
                break
        if not self._lives(record):
            return None
        if run.result is not RunResult.SUCCESS:
            reason = EventReason.PROBE_WARNING if run.result is RunResult.WARNING else EventReason.UNHEALTHY
            context.event(warning(reason, event_message(kind, run)), container)
        return run

    def _set(self, kind: ProbeKind, container_id: str, verdict: ProbeResult) -> None:
        if not self.context.probes.set(kind, container_id, verdict):
            return
        self.context.statuses.show_probed(kind, container_id, verdict)
        if kind is not ProbeKind.LIVENESS or verdict is ProbeResult.FAILURE:
            self.context.poke()

    def _running(self, container: Container) -> ContainerRecord | None:
        """The instance to probe: it runs, and its status says so, which it does not before its postStart hook is over."""
        record = self.context.observed.latest(container.name)
        if record is None or not self._lives(record) or self.context.status is None:
            return None
        known = self.context.status.container(container.name)
        return record if known is not None and known.container_id == record.published_id else None

    def _lives(self, record: ContainerRecord) -> bool:
        """Whether an instance still runs, in a pod whose phase is not final."""
        status, latest = self.context.status, self.context.observed.latest(record.name)
        if status is not None and status.phase.is_terminal:
            return False
        return latest is not None and latest.id == record.id and latest.state is RuntimeState.RUNNING

    def _is_started(self, container: Container, record: ContainerRecord) -> bool:
        if container.startup is None:
            return True
        return self.context.probes.get(ProbeKind.STARTUP, record.id) is ProbeResult.SUCCESS
