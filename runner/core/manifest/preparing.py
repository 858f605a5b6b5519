"""What the API server takes out of a pod and merges into it between defaults and validation.

Mirrors DropDisabledPodFields and DropDisabledTemplateFields (pkg/api/pod/util.go) with the feature gates of 1.36,
dropInitContainerAnnotations (pkg/apis/core/v1/conversion.go), and mutatePodAffinity, mutateTopologySpreadConstraints and
applyAppArmorVersionSkew (pkg/registry/core/pod/strategy.go).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]

MIRROR = "kubernetes.io/config.mirror"
SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_PREFIX = "container.seccomp.security.alpha.kubernetes.io/"
APP_ARMOR_PREFIX = "container.apparmor.security.beta.kubernetes.io/"
_LOCAL_PREFIX = "localhost/"
_INIT_ANNOTATIONS = tuple(
    f"pod.{stage}.kubernetes.io/init-container{what}" for stage in ("beta", "alpha") for what in ("s", "-statuses")
)
_LONGEST_PROFILE = 4095
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def drop_disabled(metadata: Object, spec: Object) -> None:
    """Take out fields of features that are off by default, and annotations of the time before init containers."""
    spec.pop("schedulingGroup", None)
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            source.pop("clusterTrustBundle", None)
            source.pop("podCertificate", None)
    for container in _containers(spec):
        lifecycle = container.get("lifecycle")
        if lifecycle is not None and lifecycle.pop("stopSignal", None) is not None and not lifecycle:
            del container["lifecycle"]
    annotations = metadata.get("annotations") or {}
    for name in _INIT_ANNOTATIONS:
        annotations.pop(name, None)
    if not annotations:
        metadata.pop("annotations", None)


def prepare_pod(metadata: Object, spec: Object) -> None:
    """Merge the labels of matchLabelKeys into selectors, and AppArmor's old annotations into security contexts."""
    labels = metadata.get("labels") or {}
    for term in (*_affinity_terms(spec), *(spec.get("topologySpreadConstraints") or ())):
        _merge_labels(term, labels)
    if (spec.get("os") or {}).get("name") != "windows":
        of_pod = (spec.get("securityContext") or {}).get("appArmorProfile")
        for container in _containers(spec):
            _app_armor(container, (metadata.get("annotations") or {}), of_pod)


def _containers(spec: Object) -> Iterator[Object]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def _affinity_terms(spec: Object) -> Iterator[Object]:
    for name in ("podAffinity", "podAntiAffinity"):
        rules = (spec.get("affinity") or {}).get(name) or {}
        for weighted in rules.get(_PREFERRED) or ():
            yield weighted.get("podAffinityTerm") or {}
        yield from rules.get(_REQUIRED) or ()


def _merge_labels(term: Object, labels: dict[str, str]) -> None:
    selector = term.get("labelSelector")
    if selector is None:
        return
    for field, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")):
        for key in term.get(field) or ():
            if key in labels:
                requirement = {"key": key, "operator": operator, "values": [labels[key]]}
                selector.setdefault("matchExpressions", []).append(requirement)


def _app_armor(container: Object, annotations: dict[str, str], of_pod: Object | None) -> None:
    annotation = annotations.get(APP_ARMOR_PREFIX + (container.get("name") or ""))
    context = container.get("securityContext") or {}
    if annotation is None or context.get("appArmorProfile") is not None:
        return
    profile = app_armor_profile(annotation)
    if profile is not None and profile != of_pod:
        container["securityContext"] = {**context, "appArmorProfile": profile}


def app_armor_profile(annotation: str) -> Object | None:
    """The profile that an old annotation names; None when it is none that a pod can have."""
    if annotation == "unconfined":
        return {"type": "Unconfined"}
    if annotation == "runtime/default":
        return {"type": "RuntimeDefault"}
    local = annotation.removeprefix(_LOCAL_PREFIX)
    if not annotation.startswith(_LOCAL_PREFIX) or not local:
        return None
    if local.strip() != local or len(local.encode()) > _LONGEST_PROFILE:
        return None
    return {"type": "Localhost", "localhostProfile": local}
