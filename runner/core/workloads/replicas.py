"""ReplicaSets, ReplicationControllers and DaemonSets: so many pods like this one, replaced when they end.

Mirrors pkg/controller/replicaset/replica_set.go and pkg/controller/daemon/daemon_controller.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from runner.core.status.podstatus import Phase
from runner.core.workloads.model import Member, Reconciliation, Workload
from runner.core.workloads.pods import PodObject, templated_pod

_BACKOFF = timedelta(seconds=1)
_BACKOFF_CAP = timedelta(minutes=15)
_RECENT = timedelta(minutes=10)
_DAEMON_TOLERATIONS = ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")


def reconcile_replicas(workload: Workload, members: Sequence[Member], now: datetime, speed: float) -> Reconciliation:
    """Ended pods stay as they are and do not count; new ones take their places at once, the newest go first."""
    wanted = int(workload.spec.get("replicas") or 0)
    active = [member for member in members if member.is_active]
    missing = max(0, wanted - len(active))
    due = replaced_at(members, wanted, speed)
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
    failed = [member for member in members if member.status.phase is Phase.FAILED]
    last = max((member.ended_at for member in failed if member.ended_at), default=None)
    due = None if last is None else last + _wait(len(failed)) / speed
    if due is not None and now < due:
        return Reconciliation(delete=over, wanted=1, retry_at=due, wake_at=due)
    return Reconciliation(create=(_daemon_pod(workload),), delete=over, wanted=1)


def replaced_at(members: Sequence[Member], replicas: int, speed: float) -> datetime | None:
    """When pods that ended are replaced, if those of late all ended within seconds; None: at once.

    At once the first time, after a second the next, then twice as long each time. That is ours: a cluster makes such pods as
    fast as it can, thousands of them.
    """
    ends = [member.ended_at for member in members if member.was_brief and member.ended_at]
    if not ends:
        return None
    last = max(ends)
    rounds = -(-sum(last - end <= _RECENT for end in ends) // max(replicas, 1))
    return None if rounds < 2 else last + _wait(rounds - 1) / speed


def _wait(failures: int) -> timedelta:
    """1, 2, 4 … seconds, at most a quarter of an hour."""
    wait: timedelta = min(_BACKOFF * 2 ** min(failures - 1, 20), _BACKOFF_CAP)
    return wait


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
