"""Which local port leads to which port of a pod: what ``port-forward`` is asked for, in kubectl's words.

Mirrors client-go tools/portforward/portforward.go (parsePorts, parseAddresses) and kubectl's pkg/cmd/portforward (named ports,
a Service's target ports).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from runner.core.model import Json
from runner.core.network.endpoints import target_port
from runner.errors import UsageError

LOCALHOST: Final = "localhost"
LOOPBACKS: Final = ("127.0.0.1", "::1")
_MOST: Final = 65535


class Forward(Struct, frozen=True):
    """A local port, 0 for any that is free, and the pod's."""

    local: int
    remote: int


def forwards(words: Sequence[str], pod: Json, service: Json | None = None) -> list[Forward]:
    """Read ``[LOCAL:]REMOTE`` words: numbers, or names of the pod's ports, or of the Service's. Raises UsageError."""
    found = []
    for word in words:
        parts = word.split(":")
        if len(parts) > 2:
            raise UsageError(f"invalid port format '{word}'")
        local, remote = parts if len(parts) == 2 else (parts[0], parts[0])
        if not remote:
            raise UsageError("remote port cannot be empty")
        number = _remote(remote, pod) if service is None else _by_service(remote, service, pod)
        if not number:
            raise UsageError("remote port must be > 0")
        found.append(Forward(_local(local, remote, number, service), number))
    return found


def _local(local: str, remote: str, number: int, service: Json | None) -> int:
    """A port alone stands for both; a name, and a Service's port, stand here for what they lead to there."""
    if not local:
        return 0
    if local != remote:
        return _number(local, "local")
    if local.isdigit():
        return _number(local, "local")
    return number if service is None else int(_service_port(local, service).get("port") or 0)


def _number(text: str, which: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"error parsing {which} port '{text}': strconv.ParseUint: parsing \"{text}\": invalid syntax")
    if int(text) > _MOST:
        raise UsageError(
            f"error parsing {which} port '{text}': strconv.ParseUint: parsing \"{text}\": value out of range"
        )
    return int(text)


def _remote(text: str, pod: Json) -> int:
    if text.isdigit():
        number = _number(text, "remote")
        _refuse_udp(text, number, [one for c in _containers(pod) for one in c.get("ports") or ()], "containerPort")
        return number
    for container in _containers(pod):
        for one in container.get("ports") or ():
            if one.get("name") == text:
                _refuse_udp(text, int(one["containerPort"]), container.get("ports") or (), "containerPort")
                return int(one["containerPort"])
    raise UsageError(f"Pod '{pod['metadata']['name']}' does not have a named port '{text}'")


def _by_service(text: str, service: Json, pod: Json) -> int:
    port = _service_port(text, service)
    _refuse_udp(text, int(port["port"]), (service.get("spec") or {}).get("ports") or (), "port")
    if (service.get("spec") or {}).get("clusterIP") == "None":
        return int(port["port"])
    number = target_port(port, pod)
    if not number:
        raise UsageError(f"Pod '{pod['metadata']['name']}' does not have a named port '{port.get('targetPort')}'")
    return number


def _service_port(text: str, service: Json) -> Json:
    name = service["metadata"]["name"]
    ports: Sequence[Json] = (service.get("spec") or {}).get("ports") or ()
    if text.isdigit():
        found = next((one for one in ports if int(one["port"]) == int(text)), None)
        if found is None:
            raise UsageError(f"Service {name} does not have a service port {text}")
        return found
    found = next((one for one in ports if one.get("name") == text), None)
    if found is None:
        raise UsageError(f"Service '{name}' does not have a named port '{text}'")
    return found


def _refuse_udp(text: str, number: int, ports: Iterable[Json], key: str) -> None:
    known = {str(one.get("protocol") or "TCP") for one in ports if int(one.get(key) or 0) == number}
    if known == {"UDP"}:
        raise UsageError(f"UDP protocol is not supported for {text}")


def _containers(pod: Json) -> list[Json]:
    spec = pod.get("spec") or {}
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def addresses(text: str) -> list[str]:
    """Read ``--address``: IP addresses and ``localhost``, with commas between. Raises UsageError."""
    found: dict[str, None] = {}
    for word in text.split(","):
        if word == LOCALHOST:
            found.update(dict.fromkeys(LOOPBACKS))
            continue
        try:
            found[str(ipaddress.ip_address(word))] = None
        except ValueError:
            raise UsageError(f"{word} is not a valid IP") from None
    return list(found)
