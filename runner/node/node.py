"""One process' node: the kubelet and the controllers over one registry and one Engine, in real and in virtual time.

A node waits for nothing and judges nothing. Its driver gives it time: ``node/threads.py`` with a thread for each pod,
the laboratory step by step on a virtual clock. Both say what has happened, take from it what is to be done, and tell it what
became of it. The client that wrote the pods watches, and judges.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from runner.clock import Clock
from runner.core.kindwords import CLAIMS, OBJECTS, PODS, WORKLOADS
from runner.core.labels import DOCKER_TYPE, POD_UID, TYPE_CONTAINER
from runner.core.model import Json, Object, Pod, PodUID
from runner.core.narration import Listener, Narration, Notice
from runner.core.network.clusterdns import asks_cluster
from runner.core.runview import RunView
from runner.core.status.podstatus import PodStatus
from runner.core.sync.termination import deletion_grace
from runner.core.text.times import later
from runner.engine.protocol import Engine, EngineEvent, EngineState
from runner.errors import EngineError, StoreError
from runner.kubelet.containers.sandbox import NO_ZONE
from runner.kubelet.images.pullqueue import PullQueue
from runner.kubelet.loop.health import EngineHealth
from runner.kubelet.loop.lists import NodeLists
from runner.kubelet.loop.secrecy import Secrets
from runner.kubelet.network.dns import Network, Resolving
from runner.kubelet.options import WorkerOptions
from runner.kubelet.podworkers.wiring import Order, Shared, make_worker
from runner.kubelet.podworkers.worker import PodWorker
from runner.kubelet.prober.handlers.contract import Handlers
from runner.node.mending import CALM_SECONDS, MENDING, MOST_BREAKS, may_be_mended, text_of
from runner.node.newcomers import Newcomers
from runner.node.owning import Owned, Spawn
from runner.node.roster import Roster
from runner.node.running import Past, Rebooted, Running, member_of
from runner.registry.contract import Change, Registry, name_of, uid_of
from runner.registry.deletion import pod_of, request_deletion
from runner.registry.deletionrequests import KIND as DELETION_REQUEST
from runner.registry.holders import IsAlive
from runner.registry.home import Home

if TYPE_CHECKING:
    from runner.controllers.control import Control, Controller
    from runner.core.workloads import Member
    from runner.node.faults.injector import Injector
    from runner.node.standing import Standing

HEEDED: Final = frozenset({PODS.kind, CLAIMS.kind, *OBJECTS, *WORKLOADS, DELETION_REQUEST})
"""The kinds that pods and workloads are told of."""
_log = logging.getLogger("runner.node")


class Node:
    """The pods of one process and what they share."""

    def __init__(
        self,
        *,
        engine: Engine,
        store: Registry,
        clock: Clock,
        handlers: Handlers,
        options: WorkerOptions,
        listener: Listener,
        sandbox_image: str,
        newcomers: Newcomers,
        home: Home | None = None,
        network: Network | None = None,
        secrets: Secrets | None = None,
        on_add: Callable[[Running], None] = lambda _: None,
        faults: Injector | None = None,
        standing: Standing | None = None,
    ) -> None:
        """``home`` None: the pods have no files here. ``listener`` hears of pods, ``on_add`` of each before it lives.

        ``newcomers`` are written for this node, by its holder's name in the ledger. ``faults`` are around ``engine`` already.
        """
        self.engine = engine
        self.clock = clock
        self.options = options
        self.network = network
        self.store = store
        self.holder = newcomers.holder
        self._newcomers = newcomers
        self._listener = listener
        self._faults = faults
        self.standing = standing
        self._sandbox_image = sandbox_image
        self._health = EngineHealth()
        self._shared = Shared(
            registry=store,
            clock=clock,
            handlers=handlers,
            secrets=secrets or Secrets(),
            queue=PullQueue(),
            health=self._health,
            profiles=None if home is None else home.profiles,
            locks=None if home is None else home.locks,
            lists=NodeLists(engine, clock, lambda: len(self.live)),
        )
        self.roster = Roster(store, newcomers, self._begin, lambda: self.controllers, on_add, self._left)
        self.live = self.roster.live
        """The pods that run, by uid."""
        self._control: Control | None = None
        self._spawn: Spawn | None = None
        self.has_workloads = False
        self._is_settling, self._refusals = False, 0
        """How often in a row the registry did not let workloads be reconciled."""
        self._news: tuple[Callable[[], None], ...] = ()
        self.guard = threading.RLock()
        """Held while the workloads are reconciled, and by readers that want them and their pods as of one moment."""
        self.problem: BaseException | None = None
        """What ended the reconciling of the workloads."""
        self._on_trouble: tuple[Callable[[], None], ...] = ()
        self._on_leave: tuple[Callable[[PodUID], None], ...] = ()

    # --- what happens -----------------------------------------------------------------------------------------------

    def on_news(self, callback: Callable[[], None]) -> None:
        """Have this called, from any thread, when something about a pod that comes later, or a workload, is new."""
        self._news = (*self._news, callback)

    def on_trouble(self, callback: Callable[[], None]) -> None:
        """Have this called, from any thread, when something has failed that a kubelet would try again for ever."""
        self._on_trouble = (*self._on_trouble, callback)

    def on_leave(self, callback: Callable[[PodUID], None]) -> None:
        """Have this called, from any thread, with each pod that is let go of: it is gone, or another node has it."""
        self._on_leave = (*self._on_leave, callback)

    def _left(self, uid: PodUID) -> None:
        """Nothing of a pod is remembered that nobody looks at."""
        self._shared.secrets.forget(uid)
        if self._faults is not None:
            self._faults.forget(uid)
        for callback in self._on_leave:
            callback(uid)

    def tell_trouble(self) -> None:
        """Call those who want to know of troubles."""
        for callback in self._on_trouble:
            callback()

    def workloads_broke(self, error: BaseException) -> None:
        """The workloads are not reconciled any more."""
        self.problem = error
        self.tell_trouble()

    def tell_news(self) -> None:
        """Call those who want to know that something is new."""
        for callback in self._news:
            callback()

    def engine_event(self, event: EngineEvent | None) -> None:
        """The Engine tells of a container; None: anything may have happened."""
        if self._faults is not None:
            self._faults.hear(event)
        if event is None:
            everyone = self.running
            for running in everyone:
                running.worker.cache.shake()
            for running in everyone:  # Only now, so that one list does for all.
                running.wakeup.set()
        elif (one := self.live.get(event.labels.get(POD_UID, ""))) is not None and one.worker.cache.hear(event):
            one.wakeup.set()

    def registry_changed(self, changes: Sequence[Change]) -> None:
        """Take what this node holds since, let go of what it does not any more, and wake whom changes of the registry concern.

        Of pods only those are told that this node holds, or held. Without changes anything may have happened.
        """
        if not changes:
            self.roster.look()
            self.store_written()
        for change in changes:
            if change.kind in WORKLOADS or change.kind == DELETION_REQUEST:
                self._wake_control()
            elif change.kind == PODS.kind:
                self.roster.heed(change)
            else:
                for one in self.running:
                    if one.pod.namespace == change.namespace:
                        one.wakeup.set()

    def store_written(self) -> None:
        """Something may have been written to the registry: asked of a pod or a workload."""
        for one in self.running:
            one.wakeup.set()
        self._wake_control()
        if self.network is not None:
            self.network.wake()

    def _wake_control(self) -> None:
        if self._control is not None:
            self.tell_news()

    def narrate(self, narration: Narration) -> None:
        """Tell the listener what has happened."""
        self._listener(narration)
        for callback in self._news:
            callback()

    def _hear_of_trouble(self) -> None:
        self.tell_news()
        self.tell_trouble()

    # --- pods -------------------------------------------------------------------------------------------------------

    def take_in(self, is_alive: IsAlive) -> None:
        """Take the pods that wait for a node, by compare-and-swap: what a dead one has left, and what has had none.

        For a node that runs whatever is wanted; a run's own ends with its run, and takes nothing. Raises StoreError.
        """
        self.roster.take_in(is_alive, self.options.node_name)

    def _begin(self, owned: Owned, is_new: bool, controller: Controller | None) -> Running:
        return Running(owned, self._worker(owned, is_new=is_new), controller)

    def _options_of(self, uid: str) -> WorkerOptions:
        """How a pod is run: what was chosen for it when it was written, where that could be written down."""
        text = self.store.ledger.run_spec(uid)
        if text is None:
            return self.options
        from runner.core.runspec import RunSpec

        try:
            return self.options.as_chosen(RunSpec.from_text(text))
        except ValueError:
            return self.options

    def _worker(self, owned: Owned, *, is_new: bool) -> PodWorker:
        pod = owned.pod
        zone = NO_ZONE if self.network is None else self.network.zone
        order = Order(
            pod=pod,
            engine=self.engine.of(pod),
            wakeup=owned.wakeup,
            maker=owned.sandbox_maker(self.engine, self.clock, self._sandbox_image, zone),
            ahead=owned.ahead,
            options=self._options_of(pod.uid),
            listener=self.narrate if self._news else self._listener,
            has_messages=owned.has_messages,
            is_adopted=not is_new,
            stored=None if is_new else self._status_of(pod.uid),
            on_trouble=self._hear_of_trouble,
            on_give_up=self.tell_news,
            stands=None if self.standing is None else self.standing.of,
        )
        if self._faults is None:
            return make_worker(self._shared, order)
        worker = make_worker(self._faults.shared(self._shared, pod), order)
        self._faults.attach(pod, worker.reporter, self.roster.reboot)
        return worker

    def _status_of(self, uid: PodUID) -> PodStatus | None:
        """What was published of a pod before."""
        stored = (pod_of(self.store, uid) or {}).get("status")
        return PodStatus.from_json(stored) if stored else None

    @property
    def running(self) -> Sequence[Running]:
        """The pods that run, oldest first."""
        return tuple(self.live.values())

    @property
    def everyone(self) -> Sequence[Running | Past]:
        """The pods that run, and those that are remembered, in the order in which they came."""
        return self.roster.everyone

    def find(self, uid: str) -> Running | Past | None:
        """A pod that runs, or that ran and is remembered."""
        return self.roster.find(uid)

    def step(self, one: Running) -> bool:
        """Let a pod's worker do what is to be done now. Returns whether the pod is gone; raises what breaks the worker."""
        if not one.owned.is_begun:
            self._newcomers.begin(one.owned)  # Found by the thread that follows the registry.
        if one.is_rebooted and one.takes_reboot() and not self.mend(one):
            return True
        try:
            if not one.worker.step():
                return False
        except Rebooted:
            one.reboot()
            return False
        self.roster.fold(one)
        self.tell_news()
        return True

    def let_go(self, one: Running) -> None:
        """The worker of a pod has ended here. Raises StoreError."""
        try:
            if not one.is_lost:
                one.worker.stand_down()
            self.roster.let_go(one)
        finally:
            self.tell_news()

    def broke(self, one: Running, error: BaseException) -> float | None:
        """A pod's worker has broken. Returns in how many seconds to ``mend`` it; None: it stays down, with its error.

        What all pods meet, and what breaks it again and again, is raised to those who wait for the pod.
        """
        breaks = one.broke(self.clock.steady(), CALM_SECONDS)
        if not may_be_mended(error) or breaks > MOST_BREAKS or one.detached:
            one.fail(error)
            self.tell_trouble()
            return None
        seconds = MENDING(breaks)
        if not isinstance(error, StoreError):
            _log.error("the worker of pod %s broke", one.worker.pod.full_name, exc_info=error)
        self.narrate(Notice(at=self.clock.now(), ref=one.worker.ref, text=text_of(error, seconds)))
        return seconds

    def mend(self, one: Running) -> bool:
        """Begin a broken worker again, as after a restart of the kubelet: from what is in the store and the Engine.

        Returns whether it lives. A pod that is not in the store any more is gone: forgetting it is the last thing that is done.
        """
        with suppress(Exception):  # It is broken.
            one.worker.let_go()
        self._health.leave()
        value = pod_of(self.store, one.pod.uid)
        if value is None:
            one.worker.end()
            self.roster.fold(one)
            self.tell_news()
            return False
        pod = Pod.from_json({key: part for key, part in value.items() if key != "status"})
        one.begin_again(pod, partial(self._worker, is_new=False))
        return True

    # --- workloads --------------------------------------------------------------------------------------------------

    def control(self, controllers: Sequence[Controller], spawn: Spawn, *, is_new: bool = True) -> None:
        """Let workloads make pods and replace them, until deletion is asked for; ``is_new`` False: others did so before.

        ``spawn`` writes a pod for this node.
        """
        self._spawn = spawn
        if controllers:
            from runner.controllers.control import Control

            self.has_workloads = True
            self._control = Control(controllers, self, self.store, self.narrate, self.clock, self.options.speed)
            self.roster.look()
            if is_new:
                self._control.begin()
            else:
                self._control.take_over()

    @property
    def controllers(self) -> Sequence[Controller]:
        return () if self._control is None else self._control.controllers

    def reconcile(self) -> datetime | None:
        """Do what the workloads want done now. Returns when they want to be asked again at the latest."""
        if self._control is None:
            return None
        with self.guard:
            before = [one.judged for one in self.controllers]
            try:
                wake = None if self._is_settling else self._control.reconcile()
                if self._is_settling:
                    self._control.settle()
                self._refusals = 0
            except StoreError:
                self._refusals += 1
                if self._refusals > MOST_BREAKS:
                    raise
                wake = later(self.clock.now(), MENDING(self._refusals))
            if before != [one.judged for one in self.controllers]:
                self.roster.forget()
                self.tell_news()
            return wake

    def settle(self) -> None:
        """From now on workloads make no more pods; Jobs that are over come to their end."""
        with self.guard:
            self._is_settling = True

    def members(self, controller: Controller) -> Sequence[Member]:
        """The pods that a workload has made, those that are gone included."""
        return [member_of(one, controller) for one in self.everyone if one.controller is controller]

    def create(self, controller: Controller, value: Json) -> str:
        """Make a pod for a workload; returns its name."""
        assert self._spawn is not None
        with self.roster.guard:  # A thread that hears of it meanwhile waits until it is here.
            made = self._spawn(value, controller)
            if self.roster.find(uid_of(made)) is None:
                self._newcomers.look(uid_of(made))
                self.roster.pick_up(uid_of(made))
        return name_of(made)[1]

    def delete(self, uid: PodUID, grace: int | None = None) -> None:
        """Ask for the deletion of a pod."""
        one = self.live.get(uid)
        if one is not None:
            request_deletion(self.store, uid, self.clock.now(), deletion_grace(one.pod, grace))
            one.wakeup.set()

    # --- what is seen of it ----------------------------------------------------------------------------------------

    def view(self, *, is_interrupted: bool = False) -> RunView:
        """Everything as it is now."""
        with self.guard:
            pods = [one.view for one in self.everyone]
            return RunView(pods=pods, workloads=[one.judged for one in self.controllers], is_interrupted=is_interrupted)

    @property
    def pods(self) -> tuple[Object, ...]:
        """The pods as they were published last; what a workload has made and is gone is left out."""
        return tuple(one.view.value for one in self.everyone if one.controller is None or not one.view.is_gone)

    @property
    def is_empty(self) -> bool:
        """Whether no pod runs any more."""
        return all(one.is_over for one in self.running)

    def check(self, uid: str = "") -> None:
        """Raise what broke a pod's worker for good, any pod's where none is named, or the workloads' controllers."""
        if self.problem is not None:
            raise self.problem
        for one in self.running:
            if one.error is not None and uid in ("", one.pod.uid):
                raise one.error

    def resolving(self) -> list[Resolving]:
        """The sandboxes that resolve names for their pods."""
        workers = [one.worker for one in self.running if not one.is_over]
        return [
            (worker.pod, sandbox.id)
            for worker in workers
            if asks_cluster(worker.pod)
            for sandbox in worker.observed.sandboxes
            if sandbox.ready
        ]

    # --- the end ----------------------------------------------------------------------------------------------------

    def ask_for_deletion(self, grace: int | None) -> None:
        """Ask for the deletion of every pod, and do not wait for it. Nothing replaces them."""
        self.settle()
        for one in self.running:
            self._ask_to_go(one, deletion_grace(one.worker.pod, grace))

    def _ask_to_go(self, one: Running, grace: int) -> None:
        """Ask for the deletion of a pod, unless that was asked with no more grace."""
        if one.grace is None or grace < one.grace:
            request_deletion(self.store, one.pod.uid, self.clock.now(), grace)
            one.was_asked_to_go(grace)
            one.wakeup.set()

    def kill_all(self) -> None:
        """Kill whatever still runs; the workers remove it."""
        for one in self.running:
            self._ask_to_go(one, 0)
            labels = {POD_UID: one.pod.uid, DOCKER_TYPE: TYPE_CONTAINER}
            engine = self.engine.of(one.pod)
            try:
                for summary in engine.list_containers(labels):
                    if summary.state is EngineState.RUNNING:
                        engine.kill_container(summary.id, "SIGKILL")
            except EngineError:
                continue  # The worker sees the same error, and goes on until the pod is gone.

    def detach(self) -> None:
        """Have every worker let go of its pod, as it is."""
        for one in self.running:
            one.detach()

    def keep(self) -> None:
        """Have the pods stay on purpose, and let go of them."""
        self.settle()
        for one in self.running:
            self.store.ledger.keep(one.pod.uid)
            one.detach()

    def say_goodbye(self) -> None:
        """Ended containers that are kept tell nothing more: their readers come to an end, as if they were removed."""
        for one in self.running:
            one.say_goodbye(self._listener)

    def give_up(self) -> None:
        """Let go of what cannot be removed, and say so; it has no owner then."""
        self.detach()
        for one in self.running:
            if not one.is_over:
                text = "not everything could be removed; podrunner gc does it when the Engine answers again"
                self._listener(Notice(at=self.clock.now(), ref=one.worker.ref, text=text))
