"""The published status of a pod.

Mirrors pkg/kubelet/kubelet_pods.go (generateAPIPodStatus, convertStatusToAPIStatus), active_deadline.go, and from
pkg/kubelet/status/status_manager.go TerminatePod, mergePodStatus, SetContainerReadiness, SetContainerStartup and
normalizeStatus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from runner.core.container.podresources import resources_status
from runner.core.container.qos import qos_class
from runner.core.model import Json, Pod, ProbeKind
from runner.core.observed import Observed, ProbeResult, ProbeResults
from runner.core.reasons import EventReason, TerminatedReason
from runner.core.status.conditions import pod_conditions, readiness_conditions
from runner.core.status.containerstatus import (
    KILLED,
    LOST_AT_END,
    ContainerStatuses,
    StartFailure,
    container_statuses,
)
from runner.core.status.phase import app_has_started, get_phase
from runner.core.status.podstatus import (
    ContainerStatus,
    Phase,
    PodStatus,
    State,
    Terminated,
    container_status_from_json,
    container_status_json,
)
from runner.core.text.times import later

DEADLINE_MESSAGE = "Pod was active on the node longer than the specified deadline"
MESSAGE_BYTES = 12 * 1024
"""Bytes of termination messages in one pod, shared equally by its containers."""

_EPHEMERAL = "ephemeralContainerStatuses"
_NOTHING = PodStatus()


class PodFailure(Struct, frozen=True, kw_only=True):
    """Why a pod is declared Failed from outside its containers: ``DeadlineExceeded``, ``Evicted`` …"""

    reason: str
    message: str


def deadline_at(pod: Pod, start_time: datetime | None, stood: float = 0.0) -> datetime | None:
    """When activeDeadlineSeconds run out, counted from the pod's start time; None without a deadline or a start.

    ``stood``: seconds for which the pod has stood still at breakpoints, which do not count.
    """
    if pod.active_deadline is None or start_time is None:
        return None
    return later(start_time, pod.active_deadline + stood)


def deadline_failure(pod: Pod, start_time: datetime | None, now: datetime, stood: float = 0.0) -> PodFailure | None:
    """The failure of a pod that has been active for too long."""
    end = deadline_at(pod, start_time, stood)
    if end is None or now < end:
        return None
    return PodFailure(reason=EventReason.DEADLINE_EXCEEDED, message=DEADLINE_MESSAGE)


def generate_status(
    pod: Pod,
    observed: Observed,
    reasons: Mapping[str, StartFailure],
    results: ProbeResults,
    previous: PodStatus | None,
    now: datetime,
    *,
    is_terminal: bool = False,
    host_ip: str = "",
    failure: PodFailure | None = None,
    stood: float = 0.0,
) -> PodStatus:
    """Compute the status to publish.

    ``is_terminal``: the pod is ending for good and its containers have stopped. ``failure`` overrides the phase; an
    exceeded active deadline does so by itself: seconds that the pod has ``stood`` still do not count. A phase Succeeded or
    Failed is never left.
    """
    before = previous or _NOTHING
    ephemeral = _ephemeral(before) if before.extra else ()
    found = container_statuses(pod, observed, reasons, results, previous, ephemeral)
    statuses = _capped(found)
    everything = statuses.all()
    if before.phase.is_terminal:
        phase = before.phase
    else:
        told: Sequence[ContainerStatus] = everything
        started = False
        if pod.sidecars:  # Only when they start again does it matter to the phase whether the pod was initialised.
            started = app_has_started(pod, observed)
            told = told if started else [_as_known(one, before) for one in told]
        phase = get_phase(pod, told, is_terminal=is_terminal, has_initialized=started)
        if pod.active_deadline is not None:
            failure = failure or deadline_failure(pod, before.start_time, now, stood)
    reason, message = (before.reason, before.message) if phase is before.phase else ("", "")
    if failure is not None and not before.phase.is_terminal:
        phase, reason, message = Phase.FAILED, failure.reason, failure.message
    return PodStatus(
        phase=phase,
        reason=reason,
        message=message,
        conditions=pod_conditions(pod, everything, phase, previous, observed, now),
        init_containers=statuses.init,
        containers=statuses.apps,
        host_ip=host_ip or before.host_ip,
        pod_ip=_pod_ip(pod, observed, before, host_ip),
        start_time=before.start_time or now,
        qos_class=before.qos_class or qos_class(pod.manifest),
        observed_generation=pod.generation,
        extra=_extra(pod, before, statuses),
    )


def _as_known(status: ContainerStatus, before: PodStatus) -> ContainerStatus:
    """What runs, with the word of the status before on whether it has started: a kubelet's probes speak after the phase."""
    known = before.container(status.name)
    return status if status.running is None or known is None else replace(status, started=known.started)


def _ephemeral(status: PodStatus) -> tuple[ContainerStatus, ...]:
    return tuple(container_status_from_json(value) for value in status.extra.get(_EPHEMERAL) or ())


def _extra(pod: Pod, before: PodStatus, statuses: ContainerStatuses) -> Json:
    if before.observed_generation == pod.generation and before.conditions and not statuses.ephemeral:
        return before.extra
    extra = {**before.extra, **resources_status(pod)}
    if not statuses.ephemeral:
        return extra
    extra[_EPHEMERAL] = [container_status_json(status) for status in statuses.ephemeral]
    return extra


def _pod_ip(pod: Pod, observed: Observed, before: PodStatus, host_ip: str) -> str:
    """The sandbox's address; a pod whose sandbox is gone keeps the one it had."""
    if pod.host_network:
        return before.pod_ip or host_ip
    if observed.sandboxes and observed.sandboxes[0].ready:
        return observed.sandboxes[0].ip
    return before.pod_ip


def held_back(published: PodStatus | None, status: PodStatus) -> PodStatus:
    """What is published of a status as long as containers may run: a final phase waits for the end of the last one."""
    before = published or _NOTHING
    if not status.phase.is_terminal or before.phase.is_terminal:
        return status
    return replace(status, phase=before.phase, reason=before.reason, message=before.message)


def probed_status(
    pod: Pod, status: PodStatus, container_id: str, kind: ProbeKind, verdict: ProbeResult, now: datetime
) -> PodStatus:
    """The status after a readiness or startup probe has come to another verdict; nothing else is looked at anew.

    A kubelet publishes this at once, also while it is busy starting or stopping containers of the pod.
    """
    holds = verdict is ProbeResult.SUCCESS

    def told(group: tuple[ContainerStatus, ...]) -> tuple[ContainerStatus, ...]:
        return tuple(_told(one, kind, holds=holds) if one.container_id == container_id else one for one in group)

    init, apps = told(status.init_containers), told(status.containers)
    if kind is ProbeKind.READINESS:
        conditions = readiness_conditions(pod, (*init, *apps), status, now)
        return replace(status, init_containers=init, containers=apps, conditions=conditions)
    return replace(status, init_containers=init, containers=apps)


def _told(one: ContainerStatus, kind: ProbeKind, *, holds: bool) -> ContainerStatus:
    return replace(one, ready=holds) if kind is ProbeKind.READINESS else replace(one, started=holds)


def terminate_status(pod: Pod, status: PodStatus) -> PodStatus:
    """The last status of a stopped pod: no container waits or runs, and the phase is final.

    A container of which nothing is known counts as killed. In a pod that was never initialised only the init containers
    that may have been started do; the failure of one of them tells enough.
    """
    init = list(status.init_containers)
    reached = max((n for n, one in enumerate(init, start=1) if _was_started(one)), default=1)
    init[:reached] = [_as_ended(one) for one in init[:reached]]
    apps = status.containers
    if _has_initialized(pod, status):
        apps = tuple(_as_ended(one) for one in apps)
    phase = status.phase if status.phase.is_terminal else Phase.FAILED
    return replace(status, phase=phase, init_containers=tuple(init), containers=apps)


def _was_started(status: ContainerStatus) -> bool:
    return status.waiting is None or status.last_terminated is not None


def _as_ended(status: ContainerStatus) -> ContainerStatus:
    if status.terminated is not None:
        return status
    lost = Terminated(exit_code=KILLED, reason=TerminatedReason.STATUS_UNKNOWN, message=LOST_AT_END)
    return replace(status, state=lost, ready=False, started=False)


def _has_initialized(pod: Pod, status: PodStatus) -> bool:
    if not pod.init_containers or any(_was_started(one) for one in status.containers):
        return True
    if not status.init_containers:
        return False
    container, last = pod.init_containers[-1], status.init_containers[-1]
    if container.is_sidecar:
        return last.running is not None and bool(last.started)
    return any(ended is not None and ended.exit_code == 0 for ended in (last.terminated, last.last_terminated))


def _capped(statuses: ContainerStatuses) -> ContainerStatuses:
    """Cut termination messages so that all of the pod's together stay within bounds."""
    everything = statuses.everything()
    limit = MESSAGE_BYTES // (len(everything) or 1)
    for one in everything:
        state, last = one.state, one.last_state
        # Nearly all are short, and this is asked of every status.
        if (type(state) is Terminated and state.message and _is_long(state, limit)) or (
            type(last) is Terminated and last.message and _is_long(last, limit)
        ):
            break
    else:
        return statuses

    def cut(group: tuple[ContainerStatus, ...]) -> tuple[ContainerStatus, ...]:
        return tuple(
            replace(one, state=_cut(one.state, limit), last_state=_cut(one.last_state, limit)) for one in group
        )

    return ContainerStatuses(init=cut(statuses.init), apps=cut(statuses.apps), ephemeral=cut(statuses.ephemeral))


def _is_long(state: State | None, limit: int) -> bool:
    return isinstance(state, Terminated) and len(state.message.encode()) > limit


def _cut(state: State | None, limit: int) -> State | None:
    if not isinstance(state, Terminated) or not _is_long(state, limit):
        return state
    return replace(state, message=state.message.encode()[:limit].decode(errors="ignore"))
