"""Checks and creates host paths by their type. Mirrors pkg/volume/hostpath/host_path.go.

Only where the Engine's host is this host; elsewhere the Engine itself is the judge.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

from runner.core.volumes import HOST_PATH_CHECKS, MountError, VolumePlan

_KINDS: dict[str, Callable[[int], bool]] = {
    "Directory": stat.S_ISDIR,
    "File": stat.S_ISREG,
    "Socket": stat.S_ISSOCK,
    "CharDevice": stat.S_ISCHR,
    "BlockDevice": stat.S_ISBLK,
}


def check_host_path(plan: VolumePlan) -> None:
    """Raise MountError when the path is not what its type says; ``…OrCreate`` types create it first."""
    path, kind = Path(plan.source), plan.host_type
    try:
        if kind == "DirectoryOrCreate":
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
        elif kind == "FileOrCreate" and not path.exists():
            path.touch(mode=0o644)
        wanted = kind.removesuffix("OrCreate")
        found = _KINDS[wanted](path.stat().st_mode) if path.exists() else False
    except OSError as error:
        raise MountError(f'MountVolume.SetUp failed for volume "{plan.name}" : {error}') from error
    if not found:
        text = f"hostPath type check failed: {path} is not {HOST_PATH_CHECKS[wanted]}"
        raise MountError(f'MountVolume.SetUp failed for volume "{plan.name}" : {text}')
