"""The port that a handler means: a number, a number in a string, or the name of one of the container's ports.

Mirrors pkg/probe/util.go (ResolveContainerPort).
"""

from __future__ import annotations

import re

from runner.core.model import Container
from runner.core.text.gotext import quote

_NUMBER = re.compile(r"[+-]?[0-9]+")


class PortError(ValueError):
    """There is no such port; the text is the kubelet's."""


def resolve_port(port: int | str, container: Container) -> int:
    """The port's number. Raises PortError."""
    number = port if isinstance(port, int) else _from_text(port, container)
    if not 0 < number < 65536:
        raise PortError(f"invalid port number: {number}")
    return number


def _from_text(text: str, container: Container) -> int:
    for entry in container.manifest.get("ports") or ():
        if entry.get("name") == text:
            return int(entry.get("containerPort") or 0)
    if not _NUMBER.fullmatch(text):
        raise PortError(f"strconv.Atoi: parsing {quote(text)}: invalid syntax")
    return int(text)
