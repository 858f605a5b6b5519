"""A Service's own addresses and their IP families.

Mirrors ValidateServiceClusterIPsRelatedFields of pkg/apis/core/validation/validation.go, and what initIPFamilyFields of
pkg/registry/core/service/storage/alloc.go refuses on every cluster.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.families import FAMILIES, family_of
from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.names import ip_address

Object = dict[str, Any]

_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")


def validate_cluster_ips(errors: Errors, spec: Object, path: FieldPath) -> bool:
    """Check clusterIPs, ipFamilies and ipFamilyPolicy, and return whether the server would stop here."""
    if spec["type"] == "ExternalName":
        return False
    before = len(errors.items)
    _related(errors, spec, path)
    if len(errors.items) == before and spec["ipFamilyPolicy"] == "SingleStack":
        for name, what in (("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families")):
            if len(spec.get(name) or ()) == len(FAMILIES):
                text = f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
                errors.invalid(path.child("ipFamilyPolicy"), "SingleStack", text)
    return len(errors.items) > before


def _related(errors: Errors, spec: Object, path: FieldPath) -> None:
    first, addresses = spec.get("clusterIP") or "", spec.get("clusterIPs") or []
    at = path.child("clusterIPs")
    if not errors.or_null(at, None):
        # Only the singular is written.
        at = at.located_at(path.child("clusterIP"))
    if first and addresses[0] != first:
        errors.invalid(at, addresses, "first value must match `clusterIP`")
    elif addresses and not first:
        errors.invalid(at, addresses, "must be empty when `clusterIP` is not specified")
    families = spec["ipFamilies"]
    for index, family in enumerate(families):
        here = path.child("ipFamilies").index(index)
        if family not in FAMILIES:
            errors.not_supported(here, family, FAMILIES)
        if family in families[:index]:
            errors.duplicate(here, family)
    if spec["ipFamilyPolicy"] not in _POLICIES:
        errors.not_supported(path.child("ipFamilyPolicy"), spec["ipFamilyPolicy"], _POLICIES)
    if _addresses(errors, addresses, at):
        _match(errors, addresses, families, at)


def _addresses(errors: Errors, addresses: list[str], path: FieldPath) -> bool:
    """Check the addresses one by one, and return whether all are addresses."""
    valid = True
    for index, address in enumerate(addresses):
        if index == 0 and address == "None":
            if len(addresses) > 1:
                valid = False
                errors.invalid(path, addresses, "'None' must be the first and only value")
            continue
        for message in ip_address(address):
            valid = False
            errors.invalid(path.index(index).located_at(_place(path, index)), address, message)
    if len(addresses) > len(FAMILIES):
        errors.invalid(path, addresses, "may only hold up to 2 values")
    return valid


def _match(errors: Errors, addresses: list[str], families: list[str], path: FieldPath) -> None:
    if len(addresses) > 1 and {family_of(address) for address in addresses} != set(FAMILIES):
        errors.invalid(path, addresses, "may specify no more than one IP for each IP family")
    for index, (address, family) in enumerate(zip(addresses, families, strict=False)):
        if address != "None" and family in FAMILIES and family_of(address) != family:
            text = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            errors.invalid(path.index(index).located_at(_place(path, index)), address, text)


def _place(path: FieldPath, index: int) -> FieldPath:
    """Where an address is written: in the list, or alone in clusterIP."""
    return path.index(index) if path.keys[-1] == "clusterIPs" else path
