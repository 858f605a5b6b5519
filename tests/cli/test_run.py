"""run: options, narration, logs, the result, interruption."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.clock import VirtualClock
from runner.core.events import Event
from runner.core.images.progress import PullProgress
from runner.core.model import Object, RetryScope
from runner.core.narration import EventRecorded, Listener, PodRef, Pulling, StatusChanged
from runner.core.status.podstatus import PodStatus
from runner.engine.calllog import CallLog
from runner.engine.seam import Seam
from runner.engine.simulated import SimulatedEngine
from runner.errors import AlreadyExists, EngineUnavailable, ManifestError
from runner.kubelet.options import Keep, RunOptions, Until
from runner.node.outcome import StopRequest
from tests.cli.support import REF, START, CommandLine, FakeResult, event, line, pod

MANIFEST = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  initContainers:
  - name: first
    image: busybox:1.36
  containers:
  - name: main
    image: nginx:1.27
"""


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    path = tmp_path / "pod.yaml"
    path.write_text(MANIFEST)
    return str(path)


def status_changed(value: Object) -> StatusChanged:
    return StatusChanged(at=START, ref=REF, manifest=value, status=PodStatus.from_json(value["status"]))


@pytest.fixture
def podrunner() -> CommandLine:
    """A run in which a little happens."""
    command_line = CommandLine()
    command_line.runner.narrations = [
        EventRecorded(
            at=START, ref=REF, record=Event.from_json(event("web", "Pulled", "it is there", container="main"))
        ),
        status_changed(pod("web", phase="Pending")),
        line("Init Container 1", container="first", is_init=True),
        status_changed(pod("web")),
        line("serving"),
    ]
    command_line.runner.result = FakeResult(pods=(pod("web"),))
    return command_line


LOGS = "first | Init Container 1\nmain  | serving\n"


def test_logs_go_to_stdout_and_narration_to_stderr(podrunner: CommandLine, manifest: str) -> None:
    done = podrunner("run", manifest)
    assert (done.code, done.out) == (0, LOGS)
    assert [text.split("  ", 2)[2] for text in done.err.splitlines()] == [
        "Normal   Pulled     main: it is there",
        "Status   Init:0/1",
        "Status   Init:0/1 → Running (1/1 ready)",
    ]


@pytest.mark.parametrize("argv", ["-f MANIFEST", "MANIFEST", "-", "-f -"])
def test_manifests_come_from_files_and_from_stdin(podrunner: CommandLine, manifest: str, argv: str) -> None:
    done = podrunner("run", *argv.replace("MANIFEST", manifest).split(), stdin=MANIFEST)
    assert done.code == 0
    assert [o.name for o in podrunner.runner.asked["objects"]] == ["web"]


def options_of(podrunner: CommandLine, *argv: str) -> RunOptions:
    done = podrunner("run", "-", *argv, stdin=MANIFEST)
    assert done.code == 0, done.err
    found = podrunner.runner.asked["options"]
    assert isinstance(found, RunOptions)
    return found


def test_the_options_have_the_documented_defaults(podrunner: CommandLine) -> None:
    options = options_of(podrunner)
    assert (options.until, options.timeout, options.keep, options.artifacts) == (
        Until.COMPLETED,
        None,
        Keep.NEVER,
        None,
    )
    assert (options.exit_code_from, options.worker.sandbox_image) == ("", "")
    assert (options.worker.max_restarts, options.worker.speed) == (None, 1.0)
    assert options.worker.retry.scope is RetryScope.POD
    assert (options.worker.retry.initial, options.worker.retry.cap) == (10.0, 300.0)


@pytest.mark.parametrize(
    ("argv", "picked", "expected"),
    [
        ("--until ready", "until", Until.READY),
        ("--timeout 1m30s", "timeout", 90.0),
        ("--timeout 20", "timeout", 20.0),
        ("--keep failed", "keep", Keep.FAILED),
        ("--artifacts out", "artifacts", Path("out")),
        ("--exit-code-from main", "exit_code_from", "main"),
    ],
)
def test_a_flag_reaches_the_run(podrunner: CommandLine, argv: str, picked: str, expected: Any) -> None:
    assert getattr(options_of(podrunner, *argv.split()), picked) == expected


@pytest.mark.parametrize(
    ("argv", "picked", "expected"),
    [
        ("--max-restarts 3", "max_restarts", 3),
        ("--speed 20", "speed", 20.0),
        ("--sandbox-image pause:3.9", "sandbox_image", "pause:3.9"),
    ],
)
def test_a_flag_reaches_the_workers(podrunner: CommandLine, argv: str, picked: str, expected: Any) -> None:
    assert getattr(options_of(podrunner, *argv.split()).worker, picked) == expected


def test_retry_and_backoff_make_the_policy(podrunner: CommandLine) -> None:
    policy = options_of(podrunner, "--retry", "container", "--backoff", "1s..8s").worker.retry
    assert policy.scope is RetryScope.CONTAINER
    assert [policy.delay(n) for n in range(1, 7)] == [0, 1, 2, 4, 8, 8]


def test_a_variable_sets_an_option_and_a_flag_beats_it(podrunner: CommandLine) -> None:
    podrunner.environ = {"PODRUNNER_RUN_RETRY": "container", "PODRUNNER_RUN_UNTIL": "ready"}
    options = options_of(podrunner, "--retry", "pod")
    assert (options.worker.retry.scope, options.until) == (RetryScope.POD, Until.READY)


@pytest.mark.parametrize(
    "argv",
    [
        "--until whenever",
        "--timeout soon",
        "--timeout 0",
        "--retry all",
        "--backoff 5m..10s",
        "--backoff soon",
        "--speed 0",
        "--max-restarts -1",
        "--progress loud",
        "-o csv",
        "--keep maybe",
        "--color green",
    ],
)
def test_a_bad_value_is_a_usage_error_and_nothing_runs(podrunner: CommandLine, argv: str) -> None:
    done = podrunner("run", "-", *argv.split(), stdin=MANIFEST)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert "options" not in podrunner.runner.asked


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("name", "pod/web\n"),
        ("jsonpath={.status.phase}", "Running"),
    ],
)
def test_a_machine_format_has_stdout_for_itself(
    podrunner: CommandLine, manifest: str, form: str, expected: str
) -> None:
    """The logs move to standard error."""
    done = podrunner("run", manifest, "-o", form)
    assert done.out == expected
    assert "first | Init Container 1\n" in done.err


def test_json_at_the_end_is_the_pod(podrunner: CommandLine, manifest: str) -> None:
    assert json.loads(podrunner("run", manifest, "-o", "json").out)["metadata"]["name"] == "web"


def test_a_table_at_the_end_stands_below_the_logs(podrunner: CommandLine, manifest: str) -> None:
    done = podrunner("run", manifest, "-o", "table")
    assert done.out == LOGS + "NAME   READY   STATUS    RESTARTS   AGE\nweb    1/1     Running   0          5s\n"


@pytest.mark.parametrize("argv", [["-q"], ["--progress", "quiet"]])
def test_quiet_says_nothing_but_the_logs(podrunner: CommandLine, manifest: str, argv: list[str]) -> None:
    done = podrunner("run", manifest, *argv)
    assert (done.out, done.err) == (LOGS, "")


def test_json_progress_is_one_object_a_line(podrunner: CommandLine, manifest: str) -> None:
    done = podrunner("run", manifest, "--progress", "json")
    assert [json.loads(text)["type"] for text in done.err.splitlines()] == ["event", "status", "status"]
    lines = [json.loads(text) for text in done.out.splitlines()]
    assert {(one["type"], one["pod"], one["attempt"]) for one in lines} == {("log", "web", 0)}
    assert "".join(f"{one['container']:<5} | {one['text']}\n" for one in lines) == LOGS


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        pytest.param(FakeResult(exit_code=1, message="pod web failed: Error"), 1, id="the pod failed"),
        pytest.param(FakeResult(exit_code=4, message="timed out"), 4, id="the time ran out"),
        pytest.param(EngineUnavailable("no Engine", hint="start one"), 3, id="no Engine"),
        pytest.param(ManifestError(("f:1:1: a", "f:2:1: b")), 2, id="a manifest that is wrong"),
        pytest.param(RuntimeError("oh"), 1, id="a mistake of ours"),
    ],
)
def test_the_last_word_of_json_progress_is_an_object_too(
    podrunner: CommandLine, manifest: str, outcome: FakeResult | Exception, code: int
) -> None:
    def fail(_listener: Listener, _stop: StopRequest) -> None:
        assert isinstance(outcome, Exception)
        raise outcome

    if isinstance(outcome, FakeResult):
        podrunner.runner.result = outcome
    else:
        podrunner.runner.while_running = fail
    podrunner.environ["PODRUNNER_DEBUG"] = ""
    done = podrunner("run", manifest, "--progress", "json")
    told = [json.loads(text) for text in done.err.splitlines()]
    assert (done.code, told[-1]["type"], told[-1]["exitCode"]) == (code, "error", code)
    assert told[-1]["message"]


CONFIG = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {level: "1"}
"""


def test_flags_change_manifests_for_this_run(podrunner: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text(MANIFEST + CONFIG)
    flags = ["--set-image", "main=nginx:2", "--env", "A=1=2", "--env", "main:B=x:y", "--config", "settings/level=7"]
    done = podrunner("run", str(path), *flags, "--grace-period", "3")
    assert done.code == 0, done.err
    pod_object, config = podrunner.runner.asked["objects"]
    spec = pod_object.value["spec"]
    assert [one["image"] for one in (*spec["initContainers"], *spec["containers"])] == ["busybox:1.36", "nginx:2"]
    assert spec["initContainers"][0]["env"] == [{"name": "A", "value": "1=2"}]
    assert spec["containers"][0]["env"] == [{"name": "A", "value": "1=2"}, {"name": "B", "value": "x:y"}]
    assert config.value["data"] == {"level": "7"}
    assert podrunner.runner.asked["options"].grace == 3
    again = podrunner("run", str(path), "--env", "main:B-", "--env", "A-")
    assert again.code == 0
    assert podrunner.runner.asked["objects"][0].value["spec"]["containers"][0]["env"] == []


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("--set-image main", "not of the form CONTAINER=IMAGE"),
        ("--set-image nosuch=a", "no container nosuch to give another image"),
        ("--env A", "not of the form [CONTAINER:]NAME=VALUE"),
        ("--env -", "not of the form [CONTAINER:]NAME=VALUE"),
        ("--env :A=1", "names no container before the colon"),
        ("--env nosuch:A=1", "no container nosuch to give another env"),
        ("--env main=1 --env main:A=1", "is a container and a variable of all containers"),
        ("--config level=1", "not of the form NAME/KEY=VALUE"),
        ("--config nosuch/level=1", "no ConfigMap or Secret nosuch"),
        ("--grace-period -1", "not in the range"),
    ],
)
def test_changes_that_cannot_be_made_touch_nothing(
    podrunner: CommandLine, manifest: str, argv: str, message: str
) -> None:
    done = podrunner("run", manifest, *argv.split())
    assert (done.code, "objects" in podrunner.runner.asked) == (2, False)
    assert message in done.err


def test_what_was_kept_is_replaced_only_when_asked_for(podrunner: CommandLine, manifest: str) -> None:
    def taken(_listener: Listener, _stop: StopRequest) -> None:
        raise AlreadyExists("pods", "web")

    podrunner.runner.while_running = taken
    done = podrunner("run", manifest, "-q")
    assert (done.code, "replaced" in podrunner.runner.asked) == (2, False)
    assert done.err.startswith('error: pods "web" already exists\nhint: podrunner run --replace')
    podrunner.runner.while_running = None
    done = podrunner("run", manifest, "-q", "--replace", "--grace-period", "1")
    assert (done.code, podrunner.runner.asked["replaced"]) == (0, (["web"], 1))
    assert done.err == "deleted pod/web, which an earlier run had kept\n"


def test_the_flags_of_run_are_grouped(podrunner: CommandLine) -> None:
    text = podrunner("run", "--help").out
    heads = [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert heads == [
        "When it ends:",
        "When something fails:",
        "Changes for this run:",
        "What it shows:",
        "Other options:",
    ]


def test_a_compose_file_gets_one_sentence_of_advice(podrunner: CommandLine) -> None:
    for verb in ("run", "validate"):
        done = podrunner(verb, "-", stdin="services:\n  web:\n    image: nginx\n")
        assert (done.code, done.err.count("Compose file"), done.err.count("kompose convert")) == (2, 1, 1)
        assert "Required value" not in done.err


def test_a_namespace_that_was_asked_for_holds_for_every_object(podrunner: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(MANIFEST.replace("metadata:\n", "metadata:\n  namespace: a\n"))
    for verb in ("run", "plan", "validate", "simulate", "delete -f"):
        done = podrunner(*verb.split(), str(path), "-n", "b")
        assert (done.code, done.out) == (2, "")
        assert 'the namespace from the provided object "a" does not match the namespace "b".' in done.err
        assert "You must pass '--namespace=a' to perform this operation." in done.err
    assert podrunner("validate", str(path), "-n", "a").code == 0
    podrunner.environ["PODRUNNER_NAMESPACE"] = "b"
    assert podrunner("validate", str(path)).code == 0, "a default asks for nothing"


def test_a_terminal_gets_colours_and_bars(podrunner: CommandLine, manifest: str) -> None:
    progress = PullProgress(layer="abc", status="Downloading", current=1, total=2)
    podrunner.runner.narrations.insert(1, Pulling(ref=REF, container="main", image="nginx:1.27", progress=progress))
    done = podrunner("run", manifest, terminal=True)
    assert "nginx:1.27 abc Downloading" in done.err
    assert "\x1b[" in done.err


@pytest.mark.parametrize(
    ("environ", "argv", "coloured"),
    [
        ({}, [], False),
        ({"FORCE_COLOR": "1"}, [], True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
        ({}, ["--color", "always"], True),
        ({"PODRUNNER_COLOR": "always"}, [], True),
        ({"PODRUNNER_COLOR": "always"}, ["--color", "never"], False),
    ],
)
def test_colours_follow_flag_variables_and_terminal(
    podrunner: CommandLine, manifest: str, environ: dict[str, str], argv: list[str], coloured: bool
) -> None:
    podrunner.environ = environ
    done = podrunner("run", manifest, *argv)
    assert ("\x1b[" in done.out, "\x1b[" in done.err) == (coloured, coloured)


@pytest.mark.parametrize(
    ("result", "code", "last_line"),
    [
        (FakeResult(exit_code=1, message="pod default/web failed"), 1, "error: pod default/web failed"),
        (FakeResult(exit_code=7, message="container main exited with 7"), 7, "error: container main exited with 7"),
        (FakeResult(exit_code=130, message="interrupted"), 130, "interrupted"),
        (FakeResult(exit_code=0, message="reached ready"), 0, "reached ready"),
    ],
)
def test_the_result_gives_the_exit_code_and_the_last_line(
    podrunner: CommandLine, manifest: str, result: FakeResult, code: int, last_line: str
) -> None:
    podrunner.runner.result = result
    done = podrunner("run", manifest)
    assert (done.code, done.err.splitlines()[-1]) == (code, last_line)


def test_a_timeout_shows_the_last_status_and_the_events(podrunner: CommandLine, manifest: str) -> None:
    podrunner.runner.result = FakeResult(exit_code=4, pods=(pod("web"),), message="timed out after 20s")
    podrunner.runner.store.record_event(event("web", "Failed", "no such image", kind="Warning"))
    done = podrunner("run", manifest, "-q")
    assert done.code == 4
    assert done.err == (
        "NAME   READY   STATUS    RESTARTS   AGE   IP         NODE     NOMINATED NODE   READINESS GATES\n"
        "web    1/1     Running   0          5s    10.0.0.7   node-1   <none>           <none>\n"
        "Events of web:\n"
        "  Type     Reason  Age   From     Message\n"
        "  ----     ------  ----  ----     -------\n"
        "  Warning  Failed  3s    kubelet  no such image\n"
        "error: timed out after 20s\n"
    )


def test_no_engine_ends_with_3_and_the_hint(podrunner: CommandLine, manifest: str) -> None:
    def refuse(_listener: Listener, _stop: object) -> None:
        raise EngineUnavailable("no Engine answers", hint="tried unix:///a\ninstall docker.io")

    podrunner.runner.while_running = refuse
    done = podrunner("run", manifest, "-q")
    assert (done.code, done.out) == (3, LOGS)
    assert done.err == "error: no Engine answers\nhint: tried unix:///a\n      install docker.io\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("keep", "first", "second"),
    [
        ("never", "deleting pods (they have up to 30s), Ctrl-C again to kill", "killing"),
        ("failed", "deleting pods (they have up to 30s), Ctrl-C again to kill", "killing"),
        ("always", "the pods are kept, and run on; Ctrl-C again to wait for nothing", "leaving"),
    ],
)
def test_a_signal_asks_for_a_graceful_end_and_a_second_one_kills_unless_the_pods_are_kept(
    podrunner: CommandLine, manifest: str, number: signal.Signals, keep: str, first: str, second: str
) -> None:
    """The handlers are gone afterwards."""
    before = signal.getsignal(number)

    def interrupted(_listener: Listener, _stop: object) -> None:
        for wanted in (1, 2):
            os.kill(os.getpid(), number)
            assert reached(lambda wanted=wanted: podrunner.stop.count == wanted, 30)
            assert reached(lambda: all(thread.name != "stop" for thread in threading.enumerate()), 30)

    podrunner.runner.while_running = interrupted
    podrunner.runner.result = FakeResult(exit_code=130)
    done = podrunner("run", manifest, "--keep", keep)
    assert done.code == 130
    assert podrunner.stop.count == 2
    assert {first, second} <= set(done.err.splitlines())
    assert ("deleting" in done.err) == (keep != "always")
    assert signal.getsignal(number) is before


def reached(condition: Any, seconds: float = 5.0) -> bool:
    """Whether a condition comes true before the deadline."""
    over = threading.Event()
    timer = threading.Timer(seconds, over.set)
    timer.start()
    try:
        while not condition() and not over.wait(0.005):
            pass
        return bool(condition())
    finally:
        timer.cancel()


@pytest.mark.parametrize(("keep", "what"), [("failed", "deleting pods"), ("always", "the pods are kept, and run on")])
def test_a_reader_of_stdout_that_left_ends_the_run_gracefully(
    podrunner: CommandLine, manifest: str, keep: str, what: str
) -> None:
    """As in ``podrunner run … | head -1``."""
    reading, writing = os.pipe()
    os.close(reading)
    stream = io.TextIOWrapper(os.fdopen(writing, "wb", buffering=0), write_through=True)
    podrunner.runner.result = FakeResult(exit_code=130)
    done = podrunner("run", manifest, "--keep", keep, stdout=stream)
    stream.detach().close()
    assert (done.code, podrunner.stop.count) == (130, 1)
    assert f"nobody reads standard output any more: {what}\n" in done.err
    assert "Traceback" not in done.err


def test_several_pods_are_told_apart(podrunner: CommandLine) -> None:
    two = MANIFEST + "---\n" + MANIFEST.replace("name: web", "name: db")
    assert podrunner("run", "-", stdin=two).out == "web/first | Init Container 1\nweb/main  | serving\n"


def test_warnings_of_the_manifest_are_said_and_it_runs(podrunner: CommandLine) -> None:
    done = podrunner("run", "-", "-q", stdin=MANIFEST + "    image: nginx:1.28\n")
    assert done.code == 0
    assert done.err.startswith("warning: <stdin>:12:5: ")


@pytest.fixture
def untouched_logging() -> Iterator[None]:
    """Leave the package's logger as it was."""
    logger = logging.getLogger("runner")
    level, handlers = logger.level, list(logger.handlers)
    yield
    logger.setLevel(level)
    logger.handlers[:] = handlers


@pytest.mark.parametrize(("argv", "calls"), [([], False), (["-v"], False), (["-vv"], True)])
@pytest.mark.usefixtures("untouched_logging")
def test_very_verbose_shows_each_call_to_the_engine(
    podrunner: CommandLine, manifest: str, argv: list[str], calls: bool
) -> None:
    clock = VirtualClock()
    engine = Seam(SimulatedEngine(clock), CallLog(logging.getLogger("runner.engine"), clock), clock)

    def call(_listener: Listener, _stop: object) -> None:
        engine.of(PodRef(namespace="shop", name="web", uid="1"), "main", 2).list_containers({})

    podrunner.runner.while_running = call
    done = podrunner("run", manifest, *argv)
    assert ("runner.engine: list_containers shop/web/main#2 0.000 s ok\n" in done.err) is calls


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n---\n"])
def test_manifests_without_objects_are_refused(podrunner: CommandLine, text: str) -> None:
    done = podrunner("run", "-", stdin=text)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(("error: ", "<stdin>"))


def test_two_pods_at_the_end_are_a_list(podrunner: CommandLine, manifest: str) -> None:
    podrunner.runner.result = FakeResult(pods=(pod("web"), pod("db")))
    assert podrunner("run", manifest, "-o", "name").out == "pod/web\npod/db\n"
    assert json.loads(podrunner("run", manifest, "-o", "json").out)["kind"] == "List"
