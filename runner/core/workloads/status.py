"""The v1 objects of workloads with their status, as ``get`` shows them while their pods live.

Mirrors pkg/controller: replicaset/replica_set_utils.go, deployment/sync.go and progress.go, daemon/daemon_controller.go,
statefulset/stateful_set_control.go, job/job_controller.go and cronjob/cronjob_controllerv2.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from runner.core.model import EMPTY, Json
from runner.core.text.times import format_time, later, parse_time
from runner.core.workloads.expand import max_unavailable
from runner.core.workloads.jobs import count_pods
from runner.core.workloads.model import Member, Workload, WorkloadKind, WorkloadState

Status = dict[str, Any]


class View(Struct, frozen=True, kw_only=True):
    """What a workload's status is made from; ``before``: the same objects as they were shown last, by kind."""

    workload: Workload
    members: Sequence[Member]
    state: WorkloadState
    reason: str
    message: str
    before: Mapping[str, Json]
    now: datetime

    @property
    def is_settled(self) -> bool:
        """Whether a Job that is over has no pod left that still runs: only then is it Complete or Failed."""
        over = self.state is not WorkloadState.ACTIVE
        return over and all(member.has_ended or member.is_gone for member in self.members)

    @property
    def active(self) -> list[Member]:
        return [member for member in self.members if member.is_active]

    @property
    def ready(self) -> int:
        return sum(member.is_ready for member in self.members)

    @property
    def minimum(self) -> int:
        return int(self.workload.spec.get("minReadySeconds") or 0)

    @property
    def available(self) -> int:
        return sum(member.is_available(self.minimum, self.now) for member in self.members)

    def earlier(self, kind: str) -> Json:
        """The status of an object as it was shown last."""
        return (self.before.get(kind) or EMPTY).get("status") or EMPTY


def objects_of(view: View) -> tuple[dict[str, Any], ...]:
    """The workload's objects: the Deployment or CronJob that it comes from, if any, then its own."""
    workload = view.workload
    own = {**workload.value, "status": _BY_KIND[workload.kind](view)}
    if workload.parent is None:
        return (own,)
    parent = _cron_job(view) if workload.kind is WorkloadKind.JOB else _deployment(view)
    return {**workload.parent, "status": parent}, own


def changes_at(view: View) -> datetime | None:
    """When the status will be another one although nothing happens; None: never."""
    moments = [member.available_at(view.minimum) for member in view.members] if view.minimum else []
    if view.workload.parent is not None and view.workload.kind is WorkloadKind.REPLICA_SET:
        moments.append(_progress_deadline(view))
    return min((moment for moment in moments if moment is not None and moment > view.now), default=None)


def _given(**numbers: int) -> Status:
    """Fields that are left out when they are 0."""
    return {name: number for name, number in numbers.items() if number}


def _replicas(view: View) -> Status:
    alive = len(view.active)
    counts = _given(fullyLabeledReplicas=alive, readyReplicas=view.ready, availableReplicas=view.available)
    return {"replicas": alive, **counts, "observedGeneration": 1}


def _stateful_set(view: View) -> Status:
    workload = view.workload
    there = sum(not (member.is_gone or member.has_ended) for member in view.members)
    alive, revision = len(view.active), f"{workload.name}-{workload.revision}"
    counts = _given(readyReplicas=view.ready, currentReplicas=alive, updatedReplicas=alive)
    return {
        "observedGeneration": 1,
        "replicas": there,
        **counts,
        "currentRevision": revision,
        "updateRevision": revision,
        "collisionCount": 0,
        "availableReplicas": view.available,
    }


def _daemon_set(view: View) -> Status:
    scheduled, available = min(len(view.active), 1), view.available
    return {
        "currentNumberScheduled": scheduled,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 1,
        "numberReady": view.ready,
        "observedGeneration": 1,
        **_given(updatedNumberScheduled=scheduled, numberAvailable=available, numberUnavailable=1 - min(available, 1)),
    }


# --- Deployments --------------------------------------------------------------------------------------------------------


def _deployment(view: View) -> Status:
    assert view.workload.parent is not None
    wanted = int(view.workload.parent["spec"].get("replicas") or 0)
    alive, available = len(view.active), view.available
    counts = _given(
        replicas=alive,
        updatedReplicas=alive,
        readyReplicas=view.ready,
        availableReplicas=available,
        unavailableReplicas=max(0, wanted - available),
    )
    return {"observedGeneration": 1, **counts, "conditions": [_is_available(view, wanted), _progressing(view, wanted)]}


def _is_available(view: View, wanted: int) -> Status:
    assert view.workload.parent is not None
    if view.available >= wanted - max_unavailable(view.workload.parent["spec"]):
        return _dated(view, "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    text = "Deployment does not have minimum availability."
    return _dated(view, "Available", "False", "MinimumReplicasUnavailable", text)


def _progressing(view: View, wanted: int) -> Status:
    named, last = f'ReplicaSet "{view.workload.name}"', _condition(view.earlier("Deployment"), "Progressing")
    if len(view.active) == wanted == view.available:
        text = f"{named} has successfully progressed."
        return _dated(view, "Progressing", "True", "NewReplicaSetAvailable", text)
    if last.get("reason") == "NewReplicaSetAvailable":
        return dict(last)  # It has been rolled out, whatever happens to its pods afterwards.
    deadline = _progress_deadline(view)
    if deadline is not None and view.now >= deadline:
        text = f"{named} has timed out progressing."
        return _dated(view, "Progressing", "False", "ProgressDeadlineExceeded", text)
    if last.get("status") == "False" and view.available <= _number(view.earlier("Deployment"), "availableReplicas"):
        return dict(last)
    return _dated(view, "Progressing", "True", "ReplicaSetUpdated", f"{named} is progressing.", touch=_moves(view))


def _moves(view: View) -> bool:
    """Whether more pods are ready or available than were shown last: that is progress."""
    last = view.earlier("Deployment")
    shown = (_number(last, "readyReplicas"), _number(last, "availableReplicas"), _number(last, "updatedReplicas"))
    now = (view.ready, view.available, len(view.active))
    return any(mine > before for mine, before in zip(now, shown, strict=True))


def _progress_deadline(view: View) -> datetime | None:
    """When a Deployment that makes no progress is found to be stuck."""
    last = _condition(view.earlier("Deployment"), "Progressing")
    assert view.workload.parent is not None
    seconds, since = view.workload.parent["spec"].get("progressDeadlineSeconds"), parse_time(last.get("lastUpdateTime"))
    # The greatest number stands for no deadline.
    if last.get("reason") != "ReplicaSetUpdated" or since is None or not seconds or seconds >= 2**31 - 1:
        return None
    return later(since, int(seconds))


def _dated(view: View, kind: str, status: str, reason: str, message: str, *, touch: bool = False) -> Status:
    """A Deployment's condition; its times stay while it stays."""
    last, now = _condition(view.earlier("Deployment"), kind), format_time(view.now)
    changed = touch or (last.get("status"), last.get("reason")) != (status, reason)
    return {
        "type": kind,
        "status": status,
        "lastUpdateTime": now if changed else last["lastUpdateTime"],
        "lastTransitionTime": last["lastTransitionTime"] if last.get("status") == status else now,
        "reason": reason,
        "message": message,
    }


# --- Jobs ---------------------------------------------------------------------------------------------------------------


def _job(view: View) -> Status:
    workload, counts, last = view.workload, count_pods(view.workload, view.members), view.earlier("Job")
    status: Status = {}
    conditions = _job_conditions(view)
    if conditions:
        status["conditions"] = conditions
    if not workload.is_suspended:
        status["startTime"] = format_time(workload.created_at)
    if view.is_settled and view.state is WorkloadState.COMPLETE:
        status["completionTime"] = last.get("completionTime") or format_time(view.now)
    failed = counts.failed
    if view.state is WorkloadState.COMPLETE:
        # What still ran when there was enough success has not failed.
        failed = max(
            _number(last, "failed"), sum(m.has_ended and not m.is_deleted for m in view.members) - counts.succeeded
        )
    status |= _given(active=counts.active, succeeded=counts.succeeded, failed=failed)
    status |= {"terminating": counts.terminating, "ready": counts.ready, "uncountedTerminatedPods": {}}
    if counts.done_indexes:
        status["completedIndexes"] = ranges(counts.done_indexes)
    if workload.spec.get("backoffLimitPerIndex") is not None:
        status["failedIndexes"] = ranges(counts.failed_indexes)
    return status


def _job_conditions(view: View) -> list[Status]:
    """What is decided first, and the end itself when no pod runs any more."""
    if view.workload.is_suspended:
        found = [("Suspended", "JobSuspended", "Job suspended")]
    elif view.state is WorkloadState.ACTIVE:
        found = []
    else:
        kinds = (
            ("SuccessCriteriaMet", "Complete") if view.state is WorkloadState.COMPLETE else ("FailureTarget", "Failed")
        )
        found = [(kind, view.reason, view.message) for kind in (kinds if view.is_settled else kinds[:1])]
    now = format_time(view.now)
    made = []
    for kind, reason, message in found:
        since = _condition(view.earlier("Job"), kind).get("lastTransitionTime") or now
        times = {"lastProbeTime": since, "lastTransitionTime": since}
        made.append({"type": kind, "status": "True", **times, "reason": reason, "message": message})
    return made


def _cron_job(view: View) -> Status:
    workload, last = view.workload, view.earlier("CronJob")
    status: Status = {}
    if not view.is_settled:
        reference = {"apiVersion": workload.api_version, "kind": str(workload.kind), "name": workload.name}
        status["active"] = [{**reference, "namespace": workload.namespace, "uid": workload.uid}]
    status["lastScheduleTime"] = format_time(workload.created_at)
    if view.is_settled and view.state is WorkloadState.COMPLETE:
        status["lastSuccessfulTime"] = last.get("lastSuccessfulTime") or format_time(view.now)
    return status


def ranges(indexes: Iterable[int]) -> str:
    """``0,2-4``: indexes as a Job's status writes them."""
    parts: list[list[int]] = []
    for index in sorted(indexes):
        if parts and index == parts[-1][-1] + 1:
            parts[-1][1:] = [index]
        else:
            parts.append([index])
    # Two in a row are written one by one (indexed_job_utils.go intervals).
    return ",".join("-".join(map(str, part)) if part[-1] - part[0] != 1 else f"{part[0]},{part[-1]}" for part in parts)


def _condition(status: Json, kind: str) -> Json:
    return next((one for one in status.get("conditions") or () if one["type"] == kind), EMPTY)


def _number(status: Json, name: str) -> int:
    return int(status.get(name) or 0)


_BY_KIND: dict[WorkloadKind, Callable[[View], Status]] = {
    WorkloadKind.REPLICA_SET: _replicas,
    WorkloadKind.REPLICATION_CONTROLLER: _replicas,
    WorkloadKind.STATEFUL_SET: _stateful_set,
    WorkloadKind.DAEMON_SET: _daemon_set,
    WorkloadKind.JOB: _job,
}
