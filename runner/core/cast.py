"""Whom a script or a fault may name: the pods of the manifests, and those that their workloads will make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from runner.core.manifest.types import LoadedObject
from runner.core.model import Pod
from runner.core.workloads import WORKLOAD_KINDS, template_spec

_LONGEST = 40
"""Letters of a workload's name that are surely in its pods' names, which may be cut."""


class Cast(Struct, frozen=True):
    """``everyone`` has every container once; ``pods`` go by name, with ``*`` for the part that is made up."""

    everyone: Pod
    pods: tuple[tuple[str, Pod], ...]

    @classmethod
    def of(cls, pod: Pod) -> Cast:
        """One pod, alone."""
        return cls(pod, ((pod.name, pod),))

    def called(self, name: str) -> list[Pod]:
        """The pods that may be called so; ``*`` in the name stands for anything."""
        return [pod for known, pod in self.pods if _meet(name, known)]

    @property
    def names(self) -> str:
        """The names that there may be, for a sentence."""
        return ", ".join(name for name, _ in self.pods)


def names_of(objects: Sequence[LoadedObject], namespace: str) -> Cast:
    """What a script for these objects may name."""
    found: dict[str, dict[str, Any]] = {"initContainers": {}, "containers": {}}
    for spec in map(template_spec, objects):
        for group, named in found.items():
            for container in spec.get(group) or ():
                if all(container["name"] not in other for other in found.values()):
                    named[container["name"]] = container
    spec = {group: list(named.values()) for group, named in found.items()}
    makers = [one for one in objects if one.kind == "Pod" or one.kind in WORKLOAD_KINDS]
    pods = [(_name(one), _pod(_name(one), namespace, template_spec(one))) for one in makers]
    return Cast(_pod("all", namespace, spec), tuple(pods))


def _pod(name: str, namespace: str, spec: Any) -> Pod:
    return Pod.from_json({"metadata": {"name": name, "namespace": namespace, "uid": ""}, "spec": spec})


def _name(one: LoadedObject) -> str:
    metadata = one.value.get("metadata") or {}
    name = str(metadata.get("name") or "")
    if not name:
        return f"{metadata.get('generateName') or ''}*"
    if one.kind == "Pod":
        return name
    return f"{name}-*" if len(name) <= _LONGEST else f"{name[:_LONGEST]}*"


def _meet(one: str, other: str) -> bool:
    """Whether some name fits both patterns, in which only ``*`` means something else than itself."""
    if one.startswith("*"):
        return _meet(one[1:], other) or (bool(other) and _meet(one, other[1:]))
    if other.startswith("*"):
        return _meet(other, one)
    if not one or not other:
        return one == other
    return one[0] == other[0] and _meet(one[1:], other[1:])


__all__: Sequence[str] = ["Cast", "names_of"]
