"""Windows' options of security contexts: checked, though no Windows pod runs here.

Mirrors validateWindowsSecurityContextOptions and validateWindowsHostProcessPod of pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

import re
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors, Named
from runner.core.manifest.validation.names import dns_subdomain

Object = dict[str, Any]

_LONGEST_SPEC = 64 * 1024
_LONGEST_DOMAIN, _LONGEST_USER = 256, 104
_CONTROL = r"[\x00-\x1f\x7f]"
_NETBIOS = r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}'
_DNS_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_DNS_DOMAIN = rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*"
_BAD_USER = r'["/\\:;|=,+*?<>@\[\]]'


def validate_windows_options(errors: Errors, options: Object, path: FieldPath) -> None:
    """Check names of credential specs and users."""
    name = options.get("gmsaCredentialSpecName")
    if name is not None:
        for message in dns_subdomain(name):
            errors.invalid(path.child("gmsaCredentialSpecName"), Named(name), message)
    spec, at = options.get("gmsaCredentialSpec"), path.child("gmsaCredentialSpec")
    if spec == "":
        errors.invalid(at, Named(spec), "gmsaCredentialSpec cannot be an empty string")
    elif spec is not None and len(spec.encode()) > _LONGEST_SPEC:
        errors.invalid(at, Named(spec), "gmsaCredentialSpec size must be under 64 KiB")
    user = options.get("runAsUserName")
    if user is not None:
        for text in _user_faults(user):
            errors.invalid(path.child("runAsUserName"), Named(user), f"runAsUserName{text}")


def _user_faults(name: str) -> list[str]:
    """What is wrong with "DOMAIN\\USER", each to follow the field's name."""
    parts = name.split("\\")
    if not name:
        return [" cannot be an empty string"]
    if re.search(_CONTROL, name):
        return [" cannot contain control characters"]
    if len(parts) > 2:
        return [" cannot contain more than one backslash"]
    domain, user = parts[0] if len(parts) == 2 else None, parts[-1]
    faults: list[str] = []
    if domain is not None and len(domain.encode()) >= _LONGEST_DOMAIN:
        faults.append(f"'s Domain length must be under {_LONGEST_DOMAIN} characters")
    if domain is not None and not re.fullmatch(_NETBIOS, domain) and not re.fullmatch(_DNS_DOMAIN, domain):
        faults.append("'s Domain doesn't match the NetBios nor the DNS format")
    if not user:
        faults.append("'s User cannot be empty")
    elif len(user.encode()) > _LONGEST_USER:
        faults.append(f"'s User length must not be longer than {_LONGEST_USER} characters")
    if re.fullmatch("[. ]+", user):
        faults.append("'s User cannot contain only periods or spaces")
    if re.search(_BAD_USER, user):
        faults.append("'s User cannot contain the following characters: \"/\\:;|=,+*?<>@[]")
    return faults


def validate_host_process(
    errors: Errors, spec: Object, all_containers: list[tuple[FieldPath, Object]], path: FieldPath
) -> None:
    """Check that all containers are host processes when one is, and that they have the host's network."""
    of_pod = _host_process(spec)
    count = 0
    for at, container in all_containers:
        own = _host_process(container)
        if of_pod is not None and own is not None and of_pod != own:
            detail = f"pod hostProcess value must be identical if both are specified, was {str(of_pod).lower()}"
            errors.invalid(at.child("securityContext", "windowsOptions", "hostProcess"), own, detail)
        count += bool(of_pod if own is None else own)
    if not count:
        return
    if count != len(all_containers):
        detail = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        errors.invalid(path, "", detail)
    if not spec.get("hostNetwork"):
        detail = "hostNetwork must be true if pod contains any hostProcess containers"
        errors.invalid(path.child("hostNetwork"), value=False, detail=detail)


def _host_process(holder: Object) -> bool | None:
    options = (holder.get("securityContext") or {}).get("windowsOptions") or {}
    value: bool | None = options.get("hostProcess")
    return value
