"""A Pod and a pod template's spec: the order in which everything is checked.

Mirrors ValidatePodCreate and ValidatePodSpec of pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.containers import PodFacts, validate_containers, validate_init_containers
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.metadata import validate_labels, validate_metadata
from runner.core.manifest.validation.names import dns_label, dns_subdomain
from runner.core.manifest.validation.network import (
    validate_dns_config,
    validate_dns_policy,
    validate_host_aliases,
    validate_host_names,
    validate_host_ports,
    validate_hostname_override,
)
from runner.core.manifest.validation.resources import validate_pod_resources
from runner.core.manifest.validation.scheduling import (
    validate_affinity,
    validate_gates,
    validate_tolerations,
    validate_topology_spread,
)
from runner.core.manifest.validation.security import (
    validate_host_users,
    validate_os,
    validate_pod_security_context,
)
from runner.core.manifest.validation.volumes import validate_volumes

Object = dict[str, Any]

RESTART_POLICIES = ("Always", "OnFailure", "Never")
MAX_INT32 = 2**31 - 1


def validate_pod(errors: Errors, pod: Object) -> None:
    """Check a pod that is about to be created."""
    validate_metadata(errors, pod["metadata"], FieldPath().child("metadata"), dns_subdomain)
    spec = pod["spec"]
    path = FieldPath().child("spec")
    validate_pod_spec(errors, spec, path)
    if spec.get("ephemeralContainers"):
        errors.forbidden(path.child("ephemeralContainers"), "cannot be set on create")
    if spec.get("nodeName") and spec.get("schedulingGates"):
        errors.forbidden(path.child("nodeName"), "cannot be set until all schedulingGates have been cleared")
    if spec.get("overhead") and not spec.get("runtimeClassName"):
        detail = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
        errors.forbidden(path.child("overhead"), detail)


def validate_pod_spec(errors: Errors, spec: Object, path: FieldPath, claims: dict[str, Object] | None = None) -> None:
    """Check a pod's spec; `claims` are volumes that a controller adds (claim templates of a StatefulSet)."""
    volumes = {**(claims or {}), **validate_volumes(errors, spec.get("volumes"), path.child("volumes"))}
    _resource_claims(errors, spec.get("resourceClaims") or [], path.child("resourceClaims"))
    facts = PodFacts(
        volumes=volumes,
        grace=spec.get("terminationGracePeriodSeconds") or 0,
        restart_policy=spec.get("restartPolicy") or "",
        host_users=spec.get("hostUsers") is not False,
        os_name=(spec.get("os") or {}).get("name") or "",
    )
    regular = spec.get("containers")
    validate_containers(errors, regular, facts, path.child("containers"))
    validate_init_containers(errors, spec.get("initContainers"), regular, facts, path.child("initContainers"))
    if spec.get("resources"):
        validate_pod_resources(errors, spec, path.child("resources"))
    validate_host_ports(errors, spec, path)
    if spec.get("restartPolicy") not in RESTART_POLICIES:
        errors.not_supported(path.child("restartPolicy"), spec.get("restartPolicy") or "", RESTART_POLICIES)
    validate_dns_policy(errors, spec, path)
    validate_labels(errors, spec.get("nodeSelector"), path.child("nodeSelector"))
    validate_pod_security_context(errors, spec, path)
    validate_affinity(errors, spec.get("affinity"), path.child("affinity"))
    validate_dns_config(errors, spec, path)
    validate_gates(errors, spec, path)
    validate_topology_spread(errors, spec.get("topologySpreadConstraints"), path.child("topologySpreadConstraints"))
    validate_host_users(errors, spec, path)
    validate_hostname_override(errors, spec, path)
    _subdomain(errors, spec, "serviceAccountName", path)
    _subdomain(errors, spec, "nodeName", path)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= MAX_INT32:
        errors.invalid(path.child("activeDeadlineSeconds"), deadline, f"must be between 1 and {MAX_INT32}, inclusive")
    validate_host_names(errors, spec, path)
    validate_tolerations(errors, spec.get("tolerations"), path.child("tolerations"))
    validate_host_aliases(errors, spec.get("hostAliases"), path.child("hostAliases"))
    _subdomain(errors, spec, "priorityClassName", path)
    _subdomain(errors, spec, "runtimeClassName", path)
    policies = ("Never", "PreemptLowerPriority")
    if spec.get("preemptionPolicy") not in (None, *policies):
        errors.not_supported(path.child("preemptionPolicy"), spec["preemptionPolicy"], policies)
    validate_os(errors, spec, path)
    _file_keys(errors, spec, volumes, path)


def _subdomain(errors: Errors, spec: Object, field: str, path: FieldPath) -> None:
    for message in dns_subdomain(spec[field]) if spec.get(field) else ():
        errors.invalid(path.child(field), spec[field], message)


def _resource_claims(errors: Errors, claims: list[Object], path: FieldPath) -> None:
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        at = path.index(index)
        name = claim.get("name") or ""
        if name in seen:
            errors.duplicate(at.child("name"), name)
        seen.add(name)
        if not name:
            errors.required(at.child("name"))
        else:
            for message in dns_label(name):
                errors.invalid(at.child("name"), name, message)
        own, template = claim.get("resourceClaimName"), claim.get("resourceClaimTemplateName")
        shown = {"Name": name, "ResourceClaimName": own, "ResourceClaimTemplateName": template}
        names = "`resourceClaimName` or `resourceClaimTemplateName`"
        if own is not None and template is not None:
            errors.invalid(at, shown, f"at most one of {names} may be specified")
        elif own is None and template is None:
            errors.invalid(at, shown, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")


def _file_keys(errors: Errors, spec: Object, volumes: dict[str, Object], path: FieldPath) -> None:
    """Check that every fileKeyRef names an emptyDir of the pod."""
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or ()):
            for position, variable in enumerate(container.get("env") or ()):
                reference = (variable.get("valueFrom") or {}).get("fileKeyRef")
                if reference is None:
                    continue
                at = path.child(field).index(index).child("env").index(position)
                at = at.child("valueFrom", "fileKeyRef", "volumeName")
                name = reference.get("volumeName") or ""
                if name not in volumes:
                    errors.not_found(at, name)
                elif volumes[name].get("emptyDir") is None:
                    errors.invalid(at, name, "referenced volume must be of type emptyDir")
