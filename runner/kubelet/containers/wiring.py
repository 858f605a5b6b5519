"""Wires up everything that one pod's containers need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.engine.protocol import Engine
from runner.kubelet.containers.config import Configurations
from runner.kubelet.containers.creation import Creator
from runner.kubelet.containers.evicting import StorageWatch
from runner.kubelet.containers.hooks import Hooks
from runner.kubelet.containers.kill import Killer
from runner.kubelet.containers.managedfiles import ManagedFiles
from runner.kubelet.containers.prefetch import Prefetcher
from runner.kubelet.containers.removal import Remover
from runner.kubelet.containers.sandbox import Ahead, Sandboxes, SandboxMaker
from runner.kubelet.containers.start import Starter
from runner.kubelet.containers.stop import Stopper
from runner.kubelet.containers.termination_messages import TerminationMessages
from runner.kubelet.images.imagevolumes import ImageVolumes
from runner.kubelet.images.manager import ImageManager
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.restarts import Restarts
from runner.kubelet.loop.secrecy import Secrets
from runner.kubelet.loop.status import StatusManager
from runner.kubelet.loop.tasks import TaskSet
from runner.kubelet.loop.troubles import Troubles
from runner.kubelet.prober.handlers import Handlers
from runner.kubelet.prober.results import Results
from runner.kubelet.volumes.planning import Plans
from runner.kubelet.volumes.watching import VolumeWatch
from runner.registry.contract import Registry

if TYPE_CHECKING:
    from runner.kubelet.loop.standstill import Standstill


class Containers(Struct, frozen=True, kw_only=True):
    """The parts that carry out the operations on one pod's sandboxes and containers."""

    sandboxes: Sandboxes
    starter: Starter
    killer: Killer
    remover: Remover
    storage: StorageWatch


class Known(Struct, frozen=True, kw_only=True):
    """What is known of one pod, each part by the object that alone assigns it; nearly everybody looks at it."""

    cache: PodCache
    reporter: Reporter
    restarts: Restarts
    results: Results
    statuses: StatusManager
    tasks: TaskSet
    troubles: Troubles
    standstill: Standstill | None = None


def make_containers(
    known: Known,
    *,
    maker: SandboxMaker,
    ahead: Ahead,
    engine: Engine,
    registry: Registry,
    handlers: Handlers,
    images: ImageManager,
    image_volumes: ImageVolumes,
    secrets: Secrets,
    plans: Plans,
    profiles: Path | None,
    wake: Callable[[], None],
    has_messages: bool,
    looks_ahead: bool,
    watch: VolumeWatch,
) -> Containers:
    """Make the parts for one pod. ``has_messages``: some container may leave a termination message.

    ``looks_ahead``: the next container is prepared while the one before runs.
    """
    cache, statuses, restarts, reporter = known.cache, known.statuses, known.restarts, known.reporter
    results, tasks = known.results, known.tasks
    clock, jobs, making = maker.clock, maker.jobs, maker.making
    messages = None
    if has_messages:
        messages = TerminationMessages(cache, engine, clock, jobs, tasks, plans)
        cache.complete_with(messages.completed)
    configurations = Configurations(cache, engine, registry, secrets, plans, owner=maker.owner, profiles=profiles)
    creator = Creator(engine, cache.observer, making, configurations, messages)
    prefetcher = Prefetcher(cache, results.view, restarts, images, creator, engine, clock, jobs, looks_ahead)
    hooks = Hooks(cache, handlers, reporter, clock, jobs)
    starter = Starter(
        observer=cache.observer,
        engine=engine,
        clock=clock,
        jobs=jobs,
        making=making,
        reporter=reporter,
        restarts=restarts,
        secrets=secrets,
        images=images,
        image_volumes=image_volumes,
        creator=creator,
        prefetcher=prefetcher,
        managed_files=ManagedFiles(cache, engine, reporter, clock),
        hooks=hooks,
        standstill=known.standstill,
    )
    return Containers(
        sandboxes=Sandboxes(cache, restarts, maker, ahead, plans, prefetcher, wake),
        starter=starter,
        killer=Killer(cache, statuses, reporter, results, Stopper(cache, engine, clock, jobs), clock, tasks, hooks),
        remover=Remover(cache, reporter, results, engine, watch),
        storage=StorageWatch(cache, statuses, reporter, engine, clock, jobs, plans),
    )
