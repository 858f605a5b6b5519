"""ReplicaSets, ReplicationControllers and DaemonSets: so many pods like this one, replaced when they end.

Mirrors pkg/controller/replicaset/replica_set.go and pkg/controller/daemon/daemon_controller.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from runner.core.podstatus import Phase
from runner.core.workloads.model import Member, Reconciliation, Workload
from runner.core.workloads.pods import PodObject, templated_pod

_DAEMON_BACKOFF = timedelta(seconds=1)
_DAEMON_BACKOFF_CAP = timedelta(minutes=15)
_DAEMON_TOLERATIONS = ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")


def reconcile_replicas(workload: Workload, members: Sequence[Member], now: datetime, speed: float) -> Reconciliation:
    """Ended pods stay as they are and do not count; new ones take their places at once, the newest go first."""
    wanted = int(workload.spec.get("replicas") or 0)
    active = [member for member in members if member.is_active]
    missing = max(0, wanted - len(active))
    due = replaced_at([member for member in members if member.was_refused], speed)
    if missing and due is not None and now < due:
        return Reconciliation(wanted=wanted, retry_at=due, wake_at=due)
    pod = templated_pod(workload, generate=f"{workload.name}-") if missing else {}
    surplus = active[wanted:]
    return Reconciliation(create=(pod,) * missing, delete=tuple(member.uid for member in surplus), wanted=wanted)


def reconcile_daemon(workload: Workload, members: Sequence[Member], now: datetime, speed: float) -> Reconciliation:
    """One pod, as there is one node; a failed one is deleted and made anew, later each time."""
    if any(member.is_active for member in members):
        return Reconciliation(wanted=1)
    over = tuple(m.uid for m in members if m.has_ended and not (m.is_deleted or m.is_gone))
    due = replaced_at([member for member in members if member.status.phase is Phase.FAILED], speed)
    if due is not None and now < due:
        return Reconciliation(delete=over, wanted=1, retry_at=due, wake_at=due)
    return Reconciliation(create=(_daemon_pod(workload),), delete=over, wanted=1)


def replaced_at(failed: Sequence[Member], speed: float) -> datetime | None:
    """When failed pods are made anew: a second after the last one failed, twice as long each time; None: at once.

    That is the DaemonSets' rule. The others have none, and would make thousands of pods that the node refuses.
    """
    last = max((member.ended_at for member in failed if member.ended_at), default=None)
    if last is None:
        return None
    wait: timedelta = min(_DAEMON_BACKOFF * 2 ** min(len(failed) - 1, 20), _DAEMON_BACKOFF_CAP)
    return last + wait / speed


def _daemon_pod(workload: Workload) -> PodObject:
    labels = {"controller-revision-hash": workload.revision, "pod-template-generation": "1"}
    return templated_pod(workload, generate=f"{workload.name}-", labels=labels, adjust=_tolerate)


def _tolerate(spec: PodObject) -> None:
    """What a DaemonSet's pods put up with (pkg/controller/daemon/util/daemonset_util.go)."""
    keys = [*_DAEMON_TOLERATIONS, *(["network-unavailable"] if spec.get("hostNetwork") else [])]
    effects = {"not-ready": "NoExecute", "unreachable": "NoExecute"}
    more = [
        {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": effects.get(key, "NoSchedule")}
        for key in keys
    ]
    written = spec.get("tolerations") or []
    spec["tolerations"] = [*written, *(toleration for toleration in more if toleration not in written)]
