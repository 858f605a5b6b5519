"""Statuses of workloads that no node runs any more, after some of their kept pods have gone.

Counts are those of the pods that are left, as the controllers would count them; a Job's result stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from runner.core.model import EMPTY, Json
from runner.core.status.podstatus import PodStatus
from runner.core.text.times import parse_time
from runner.core.workloads.model import Member, Workload, WorkloadKind, WorkloadState
from runner.core.workloads.status import View, objects_of


def recounted(own: Json, parent: Json | None, pods: Sequence[Json], now: datetime) -> tuple[dict[str, Any], ...]:
    """A stored workload that owns pods, with the Deployment that it comes from, if any, as ``get`` is to show them now.

    ``pods`` are the v1 Pods that it owns and that are still there.
    """
    members = [
        Member(
            pod=pod,
            status=PodStatus.from_json(pod.get("status") or EMPTY),
            is_deleted="deletionTimestamp" in pod["metadata"],
        )
        for pod in pods
    ]
    if own["kind"] == WorkloadKind.JOB:
        return (_job(own, members), *(() if parent is None else (dict(parent),)))
    stored = [dict(own), *(() if parent is None else (dict(parent),))]
    view = View(
        workload=_workload(own, parent, now),
        members=members,
        state=WorkloadState.ACTIVE,
        reason="",
        message="",
        before={value["kind"]: value for value in stored},
        now=now,
    )
    statuses = {value["kind"]: value["status"] for value in objects_of(view)}
    return tuple({**value, "status": statuses[value["kind"]]} for value in stored)


def _workload(own: Json, parent: Json | None, now: datetime) -> Workload:
    """The workload that an object was shown for, as far as counting needs it."""
    metadata, spec = own["metadata"], own["spec"]
    revision = str((own.get("status") or EMPTY).get("updateRevision") or "").rpartition("-")[2]
    return Workload(
        kind=WorkloadKind(own["kind"]),
        api_version=str(own["apiVersion"]),
        name=str(metadata["name"]),
        namespace=str(metadata["namespace"]),
        uid=str(metadata["uid"]),
        source="",
        spec=spec,
        template=spec["template"],
        revision=revision,
        created_at=parse_time(metadata.get("creationTimestamp")) or now,
        parent=parent,
    )


def _job(own: Json, members: Sequence[Member]) -> dict[str, Any]:
    status = {key: part for key, part in (own.get("status") or EMPTY).items() if key != "active"}
    active = sum(member.is_active for member in members)
    status |= {"active": active} if active else {}
    terminating = sum(member.is_deleted and not member.has_ended for member in members)
    return {**own, "status": {**status, "terminating": terminating, "ready": sum(m.is_ready for m in members)}}
