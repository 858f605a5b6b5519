"""ConfigMaps and Secrets as faults and pods name them: which of them a fault means, and what a pod refers to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from runner.core.faults.kinds import Aim
from runner.core.faults.model import Fault
from runner.core.manifest.types import LoadedObject
from runner.core.model import Json, Object, Pod

KIND_OF: Final[Mapping[Aim, str]] = {Aim.CONFIG: "ConfigMap", Aim.SECRET: "Secret"}
_DATA: Final = ("data", "binaryData", "stringData")

Name = tuple[str, str]
"""An object's name, and the name of one of its keys, "": the object itself."""


def without(value: Object, kind: str, faults: Iterable[Fault]) -> tuple[Object | None, tuple[Fault, ...]]:
    """An object as faults leave it, None: it is missing; and those that have left something out."""
    name = str((value.get("metadata") or {}).get("name") or "")
    used: list[Fault] = []
    left: Object = value
    for fault in faults:
        if KIND_OF.get(fault.aim) != kind:
            continue
        if fault.name == name:
            return None, (fault,)
        if not fault.name.startswith(f"{name}."):
            continue
        key = fault.name[len(name) + 1 :]
        for section in _DATA:
            data = left.get(section) or {}
            if key in data:
                left = {**left, section: {one: text for one, text in data.items() if one != key}}
                used.append(fault)
    return left, tuple(dict.fromkeys(used))


def names_of_objects(aim: Aim, pods: Iterable[Pod], objects: Sequence[LoadedObject]) -> list[str]:
    """What a fault of this aim may name: what pods refer to, and the keys of what was loaded of it."""
    kind = KIND_OF[aim]
    found = [(name, key) for pod in pods for name, key in _references(pod, kind) if name]
    referred = {name for name, _ in found}
    loaded = {one.name: one.value for one in objects if one.kind == kind and one.name in referred}
    found += [(name, str(key)) for name, value in loaded.items() for part in _DATA for key in value.get(part) or {}]
    return list(dict.fromkeys([*(name for name, _ in found), *(f"{name}.{key}" for name, key in found if key)]))


def _references(pod: Pod, kind: str) -> Iterator[Name]:
    lower = "configMap" if kind == "ConfigMap" else "secret"
    for container in pod.all_containers():
        for entry in container.manifest.get("env") or ():
            source = (entry.get("valueFrom") or {}).get(f"{lower}KeyRef") or {}
            yield str(source.get("name") or ""), str(source.get("key") or "")
        for entry in container.manifest.get("envFrom") or ():
            yield str((entry.get(f"{lower}Ref") or {}).get("name") or ""), ""
    for volume in pod.spec.get("volumes") or ():
        yield from _source(volume.get(lower) or {}, "secretName" if lower == "secret" else "name")
        for one in (volume.get("projected") or {}).get("sources") or ():
            yield from _source(one.get(lower) or {}, "name")
    if lower == "secret":
        for one in pod.spec.get("imagePullSecrets") or ():
            yield str(one.get("name") or ""), ""


def _source(source: Json, key: str) -> Iterator[Name]:
    name = str(source.get(key) or "")
    yield name, ""
    for item in source.get("items") or ():
        yield name, str(item.get("key") or "")
