"""The published status of each container, from what the runtime shows, the last published status and failed starts.

Mirrors pkg/kubelet/kubelet_pods.go (convertToAPIContainerStatuses) and pkg/kubelet/prober/prober_manager.go
(UpdatePodStatus). Ids and image ids have Docker's form: ``docker://<id>``, ``docker-pullable://<repository>@<digest>``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from runner.core.model import Container, Pod, RestartRule
from runner.core.observed import ContainerRecord, Observed, ProbeResult, ProbeResults, RuntimeState
from runner.core.reasons import TerminatedReason, WaitingReason
from runner.core.status.conditions import ending_behind, restart_all_rules
from runner.core.status.podstatus import (
    ID_PREFIX,
    ContainerStatus,
    PodStatus,
    Running,
    State,
    Terminated,
    Waiting,
)
from runner.core.sync.restart import should_be_started

KILLED = 137
LOST_AT_END = "The container could not be located when the pod was terminated"
LOST_RUNNING = "The container could not be located when the pod was deleted.  The container used to be Running"
LOST_INIT = "Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally"
RESTARTING_ALL = "The container is removed because RestartAllContainers in place"

_NAME = attrgetter("name")
_RUNNING, _UNKNOWN = RuntimeState.RUNNING, RuntimeState.UNKNOWN


class StartFailure(Struct, frozen=True, kw_only=True):
    """Why the last attempt to start a container failed or was put off: a waiting reason and its message."""

    reason: str
    message: str


class ContainerStatuses(Struct, frozen=True, kw_only=True):
    """Init statuses in spec order; app and ephemeral statuses sorted by name."""

    init: tuple[ContainerStatus, ...] = ()
    apps: tuple[ContainerStatus, ...] = ()
    ephemeral: tuple[ContainerStatus, ...] = ()

    def everything(self) -> tuple[ContainerStatus, ...]:
        """Ephemeral statuses too."""
        return self.init + self.apps + self.ephemeral if self.init or self.ephemeral else self.apps

    def all(self) -> tuple[ContainerStatus, ...]:
        """Init and app statuses."""
        return self.init + self.apps if self.init else self.apps


def engine_id(published: str) -> str:
    """The Engine's id of a container that a status names; empty when the status names none."""
    return published.removeprefix(ID_PREFIX)


def container_statuses(
    pod: Pod,
    observed: Observed,
    reasons: Mapping[str, StartFailure],
    results: ProbeResults,
    previous: PodStatus | None,
    previous_ephemeral: Iterable[ContainerStatus] = (),
) -> ContainerStatuses:
    """Compute every container's status. ``reasons``: failed starts by container name, as the last sync left them."""
    old = {}
    if previous is not None:
        for group in (previous.init_containers, previous.containers, previous_ephemeral):
            for status in group:
                old[status.name] = status
    rules = restart_all_rules(pod, observed, previous) if pod.has_rules else ()
    is_final = previous is not None and previous.phase.is_terminal
    view = _View(pod, observed, reasons, results, old, rules, is_final)
    return ContainerStatuses(
        init=tuple(map(view.status, pod.init_containers)) if pod.init_containers else (),
        apps=_by_name(view, pod.containers),
        ephemeral=_by_name(view, pod.ephemeral_containers) if pod.ephemeral_containers else (),
    )


def _by_name(view: _View, containers: Sequence[Container]) -> tuple[ContainerStatus, ...]:
    if len(containers) == 1:
        return (view.status(containers[0]),)
    return tuple(sorted(map(view.status, containers), key=_NAME))


class _View(Struct):
    """What one container's status is computed from."""

    pod: Pod
    observed: Observed
    reasons: Mapping[str, StartFailure]
    results: ProbeResults
    old: Mapping[str, ContainerStatus]
    rules: tuple[RestartRule, ...]
    is_final: bool
    """Whether the pod's phase is: nothing starts any more."""

    def status(self, container: Container) -> ContainerStatus:
        name = container.name
        old = self.old.get(name)
        newest = before = None
        for record in self.observed.containers:
            if record.name == name:
                if newest is not None:
                    before = record
                    break
                newest = record
        if newest is not None:
            is_probed = container.startup is not None or container.readiness is not None
            status = _from_record(newest, old, before, restarting=bool(self.rules), is_probed=is_probed)
        else:
            status = self._without_record(container, old)
        if container.is_init or name in self.reasons:
            status = self._waiting_for_start(container, status)
        return _with_probes(container, status, old, self.results)

    def _without_record(self, container: Container, old: ContainerStatus | None) -> ContainerStatus:
        """The status of a container that the runtime does not know (any more)."""
        initializing = bool(self.pod.init_containers)
        reason = WaitingReason.POD_INITIALIZING if initializing else WaitingReason.CONTAINER_CREATING
        status = ContainerStatus(name=container.name, image=container.image, state=Waiting(reason=reason))
        if old is None:
            return status
        if self.rules and (old.waiting is None or ending_behind(old) is not None):
            return self._removed_for_restart(status, old)
        if old.terminated is not None:
            return old
        status = replace(status, restart_count=old.restart_count, last_state=old.last_state)
        if old.running is None or old.last_terminated is not None:
            return status
        # It ran and is gone: say that it ended, or the pod would count as never started.
        lost = Terminated(exit_code=KILLED, reason=TerminatedReason.STATUS_UNKNOWN, message=LOST_RUNNING)
        again = 0 if self.pod.is_deleted else 1
        return replace(status, last_state=lost, restart_count=status.restart_count + again)

    def _removed_for_restart(self, status: ContainerStatus, old: ContainerStatus) -> ContainerStatus:
        last: State = Terminated(
            exit_code=KILLED, reason=TerminatedReason.RESTARTING_ALL_CONTAINERS, message=RESTARTING_ALL
        )
        # A kubelet forgets how a container had ended before the removal. Under a rule of the manifest so do we; under
        # the retry scope's implied rule the true ending is what the user is looking for.
        ended = ending_behind(old)
        if ended is not None and all(rule.implied for rule in self.rules):
            last = ended
        waiting = Waiting(reason=WaitingReason.RESTARTING_ALL_CONTAINERS, message=RESTARTING_ALL)
        if ended is not None:
            status = old  # its ids stay, and an init container that had done its work stays ready
        return replace(status, state=waiting, last_state=last, restart_count=old.restart_count + 1)

    def _waiting_for_start(self, container: Container, status: ContainerStatus) -> ContainerStatus:
        """Show a container that the next sync starts, and whose last start failed, as waiting with that reason."""
        if container.is_init:
            record = self.observed.latest(container.name)
            if record is not None and record.state is RuntimeState.EXITED and record.exit_code == 0:
                return status
            lost = record is None and not container.is_sidecar and status.waiting is not None
            if lost and not self.rules and self._any_app_created():
                done = Terminated(exit_code=0, reason=TerminatedReason.COMPLETED, message=LOST_INIT)
                return replace(status, state=done)
        failure = self.reasons.get(container.name)
        if failure is None or not should_be_started(self.pod, container, self.observed):
            return status
        if self.is_final and status.terminated is not None:
            return status  # It may be removed by now, and does not start (checkContainerStateTransition).
        if failure.reason == WaitingReason.CRASH_LOOP_BACK_OFF and self.observed.latest(container.name) is None:
            return status  # It is left over: what does not exist any more is not backed off (kuberuntime doBackOff).
        return ContainerStatus(
            name=status.name,
            state=Waiting(reason=failure.reason, message=failure.message),
            last_state=status.terminated or status.last_state,
            ready=status.ready,  # of an init container that had done its work and is lost
            started=False,
            restart_count=status.restart_count,
            image=status.image,
            image_id=status.image_id,
            container_id=status.container_id,
        )

    def _any_app_created(self) -> bool:
        return any(
            record is not None and record.state is not RuntimeState.UNKNOWN
            for record in (self.observed.latest(container.name) for container in self.pod.containers)
        )


def _from_record(
    record: ContainerRecord,
    old: ContainerStatus | None,
    before: ContainerRecord | None,
    *,
    restarting: bool,
    is_probed: bool,
) -> ContainerStatus:
    """The status of a container by its newest instance and the one before; ``old`` is the last one published.

    What runs counts as started and ready where no probe has a say in it.
    """
    identity = record.published_id
    count = record.attempt
    last: State | None = None
    if old is not None:
        if _counts_again(record, old):
            count = old.restart_count + 1
        elif count < old.restart_count:
            count = old.restart_count
    state = record.shown or _unclear_state(record, old, restarting=restarting)
    if before is not None:
        last = before.shown or _unclear_state(before, old, restarting=False)
    elif old is not None:
        changed = old.container_id != identity
        last = old.terminated if changed and old.terminated is not None else old.last_terminated
    is_up = record.state is _RUNNING and not is_probed
    return ContainerStatus(
        name=record.name,
        state=state,
        last_state=last,
        ready=is_up,
        started=is_up,
        restart_count=count,
        image=record.image,
        image_id=record.image_id,
        container_id=identity,
    )


def _counts_again(record: ContainerRecord, old: ContainerStatus) -> bool:
    """Whether an instance shows that the container was restarted once more than its status says."""
    if record.state is _RUNNING:
        return isinstance(old.state, Terminated) and old.restart_count >= record.attempt
    return record.state is _UNKNOWN and old.running is not None


def _unclear_state(record: ContainerRecord, old: ContainerStatus | None, *, restarting: bool) -> State:
    """What an instance shows that neither runs nor has ended, as far as is known."""
    if record.state is _UNKNOWN and old is not None and old.running is not None:
        reason = TerminatedReason.RESTARTING_ALL_CONTAINERS if restarting else TerminatedReason.STATUS_UNKNOWN
        return Terminated(exit_code=KILLED, reason=reason, message=LOST_AT_END)
    return Waiting()


def _with_probes(
    container: Container, status: ContainerStatus, old: ContainerStatus | None, results: ProbeResults
) -> ContainerStatus:
    """Fill in started and ready from the state and the standing verdicts; a kubelet says neither of ephemeral ones."""
    if container.is_ephemeral:
        return replace(status, started=None, ready=False) if status.ready or status.started is not None else status
    running = isinstance(status.state, Running)
    if container.is_regular_init:
        done = status.terminated is not None and status.terminated.exit_code == 0
        return _probed(status, started=running, ready=done or (status.ready and not running))
    if not running:
        return _probed(status, started=False, ready=False)
    if container.startup is None and container.readiness is None:
        return _probed(status, started=True, ready=True)
    same = old is not None and old.container_id == status.container_id
    identity = engine_id(status.container_id)
    # Verdicts live in memory: for the same container the published answer stands in until there is a verdict again.
    started = _verdict(
        results.startup.get(identity),
        probed=container.startup is not None,
        known=same and old is not None and bool(old.started),
    )
    ready = started and _verdict(
        results.readiness.get(identity),
        probed=container.readiness is not None,
        known=same and old is not None and old.ready,
    )
    return _probed(status, started=started, ready=ready)


def _probed(status: ContainerStatus, *, started: bool, ready: bool) -> ContainerStatus:
    if status.started is started and status.ready is ready:
        return status
    return ContainerStatus(
        name=status.name,
        state=status.state,
        last_state=status.last_state,
        ready=ready,
        started=started,
        restart_count=status.restart_count,
        image=status.image,
        image_id=status.image_id,
        container_id=status.container_id,
    )


def _verdict(result: ProbeResult | None, *, probed: bool, known: bool) -> bool:
    if not probed:
        return True
    return known if result is None else result is ProbeResult.SUCCESS
