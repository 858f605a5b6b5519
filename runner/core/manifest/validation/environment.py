"""Environment variables: names, sources, field and resource references.

Mirrors ValidateEnv, ValidateEnvFrom and their helpers of pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

import re
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.names import config_key, dns_subdomain, environment_name, qualified_name
from runner.core.manifest.validation.relative import local_path
from runner.core.quantity import parse_quantity

ENVIRONMENT_FIELDS = frozenset(
    {
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    }
)
VOLUME_FIELDS = frozenset(
    {"metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"}
)
_CONVERTIBLE_FIELDS = ENVIRONMENT_FIELDS | VOLUME_FIELDS | {"spec.restartPolicy", "spec.schedulerName", "status.phase"}
_RESOURCES = tuple(
    f"{side}.{name}" for side in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
)
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_SUBSCRIPT = re.compile(r"(?P<path>.+)\['(?P<key>[^']*)'\]\Z", re.DOTALL)
_SIZES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")


def validate_env(errors: Errors, variables: list[dict[str, Any]] | None, path: FieldPath) -> None:
    """Check a container's env list."""
    for index, variable in enumerate(variables or ()):
        at = path.index(index)
        name = variable.get("name") or ""
        if not name:
            errors.required(at.child("name"))
        else:
            for message in environment_name(name):
                errors.invalid(at.child("name"), name, message)
        if variable.get("valueFrom") is not None:
            _value_from(errors, variable, at.child("valueFrom"))


def _value_from(errors: Errors, variable: dict[str, Any], path: FieldPath) -> None:
    source = variable["valueFrom"]
    given = [name for name in _SOURCES if source.get(name) is not None]
    for name in given:
        at = path.child(name)
        if name == "fieldRef":
            validate_field_selector(errors, source[name], at, ENVIRONMENT_FIELDS)
        elif name == "resourceFieldRef":
            validate_resource_selector(errors, source[name], at, in_volume=False)
        elif name == "fileKeyRef":
            _file_key(errors, source[name], at)
        else:
            _key_selector(errors, source[name], at)
    if not given:
        names = ", ".join(f"`{name}`" for name in _SOURCES[:-1])
        errors.invalid(path, "", f"must specify one of: {names} or `{_SOURCES[-1]}`")
    elif variable.get("value"):
        errors.invalid(path, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        errors.invalid(path, "", "may not have more than one field specified at a time")


def _key_selector(errors: Errors, selector: dict[str, Any], path: FieldPath) -> None:
    name, key = selector.get("name") or "", selector.get("key") or ""
    for message in dns_subdomain(name):
        errors.invalid(path.child("name"), name, message)
    if not key:
        errors.required(path.child("key"))
    else:
        for message in config_key(key):
            errors.invalid(path.child("key"), key, message)


def _file_key(errors: Errors, selector: dict[str, Any], path: FieldPath) -> None:
    key = selector.get("key") or ""
    if not key:
        errors.required(path.child("key"))
    else:
        for message in environment_name(key):
            errors.invalid(path.child("key"), key, message)
    if not selector.get("volumeName"):
        errors.required(path.child("volumeName"))
    if not selector.get("path"):
        errors.required(path.child("path"))
    else:
        local_path(errors, selector["path"], path.child("path"), reserved=True)


def validate_field_selector(errors: Errors, selector: dict[str, Any], path: FieldPath, allowed: frozenset[str]) -> None:
    """Check a fieldRef against the fields that its place (environment or volume) offers."""
    version, field_path = selector["apiVersion"], selector.get("fieldPath") or ""
    if not field_path:
        errors.required(path.child("fieldPath"))
        return
    at = path.child("fieldPath")
    if version != "v1":
        errors.invalid(at, field_path, f"error converting fieldPath: unsupported pod version: {version}")
        return
    match = _SUBSCRIPT.match(field_path)
    if match is not None and match["path"] in ("metadata.annotations", "metadata.labels"):
        key = match["key"].lower() if match["path"] == "metadata.annotations" else match["key"]
        for message in qualified_name(key):
            errors.invalid(path.located_at(at), key, message)
    elif field_path not in _CONVERTIBLE_FIELDS and field_path != "spec.host":
        errors.invalid(at, field_path, f"error converting fieldPath: field label not supported: {field_path}")
    elif field_path not in allowed and not (field_path == "spec.host" and "spec.nodeName" in allowed):
        errors.not_supported(at, field_path, sorted(allowed))


def validate_resource_selector(errors: Errors, selector: dict[str, Any], path: FieldPath, *, in_volume: bool) -> None:
    """Check a resourceFieldRef."""
    resource = selector.get("resource") or ""
    if in_volume and not selector.get("containerName"):
        errors.required(path.child("containerName"))
    elif not resource:
        errors.required(path.child("resource"))
    elif resource not in _RESOURCES and not resource.startswith(("limits.hugepages-", "requests.hugepages-")):
        errors.not_supported(path.child("resource"), resource, _RESOURCES)
    _divisor(errors, resource.partition(".")[2], selector.get("divisor") or "0", path.child("divisor"))


def _divisor(errors: Errors, resource: str, divisor: str, path: FieldPath) -> None:
    amount = parse_quantity(divisor)
    if amount.is_zero:
        return
    kinds = {"cpu": "cpu", "memory": "memory", "ephemeral-storage": "local ephemeral storage"}
    kind = "memory" if resource.startswith("hugepages-") else kinds.get(resource)
    if kind is None:
        return
    allowed = ("1m", "1") if kind == "cpu" else _SIZES
    if all(parse_quantity(item) != amount for item in allowed):
        listed = "1m and 1" if kind == "cpu" else ", ".join(_SIZES)
        errors.invalid(path, resource, f"only divisor's values {listed} are supported with the {kind} resource")


def validate_env_from(errors: Errors, sources: list[dict[str, Any]] | None, path: FieldPath) -> None:
    """Check a container's envFrom list."""
    for index, source in enumerate(sources or ()):
        at = path.index(index)
        if source.get("prefix"):
            for message in environment_name(source["prefix"]):
                errors.invalid(at.child("prefix"), source["prefix"], message)
        given = [name for name in ("configMapRef", "secretRef") if source.get(name) is not None]
        for kind in given:
            name = source[kind].get("name") or ""
            if not name:
                errors.required(at.child(kind, "name"))
            else:
                for message in dns_subdomain(name):
                    errors.invalid(at.child(kind, "name"), name, message)
        if not given:
            errors.invalid(path.located_at(at), "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(given) > 1:
            errors.invalid(path.located_at(at), "", "may not have more than one field specified at a time")
