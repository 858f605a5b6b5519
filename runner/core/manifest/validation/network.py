"""A pod's names and DNS: dnsPolicy, dnsConfig, hostname, subdomain, hostAliases, host network ports.

Mirrors validatePodDNSConfig, ValidateHostAliases and validateHostNetwork of pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.names import (
    dns_label,
    dns_subdomain,
    ip_address,
    search_path,
)

Object = dict[str, Any]

DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_NAMESERVERS, _SEARCHES, _SEARCH_CHARACTERS, _OVERRIDE = 3, 32, 2048, 64


def validate_host_ports(errors: Errors, spec: Object, path: FieldPath, *, is_pod: bool) -> None:
    """Check that a pod on the host's network publishes its app containers' ports as they are; a template may leave them out."""
    if not spec.get("hostNetwork"):
        return
    for index, container in enumerate(spec.get("containers") or ()):
        for position, port in enumerate(container.get("ports") or ()):
            host_port = port.get("hostPort") or 0
            if (is_pod or host_port) and host_port != (port.get("containerPort") or 0):
                at = path.child("containers").index(index).child("ports").index(position).child("hostPort")
                errors.invalid(at, host_port, "must match `containerPort` when `hostNetwork` is true")


def validate_dns_policy(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check dnsPolicy."""
    if spec.get("dnsPolicy") not in DNS_POLICIES:
        errors.not_supported(path.child("dnsPolicy"), spec.get("dnsPolicy") or "", DNS_POLICIES)


def validate_dns_config(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check dnsConfig, which must be there when dnsPolicy is None."""
    config, at = spec.get("dnsConfig"), path.child("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            errors.required(at, "must provide `dnsConfig` when `dnsPolicy` is None")
            return
        if not config.get("nameservers"):
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            errors.required(at.child("nameservers"), detail)
            return
    if config is None:
        return
    servers, searches = config.get("nameservers") or [], config.get("searches") or []
    if len(servers) > _NAMESERVERS:
        errors.invalid(at.child("nameservers"), servers, f"must not have more than {_NAMESERVERS} nameservers")
    for index, server in enumerate(servers):
        for message in ip_address(server):
            errors.invalid(at.child("nameservers").index(index), server, message)
    if len(searches) > _SEARCHES:
        errors.invalid(at.child("searches"), searches, f"must not have more than {_SEARCHES} search paths")
    if len(" ".join(searches).encode()) > _SEARCH_CHARACTERS:
        detail = f"must not have more than {_SEARCH_CHARACTERS} characters (including spaces) in the search list"
        errors.invalid(at.child("searches"), searches, detail)
    for index, search in enumerate(searches):
        if search == ".":
            continue
        for message in search_path(search.removesuffix(".")):
            errors.invalid(at.child("searches").index(index), search.removesuffix("."), message)
    for index, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            errors.required(at.child("options").index(index), "must not be empty")


def validate_hostname_override(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check hostnameOverride against its own rule and the fields it excludes."""
    name, at = spec.get("hostnameOverride"), path.child("hostnameOverride")
    if name is None:
        return
    if spec.get("setHostnameAsFQDN"):
        errors.forbidden(at, "may not be specified when setHostnameAsFQDN is true")
    if spec.get("hostNetwork"):
        errors.forbidden(at, "may not be specified when hostNetwork is true")
    if len(name.encode()) > _OVERRIDE:
        errors.too_long(at, _OVERRIDE)
    for message in dns_subdomain(name):
        errors.invalid(at, name, message)


def validate_host_names(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check hostname and subdomain."""
    for field in ("hostname", "subdomain"):
        for message in dns_label(spec[field]) if spec.get(field) else ():
            errors.invalid(path.child(field), spec[field], message)


def validate_host_aliases(errors: Errors, aliases: list[Object] | None, path: FieldPath) -> None:
    """Check hostAliases."""
    for index, alias in enumerate(aliases or ()):
        at = path.index(index)
        for message in ip_address(alias.get("ip") or ""):
            errors.invalid(at.child("ip"), alias.get("ip") or "", message)
        names = at.child("hostnames")
        for position, name in enumerate(alias.get("hostnames") or ()):
            for message in dns_subdomain(name):
                errors.invalid(names.index(position), name, message)
