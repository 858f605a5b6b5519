"""The facade: the one way to load, plan and run pods and to look at them. The library never prints and never exits.

Cheap to make: the store is opened, the Engine found and docker-py imported when they are first needed.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO, Unpack

from msgspec.structs import replace

from runner.api.deleting import Deleting
from runner.api.launching import Launch, admission_of
from runner.clock import Clock
from runner.core.kindwords import PODS
from runner.errors import (
    EngineUnavailable,
    ExitCode,
    ManifestError,
    RunnerError,
    StoreError,
    UsageError,
)
from runner.kubelet.options import RunOptions
from runner.node.outcome import RunResult, StopRequest
from runner.registry.home import Home

if TYPE_CHECKING:
    from runner.api.inputs import Manifest
    from runner.api.live import Life
    from runner.api.pods import PodHandle
    from runner.api.records import Records
    from runner.api.reproduce.capturing import Captured
    from runner.api.settings import How
    from runner.client.contract import Waitable
    from runner.core.manifest import LoadedObject, LoadResult
    from runner.core.narration import Listener, Narration
    from runner.core.repeats.outcomes import Repeats
    from runner.engine.protocol import Engine
    from runner.janitor.gc import GcReport
    from runner.registry.contract import Registry


def _deaf(narration: Narration) -> None:
    """A listener that does nothing."""


class Runner(Deleting):
    """Loads, runs and shows pods."""

    def __init__(
        self,
        *,
        environ: Mapping[str, str] | None = None,
        home: Home | str | Path | None = None,
        clock: Clock | None = None,
        store: Registry | None = None,
        engine: Engine | None = None,
        namespace: str = "default",
        options: RunOptions | None = None,
        overrides: Mapping[str, Any] | None = None,
        folder: Path | None = None,
        listener: Listener | None = None,
    ) -> None:
        """Make one from the environment (``PODRUNNER_HOME``, ``DOCKER_HOST`` and the like), or from what is given.

        ``home`` is the state directory. ``namespace`` is where pods without one belong; ``options`` and ``overrides`` (by
        the names of ``Overrides``) are what ``run`` does unless told otherwise; ``folder`` is where manifests are looked
        for that are not below the working directory; ``listener`` is told what happens to pods, unless ``run`` names another.
        """
        super().__init__(environ=environ, home=home, clock=clock, store=store, engine=engine)
        self.namespace = namespace
        self._given_options = options
        self.overrides = dict(overrides or {})
        self.folder = folder
        self.listener = listener or _deaf
        self._lives: list[Life] = []
        self._lives_lock = threading.Lock()

    @cached_property
    def options(self) -> RunOptions:
        """How pods are run unless a call says otherwise."""
        return self._given_options or RunOptions()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close(failed=error is not None and isinstance(error, Exception))

    # --- manifests ---------------------------------------------------------------------------------------------------

    def load(
        self, paths: Sequence[str], *, stdin: TextIO | None, namespace: str = "default", is_admitted: bool = True
    ) -> LoadResult:
        """Load manifests from files, folders and stdin (``-``). Raises UsageError for what cannot be read.

        Without ``is_admitted`` pods are checked as they are written, as by a server without the ServiceAccount admission.
        """
        from runner.api.sources import read_sources
        from runner.core.manifest import load

        return load(read_sources(paths, stdin), namespace=namespace, is_admitted=is_admitted)

    def plan(self, objects: Sequence[LoadedObject], options: RunOptions) -> str:
        """The first decision for each pod, as text, without an Engine."""
        from runner.core.model import Pod
        from runner.core.sync.backoff import BackoffSettings
        from runner.core.sync.decide import Memory
        from runner.core.sync.foresight import first_plan
        from runner.core.sync.restart import with_retry_scope

        now = self.clock.now()
        memory = Memory(crashes={}, attempts={}, settings=BackoffSettings(), schedule=options.worker.retry.delay)
        texts = []
        admission = admission_of(objects)
        pods = self._admitted(objects, admission)
        controllers = self._controllers(objects)
        for controller in controllers:
            pods += [self._made(value, admission) for value in controller.step((), now, 1.0).create]
        for pod in map(Pod.from_json, pods):
            scoped = with_retry_scope(pod, options.worker.retry.scope)
            plan = first_plan(scoped, now, memory)
            texts.append("\n  ".join([f"pod/{pod.name}", *str(plan).splitlines()]))
        texts += [controller.idleness for controller in controllers if controller.is_idle]
        return "\n".join(texts)

    # --- running -----------------------------------------------------------------------------------------------------

    def run(self, *manifests: Manifest, **how: Unpack[How]) -> PodHandle:
        """Start the one pod of the manifests, wait until it is Ready, and leave it running. See ``run_all``.

        Raises UsageError when the manifests begin with more pods than one, or none.
        """
        __tracebackhide__ = True
        (pod,) = self._run(manifests, how, is_one=True)
        return pod

    def run_all(self, *manifests: Manifest, **how: Unpack[How]) -> tuple[PodHandle, ...]:
        """Start the pods of the manifests and wait until all are what ``until`` says; they run on in the background.

        A manifest is a path, a text, a dictionary, an object with ``to_dict()``, or a list of those. What else can be said
        stands at ``How``.

        Raises ManifestError with all problems, UsageError, AlreadyExists, EngineUnavailable; PodFailed and WaitTimeout
        with the pods' status, events and logs in their text, after the pods have been deleted (or kept, if asked for).
        """
        __tracebackhide__ = True
        return self._run(manifests, how, is_one=False)

    def _run(self, manifests: Sequence[Manifest], how: How, *, is_one: bool) -> tuple[PodHandle, ...]:
        __tracebackhide__ = True
        try:
            return self._begun(manifests, how, is_one=is_one)
        except (
            RunnerError
        ) as error:  # What is expected to go wrong says what it is; where we were says nothing to anybody.
            raise error.with_traceback(None) from None

    def _begun(self, manifests: Sequence[Manifest], how: How, *, is_one: bool) -> tuple[PodHandle, ...]:
        # What only a program needs: a command comes by without it.
        from runner.api.live import Life
        from runner.api.settings import options_of, overrides_of

        options = options_of(how, self.options)
        result = self.load_any(manifests)
        if not result.ok:
            raise ManifestError(tuple(str(problem) for problem in result.problems))
        if not result.objects:
            raise UsageError("the manifests hold no objects")
        life = Life(self, options, how.get("listener") or self.listener)
        with self._lives_lock:
            self._lives.append(life)
        try:
            return life.begin(overrides_of(how, self.overrides).apply(result.objects), is_one=is_one)
        except BaseException:
            self._forget(life)
            raise

    def _forget(self, life: Life) -> None:
        """A run is over."""
        with self._lives_lock:
            self._lives = [one for one in self._lives if one is not life]

    def load_any(self, manifests: Sequence[Manifest]) -> LoadResult:
        """Load manifests in any form that ``run`` takes, with all their problems. Raises UsageError for what is none."""
        from runner.api.inputs import sources_of
        from runner.core.manifest import load

        return load(sources_of(manifests, self.folder), namespace=self.namespace, is_admitted=True)

    @property
    def pods(self) -> tuple[PodHandle, ...]:
        """The pods that this object has started and that are not gone."""
        with self._lives_lock:
            return tuple(pod for life in self._lives for pod in life.pods)

    def end(self, pods: Sequence[PodHandle]) -> None:
        """Delete pods together, with what came in the same manifests; what goes wrong with some is raised after the others."""
        with self._lives_lock:
            lives = [life for life in self._lives if any(pod in life.pods for pod in pods)]
        problem: Exception | None = None
        for life in lives:
            try:
                life.end()
            except Exception as error:
                problem = problem or error
            finally:
                self._forget(life)
        if problem is not None:
            raise problem

    def close(self, *, failed: bool = False) -> None:
        """End everything that was started here: pods are deleted, or kept if their options say so.

        ``failed``: it did not go well, which decides about pods that are kept then. A KeyboardInterrupt meanwhile kills
        what is left, and is raised again. What goes wrong with some is raised after the others have ended.
        """
        with self._lives_lock:
            lives, self._lives = self._lives, []
        exit_code = ExitCode.POD_FAILED if failed else ExitCode.OK
        interrupt: KeyboardInterrupt | None = None
        problem: Exception | None = None
        try:
            for life in lives:
                life.announce_end(exit_code)
        except KeyboardInterrupt as error:
            interrupt = error
        for life in lives:
            try:
                life.end(exit_code=exit_code, at_once=interrupt is not None)
            except KeyboardInterrupt as error:
                interrupt = error
            except Exception as error:
                problem = problem or error
        self.release()
        if interrupt is not None:
            raise interrupt
        if problem is not None:
            raise problem

    def own_namespace(self, name: str) -> None:
        """Have a namespace that lives no longer than this process: when it is dead, a sweep removes what is left in it."""
        from runner.registry.leases import new_lease
        from runner.registry.namespaces import own_namespace

        own_namespace(self.registry, name, new_lease(self.home))

    def remove_namespace(self, name: str) -> None:
        """Remove a namespace whose pods are gone, with its claims and their volumes. Raises EngineError."""
        from runner.registry.namespaces import remove_namespace

        remove_namespace(self.engine, self.registry, name)

    def run_to_end(
        self, objects: Sequence[LoadedObject], options: RunOptions, *, listener: Listener, stop: StopRequest
    ) -> RunResult:
        """Run the pods of loaded manifests until what the options ask for, then delete or keep them. Blocks.

        Raises ManifestError, UsageError and AlreadyExists before anything is touched, EngineUnavailable without an Engine.
        """
        with self.launched(objects, options) as launch:
            return self._run_launched(launch, listener, stop)

    def _run_launched(self, launch: Launch, listener: Listener, stop: StopRequest) -> RunResult:
        with self.working(launch, listener, stop) as run:
            exit_code, message = run.wait(stop, self.client)
            reached = run.pods
            launch.recording.end(exit_code, message)
            run.finish(exit_code, stop)
        return RunResult(exit_code=exit_code, pods=reached, message=message)

    @cached_property
    def records(self) -> Records:
        """What runs of this state directory did, those that are over and those that go on."""
        from runner.api.records import Records

        return Records(self.home, self.clock.now)

    def capture(
        self, pod: str, output: str | Path | None = None, *, namespace: str | None = None, with_secrets: bool = False
    ) -> Captured:
        """Write down what is needed to run a pod again elsewhere, and to see it fail again; returns what was written and where.

        ``pod`` is a pod's name, ``POD@RUN``, ``last``, a run's id or a directory of ``artifacts``; of a run it is all its pods.
        ``output`` is a ``.tar`` that is not there yet, by default the pod's name. Values of Secrets are redacted everywhere
        but for ``with_secrets``. Raises UsageError for a pod that there is no trace of, and for a file that cannot be written.
        """
        from runner.api.captures import write_capture
        from runner.api.reproduce.capturing import captured

        place, now = namespace or self.namespace, self.clock.now()
        found = captured(self.client, self.records, pod, place, now=now, with_secrets=with_secrets)
        found = replace(found, path=Path(output or f"{found.pods[0]}.tar"))
        write_capture(found.path, found.members)
        return found

    def repeat(self, *manifests: Manifest, n: int = 20, parallel: int = 1, **how: Unpack[How]) -> Repeats:
        """Run the pods of the manifests ``n`` times; returns how often they pass, and what became of the others.

        Each run has names and volumes of its own. ``how`` is as for ``run_all``, but that ``until`` is by default ``completed``
        where all pods come to an end, that a restart is a failure unless ``max_restarts`` allows it, and that ``artifacts``
        gets a directory for each run. ``{n}`` in values of ``env`` and ``config`` is the number of the run, from 1.

        Raises what ``run_all`` raises for manifests and options that cannot be, and EngineUnavailable.
        """
        from runner.api.reproduce.repeating import repeat_manifests

        return repeat_manifests(self, manifests, how, n=n, parallel=parallel)

    # --- what is there -----------------------------------------------------------------------------------------------

    def delete(self, namespace: str, name: str, *, grace: int | None, force: bool) -> Waitable:
        """Ask for the deletion of a pod: its owner does it, or this process when the owner is dead.

        ``grace`` in seconds, None: the pod's own; ``force`` means 0. Raises NoSuchObject when there is no such pod.
        """
        return self.client.delete(PODS.kind, namespace, name, grace=0 if force else grace)

    def gc(self, *, everything: bool, older_than: float | None, dry_run: bool, other_homes: bool = False) -> GcReport:
        """Remove what dead processes left behind; see ``runner.janitor.gc.sweep``. A damaged database is set aside first."""
        from runner.janitor.gc import sweep
        from runner.janitor.images import sweep_images

        with self.sound_store(is_only_looked_at=dry_run) as (store, damage):
            report = sweep(
                self.engine,
                store,
                self.home,
                self.clock,
                everything=everything,
                older_than=older_than,
                dry_run=dry_run,
                other_homes=other_homes,
            )
        images, problems = sweep_images(self.engine, dry_run=dry_run)
        return replace(report, damage=damage, images=tuple(images), problems=(*report.problems, *problems))

    def doctor(self) -> list[tuple[str, str]]:
        """What podrunner sees of its surroundings, as label and value."""
        import runner as package
        from runner.janitor.doctor import engine_rows, leftover_rows, network_row
        from runner.kubelet.sandboximage import sandbox_reference

        rows = [
            ("podrunner", f"{package.__version__} ({Path(package.__file__ or '').parent})"),
            ("State directory", str(self.home.path)),
        ]
        try:
            with self.sound_store(is_only_looked_at=True) as (store, damage):
                rows += [("State database", damage)] if damage else []
                store.version()
        except StoreError as error:
            rows.append(("State database", error.message))
        try:
            if self._given_engine is None:
                rows += [("Engine address", self.address.url), ("Address from", self.address.source)]
            rows += engine_rows(self.engine)
            rows.append(network_row(self.engine, sandbox_reference(self.engine, "")))
            with self.sound_store(is_only_looked_at=True) as (store, _):
                rows += leftover_rows(self.engine, store, self.home, self.clock)
        except (EngineUnavailable, StoreError) as error:
            rows.append(("Problem", error.message))
            rows += [("", line) for line in error.hint.splitlines()]
        return rows
