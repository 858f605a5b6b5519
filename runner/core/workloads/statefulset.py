"""StatefulSets: pods with an order, a name that stays, and claims of their own.

Mirrors pkg/controller/statefulset/stateful_set_control.go and stateful_set_utils.go.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from runner.core.model import Json, PodUID
from runner.core.workloads.model import Member, Reconciliation, Workload
from runner.core.workloads.pods import PodObject, templated_pod
from runner.core.workloads.replicas import replaced_at


def reconcile_stateful_set(
    workload: Workload, members: Sequence[Member], now: datetime, speed: float
) -> Reconciliation:
    """The pods by their ordinals: each waits until those before it are available, unless the policy is Parallel."""
    spec = workload.spec
    seconds = int(spec.get("minReadySeconds") or 0)
    wake: datetime | None = None
    ordinals = _ordinals(workload)
    is_ordered = spec.get("podManagementPolicy") != "Parallel"
    there = {member.name: member for member in members if not member.is_gone}
    create: list[PodObject] = []
    delete: list[PodUID] = []
    due = replaced_at(members, len(ordinals), speed)
    if due is not None and now < due:
        over = tuple(member.uid for member in there.values() if member.has_ended and not member.is_deleted)
        return Reconciliation(delete=over, wanted=len(ordinals), retry_at=due, wake_at=due)
    for ordinal in ordinals:
        member = there.get(f"{workload.name}-{ordinal}")
        if member is None:
            create.append(_pod(workload, ordinal))
        elif member.has_ended and not member.is_deleted:
            delete.append(member.uid)
        if is_ordered and (member is None or not member.is_available(seconds, now)):
            wake = None if member is None else member.available_at(seconds)
            break
    return Reconciliation(create=tuple(create), delete=tuple(delete), wanted=len(ordinals), wake_at=wake)


def claims(workload: Workload) -> list[dict[str, Any]]:
    """The PersistentVolumeClaims of all pods, ``<template>-<set>-<ordinal>`` each; they stay when the pods go."""
    templates = workload.spec.get("volumeClaimTemplates") or ()
    return [_claim(workload, template, ordinal) for ordinal in _ordinals(workload) for template in templates]


def _claim(workload: Workload, template: Json, ordinal: int) -> dict[str, Any]:
    claim = copy.deepcopy({key: part for key, part in template.items() if key != "status"})
    metadata = {**(claim.get("metadata") or {}), "namespace": workload.namespace}
    metadata["name"] = _claim_name(workload, template, ordinal)
    metadata["labels"] = {**(metadata.get("labels") or {}), **_selector_labels(workload)}
    return {**claim, "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata}


def _claim_name(workload: Workload, template: Json, ordinal: int) -> str:
    return f"{template['metadata'].get('name')}-{workload.name}-{ordinal}"


def _ordinals(workload: Workload) -> range:
    first = int((workload.spec.get("ordinals") or {}).get("start") or 0)
    return range(first, first + int(workload.spec.get("replicas") or 0))


def _selector_labels(workload: Workload) -> Json:
    return (workload.spec.get("selector") or {}).get("matchLabels") or {}


def _pod(workload: Workload, ordinal: int) -> PodObject:
    name = f"{workload.name}-{ordinal}"
    labels = {
        "apps.kubernetes.io/pod-index": str(ordinal),
        "controller-revision-hash": f"{workload.name}-{workload.revision}",
        "statefulset.kubernetes.io/pod-name": name,
    }

    def adjust(spec: PodObject) -> None:
        spec["hostname"] = name
        if workload.spec.get("serviceName"):
            spec["subdomain"] = workload.spec["serviceName"]
        templates = {t["metadata"].get("name"): t for t in workload.spec.get("volumeClaimTemplates") or ()}
        claimed = [
            {"name": volume, "persistentVolumeClaim": {"claimName": _claim_name(workload, template, ordinal)}}
            for volume, template in templates.items()
        ]
        # A claim takes the place of a volume of the same name.
        others = [volume for volume in spec.get("volumes") or () if volume.get("name") not in templates]
        if claimed or others:
            spec["volumes"] = [*claimed, *others]

    return templated_pod(workload, name=name, labels=labels, adjust=adjust)
