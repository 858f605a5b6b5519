"""Faults of what a pod's sandbox holds: volumes, the answers of its resolver, its network; which pods can have them, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from runner.core.container.containerconfig import ContainerConfig, Mount
from runner.core.faults.kinds import Aim
from runner.core.faults.model import Fault
from runner.core.model import Json, Pod
from runner.core.network.clusterdns import ZONE, asks_cluster, search_domains
from runner.core.text.quantity import parse_quantity
from runner.core.volumes.projection import fs_group

ANSWERS: Final = f"{ZONE}-faults"
"""The file, in the root directory of the sandbox, of the answers that go wrong (``sandbox/faults.c``)."""
OWNED_MODE: Final = 0o755
"""The mode of a volume that belongs to somebody: nobody else may write to it."""
CUT: Final = ("/pause", "network", "cut")
JOIN: Final = ("/pause", "network", "join")
"""What is run in a sandbox whose network is cut, and joined again."""

_NET_ADMIN: Final = "NET_ADMIN"
_LONGEST_MILLISECONDS: Final = 1_000_000_000
_OWN: Final = {"full": ("emptyDir",), "owner": ("emptyDir", "ephemeral")}
"""The kinds of volumes that these faults may change: those that go with their pod."""


# --- who can have them -----------------------------------------------------------------------------------------------------


def why_not_changed(fault: Fault, pod: Pod) -> str | None:
    """Why a volume of a pod cannot have a fault; None: it can, "": the pod has no such volume."""
    volume = volume_of(pod, fault.name)
    if volume is None:
        return ""
    allowed = _OWN.get(fault.kind)
    if allowed is None or any(kind in volume for kind in allowed):
        return None
    kind = next((key for key in volume if key != "name"), "volume")
    words = " or an ".join(allowed)
    return f'the volume "{fault.name}" is of the kind {kind}; "{fault.kind}" is for an {words}'


def why_no_names(pod: Pod) -> str | None:
    """Why the answers that a pod gets of name servers cannot be changed; None: they can."""
    if asks_cluster(pod):
        return None
    if pod.host_network:
        reason = "it has hostNetwork"
    elif (policy := str(pod.spec.get("dnsPolicy") or "ClusterFirst")) != "ClusterFirst":
        reason = f"its dnsPolicy is {policy}"
    else:
        reason = "it serves port 53 itself"
    return f'the pod "{pod.name}" does not ask our resolver: {reason}'


def why_no_net(pod: Pod) -> str | None:
    """Why a pod's network cannot be cut; None: it can."""
    return f'the pod "{pod.name}" has no network of its own: it has hostNetwork' if pod.host_network else None


def concerning(faults: Iterable[Fault], pod: Pod) -> tuple[Fault, ...]:
    """The faults that are about a pod, without those that it cannot have."""
    return tuple(fault for fault in faults if fault.is_in(pod.name) and _can_have(fault, pod))


def _can_have(fault: Fault, pod: Pod) -> bool:
    match fault.aim:
        case Aim.DNS:
            return why_no_names(pod) is None
        case Aim.NET:
            return why_no_net(pod) is None
        case Aim.VOLUME:
            return why_not_changed(fault, pod) is None
        case _:
            return True


def volume_of(pod: Pod, name: str) -> Json | None:
    """The volume of this name."""
    return next((one for one in pod.spec.get("volumes") or () if one.get("name") == name), None)


# --- how ----------------------------------------------------------------------------------------------------------------


def changed_sandbox(config: ContainerConfig, faults: Iterable[Fault], pod: Pod) -> ContainerConfig:
    """A sandbox's configuration with what its faults need: volumes of a size, the right to cut the network."""
    sizes = {fault.name: str(fault.argument) for fault in faults if fault.kind == "full"}
    if sizes:
        config = replace(config, mounts=tuple(_sized(mount, sizes, fs_group(pod)) for mount in config.mounts))
    if any(fault.aim is Aim.NET for fault in faults):
        config = replace(config, cap_add=(*config.cap_add, _NET_ADMIN))
    return config


def _sized(mount: Mount, sizes: Mapping[str, str], group: int | None) -> Mount:
    """A volume as a tmpfs of a size, with the modes that an emptyDir has."""
    name = mount.target.rpartition("/")[2]
    if name not in sizes or mount.create is None:
        return mount
    options = mount.create.options.get("o", "")
    if not options:
        options = "mode=0777" if group is None else f"mode=2777,gid={group}"
    kept = ",".join(one for one in options.split(",") if not one.startswith("size="))
    limit = f"size={parse_quantity(sizes[name]).ceil()}"
    tmpfs = {"type": "tmpfs", "device": "tmpfs", "o": f"{kept},{limit}"}
    return replace(mount, create=replace(mount.create, options=tmpfs))


def answers_text(faults: Sequence[Fault], namespace: str) -> str:
    """The file of the answers that go wrong: ``KIND PATTERN [ARGUMENT]`` a line, then one that says that it is whole.

    A pattern means a name as it is asked for, with the domains that are searched and without them. The resolver takes the
    first line that fits; of faults the last one counts.
    """
    lines = []
    for fault in reversed(faults):
        pattern = fault.name.lower().rstrip(".")
        argument = f" {_argument(fault)}" if fault.argument is not None else ""
        ends = ("", *(f".{domain}" for domain in search_domains(namespace)))
        lines += [f"{fault.kind} {pattern}{end}{argument}" for end in ends]
    return "".join(f"{line}\n" for line in (*lines, "end"))


def _argument(fault: Fault) -> str:
    if fault.kind != "delay":
        return str(fault.argument)
    return str(max(1, min(round(float(fault.argument or 0) * 1000), _LONGEST_MILLISECONDS)))
