"""Which pods a kubelet evicts for what lies in their volumes.

Mirrors pkg/kubelet/eviction/eviction_manager.go (emptyDirLimitEviction, evictPod) and helpers.go (emptyDirMessageFmt). Limits of
``ephemeral-storage`` are not looked at: an Engine does not tell what a container's logs take.
"""

from __future__ import annotations

from collections.abc import Mapping

from runner.core.model import Pod
from runner.core.reasons import EventReason
from runner.core.status.status import PodFailure
from runner.core.text.quantity import ZERO, Quantity, parse_quantity

EVICTION_GRACE = 1
"""Seconds that an evicted pod gets (immediateEvictionGracePeriodSeconds)."""
MONITORING_SECONDS = 10.0
"""How often a kubelet looks (kubelet.go evictionMonitoringPeriod)."""

_CRITICAL_PRIORITY = 2 * 10**9
_CRITICAL_CLASSES = ("system-cluster-critical", "system-node-critical")


def grace_of(failure: PodFailure | None, asked: int | None) -> int | None:
    """Seconds that a pod gets to end instead of its own grace period; None: its own. ``failure`` is that of an evicted pod."""
    return asked if failure is None else EVICTION_GRACE


def limited_volumes(pod: Pod) -> dict[str, Quantity]:
    """The emptyDir volumes on disk whose use is limited, in the manifest's order. Those in memory keep their limit by themselves.

    Critical pods are never evicted (kubelet/types IsCriticalPod), so they have none.
    """
    if _is_critical(pod):
        return {}
    found: dict[str, Quantity] = {}
    for volume in pod.spec.get("volumes") or ():
        source = volume.get("emptyDir") or {}
        limit = parse_quantity(str(source.get("sizeLimit") or 0))
        if limit > ZERO and source.get("medium") != "Memory":
            found[str(volume["name"])] = limit
    return found


def eviction(limits: Mapping[str, Quantity], used: Mapping[str, int]) -> PodFailure | None:
    """Why the pod is evicted, given the bytes that its volumes use; None when it is not."""
    for name, limit in limits.items():
        if Quantity(nanos=used.get(name, 0) * 10**9) > limit:
            text = f'Usage of EmptyDir volume "{name}" exceeds the limit "{limit}". '
            return PodFailure(reason=EventReason.EVICTED, message=text)
    return None


def _is_critical(pod: Pod) -> bool:
    priority = pod.spec.get("priority")
    return pod.spec.get("priorityClassName") in _CRITICAL_CLASSES or (
        isinstance(priority, int) and priority >= _CRITICAL_PRIORITY
    )
