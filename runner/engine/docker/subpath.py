"""Sub-paths of mounts: what an Engine does not do itself is done here, as a kubelet does it.

Mirrors pkg/volume/util/subpath/subpath_linux.go: the sub-path is opened without leaving its volume, and what was opened, not
its path, is mounted at a place that only this process can write to; that place is what the container's mount is made from. It
stands as long as the container, because the Engine goes there again for ``docker cp``.
"""

from __future__ import annotations

import ctypes
import os
import socket
import stat
import struct
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final

from runner.core.archives import ArchiveWriter, parents_of
from runner.core.container.containerconfig import ContainerConfig, Mount
from runner.core.labels import CONTAINER_NAME
from runner.core.objects import ConfigError
from runner.engine.docker.places import IDS, NAMES, PLACES, has_mounts, link_of
from runner.engine.safepath import make_below, open_below
from runner.errors import EngineRefusal

_BIND, _DETACH, _NO_FOLLOW = 0x1000, 0x2, 0x8
_CAP_SYS_ADMIN = 21
HINT: Final = (
    "a sub-path of a volume needs an Engine with API 1.45 or later (Docker 26); elsewhere, and for host paths, podrunner has "
    "to run as root on the Engine's machine"
)


def mount_below(config: ContainerConfig, mount: Mount, base: str, index: int) -> Path:
    """Mount the sub-path of a container's mount at a safe place, making directories that are missing.

    Raises ConfigError with the kubelet's text when it leads out of its volume, EngineError when it cannot be mounted.
    """
    descriptor = _opened(config, mount, base)
    place = PLACES / NAMES / config.name / str(index)
    try:
        place.parent.mkdir(0o700, parents=True, exist_ok=True)
        _unmount(place)  # what a process that was killed has left
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            place.mkdir()
        else:
            place.touch()
        libc = ctypes.CDLL(None, use_errno=True)
        source = f"/proc/self/fd/{descriptor}".encode()
        if libc.mount(source, os.fsencode(place), None, ctypes.c_ulong(_BIND), None) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    except OSError as problem:
        raise EngineRefusal(f"cannot mount a sub-path: {problem}", hint=HINT) from problem
    finally:
        os.close(descriptor)
    return place


def keep_for(container_id: str, name: str) -> None:
    """Note which container the mounts of this name belong to, for whichever process removes it."""
    (PLACES / IDS).mkdir(0o700, parents=True, exist_ok=True)
    link_of(container_id).symlink_to(f"../{NAMES}/{name}")


def release_container(container_id: str) -> None:
    """Take the mounts of a container that is gone away, if it had some."""
    if has_mounts(container_id):
        link = link_of(container_id)
        release_name(link.readlink().name)
        link.unlink(missing_ok=True)


def release_name(name: str) -> None:
    """Take away the mounts that were made for a container of this name."""
    directory = PLACES / NAMES / name
    with suppress(OSError):
        for place in list(directory.iterdir()):
            _unmount(place)
        directory.rmdir()


def _unmount(place: Path) -> None:
    """Unmount and remove a place; never into what may still be mounted there."""
    ctypes.CDLL(None).umount2(os.fsencode(place), _DETACH | _NO_FOLLOW)
    with suppress(OSError):
        if place.is_dir():
            place.rmdir()
        else:
            place.unlink()


def check(config: ContainerConfig, mount: Mount, base: str) -> None:
    """Make directories that are missing and see that the sub-path stays inside; for an Engine that mounts it itself."""
    os.close(_opened(config, mount, base))


def look_through(
    config: ContainerConfig, mount: Mount, root: str, look: Callable[[str], str | None], now: datetime
) -> tuple[str, bytes] | None:
    """See through another container, which has the volume at ``root``, that the sub-path is there and stays inside.

    ``look`` tells of a path where it leads when it is a link, "" when it is none, and None when there is nothing. Returns
    where to unpack which directories when something is missing. Raises ConfigError with the kubelet's text. Whoever plants
    a link afterwards is stopped by the Engine, which opens the path without leaving its volume.
    """
    parts = mount.sub_path.split("/")
    refusal = ConfigError(f"failed to prepare {_where(config, mount).format('')}")
    if mount.sub_path.startswith("/") or ".." in parts:
        raise refusal
    known = root
    for depth, part in enumerate(parts):
        target = look(f"{known}/{part}")
        if target is None:
            return known, directories("/".join(parts[depth:]), now)
        if target and not PurePosixPath(target).is_relative_to(root):
            raise refusal
        known += f"/{part}"
    return None


def _where(config: ContainerConfig, mount: Mount) -> str:
    """How messages name a sub-path, with a place for what it is."""
    container = config.labels.get(CONTAINER_NAME, "")
    return f'subPath{{}} for volumeMount "{mount.volume}" of container "{container}"'


def _opened(config: ContainerConfig, mount: Mount, base: str) -> int:
    where = _where(config, mount)
    if not os.access(base, os.X_OK):
        raise EngineRefusal(f"cannot look into {base}", hint=HINT)
    # The details would tell about the host's files, so they are not told.
    try:
        if not Path(base, mount.sub_path).exists():
            make_below(base, mount.sub_path, stat.S_IMODE(Path(base).stat().st_mode))
    except OSError as problem:
        raise ConfigError(f"failed to create {where.format(' directory')}") from problem
    try:
        return open_below(base, mount.sub_path)
    except OSError as problem:
        raise ConfigError(f"failed to prepare {where.format('')}") from problem


def directories(path: str, now: datetime) -> bytes:
    """A tar of the directories of a path, open to all as an emptyDir is."""
    archive = ArchiveWriter(now)
    for directory in (*parents_of(path), path):
        archive.directory(directory, 0o777)
    return archive.content()


def can_mount(address: str) -> bool:
    """Whether this process sees the Engine's files under the same paths, and may mount."""
    return has_capability(_CAP_SYS_ADMIN) and shares_mounts(address)


def has_capability(number: int) -> bool:
    """Whether this process has one of Linux's capabilities."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> number & 1)
    return False


def shares_mounts(address: str) -> bool:
    """Whether who listens at the address is a process of this machine that has the same mounts."""
    if not address.startswith("unix://"):
        return False
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(address.removeprefix("unix://"))
            credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        pid: int = struct.unpack("3i", credentials)[0]
        # Zero stands for a process of another PID namespace.
        return pid > 0 and Path(f"/proc/{pid}/ns/mnt").readlink() == Path("/proc/self/ns/mnt").readlink()
    except (OSError, AttributeError):
        return False
