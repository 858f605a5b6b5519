"""Which controller looks after which kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from runner.core.workloads.jobs import reconcile_job
from runner.core.workloads.model import Member, Reconciliation, Workload, WorkloadKind
from runner.core.workloads.replicas import reconcile_daemon, reconcile_replicas
from runner.core.workloads.statefulset import reconcile_stateful_set


def reconcile(workload: Workload, members: Sequence[Member], now: datetime, *, speed: float = 1.0) -> Reconciliation:
    """What a workload does next about its pods, oldest first, those that are gone included.

    Each call starts from what exists; do not ask again for a Job that is Complete or Failed. ``speed``: the
    controllers' own waits pass so many times faster.
    """
    return _BY_KIND[workload.kind](workload, members, now, speed)


_BY_KIND: dict[WorkloadKind, Callable[[Workload, Sequence[Member], datetime, float], Reconciliation]] = {
    WorkloadKind.REPLICA_SET: reconcile_replicas,
    WorkloadKind.REPLICATION_CONTROLLER: reconcile_replicas,
    WorkloadKind.STATEFUL_SET: reconcile_stateful_set,
    WorkloadKind.DAEMON_SET: reconcile_daemon,
    WorkloadKind.JOB: reconcile_job,
}
