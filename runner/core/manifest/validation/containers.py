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
_NOT_FOR_INIT = "may not be set for init containers without restartPolicy=Always"


class PodFacts(Struct, frozen=True):
    """What a container's checks need to know about its pod."""

    volumes: dict[str, Object]
    grace: int
    restart_policy: str
    host_users: bool
    os_name: str


def validate_containers(errors: Errors, containers: list[Object] | None, facts: PodFacts, path: FieldPath) -> None:
    """Check the app containers."""
    if not containers:
        errors.required(path)
        return
    names: set[str] = set()
    for index, container in enumerate(containers):
        at = path.index(index)
        _common(errors, container, facts, at)
        name = container.get("name") or ""
        if name in names:
            errors.duplicate(at.child("name"), name)
        names.add(name)
        validate_lifecycle(errors, container.get("lifecycle"), facts.grace, at.child("lifecycle"), facts.os_name)
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
        name = container.get("name") or ""
        if name in names:
            errors.duplicate(at.child("name"), name)
        names.add(name)
        # They run one at a time, so each has the host's ports to itself; the server counts each as number 0.
        _host_ports(errors, container, path.index(0), at, set())
        if container.get("restartPolicy") == "Always":
            validate_lifecycle(errors, container.get("lifecycle"), facts.grace, at.child("lifecycle"), facts.os_name)
            validate_probes(errors, container, facts.grace, at)
        else:
            for field in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
                if container.get(field) is not None:
                    errors.forbidden(at.child(field), _NOT_FOR_INIT)
            for position, policy in enumerate(container.get("resizePolicy") or ()):
                if policy.get("restartPolicy") == "RestartContainer":
                    errors.invalid(
                        at.child("resizePolicy").index(position).child("restartPolicy"),
                        "RestartContainer",
                        "must not be set to 'RestartContainer' for non-sidecar initContainers",
                    )
        _restart_policy(errors, container, at)


def _common(errors: Errors, container: Object, facts: PodFacts, path: FieldPath) -> None:
    name, image = container.get("name") or "", container.get("image") or ""
    if not name:
        errors.required(path.child("name"))
    else:
        for message in dns_label(name):
            errors.invalid(path.child("name"), name, message)
    if not image:
        errors.required(path.child("image"))
    elif image.strip() != image:
        errors.invalid(path.child("image"), image, "must not have leading or trailing whitespace")
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
    validate_requirements(errors, container.get("resources") or {}, path.child("resources"))
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
            errors.duplicate(here, resource)
        seen.add(resource)
        if resource not in ("cpu", "memory"):
            errors.not_supported(here, resource, ("cpu", "memory"))
        if restart not in ("NotRequired", "RestartContainer"):
            errors.not_supported(here, restart, ("NotRequired", "RestartContainer"))
        if facts.restart_policy == "Never" and restart == "RestartContainer":
            errors.invalid(here, restart, "must be 'NotRequired' when `restartPolicy` is 'Never'")


def _restart_policy(errors: Errors, container: Object, path: FieldPath) -> None:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or []
    if policy is None:
        if rules:
            errors.required(path.child("restartPolicy"), "must specify restartPolicy when restart rules are used")
    elif policy not in _RESTART_POLICIES:
        errors.not_supported(path.child("restartPolicy"), policy, _RESTART_POLICIES)
    at = path.child("restartPolicyRules")
    if len(rules) > 20:
        errors.too_many(at, len(rules), 20)
        return
    for index, rule in enumerate(rules):
        _restart_rule(errors, rule, at.index(index))


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
    values = codes.get("values") or []
    if len(values) > 255:
        errors.too_many(at.child("values"), len(values), 255)
