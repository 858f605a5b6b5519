"""IP addresses and ranges of addresses, as fields that are older than strict rules take them.

Mirrors k8s.io/apimachinery/pkg/util/validation/ip.go and ValidateEndpointIP of pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

import ipaddress
import re

from runner.core.manifest.validation.names import ip_address, without_leading_zeros

_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
_BITS = {4: 32, 6: 128}


def endpoint_ip(value: str) -> list[str]:
    """An address that something outside may have."""
    if messages := ip_address(value):
        return messages
    address = ipaddress.ip_address(value)
    found = []
    if address.is_unspecified:
        found.append(f"may not be unspecified ({value})")
    if address.is_loopback:
        found.append("may not be in the loopback range (127.0.0.0/8, ::1/128)")
    if address.is_link_local:
        found.append("may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    link_local = "224.0.0.0/24" if address.version == 4 else "ff02::/16"
    if address in ipaddress.ip_network(link_local):
        found.append("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
    return found


def cidr(value: str) -> list[str]:
    """A range of addresses: an address that has no bits beyond its length, a slash and that length."""
    text, _, length = value.partition("/")
    plain = without_leading_zeros(text)
    if "%" in text or not re.fullmatch("[0-9]+", length) or len(length) > 9:
        return [_CIDR]
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        return [_CIDR]
    if int(length) > _BITS[address.version]:
        return [_CIDR]
    if plain != text or length != str(int(length)):
        return ["must not have leading 0s in IP or prefix length"]
    if address.version == 6 and address.ipv4_mapped is not None:
        return ["must not have an IPv4-mapped IPv6 address"]
    beyond = _BITS[address.version] - int(length)
    return ["must not have bits set beyond the prefix length"] if int(address) & ((1 << beyond) - 1) else []


def unusual_ip(value: str) -> str:
    """What to note about the spelling of an address; empty when it is the usual one, or no address."""
    plain = without_leading_zeros(value)
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if plain != value or mapped is not None:
        return f'non-standard IP address "{value}" is invalid: use "{mapped or address}"'
    if address.version == 6 and str(address) != value:
        return f'IPv6 address "{value}" should be in RFC 5952 canonical format ("{address}")'
    return ""


def unusual_cidr(value: str) -> str:
    """What to note about the spelling of a valid range; empty when it is the usual one, or one with spaces around it."""
    text, _, length = value.partition("/")
    if cidr(value) or ":" not in text:
        return ""
    usual = f"{ipaddress.ip_address(text)}/{length}"
    return f'IPv6 CIDR value "{value}" should be in RFC 5952 canonical format ("{usual}")' if usual != value else ""
