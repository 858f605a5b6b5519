"""Probes and lifecycle hooks: their handlers, numbers and where they may not be.

Mirrors validateProbe, validateHandler and validateLifecycle of pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.names import header_name, port_number_or_name

_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")


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
    _handler(errors, probe, grace, path)
    for name in _NUMBERS:
        if (probe.get(name) or 0) < 0:
            errors.invalid(path.child(name), probe[name], "must be greater than or equal to 0")
    seconds = probe.get("terminationGracePeriodSeconds")
    if seconds is not None and seconds <= 0:
        errors.invalid(path.child("terminationGracePeriodSeconds"), seconds, "must be greater than 0")


def validate_lifecycle(
    errors: Errors, lifecycle: dict[str, Any] | None, grace: int, path: FieldPath, os_name: str
) -> None:
    """Check a container's hooks and stop signal."""
    if lifecycle is None:
        return
    for name in ("postStart", "preStop"):
        if lifecycle.get(name) is not None:
            _handler(errors, lifecycle[name], grace, path.child(name))
    if lifecycle.get("stopSignal") is not None:
        _stop_signal(errors, lifecycle["stopSignal"], path.child("stopSignal"), os_name)


def _stop_signal(errors: Errors, signal: str, path: FieldPath, os_name: str) -> None:
    if not os_name:
        errors.forbidden(path, "may not be set for containers with empty `spec.os.name`")
    elif os_name == "windows" and signal not in ("SIGTERM", "SIGKILL"):
        errors.not_supported(path, signal, ("SIGKILL", "SIGTERM"))


def _handler(errors: Errors, handler: dict[str, Any], grace: int, path: FieldPath) -> None:
    seen = 0
    for name in _HANDLERS:
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
        errors.invalid(path, port or 0, message)
