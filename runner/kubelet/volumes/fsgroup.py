"""Gives the files of a claim's volume to the pod's fsGroup. Mirrors pkg/volume/volume_linux.go (SetVolumeOwnership).

A new volume gets its group with its mode. A volume with content is walked, where it is a directory of this machine.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from runner.core.volumes import VolumePlan
from runner.engine.localvolumes import local_volume
from runner.engine.protocol import Engine

_FILE_BITS = 0o660
_DIRECTORY_BITS = 0o2770
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def give_locally(engine: Engine, plan: VolumePlan) -> bool:
    """Give a volume to its group without the Engine. Returns False where that is not possible. Raises EngineUnavailable."""
    directory = local_volume(engine, plan.source)
    if directory is None or plan.group is None:
        return False
    if not (plan.keeps_owned and is_given(directory, plan.group)):
        give(directory, plan.group)
    return True


def is_given(directory: Path, group: int) -> bool:
    """Whether the root of a volume belongs to the group and is writable for it (fsGroupChangePolicy OnRootMismatch)."""
    found = directory.stat()
    return found.st_gid == group and found.st_mode & _DIRECTORY_BITS == _DIRECTORY_BITS


def give(directory: Path, group: int) -> None:
    """Give everything to the group: links themselves, never their targets. Files that vanish meanwhile are skipped."""
    for _, directories, files, place in os.fwalk(directory, follow_symlinks=False):
        # A link to a directory counts as one, but is not entered.
        for name in [*files, *(entry for entry in directories if _is_link(entry, place))]:
            with suppress(OSError):
                os.chown(name, -1, group, dir_fd=place, follow_symlinks=False)
                _permit(name, place)
        os.chown(place, -1, group)
        os.fchmod(place, stat.S_IMODE(os.fstat(place).st_mode) | _DIRECTORY_BITS)


def _is_link(name: str, place: int) -> bool:
    with suppress(OSError):
        return stat.S_ISLNK(os.stat(name, dir_fd=place, follow_symlinks=False).st_mode)
    return False


def _permit(name: str, place: int) -> None:
    """Let the group read and write a file. A link has no mode and cannot be opened this way."""
    opened = os.open(name, _OPEN, dir_fd=place)
    try:
        os.fchmod(opened, stat.S_IMODE(os.fstat(opened).st_mode) | _FILE_BITS)
    finally:
        os.close(opened)
