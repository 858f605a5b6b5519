"""Our own warnings about what a pod asks of a cluster, each with what happens here instead.

An API server looks these up (admission plugins Priority, RuntimeClass, NamespaceLifecycle) or drops them (feature gates that
are off by default in 1.36). A manifest that is right for some cluster is not refused for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.core.manifest.paths import FieldPath

Object = dict[str, Any]
Note = tuple[FieldPath, str]

NAMESPACES = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})
_SYSTEM_CLASSES = ("system-cluster-critical", "system-node-critical")


def notes_on(kind: str, value: Object) -> list[Note]:
    """Return what to say about an object as it was decoded, before the server's defaults."""
    found = _template(kind, value)
    return [] if found is None else list(_notes(*found))


def _template(kind: str, value: Object) -> tuple[Object, FieldPath] | None:
    """The pod spec of an object with its path; None when it has none."""
    if kind == "Pod":
        return value["spec"], FieldPath().child("spec")
    holder, path = (value, FieldPath()) if kind == "PodTemplate" else (value.get("spec"), FieldPath().child("spec"))
    if kind == "CronJob" and holder is not None:
        holder, path = holder["jobTemplate"]["spec"], path.child("jobTemplate", "spec")
    template = (holder or {}).get("template")
    return (template["spec"], path.child("template", "spec")) if isinstance(template, dict) else None


def _notes(spec: Object, path: FieldPath) -> Iterator[Note]:
    name = spec.get("priorityClassName") or ""
    if name and name not in _SYSTEM_CLASSES:
        text = f'only a cluster knows the PriorityClass "{name}": here the pod has no priority'
        yield path.child("priorityClassName"), text
    elif spec.get("priority"):
        text = "only a cluster knows priorities, and takes them from PriorityClasses: here it is only shown"
        yield path.child("priority"), text
    name = spec.get("runtimeClassName") or ""
    if name:
        text = (
            f'only a cluster knows the RuntimeClass "{name}": here the Engine\'s default runtime runs every container'
        )
        yield path.child("runtimeClassName"), text
    if spec.get("schedulingGroup") is not None:
        yield path.child("schedulingGroup"), "ignored: Kubernetes drops it (the feature is off by default)"
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or ()):
            if (container.get("lifecycle") or {}).get("stopSignal") is not None:
                text = "ignored: Kubernetes drops it (the feature is off by default), and the image's signal counts"
                yield path.child(field).index(index).child("lifecycle", "stopSignal"), text
