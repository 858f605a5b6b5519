"""PersistentVolumeClaims: given ones, those of ephemeral volumes, and the local volumes that stand behind them.

Mirrors pkg/controller/volume/{persistentvolume,ephemeral} and the node's checks in desired_state_of_world_populator.go. Every
claim is bound at once to a local volume; a claim that the manifests lack is made, small and writable by one node.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from runner.core.model import Json, Pod
from runner.core.objects import ConfigError, Lookup
from runner.core.text.times import format_time

STORAGE_CLASS = "local"
_DEFAULT_SIZE = "1Gi"
_KIND = "PersistentVolumeClaim"


def bound_claim(namespace: str, claim: Json, now: datetime) -> dict[str, Any]:
    """The claim as it looks when its volume is there; one that is bound already stays as it is."""
    metadata = dict(claim.get("metadata") or {})
    metadata.setdefault("namespace", namespace)
    metadata.setdefault("creationTimestamp", format_time(now))
    spec = {"volumeMode": "Filesystem", **(claim.get("spec") or {})}
    spec.setdefault("accessModes", ["ReadWriteOnce"])
    if not spec.get("storageClassName"):
        spec["storageClassName"] = STORAGE_CLASS
    spec.setdefault("volumeName", f"pvc-{metadata.get('namespace')}-{metadata.get('name')}")
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage") or _DEFAULT_SIZE
    spec.setdefault("resources", {"requests": {"storage": size}})
    status = {"phase": "Bound", "accessModes": list(spec["accessModes"]), "capacity": {"storage": size}}
    return {"apiVersion": "v1", "kind": _KIND, "metadata": metadata, "spec": spec, "status": status}


def find_claim(pod: Pod, name: str, lookup: Lookup, now: datetime) -> dict[str, Any]:
    """The claim of this name, given or new, bound. Raises ConfigError for one that cannot be mounted as a directory."""
    claim = bound_claim(pod.namespace, lookup(_KIND, name) or {"metadata": {"name": name}}, now)
    if claim["metadata"].get("deletionTimestamp"):
        raise ConfigError(f"error processing PVC {pod.namespace}/{name}: PVC is being deleted")
    if claim["spec"]["volumeMode"] != "Filesystem":
        raise ConfigError("block volumes are not supported on this node")
    return claim


def ephemeral_claim(pod: Pod, volume: str, source: Json, lookup: Lookup, now: datetime) -> dict[str, Any]:
    """The claim of an ephemeral volume, ``<pod>-<volume>``, owned by the pod.

    Raises ConfigError when another claim has that name (volume/ephemeral VolumeIsForPod).
    """
    name = f"{pod.name}-{volume}"
    found = lookup(_KIND, name)
    if found is not None:
        owners = (found.get("metadata") or {}).get("ownerReferences") or ()
        if not any(owner.get("uid") == pod.uid for owner in owners):
            text = f"PVC {pod.namespace}/{name} was not created for pod {pod.namespace}/{pod.name}"
            raise ConfigError(f"error processing PVC {pod.namespace}/{name}: {text} (pod is not owner)")
        return bound_claim(pod.namespace, found, now)
    template = source.get("volumeClaimTemplate") or {}
    given = template.get("metadata") or {}
    kept = {key: given[key] for key in ("labels", "annotations") if given.get(key)}
    owner = {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": pod.name,
        "uid": pod.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    metadata = {"name": name, **kept, "ownerReferences": [owner]}
    return bound_claim(pod.namespace, {"metadata": metadata, "spec": template.get("spec") or {}}, now)
