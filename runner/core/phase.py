"""The phase of a pod, from the statuses of its containers.

Mirrors pkg/kubelet/kubelet_pods.go (getPhase) and pkg/kubelet/container/helpers.go (HasAnyActiveRegularContainerStarted).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runner.core.model import Container, Pod
from runner.core.observed import Observed, RuntimeState
from runner.core.podstatus import ContainerStatus, Phase, Running, Terminated, Waiting
from runner.core.reasons import TerminatedReason
from runner.core.restart import should_restart


@dataclass(slots=True)
class _Count:
    """How many app containers (and, where they matter, sidecars) are in which situation."""

    unknown: int = 0
    running: int = 0
    waiting: int = 0
    stopped: int = 0
    stopped_for_good: int = 0
    succeeded: int = 0
    pending_sidecars: int = 0


def get_phase(
    pod: Pod, statuses: Iterable[ContainerStatus], *, is_terminal: bool = False, has_initialized: bool = False
) -> Phase:
    """Compute the phase.

    ``is_terminal``: the pod is being terminated for good, nothing restarts. ``has_initialized``: some app container of the
    active sandbox has started (``app_has_started``), so restarting sidecars do not make the pod Pending again.
    """
    known = {status.name: status for status in statuses}
    pending, failed = _look_at_inits(pod, known) if pod.init_containers else (False, False)
    if failed:
        return Phase.FAILED
    count = _Count()
    for container in pod.sidecars:
        _count_sidecar(known.get(container.name), count)
    for container in pod.containers:
        _count_app(pod, container, known.get(container.name), count)
    if pending or (count.pending_sidecars and not has_initialized) or count.waiting:
        return Phase.PENDING
    if count.unknown:
        return Phase.PENDING
    if count.running:
        return Phase.RUNNING
    if not count.stopped:
        return Phase.PENDING
    if not is_terminal and count.stopped != count.stopped_for_good:
        return Phase.RUNNING
    return Phase.SUCCEEDED if count.stopped == count.succeeded else Phase.FAILED


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


def _count_sidecar(status: ContainerStatus | None, count: _Count) -> None:
    state = status.state if status is not None else None
    if isinstance(state, Running):
        count.running += 1
        if status is not None and not status.started:
            count.pending_sidecars += 1
    elif isinstance(state, Waiting) and not (status is not None and status.last_terminated):
        count.pending_sidecars += 1
        count.waiting += 1
    elif state is None:
        count.unknown += 1
        count.pending_sidecars += status is not None


def _count_app(pod: Pod, container: Container, status: ContainerStatus | None, count: _Count) -> None:
    state = None if status is None else status.state
    if state is None:
        count.unknown += 1
        return
    if isinstance(state, Running):
        count.running += 1
        return
    ended = _ended(status)
    if ended is None:
        count.waiting += 1
        return
    count.stopped += 1
    if not _restartable(pod, container, ended):
        count.stopped_for_good += 1
    # A container that waits to run again has not succeeded, whatever its last exit code.
    if ended is state and ended.exit_code == 0:
        count.succeeded += 1
