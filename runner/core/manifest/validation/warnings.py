"""Warnings: what the API server accepts but sends a Warning header for.

Mirrors pkg/api/pod/warnings.go and pkg/api/persistentvolumeclaim/util.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.names import dns_label
from runner.core.quantity import NANO, parse_quantity

Object = dict[str, Any]

_DEPRECATED_VOLUMES = {
    "gitRepo": ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    "glusterfs": ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    "quobyte": ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    "scaleIO": ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    "storageos": ("storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    "flocker": ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    "photonPersistentDisk": ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    "cephfs": ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    "rbd": ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
}
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


def warn_pod(errors: Errors, pod: Object) -> None:
    """Note what a Pod's author should know."""
    name = pod["metadata"].get("name") or ""
    if name and (messages := dns_label(name)):
        text = (
            "this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: "
            f"[{' '.join(messages)}]"
        )
        errors.warn(FieldPath().child("metadata", "name"), text)
    warn_pod_spec(errors, pod["spec"], FieldPath().child("spec"))


def warn_pod_spec(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Note what the author of a pod or a pod template should know."""
    for index, volume in enumerate(spec.get("volumes") or ()):
        at = path.child("volumes").index(index)
        for kind, (shown, text) in _DEPRECATED_VOLUMES.items():
            if volume.get(kind) is not None:
                errors.warn(at.child(shown).located_at(at.child(kind)), text)
        if volume.get("projected") is not None:
            sources = volume["projected"].get("sources") or []
            if any(not source for source in sources):
                text = f'volume "{volume.get("name") or ""}" (Projected) has no sources provided'
                errors.warn(FieldPath("", at.keys), text)
    for index, reference in enumerate(spec.get("imagePullSecrets") or ()):
        if not reference.get("name"):
            errors.warn(path.child("imagePullSecrets").index(index), 'invalid empty name ""')
    for at, container in _containers(spec, path):
        _environment(errors, container, at)
        _fractions(errors, container.get("resources") or {}, at.child("resources"))
    _ports(errors, spec, path)
    seconds = spec.get("terminationGracePeriodSeconds")
    if seconds is not None and seconds < 0:
        text = "must be >= 0; negative values are invalid and will be treated as 1"
        errors.warn(path.child("terminationGracePeriodSeconds"), text)


def _containers(spec: Object, path: FieldPath) -> Iterator[tuple[FieldPath, Object]]:
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or ()):
            yield path.child(field).index(index), container


def _environment(errors: Errors, container: Object, path: FieldPath) -> None:
    seen: set[str] = set()
    for index, variable in enumerate(container.get("env") or ()):
        name, value = variable.get("name") or "", variable.get("value") or ""
        # A value that builds on the one before it ("$(PATH):/bin") is on purpose.
        if name in seen and f"$({name})" not in value:
            text = f'hides previous definition of "{name}", which may be dropped when using apply'
            errors.warn(path.child("env").index(index), text)
        seen.add(name)


def _fractions(errors: Errors, resources: Object, path: FieldPath) -> None:
    for side in ("limits", "requests"):
        for name, text in (resources.get(side) or {}).items():
            if name in ("memory", "ephemeral-storage", "storage") and parse_quantity(text).nanos % NANO:
                at = path.child(side).key(name)
                errors.warn(at, f'fractional byte value "{text}" is invalid, must be an integer')


def _ports(errors: Errors, spec: Object, path: FieldPath) -> None:
    definitions: dict[tuple[Any, ...], FieldPath] = {}
    for at, container in _containers(spec, path):
        names: dict[str, FieldPath] = {}
        for index, port in enumerate(container.get("ports") or ()):
            here = at.child("ports").index(index)
            name = port.get("name")
            if name and name in names:
                first = names[name]
                text = (
                    f'duplicate port name "{name}" with {first}, services and probes that select ports by name will '
                    f"use {first}"
                )
                errors.warn(here, text)
            elif name:
                names[name] = here
            key = tuple(port.get(field) or None for field in ("containerPort", "protocol", "hostPort", "hostIP"))
            if key in definitions:
                errors.warn(here, f"duplicate port definition with {definitions[key]}")
            else:
                definitions[key] = here


_NAMES_ITS_PODS = frozenset({"Deployment", "ReplicaSet", "ReplicationController", "Job", "CronJob"})
_MANY_INDEXES = (
    "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not "
    "be able to track completedIndexes when a big number of indexes fail"
)


def warn_workload(errors: Errors, kind: str, value: Object) -> None:
    """Note what the author of something that makes pods should know."""
    name = value["metadata"].get("name") or ""
    if kind in _NAMES_ITS_PODS and name and (messages := dns_label(name)):
        text = (
            "this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is "
            f"recommended: [{' '.join(messages)}]"
        )
        errors.warn(FieldPath().child("metadata", "name"), text)
    holder, path = (value, FieldPath()) if kind == "PodTemplate" else (value["spec"], FieldPath().child("spec"))
    if kind == "CronJob":
        holder, path = holder["jobTemplate"]["spec"], path.child("jobTemplate", "spec")
    completions, parallelism = holder.get("completions") or 0, holder.get("parallelism") or 0
    if holder.get("completionMode") == "Indexed" and completions > 100_000 and parallelism > 10_000:
        errors.warn(path, _MANY_INDEXES)
    template = holder.get("template")
    if template is not None:
        warn_pod_spec(errors, template["spec"], path.child("template", "spec"))
    for index, claim in enumerate(holder.get("volumeClaimTemplates") or ()):
        at = path.child("volumeClaimTemplates").index(index)
        _claim_amounts(errors, claim["spec"], at.child("resources").located_at(at.child("spec", "resources")))
    if kind == "StatefulSet" and (holder.get("revisionHistoryLimit") or 0) < 0:
        text = "a negative value retains all historical revisions; a value >= 0 is recommended"
        errors.warn(path.child("revisionHistoryLimit"), text)


def warn_claim(errors: Errors, claim: Object) -> None:
    """Note what a PersistentVolumeClaim's author should know."""
    if _CLASS_ANNOTATION in (claim["metadata"].get("annotations") or {}):
        at = FieldPath().child("metadata", "annotations").key(_CLASS_ANNOTATION)
        errors.warn(at, 'deprecated since v1.8; use "storageClassName" attribute instead')
    _claim_amounts(errors, claim["spec"], FieldPath().child("spec", "resources"))


def _claim_amounts(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Note sizes that are no whole bytes; requests come first, unlike in containers."""
    for side in ("requests", "limits"):
        text = ((spec.get("resources") or {}).get(side) or {}).get("storage", "0")
        if parse_quantity(text).nanos % NANO:
            at = path.child(side).key("storage")
            errors.warn(at, f'fractional byte value "{text}" is invalid, must be an integer')
