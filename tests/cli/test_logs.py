"""logs: which container, which lines, in which form."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from runner.cli.commands.logs import _merged
from runner.clock import SystemClock
from runner.core.narration import LogLine
from runner.registry.contract import put
from tests.cli.support import CommandLine, Terminal, line, pod, put_pod
from tests.support.gates import SECONDS


@pytest.fixture
def podrunner() -> CommandLine:
    command_line = CommandLine()
    put_pod(command_line.runner.store, pod("web"))
    command_line.runner.lines = {
        "main": [line("hello"), line("world")],
        "first": [line("Init Container 1", container="first", is_init=True)],
    }
    return command_line


@pytest.mark.parametrize(
    ("argv", "out"),
    [
        pytest.param("logs -l app=shop -c main --prefix", ["a", "a", "b", "b"], id="every pod that is selected"),
        pytest.param("logs -l app=shop,tier=back -c main --prefix", ["b", "b"], id="one pod that is selected"),
        pytest.param("logs -l app=nosuch", [], id="no pod that is selected"),
    ],
)
def test_logs_of_selected_pods(podrunner: CommandLine, argv: str, out: list[str]) -> None:
    for name, labels in (("a", {"app": "shop"}), ("b", {"app": "shop", "tier": "back"})):
        put_pod(podrunner.runner.store, pod(name, labels=labels))
    done = podrunner(*argv.split())
    assert done.code == 0
    assert len(done.out.splitlines()) == len(out)
    assert done.err == ("" if out else "No resources found in default namespace.\n")
    if out:
        assert podrunner.runner.asked["logs"] | {"name": out[-1], "tail": 10} == podrunner.runner.asked["logs"]


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        pytest.param("logs", "POD or TYPE/NAME is a required argument for the logs command", id="nothing is named"),
        pytest.param("logs web -l app=shop", "only a selector (-l) or a POD name is allowed", id="both are"),
        pytest.param(
            "logs web -f --all-containers --max-log-requests 1",
            "you are attempting to follow 2 log streams, but maximum allowed concurrency is 1",
            id="too many at once",
        ),
    ],
)
def test_logs_that_cannot_be_read_are_refused(podrunner: CommandLine, argv: str, problem: str) -> None:
    done = podrunner(*argv.split())
    assert (done.code, done.out) == (2, "")
    assert problem in done.err


DEFAULTED = 'Defaulted container "main" out of: main, first (init)\n'


@pytest.mark.parametrize(
    ("argv", "out", "err"),
    [
        pytest.param("logs web", "hello\nworld\n", DEFAULTED, id="the first app container by default"),
        pytest.param("logs pod/web -c first", "Init Container 1\n", "", id="an init container that has ended"),
        pytest.param("logs web first", "Init Container 1\n", "", id="the container as an argument"),
        pytest.param(
            "logs web -c first --timestamps",
            "2030-05-01T12:00:00.123456789Z Init Container 1\n",
            "",
            id="the Engine's timestamps",
        ),
        pytest.param("logs web -c first --prefix", "[pod/web/first] Init Container 1\n", "", id="kubectl's prefix"),
        pytest.param(
            "logs web --all-containers", "Init Container 1\nhello\nworld\n", "", id="init containers come first"
        ),
    ],
)
def test_lines_are_printed(podrunner: CommandLine, argv: str, out: str, err: str) -> None:
    done = podrunner(*argv.split())
    assert (done.code, done.out, done.err) == (0, out, err)


@pytest.mark.parametrize(
    ("argv", "limits"),
    [
        pytest.param("", {"previous": False, "follow": False, "tail": None, "since": None}, id="everything by default"),
        pytest.param("-f", {"follow": True}, id="following"),
        pytest.param("-p", {"previous": True}, id="the previous instance"),
        pytest.param("--tail 3", {"tail": 3}, id="the last lines"),
        pytest.param("--tail 0", {"tail": 0}, id="none of the past"),
        pytest.param("--since 1m30s", {"since": 90.0}, id="young lines only"),
        pytest.param(
            "--since-time 2030-01-02T03:04:05Z", {"since": datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)}, id="since a time"
        ),
        pytest.param("--attempt 3", {"attempt": 3}, id="an attempt"),
        pytest.param("--tail -1", {"tail": None}, id="all lines"),
        pytest.param("", {"attempt": None, "whole": False}, id="bytes as they are"),
        pytest.param("--timestamps", {"whole": True}, id="lines"),
    ],
)
def test_limits_reach_the_library(podrunner: CommandLine, argv: str, limits: dict[str, Any]) -> None:
    podrunner("logs", "web", "-c", "main", *argv.split())
    asked = podrunner.runner.asked["logs"]
    assert asked | limits == asked


@pytest.mark.parametrize(
    ("argv", "out", "err"),
    [
        pytest.param("--attempt 0", "first\n", "", id="an attempt"),
        pytest.param(
            "--attempt all", "first\nsecond\n", "==> main, attempt 0 <==\n==> main, attempt 1 <==\n", id="all"
        ),
        pytest.param(
            "--attempt all --prefix", "[pod/web/main#0] first\n[pod/web/main#1] second\n", "", id="all, marked"
        ),
        pytest.param("--limit-bytes 8", "first\nse", "", id="so many bytes"),
        pytest.param("--limit-bytes 6", "first\n", "", id="so many bytes, at a line's end"),
    ],
)
def test_attempts_and_parts_are_printed(podrunner: CommandLine, argv: str, out: str, err: str) -> None:
    podrunner.runner.lines["main"] = [line("first", attempt=0), line("second", attempt=1)]
    done = podrunner("logs", "web", "-c", "main", *argv.split())
    assert (done.code, done.out, done.err) == (0, out, err)


def test_bytes_are_passed_on_without_a_newline_that_was_not_there(podrunner: CommandLine) -> None:
    podrunner.runner.lines["main"] = [line("one"), replace(line("end"), has_end=False)]
    assert podrunner("logs", "web", "-c", "main").out == "one\nend"


def test_a_carriage_return_does_not_hide_the_prefix_on_a_terminal(podrunner: CommandLine) -> None:
    podrunner.runner.lines["main"] = [line("10%\r20%\r")]
    shown = podrunner("logs", "web", "-c", "main", "--prefix", "--color", "never", stdout=Terminal(newline=""))
    assert shown.out == "[pod/web/main] 10%\r[pod/web/main] 20%\n"
    piped = podrunner("logs", "web", "-c", "main", "--prefix", stdout=io.StringIO(newline=""))
    assert piped.out == "[pod/web/main] 10%\r20%\r\n"


def test_what_cannot_be_read_may_be_ignored(podrunner: CommandLine) -> None:
    del podrunner.runner.lines["first"]
    done = podrunner("logs", "web", "--all-containers", "--ignore-errors")
    assert (done.code, done.out) == (0, "hello\nworld\n")
    assert done.err == "error: container first is not valid for pod web\n"


def test_following_all_containers_merges_their_lines(podrunner: CommandLine) -> None:
    done = podrunner("logs", "web", "--all-containers", "-f", "--prefix")
    assert sorted(done.out.splitlines()) == [
        "[pod/web/first] Init Container 1",
        "[pod/web/main] hello",
        "[pod/web/main] world",
    ]


def test_following_goes_on_when_one_container_cannot_be_read(podrunner: CommandLine) -> None:
    del podrunner.runner.lines["first"]
    done = podrunner("logs", "web", "--all-containers", "-f")
    assert (done.code, done.out) == (2, "hello\nworld\n")
    assert done.err == "error: container first is not valid for pod web\n"


def _idle(stop: threading.Event) -> Iterator[Sequence[LogLine]]:
    yield [line("once")]
    assert stop.wait(SECONDS)


def _busy(stop: threading.Event) -> Iterator[Sequence[LogLine]]:
    while not stop.is_set():
        yield [line("again and again")]


@pytest.mark.parametrize("writes", [_idle, _busy])
def test_nobody_reads_on_when_the_merged_output_is_not_wanted_any_more(writes: Any) -> None:
    """Not those who wait for output, nor those whose output is not taken."""

    def read(_source: object, on_stop: Any) -> Iterator[Sequence[LogLine]]:
        stop = threading.Event()
        on_stop(stop.set)
        return writes(stop)  # type: ignore[no-any-return]

    app = SimpleNamespace(clock=SystemClock())
    merged = _merged(cast(Any, app), read, [("web", "main", None), ("web", "first", None)], [])
    assert next(merged)
    cast(Any, merged).close()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("logs of")] == []


@pytest.mark.parametrize(
    ("annotated", "out", "err"),
    [
        pytest.param("first", "x\n", "", id="who says so in the manifest is told nothing"),
        pytest.param(
            "gone", "y\n", f'Default container name "gone" not found in pod web\n{DEFAULTED}', id="there is none"
        ),
    ],
)
def test_an_annotation_names_the_default_container(annotated: str, out: str, err: str) -> None:
    podrunner = CommandLine()
    put_pod(podrunner.runner.store, pod("web", annotations={"kubectl.kubernetes.io/default-container": annotated}))
    podrunner.runner.lines = {"first": [line("x", container="first")], "main": [line("y", container="main")]}
    done = podrunner("logs", "web")
    assert (done.out, done.err) == (out, err)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param("logs web -c x", "container x is not valid for pod web", id="an unknown container"),
        pytest.param("logs web first -c first", "only one of -c or an inline", id="the container twice"),
        pytest.param(
            "logs web -c main --all-containers", "should not be specified with container name", id="one and all"
        ),
        pytest.param(
            "logs web -c main --tail -2", "--tail must be greater than or equal to -1", id="less than all lines"
        ),
        pytest.param(
            "logs web -c main --limit-bytes -1", "--limit-bytes must be greater than 0", id="less than no bytes"
        ),
        pytest.param("logs web -c main --since-time soon", 'invalid time "soon"', id="a time that is none"),
        pytest.param(
            "logs web -c main --since 1m --since-time 2030-01-02T03:04:05Z",
            "at most one of `sinceTime`",
            id="two times",
        ),
        pytest.param("logs web -c main --attempt x", 'invalid attempt "x"', id="an attempt that is none"),
        pytest.param("logs web -c main --attempt 1 -p", "only one of --attempt and --previous", id="two attempts"),
        pytest.param("logs web -c main --attempt all -f", "--attempt all cannot be followed", id="following the past"),
        pytest.param("logs web --since soon", 'invalid duration "soon"', id="a duration that is none"),
    ],
)
def test_what_makes_no_sense_is_refused(podrunner: CommandLine, argv: str, message: str) -> None:
    done = podrunner(*argv.split())
    assert done.code == 2
    assert message in done.err


def test_colours_mark_the_prefix_only_when_wanted(podrunner: CommandLine) -> None:
    coloured = podrunner("logs", "web", "-c", "first", "--prefix", "--color", "always").out
    assert coloured.startswith("\x1b[2;")
    assert coloured.endswith("\x1b[0mInit Container 1\n")
    assert "\x1b" not in podrunner("logs", "web", "-c", "first", "--prefix").out


@pytest.fixture
def owned(podrunner: CommandLine) -> CommandLine:
    """A Deployment with a ReplicaSet, and a Job without pods."""
    store = podrunner.runner.store
    for kind, name, owner in (("Deployment", "shop", ""), ("ReplicaSet", "shop-1", "shop"), ("Job", "pi", "")):
        owners = [{"uid": f"uid-{owner}", "controller": True}] if owner else []
        metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}", "ownerReferences": owners}
        put(store, {"kind": kind, "metadata": metadata})
    owners = [{"uid": "uid-shop-1", "controller": True}]
    put_pod(store, pod("shop-1-a", phase="Pending", age=9, ownerReferences=owners))
    put_pod(store, pod("shop-1-b", age=5, ownerReferences=owners))
    return podrunner


@pytest.mark.parametrize("word", ["deploy/shop", "rs/shop-1"])
def test_the_logs_of_a_workload_are_those_of_a_pod_that_runs(owned: CommandLine, word: str) -> None:
    done = owned("logs", word, "-c", "main")
    assert (done.code, done.out) == (0, "hello\nworld\n")
    assert done.err == "Found 2 pods, using pod/shop-1-b\n"
    assert owned.runner.asked["logs"]["name"] == "shop-1-b"


@pytest.mark.parametrize(
    ("word", "code", "expected"),
    [
        ("job/pi", 2, "error: job/pi has no pods\n"),
        ("job/x", 1, 'Error from server (NotFound): jobs.batch "x" not found\n'),
        ("nosuch", 1, 'Error from server (NotFound): pods "nosuch" not found\n'),
    ],
)
def test_what_has_no_pods_or_is_not_there_has_no_logs(owned: CommandLine, word: str, code: int, expected: str) -> None:
    done = owned("logs", word)
    assert (done.code, done.err) == (code, expected)


def test_logs_go_on_past_a_container_that_cannot_be_read(podrunner: CommandLine) -> None:
    del podrunner.runner.lines["first"]
    done = podrunner("logs", "web", "--all-containers")
    assert (done.code, done.out) == (2, "hello\nworld\n")
    assert done.err == "error: container first is not valid for pod web\n"


def test_the_logs_of_all_pods_of_a_workload(owned: CommandLine) -> None:
    done = owned("logs", "deploy/shop", "-c", "main", "--all-pods")
    assert (done.code, len(done.out.splitlines()), done.err) == (0, 4, "")
    assert done.out.startswith("[pod/")
