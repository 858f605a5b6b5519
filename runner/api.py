"""The facade: the one way to load, plan and run pods and to look at them. The library never prints and never exits.

Cheap to make: the store is opened, the Engine found and docker-py imported when they are first needed.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from runner.clock import Clock, SystemClock, Wakeup
from runner.core.admission import admit
from runner.core.model import Json, Pod
from runner.core.termination import deletion_grace
from runner.errors import EngineUnavailable, ManifestError, NotFound, RunnerError, UsageError, WaitTimeout
from runner.retry import RetryPolicy
from runner.runtime.home import Home
from runner.runtime.options import Keep, RunOptions, Until, WorkerOptions
from runner.runtime.outcome import RunResult, StopRequest
from runner.runtime.storage import Object, Store

if TYPE_CHECKING:
    from runner.core.manifest import LoadedObject, LoadResult
    from runner.engine.discover import EngineAddress
    from runner.engine.protocol import Engine
    from runner.runtime.gc import GcReport
    from runner.runtime.narration import Listener, LogLine, Narration
    from runner.runtime.owning import Owned
    from runner.runtime.session import Session

__all__ = [
    "Deletion",
    "Keep",
    "RetryPolicy",
    "RunOptions",
    "RunResult",
    "Runner",
    "StopRequest",
    "Until",
    "WorkerOptions",
]

REFERRED_KINDS = frozenset({"ConfigMap", "Secret"})
"""Kinds that pods refer to: in the store as long as the run that brought them."""
IGNORED_KINDS = frozenset({"Namespace", "PersistentVolume", "PersistentVolumeClaim", "Service", "ServiceAccount"})
"""Kinds that change nothing for one pod on one node; the loader warns about them where that may surprise."""
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_POLL_SECONDS = 0.1


def _suffix() -> str:
    """Five random letters and digits out of those that a generated name may end with."""
    number = uuid.uuid4().int
    return "".join(_SUFFIX_LETTERS[(number >> 8 * place) % len(_SUFFIX_LETTERS)] for place in range(5))


def _bound(pod: Pod, node: str) -> Pod:
    """The pod as the scheduler leaves it, assigned to a node; one that names its node already is left alone."""
    spec = pod.manifest.get("spec") or {}
    return Pod.from_json({**pod.manifest, "spec": {**spec, "nodeName": spec.get("nodeName") or node}})


def _deaf(narration: Narration) -> None:
    """A listener that nobody needs."""


class Runner:
    """Loads, runs and shows pods."""

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        home: Home,
        clock: Clock | None = None,
        store: Store | None = None,
        engine: Engine | None = None,
    ) -> None:
        self._environ = environ
        self.home = home
        self.clock = clock or SystemClock()
        self._given_store = store
        self._given_engine = engine

    @classmethod
    def from_env(cls, environ: Mapping[str, str], *, home: str | None = None) -> Runner:
        """Make one from the environment: ``PODRUNNER_HOME``, ``DOCKER_HOST`` and the like."""
        return cls(environ=environ, home=Home(Path(home)) if home else Home.from_env(environ))

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
        for pod in self._admitted(objects):
            scoped = with_retry_scope(pod, options.worker.retry.scope)
            plan = decide(scoped, Observed(at=now), ProbeResults(), memory, now)
            texts.append("\n  ".join([f"pod/{pod.name}", *str(plan).splitlines()]))
        return "\n".join(texts)

    def _admitted(self, objects: Sequence[LoadedObject]) -> list[Pod]:
        """The pods as an API server would have let them in."""
        unrunnable = [o for o in objects if o.kind not in {"Pod", *REFERRED_KINDS, *IGNORED_KINDS}]
        if unrunnable:
            raise ManifestError(tuple(f"{o.file}: {o.kind} {o.name}: only Pods can be run" for o in unrunnable))
        pods = [o for o in objects if o.kind == "Pod"]
        if not pods:
            raise UsageError("no objects passed to run", hint="a manifest needs at least one Pod")
        return [
            Pod.from_json(
                admit(
                    o.value,
                    namespace=o.namespace,
                    uid=str(uuid.uuid4()),
                    suffix=_suffix(),
                    now=self.clock.now(),
                )
            )
            for o in pods
        ]

    # --- running -----------------------------------------------------------------------------------------------------

    def run(
        self, objects: Sequence[LoadedObject], options: RunOptions, *, listener: Listener, stop: StopRequest
    ) -> RunResult:
        """Run the pods of loaded manifests until what the options ask for, then delete or keep them. Blocks.

        Raises ManifestError, UsageError and AlreadyExists before anything is touched, EngineUnavailable without an Engine.
        """
        options = self._on_this_node(options)
        pods = [_bound(pod, options.worker.node_name) for pod in self._admitted(objects)]
        if options.exit_code_from and not any(pod.container(options.exit_code_from) for pod in pods):
            raise UsageError(f"container {options.exit_code_from} is not valid for pod {pods[0].name}")
        from runner.runtime.owning import abandon, begin_sandbox, own_new
        from runner.runtime.sandboxes import sandbox_reference

        image = sandbox_reference(self.engine, options.worker.sandbox_image)
        since = self.clock.now()
        mine = own_new(pods, self.store, self.home, self._sweep_quietly)
        referred = self._put_objects(objects)
        try:
            for owned in mine:
                begin_sandbox(owned, self.engine, self.store, self.clock, image)
            return self._run_owned(mine, options, image, since, listener, stop)
        except BaseException:
            for owned in mine:
                abandon(owned, self.engine, self.store)
            raise
        finally:
            for kind, namespace, name in referred:
                self.store.remove_object(kind, namespace, name)

    def _run_owned(
        self,
        mine: Sequence[Owned],
        options: RunOptions,
        image: str,
        since: datetime,
        listener: Listener,
        stop: StopRequest,
    ) -> RunResult:
        # Imported while the Engine is busy with the sandboxes.
        from runner.runtime.audience import Audience

        with Audience(self.engine, self.home, options, listener) as audience:
            session = self._session(options, audience, image)
            try:
                for owned in mine:
                    session.add(owned)
                session.open(since)
                session.start()
                threading.Thread(target=self._sweep_quietly, name="podrunner-sweep", daemon=True).start()
                exit_code, message = session.wait(stop)
                reached = session.pods
                session.finish(exit_code, stop)
            finally:
                session.close()
        return RunResult(exit_code=exit_code, pods=reached, message=message)

    def _put_objects(self, objects: Sequence[LoadedObject]) -> list[tuple[str, str, str]]:
        mine = [o for o in objects if o.kind in REFERRED_KINDS]
        for o in mine:
            metadata = {**(o.value.get("metadata") or {}), "namespace": o.namespace}
            self.store.put_object({**o.value, "kind": o.kind, "metadata": metadata})
        return [(o.kind, o.namespace, o.name) for o in mine]

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

    def _session(self, options: RunOptions, listener: Listener, image: str) -> Session:
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

    def _sweep_quietly(self) -> None:
        """Remove what this state directory's dead processes left behind; what cannot be removed now is found again."""
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
