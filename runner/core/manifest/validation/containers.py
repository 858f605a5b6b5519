"""Containers, init containers and what they carry: ports, mounts, devices, policies, restart rules.

Mirrors validateContainerCommon, validateContainers and validateInitContainers of
pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.environment import validate_env, validate_env_from
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.mounts import validate_devices, validate_mounts
from runner.core.manifest.validation.names import dns_label, port_name, port_number
from runner.core.manifest.validation.probes import validate_lifecycle, validate_probes
from runner.core.manifest.validation.resources import validate_requirements
from runner.core.manifest.validation.security import validate_security_context
from runner.core.manifest.validation.volumes import PULL_POLICIES

Object = dict[str, Any]

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
# What is not in allowedEphemeralContainerFields, in the order of the internal type's fields.
_NOT_FOR_EPHEMERAL = (
    "ports",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
)
_EPHEMERAL = "cannot be set for an Ephemeral Container"
_NOT_FOR_INIT = "may not be set for init containers without restartPolicy=Always"


class PodFacts(Struct, frozen=True):
    """What a container's checks need to know about its pod."""

    volumes: dict[str, Object]
    claims: frozenset[str]
    grace: int
    restart_policy: str
    host_users: bool


def validate_containers(errors: Errors, containers: list[Object] | None, facts: PodFacts, path: FieldPath) -> None:
    """Check the app containers."""
    if not containers:
        errors.required(path)
        return
    names: set[str] = set()
    for index, container in enumerate(containers):
        at = path.index(index)
        _common(errors, container, facts, at)
        _unique_name(errors, container, names, at)
        validate_lifecycle(errors, container.get("lifecycle"), facts.grace, at.child("lifecycle"))
        validate_probes(errors, container, facts.grace, at)
        _restart_policy(errors, container, at)
    taken: set[str] = set()
    for index, container in enumerate(containers):
        _host_ports(errors, container, path.index(index), path.index(index), taken)


def validate_init_containers(
    errors: Errors, containers: list[Object] | None, regular: list[Object] | None, facts: PodFacts, path: FieldPath
) -> None:
    """Check the init containers, sidecars included."""
    names = {container.get("name") or "" for container in regular or ()}
    for index, container in enumerate(containers or ()):
        at = path.index(index)
        _common(errors, container, facts, at)
        if container.get("restartPolicy") is None:
            _policy_for_rules(errors, container, at)
        else:
            _restart_policy(errors, container, at)
        _unique_name(errors, container, names, at)
        # They run one at a time, so each has the host's ports to itself; the server counts each as number 0.
        _host_ports(errors, container, path.index(0), at, set())
        if container.get("restartPolicy") == "Always":
            validate_lifecycle(errors, container.get("lifecycle"), facts.grace, at.child("lifecycle"))
            validate_probes(errors, container, facts.grace, at)
            continue
        for field in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
            if container.get(field) is not None:
                errors.forbidden(at.child(field), _NOT_FOR_INIT)
        for position, policy in enumerate(container.get("resizePolicy") or ()):
            if policy.get("restartPolicy") == "RestartContainer":
                here = at.child("resizePolicy").index(position).child("restartPolicy")
                detail = "must not be set to 'RestartContainer' for non-sidecar initContainers"
                errors.invalid(here, "RestartContainer", detail)


def validate_ephemeral_containers(errors: Errors, spec: Object, facts: PodFacts, path: FieldPath) -> None:
    """Check ephemeral containers, which no pod may be created with: the server looks at them all the same."""
    others = {c.get("name") or "" for field in ("containers", "initContainers") for c in spec.get(field) or ()}
    names = set(others)
    for index, container in enumerate(spec.get("ephemeralContainers") or ()):
        at = path.index(index)
        _common(errors, container, facts, at)
        validate_image_edges(errors, container, at)
        _unique_name(errors, container, names, at)
        target = container.get("targetContainerName") or ""
        if target and target not in others:
            errors.not_found(at.child("targetContainerName"), target)
        for field in _NOT_FOR_EPHEMERAL:
            if container.get(field):
                errors.forbidden(at.child(field), _EPHEMERAL)
        for position, mount in enumerate(container.get("volumeMounts") or ()):
            for field in ("subPath", "subPathExpr"):
                if mount.get(field):
                    errors.forbidden(at.child("volumeMounts").index(position).child(field), _EPHEMERAL)


def validate_image_edges(errors: Errors, container: Object, path: FieldPath) -> None:
    """Check that an image's name has no blanks around it; pod templates may have them."""
    image = container.get("image") or ""
    if image.strip() != image:
        errors.invalid(path.child("image"), image, "must not have leading or trailing whitespace")


def _unique_name(errors: Errors, container: Object, names: set[str], path: FieldPath) -> None:
    name = container.get("name") or ""
    if name in names:
        errors.duplicate(path.child("name"), name)
    names.add(name)


def _common(errors: Errors, container: Object, facts: PodFacts, path: FieldPath) -> None:
    name = container.get("name") or ""
    if not name:
        errors.required(path.child("name"))
    for message in dns_label(name) if name else ():
        errors.invalid(path.child("name"), name, message)
    if not container.get("image"):
        errors.required(path.child("image"))
    policy = container.get("terminationMessagePolicy") or ""
    if policy not in ("File", "FallbackToLogsOnError"):
        errors.not_supported(path.child("terminationMessagePolicy"), policy, ("File", "FallbackToLogsOnError"))
    _ports(errors, container.get("ports") or [], path.child("ports"))
    validate_env(errors, container.get("env"), path.child("env"))
    validate_env_from(errors, container.get("envFrom"), path.child("envFrom"))
    validate_mounts(errors, container, facts.volumes, path.child("volumeMounts"))
    validate_devices(errors, container, facts.volumes, path.child("volumeDevices"))
    if container.get("imagePullPolicy") not in PULL_POLICIES:
        errors.not_supported(path.child("imagePullPolicy"), container.get("imagePullPolicy") or "", PULL_POLICIES)
    validate_requirements(errors, container.get("resources") or {}, path.child("resources"), facts.claims)
    _resize_policy(errors, container.get("resizePolicy") or [], facts, path.child("resizePolicy"))
    validate_security_context(
        errors, container.get("securityContext"), path.child("securityContext"), host_users=facts.host_users
    )


def _ports(errors: Errors, ports: list[Object], path: FieldPath) -> None:
    names: set[str] = set()
    for index, port in enumerate(ports):
        at = path.index(index)
        name = port.get("name") or ""
        if name:
            messages = port_name(name)
            for message in messages:
                errors.invalid(at.child("name"), name, message)
            if not messages and name in names:
                errors.duplicate(at.child("name"), name)
            names.add(name)
        number = port.get("containerPort") or 0
        if not number:
            errors.required(at.child("containerPort"))
        else:
            for message in port_number(number):
                errors.invalid(at.child("containerPort"), number, message)
        if port.get("hostPort"):
            for message in port_number(port["hostPort"]):
                errors.invalid(at.child("hostPort"), port["hostPort"], message)
        if port.get("protocol") not in _PROTOCOLS:
            errors.not_supported(at.child("protocol"), port.get("protocol") or "", _PROTOCOLS)


def _host_ports(errors: Errors, container: Object, shown: FieldPath, place: FieldPath, taken: set[str]) -> None:
    for index, port in enumerate(container.get("ports") or ()):
        if not port.get("hostPort"):
            continue
        key = f"{port.get('protocol') or ''}/{port.get('hostIP') or ''}/{port['hostPort']}"
        if key in taken:
            at = shown.child("ports").index(index).child("hostPort")
            errors.duplicate(at.located_at(place.child("ports").index(index).child("hostPort")), key)
        taken.add(key)


def _resize_policy(errors: Errors, policies: list[Object], facts: PodFacts, path: FieldPath) -> None:
    seen: set[str] = set()
    for index, policy in enumerate(policies):
        here = path.located_at(path.index(index))
        resource, restart = policy.get("resourceName") or "", policy.get("restartPolicy") or ""
        if resource in seen:
            errors.duplicate(path.index(index), resource)
        seen.add(resource)
        for value, supported in (
            (resource, ("cpu", "memory")),
            (restart, ("NotRequired", "RestartContainer")),
        ):
            if not value:
                errors.required(here)
            elif value not in supported:
                errors.not_supported(here, value, supported)
        if facts.restart_policy == "Never" and restart != "NotRequired":
            errors.invalid(here, restart, "must be 'NotRequired' when pod `restartPolicy` is 'Never'")


def _restart_policy(errors: Errors, container: Object, path: FieldPath) -> None:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or []
    if policy is None:
        _policy_for_rules(errors, container, path)
    elif policy not in _RESTART_POLICIES:
        errors.not_supported(path.child("restartPolicy"), policy, _RESTART_POLICIES)
    at = path.child("restartPolicyRules")
    if len(rules) > 20:
        errors.too_many(at, len(rules), 20)
    for index, rule in enumerate(rules):
        _restart_rule(errors, rule, at.index(index))


def _policy_for_rules(errors: Errors, container: Object, path: FieldPath) -> None:
    if container.get("restartPolicyRules"):
        errors.required(path.child("restartPolicy"), "must specify restartPolicy when restart rules are used")


def _restart_rule(errors: Errors, rule: Object, path: FieldPath) -> None:
    actions = ("Restart", "RestartAllContainers")
    if rule.get("action") not in actions:
        errors.not_supported(path.child("action"), rule.get("action") or "", actions)
    codes = rule.get("exitCodes")
    at = path.child("exitCodes")
    if codes is None:
        errors.required(at, "must be specified")
        return
    if codes.get("operator") not in ("In", "NotIn"):
        errors.not_supported(at.child("operator"), codes.get("operator") or "", ("In", "NotIn"))
    # Which numbers they are is not looked at: 256, -1 and one twice are fine.
    values = codes.get("values") or []
    if len(values) > 255:
        errors.too_many(at.child("values"), len(values), 255)
