"""The environment of a container: sources, references, expansion and precedence.

Mirrors pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables): envFrom in order, then env in order; ``value`` is expanded
with what came before it and with the Services' variables; later entries win, and Services' variables only fill gaps. The
image's own ENV is below all of them, which the Engine sees to.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from runner.core.container.envfile import EnvFileError, env_file_value
from runner.core.container.expansion import MAX_EXPANDED, TooLong, expand
from runner.core.container.noderesources import NodeLook, resource_value, unknown_node
from runner.core.model import Container, Json, Pod
from runner.core.network.services import service_variables
from runner.core.objects import ConfigError, Lookup, config_map_text, secret_data
from runner.core.text.gotext import quote

EMPTY_DIRS = "/var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~empty-dir"
"""Where a kubelet has the emptyDirs of a pod; messages name files there."""
_SUBSCRIPT = re.compile(r"^metadata\.(labels|annotations)\['(.*)'\]$")


class PodFacts(Struct, frozen=True, kw_only=True):
    """What fieldRef may ask about the running pod."""

    pod_ip: str
    host_ip: str
    node_name: str


FileReader = Callable[[str, str], bytes]
"""Volume and path to the content of a file in an emptyDir.

Raises FileNotFoundError when there is none, ConfigError when it cannot be read or is no file of the volume.
"""


def no_files(volume: str, path: str) -> bytes:
    """The reader of a pod that has no volumes yet."""
    raise ConfigError(f"couldn't parse env file {path} of volume {volume}: there are no volumes")


class Sources(Struct, frozen=True, kw_only=True):
    """Where values come from, beside the pod itself; everything but the objects is asked only when it is needed."""

    facts: PodFacts
    lookup: Lookup
    services: Sequence[Json] = ()
    node: NodeLook = unknown_node
    read_file: FileReader = no_files


def make_environment(pod: Pod, container: Container, sources: Sources) -> dict[str, str]:
    """Resolve a container's environment. Raises ConfigError with the kubelet's text."""
    services = service_variables(pod, sources.services)
    result: dict[str, str] = {}
    for source in container.manifest.get("envFrom") or ():
        result.update(_env_from(source, sources.lookup))
    left = MAX_EXPANDED
    for index, entry in enumerate(container.manifest.get("env") or ()):
        name, value = str(entry.get("name", "")), entry.get("value")
        if value:
            try:
                result[name] = expand(str(value), ChainMap(result, services), left)
            except TooLong as error:
                raise ConfigError(f"{manifest_path(pod, container)}.env[{index}].value: {error}") from error
            left -= max(0, len(result[name]) - len(str(value)))
        elif entry.get("valueFrom"):
            resolved = _value_from(pod, container, entry["valueFrom"], sources)
            if resolved is not None:
                result[name] = resolved
        else:
            result[name] = ""
    return (
        {**result, **{name: value for name, value in services.items() if name not in result}}
        if result
        else {**services}
    )


def manifest_path(pod: Pod, container: Container) -> str:
    """Where a container stands in its pod's manifest: ``spec.initContainers[0]``."""
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for index, one in enumerate(pod.spec.get(field) or ()):
            if one.get("name") == container.name:
                return f"spec.{field}[{index}]"
    return f"container {container.name}"


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


def _value_from(pod: Pod, container: Container, source: Json, sources: Sources) -> str | None:
    if "fieldRef" in source:
        return field_value(pod, str(source["fieldRef"].get("fieldPath", "")), sources.facts)
    if "resourceFieldRef" in source:
        return resource_value(pod, container, source["resourceFieldRef"], sources.node)
    if "configMapKeyRef" in source:
        return _key("ConfigMap", source["configMapKeyRef"], pod, sources.lookup)
    if "secretKeyRef" in source:
        return _key("Secret", source["secretKeyRef"], pod, sources.lookup)
    return _file_key(pod, source.get("fileKeyRef") or {}, sources.read_file)


def _file_key(pod: Pod, reference: Json, read_file: FileReader) -> str | None:
    volume, path, key = (str(reference.get(name) or "") for name in ("volumeName", "path", "key"))
    if not any(known.get("name") == volume for known in pod.spec.get("volumes") or ()):
        raise ConfigError(f'cannot find the volume "{volume}" referenced by FileKeyRef')
    try:
        content = read_file(volume, path).decode()
        value = env_file_value(content, key)
    except FileNotFoundError:
        if reference.get("optional"):
            return None
        raise ConfigError("couldn't parse env file") from None
    except (EnvFileError, UnicodeDecodeError) as error:
        raise ConfigError("couldn't parse env file") from error
    if not value:
        if reference.get("optional"):
            return None
        place = f"{EMPTY_DIRS.format(uid=pod.uid)}/{volume}/{path}"
        raise ConfigError(f'environment variable key "{key}" not found in file "{place}"')
    return value


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
