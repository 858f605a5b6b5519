"""A command line without a process: injected streams, environment and clock, a store in memory and a scripted runner."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TextIO

from msgspec.structs import asdict

from runner.api.records import Records
from runner.api.sources import read_sources
from runner.cli.app import App
from runner.cli.main import main
from runner.client.contract import Subscribe, Waitable
from runner.client.local import LocalClient
from runner.clock import Clock, VirtualClock
from runner.core.logquestion import LogQuestion
from runner.core.manifest import LoadedObject, LoadResult, load
from runner.core.model import Json, Object, Pod
from runner.core.narration import Listener, LogLine, Narration, PodRef
from runner.core.status.podstatus import PodStatus
from runner.core.text.times import format_time
from runner.engine.protocol import Engine
from runner.errors import UsageError
from runner.janitor.gc import GcReport
from runner.kubelet.options import RunOptions
from runner.node.outcome import StopRequest
from runner.registry.contract import Change, Registry, Watch
from runner.registry.home import Home
from runner.registry.memory import MemoryRegistry

START = datetime(2030, 5, 1, 12, 0, 0, tzinfo=UTC)
REF = PodRef(namespace="default", name="web", uid="uid-web")


class TickingClock(VirtualClock):
    """A clock on which one prepared step happens at each sleep; after the last one the user presses Ctrl-C."""

    def __init__(self) -> None:
        super().__init__(START)
        self.steps: list[Callable[[], object]] = []

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if not self.steps:
            raise KeyboardInterrupt
        self.steps.pop(0)()


class CountingStop(StopRequest):
    """Counts requests."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def request(self) -> None:
        super().request()
        self.count += 1


@dataclass
class FakeResult:
    exit_code: int = 0
    pods: tuple[Object, ...] = ()
    message: str = ""


@dataclass
class FakeDeletion:
    """A deletion that notes how long it was waited for."""

    waited: list[float | None] = field(default_factory=list)
    needs_waiting: bool = False

    def wait(self, timeout: float | None = None) -> None:
        self.waited.append(timeout)


@dataclass
class FakeRunner:
    """Answers what a test prepared and remembers what it was asked."""

    store: Registry = field(default_factory=MemoryRegistry)
    clock: Clock = field(default_factory=TickingClock)
    narrations: list[Narration] = field(default_factory=list)
    result: FakeResult = field(default_factory=FakeResult)
    lines: dict[str, list[LogLine]] = field(default_factory=dict)
    deletion: FakeDeletion = field(default_factory=FakeDeletion)
    report: GcReport = field(default_factory=GcReport)
    rows: list[tuple[str, str]] = field(default_factory=list)
    while_running: Callable[[Listener, StopRequest], None] | None = None
    asked: dict[str, Any] = field(default_factory=dict)

    records: Records = field(default_factory=lambda: Records(Home(Path("/nonexistent")), lambda: START))

    def release(self) -> None:
        self.asked["released"] = True

    def load(
        self, paths: Sequence[str], *, stdin: TextIO | None, namespace: str, is_admitted: bool = True
    ) -> LoadResult:
        sources = read_sources(paths, stdin)
        return load(sources, namespace=namespace, is_admitted=is_admitted)

    def run_to_end(
        self, objects: Sequence[LoadedObject], options: RunOptions, *, listener: Listener, stop: StopRequest
    ) -> FakeResult:
        self.asked["objects"], self.asked["options"] = list(objects), options
        for narration in self.narrations:
            listener(narration)
        if self.while_running is not None:
            self.while_running(listener, stop)
        return self.result

    def plan(self, objects: Sequence[LoadedObject], options: RunOptions) -> str:
        return "\n".join(f"plan of {o.name}, retry {options.worker.retry.scope}" for o in objects)

    def remove_kept(self, objects: Sequence[LoadedObject], grace: int | None) -> list[str]:
        self.asked["replaced"] = ([one.name for one in objects], grace)
        return ["pod/web"]

    def own_namespace(self, name: str) -> None:
        self.asked.setdefault("owned", []).append(name)

    def remove_namespace(self, name: str) -> None:
        self.asked.setdefault("removed", []).append(name)

    @property
    def client(self) -> FakeClient:
        return FakeClient(self)

    @property
    def registry(self) -> Registry:
        return self.store

    @property
    def engine(self) -> Engine:
        raise AssertionError("no Engine is needed")

    @property
    def home(self) -> Home:
        raise AssertionError("no state directory is needed")

    def adopt_and_remove(self, *pods: Pod) -> None:
        raise AssertionError(f"nobody ends {pods}")

    def gc(self, *, everything: bool, older_than: float | None, dry_run: bool, other_homes: bool = False) -> GcReport:
        self.asked["gc"] = (everything, older_than, dry_run, other_homes)
        return self.report

    def doctor(self) -> list[tuple[str, str]]:
        return self.rows


class SteppingWatch:
    """Lets one prepared step happen whenever there is nothing new."""

    def __init__(self, watch: Watch, clock: Clock) -> None:
        self._watch = watch
        self._clock = clock

    def next(self, timeout: float | None = None) -> list[Change]:
        end = None if timeout is None else self._clock.steady() + timeout
        while not (found := self._watch.next(0)) and (end is None or self._clock.steady() < end):
            self._clock.sleep(0.01)
        return found

    def close(self) -> None:
        self._watch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class FakeClient(LocalClient):
    """Reads the store, and notes what else it is asked."""

    def __init__(self, runner: FakeRunner) -> None:
        super().__init__(runner, runner)
        self._runner = runner

    def delete(self, kind: str, namespace: str, name: str, *, grace: int | None = None, uid: str = "") -> FakeDeletion:  # noqa: ARG002
        runner = self._runner
        if kind == "Pod":
            runner.asked.setdefault("deleted", []).append((namespace, name, grace))
        else:
            runner.asked.setdefault("deleted objects", []).append((kind, namespace, name, grace))
            runner.store.delete(kind, namespace, name)
        return runner.deletion

    def watch(
        self,
        kinds: str | Sequence[str],
        namespace: str | None = None,
        *,
        name: str | None = None,
        uids: Sequence[str] | None = None,
        since: str | None = None,
    ) -> Watch:
        inner = super().watch(kinds, namespace, name=name, uids=uids, since=since)
        return SteppingWatch(inner, self._runner.clock)

    def finish(self, deletions: Sequence[Waitable]) -> None:
        self._runner.asked["unowned"] = len(deletions)

    def wait(
        self, kind: str, namespace: str, name: str, holds: Callable[[Object | None], bool], timeout: float | None
    ) -> Object | None:
        self._runner.asked["timeout"] = timeout
        clock = self._runner.clock
        assert isinstance(clock, TickingClock)
        return super().wait(kind, namespace, name, holds, timeout if clock.steps else 0)

    def logs(
        self,
        namespace: str,
        name: str,
        question: LogQuestion,
        *,
        on_stop: Subscribe | None = None,  # noqa: ARG002 - it ends by itself
    ) -> Iterator[Sequence[LogLine]]:
        self._runner.asked["logs"] = {"namespace": namespace, "name": name, **asdict(question)}
        if question.container not in self._runner.lines:
            raise UsageError(f"container {question.container} is not valid for pod {name}")
        lines, wanted = self._runner.lines[question.container], question.attempt
        return iter([line] for line in lines if wanted is None or line.attempt == wanted)

    def attempts(self, namespace: str, name: str, container: str | None) -> Sequence[int]:
        self.get("Pod", namespace, name)
        return sorted({line.attempt for line in self._runner.lines.get(container or "", ())})


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class CommandLine:
    """Runs commands against one fake runner."""

    runner: FakeRunner = field(default_factory=FakeRunner)
    clock: TickingClock = field(default_factory=TickingClock)
    stop: CountingStop = field(default_factory=CountingStop)
    environ: dict[str, str] = field(default_factory=dict)
    homes: list[str | None] = field(default_factory=list)

    def __call__(self, *argv: str, stdin: str = "", stdout: TextIO | None = None, terminal: bool = False) -> Done:
        out = stdout or (Terminal() if terminal else io.StringIO())
        err = Terminal() if terminal else io.StringIO()

        def make(_environ: Mapping[str, str], home: str | None) -> FakeRunner:
            self.homes.append(home)
            self.runner.clock = self.clock
            return self.runner

        app = App(
            stdin=io.StringIO(stdin),
            stdout=out,
            stderr=err,
            environ={"PODRUNNER_DEBUG": "1", **self.environ},
            clock=self.clock,
            make_runner=make,
            make_stop=lambda: self.stop,
        )
        with redirect_stdout(out):
            code = main(argv, app)
        return Done(code, out.getvalue() if isinstance(out, io.StringIO) else "", err.getvalue())


class Terminal(io.StringIO):
    """Text that is read by a person."""

    def isatty(self) -> bool:
        return True


def pod(name: str = "web", *, namespace: str = "default", phase: str = "Running", age: int = 5, **more: Any) -> Object:
    """A pod with one init container and one app container, created ``age`` seconds ago."""
    created = format_time(START - timedelta(seconds=age))
    running = phase == "Running"
    state: Json = {"running": {"startedAt": created}} if running else {"waiting": {"reason": "PodInitializing"}}
    init: Json = {"terminated": {"exitCode": 0, "reason": "Completed"}} if running else {"running": {}}
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "creationTimestamp": created, **more},
        "spec": {
            "nodeName": "node-1",
            "initContainers": [{"name": "first", "image": "busybox:1.36"}],
            "containers": [{"name": "main", "image": "nginx:1.27"}],
        },
        "status": {
            "phase": phase,
            "podIP": "10.0.0.7",
            "podIPs": [{"ip": "10.0.0.7"}],
            "conditions": [
                {"type": "Initialized", "status": str(running)},
                {"type": "Ready", "status": str(running)},
            ],
            "initContainerStatuses": [{"name": "first", "state": init, "ready": running}],
            "containerStatuses": [{"name": "main", "state": state, "ready": running}],
        },
    }


def put_pod(store: Registry, value: Object) -> None:
    """Store a pod with its status."""
    store.create({**value, "status": PodStatus.from_json(value["status"]).to_json()}, holder="test")


def publish(store: Registry, value: Object) -> None:
    store.publish_status(value["metadata"]["uid"], PodStatus.from_json(value["status"]))


def event(
    name: str, reason: str, message: str, *, seconds_ago: int = 3, kind: str = "Normal", container: str = ""
) -> Object:
    """An event about a pod of the default namespace."""
    moment = format_time(START - timedelta(seconds=seconds_ago))
    involved = {"kind": "Pod", "namespace": "default", "name": name, "uid": f"uid-{name}"}
    if container:
        involved["fieldPath"] = f"spec.containers{{{container}}}"
    return {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {"name": f"{name}.{reason.lower()}", "namespace": "default"},
        "involvedObject": involved,
        "type": kind,
        "reason": reason,
        "message": message,
        "count": 1,
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "source": {"component": "kubelet"},
    }


def line(text: str, *, container: str = "main", is_init: bool = False, attempt: int = 0) -> LogLine:
    return LogLine(
        ref=REF,
        container=container,
        is_init=is_init,
        attempt=attempt,
        stream="stdout",
        data=text.encode(),
        timestamp="2030-05-01T12:00:00.123456789Z",
    )
