"""What controllers tell of their workloads: events in their words, and from whom they come.

Mirrors pkg/controller: controller_utils.go, deployment/sync.go, job/job_controller.go, daemon/daemon_controller.go,
statefulset/stateful_pod_control.go and stateful_set_control.go, cronjob/cronjob_controllerv2.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from runner.core.reasons import Note, WorkloadReason, normal, warning
from runner.core.status.podstatus import Phase
from runner.core.workloads.model import Member, Workload, WorkloadKind, WorkloadState

_COMPONENTS = {
    "Deployment": "deployment-controller",
    "CronJob": "cronjob-controller",
    WorkloadKind.REPLICA_SET: "replicaset-controller",
    WorkloadKind.REPLICATION_CONTROLLER: "replication-controller",
    WorkloadKind.STATEFUL_SET: "statefulset-controller",
    WorkloadKind.DAEMON_SET: "daemonset-controller",
    WorkloadKind.JOB: "job-controller",
}


def component(kind: str) -> str:
    """The controller that looks after a kind, as events name it."""
    return _COMPONENTS[kind]


def parent_begins(workload: Workload) -> Note | None:
    """What the Deployment or CronJob tells when it makes its workload; None when there is none, or nothing to tell."""
    if workload.parent is None:
        return None
    if workload.kind is WorkloadKind.JOB:
        return normal(WorkloadReason.SUCCESSFUL_CREATE, f"Created job {workload.name}")
    replicas = int(workload.spec.get("replicas") or 0)
    text = f"Scaled up replica set {workload.name} from 0 to {replicas}"
    return normal(WorkloadReason.SCALING_REPLICA_SET, text) if replicas else None


def begins(workload: Workload, claims: Iterable[str]) -> Iterator[Note]:
    """What a workload tells before it has made any pod; ``claims``: the names of those that were made for it."""
    if workload.is_suspended:
        yield normal(WorkloadReason.SUSPENDED, "Job suspended")
    for claim in claims:
        pod = f"{workload.name}-{claim.rpartition('-')[2]}"
        text = f"create Claim {claim} Pod {pod} in StatefulSet {workload.name} success"
        yield normal(WorkloadReason.SUCCESSFUL_CREATE, text)


def created(workload: Workload, pod: str) -> Note:
    """A pod was made."""
    if workload.kind is WorkloadKind.STATEFUL_SET:
        text = f"create Pod {pod} in StatefulSet {workload.name} successful"
    else:
        text = f"Created pod: {pod}"
    return normal(WorkloadReason.SUCCESSFUL_CREATE, text)


def deleted(workload: Workload, member: Member) -> Sequence[Note]:
    """A pod is deleted by its controller, and why when it had ended."""
    pod, failed = member.name, member.status.phase is Phase.FAILED
    place = f"{workload.namespace}/{pod}"
    text = f"Deleted pod: {pod}"
    reasons: list[Note] = []
    if workload.kind is WorkloadKind.STATEFUL_SET:
        text = f"delete Pod {pod} in StatefulSet {workload.name} successful"
    elif workload.kind is WorkloadKind.DAEMON_SET:
        node = (member.pod.get("spec") or {}).get("nodeName") or ""
        if failed:
            found = f"Found failed daemon pod {place} on node {node}, will try to kill it"
            reasons.append(warning(WorkloadReason.FAILED_DAEMON_POD, found))
        else:
            found = f"Found succeeded daemon pod {place} on node {node}, will try to delete it"
            reasons.append(normal(WorkloadReason.SUCCEEDED_DAEMON_POD, found))
    return [*reasons, normal(WorkloadReason.SUCCESSFUL_DELETE, text)]


def ended(state: WorkloadState, reason: str, message: str) -> Note:
    """A Job is over."""
    if state is WorkloadState.COMPLETE:
        return normal(WorkloadReason.COMPLETED, "Job completed")
    return warning(WorkloadReason(reason), message)


def parent_ends(workload: Workload, state: WorkloadState) -> Note:
    """What a CronJob tells when its Job is over."""
    text = f"Saw completed job: {workload.name}, condition: {state}"
    return normal(WorkloadReason.SAW_COMPLETED_JOB, text)
