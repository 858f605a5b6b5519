"""What objects refer to by name, and which of it their own input does not hold: seen across all objects of the input.

References that are ``optional`` are none, nor is what every namespace has (the ConfigMap ``kube-root-ca.crt`` and the
ServiceAccount ``default``). Named ports are looked for where the kubelet and the endpoints controller look: a probe's in its
own container (pkg/probe/util.go findPortByName), a Service's in the pods that it selects (component-helpers FindPort).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from runner.core.manifest.decode import nearest
from runner.core.manifest.paths import FieldPath
from runner.core.manifest.types import LoadedObject, PathKeys, Position, Problem, ProblemType
from runner.core.model import EMPTY, Json

CONFIG_MAP, SECRET = "ConfigMap", "Secret"
CLAIM, ACCOUNT = "PersistentVolumeClaim", "ServiceAccount"
_ALWAYS = frozenset({(CONFIG_MAP, "kube-root-ca.crt"), (ACCOUNT, "default")})
_TOKEN = "kubernetes.io/service-account-token"
"""A Secret of this type gets its keys from a controller."""
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
_CUTOFF = 0.6

Keys = Mapping[tuple[str, str, str], frozenset[str] | None]
"""By kind, namespace and name: the keys of an object of the input, None where they cannot be known."""


class Reference(Struct, frozen=True, kw_only=True):
    """A name in an object; ``key`` is one of the named object's keys, "" where it is about the whole object."""

    kind: str
    name: str
    path: FieldPath
    key: str = ""


class Need(Struct, frozen=True, kw_only=True):
    """An object that is referred to and is not in the input, with the keys that are asked of it and who asks."""

    kind: str
    namespace: str
    name: str
    keys: tuple[str, ...]
    users: tuple[str, ...]

    def __str__(self) -> str:
        keys = f" ({', '.join(self.keys)})" if self.keys else ""
        return f"{self.kind.lower()} {self.namespace}/{self.name}{keys} for {', '.join(self.users)}"


def missing_names(objects: Sequence[LoadedObject]) -> tuple[Problem, ...]:
    """A warning for each name that is nowhere in the input, with the nearest one that is."""
    there = _there(objects)
    found = [problem for one in objects for problem in _of_pods(one, there)]
    found += [problem for one in objects for problem in _unknown_ports(one)]
    found += [problem for one in objects if one.kind == "Service" for problem in _unknown_targets(one, objects)]
    return tuple(found)


def needs(objects: Sequence[LoadedObject]) -> tuple[Need, ...]:
    """What the input needs from outside, in the order in which it is named first."""
    there, found = _there(objects), dict[tuple[str, str, str], tuple[list[str], list[str]]]()
    for one in objects:
        for reference in _references(one):
            place = (reference.kind, one.namespace, reference.name)
            if place in there or place[::2] in _ALWAYS:
                continue
            keys, users = found.setdefault(place, ([], []))
            keys.extend([reference.key] if reference.key and reference.key not in keys else [])
            user = f"{one.kind.lower()}/{one.name}"
            users.extend([user] if user not in users else [])
    return tuple(
        Need(kind=kind, namespace=namespace, name=name, keys=tuple(keys), users=tuple(users))
        for (kind, namespace, name), (keys, users) in found.items()
    )


# --- what is there ------------------------------------------------------------------------------------------------------


def _there(objects: Sequence[LoadedObject]) -> Keys:
    known: dict[tuple[str, str, str], frozenset[str] | None] = {}
    for one in objects:
        known[one.kind, one.namespace, one.name] = _keys(one)
        if one.kind == "StatefulSet":
            for claim in _spec(one.value).get("volumeClaimTemplates") or ():
                known[CLAIM, one.namespace, f"{claim['metadata'].get('name')}-{one.name}-0"] = None
    return known


def _keys(one: LoadedObject) -> frozenset[str] | None:
    if one.kind not in (CONFIG_MAP, SECRET) or one.value.get("type") == _TOKEN:
        return None
    return frozenset(key for part in ("data", "binaryData", "stringData") for key in one.value.get(part) or ())


# --- what is referred to ------------------------------------------------------------------------------------------------


def _pod_spec(one: LoadedObject) -> tuple[Json, FieldPath, Json]:
    """The pod spec of an object with its path, and the labels of its pods."""
    value, path = one.value, FieldPath()
    steps = {"Pod": (), "CronJob": ("jobTemplate", "template")}.get(one.kind, ("template",))
    if one.kind != "Pod" and not (_spec(value).get("template") or _spec(value).get("jobTemplate")):
        return EMPTY, path, EMPTY
    for step in steps:
        value, path = _spec(value).get(step) or EMPTY, path.child("spec", step)
    return _spec(value), path.child("spec"), (value.get("metadata") or EMPTY).get("labels") or EMPTY


def _spec(value: Json) -> Json:
    spec = value.get("spec")
    return spec if isinstance(spec, Mapping) else EMPTY


def _references(one: LoadedObject) -> Iterator[Reference]:
    spec, path, _ = _pod_spec(one)
    for list_name in _CONTAINERS:
        for number, container in enumerate(spec.get(list_name) or ()):
            yield from _of_container(container, path.child(list_name).index(number))
    own = {str(t["metadata"].get("name")) for t in _spec(one.value).get("volumeClaimTemplates") or ()}
    for number, volume in enumerate(spec.get("volumes") or ()):
        if volume.get("name") not in own:
            yield from _of_volume(volume, path.child("volumes").index(number))
    for number, secret in enumerate(spec.get("imagePullSecrets") or ()):
        if secret.get("name"):
            yield Reference(
                kind=SECRET, name=str(secret["name"]), path=path.child("imagePullSecrets").index(number).child("name")
            )
    if spec.get("serviceAccountName"):
        yield Reference(kind=ACCOUNT, name=str(spec["serviceAccountName"]), path=path.child("serviceAccountName"))


def _of_container(container: Json, path: FieldPath) -> Iterator[Reference]:
    for number, variable in enumerate(container.get("env") or ()):
        source = variable.get("valueFrom") or EMPTY
        at = path.child("env").index(number).child("valueFrom")
        for field, kind in (("configMapKeyRef", CONFIG_MAP), ("secretKeyRef", SECRET)):
            yield from _of_source(kind, source.get(field), "name", at.child(field))
    for number, source in enumerate(container.get("envFrom") or ()):
        at = path.child("envFrom").index(number)
        for field, kind in (("configMapRef", CONFIG_MAP), ("secretRef", SECRET)):
            yield from _of_source(kind, source.get(field), "name", at.child(field))


def _of_volume(volume: Json, path: FieldPath) -> Iterator[Reference]:
    yield from _of_source(CONFIG_MAP, volume.get("configMap"), "name", path.child("configMap"))
    yield from _of_source(SECRET, volume.get("secret"), "secretName", path.child("secret"))
    for number, source in enumerate((volume.get("projected") or EMPTY).get("sources") or ()):
        at = path.child("projected", "sources").index(number)
        yield from _of_source(CONFIG_MAP, source.get("configMap"), "name", at.child("configMap"))
        yield from _of_source(SECRET, source.get("secret"), "name", at.child("secret"))
    yield from _of_source(CLAIM, volume.get("persistentVolumeClaim"), "claimName", path.child("persistentVolumeClaim"))


def _of_source(kind: str, source: Any, field: str, path: FieldPath) -> Iterator[Reference]:
    """What a source names: the object, or each of its keys."""
    if not isinstance(source, Mapping) or source.get("optional") or not source.get(field):
        return
    name = str(source[field])
    if source.get("key"):
        yield Reference(kind=kind, name=name, path=path, key=str(source["key"]))
    elif not source.get("items"):
        yield Reference(kind=kind, name=name, path=path.child(field))
    for number, item in enumerate(source.get("items") or ()):
        yield Reference(kind=kind, name=name, path=path.child("items").index(number), key=str(item.get("key") or ""))


# --- what is missing ----------------------------------------------------------------------------------------------------


def _of_pods(one: LoadedObject, there: Keys) -> Iterator[Problem]:
    told: set[tuple[str, str]] = set()
    for reference in _references(one):
        place = (reference.kind, one.namespace, reference.name)
        word = reference.kind.lower()
        if place in there:
            keys = there[place]
            if reference.key and keys is not None and reference.key not in keys:
                text = f'{word} "{reference.name}" has no key "{reference.key}"'
                yield _warning(one, reference.path.child("key"), text + _question(reference.key, keys))
        elif place[::2] not in _ALWAYS and place[::2] not in told:
            told.add((reference.kind, reference.name))
            known = [name for kind, namespace, name in there if (kind, namespace) == place[:2]]
            at = reference.path.child("name") if reference.key else reference.path
            yield _warning(one, at, f'{word} "{reference.name}" is not in the input' + _question(reference.name, known))


def _unknown_ports(one: LoadedObject) -> Iterator[Problem]:
    """Ports of probes and hooks that their container does not name."""
    spec, path, _ = _pod_spec(one)
    for list_name in _CONTAINERS:
        for number, container in enumerate(spec.get(list_name) or ()):
            known = [str(port["name"]) for port in container.get("ports") or () if port.get("name")]
            for port, at in _ports(container, path.child(list_name).index(number)):
                if isinstance(port, str) and port not in known and not port.isdigit():
                    text = f'container "{container.get("name")}" has no port named "{port}"'
                    yield _warning(one, at, text + _question(port, known))


def _ports(container: Json, path: FieldPath) -> Iterator[tuple[Any, FieldPath]]:
    hooks = container.get("lifecycle") or EMPTY
    handlers = [(container.get(probe) or EMPTY, path.child(probe)) for probe in _PROBES]
    handlers += [(hooks.get(hook) or EMPTY, path.child("lifecycle", hook)) for hook in ("postStart", "preStop")]
    for handler, at in handlers:
        for action in ("httpGet", "tcpSocket"):
            if handler.get(action):
                yield handler[action].get("port"), at.child(action, "port")


def _unknown_targets(service: LoadedObject, objects: Sequence[LoadedObject]) -> Iterator[Problem]:
    """Named target ports that no pod has which the Service selects; nothing where the input has no such pod."""
    spec = _spec(service.value)
    selector = spec.get("selector") or EMPTY
    pods = [pod for one in objects if one.namespace == service.namespace for pod in (_selected(one, selector),) if pod]
    known = [
        str(port["name"])
        for pod in pods
        for list_name in _CONTAINERS[:2]
        for container in pod.get(list_name) or ()
        for port in container.get("ports") or ()
        if port.get("name")
    ]
    for number, port in enumerate(spec.get("ports") or ()):
        target = port.get("targetPort")
        if pods and isinstance(target, str) and target not in known and not target.isdigit():
            text = f'no pod that service "{service.name}" selects has a port named "{target}"'
            at = FieldPath().child("spec", "ports").index(number).child("targetPort")
            yield _warning(service, at, text + _question(target, known))


def _selected(one: LoadedObject, selector: Json) -> Json:
    spec, _, labels = _pod_spec(one)
    return spec if selector and all(labels.get(key) == value for key, value in selector.items()) else EMPTY


def _question(word: str, known: Sequence[str] | frozenset[str]) -> str:
    near = nearest(word, sorted(known), cutoff=_CUTOFF)
    return f', did you mean "{near}"?' if near else ""


def _warning(one: LoadedObject, path: FieldPath, message: str) -> Problem:
    at = _place(one.positions, path.keys)
    return Problem(
        file=one.file, line=at.line, column=at.column, field=str(path), message=message, type=ProblemType.WARNING
    )


def _place(positions: Mapping[PathKeys, Position], keys: PathKeys) -> Position:
    """Where a path is, or the nearest thing around it."""
    while keys and keys not in positions:
        keys = keys[:-1]
    return positions.get(keys, Position(1, 1))
