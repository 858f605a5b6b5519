"""The environment of a container: sources, references, expansion and precedence.

Mirrors pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables): envFrom in order, then env in order; ``value`` is expanded
with what came before it; later entries win. Service variables and the image's own ENV are not this module's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from runner.core.expansion import expand
from runner.core.gotext import quote
from runner.core.model import Container, Json, Pod
from runner.core.objects import ConfigError, Lookup, config_map_text, secret_data
from runner.core.quantity import parse_quantity
from runner.core.quick import quick

_SUBSCRIPT = re.compile(r"^metadata\.(labels|annotations)\['(.*)'\]$")


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class PodFacts:
    """What fieldRef may ask about the running pod."""

    pod_ip: str
    host_ip: str
    node_name: str


def make_environment(pod: Pod, container: Container, facts: PodFacts, lookup: Lookup) -> dict[str, str]:
    """Resolve a container's environment. Raises ConfigError with the kubelet's text."""
    result: dict[str, str] = {}
    for source in container.manifest.get("envFrom") or ():
        result.update(_env_from(source, lookup))
    for entry in container.manifest.get("env") or ():
        name, value = str(entry.get("name", "")), entry.get("value")
        if value:
            result[name] = expand(str(value), result)
        elif entry.get("valueFrom"):
            resolved = _value_from(pod, container, entry["valueFrom"], facts, lookup)
            if resolved is not None:
                result[name] = resolved
        else:
            result[name] = ""
    return result


def _env_from(source: Json, lookup: Lookup) -> dict[str, str]:
    prefix = str(source.get("prefix") or "")
    if "configMapRef" in source:
        found = _find("ConfigMap", source["configMapRef"], lookup)
        data = config_map_text(found or {})
    elif "secretRef" in source:
        found = _find("Secret", source["secretRef"], lookup)
        data = secret_data(found) if found is not None else {}
    else:
        data = {}
    return {prefix + key: value.decode("utf-8", "surrogateescape") for key, value in data.items()}


def _find(kind: str, reference: Json, lookup: Lookup) -> Json | None:
    name = str(reference.get("name") or "")
    found = lookup(kind, name)
    if found is None and not reference.get("optional"):
        raise ConfigError(f'{kind.lower()} "{name}" not found')
    return found


def _value_from(pod: Pod, container: Container, source: Json, facts: PodFacts, lookup: Lookup) -> str | None:
    if "fieldRef" in source:
        return field_value(pod, str(source["fieldRef"].get("fieldPath", "")), facts)
    if "resourceFieldRef" in source:
        return resource_value(pod, container, source["resourceFieldRef"])
    if "configMapKeyRef" in source:
        return _key("ConfigMap", source["configMapKeyRef"], pod, lookup)
    if "secretKeyRef" in source:
        return _key("Secret", source["secretKeyRef"], pod, lookup)
    raise ConfigError("valueFrom.fileKeyRef is not supported")


def _key(kind: str, reference: Json, pod: Pod, lookup: Lookup) -> str | None:
    found = _find(kind, reference, lookup)
    key = str(reference.get("key", ""))
    data = {} if found is None else config_map_text(found) if kind == "ConfigMap" else secret_data(found)
    if key not in data:
        if reference.get("optional"):
            return None
        raise ConfigError(f"couldn't find key {key} in {kind} {pod.namespace}/{reference.get('name')}")
    return data[key].decode("utf-8", "surrogateescape")


def field_value(pod: Pod, path: str, facts: PodFacts) -> str:
    """The value of a fieldRef. Raises ConfigError for a path that cannot be had."""
    subscript = _SUBSCRIPT.match(path)
    if subscript:
        values: Mapping[str, str] = pod.labels if subscript.group(1) == "labels" else pod.annotations
        return str(values.get(subscript.group(2), ""))
    values_by_path = {
        "metadata.name": pod.name,
        "metadata.namespace": pod.namespace,
        "metadata.uid": pod.uid,
        "metadata.labels": _lines(pod.labels),
        "metadata.annotations": _lines(pod.annotations),
        "spec.nodeName": facts.node_name,
        "spec.serviceAccountName": str(pod.spec.get("serviceAccountName") or "default"),
        "status.hostIP": facts.host_ip,
        "status.hostIPs": facts.host_ip,
        "status.podIP": facts.pod_ip,
        "status.podIPs": facts.pod_ip,
    }
    if path not in values_by_path:
        raise ConfigError(f"unsupported fieldPath: {path}")
    return values_by_path[path]


def _lines(values: Mapping[str, str]) -> str:
    return "\n".join(f"{key}={quote(str(values[key]))}" for key in sorted(values))


def resource_value(pod: Pod, container: Container, reference: Json) -> str:
    """The value of a resourceFieldRef, rounded up to whole divisors; a missing limit needs the node's size."""
    name = reference.get("containerName")
    target = pod.container(str(name)) if name else container
    if target is None:
        raise ConfigError(f"container {name} not found")
    section, _, resource = str(reference.get("resource", "")).partition(".")
    resources = (target.manifest.get("resources") or {}).get(section) or {}
    text = resources.get(resource)
    if text is None and section == "limits":
        raise ConfigError(f"the node's allocatable {resource} is not known")
    amount = parse_quantity(str(text if text is not None else 0))
    return str(amount.divided_by(parse_quantity(str(reference.get("divisor") or "1"))))
