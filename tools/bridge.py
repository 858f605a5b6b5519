"""A bridge of its own for a private Engine that shares the machine with another dockerd.

Two daemons on docker0 would give the same addresses to different containers. Alone, our dockerd uses docker0 as usual.
"""

from __future__ import annotations

import hashlib
import ipaddress
import socket
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tools import debian, processes
from tools.place import EnginePlace, SetupError

_POOL = ipaddress.ip_network("172.16.0.0/12")
_PREFIX = 24


def name(place: EnginePlace) -> str:
    """Return the name of our bridge; it tells the private Engines of different state directories apart."""
    return f"podrun-{hashlib.sha256(str(place.root).encode()).hexdigest()[:8]}"


def routes(table: str) -> list[ipaddress.IPv4Network]:
    """Return the networks of /proc/net/route, the default route left out."""
    found = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        address, mask = (socket.inet_ntoa(struct.pack("<I", int(fields[column], 16))) for column in (1, 7))
        if mask != "0.0.0.0":
            found.append(ipaddress.IPv4Network(f"{address}/{mask}", strict=False))
    return found


def free_network(taken: Iterable[ipaddress.IPv4Network]) -> ipaddress.IPv4Network:
    """Return a network that overlaps none of those taken, from the end of the pool, as Docker begins at its start."""
    used = list(taken)
    for index in range(2 ** (_PREFIX - _POOL.prefixlen) - 1, -1, -1):
        first = int(_POOL.network_address) + (index << (32 - _PREFIX))
        network = ipaddress.IPv4Network((first, _PREFIX))
        if not any(network.overlaps(other) for other in used):
            return network
    raise SetupError(f"every network of {_POOL} is taken; the private Engine has no addresses to give")


def exists(bridge: str) -> bool:
    """Tell whether there is a network interface of this name."""
    return any(interface == bridge for _, interface in socket.if_nameindex())


def needed(place: EnginePlace) -> bool:
    """Tell whether another dockerd runs on this machine."""
    ours = set(processes.find("dockerd", f"--data-root={place.data_root}"))
    return bool(set(processes.find("dockerd", "")) - ours)


def ensure(place: EnginePlace) -> str:
    """Have our bridge, up and with an address; return its name."""
    bridge = name(place)
    if not exists(bridge):
        network = free_network(routes(Path("/proc/net/route").read_text()))
        _ip("link", "add", bridge, "type", "bridge")
        _ip("address", "add", f"{network[1]}/{_PREFIX}", "dev", bridge)
    _ip("link", "set", bridge, "up")
    return bridge


def remove(place: EnginePlace) -> None:
    """Remove our bridge if there is one."""
    if exists(name(place)):
        _ip("link", "delete", name(place))


def _ip(*arguments: str) -> None:
    try:
        subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, env={"PATH": debian.SYSTEM_PATH})
    except FileNotFoundError:
        raise SetupError(
            "another dockerd runs here; a second one needs a bridge of its own: install iproute2"
        ) from None
    except subprocess.CalledProcessError as problem:
        raise SetupError(f"ip {' '.join(arguments)}: {problem.stderr}") from problem
