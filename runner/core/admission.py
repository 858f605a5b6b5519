"""What an API server adds to an object on its way in: identity, times, and for pods what its default admission plugins set.

Mirrors k8s.io/apiserver/pkg/registry/rest/create.go (BeforeCreate), k8s.io/apiserver/pkg/storage/names and, of the plugins,
plugin/pkg/admission/{priority,defaulttolerationseconds}; ``serviceaccounts`` has the one that needs to know more than the pod.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from runner.core.model import Json
from runner.core.text.times import format_time

_MAX_BASE = 58
_NODE_TROUBLES = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_TOLERATED_SECONDS = 300
_SYSTEM_PRIORITIES = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
"""The classes that every cluster has; others only a cluster knows, their pods get no priority."""
_OURS = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "generation",
)


def admit(value: Json, *, namespace: str, uid: str, suffix: str, now: datetime) -> dict[str, Any]:
    """A new pod: without status and server fields of an earlier life; ``suffix`` completes a generateName."""
    made = identified(value, namespace=namespace, uid=uid, suffix=suffix, now=now)
    made["metadata"]["generation"] = 1
    return {"apiVersion": "v1", "kind": "Pod", **made, "spec": _admitted_spec(value.get("spec") or {})}


def identified(value: Json, *, namespace: str, uid: str, suffix: str, now: datetime) -> dict[str, Any]:
    """A new object of any kind with its identity: without status and server fields of an earlier life."""
    metadata = {key: part for key, part in (value.get("metadata") or {}).items() if key not in _OURS}
    if not metadata.get("name"):
        metadata["name"] = str(metadata.get("generateName") or "")[:_MAX_BASE] + suffix
    metadata.update(namespace=metadata.get("namespace") or namespace, uid=uid, creationTimestamp=format_time(now))
    return {**{key: part for key, part in value.items() if key not in ("metadata", "status")}, "metadata": metadata}


def on_node(value: Json, node: str) -> dict[str, Any]:
    """The pod as a scheduler leaves it, assigned to a node; one that names its node already stays there."""
    spec = value.get("spec") or {}
    return {**value, "spec": {**spec, "nodeName": spec.get("nodeName") or node}}


NO_NODE = "no nodes available to schedule pods: no node holds this pod, podrunner run brings one for what it writes"
"""Why a pod that no node holds does not run (pkg/scheduler/scheduler.go ErrNoNodesAvailable, and what it means here)."""


def unscheduled(since: str) -> dict[str, Any]:
    """The status of a pod that no node holds since then, as a scheduler without nodes leaves it.

    Mirrors pkg/scheduler/schedule_one.go (handleSchedulingFailure).
    """
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "lastProbeTime": None,
        "lastTransitionTime": since,
        "reason": "Unschedulable",
        "message": NO_NODE,
    }
    return {"phase": "Pending", "conditions": [condition]}


def why_unscheduled(value: Json) -> str:
    """What a scheduler says of a pod for which it has found no node; "" when it says nothing."""
    for one in (value.get("status") or {}).get("conditions") or ():
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            return f"{one.get('reason') or 'Unschedulable'}: {one.get('message') or ''}".removesuffix(": ")
    return ""


def _admitted_spec(value: Json) -> dict[str, Any]:
    """The spec with a priority and with the tolerations of a node that is not there for a while."""
    spec = dict(value)
    if spec.get("priority") is None:
        spec["priority"] = _SYSTEM_PRIORITIES.get(str(spec.get("priorityClassName")), 0)
    if not spec.get("preemptionPolicy"):
        spec["preemptionPolicy"] = "PreemptLowerPriority"
    given = list(spec.get("tolerations") or ())
    added = [_toleration(key) for key in _NODE_TROUBLES if not any(_tolerates(one, key) for one in given)]
    if added:
        spec["tolerations"] = given + added
    return spec


def _tolerates(toleration: Json, key: str) -> bool:
    return (toleration.get("key") or key) == key and (toleration.get("effect") or "NoExecute") == "NoExecute"


def _toleration(key: str) -> dict[str, Any]:
    return {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _TOLERATED_SECONDS}
