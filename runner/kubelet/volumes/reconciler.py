"""Keeps the files of mounted configMaps, secrets, tokens and the pod's own fields up to date while the pod runs.

Mirrors pkg/kubelet/volumemanager/reconciler, which sets such volumes up again, and pkg/volume/util/atomic_writer.go.
An object that is missing now leaves the files as they are; mounts of sub-paths keep what they had.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Pod
from runner.core.volumes import (
    FileEntry,
    MountError,
    VolumePlan,
    directories_of,
    directory_mode,
    file_mode,
    is_access,
    plan_volume,
    renewed,
    volumes_archive,
)
from runner.engine.localvolumes import local_volume
from runner.engine.protocol import Engine
from runner.errors import EngineError, EngineRefusal
from runner.kubelet.loop.jobs import run_job
from runner.kubelet.loop.tasks import Task, Wait
from runner.kubelet.volumes.planning import surroundings
from runner.registry.contract import Registry

if TYPE_CHECKING:
    from runner.kubelet.loop.context import PodContext

PERIOD_SECONDS = 60.0
"""How often volumes are looked at although nobody has written to the store: tokens end, and so does their life."""
_KINDS = ("configMap", "secret", "downwardAPI", "projected")
_DATA, _NEXT_DATA = "..data", "..data_tmp"


def follows(pod: Pod) -> bool:
    """Whether the pod has volumes whose files may change."""
    own = [volume for volume in pod.spec.get("volumes") or () if not is_access(pod, volume)]
    return any(volume.get(kind) is not None for volume in own for kind in _KINDS)


def refresh_volumes(context: PodContext) -> Task[None]:
    """Bring changed content into the volumes, at once after a write to the store, and every minute."""
    if not follows(context.pod):
        return
    store = context.store
    # In virtual time nothing changes but by the store, and a minute's wait would keep an idle world awake.
    is_timed = context.options.relist is not None
    while True:
        due = context.now() + timedelta(seconds=PERIOD_SECONDS) if is_timed else None
        yield Wait(until=due, ready=partial(_is_newer, store, store.version()))
        sandbox = next((sandbox for sandbox in context.observed.sandboxes if sandbox.ready), None)
        if sandbox is None:
            continue
        engine = context.engine.of(container=SANDBOX_CONTAINER)
        for plan in changed_volumes(context):
            with suppress(EngineError):  # It does not answer: the next look finds the same difference.
                yield from run_job(
                    context.jobs,
                    partial(bring, engine, plan, sandbox.id, context.now()),
                )
                context.volumes = tuple(plan if old.name == plan.name else old for old in context.volumes)


def _is_newer(store: Registry, version: int) -> bool:
    return store.version() != version


def changed_volumes(context: PodContext) -> list[VolumePlan]:
    """The volumes whose content is not what it was when it was written last."""
    around = surroundings(context.pod, context.engine, context.store, context.clock, context.owner)
    sources = {str(volume.get("name")): volume for volume in context.pod.spec.get("volumes") or ()}
    changed = []
    for plan in context.volumes:
        if plan.refreshes:
            with suppress(MountError):
                fresh = renewed(plan, plan_volume(context.pod, sources[plan.name], around))
                changed += [] if fresh is None else [fresh]
    return changed


def bring(engine: Engine, plan: VolumePlan, sandbox_id: str, now: datetime) -> None:
    """Put the plan's files into its volume, in place of those that are there. Raises EngineError."""
    directory = local_volume(engine, plan.source)
    # Without its link the directory is covered by a mount that only the Engine sees.
    if directory is not None and (directory / _DATA).is_symlink():
        try:
            exchange(directory, plan)
        except OSError as problem:
            raise EngineRefusal(f"cannot write to volume {plan.name}: {problem.strerror}") from problem
        return
    # Through the Engine nothing can be removed: the link moves last, what is left behind it is not reachable by its name.
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
