"""The facade: the one way to load, plan and run pods and to look at them. The library never prints and never exits.

Cheap to make: the store is opened, the Engine found and docker-py imported when they are first needed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from runner.api.inputs import Manifest, sources_of
from runner.api.live import Life
from runner.api.overrides import Overrides
from runner.api.pods import PodHandle, Seconds
from runner.api.settings import OVERRIDES, changed_options
from runner.clock import Clock, SystemClock, Wakeup
from runner.core.admission import admit
from runner.core.model import Json, Pod
from runner.core.termination import deletion_grace
from runner.errors import EngineUnavailable, ExitCode, ManifestError, NotFound, RunnerError, UsageError, WaitTimeout
from runner.runtime.home import Home
from runner.runtime.options import RunOptions, Until
from runner.runtime.outcome import RunResult, StopRequest
from runner.runtime.storage import Object, Store

if TYPE_CHECKING:
    from runner.core.manifest import LoadedObject, LoadResult
    from runner.engine.discover import EngineAddress
    from runner.engine.protocol import Engine
    from runner.runtime.controllers import Controller, Spawn
    from runner.runtime.gc import GcReport
    from runner.runtime.handlers import Reach
    from runner.runtime.narration import Listener, LogLine, Narration
    from runner.runtime.network import ClusterNetwork
    from runner.runtime.owning import Owned
    from runner.runtime.session import Session

REFERRED_KINDS = frozenset({"ConfigMap", "Secret", "Service"})
"""Kinds that pods refer to: in the store as long as the run that brought them."""
IGNORED_KINDS = frozenset({"Namespace", "PersistentVolume", "PersistentVolumeClaim", "PodTemplate", "ServiceAccount"})
"""Kinds that change nothing for one pod on one node."""
MAX_PODS = 110
"""How many pods a kubelet runs (its maxPods), and so a run of workloads."""
_POLL_SECONDS = 0.1


def _bound(pod: Pod, node: str) -> Pod:
    """The pod as the scheduler leaves it, assigned to a node; one that names its node already is left alone."""
    spec = pod.manifest.get("spec") or {}
    return Pod.from_json({**pod.manifest, "spec": {**spec, "nodeName": spec.get("nodeName") or node}})


def _deaf(narration: Narration) -> None:
    """A listener that nobody needs."""


@dataclass(frozen=True, slots=True)
class _Launch:
    """The pods that a run begins with, each with who made it, what makes more of them, and how they are run."""

    pods: Sequence[tuple[Owned, Controller | None]]
    controllers: Sequence[Controller]
    spawn: Spawn
    options: RunOptions
    image: str
    since: datetime
    network: ClusterNetwork


class Runner:
    """Loads, runs and shows pods."""

    def __init__(
        self,
        *,
        environ: Mapping[str, str] | None = None,
        home: Home | str | Path | None = None,
        clock: Clock | None = None,
        store: Store | None = None,
        engine: Engine | None = None,
        namespace: str = "default",
        options: RunOptions | None = None,
        overrides: Mapping[str, Any] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Make one from the environment (``PODRUNNER_HOME``, ``DOCKER_HOST`` and the like), or from what is given.

        ``home`` is the state directory. ``namespace`` is where pods without one belong; ``options`` and ``overrides`` (by
        the names of ``Overrides``) are what ``run`` does unless told otherwise; ``folder`` is where manifests are looked
        for that are not below the working directory.
        """
        self._environ = os.environ if environ is None else environ
        self.home = home if isinstance(home, Home) else Home(Path(home)) if home else Home.from_env(self._environ)
        self.clock = clock or SystemClock()
        self.namespace = namespace
        self.options = options or RunOptions()
        self.overrides = dict(overrides or {})
        self.folder = folder
        self._given_store = store
        self._given_engine = engine
        self._lives: list[Life] = []
        self._lives_lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close(failed=error is not None and isinstance(error, Exception))

    @cached_property
    def store(self) -> Store:
        """The state that all podrunner processes of this user share. Raises StoreError."""
        if self._given_store is not None:
            return self._given_store
        from runner.runtime.sqlite_store import SqliteStore

        return SqliteStore(self.home)

    @cached_property
    def address(self) -> EngineAddress:
        """Where the Engine is. Raises EngineUnavailable, naming what was tried."""
        from runner.engine.discover import discover

        return discover(self._environ, Path.home(), self.home.path)

    @cached_property
    def engine(self) -> Engine:
        """The Engine. Raises EngineUnavailable."""
        if self._given_engine is not None:
            return self._given_engine
        address = self.address
        from runner.engine.docker import DockerEngine

        return DockerEngine(address.url, tls=address.tls)

    # --- manifests ---------------------------------------------------------------------------------------------------

    def load(self, paths: Sequence[str], *, stdin: TextIO | None, namespace: str = "default") -> LoadResult:
        """Load manifests from files, folders and stdin (``-``). Raises UsageError for what cannot be read."""
        from runner.core.manifest import load
        from runner.runtime.sources import read_sources

        return load(read_sources(paths, stdin), namespace=namespace)

    def plan(self, objects: Sequence[LoadedObject], options: RunOptions) -> str:
        """The first decision for each pod, as text, without an Engine."""
        from runner.core.backoff import BackoffSettings
        from runner.core.decide import Memory, decide
        from runner.core.observed import Observed, ProbeResults
        from runner.core.restart import with_retry_scope

        now = self.clock.now()
        memory = Memory(crashes={}, attempts={}, settings=BackoffSettings(), schedule=options.worker.retry.delay)
        texts = []
        pods = self._admitted(objects)
        controllers = self._controllers(objects)
        for controller in controllers:
            pods += [
                self._admit(value, value["metadata"]["namespace"]) for value in controller.step((), now, 1.0).create
            ]
        for pod in pods:
            scoped = with_retry_scope(pod, options.worker.retry.scope)
            plan = decide(scoped, Observed(at=now), ProbeResults(), memory, now)
            texts.append("\n  ".join([f"pod/{pod.name}", *str(plan).splitlines()]))
        texts += [controller.idleness for controller in controllers if controller.is_idle]
        return "\n".join(texts)

    def _admitted(self, objects: Sequence[LoadedObject]) -> list[Pod]:
        """The manifests' own pods as an API server would have let them in."""
        pods = [o for o in objects if o.kind == "Pod"]
        if len(pods) < len(objects) or not pods:
            self._check_kinds(objects)
        return [self._admit(o.value, o.namespace) for o in pods]

    def _admit(self, value: Json, namespace: str) -> Pod:
        from runner.runtime.identities import new_suffix, new_uid

        return Pod.from_json(
            admit(value, namespace=namespace, uid=new_uid(), suffix=new_suffix(), now=self.clock.now())
        )

    @staticmethod
    def _check_kinds(objects: Sequence[LoadedObject]) -> None:
        from runner.core.workloads import WORKLOAD_KINDS

        unrunnable = [o for o in objects if o.kind not in {"Pod", *REFERRED_KINDS, *IGNORED_KINDS, *WORKLOAD_KINDS}]
        if unrunnable:
            raise ManifestError(tuple(f"{o.file}: {o.kind} {o.name}: cannot be run" for o in unrunnable))
        if not any(o.kind == "Pod" or o.kind in WORKLOAD_KINDS for o in objects):
            raise UsageError("no objects passed to run", hint="a manifest needs a Pod, or something that makes pods")

    def _controllers(self, objects: Sequence[LoadedObject]) -> list[Controller]:
        """One controller for each object that makes pods; pods alone need none, nor what it takes to have one."""
        if all(o.kind == "Pod" for o in objects):
            return []
        from runner.core.workloads import expand
        from runner.runtime.controllers import Controller
        from runner.runtime.identities import RandomIdentities

        workloads = expand(objects, RandomIdentities(), self.clock.now())
        wanted = sum(workload.most_pods for workload in workloads)
        if wanted > MAX_PODS:
            raise UsageError(f"the manifests ask for {wanted} pods, one node runs at most {MAX_PODS}")
        return [Controller(workload) for workload in workloads]

    # --- running -----------------------------------------------------------------------------------------------------

    def run(
        self,
        *manifests: Manifest,
        until: Until | str = Until.READY,
        timeout: Seconds = None,
        options: RunOptions | None = None,
        overrides: Overrides | None = None,
        listener: Listener | None = None,
        **changes: Any,
    ) -> PodHandle:
        """Start the one pod of the manifests, wait until it is what ``until`` says, and leave it running. See ``run_all``.

        Raises UsageError when the manifests make more pods than one.
        """
        __tracebackhide__ = True
        pods = self.run_all(
            *manifests, until=until, timeout=timeout, options=options, overrides=overrides, listener=listener, **changes
        )
        if len(pods) != 1:
            self.end(pods)
            names = ", ".join(pod.name for pod in pods) or "none"
            raise UsageError(f"run is for one pod, the manifests make {len(pods)}: {names}", hint="use run_all")
        return pods[0]

    def run_all(
        self,
        *manifests: Manifest,
        until: Until | str = Until.READY,
        timeout: Seconds = None,
        options: RunOptions | None = None,
        overrides: Overrides | None = None,
        listener: Listener | None = None,
        **changes: Any,
    ) -> tuple[PodHandle, ...]:
        """Start the pods of the manifests and wait until all are what ``until`` says; they run on in the background.

        A manifest is a path, a text, a dictionary, an object with ``to_dict()``, or a list of those. ``until`` is
        ``initialized``, ``ready`` or ``completed``; ``timeout`` in seconds or as Go's duration. ``images``, ``commands``,
        ``env`` and ``config`` change the manifests for this run, as ``Overrides`` says; ``retry``, ``max_restarts``,
        ``speed``, ``keep``, ``grace`` and ``artifacts`` are the options of the same names.

        Raises ManifestError with all problems, UsageError, AlreadyExists, EngineUnavailable; PodFailed and WaitTimeout
        with the pods' status, events and logs in their text, after the pods have been deleted (or kept, if asked for).
        """
        __tracebackhide__ = True
        chosen = changed_options(options or self.options, until=until, timeout=timeout, changes=changes)
        given = {name: changes[name] for name in OVERRIDES if name in changes}
        wanted = overrides or Overrides(**{**self.overrides, **given})
        result = self.load_any(manifests)
        if not result.ok:
            raise ManifestError(tuple(str(problem) for problem in result.problems))
        if not result.objects:
            raise UsageError("the manifests hold no objects")
        life = Life(self, chosen, listener or _deaf)
        with self._lives_lock:
            self._lives.append(life)
        return life.begin(wanted.apply(result.objects))

    def load_any(self, manifests: Sequence[Manifest]) -> LoadResult:
        """Load manifests in any form that ``run`` takes, with all their problems. Raises UsageError for what is none."""
        from runner.core.manifest import load

        return load(sources_of(manifests, self.folder), namespace=self.namespace)

    @property
    def pods(self) -> tuple[PodHandle, ...]:
        """The pods that this object has started and that are not gone."""
        with self._lives_lock:
            return tuple(pod for life in self._lives for pod in life.pods)

    def end(self, pods: Sequence[PodHandle]) -> None:
        """Delete pods together, with what came in the same manifests."""
        with self._lives_lock:
            lives = [life for life in self._lives if any(pod in life.pods for pod in pods)]
        for life in lives:
            life.end()

    def close(self, *, failed: bool = False) -> None:
        """End everything that was started here: pods are deleted, or kept if their options say so.

        ``failed``: it did not go well, which decides about pods that are kept then. A KeyboardInterrupt meanwhile kills
        what is left, and is raised again.
        """
        with self._lives_lock:
            lives, self._lives = self._lives, []
        exit_code = ExitCode.POD_FAILED if failed else ExitCode.OK
        interrupt: KeyboardInterrupt | None = None
        for life in lives:
            life.announce_end(exit_code)
        for life in lives:
            try:
                life.end(exit_code=exit_code, at_once=interrupt is not None)
            except KeyboardInterrupt as error:
                interrupt = error
        if interrupt is not None:
            raise interrupt

    def own_namespace(self, name: str) -> None:
        """Have a namespace that lives no longer than this process: when it is dead, a sweep removes what is left in it."""
        from runner.runtime.namespaces import own_namespace
        from runner.runtime.ownership import owner_label

        own_namespace(self.store, name, owner_label(home=self.home))

    def remove_namespace(self, name: str) -> None:
        """Remove a namespace whose pods are gone, with its claims and their volumes. Raises EngineError."""
        from runner.runtime.namespaces import remove_namespace

        remove_namespace(self.engine, self.store, name)

    @cached_property
    def reach(self) -> Reach:
        """How ports of pods are reached from this process."""
        from runner.runtime.handlers import Reach

        return Reach(self.engine)

    def run_to_end(
        self, objects: Sequence[LoadedObject], options: RunOptions, *, listener: Listener, stop: StopRequest
    ) -> RunResult:
        """Run the pods of loaded manifests until what the options ask for, then delete or keep them. Blocks.

        Raises ManifestError, UsageError and AlreadyExists before anything is touched, EngineUnavailable without an Engine.
        """
        with self._launched(objects, options) as launch:
            return self._run_launched(launch, listener, stop)

    @contextmanager
    def _launched(self, objects: Sequence[LoadedObject], options: RunOptions) -> Iterator[_Launch]:
        """Everything that a run needs before its workers start: checked, owned, stored, sandboxes begun.

        What the manifests brought along for the pods goes at the end; after an error the pods too.
        """
        options = self._on_this_node(options)
        node = options.worker.node_name
        controllers = self._controllers(objects)
        pods: list[tuple[Pod, Controller | None]] = [(_bound(pod, node), None) for pod in self._admitted(objects)]
        for controller in controllers:
            pods += [
                (self._made(value, node), controller) for value in controller.step((), self.clock.now(), 1.0).create
            ]
        named = options.exit_code_from
        if named and pods and not any(pod.container(named) for pod, _ in pods):
            raise UsageError(f"container {named} is not valid for pod {pods[0][0].name}")
        from runner.runtime.network import ClusterNetwork
        from runner.runtime.owning import abandon, begin_sandbox, own_new
        from runner.runtime.sandboxes import sandbox_reference

        image = sandbox_reference(self.engine, options.worker.sandbox_image)
        since = self.clock.now()
        with self._standing(controllers):
            mine = own_new([pod for pod, _ in pods], self.store, self.home, self.sweep)

            def spawn(value: Json) -> Owned:
                (owned,) = own_new([self._made(value, node)], self.store, self.home, self.sweep)
                mine.append(owned)
                begin_sandbox(owned, self.engine, self.store, self.clock, image, network.zone)
                return owned

            network = ClusterNetwork(self.engine, self.store, self.home, self.clock)
            try:
                self._put_objects(objects)
                network.prepare()
                self._put_claims(controllers)
                for owned in mine:
                    begin_sandbox(owned, self.engine, self.store, self.clock, image, network.zone)
                network.await_prepared()  # The variables of Services tell their addresses.
                yield _Launch(
                    pods=[(owned, maker) for owned, (_, maker) in zip(mine, pods, strict=True)],
                    controllers=controllers,
                    spawn=spawn,
                    options=options,
                    image=image,
                    since=since,
                    network=network,
                )
            except BaseException:
                for owned in mine:
                    abandon(owned, self.engine, self.store)
                raise
            finally:
                network.close()
                self._remove_objects(objects)

    def _standing(self, controllers: Sequence[Controller]) -> AbstractContextManager[None]:
        """Keep the workloads' names from others as long as they run. Raises AlreadyExists."""
        if not controllers:
            return nullcontext()
        from runner.runtime.standing import standing

        return standing(controllers, self.store, self.home)

    def _made(self, value: Json, node: str) -> Pod:
        """A pod that a workload makes."""
        return _bound(self._admit(value, value["metadata"]["namespace"]), node)

    @contextmanager
    def _working(self, launch: _Launch, listener: Listener) -> Iterator[Session]:
        """The session of a run, its workers at work."""
        # Imported while the Engine is busy with the sandboxes.
        from runner.runtime.audience import Audience

        with Audience(self.engine, self.home, launch.options, listener) as audience:
            session = self._session(launch.options, audience, launch.image, launch.network)
            try:
                for owned, controller in launch.pods:
                    session.add(owned, controller=controller)
                session.control(launch.controllers, launch.spawn)
                session.open(launch.since)
                session.start()
                threading.Thread(target=self.sweep, name="podrunner-sweep", daemon=True).start()
                yield session
            finally:
                session.close()

    def _run_launched(self, launch: _Launch, listener: Listener, stop: StopRequest) -> RunResult:
        with self._working(launch, listener) as session:
            exit_code, message = session.wait(stop)
            reached = session.pods
            session.finish(exit_code, stop)
        return RunResult(exit_code=exit_code, pods=reached, message=message)

    def _put_claims(self, controllers: Sequence[Controller]) -> None:
        """What a StatefulSet claims for its pods: made once, and kept like every claim."""
        for controller in controllers:
            for claim in controller.claims():
                metadata = claim["metadata"]
                if self.store.object(claim["kind"], metadata["namespace"], metadata["name"]) is None:
                    self.store.put_object(claim)
                    controller.claimed.append(metadata["name"])

    def _put_objects(self, objects: Sequence[LoadedObject]) -> None:
        """What the pods refer to is kept as long as the run lasts; what was there before stays longer."""
        if all(o.kind == "Pod" for o in objects):
            return
        from runner.runtime.objects import put_owned
        from runner.runtime.ownership import owner_label

        for o in objects:
            value = {
                **o.value,
                "kind": o.kind,
                "metadata": {**(o.value.get("metadata") or {}), "namespace": o.namespace},
            }
            if o.kind in REFERRED_KINDS:
                put_owned(self.store, value, self.clock.now(), owner_label(home=self.home))
            # A claim stays when the run is over, and one that is there keeps its volume.
            elif o.kind == "PersistentVolumeClaim" and self.store.object(o.kind, o.namespace, o.name) is None:
                self.store.put_object(value)

    def _remove_objects(self, objects: Sequence[LoadedObject]) -> None:
        if any(o.kind in REFERRED_KINDS for o in objects):
            from runner.runtime.objects import remove_owned
            from runner.runtime.ownership import owner_label

            remove_owned(self.store, objects, owner_label(home=self.home))

    @staticmethod
    def _on_this_node(options: RunOptions) -> RunOptions:
        """The options with this machine's name and address where none are given."""
        from runner.runtime.node import host_ip, node_name

        worker = options.worker
        named = replace(
            worker,
            node_name=node_name() if worker.node_name == "localhost" else worker.node_name,
            host_ip=worker.host_ip or host_ip(),
        )
        return replace(options, worker=named)

    def _session(
        self, options: RunOptions, listener: Listener, image: str, network: ClusterNetwork | None = None
    ) -> Session:
        from runner.runtime.handlers import EngineHandlers
        from runner.runtime.session import Session

        return Session(
            engine=self.engine,
            store=self.store,
            clock=self.clock,
            home=self.home,
            handlers=EngineHandlers(self.engine),
            options=options,
            listener=listener,
            sandbox_image=image,
            network=network,
        )

    # --- looking at pods, and ending them ----------------------------------------------------------------------------

    def delete(self, namespace: str, name: str, *, grace: int | None, force: bool) -> Deletion:
        """Ask for the deletion of a pod: its owner does it, or this process when the owner is dead.

        ``grace`` in seconds, None: the pod's own; ``force`` means 0. Raises UsageError when there is no such pod.
        """
        value = self.store.pod(namespace, name)
        if value is None:
            raise UsageError(f'pods "{name}" not found')
        pod = Pod.from_json({key: part for key, part in value.items() if key != "status"})
        wanted = 0 if force else deletion_grace(pod, grace)
        self.store.request_deletion(pod.uid, self.clock.now(), wanted)
        return Deletion(runner=self, pod=pod)

    def adopt_and_remove(self, pod: Pod) -> None:
        """Remove a pod whose owner is dead: become its owner for what is left of its life. Raises PodIsOwned."""
        from runner.runtime.owning import own

        owned = own(pod, self.home)
        session = self._session(self._on_this_node(RunOptions()), _deaf, image="")
        session.add(owned, is_new=False)
        try:
            session.open(self.clock.now())
            session.start()
            session.delete_all(StopRequest(), grace=pod.deletion_grace)
        finally:
            session.close()

    def logs(
        self,
        namespace: str,
        name: str,
        *,
        container: str | None,
        previous: bool,
        follow: bool,
        tail: int | None,
        since: float | None,
    ) -> Iterator[LogLine]:
        """One container's output. Raises UsageError with kubectl's texts when it cannot be had."""
        from runner.runtime.reading import LogQuestion, read_logs

        value = self.store.pod(namespace, name)
        if value is None:
            raise UsageError(f'pods "{name}" not found')
        question = LogQuestion(container=container, previous=previous, follow=follow, tail=tail, since=since)
        return read_logs(value, question, engine=self.engine, home=self.home, clock=self.clock)

    def wait_for(
        self, namespace: str, name: str, condition: Callable[[Json | None], bool], timeout: float | None
    ) -> Object | None:
        """Wait until the condition holds for the pod (None: there is none). Raises WaitTimeout.

        ``timeout`` in seconds; 0 looks once, None or less than 0 waits without end.
        """
        from runner.clock import Deadline

        endless = timeout is None or timeout < 0
        deadline = Deadline(None if endless else timeout)
        never = Wakeup()
        while True:
            value = self.store.pod(namespace, name)
            if condition(value):
                return value
            if deadline.remaining() == 0:
                raise WaitTimeout(f"timed out waiting for the condition on pods/{name}")
            never.wait(_POLL_SECONDS)

    def gc(self, *, everything: bool, older_than: float | None, dry_run: bool) -> GcReport:
        """Remove what dead processes left behind."""
        from runner.runtime.gc import sweep

        return sweep(self.engine, self.store, self.home, everything=everything, older_than=older_than, dry_run=dry_run)

    def sweep(self) -> None:
        """Remove what dead processes of this state directory left behind; what cannot be removed now is found again."""
        from runner.runtime.gc import sweep

        with suppress(RunnerError):
            sweep(self.engine, self.store, self.home, strangers=False)

    def doctor(self) -> list[tuple[str, str]]:
        """What podrunner sees of its surroundings, as label and value."""
        import runner as package
        from runner.runtime.doctor import engine_rows, leftover_rows, network_row

        rows = [
            ("podrunner", f"{package.__version__} ({Path(package.__file__ or '').parent})"),
            ("State directory", str(self.home.path)),
        ]
        try:
            rows += [("Engine address", self.address.url), ("Address from", self.address.source)]
            rows += engine_rows(self.engine)
            rows.append(network_row(self.engine))
            rows += leftover_rows(self.engine, self.store, self.home)
        except EngineUnavailable as error:
            rows.append(("Problem", error.message))
            rows += [("", line) for line in error.hint.splitlines()]
        return rows


@dataclass(frozen=True, slots=True)
class Deletion:
    """A deletion that has been asked for."""

    runner: Runner
    pod: Pod

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the pod is gone, removing it here when nobody owns it. Raises WaitTimeout."""
        from runner.runtime.ownership import PodIsOwned, is_locked

        uid = self.pod.uid
        if not is_locked(self.runner.home, uid) and self.runner.store.pod_by_uid(uid) is not None:
            with suppress(PodIsOwned, NotFound):  # somebody else may be faster
                self.runner.adopt_and_remove(self.pod)
        self.runner.wait_for(
            self.pod.namespace,
            self.pod.name,
            lambda value: value is None or (value.get("metadata") or {}).get("uid") != uid,
            timeout,
        )
