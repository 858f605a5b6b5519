"""Objects as a cluster shows them, made into manifests again: without what the API server, its plugins and controllers put in.

Mirrors in reverse plugin/pkg/admission/{serviceaccount,defaulttolerationseconds,priority}, the DaemonSet controller's
tolerations (pkg/controller/daemon/util) and the fields that registries own (pkg/registry/core).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from runner.core.model import EMPTY, Json

REDACTED: Final = "redacted"
"""What stands for each value of a Secret."""
_METADATA: Final = ("name", "generateName", "namespace", "labels", "annotations")
_ANNOTATIONS: Final = re.compile(
    r"kubectl\.kubernetes\.io/(last-applied-configuration|restartedAt)|kubernetes\.io/(config\.|limit-ranger|psp)"
    r"|pv\.kubernetes\.io/|volume\.(beta\.)?kubernetes\.io/|control-plane\.alpha\.kubernetes\.io/|dev\.podrunner/"
)
_POD_SPEC: Final = ("nodeName", "serviceAccount", "priority", "preemptionPolicy", "overhead", "ephemeralContainers")
_SERVICE_SPEC: Final = ("clusterIPs", "healthCheckNodePort", "ipFamilies", "ipFamilyPolicy")
_TOKEN_VOLUME: Final = re.compile(r"kube-api-access-[a-z0-9]{5}")
_GIVEN_TOLERATIONS: Final = re.compile(
    r"node\.kubernetes\.io/(not-ready|unreachable|disk-pressure|memory-pressure|pid-pressure|unschedulable|network-unavailable)"
)


def cleaned(value: Json, *, with_secrets: bool = False) -> dict[str, Any]:
    """A manifest that makes the same object anew. Values of Secrets are redacted but for ``with_secrets``."""
    found = {key: part for key, part in value.items() if key not in ("status", "metadata", "spec")}
    found["metadata"] = _metadata(value.get("metadata") or EMPTY)
    spec = value.get("spec")
    if isinstance(spec, Mapping):
        found["spec"] = _spec(str(value.get("kind")), spec)
    if value.get("kind") == "Secret" and not with_secrets:
        found |= _redacted(value)
    return found


def is_made_by_cluster(value: Json) -> bool:
    """Whether a cluster makes this object by itself for every namespace."""
    kind, name = value.get("kind"), (value.get("metadata") or EMPTY).get("name")
    if kind == "Secret":
        return value.get("type") == "kubernetes.io/service-account-token"
    return (kind, name) in (("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default"), ("Service", "kubernetes"))


def _metadata(metadata: Json) -> dict[str, Any]:
    found = {key: metadata[key] for key in _METADATA if metadata.get(key)}
    if "name" in found:
        found.pop("generateName", None)
    kept = {key: text for key, text in (found.pop("annotations", None) or {}).items() if not _ANNOTATIONS.match(key)}
    return found | ({"annotations": kept} if kept else {})


def _spec(kind: str, spec: Json) -> dict[str, Any]:
    match kind:
        case "Pod":
            return _pod_spec(spec)
        case "Service":
            return _service_spec(spec)
        case "PersistentVolumeClaim":
            return {key: part for key, part in spec.items() if key != "volumeName"}
        case _:
            return dict(spec)


def _service_spec(spec: Json) -> dict[str, Any]:
    found = {key: part for key, part in spec.items() if key not in _SERVICE_SPEC}
    if found.get("clusterIP") != "None":
        found.pop("clusterIP", None)
    found["ports"] = [{k: v for k, v in port.items() if k != "nodePort"} for port in spec.get("ports") or ()]
    return found


def _pod_spec(spec: Json) -> dict[str, Any]:
    found = {key: part for key, part in spec.items() if key not in _POD_SPEC}
    tokens = {one["name"] for one in spec.get("volumes") or () if _TOKEN_VOLUME.fullmatch(str(one.get("name")))}
    for group in ("initContainers", "containers"):
        if spec.get(group):
            found[group] = [_container(one, tokens) for one in spec[group]]
    volumes = [one for one in spec.get("volumes") or () if one.get("name") not in tokens]
    tolerations = [one for one in spec.get("tolerations") or () if not _is_given(one)]
    return _with_lists(found, {"volumes": volumes, "tolerations": tolerations})


def _container(container: Json, tokens: set[str]) -> dict[str, Any]:
    mounts = [one for one in container.get("volumeMounts") or () if one.get("name") not in tokens]
    return _with_lists(dict(container), {"volumeMounts": mounts})


def _with_lists(found: dict[str, Any], lists: Mapping[str, list[Any]]) -> dict[str, Any]:
    for key, values in lists.items():
        found.pop(key, None)
        if values:
            found[key] = values
    return found


def _is_given(toleration: Json) -> bool:
    """Whether an admission plugin or the DaemonSet controller gave it."""
    return bool(_GIVEN_TOLERATIONS.fullmatch(str(toleration.get("key")))) and toleration.get("operator") == "Exists"


def _redacted(secret: Json) -> dict[str, Any]:
    hidden = base64.b64encode(REDACTED.encode()).decode()
    found: dict[str, Any] = {}
    for part, text in (("data", hidden), ("stringData", REDACTED)):
        if secret.get(part):
            found[part] = {key: _placeholder(str(secret.get("type")), key, text) for key in secret[part]}
    return found


def _placeholder(kind: str, key: str, text: str) -> str:
    """What passes validation where a type of Secret wants JSON."""
    if key in (".dockerconfigjson", ".dockercfg") and kind.startswith("kubernetes.io/dockerc"):
        empty = '{"auths":{}}' if key == ".dockerconfigjson" else "{}"
        return empty if text == REDACTED else base64.b64encode(empty.encode()).decode()
    return text


def with_images(value: dict[str, Any], images: Mapping[str, str]) -> dict[str, Any]:
    """A Pod whose images are replaced: by the whole name, or by the name without tag or digest."""
    spec = value.get("spec")
    if value.get("kind") != "Pod" or not isinstance(spec, Mapping) or not images:
        return value
    groups = {
        group: [{**one, "image": _image(str(one.get("image", "")), images)} for one in spec[group]]
        for group in ("initContainers", "containers")
        if spec.get(group)
    }
    return {**value, "spec": {**spec, **groups}}


def _image(image: str, images: Mapping[str, str]) -> str:
    return next((images[name] for name in _names(image) if name in images), image)


def _names(image: str) -> Iterator[str]:
    yield image
    name = image.partition("@")[0]
    yield name
    head, slash, tail = name.rpartition("/")
    yield f"{head}{slash}{tail.partition(':')[0]}"
