"""The IP families of a Service, as the API server of a cluster with IPv4 addresses chooses them.

Mirrors initIPFamilyFields of pkg/registry/core/service/storage/alloc.go. What other clusters refuse (two families) is taken.
"""

from __future__ import annotations

from typing import Any

FAMILIES = ("IPv4", "IPv6")


def choose_families(spec: dict[str, Any]) -> None:
    """Set what ipFamilies and ipFamilyPolicy say nothing about, of a Service that is not ExternalName."""
    loose = spec.get("clusterIP") == "None" and not spec.get("selector")
    policy = spec.setdefault("ipFamilyPolicy", "RequireDualStack" if loose else "SingleStack")
    families = list(spec.get("ipFamilies") or ())
    addresses = [] if spec.get("clusterIP") == "None" else spec.get("clusterIPs") or []
    # Two families of a Service with one, or one of them twice, are errors, which the families are not to hide.
    for address in addresses[len(families) :] if policy != "SingleStack" or len(addresses) == 1 else ():
        if family_of(address) not in families:
            families.append(family_of(address))
    families = families or [FAMILIES[0]]
    if loose and policy != "SingleStack" and len(families) < len(FAMILIES):
        families.append(FAMILIES[families[0] == FAMILIES[0]])
    spec["ipFamilies"] = families


def family_of(address: str) -> str:
    """The family of a valid address."""
    return FAMILIES[":" in address]
