"""Grace periods and the order in which a pod's containers end.

Mirrors pkg/kubelet/kuberuntime/kuberuntime_container.go (setTerminationGracePeriod, killContainer) and
kuberuntime_termination_order.go: everything is asked to stop at once, but a sidecar's turn comes when every app container
and every later sidecar has ended.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from math import ceil

from runner.core.model import Pod, Probe

MINIMUM_GRACE = 2
"""Seconds that every container gets after its stop signal, whatever is left of the pod's grace period."""


def grace_period(pod: Pod, probe: Probe | None = None) -> int:
    """Seconds of grace for stopping a container; ``probe`` is the one whose failure kills it."""
    if pod.deletion_grace is not None:
        return max(pod.deletion_grace, 0)
    if probe is not None and probe.grace is not None:
        return probe.grace
    if pod.termination_grace is not None:
        return 1 if pod.termination_grace < 0 else pod.termination_grace
    return MINIMUM_GRACE


def grace_left(pod: Pod, now: datetime) -> int | None:
    """Whole seconds until the end of the grace of a pod that is being deleted, 0 when it is over; None: nobody deletes it."""
    return None if pod.deleted_at is None else max(0, ceil((pod.deleted_at - now).total_seconds()))


def stop_timeout(remaining: float) -> int:
    """Seconds between the stop signal and SIGKILL, given what is left of the grace period."""
    return max(int(remaining), MINIMUM_GRACE)


def waits_for(pod: Pod, name: str) -> frozenset[str]:
    """The containers that must have ended before this one gets its stop signal."""
    sidecars = [c.name for c in pod.sidecars]
    if name not in sidecars:
        return frozenset()
    later = sidecars[sidecars.index(name) + 1 :]
    return frozenset(later) | {c.name for c in pod.containers}


def is_its_turn(pod: Pod, name: str, still_running: Collection[str]) -> bool:
    """Whether a container may get its stop signal now."""
    return waits_for(pod, name).isdisjoint(still_running)


def is_at_once(pod: Pod) -> bool:
    """Whether the pod's deletion leaves its processes no time at all: SIGKILL, without preStop, stop signal and order."""
    return pod.deletion_grace is not None and pod.deletion_grace <= 0


def deletion_grace(pod: Pod, asked: int | None) -> int:
    """The grace that a deletion request gets: the one asked for, else the pod's own; never negative.

    Only who asks for 0 kills at once: a pod's own 0 is a second to a kubelet (pod_workers.go calculateEffectiveGracePeriod).
    """
    if asked is not None:
        return 1 if asked < 0 else asked
    return 30 if pod.termination_grace is None else max(pod.termination_grace, 1)
