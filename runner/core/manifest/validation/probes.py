"""Probes and lifecycle hooks: their handlers, numbers and where they may not be.

Mirrors validateProbe, validateHandler and validateLifecycle of pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.names import header_name, port_number_or_name

_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_PROBES = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOKS = ("exec", "httpGet", "tcpSocket", "sleep")


def validate_probes(errors: Errors, container: dict[str, Any], grace: int, path: FieldPath) -> None:
    """Check the three probes of a container that may have them."""
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if probe is None:
            continue
        at = path.child(name)
        _probe(errors, probe, grace, at)
        if name == "readinessProbe":
            seconds = probe.get("terminationGracePeriodSeconds")
            if seconds is not None:
                errors.invalid(
                    at.child("terminationGracePeriodSeconds"), seconds, "must not be set for readinessProbes"
                )
        elif probe.get("successThreshold") != 1:
            errors.invalid(at.child("successThreshold"), probe.get("successThreshold"), "must be 1")


def _probe(errors: Errors, probe: dict[str, Any], grace: int, path: FieldPath) -> None:
    _handler(errors, probe, _PROBES, grace, path)
    for name in _NUMBERS:
        if (probe.get(name) or 0) < 0:
            errors.invalid(path.child(name), probe[name], "must be greater than or equal to 0")
    seconds = probe.get("terminationGracePeriodSeconds")
    if seconds is not None and seconds <= 0:
        errors.invalid(path.child("terminationGracePeriodSeconds"), seconds, "must be greater than 0")


def validate_lifecycle(errors: Errors, lifecycle: dict[str, Any] | None, grace: int, path: FieldPath) -> None:
    """Check a container's hooks. A stop signal is gone by now (defaults drop it)."""
    for name in ("postStart", "preStop"):
        if lifecycle is not None and lifecycle.get(name) is not None:
            _handler(errors, lifecycle[name], _HOOKS, grace, path.child(name))


def _handler(errors: Errors, handler: dict[str, Any], names: tuple[str, ...], grace: int, path: FieldPath) -> None:
    seen = 0
    for name in names:
        action = handler.get(name)
        if action is None:
            continue
        at = path.child(name)
        if seen:
            errors.forbidden(at, "may not specify more than 1 handler type")
            continue
        seen += 1
        if name == "exec":
            if not action.get("command"):
                errors.required(at.child("command"))
        elif name == "httpGet":
            _http_get(errors, action, at)
        elif name == "sleep":
            seconds = action.get("seconds") or 0
            if not 0 <= seconds <= grace:
                detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
                errors.invalid(at, seconds, detail)
        elif name == "grpc":
            # A plain number in Go, where the others have a number or a name.
            _port(errors, action.get("port") or 0, at.child("port"))
        else:
            _port(errors, action.get("port"), at.child("port"))
    if not seen:
        errors.required(path, "must specify a handler type")


def _http_get(errors: Errors, action: dict[str, Any], path: FieldPath) -> None:
    _port(errors, action.get("port"), path.child("port"))
    if action.get("scheme") not in ("HTTP", "HTTPS"):
        errors.not_supported(path.child("scheme"), action.get("scheme") or "", ("HTTP", "HTTPS"))
    headers = path.child("httpHeaders")
    for index, header in enumerate(action.get("httpHeaders") or ()):
        for message in header_name(header.get("name") or ""):
            errors.invalid(headers.located_at(headers.index(index)), header.get("name") or "", message)


def _port(errors: Errors, port: Any, path: FieldPath) -> None:
    for message in port_number_or_name(port):
        errors.invalid(path, 0 if port is None else port, message)
