"""From loaded objects to workloads: Deployments become ReplicaSets, CronJobs the Job of one run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from runner.core.manifest.kinds import default_job_spec
from runner.core.manifest.types import LoadedObject
from runner.core.model import EMPTY, Json
from runner.core.text.times import format_time
from runner.core.workloads.hashing import template_hash
from runner.core.workloads.model import Identities, Workload, WorkloadKind

WORKLOAD_KINDS = frozenset(
    {"Deployment", "ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet", "Job", "CronJob"}
)
"""The kinds that pods are made from."""
_MAX_BASE = 58
_HASH = "pod-template-hash"
_DEPLOYMENT = "deployment.kubernetes.io/"
_SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_CARRIED = ("labels", "annotations")


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
    metadata = {key: part for key, part in loaded.value["metadata"].items() if key in _CARRIED and part}
    spec, kind, version = _spec(loaded.value), loaded.kind, loaded.api_version
    source, uid = f"{kind.lower()}/{name}", identities.uid()
    parent: dict[str, Any] | None = None
    if kind in ("Deployment", "CronJob"):
        parent = _parent(loaded, name, identities.uid(), metadata, now)
        metadata = {"ownerReferences": [_controlled_by(parent)]}
    if kind == "CronJob":
        # Named after the minute it was due, as the controller names it (pkg/controller/cronjob/utils.go).
        made, spec, kind, version = spec["jobTemplate"]["metadata"], dict(_spec(spec["jobTemplate"])), "Job", "batch/v1"
        default_job_spec(spec)  # which the template has not
        name = f"{name}-{int(now.timestamp()) // 60}"
        annotations = {**(made.get("annotations") or {}), _SCHEDULED: format_time(now.replace(second=0, microsecond=0))}
        metadata |= {"labels": made.get("labels") or {}, "annotations": annotations}
    revision = template_hash(spec["template"])
    if kind == "Deployment":
        assert parent is not None
        kind, name = "ReplicaSet", f"{name}-{revision}"
        labels = {_HASH: revision}
        metadata |= _of_replica_set(parent, labels)
        selector = {**spec["selector"], "matchLabels": {**(spec["selector"].get("matchLabels") or {}), **labels}}
        kept = {key: spec[key] for key in ("replicas", "minReadySeconds") if key in spec}
        spec = {**kept, "selector": selector, "template": _labelled(spec["template"], labels)}
    if kind == "Job":
        spec = selecting(spec, name, uid)
        metadata = job_metadata(metadata, spec)
    return Workload(
        kind=WorkloadKind(kind),
        api_version=version,
        name=name,
        namespace=loaded.namespace,
        uid=uid,
        source=source,
        spec=spec,
        template=spec["template"],
        revision=revision,
        created_at=now,
        metadata=metadata,
        parent=parent,
    )


def _parent(loaded: LoadedObject, name: str, uid: str, metadata: Json, now: datetime) -> dict[str, Any]:
    """The Deployment or CronJob itself as the API server has it."""
    annotations = dict(metadata.get("annotations") or {})
    if loaded.kind == "Deployment":
        annotations[f"{_DEPLOYMENT}revision"] = "1"
    return {
        "apiVersion": loaded.api_version,
        "kind": loaded.kind,
        "metadata": {
            **metadata,
            **({"annotations": annotations} if annotations else {}),
            "name": name,
            "namespace": loaded.namespace,
            "uid": uid,
            "creationTimestamp": format_time(now),
            "generation": 1,
        },
        "spec": _spec(loaded.value),
    }


def _controlled_by(parent: Json) -> dict[str, Any]:
    reference = {key: parent["metadata"][key] for key in ("name", "uid")}
    kind = {"apiVersion": parent["apiVersion"], "kind": parent["kind"]}
    return {**kind, **reference, "controller": True, "blockOwnerDeletion": True}


def _of_replica_set(parent: Json, labels: dict[str, str]) -> dict[str, Any]:
    """Labels and annotations of a Deployment's ReplicaSet (pkg/controller/deployment/util/deployment_util.go)."""
    spec, annotations = parent["spec"], parent["metadata"]["annotations"]
    replicas = int(spec.get("replicas") or 0)
    counts = {"desired-replicas": str(replicas), "max-replicas": str(replicas + max_surge(spec))}
    return {
        "labels": {**(spec["template"]["metadata"].get("labels") or {}), **labels},
        "annotations": {**annotations, **{f"{_DEPLOYMENT}{key}": count for key, count in counts.items()}},
    }


def max_surge(spec: Json) -> int:
    """How many pods more than its replicas a Deployment may have while it rolls; percents are rounded up."""
    return _share(((spec.get("strategy") or EMPTY).get("rollingUpdate") or EMPTY).get("maxSurge"), spec, up=True)


def max_unavailable(spec: Json) -> int:
    """How many of its replicas a Deployment may lack and still counts as available; percents are rounded down."""
    rolling = (spec.get("strategy") or EMPTY).get("rollingUpdate") or EMPTY
    found = _share(rolling.get("maxUnavailable"), spec, up=False)
    # Both zero would never let it roll (deployment_util.go ResolveFenceposts).
    return 1 if rolling and not found and not max_surge(spec) else min(found, int(spec.get("replicas") or 0))


def _share(value: object, spec: Json, *, up: bool) -> int:
    if isinstance(value, str):
        product = int(value.rstrip("%")) * int(spec.get("replicas") or 0)
        return -(-product // 100) if up else product // 100
    return int(value) if isinstance(value, int) else 0


def selecting(spec: Json, name: str, uid: str) -> Json:
    """A Job's spec with the selector that the API server makes and the labels that it selects by.

    Mirrors pkg/registry/batch/job/strategy.go (generateSelector).
    """
    if spec.get("manualSelector"):
        return spec
    chosen = {"batch.kubernetes.io/controller-uid": uid}
    labels = {**chosen, "batch.kubernetes.io/job-name": name, "controller-uid": uid, "job-name": name}
    selector = spec.get("selector") or EMPTY
    selector = {**selector, "matchLabels": {**chosen, **(selector.get("matchLabels") or EMPTY)}}
    written = spec["template"]["metadata"].get("labels") or {}
    return {**spec, "selector": selector, "template": _labelled(spec["template"], {**labels, **written})}


def job_metadata(metadata: Json, spec: Json) -> dict[str, Any]:
    """A Job's metadata: one without labels has those of its pods, also the ones that the server makes.

    Mirrors pkg/apis/batch/v1/defaults.go (SetDefaults_Job), which is applied again to what is stored.
    """
    labels = metadata.get("labels") or spec["template"]["metadata"].get("labels")
    return {**metadata, "labels": dict(labels)} if labels else dict(metadata)


def _labelled(template: Json, labels: dict[str, str]) -> dict[str, Any]:
    metadata = template["metadata"]
    return {**template, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), **labels}}}
