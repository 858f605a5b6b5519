"""Makes the worker of a pod and everything that it drives, each from what it uses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.clock import Clock, Wakeup
from runner.core.model import Pod
from runner.core.narration import Listener, PodRef
from runner.core.status.podstatus import PodStatus
from runner.core.sync.restart import with_retry_scope
from runner.engine.protocol import Engine
from runner.kubelet.containers.sandbox import Ahead, SandboxMaker
from runner.kubelet.containers.wiring import Containers, Known, make_containers
from runner.kubelet.images.imagevolumes import ImageVolumes
from runner.kubelet.images.manager import ImageManager
from runner.kubelet.images.pullqueue import PullQueue
from runner.kubelet.loop.health import EngineHealth
from runner.kubelet.loop.lists import NodeLists
from runner.kubelet.loop.observer import Observer
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.recorder import EventRecorder
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.restarts import Restarts
from runner.kubelet.loop.secrecy import Secrets
from runner.kubelet.loop.status import StatusManager
from runner.kubelet.loop.tasks import TaskSet
from runner.kubelet.loop.troubles import Troubles
from runner.kubelet.options import WorkerOptions
from runner.kubelet.podworkers.admitting import Admitting
from runner.kubelet.podworkers.patience import Patience
from runner.kubelet.podworkers.requests import Requests
from runner.kubelet.podworkers.rests import Rests
from runner.kubelet.podworkers.sync import Syncer
from runner.kubelet.podworkers.syncloop import SyncLoop
from runner.kubelet.podworkers.termination import Terminator
from runner.kubelet.podworkers.worker import PodWorker
from runner.kubelet.prober.handlers import Handlers
from runner.kubelet.prober.manager import ProbeManager
from runner.kubelet.prober.results import Results
from runner.kubelet.volumes.manager import VolumeManager
from runner.kubelet.volumes.watching import VolumeWatch
from runner.registry.contract import Registry

if TYPE_CHECKING:
    from runner.kubelet.loop.standstill import Standstill

Stands = Callable[[PodCache, Reporter, Registry, Restarts], "Standstill"]
"""Makes what holds a pod at breakpoints."""


class Shared(Struct, frozen=True, kw_only=True):
    """What the pods of one node share. ``profiles`` and ``locks`` are directories, None: nothing of the node is in files."""

    registry: Registry
    clock: Clock
    handlers: Handlers
    secrets: Secrets
    queue: PullQueue
    health: EngineHealth
    profiles: Path | None
    locks: Path | None
    lists: NodeLists
    looks_ahead: bool = True
    """Whether a container is prepared while the one before runs."""


class Order(Struct, frozen=True, kw_only=True):
    """One pod that is to be run, with the means to run it.

    ``maker`` has its sandboxes made, ``ahead`` is the one that was begun already. ``is_adopted``: somebody had the pod before;
    ``stored`` is the status that was published then. ``has_messages``: some container may leave a termination message.
    """

    pod: Pod
    engine: Engine
    wakeup: Wakeup
    maker: SandboxMaker
    ahead: Ahead
    options: WorkerOptions
    listener: Listener
    has_messages: bool
    is_adopted: bool
    stored: PodStatus | None
    on_trouble: Callable[[], None]
    on_give_up: Callable[[], None]
    stands: Stands | None = None


def _known(shared: Shared, order: Order) -> Known:
    registry, clock, options = shared.registry, shared.clock, order.options
    pod = with_retry_scope(order.pod, options.retry.scope)
    observer = Observer(
        order.engine,
        clock,
        pod.uid,
        noted=registry.ledger.attempts(pod.uid) if order.is_adopted else None,
        message=lambda details: shared.secrets.message_of(details, pod),
        relist=options.relist,
        lists=shared.lists,
    )
    recorder = EventRecorder(pod, registry, order.listener, clock, options.node_name)
    reporter = Reporter(PodRef(namespace=pod.namespace, name=pod.name, uid=pod.uid), recorder, order.listener, clock)
    cache = PodCache(pod, observer, clock, node_name=options.node_name, host_ip=options.host_ip)
    results = Results()
    statuses = StatusManager(
        cache, registry, reporter, clock, results.view, host_ip=options.host_ip, stored=order.stored
    )
    restarts = Restarts(pod.uid, registry.ledger, options)
    return Known(
        cache=cache,
        reporter=reporter,
        restarts=restarts,
        results=results,
        statuses=statuses,
        tasks=TaskSet(),
        troubles=Troubles(order.on_trouble),
        standstill=None if order.stands is None else order.stands(cache, reporter, registry, restarts),
    )


def _images(shared: Shared, order: Order, known: Known) -> ImageManager:
    return ImageManager(
        known.cache,
        order.engine,
        shared.registry,
        known.reporter,
        order.maker.jobs,
        shared.clock,
        settings=known.restarts.settings,
        troubles=known.troubles,
        ticket=shared.queue.ticket(order.wakeup.set),
        locks=shared.locks,
    )


def _volumes(shared: Shared, order: Order, known: Known) -> VolumeManager:
    return VolumeManager(
        known.cache,
        order.engine,
        shared.registry,
        known.reporter,
        known.troubles,
        order.maker.jobs,
        shared.clock,
        owner=order.maker.owner,
        is_timed=order.options.relist is not None,
    )


def _containers(shared: Shared, order: Order, known: Known, images: ImageManager, volumes: VolumeManager) -> Containers:
    maker, engine = order.maker, order.engine
    return make_containers(
        known,
        maker=maker,
        ahead=order.ahead,
        engine=engine,
        registry=shared.registry,
        handlers=shared.handlers,
        images=images,
        image_volumes=ImageVolumes(images, engine, maker.jobs, maker.making, lambda: volumes.plans),
        secrets=shared.secrets,
        plans=lambda: volumes.plans,
        watch=VolumeWatch(
            known.cache, engine, known.reporter, lambda: volumes.plans, shared.secrets, order.options.snapshots
        ),
        profiles=shared.profiles,
        wake=order.wakeup.set,
        has_messages=order.has_messages,
        looks_ahead=shared.looks_ahead and order.stands is None,
    )


def _loop(
    shared: Shared,
    order: Order,
    known: Known,
    *,
    images: ImageManager,
    volumes: VolumeManager,
    containers: Containers,
    patience: Patience,
    rests: Rests,
) -> SyncLoop:
    syncer = Syncer(
        cache=known.cache,
        statuses=known.statuses,
        restarts=known.restarts,
        reporter=known.reporter,
        troubles=known.troubles,
        engine=order.engine,
        clock=shared.clock,
        containers=containers,
        options=order.options,
    )
    return SyncLoop(
        cache=known.cache,
        statuses=known.statuses,
        restarts=known.restarts,
        reporter=known.reporter,
        results=known.results.view,
        registry=shared.registry,
        clock=shared.clock,
        tasks=known.tasks,
        images=images,
        volumes=volumes,
        ahead=order.ahead,
        syncer=syncer,
        patience=patience,
        rests=rests,
        relist=order.options.relist,
        on_give_up=order.on_give_up,
    )


def _requests(shared: Shared, order: Order, known: Known, images: ImageManager) -> Requests:
    """What may be asked of the pod, with what goes on in another time then."""
    if known.standstill is not None:
        known.standstill.move_with(known.tasks.move, images.stood)

    def hurry() -> None:
        known.restarts.hurry(shared.clock.now())
        images.hurry()

    return Requests(known.cache, known.statuses, shared.registry, order.options.retry.scope, hurry)


def _admitting(shared: Shared, order: Order, known: Known) -> Admitting:
    return Admitting(
        cache=known.cache,
        statuses=known.statuses,
        reporter=known.reporter,
        engine=order.engine,
        clock=shared.clock,
        node_name=order.options.node_name,
    )


def make_worker(shared: Shared, order: Order) -> PodWorker:
    """Put a worker together for one pod."""
    registry, clock, options, engine = shared.registry, shared.clock, order.options, order.engine
    known = _known(shared, order)
    cache, statuses, reporter, tasks = known.cache, known.statuses, known.reporter, known.tasks
    images, volumes = _images(shared, order, known), _volumes(shared, order, known)
    containers = _containers(shared, order, known, images, volumes)
    patience = Patience(shared.health, cache.observer, reporter, tasks, clock)
    rests = Rests(cache, statuses, patience, clock)
    return PodWorker(
        options=options,
        cache=cache,
        statuses=statuses,
        reporter=reporter,
        troubles=known.troubles,
        registry=registry,
        clock=clock,
        wakeup=order.wakeup,
        tasks=tasks,
        patience=patience,
        rests=rests,
        requests=_requests(shared, order, known, images),
        admitting=_admitting(shared, order, known),
        probes=ProbeManager(cache, known.results, statuses, reporter, shared.handlers, tasks, order.maker.jobs, clock),
        volumes=volumes,
        storage=containers.storage,
        loop=_loop(
            shared,
            order,
            known,
            images=images,
            volumes=volumes,
            containers=containers,
            patience=patience,
            rests=rests,
        ),
        terminator=Terminator(
            cache=cache,
            statuses=statuses,
            reporter=reporter,
            engine=engine,
            registry=registry,
            clock=clock,
            tasks=tasks,
            making=order.maker.making,
            killer=containers.killer,
            remover=containers.remover,
            patience=patience,
            rests=rests,
            owner=order.maker.owner,
        ),
        is_adopted=order.is_adopted,
        standstill=known.standstill,
    )
