"""Watches how much disk a pod's volumes use, where this process can see them, and evicts the pod that uses too much.

Mirrors pkg/kubelet/eviction (the monitoring loop) and pkg/volume/util/fs (DiskUsage: blocks, each file once).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from runner.clock import Clock
from runner.core.container.resources import unenforced_storage
from runner.core.reasons import EventReason, warning
from runner.core.sync.eviction import MONITORING_SECONDS, eviction, limited_volumes
from runner.core.text.times import later
from runner.engine.localvolumes import local_volume
from runner.engine.protocol import Engine
from runner.errors import EngineError
from runner.kubelet.loop.jobs import Jobs, run_job
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.status import StatusManager
from runner.kubelet.loop.tasks import Task, Wait
from runner.kubelet.volumes.planning import Plans

_SHARE = 20
"""After a look that took long, the pause is this many times as long as the look."""
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class StorageWatch:
    """Watches the storage of one pod."""

    cache: PodCache
    statuses: StatusManager
    reporter: Reporter
    engine: Engine
    clock: Clock
    jobs: Jobs
    plans: Plans

    def tell_what_nobody_watches(self) -> None:
        """Report the storage limits that nothing enforces here."""
        for name in unenforced_storage(self.cache.pod):
            self.reporter.notice(f"the ephemeral-storage limit of container {name} is not enforced here")

    def watch(self) -> Task[None]:
        """Look at the pod's limited volumes every ten seconds until one uses too much."""
        limits = limited_volumes(self.cache.pod)
        if not limits:
            return
        yield Wait(ready=lambda: any(sandbox.ready for sandbox in self.cache.observed.sandboxes))
        places = yield from run_job(self.jobs, partial(self._places, tuple(limits)))
        for name in limits:
            if name not in places:
                text = f"the sizeLimit of volume {name} is not enforced here: what it uses cannot be seen"
                self.reporter.notice(text)
        while places:
            began = self.clock.steady()
            used = yield from run_job(self.jobs, lambda: {name: disk_usage(place) for name, place in places.items()})
            failure = eviction(limits, used)
            if failure is not None:
                self.reporter.event(warning(EventReason.EVICTED, failure.message))
                self.statuses.evict(failure)
                return
            pause = max(MONITORING_SECONDS, _SHARE * (self.clock.steady() - began))
            yield Wait(until=later(self.clock.now(), pause))

    def _places(self, names: Iterable[str]) -> dict[str, Path]:
        """The directories of the volumes that this process can see."""
        plans = {plan.name: plan for plan in self.plans()}
        found: dict[str, Path] = {}
        for name in names:
            with suppress(EngineError):
                place = local_volume(self.engine, plans[name].source) if name in plans else None
                if place is not None:
                    found[name] = place
        return found


def disk_usage(directory: Path) -> int:
    """Bytes that a directory and everything below it take on disk; files that vanish meanwhile count as 0.

    It follows no links, enters no other file system, and counts a file with several names once.
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
