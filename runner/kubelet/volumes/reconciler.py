"""Replaces the files of mounted configMaps, secrets, tokens and the pod's own fields.

Mirrors pkg/kubelet/volumemanager/reconciler, which sets such volumes up again, and pkg/volume/util/atomic_writer.go.
When an object is missing now, its files stay as they are; mounts of sub-paths keep their content.
"""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from runner.core.model import Pod
from runner.core.volumes import (
    FileEntry,
    VolumePlan,
    directories_of,
    directory_mode,
    file_mode,
    is_access,
    volumes_archive,
)
from runner.engine.localvolumes import local_volume
from runner.engine.protocol import Engine
from runner.errors import EngineRefusal

_KINDS = ("configMap", "secret", "downwardAPI", "projected")
_DATA, _NEXT_DATA = "..data", "..data_tmp"


def follows(pod: Pod) -> bool:
    """Whether the pod has volumes whose files may change."""
    own = [volume for volume in pod.spec.get("volumes") or () if not is_access(pod, volume)]
    return any(volume.get(kind) is not None for volume in own for kind in _KINDS)


def bring(engine: Engine, plan: VolumePlan, sandbox_id: str, now: datetime) -> None:
    """Replace the files of a volume by those of the plan. Raises EngineError."""
    directory = local_volume(engine, plan.source)
    # Without its link, the directory is covered by a mount that only the Engine sees.
    if directory is not None and (directory / _DATA).is_symlink():
        try:
            exchange(directory, plan)
        except OSError as problem:
            raise EngineRefusal(f"cannot write to volume {plan.name}: {problem.strerror}") from problem
        return
    # The Engine cannot remove files: the link moves last, so that the old files are no longer reachable by their names.
    archive = volumes_archive((replace(plan, root_mode=None),), now)
    if archive is not None:
        engine.upload(sandbox_id, "/", archive)


def exchange(directory: Path, plan: VolumePlan) -> None:
    """Write a new directory, move ``..data`` to it at once, mend the links of users, remove the old one. Raises OSError."""
    old = (directory / _DATA).readlink() if (directory / _DATA).is_symlink() else None
    real = tuple(entry for entry in plan.files if not entry.link)
    links = {entry.path: entry.link for entry in plan.files if entry.link}
    for name in {links[_DATA], *directories_of(real)}:
        place = directory / name
        place.mkdir(parents=True, exist_ok=True)
    for name in (links[_DATA], *directories_of(real)):
        _own(directory / name, plan, directory_mode(plan, 0o755))
    for entry in real:
        _write(directory / entry.path, entry, plan)
    (directory / _NEXT_DATA).unlink(missing_ok=True)
    newest = links.pop(_DATA)
    (directory / _NEXT_DATA).symlink_to(newest)
    (directory / _NEXT_DATA).replace(directory / _DATA)
    for name, target in links.items():
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(target)
    for place in list(directory.iterdir()):
        if place.is_symlink() and place.name not in (*links, _DATA):
            place.unlink()
    if old is not None and str(old) != newest:
        shutil.rmtree(directory / old, ignore_errors=True)


def _write(place: Path, entry: FileEntry, plan: VolumePlan) -> None:
    place.touch(0o600)
    place.write_bytes(entry.data)
    _own(place, plan, file_mode(plan, entry.mode), entry.user)


def _own(place: Path, plan: VolumePlan, mode: int, user: int = 0) -> None:
    os.chown(place, user, plan.group or 0)
    place.chmod(mode)
