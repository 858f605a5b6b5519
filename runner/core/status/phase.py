"""The phase of a pod, from the statuses of its containers.

Mirrors pkg/kubelet/kubelet_pods.go (getPhase) and pkg/kubelet/container/helpers.go (HasAnyActiveRegularContainerStarted).
"""

from __future__ import annotations

from collections.abc import Iterable

from runner.core.model import Container, Pod
from runner.core.observed import Observed, RuntimeState
from runner.core.reasons import TerminatedReason
from runner.core.status.podstatus import ContainerStatus, Phase, Running, Terminated, Waiting
from runner.core.sync.restart import should_restart

_RUNNING = Phase.RUNNING


def get_phase(
    pod: Pod, statuses: Iterable[ContainerStatus], *, is_terminal: bool = False, has_initialized: bool = False
) -> Phase:
    """Compute the phase.

    ``is_terminal``: the pod is being terminated for good, nothing restarts. ``has_initialized``: some app container of the
    active sandbox has started (``app_has_started``), so restarting sidecars do not make the pod Pending again.
    """
    known = {}
    for one in statuses:
        known[one.name] = one
    pending, failed = _look_at_inits(pod, known) if pod.init_containers else (False, False)
    if failed:
        return Phase.FAILED
    if pending:
        return Phase.PENDING
    running = restarting = False
    succeeded = True
    for container in pod.sidecars:
        status = known.get(container.name)
        if _is_pending_sidecar(status, has_initialized=has_initialized):
            return Phase.PENDING
        running |= status is not None and status.running is not None
    for container in pod.containers:
        status = known.get(container.name)
        if status is not None and isinstance(status.state, Running):
            running = True
            continue
        ended = _ended(status)
        if ended is None:
            return Phase.PENDING
        restarting |= _restartable(pod, container, ended)
        # A container that waits to run again has not succeeded, whatever its last exit code.
        succeeded &= ended.exit_code == 0 and status is not None and ended is status.state
    if running:
        return _RUNNING
    if not pod.containers:
        return Phase.PENDING
    if restarting and not is_terminal:
        return _RUNNING
    return Phase.SUCCEEDED if succeeded else Phase.FAILED


def app_has_started(pod: Pod, observed: Observed) -> bool:
    """Whether an app container of the active sandbox runs or has run."""
    if not observed.sandboxes or not observed.sandboxes[0].ready:
        return False
    active = observed.sandboxes[0].id
    for record in observed.containers:
        if record.state is RuntimeState.RUNNING or record.state is RuntimeState.EXITED:
            container = pod.container(record.name)
            if container is not None and not container.is_init and record.sandbox_id in ("", active):
                return True
    return False


def _look_at_inits(pod: Pod, known: dict[str, ContainerStatus]) -> tuple[bool, bool]:
    """Whether a regular init container is still pending, and whether one has failed for good."""
    pending = failed = False
    for container in pod.init_containers:
        if container.is_sidecar:
            continue
        status = known.get(container.name)
        ended = _ended(status)
        if ended is None:
            pending = True
        elif ended.exit_code != 0 and not _restartable(pod, container, ended):
            failed = True
    return pending, failed


def _ended(status: ContainerStatus | None) -> Terminated | None:
    """How a container ended, if it is over or waits to run again."""
    if status is None:
        return None
    state = status.state
    if isinstance(state, Terminated):
        return state
    return status.last_terminated if isinstance(state, Waiting) else None


def _restartable(pod: Pod, container: Container, ended: Terminated) -> bool:
    return should_restart(pod, container, ended.exit_code) or ended.reason == TerminatedReason.RESTARTING_ALL_CONTAINERS


def _is_pending_sidecar(status: ContainerStatus | None, *, has_initialized: bool) -> bool:
    """Whether a sidecar keeps the pod from having started: nothing is known of it, it never ran, or is starting."""
    if status is None or status.state is None:
        return True
    if isinstance(status.state, Waiting):
        return status.last_terminated is None
    return isinstance(status.state, Running) and not status.started and not has_initialized
