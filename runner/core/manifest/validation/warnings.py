"""Warnings: what the API server accepts but sends a Warning header for.

Mirrors pkg/api/pod/warnings.go, pkg/api/node/util.go and pkg/api/persistentvolumeclaim/util.go, in their order.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.preparing import APP_ARMOR_PREFIX, SECCOMP_POD, SECCOMP_PREFIX, app_armor_profile
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.names import dns_label, ip_address, label_value
from runner.core.manifest.validation.security import containers_of
from runner.core.text.quantity import NANO, parse_quantity

Object = dict[str, Any]

_DEPRECATED_VOLUMES = {
    "photonPersistentDisk": ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    "gitRepo": ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    "scaleIO": ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    "flocker": ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    "storageos": ("storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    "quobyte": ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    "glusterfs": ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    "cephfs": ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    "rbd": ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
}
_DEPRECATED_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}
_DEPRECATED_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_OF_FILES = (("configMap", "items"), ("secret", "items"), ("downwardAPI", "items"), ("projected", "sources"))
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_NO_SELECTOR = "a null labelSelector results in matching no pod"
_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'


def warn_pod(errors: Errors, pod: Object) -> None:
    """Note what a Pod's author should know."""
    metadata, root = pod["metadata"], FieldPath()
    _copied_profiles(errors, metadata.get("annotations") or {}, pod["spec"], root)
    name = metadata.get("name") or ""
    if name and (messages := dns_label(name)):
        text = (
            "this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: "
            f"[{' '.join(messages)}]"
        )
        errors.warn(root.child("metadata", "name"), text)
    _warn(errors, metadata, pod["spec"], root, is_template=False)


def warn_pod_template(errors: Errors, template: Object, path: FieldPath) -> None:
    """Note what the author of a pod template should know."""
    _warn(errors, template.get("metadata") or {}, template["spec"], path, is_template=True)


def _warn(errors: Errors, metadata: Object, spec: Object, path: FieldPath, *, is_template: bool) -> None:
    annotations, at = metadata.get("annotations") or {}, path.child("spec")
    _node_labels(errors, spec, at)
    for key, text in _DEPRECATED_ANNOTATIONS.items():
        if key in annotations:
            errors.warn(path.child("metadata", "annotations").key(key), text)
    _volumes(errors, spec, at)
    _lists(errors, spec, at)
    for name in ("memory", "ephemeral-storage"):
        _fraction(errors, spec.get("overhead"), name, at.child("overhead"))
    if SECCOMP_POD in annotations and not (spec.get("securityContext") or {}).get("seccompProfile"):
        errors.warn(path.child("metadata", "annotations").key(SECCOMP_POD), _SECCOMP)
    for here, container in containers_of(spec, at):
        _container_annotations(errors, annotations, spec, container, path, is_template=is_template)
        for name in ("memory", "ephemeral-storage"):
            for side in ("limits", "requests"):
                amounts = (container.get("resources") or {}).get(side)
                _fraction(errors, amounts, name, here.child("resources", side))
        _environment(errors, container, here)
    _ports(errors, spec, at)
    # A pod's own was made 1 before anybody could warn.
    seconds = spec.get("terminationGracePeriodSeconds")
    if seconds is not None and seconds < 0:
        text = "must be >= 0; negative values are invalid and will be treated as 1"
        errors.warn(at.child("terminationGracePeriodSeconds"), text)
    _pod_affinity(errors, spec, at.child("affinity"))
    _addresses(errors, spec, at)


def _copied_profiles(errors: Errors, annotations: dict[str, str], spec: Object, root: FieldPath) -> None:
    """Warn of AppArmor annotations that were copied into a field, or that say nothing that could be."""
    if (spec.get("os") or {}).get("name") == "windows":
        return
    of_pod = (spec.get("securityContext") or {}).get("appArmorProfile")
    for _, container in containers_of(spec, root):
        key = APP_ARMOR_PREFIX + (container.get("name") or "")
        if key not in annotations:
            continue
        profile = app_armor_profile(annotations[key])
        own = (container.get("securityContext") or {}).get("appArmorProfile")
        # What was copied equals the annotation; what the author wrote beside it must, too, or the pod is refused.
        if (own is None and profile is None) or (own is not None and own == profile != of_pod):
            _app_armor(errors, key, root)


def _app_armor(errors: Errors, key: str, path: FieldPath) -> None:
    text = 'deprecated since v1.30; use the "appArmorProfile" field instead'
    errors.warn(path.child("metadata", "annotations").key(key), text)


def _container_annotations(
    errors: Errors, annotations: dict[str, str], spec: Object, container: Object, path: FieldPath, *, is_template: bool
) -> None:
    name, context = container.get("name") or "", container.get("securityContext") or {}
    if SECCOMP_PREFIX + name in annotations and context.get("seccompProfile") is None:
        errors.warn(path.child("metadata", "annotations").key(SECCOMP_PREFIX + name), _SECCOMP)
    key = APP_ARMOR_PREFIX + name
    if is_template and key in annotations and context.get("appArmorProfile") is None:
        of_pod = (spec.get("securityContext") or {}).get("appArmorProfile")
        if of_pod is None or of_pod != app_armor_profile(annotations[key]):
            _app_armor(errors, key, path)


def _node_labels(errors: Errors, spec: Object, path: FieldPath) -> None:
    for key in sorted(spec.get("nodeSelector") or ()):
        if key in _DEPRECATED_LABELS:
            errors.warn(path.child("nodeSelector").key(key), _DEPRECATED_LABELS[key])
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    at = path.child("affinity", "nodeAffinity")
    terms = (affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ()
    for index, term in enumerate(terms):
        _node_term(errors, term, at.child(_REQUIRED, "nodeSelectorTerms").index(index), check_values=False)
    for index, weighted in enumerate(affinity.get(_PREFERRED) or ()):
        here = at.child(_PREFERRED).index(index).child("preference")
        _node_term(errors, weighted.get("preference") or {}, here, check_values=True)
    for index, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        here, key = path.child("topologySpreadConstraints").index(index), constraint.get("topologyKey") or ""
        if key in _DEPRECATED_LABELS:
            errors.warn(here.child("topologyKey"), f"{key} is {_DEPRECATED_LABELS[key]}")
        if constraint.get("labelSelector") is None:
            errors.warn(here.child("labelSelector"), _NO_SELECTOR)


def _node_term(errors: Errors, term: Object, path: FieldPath, *, check_values: bool) -> None:
    for index, requirement in enumerate(term.get("matchExpressions") or ()):
        at, key = path.child("matchExpressions").index(index), requirement.get("key") or ""
        if key in _DEPRECATED_LABELS:
            errors.warn(at.child("key"), f"{key} is {_DEPRECATED_LABELS[key]}")
        for position, value in enumerate(requirement.get("values") or () if check_values else ()):
            for message in label_value(value):
                errors.warn(at.child("values").index(position), f"{value} is invalid, {message}")


def _volumes(errors: Errors, spec: Object, path: FieldPath) -> None:
    for index, volume in enumerate(spec.get("volumes") or ()):
        at = path.child("volumes").index(index)
        for kind, (shown, text) in _DEPRECATED_VOLUMES.items():
            if volume.get(kind) is not None:
                errors.warn(at.child(shown).located_at(at.child(kind)), text)
        template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
        if template is not None:
            claim = at.child("ephemeral", "volumeClaimTemplate", "spec", "resources")
            _claim_amounts(errors, template.get("spec") or {}, claim)
    for index, volume in enumerate(spec.get("volumes") or ()):
        if any((volume.get(kind) or {}).get(items) for kind, items in _OF_FILES):
            from runner.core.manifest.validation.overlaps import warn_overlapping_paths

            warn_overlapping_paths(errors, volume, path.child("volumes").index(index))


def _lists(errors: Errors, spec: Object, path: FieldPath) -> None:
    for field, name in (("hostAliases", "ip"), ("imagePullSecrets", "name")):
        seen: set[str] = set()
        for index, item in enumerate(spec.get(field) or ()):
            value = item.get(name) or ""
            if value in seen:
                errors.warn(path.child(field).index(index).child(name), f'duplicate {name} "{value}"')
            seen.add(value)
    for index, reference in enumerate(spec.get("imagePullSecrets") or ()):
        if not reference.get("name"):
            errors.warn(path.child("imagePullSecrets").index(index).child("name"), 'invalid empty name ""')


def _fraction(errors: Errors, amounts: dict[str, str] | None, name: str, path: FieldPath) -> None:
    text = (amounts or {}).get(name)
    thousandths = -(-parse_quantity(text).nanos // (NANO // 1000)) if text is not None else 0
    if thousandths % 1000:
        errors.warn(path.key(name), f'fractional byte value "{text}" is invalid, must be an integer')


def _environment(errors: Errors, container: Object, path: FieldPath) -> None:
    seen: set[str] = set()
    for index, variable in enumerate(container.get("env") or ()):
        name, value = variable.get("name") or "", variable.get("value") or ""
        # A value that builds on the one before it ("$(PATH):/bin") is on purpose.
        own = f"$({name})"
        if name in seen and (variable.get("valueFrom") is not None or value == own or own not in value):
            text = f'hides previous definition of "{name}", which may be dropped when using apply'
            errors.warn(path.child("env").index(index), text)
        seen.add(name)


def _ports(errors: Errors, spec: Object, path: FieldPath) -> None:
    taken: dict[tuple[int, str], list[tuple[FieldPath, Object]]] = {}
    names: dict[str, FieldPath] = {}
    for at, container in containers_of(spec, path):
        for index, port in enumerate(container.get("ports") or ()):
            _port(errors, port, at.child("ports").index(index), taken)
    for at, container in containers_of(spec, path):
        for index, port in enumerate(container.get("ports") or ()):
            here, name = at.child("ports").index(index), port.get("name") or ""
            if name and name in names:
                first = names[name]
                text = (
                    f'duplicate port name "{name}" with {first}, services and probes that select ports by name will '
                    f"use {first}"
                )
                errors.warn(here, text)
            elif name:
                names[name] = here


def _port(
    errors: Errors, port: Object, path: FieldPath, taken: dict[tuple[int, str], list[tuple[FieldPath, Object]]]
) -> None:
    number, protocol = port.get("containerPort") or 0, port.get("protocol") or ""
    ip, host = port.get("hostIP") or "", port.get("hostPort") or 0
    if ip and not host:
        shown = f"{{Name:{port.get('name') or ''} HostPort:0 ContainerPort:{number} Protocol:{protocol} HostIP:{ip}}}"
        errors.warn(path, f"hostIP set without hostPort: {shown}")
    others = taken.setdefault((number, protocol), [])
    for at, other in others:
        other_ip, other_host = other.get("hostIP") or "", other.get("hostPort") or 0
        if (ip, host) == (other_ip, other_host):
            errors.warn(path, f"duplicate port definition with {at}")
        elif not host or not other_host:
            errors.warn(path, f"overlapping port definition with {at}")
        elif host == other_host and bool(ip) != bool(other_ip):
            errors.warn(path, f"dangerously ambiguous port definition with {at}")
    others.append((path, port))


def _pod_affinity(errors: Errors, spec: Object, path: FieldPath) -> None:
    for name in ("podAffinity", "podAntiAffinity"):
        rules, at = (spec.get("affinity") or {}).get(name) or {}, path.child(name)
        for index, term in enumerate(rules.get(_REQUIRED) or ()):
            if term.get("labelSelector") is None:
                errors.warn(at.child(_REQUIRED).index(index).child("labelSelector"), _NO_SELECTOR)
        for index, weighted in enumerate(rules.get(_PREFERRED) or ()):
            if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
                here = at.child(_PREFERRED).index(index).child("podAffinityTerm", "labelSelector")
                errors.warn(here, _NO_SELECTOR)


def _addresses(errors: Errors, spec: Object, path: FieldPath) -> None:
    servers = (spec.get("dnsConfig") or {}).get("nameservers") or ()
    given = [(path.child("dnsConfig", "nameservers").index(index), text) for index, text in enumerate(servers)]
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        given.append((path.child("hostAliases").index(index).child("ip"), alias.get("ip") or ""))
    for at, text in given:
        if ":" in text and not ip_address(text):
            from runner.core.manifest.validation.addresses import unusual_ip

            if note := unusual_ip(text):
                errors.warn(at, note)


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
        warn_pod_template(errors, template, path.child("template"))
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
        _fraction(errors, (spec.get("resources") or {}).get(side), "storage", path.child(side))
