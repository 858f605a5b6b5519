"""From loaded objects to workloads: Deployments become ReplicaSets, CronJobs the Job of one run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from runner.core.manifest.types import LoadedObject
from runner.core.model import EMPTY, Json
from runner.core.workloads.hashing import template_hash
from runner.core.workloads.model import Identities, Workload, WorkloadKind

WORKLOAD_KINDS = frozenset(
    {"Deployment", "ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet", "Job", "CronJob"}
)
"""The kinds that pods are made from."""
_MAX_BASE = 58
_HASH = "pod-template-hash"


def expand(objects: Iterable[LoadedObject], identities: Identities, now: datetime) -> tuple[Workload, ...]:
    """The workloads among the objects, in their order; each with a UID of its own."""
    return tuple(_workload(loaded, identities, now) for loaded in objects if loaded.kind in WORKLOAD_KINDS)


def template_spec(loaded: LoadedObject) -> Json:
    """The pod spec that an object runs: a Pod's own, a workload's template's, else an empty one."""
    if loaded.kind == "Pod":
        return _spec(loaded.value)
    if loaded.kind not in WORKLOAD_KINDS:
        return EMPTY
    spec = _spec(loaded.value)
    if loaded.kind == "CronJob":
        spec = _spec(spec["jobTemplate"])
    return _spec(spec["template"])


def _spec(holder: Json) -> Json:
    return holder.get("spec") or EMPTY


def _workload(loaded: LoadedObject, identities: Identities, now: datetime) -> Workload:
    name = loaded.name
    if not loaded.value["metadata"].get("name"):
        name = name or str(loaded.value["metadata"].get("generateName") or "")
        name = name[:_MAX_BASE] + identities.suffix()
    spec, kind, version = _spec(loaded.value), loaded.kind, loaded.api_version
    source = f"{kind.lower()}/{name}"
    if kind == "CronJob":
        # Named after the minute it was due, as the controller names it (pkg/controller/cronjob/utils.go).
        spec, kind, version = _spec(spec["jobTemplate"]), "Job", "batch/v1"
        name = f"{name}-{int(now.timestamp()) // 60}"
    template: Json = spec["template"]
    revision = template_hash(template)
    if kind == "Deployment":
        kind, name = "ReplicaSet", f"{name}-{revision}"
        template = _labelled(template, {_HASH: revision})
    return Workload(
        kind=WorkloadKind(kind),
        api_version=version,
        name=name,
        namespace=loaded.namespace,
        uid=identities.uid(),
        source=source,
        spec=spec,
        template=template,
        revision=revision,
        created_at=now,
    )


def _labelled(template: Json, labels: dict[str, str]) -> dict[str, Any]:
    metadata = template["metadata"]
    return {**template, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), **labels}}}
