"""Objects that pods name and that the input lacks: named placeholders, but for those that the cluster lacked too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from runner.core.capture.cleaning import REDACTED
from runner.core.manifest.needs import Need
from runner.core.model import EMPTY, Json

PLACEHOLDER: Final = "placeholder"
"""What stands for a value that nobody knows."""
_GONE: Final = re.compile(r'\b(configmap|secret|persistentvolumeclaim|serviceaccount) "([^"]+)" not found')
_NO_KEY: Final = re.compile(r"couldn't find key (\S+) in (ConfigMap|Secret) [^/\s]+/(\S+)")
_KINDS: Final = {
    "configmap": "ConfigMap",
    "secret": "Secret",
    "persistentvolumeclaim": "PersistentVolumeClaim",
    "serviceaccount": "ServiceAccount",
}


class Lacking(Struct, frozen=True, kw_only=True):
    """What a cluster said that it lacked, by kind and name; keys by kind, name and key."""

    objects: frozenset[tuple[str, str]] = frozenset()
    keys: frozenset[tuple[str, str, str]] = frozenset()


def lacking(objects: Iterable[Json]) -> Lacking:
    """What pods' statuses and events say that a cluster did not have."""
    texts = [text for one in objects for text in _messages(one)]
    gone = {(_KINDS[kind], name) for text in texts for kind, name in _GONE.findall(text)}
    keys = {(kind, name.rstrip(".,"), key) for text in texts for key, kind, name in _NO_KEY.findall(text)}
    return Lacking(objects=frozenset(gone), keys=frozenset(keys))


def placeholders(found: Sequence[Need], lacked: Lacking, pull_secrets: frozenset[str]) -> list[dict[str, Any]]:
    """An object for each need that the cluster will have had. ``pull_secrets`` are names of Secrets for registries."""
    return [_object(need, lacked, pull_secrets) for need in found if (need.kind, need.name) not in lacked.objects]


def _messages(one: Json) -> Iterator[str]:
    if one.get("kind") == "Event":
        yield str(one.get("message") or one.get("note") or "")
    status = (one.get("status") or EMPTY) if one.get("kind") == "Pod" else EMPTY
    for group in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(group) or ():
            yield str(((container.get("state") or EMPTY).get("waiting") or EMPTY).get("message") or "")


def _object(need: Need, lacked: Lacking, pull_secrets: frozenset[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": need.kind,
        "metadata": {"name": need.name, "namespace": need.namespace},
    }
    keys = [key for key in need.keys if (need.kind, need.name, key) not in lacked.keys]
    match need.kind:
        case "ConfigMap":
            found["data"] = dict.fromkeys(keys, PLACEHOLDER)
        case "Secret" if need.name in pull_secrets:
            found |= {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": '{"auths":{}}'}}
        case "Secret":
            found["stringData"] = dict.fromkeys(keys, REDACTED)
        case "PersistentVolumeClaim":
            found["spec"] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        case _:
            pass
    return found
