"""What stands in for a container's process: podrunner's own program, with orders in front of the command that it replaces.

``/.podrunner/pause stand-in [until MILLISECONDS|after] {wait MILLISECONDS|exit CODE|hang|oom}… [run COMMAND…]``, done one
after the other (``sandbox/standin.c``). The simulated Engine reads the same orders. Nothing else of the container changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from runner.core.container.containerconfig import ContainerConfig, Mount, MountType, VolumeConfig
from runner.core.faults.kinds import Aim, Place
from runner.core.faults.model import Fault
from runner.core.labels import MANAGED, OWNER, POD_NAME, POD_NAMESPACE, POD_UID, VOLUME

FOLDER: Final = "/.podrunner"
"""Where a container sees the program."""
PROGRAM: Final = f"{FOLDER}/pause"
VERB: Final = "stand-in"
MISSING: Final = f"{FOLDER}/no-such-program"
"""What a container is started with that shall not start: nothing is there."""
VOLUME_WORD: Final = "FAULTS"
"""Name of the volume with the program: one that no volume of a pod can have."""
MEMORY: Final = 16 * 2**20
"""Bytes that a container has at most that is to be killed for memory: enough to be started with."""

_UNTIL, _AFTER, _WAIT, _EXIT, _HANG, _OOM, _RUN = "until", "after", "wait", "exit", "hang", "oom", "run"


class Orders(Struct, frozen=True, kw_only=True):
    """What the stand-in does. ``runs``: the container's own process too; for ``until`` seconds, None: to its end.

    ``is_last``: what else is ordered comes after that end.
    ``wait`` seconds come before anything else. ``exit_code``, ``hangs`` and ``oom`` are how it ends.
    """

    wait: float = 0.0
    until: float | None = None
    is_last: bool = False
    exit_code: int | None = None
    hangs: bool = False
    oom: bool = False
    runs: bool = False


def needs_program(faults: Iterable[Fault]) -> bool:
    """Whether some of a container's faults need the stand-in."""
    return any(fault.aim is Aim.CONTAINER and fault.kind in (_EXIT, _HANG, _OOM, "delay") for fault in faults)


def changed(config: ContainerConfig, faults: Sequence[Fault], command: Sequence[str]) -> ContainerConfig:
    """A container's configuration with its faults in it; ``command`` is what would run without, of pod and image.

    The last fault of a kind counts.
    """
    shut = {fault.name for fault in faults if fault.aim is Aim.VOLUME}
    if shut:
        mounts = [replace(mount, read_only=mount.read_only or mount.volume in shut) for mount in config.mounts]
        config = replace(config, mounts=tuple(mounts))
    kinds = {fault.kind: fault for fault in faults if fault.aim is Aim.CONTAINER}
    if "start-error" in kinds:
        return replace(config, entrypoint=(MISSING,), command=None)
    if not needs_program(faults):
        return config
    words = [PROGRAM, VERB, *_orders(kinds, command)]
    resources = config.resources
    if _OOM in kinds:
        memory = min(resources.memory or MEMORY, MEMORY)
        resources = replace(resources, memory=memory, memory_swap=memory)
    return replace(
        config,
        entrypoint=tuple(words),
        command=None,
        mounts=(*config.mounts, _mount(config)),
        resources=resources,
    )


def _orders(kinds: dict[str, Fault], command: Sequence[str]) -> list[str]:
    ends = [kinds[kind] for kind in (_OOM, _HANG, _EXIT) if kind in kinds]
    words: list[str] = []
    end = ends[0] if ends else None
    if "delay" in kinds:
        words += [_WAIT, _milliseconds(float(kinds["delay"].argument or 0))]
    if end is None:
        return [*words, _RUN, *command]
    first = _first(end)
    words += [*first, end.kind] if end.kind != _EXIT else [*first, end.kind, str(end.argument)]
    return [*words, _RUN, *command] if first else words


def _first(end: Fault) -> list[str]:
    """How long the container's own process runs before it ends so."""
    if end.at is None or end.at.container != end.name:
        return []
    if end.is_at_its_end:
        return [_AFTER]
    return [_UNTIL, _milliseconds(end.at.after)] if end.at.place is Place.RUNNING else []


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))


def _mount(config: ContainerConfig) -> Mount:
    labels = {key: config.labels.get(key, "") for key in (POD_NAME, POD_NAMESPACE, POD_UID, MANAGED, OWNER)}
    name = f"k8s_{VOLUME_WORD}_{labels[POD_NAME]}_{labels[POD_NAMESPACE]}_{labels[POD_UID]}"
    volume = VolumeConfig(name=name, labels={**labels, VOLUME: VOLUME_WORD})
    return Mount(type=MountType.VOLUME, source=name, target=FOLDER, create=volume)


def orders_of(entrypoint: Sequence[str] | None) -> Orders | None:
    """What a container's entry point orders; None when it is the container's own."""
    if entrypoint is None or tuple(entrypoint[:2]) != (PROGRAM, VERB):
        return None
    orders, words = Orders(), list(entrypoint[2:])
    while words:
        match words.pop(0):
            case "wait":
                orders = replace(orders, wait=int(words.pop(0)) / 1000)
            case "until":
                orders = replace(orders, until=int(words.pop(0)) / 1000)
            case "after":
                orders = replace(orders, is_last=True)
            case "exit":
                orders = replace(orders, exit_code=int(words.pop(0)))
            case "hang":
                orders = replace(orders, hangs=True)
            case "oom":
                orders = replace(orders, oom=True)
            case _:
                return replace(orders, runs=True)
    return orders
