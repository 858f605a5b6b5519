"""A Pod and a pod template's spec: the order in which everything is checked.

Mirrors ValidatePodCreate and ValidatePodSpec of pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.preparing import MIRROR
from runner.core.manifest.validation.containers import (
    PodFacts,
    validate_containers,
    validate_ephemeral_containers,
    validate_image_edges,
    validate_init_containers,
)
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.metadata import validate_annotations, validate_labels, validate_metadata
from runner.core.manifest.validation.names import dns_label, dns_subdomain
from runner.core.manifest.validation.network import (
    validate_dns_config,
    validate_dns_policy,
    validate_host_aliases,
    validate_host_names,
    validate_host_ports,
    validate_hostname_override,
)
from runner.core.manifest.validation.resources import validate_pod_resources, validate_requirements
from runner.core.manifest.validation.scheduling import (
    validate_affinity,
    validate_gates,
    validate_tolerations,
    validate_topology_spread,
)
from runner.core.manifest.validation.security import (
    containers_of,
    validate_host_users,
    validate_os,
    validate_pod_security_context,
)
from runner.core.manifest.validation.volumes import validate_volumes

Object = dict[str, Any]

RESTART_POLICIES = ("Always", "OnFailure", "Never")
MAX_INT32 = 2**31 - 1


def validate_pod(errors: Errors, pod: Object, *, has_account: bool = False) -> None:
    """Check a pod that is about to be created; ``has_account``: it has a service account, whether it names one or not."""
    metadata, spec = pod["metadata"], pod["spec"]
    annotations = metadata.get("annotations") or {}
    path, at = FieldPath().child("spec"), FieldPath().child("metadata")
    # What admission refuses with, before anything is checked.
    if spec.get("overhead") and not spec.get("runtimeClassName"):
        detail = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
        errors.forbidden(path.child("overhead"), detail)
    validate_metadata(errors, metadata, at, dns_subdomain)
    _annotations(errors, annotations, spec, at.child("annotations"))
    validate_pod_spec(errors, spec, path, metadata=metadata)
    if not (has_account or spec.get("serviceAccountName")):
        _tokens_without_account(errors, spec, path)
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            validate_image_edges(errors, container, path.child(field).index(index))
    if spec.get("ephemeralContainers"):
        errors.forbidden(path.child("ephemeralContainers"), "cannot be set on create")
    if spec.get("nodeName") and spec.get("schedulingGates"):
        errors.forbidden(path.child("nodeName"), "cannot be set until all schedulingGates have been cleared")
    _agreement(errors, annotations, spec, path)


def validate_template(errors: Errors, template: Object, path: FieldPath) -> None:
    """Check a pod template."""
    annotations, spec, at = (
        (template.get("metadata") or {}).get("annotations") or {},
        template["spec"],
        path.child("spec"),
    )
    validate_template_metadata(errors, template, path)
    validate_pod_spec(errors, spec, at)
    _agreement(errors, annotations, spec, at)
    if spec.get("ephemeralContainers"):
        errors.forbidden(at.child("ephemeralContainers"), "ephemeral containers not allowed in pod template")


def validate_template_metadata(errors: Errors, template: Object, path: FieldPath) -> None:
    """Check a pod template's labels and annotations; the server's paths leave "metadata" out."""
    metadata = template.get("metadata") or {}
    annotations, labels = metadata.get("annotations") or {}, path.child("labels")
    validate_labels(errors, metadata.get("labels"), labels.located_at(path.child("metadata", "labels")))
    here = path.child("annotations").located_at(path.child("metadata", "annotations"))
    validate_annotations(errors, annotations, here)
    _annotations(errors, annotations, template["spec"], here)


def _annotations(errors: Errors, annotations: dict[str, str], spec: Object, path: FieldPath) -> None:
    if annotations:
        from runner.core.manifest.validation.annotations import validate_pod_annotations

        validate_pod_annotations(errors, annotations, spec, path)


def _agreement(errors: Errors, annotations: dict[str, str], spec: Object, path: FieldPath) -> None:
    if annotations:
        from runner.core.manifest.validation.annotations import validate_profiles_agree

        validate_profiles_agree(errors, annotations, spec, path)


def validate_pod_spec(errors: Errors, spec: Object, path: FieldPath, *, metadata: Object | None = None) -> None:
    """Check a pod's spec; `metadata` is a pod's own, None for a template."""
    volumes = validate_volumes(errors, spec.get("volumes"), path.child("volumes"), metadata)
    _resource_claims(errors, spec.get("resourceClaims") or [], path.child("resourceClaims"), metadata)
    names = frozenset(claim["name"] for claim in spec.get("resourceClaims") or () if claim.get("name"))
    facts = PodFacts(
        volumes=volumes,
        claims=names,
        grace=spec.get("terminationGracePeriodSeconds") or 0,
        restart_policy=spec.get("restartPolicy") or "",
        host_users=spec.get("hostUsers") is not False,
    )
    regular = spec.get("containers")
    validate_containers(errors, regular, facts, path.child("containers"))
    validate_init_containers(errors, spec.get("initContainers"), regular, facts, path.child("initContainers"))
    validate_ephemeral_containers(errors, spec, facts, path.child("ephemeralContainers"))
    if spec.get("resources") is not None:
        validate_pod_resources(errors, spec, path.child("resources"), names)
    validate_host_ports(errors, spec, path, is_pod=metadata is not None)
    if spec.get("restartPolicy") not in RESTART_POLICIES:
        errors.not_supported(path.child("restartPolicy"), spec.get("restartPolicy") or "", RESTART_POLICIES)
    validate_dns_policy(errors, spec, path)
    validate_labels(errors, spec.get("nodeSelector"), path.child("nodeSelector"))
    validate_pod_security_context(errors, spec, path)
    validate_affinity(errors, spec.get("affinity"), path.child("affinity"))
    validate_dns_config(errors, spec, path)
    validate_gates(errors, spec, path)
    validate_topology_spread(errors, spec.get("topologySpreadConstraints"), path.child("topologySpreadConstraints"))
    _host_processes(errors, spec, path)
    validate_host_users(errors, spec, path)
    validate_hostname_override(errors, spec, path)
    _names_and_limits(errors, spec, path)
    if spec.get("overhead"):
        validate_requirements(errors, {"limits": spec["overhead"]}, path.child("overhead"))
    validate_os(errors, spec, path)
    _file_keys(errors, spec, path)


def _host_processes(errors: Errors, spec: Object, path: FieldPath) -> None:
    containers = list(containers_of(spec, path))
    if any(
        (holder.get("securityContext") or {}).get("windowsOptions") for holder in (spec, *(c for _, c in containers))
    ):
        from runner.core.manifest.validation.windows import validate_host_process

        validate_host_process(errors, spec, containers, path)


def _names_and_limits(errors: Errors, spec: Object, path: FieldPath) -> None:
    _subdomain(errors, spec, "serviceAccountName", path)
    _subdomain(errors, spec, "nodeName", path)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= MAX_INT32:
        errors.invalid(path.child("activeDeadlineSeconds"), deadline, f"must be between 1 and {MAX_INT32}, inclusive")
    validate_host_names(errors, spec, path)
    validate_tolerations(errors, spec.get("tolerations"), path.child("tolerations"))
    validate_host_aliases(errors, spec.get("hostAliases"), path.child("hostAliases"))
    _subdomain(errors, spec, "priorityClassName", path)
    if spec.get("runtimeClassName") is not None:
        for message in dns_subdomain(spec["runtimeClassName"]):
            errors.invalid(path.child("runtimeClassName"), spec["runtimeClassName"], message)
    policy, at = spec.get("preemptionPolicy"), path.child("preemptionPolicy")
    if policy == "":
        errors.required(at)
    elif policy not in (None, "PreemptLowerPriority", "Never"):
        errors.not_supported(at, policy, ("PreemptLowerPriority", "Never"))


def _subdomain(errors: Errors, spec: Object, field: str, path: FieldPath) -> None:
    for message in dns_subdomain(spec[field]) if spec.get(field) else ():
        errors.invalid(path.child(field), spec[field], message)


def _tokens_without_account(errors: Errors, spec: Object, path: FieldPath) -> None:
    for index, volume in enumerate(spec.get("volumes") or ()):
        at = path.child("volumes").index(index).child("projected", "sources")
        for position, source in enumerate((volume.get("projected") or {}).get("sources") or ()):
            if source.get("serviceAccountToken") is not None:
                here = at.index(position).child("serviceAccountToken")
                errors.forbidden(here, "must not be specified when serviceAccountName is not set")


def _resource_claims(errors: Errors, claims: list[Object], path: FieldPath, metadata: Object | None) -> None:
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        at = path.index(index)
        if MIRROR in ((metadata or {}).get("annotations") or {}):
            errors.forbidden(FieldPath("", at.keys), "static pods do not support resource claims")
            continue
        name = claim.get("name") or ""
        if not name:
            errors.required(at.child("name"))
        elif name in seen:
            errors.duplicate(at.child("name"), name)
        for message in dns_label(name) if name and name not in seen else ():
            errors.invalid(at.child("name"), name, message)
        seen.add(name)
        own, template = claim.get("resourceClaimName"), claim.get("resourceClaimTemplateName")
        shown = {"Name": name, "ResourceClaimName": own, "ResourceClaimTemplateName": template}
        names = "`resourceClaimName` or `resourceClaimTemplateName`"
        if own is not None and template is not None:
            errors.invalid(at, shown, f"at most one of {names} may be specified")
        elif own is None and template is None:
            errors.invalid(at, shown, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")
        for field, value in (("resourceClaimName", own), ("resourceClaimTemplateName", template)):
            for message in dns_subdomain(value) if value is not None else ():
                errors.invalid(at.child(field), value, message)


def _file_keys(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check that every fileKeyRef names an emptyDir of the pod."""
    volumes = {volume.get("name") or "": volume for volume in spec.get("volumes") or ()}
    for here, container in containers_of(spec, path):
        for position, variable in enumerate(container.get("env") or ()):
            reference = (variable.get("valueFrom") or {}).get("fileKeyRef")
            if reference is None:
                continue
            at = here.child("env").index(position).child("valueFrom", "fileKeyRef", "volumeName")
            name = reference.get("volumeName") or ""
            if name not in volumes:
                errors.not_found(at, name)
            elif volumes[name].get("emptyDir") is None:
                errors.invalid(at, name, "referenced volume must be of type emptyDir")
