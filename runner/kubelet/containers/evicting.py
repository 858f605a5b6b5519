"""Watches what a pod's volumes use, as far as it can be seen from here, and has the pod evicted when it is too much.

Mirrors pkg/kubelet/eviction (the monitoring loop) and pkg/volume/util/fs (DiskUsage: blocks, each file once).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.container.resources import unenforced_storage
from runner.core.reasons import EventReason, warning
from runner.core.sync.eviction import MONITORING_SECONDS, eviction, limited_volumes
from runner.core.text.times import later
from runner.errors import EngineError
from runner.kubelet.containers.termination_messages import local_directory
from runner.kubelet.loop.jobs import run_job
from runner.kubelet.loop.tasks import Task, Wait

if TYPE_CHECKING:
    from runner.kubelet.loop.context import PodContext

_SHARE = 20
"""A look that takes long is followed by a pause so many times as long."""
_BLOCK = 512


def tell_what_nobody_watches(context: PodContext) -> None:
    """Say which limits of storage are not enforced."""
    for name in unenforced_storage(context.pod):
        context.reporter.notice(f"the ephemeral-storage limit of container {name} is not enforced here")


def watch_storage(context: PodContext) -> Task[None]:
    """Look at the pod's limited volumes every ten seconds until one uses too much."""
    limits = limited_volumes(context.pod)
    if not limits:
        return
    yield Wait(ready=lambda: any(sandbox.ready for sandbox in context.observed.sandboxes))
    places = yield from run_job(context.jobs, partial(_places, context, tuple(limits)))
    for name in limits:
        if name not in places:
            context.reporter.notice(f"the sizeLimit of volume {name} is not enforced here: what it uses cannot be seen")
    while places:
        began = context.clock.steady()
        used = yield from run_job(context.jobs, lambda: {name: disk_usage(place) for name, place in places.items()})
        failure = eviction(limits, used)
        if failure is not None:
            context.event(warning(EventReason.EVICTED, failure.message))
            context.statuses.evict(failure)
            return
        pause = max(MONITORING_SECONDS, _SHARE * (context.clock.steady() - began))
        yield Wait(until=later(context.now(), pause))


def _places(context: PodContext, names: Iterable[str]) -> dict[str, Path]:
    """The directories of the volumes that this process can see."""
    plans = {plan.name: plan for plan in context.volumes}
    found: dict[str, Path] = {}
    for name in names:
        with suppress(EngineError):
            place = local_directory(context.engine, plans[name]) if name in plans else None
            if place is not None:
                found[name] = place
    return found


def disk_usage(directory: Path) -> int:
    """Bytes that everything below a directory takes on its disk, itself included; what vanishes meanwhile takes nothing.

    Links are not followed, other file systems are not entered, and a file with several names counts once.
    """
    seen: set[int] = set()
    total, pending = 0, [str(directory)]
    device = None
    while pending:
        place = pending.pop()
        with suppress(OSError):
            found = os.lstat(place)
            device = found.st_dev if device is None else device
            if found.st_dev != device:
                continue
            if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
                if found.st_ino in seen:
                    continue
                seen.add(found.st_ino)
            total += found.st_blocks * _BLOCK
            if stat.S_ISDIR(found.st_mode):
                pending += [entry.path for entry in os.scandir(place)]
    return total
