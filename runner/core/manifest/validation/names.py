"""Rules for names, labels, keys, ports and addresses; each returns the server's messages, empty when all is well.

Mirrors k8s.io/apimachinery/pkg/util/validation/validation.go and pkg/api/validate/content.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

Rule = Callable[[str], list[str]]

# Compiled when first needed, by the re module's own cache: most manifests need two of them.
_LABEL_REGEX = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN_REGEX = rf"{_LABEL_REGEX}(\.{_LABEL_REGEX})*"
_UNDERSCORE_LABEL = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_UNDERSCORE_SUBDOMAIN = rf"{_UNDERSCORE_LABEL}(\.{_UNDERSCORE_LABEL})*"
_QUALIFIED_REGEX = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE_REGEX = f"({_QUALIFIED_REGEX})?"
_CONFIG_KEY_REGEX = "[-._a-zA-Z0-9]+"
_HEADER_REGEX = "[-A-Za-z0-9]+"
_ENVIRONMENT_NAME = r"[ -<>-~]+"
_PORT_NAME = "[-a-z0-9]+"
_SYSCTL_REGEX = r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"
_SYSCTL = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"

LABEL_MESSAGE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL_REGEX}')"
)
SUBDOMAIN_MESSAGE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN_REGEX}')"
)
_SEARCH_MESSAGE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    f"'{_UNDERSCORE_SUBDOMAIN}')"
)
_QUALIFIED_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED_REGEX}')"
)
_QUALIFIED_HINT = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
_LABEL_VALUE_MESSAGE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{_LABEL_VALUE_REGEX}')"
)
_CONFIG_KEY_MESSAGE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    f"'key-name', regex used for validation is '{_CONFIG_KEY_REGEX}')"
)
_HEADER_MESSAGE = (
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for "
    f"validation is '{_HEADER_REGEX}')"
)
ENVIRONMENT_NAME_MESSAGE = (
    "a valid environment variable name must consist only of printable ASCII characters other than '='"
)
SYSCTL_MESSAGE = f"must have at most 253 characters and match regex {_SYSCTL_REGEX}"
IP_MESSAGE = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
LEADING_ZEROS_MESSAGE = "must not have leading 0s"
MAPPED_MESSAGE = "must not be an IPv4-mapped IPv6 address"
PORT_MESSAGE = "must be between 1 and 65535, inclusive"


def longest(limit: int) -> str:
    """Return the text for a name that is too long."""
    return f"must be no more than {limit} characters"


def longest_bytes(limit: int) -> str:
    """Return the same for the rules that upstream has moved to pkg/api/validate/content."""
    return f"must be no more than {limit} bytes"


def dns_label(value: str) -> list[str]:
    """RFC 1123 label: names of containers, volumes, namespaces, hosts."""
    messages = [longest(63)] if len(value.encode()) > 63 else []
    if not re.fullmatch(_LABEL_REGEX, value):
        messages.append("must not contain dots" if re.fullmatch(_SUBDOMAIN_REGEX, value) else LABEL_MESSAGE)
    return messages


def dns_subdomain(value: str) -> list[str]:
    """RFC 1123 subdomain: names of most objects."""
    messages = [longest(253)] if len(value.encode()) > 253 else []
    if not re.fullmatch(_SUBDOMAIN_REGEX, value):
        messages.append(SUBDOMAIN_MESSAGE)
    return messages


def search_path(value: str) -> list[str]:
    """A DNS search path: a subdomain in which underscores are allowed."""
    messages = [longest(253)] if len(value.encode()) > 253 else []
    if not re.fullmatch(_UNDERSCORE_SUBDOMAIN, value):
        messages.append(_SEARCH_MESSAGE)
    return messages


def qualified_name(value: str) -> list[str]:
    """Label keys, condition types and the like: an optional prefix, a slash, a name."""
    parts = value.split("/")
    messages: list[str] = []
    if len(parts) > 2:
        return [f"a valid label key {_QUALIFIED_TEXT}{_QUALIFIED_HINT}"]
    if len(parts) == 2:
        prefix = parts[0]
        if not prefix:
            messages.append("prefix part must be non-empty")
        else:
            if len(prefix.encode()) > 253:
                messages.append("prefix part " + longest_bytes(253))
            if not re.fullmatch(_SUBDOMAIN_REGEX, prefix):
                messages.append("prefix part " + SUBDOMAIN_MESSAGE)
    name = parts[-1]
    if not name:
        messages.append("name part must be non-empty")
    elif len(name.encode()) > 63:
        messages.append("name part " + longest_bytes(63))
    if not re.fullmatch(_QUALIFIED_REGEX, name):
        messages.append(f"name part {_QUALIFIED_TEXT}")
    return messages


def label_value(value: str) -> list[str]:
    """A label's value."""
    messages = [longest_bytes(63)] if len(value.encode()) > 63 else []
    if not re.fullmatch(_LABEL_VALUE_REGEX, value):
        messages.append(_LABEL_VALUE_MESSAGE)
    return messages


def config_key(value: str) -> list[str]:
    """A key of a ConfigMap or Secret: it becomes a file name."""
    messages = [longest(253)] if len(value.encode()) > 253 else []
    if not re.fullmatch(_CONFIG_KEY_REGEX, value):
        messages.append(_CONFIG_KEY_MESSAGE)
    if value in (".", ".."):
        messages.append(f"must not be '{value}'")
    elif value.startswith(".."):
        messages.append("must not start with '..'")
    return messages


def environment_name(value: str) -> list[str]:
    """A variable's name: printable ASCII without '='."""
    return [] if re.fullmatch(_ENVIRONMENT_NAME, value) else [ENVIRONMENT_NAME_MESSAGE]


def header_name(value: str) -> list[str]:
    """An HTTP header's name."""
    return [] if re.fullmatch(_HEADER_REGEX, value) else [_HEADER_MESSAGE]


def port_name(value: str) -> list[str]:
    """A port's name."""
    messages = [longest(15)] if len(value.encode()) > 15 else []
    if not re.fullmatch(_PORT_NAME, value):
        messages.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        messages.append("must contain at least one letter (a-z)")
    if "--" in value:
        messages.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        messages.append("must not begin or end with a hyphen")
    return messages


def port_number(value: int) -> list[str]:
    """A port's number."""
    return [] if 1 <= value <= 65535 else [PORT_MESSAGE]


def port_number_or_name(value: Any) -> list[str]:
    """A probe's or hook's port."""
    return port_name(value) if isinstance(value, str) else port_number(value or 0)


def ip_address(value: str) -> list[str]:
    """An IPv4 or IPv6 address without zone and without octal-looking numbers, nor an IPv4 address as an IPv6 one."""
    plain = without_leading_zeros(value)
    try:
        if "%" in value:
            raise ValueError
        address = ipaddress.ip_address(plain)
    except ValueError:
        return [IP_MESSAGE]
    if plain != value:
        return [LEADING_ZEROS_MESSAGE]
    return [MAPPED_MESSAGE] if address.version == 6 and address.ipv4_mapped is not None else []


def without_leading_zeros(value: str) -> str:
    """Return an address as Go read it before 1.17: zeros before decimal numbers, or in long hexadecimal ones, are nothing."""
    head, colon, tail = value.rpartition(":")
    groups = [re.sub(r"^0+(?=[0-9a-fA-F])", "", group) if len(group) > 4 else group for group in head.split(":")]
    if "." in tail:
        tail = ".".join(re.sub(r"^0+(?=[0-9])", "", number) for number in tail.split("."))
    elif len(tail) > 4:
        tail = re.sub(r"^0+(?=[0-9a-fA-F])", "", tail)
    return ":".join(groups) + colon + tail


def sysctl_name(value: str) -> list[str]:
    """A sysctl's name, with dots or slashes."""
    return [] if len(value) <= 253 and re.fullmatch(_SYSCTL, value) else [SYSCTL_MESSAGE]


def generated(rule: Rule) -> Rule:
    """Return a name rule for generateName: a trailing dash will be followed by the random suffix.

    The server looks past the dash and, as its maskTrailingDash cuts, past the character before it.
    """

    def check(prefix: str) -> list[str]:
        return rule(prefix[:-2] + "a" if prefix.endswith("-") and len(prefix) > 1 else prefix)

    return check
