"""Runs pods in this process: one worker thread each, the watchers that wake them, and what the run waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING

from runner.clock import Clock, Wakeup
from runner.core.labels import DOCKER_TYPE, POD_UID, TYPE_CONTAINER
from runner.core.model import Json, Object, PodUID
from runner.core.narration import AttemptEnding, Listener, Narration, Notice
from runner.core.network.clusterdns import asks_cluster
from runner.core.observed import RuntimeState
from runner.core.runview import RunView
from runner.core.status.podstatus import PodStatus
from runner.core.sync.termination import deletion_grace
from runner.core.times import later
from runner.core.verdict import VerdictOptions, hopeless, verdict
from runner.engine.protocol import Engine, EngineState
from runner.errors import EngineError, ExitCode
from runner.kubelet.containers.prefetch import Prefetcher
from runner.kubelet.containers.termination_messages import TerminationMessages
from runner.kubelet.images.pullqueue import PullQueue
from runner.kubelet.loop.context import PodContext
from runner.kubelet.loop.health import EngineHealth
from runner.kubelet.loop.observer import Observer
from runner.kubelet.loop.recorder import EventRecorder
from runner.kubelet.loop.secrecy import Secrets
from runner.kubelet.loop.wakeups import EngineWatcher, StoreWatcher
from runner.kubelet.loop.worker import PodWorker
from runner.kubelet.network.dns import ClusterNetwork, Resolving
from runner.kubelet.options import Keep, RunOptions
from runner.kubelet.prober.handlers import Handlers
from runner.node.openfiles import raise_limit
from runner.node.outcome import StopRequest
from runner.node.owning import Owned, Spawn
from runner.node.running import Running
from runner.registry.home import Home
from runner.registry.storage import Store

if TYPE_CHECKING:
    from runner.controllers.control import Control, Controller
    from runner.core.workloads import Member

FORCED_SECONDS = 10.0
"""How long a forced deletion may take before the process lets go of what is left."""

HALT_SECONDS = 30.0
"""How long the workers of a run that broke may take to stop: as long as the call to the Engine that each is at."""


class Session:
    """Everything that the pods of one process share."""

    def __init__(
        self,
        *,
        engine: Engine,
        store: Store,
        clock: Clock,
        home: Home,
        handlers: Handlers,
        options: RunOptions,
        listener: Listener,
        sandbox_image: str,
        network: ClusterNetwork | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        self._engine = engine
        self._store = store
        self._clock = clock
        self._home = home
        self._handlers = handlers
        self._options = options
        self._secrets = secrets or Secrets()
        self._listener = listener
        self._sandbox_image = sandbox_image
        self._network = network
        self._queue = PullQueue()
        self._news = Wakeup()
        self._runs: list[Running] = []
        self._controllers: tuple[Controller, ...] = ()
        self._control: Control | None = None
        self._spawn: Spawn | None = None
        self._resources = ExitStack()
        self._health = EngineHealth()
        self._has_let_go = False
        self.on_trouble: Callable[[], None] = lambda: None
        """Called when something has failed that a kubelet would try again for ever."""

    def open(self, since: datetime) -> None:
        """Start listening to the Engine, to what has happened since an instant and what will, and to the store."""
        raise_limit()
        watcher = EngineWatcher(self._engine, self._clock, since, self._engine_event)
        watcher.start()
        self._resources.callback(watcher.stop)
        writes = StoreWatcher(self._store, self._wake_all)
        writes.start()
        self._resources.callback(writes.stop)
        if self._network is not None:
            self._network.follow(self._resolving, self._listen)

    def add(self, owned: Owned, *, is_new: bool = True, controller: Controller | None = None) -> Running:
        """Make the worker of a pod that this process owns, and that perhaps a workload has made."""
        pod, wakeup = owned.pod, owned.wakeup
        engine = self._engine.of(pod)
        context = PodContext(
            pod=pod,
            engine=engine,
            store=self._store,
            clock=self._clock,
            jobs=owned.jobs,
            recorder=EventRecorder(pod, self._store, self._listen, self._clock, self._options.worker.node_name),
            observer=Observer(
                engine,
                self._clock,
                pod.uid,
                sees_prepared=not is_new,
                message=lambda details: self._secrets.message_of(details, pod),
            ),
            options=self._options.worker,
            handlers=self._handlers,
            listener=self._listen,
            owner=owned.owner,
            sandbox_image=self._sandbox_image,
            profiles=self._home.profiles,
            locks=self._home.locks,
            secrets=self._secrets,
            making=owned.making,
            health=self._health,
        )
        context.prefetcher, context.ahead, context.wake = Prefetcher(context), owned.ahead, wakeup.set
        if self._network is not None:
            context.zone = self._network.zone
        context.troubles.changed = self._hear_of_trouble
        context.messages = TerminationMessages.of(engine, pod, owned.owner)
        if not is_new:
            stored = (self._store.pod_by_uid(pod.uid) or {}).get("status")
            context.status = context.published = PodStatus.from_json(stored) if stored else None
        worker = PodWorker(
            context, wakeup, self._queue.ticket(wakeup.set), is_adopted=not is_new, on_give_up=self._news.set
        )
        running = Running(
            pod=pod, worker=worker, wakeup=wakeup, jobs=owned.jobs, lock=owned.lock, controller=controller
        )
        self._runs.append(running)
        return running

    def control(self, controllers: Sequence[Controller], spawn: Spawn) -> None:
        """Let workloads make pods and replace them as long as the run is waited for."""
        from runner.controllers.control import Control

        self._controllers, self._spawn = tuple(controllers), spawn
        if controllers:
            speed = self._options.worker.speed
            self._control = Control(controllers, self, self._store, self._listen, self._clock, speed)
            self._control.begin()

    def start(self) -> None:
        """Start the workers that are not started yet."""
        for running in self._runs:
            if running.thread is None:
                running.thread = threading.Thread(
                    target=self._work, args=(running,), name=f"podrunner-{running.pod.name}", daemon=True
                )
                running.thread.start()

    def _work(self, running: Running) -> None:
        try:
            while not running.detached and not running.worker.step():
                running.worker.wait()
        except BaseException as error:
            running.error = error
        finally:
            running.jobs.close()
            running.lock.release()
            self._news.set()

    def _engine_event(self, uid: str, container_id: str) -> None:
        for running in self._runs:
            if not uid or running.pod.uid == uid:
                running.worker.context.observer.suspect(container_id)
                running.worker.context.poke()
                running.wakeup.set()

    def _wake_all(self) -> None:
        for running in self._runs:
            running.wakeup.set()
        if self._control is not None:
            self._news.set()  # Something may have been asked of a workload.
        if self._network is not None:
            self._network.wake()

    def _resolving(self) -> list[Resolving]:
        """The sandboxes that resolve names for their pods."""
        contexts = [running.worker.context for running in self._runs if not running.is_over]
        return [
            (context.pod, sandbox.id)
            for context in contexts
            if asks_cluster(context.pod)
            for sandbox in context.observed.sandboxes
            if sandbox.ready
        ]

    def _listen(self, narration: Narration) -> None:
        self._listener(narration)
        self._news.set()

    def wait(self, stop: StopRequest) -> tuple[int, str]:
        """Wait for what the run was asked to wait for. Returns the exit code and a line that says why."""
        stop.subscribe(self._news.set)
        timeout = self._options.timeout
        began, began_at = self._clock.steady(), self._clock.now()
        end = None if timeout is None else began + timeout
        options = self._judged(None if timeout is None else later(began_at, timeout))
        while True:
            wake = self._reconcile()
            self._raise_what_broke()
            # By the steady clock: the other one may be set meanwhile.
            now = later(began_at, self._clock.steady() - began)
            found = verdict(self._view(is_interrupted=stop.requested), options, now)
            if found is not None:
                return found
            self._wait_for_news(end, wake)

    def _judged(self, deadline: datetime | None = None) -> VerdictOptions:
        """What decides when the run is over."""
        options, worker = self._options, self._options.worker
        return VerdictOptions(
            until=options.until,
            exit_code_from=options.exit_code_from,
            fail_fast=options.fail_fast,
            max_restarts=worker.max_restarts,
            gives_up=worker.retry.gives_up if worker.retry.may_give_up else None,
            scope=worker.retry.scope,
            deadline=deadline,
        )

    def _raise_what_broke(self) -> None:
        for running in self._runs:
            if running.error is not None:
                raise running.error

    def _view(self, *, is_interrupted: bool) -> RunView:
        """The run as it is now."""
        pods, workloads = [running.view for running in self._runs], [one.judged for one in self._controllers]
        return RunView(pods=pods, workloads=workloads, is_interrupted=is_interrupted)

    def supervise(self, stop: StopRequest) -> None:
        """Let the workloads replace their pods until somebody wants an end: what ``wait`` does while it waits."""
        stop.subscribe(self._news.set)
        while not stop.requested:
            self._wait_for_news(None, self._reconcile())

    def _reconcile(self) -> datetime | None:
        """Do what the workloads want done now. Returns when they want to be asked again at the latest."""
        wake = None
        if self._control is not None:
            wake = self._control.reconcile()
            self.start()
        return wake

    def _wait_for_news(self, end: float | None, wake: datetime | None = None) -> None:
        """Wait until something happens, at most until the steady clock shows ``end`` (seconds) or ``wake`` has come."""
        left = None if end is None else max(0.0, end - self._clock.steady())
        until = None if left is None else later(self._clock.now(), left)
        self._clock.wait(min((t for t in (until, wake) if t is not None), default=None), self._news)

    def members(self, controller: Controller) -> Sequence[Member]:
        """The pods that a workload has made, those that are gone included."""
        return [_member(running, controller) for running in self._runs if running.controller is controller]

    def create(self, controller: Controller, value: Json) -> str:
        """Make a pod for a workload; returns its name."""
        assert self._spawn is not None
        running = self.add(self._spawn(value), controller=controller)
        return running.pod.name

    def delete(self, uid: PodUID, grace: int | None = None) -> None:
        """Ask for the deletion of a pod."""
        for running in self._runs:
            if running.pod.uid == uid:
                self._store.request_deletion(uid, self._clock.now(), deletion_grace(running.pod, grace))
                running.wakeup.set()

    def _hear_of_trouble(self) -> None:
        self._news.set()
        self.on_trouble()

    def hopeless(self, running: Running) -> str:
        """What keeps a pod from going on and has been tried often enough; "" when nothing does."""
        trouble = hopeless(running.view, self._judged())
        return "" if trouble is None else str(trouble)

    def finish(self, exit_code: int, stop: StopRequest) -> None:
        """Delete the pods and wait until they are gone, or let go of them, as the options say."""
        if self.keeps(exit_code):
            self._detach()
        else:
            self.delete_all(stop, grace=self._options.grace)
        self.close()

    def keeps(self, exit_code: int) -> bool:
        """Whether the options want the pods to stay after such an end."""
        keep = self._options.keep
        return keep is Keep.ALWAYS or (keep is Keep.FAILED and exit_code not in (ExitCode.OK, ExitCode.INTERRUPTED))

    def _detach(self) -> None:
        for running in self._runs:
            running.detached = True
            self._store.keep_pod(running.pod.uid)
            running.wakeup.set()
        for running in self._runs:
            if running.thread is not None:
                running.thread.join()
            self._say_goodbye(running)

    def _say_goodbye(self, running: Running) -> None:
        """Ended containers that are kept tell nothing more: whoever reads them comes to an end, as if they were removed."""
        for record in running.worker.context.observed.containers:
            if record.state is not RuntimeState.EXITED:
                continue
            container = running.pod.container(record.name)
            self._listener(
                AttemptEnding(
                    ref=running.worker.context.ref,
                    container=record.name,
                    is_init=container is not None and container.is_init,
                    attempt=record.attempt,
                    container_id=record.id,
                    is_removed=False,
                )
            )

    def ask_for_deletion(self, grace: int | None) -> None:
        """Ask for the deletion of every pod, and do not wait for it."""
        now = self._clock.now()
        for running in self._runs:
            wanted = deletion_grace(running.worker.context.pod, grace)
            self._store.request_deletion(running.pod.uid, now, wanted)
            running.wakeup.set()

    def delete_all(self, stop: StopRequest, *, grace: int | None = None) -> None:
        """Ask for the deletion of every pod and wait until all are gone; a forced stop kills at once."""
        stop.subscribe(self._news.set)
        self.ask_for_deletion(0 if stop.forced else grace)
        end: float | None = None
        while True:
            if self._control is not None:
                self._control.settle()
            if all(running.is_over for running in self._runs):
                break
            if stop.forced and end is None:
                self._kill_all()
                end = self._clock.steady() + FORCED_SECONDS
            if end is not None and self._clock.steady() >= end:
                self._let_go()
                return
            self._wait_for_news(end)
        self._raise_what_broke()

    def _let_go(self) -> None:
        """Whoever insists gets an end even when the Engine does not answer; what is left has no owner then."""
        self._has_let_go = True
        for running in self._runs:
            running.detached = True
            running.wakeup.set()
            if not running.is_over:
                text = "not everything could be removed; podrunner gc does it when the Engine answers again"
                self._listener(Notice(at=self._clock.now(), ref=running.worker.context.ref, text=text))

    def _kill_all(self) -> None:
        for running in self._runs:
            self._store.request_deletion(running.pod.uid, self._clock.now(), 0)
            labels = {POD_UID: running.pod.uid, DOCKER_TYPE: TYPE_CONTAINER}
            engine = self._engine.of(running.pod)
            try:
                for summary in engine.list_containers(labels):
                    if summary.state is EngineState.RUNNING:
                        engine.kill_container(summary.id, "SIGKILL")
            except EngineError:
                continue  # The worker sees the same error, and goes on until the pod is gone.

    def close(self) -> None:
        """Stop the workers that still run, where they are, and listen to nothing any more.

        Whoever removes the pods of a run that broke is alone with them afterwards: a worker would make things anew.
        """
        for running in self._runs:
            running.detached = True
            running.wakeup.set()
        end = self._clock.steady() + HALT_SECONDS
        for running in self._runs if not self._has_let_go else ():
            if running.thread is not None:
                running.thread.join(max(0.0, end - self._clock.steady()))
        self._resources.close()

    @property
    def pods(self) -> tuple[Object, ...]:
        """The pods as they were published last."""
        shown = [running for running in self._runs if running.controller is None or not running.worker.gone]
        return tuple(running.value for running in shown)

    @property
    def runs(self) -> Sequence[Running]:
        return tuple(self._runs)


def _member(running: Running, controller: Controller) -> Member:
    """A pod as its controller sees it."""
    from runner.core.workloads import Member

    pod = running.worker.context.pod
    return Member(
        pod=running.pod.manifest,
        status=running.status,
        is_deleted=pod.is_deleted or pod.uid in controller.asked,
        is_gone=running.is_over,
    )
