"""Environment variables: names, sources, field and resource references.

Mirrors ValidateEnv, ValidateEnvFrom and their helpers of pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.names import (
    config_key,
    dns_label,
    dns_subdomain,
    environment_name,
    generated,
    qualified_name,
)
from runner.core.manifest.validation.relative import no_backsteps
from runner.core.text.quantity import parse_quantity

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
_CONVERTIBLE_FIELDS = (
    ENVIRONMENT_FIELDS | VOLUME_FIELDS | {"spec.restartPolicy", "spec.schedulerName", "status.phase", "spec.host"}
)
_RESOURCES = tuple(
    f"{side}.{name}" for side in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
)
_HUGE_PAGES = ("limits.hugepages-", "requests.hugepages-")
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_SIZES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_DIVISIBLE = {"cpu": "cpu", "memory": "memory", "ephemeral-storage": "local ephemeral storage"}


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
    volume = selector.get("volumeName") or ""
    if not volume:
        errors.required(path.child("volumeName"))
    for message in dns_label(volume) if volume else ():
        errors.invalid(path.child("volumeName"), volume, message)
    if not selector.get("path"):
        errors.required(path.child("path"))
    else:
        no_backsteps(errors, selector["path"], path.child("path"))


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
    named, subscript = _subscripted(field_path)
    if subscript is not None:
        if named not in ("metadata.annotations", "metadata.labels"):
            detail = f"error converting fieldPath: field label does not support subscript: {field_path}"
            errors.invalid(at, field_path, detail)
            return
        key = subscript.lower() if named == "metadata.annotations" else subscript
        for message in qualified_name(key):
            errors.invalid(path.located_at(at), key, message)
    elif field_path not in _CONVERTIBLE_FIELDS:
        errors.invalid(at, field_path, f"error converting fieldPath: field label not supported: {field_path}")
    else:
        internal = "spec.nodeName" if field_path == "spec.host" else field_path
        if internal not in allowed:
            errors.not_supported(at, internal, sorted(allowed))


def _subscripted(field_path: str) -> tuple[str, str | None]:
    """Return ("metadata.labels", "a") of ``metadata.labels['a']``; None when there is no subscript."""
    named, bracket, subscript = field_path.removesuffix("']").partition("['")
    if field_path.endswith("']") and bracket and named:
        return named, subscript
    return field_path, None


def validate_resource_selector(errors: Errors, selector: dict[str, Any], path: FieldPath, *, in_volume: bool) -> None:
    """Check a resourceFieldRef."""
    resource = selector.get("resource") or ""
    if in_volume and not selector.get("containerName"):
        errors.required(path.child("containerName"))
    elif not resource:
        errors.required(path.child("resource"))
    elif resource not in _RESOURCES and not resource.startswith(_HUGE_PAGES):
        errors.not_supported(path.child("resource"), resource, _RESOURCES)
    _divisor(errors, resource, selector.get("divisor") or "0", path.child("divisor"))


def _divisor(errors: Errors, resource: str, divisor: str, path: FieldPath) -> None:
    """Check a divisor by its spelling, as the server does; the error shows the resource."""
    is_huge = resource.startswith(_HUGE_PAGES)
    kind = "hugepages" if is_huge else _DIVISIBLE.get(resource.partition(".")[2]) if resource in _RESOURCES else None
    if kind is None or parse_quantity(divisor).is_zero:
        return
    if divisor not in (("1m", "1") if kind == "cpu" else _SIZES):
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
                # A prefix to the server: a dash at its end counts as a letter.
                for message in generated(dns_subdomain)(name):
                    errors.invalid(at.child(kind, "name"), name, message)
        if not given:
            errors.invalid(path.located_at(at), "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(given) > 1:
            errors.invalid(path.located_at(at), "", "may not have more than one field specified at a time")
