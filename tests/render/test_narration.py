"""What a run says while it runs: plain lines, JSON, bars on a terminal, or nothing."""

from __future__ import annotations

import io
import json
import re
import threading
from datetime import UTC

import pytest
from msgspec.structs import replace

from runner.core.narration import Narration, PodRef
from runner.render.logs import LogPrinter
from runner.render.narrate import Narrator, Progress, narrator
from runner.render.narrate_json import JsonNarrator
from runner.render.narrate_plain import PlainNarrator
from runner.render.narrate_tty import TtyNarrator
from runner.render.streams import Output
from runner.render.style import Paint
from tests.render.narrations import (
    at,
    ending,
    event,
    gone,
    log,
    notice,
    pulled,
    pulling,
    retry,
    started,
    status,
)


class Terminal(io.StringIO):
    """Text that is read by a person."""

    def isatty(self) -> bool:
        return True


def plain(*narrations: Narration, colour: bool = False, verbose: bool = False) -> str:
    err = io.StringIO()
    shown = PlainNarrator(Output(err), Paint(colour), printer(io.StringIO()), verbose=verbose, zone=UTC)
    for narration in narrations:
        shown(narration)
    return err.getvalue()


def printer(out: io.StringIO, *, colour: bool = False, with_pod: bool = False) -> LogPrinter:
    return LogPrinter(Output(out), Paint(colour), names=("one", "two", "main"), with_pod=with_pod)


def test_the_life_of_a_pod_is_one_line_a_happening() -> None:
    """Status changes show what was before; a status that looks the same is not repeated."""
    one, two, main = "spec.initContainers{one}", "spec.initContainers{two}", "spec.containers{main}"
    assert plain(
        event(0, "Scheduled", "Successfully assigned default/web to node-1"),
        status(0, done=0),
        event(0.2, "Pulling", 'Pulling image "busybox:latest"', path=one),
        pulling("abc", "Downloading", 1, 2),
        pulled(),
        event(1, "Started", "Container started", path=one),
        status(1, done=0),
        status(2, done=1),
        event(2, "Started", "Container started", path=two),
        status(3, done=2),
        event(3, "Started", "Container started", path=main),
        status(3, done=2, running=True),
        status(4, done=2, running=True, ready=True),
        ending(),
        gone(9),
    ) == (
        "12:00:00  web  Normal   Scheduled  Successfully assigned default/web to node-1\n"
        "12:00:00  web  Status   Init:0/2\n"
        '12:00:00  web  Normal   Pulling    one: Pulling image "busybox:latest"\n'
        "12:00:01  web  Normal   Started    one: Container started\n"
        "12:00:02  web  Status   Init:0/2 → Init:1/2\n"
        "12:00:02  web  Normal   Started    two: Container started\n"
        "12:00:03  web  Status   Init:1/2 → PodInitializing\n"
        "12:00:03  web  Normal   Started    main: Container started\n"
        "12:00:03  web  Status   PodInitializing → Running (0/1 ready)\n"
        "12:00:04  web  Status   Running (0/1 ready) → Running (1/1 ready)\n"
        "12:00:09  web  Gone     nothing of the pod is left in the Engine\n"
    )


@pytest.mark.parametrize(
    ("narration", "expected"),
    [
        pytest.param(
            retry(0, "two: exited with 1; back-off 10s, then attempt 2", 10),
            "Retry    two: exited with 1; back-off 10s, then attempt 2; next attempt at 12:00:10",
            id="a retry names its reason and its time",
        ),
        pytest.param(retry(0, "two: exited with 1", 0), "Retry    two: exited with 1; next attempt now", id="at once"),
        pytest.param(retry(0, "two: exited with 1", None), "Retry    two: exited with 1", id="a retry without a time"),
        pytest.param(
            event(0, "BackOff", "Back-off restarting", kind="Warning", path="spec.containers{main}", count=3),
            "Warning  BackOff    main: Back-off restarting (x3)",
            id="a repeated event counts",
        ),
        pytest.param(
            event(0, "FailedMount", "first\nsecond\n"),
            "Normal   FailedMount  first\n          second",
            id="a message of several lines is indented",
        ),
        pytest.param(
            started(0, attempt=2), "Attempt  main       attempt 2 started as 0123456789ab", id="a later attempt"
        ),
        pytest.param(notice(0, "the Engine does not answer"), "Notice   the Engine does not answer", id="a notice"),
    ],
)
def test_one_happening_is_worded(narration: Narration, expected: str) -> None:
    assert plain(narration) == f"12:00:00  web  {expected}\n"


def test_a_first_attempt_is_said_only_verbosely() -> None:
    assert plain(started(0)) == ""
    assert "attempt 0 started as 0123456789ab" in plain(started(0), verbose=True)


def test_pods_of_different_names_are_aligned() -> None:
    other = PodRef(namespace="default", name="much-longer", uid="2")
    lines = plain(status(0, done=0, ref=other), status(0, done=0)).splitlines()
    assert lines == ["12:00:00  much-longer  Status   Init:0/2", "12:00:00  web          Status   Init:0/2"]


def test_colours_say_what_needs_attention() -> None:
    text = plain(event(0, "BackOff", "x", kind="Warning"), status(1, done=2, running=True), colour=True)
    assert "\x1b[33mWarning\x1b[0m" in text
    assert "\x1b[1;32mRunning (0/1 ready)\x1b[0m" in text
    assert re.sub(r"\x1b\[[0-9;]*m", "", text) == plain(
        event(0, "BackOff", "x", kind="Warning"), status(1, done=2, running=True)
    )


def test_json_narration_is_one_object_a_line() -> None:
    err, out = io.StringIO(), io.StringIO()
    shown = JsonNarrator(Output(err), printer(out))
    for narration in (
        status(0.5, done=1),
        event(1, "Pulled", "done"),
        pulling("abc", "Downloading", 1, 2),
        pulled(),
        retry(2, "two: exited with 1", 10),
        started(3),
        ending(),
        notice(4, "x"),
        log(b"hello"),
        gone(5),
    ):
        shown(narration)
    shown.note("deleting")
    values = [json.loads(text) for text in err.getvalue().splitlines()]
    kinds = ["status", "event", "pull", "pulled", "retry", "started", "notice", "gone", "note"]
    assert [value["type"] for value in values] == kinds
    assert values[0] == {
        "type": "status",
        "time": "2030-05-01T12:00:00.500000Z",
        "namespace": "default",
        "pod": "web",
        "uid": "1",
        "status": "Init:1/2",
        "ready": "0/1",
        "phase": "Pending",
    }
    assert values[1]["event"]["reason"] == "Pulled"
    assert (values[2]["layer"], values[2]["current"], values[2]["total"]) == ("abc", 1, 2)
    assert values[4]["nextAttempt"] == "2030-05-01T12:00:12.000000Z"
    line = json.loads(out.getvalue())
    assert (line["type"], line["container"], line["attempt"], line["text"]) == ("log", "main", 0, "hello")


def test_lines_of_containers_are_objects_whatever_they_are_made_of() -> None:
    out = io.StringIO()
    shown = JsonNarrator(Output(io.StringIO()), printer(out))
    shown(log(b"\xff\x1b[31m"))
    shown(replace(log(b"half"), has_end=False))
    shown(replace(log(b"rest"), is_start=False))
    first, second, third = (json.loads(text) for text in out.getvalue().splitlines())
    assert (first["text"], first["bytes"]) == ("\ufffd\x1b[31m", "/xtbMzFt")
    assert (second["unended"], third["continues"]) == (True, True)


def terminal_narrator(
    err: Terminal, out: io.StringIO, *, with_pod: bool = False, now: float = 0, colour: bool = True
) -> TtyNarrator:
    logs = printer(out, with_pod=with_pod)
    return TtyNarrator(Output(err), Paint(colour), logs, now=lambda: at(now), zone=UTC)


def test_a_terminal_gets_a_bar_for_each_layer_below_the_lines() -> None:
    err, out = Terminal(), Terminal()
    shown = terminal_narrator(err, out)
    shown(event(0, "Pulling", "Pulling image"))
    shown(pulling("abc", "Downloading", 300, 1000))
    shown(pulling("def", "Downloading", 1000, 1000))
    shown(event(1, "Other", "above the bars"))
    shown(log(b"a log line"))
    shown(pulling("abc", "Downloading", 900, 1000))
    shown.close()
    text = err.getvalue()
    assert "busybox:latest abc Downloading" in text
    assert "busybox:latest def Downloading" in text
    assert "above the bars" in text
    assert "a log line" in text
    assert out.getvalue() == ""


def test_bars_never_go_backwards() -> None:
    shown = terminal_narrator(Terminal(), io.StringIO())
    shown(pulling("abc", "Downloading", 900, 1000))
    shown(pulling("abc", "Downloading", 100, 1000))
    assert [bar.completed for bar in shown.bars] == [900]
    shown.close()


def test_bars_go_when_the_image_is_there() -> None:
    shown = terminal_narrator(Terminal(), io.StringIO())
    shown(pulling("abc", "Downloading", 1, 2))
    shown(pulling("abc", "Extracting", 1, 2))
    shown(pulling("abc", "Downloading", 1, 2, image="nginx:1.27"))
    shown(pulled())
    assert [bar.description for bar in shown.bars] == ["nginx:1.27 abc Downloading"]
    shown(pulled("nginx:1.27"))
    assert shown.bars == []


def test_without_a_pull_a_terminal_gets_the_plain_lines_in_colour() -> None:
    err, out = Terminal(), io.StringIO()
    shown = terminal_narrator(err, out)
    shown(status(0, done=0))
    shown(log(b"hello"))
    shown.close()
    assert err.getvalue() == "\x1b[2m12:00:00\x1b[0m  Status   \x1b[1;36mInit:0/2\x1b[0m\n"
    assert out.getvalue() == "main | hello\n"


def test_a_terminal_shows_what_is_on_its_way_until_it_is_over() -> None:
    err = Terminal()
    shown = terminal_narrator(err, io.StringIO(), now=5, colour=False)
    shown(status(0, done=0))
    shown.appear()
    shown(event(4, "Other", "above the region"))
    shown.close()
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", err.getvalue())
    assert "  one  running 5s" in text
    assert text.index("above the region") > text.index("running 5s")
    assert err.getvalue().endswith(("\x1b[2K", "\x1b[?25h", "\x1b[1A\x1b[2K")), "the region is wiped at the end"


def test_a_terminal_breaks_long_lines_between_words_below_their_beginning() -> None:
    err = Terminal()
    text = "web: Back-off pulling image that-has-a-rather-long-name/which-must-not-be-broken:1 because it is not there"
    shown = terminal_narrator(err, io.StringIO(), colour=False)
    shown(event(0, "BackOff", text))
    shown.close()
    assert err.getvalue() == (
        "12:00:00  Normal   BackOff    web: Back-off pulling image\n"
        "                              that-has-a-rather-long-name/which-must-not-be-broken:1\n"
        "                              because it is not there\n"
    )


def test_several_pods_are_named_on_a_terminal_with_the_ends_of_long_names() -> None:
    err = Terminal()
    shown = terminal_narrator(err, io.StringIO(), with_pod=True, colour=False)
    ref = PodRef(namespace="default", name="a-shop-with-a-long-name-7d4b9c6f5-x2x1z", uid="9")
    shown(event(0, "Pulled", "done", ref=ref))
    shown.close()
    assert err.getvalue() == "12:00:00  a-shop-wit…9c6f5-x2x1z  Normal   Pulled     done\n"


def test_a_retry_is_told_once_and_with_its_scope_the_first_time() -> None:
    note = "--retry pod; --retry container would repeat two alone"
    first, again = (retry(0, f"two: exit code 1; attempt {n} of the whole pod", 10 * n, note=note) for n in (1, 2))
    crash_loop = event(0, "BackOff", "Back-off restarting failed container two in pod web_default(1)", kind="Warning")
    assert plain(crash_loop, first, crash_loop, first, again).splitlines() == [
        f"12:00:00  web  Retry    two: exit code 1; attempt 1 of the whole pod; next attempt at 12:00:10 ({note})",
        "12:00:00  web  Retry    two: exit code 1; attempt 2 of the whole pod; next attempt at 12:00:20",
    ]
    assert "Back-off restarting" in plain(crash_loop, verbose=True)


@pytest.mark.parametrize(
    ("progress", "stream", "dumb", "expected"),
    [
        pytest.param(Progress.AUTO, Terminal(), False, TtyNarrator, id="a terminal"),
        pytest.param(Progress.AUTO, Terminal(), True, PlainNarrator, id="a dumb terminal"),
        pytest.param(Progress.AUTO, io.StringIO(), False, PlainNarrator, id="a file"),
        pytest.param(Progress.PLAIN, Terminal(), False, PlainNarrator, id="plain on a terminal"),
        pytest.param(Progress.TTY, io.StringIO(), False, TtyNarrator, id="bars into a file when asked for"),
        pytest.param(Progress.JSON, Terminal(), False, JsonNarrator, id="json"),
    ],
)
def test_the_choice_of_narration(progress: Progress, stream: io.StringIO, dumb: bool, expected: type[Narrator]) -> None:
    made = narrator(
        progress, Output(stream), Paint(False), printer(io.StringIO()), now=lambda: at(0), verbose=False, dumb=dumb
    )
    assert type(made) is expected


def test_quiet_narration_leaves_the_logs() -> None:
    err, out = io.StringIO(), io.StringIO()
    shown = narrator(
        Progress.QUIET, Output(err), Paint(False), printer(out), now=lambda: at(0), verbose=False, dumb=False
    )
    for narration in (status(0, done=0), event(0, "Pulled", "x"), log(b"hello"), gone(1)):
        shown(narration)
    shown.note("deleting")
    shown.close()
    assert (err.getvalue(), out.getvalue()) == ("", "main | hello\n")


def test_lines_from_many_threads_stay_whole() -> None:
    err, out = io.StringIO(), io.StringIO()
    shown = PlainNarrator(Output(err), Paint(False), printer(out), zone=UTC)

    def talk(name: str) -> None:
        for _ in range(50):
            shown(event(0, "Pulled", f"said by {name}"))
            shown(log(name.encode() * 20, container=name))

    threads = [threading.Thread(target=talk, args=(name,)) for name in ("a", "b", "c", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {line[35:] for line in err.getvalue().splitlines()} == {f"said by {name}" for name in "abcd"}
    assert set(out.getvalue().splitlines()) == {f"{name}    | {name * 20}" for name in "abcd"}
    assert len(err.getvalue().splitlines()) == len(out.getvalue().splitlines()) == 200


WORKLOAD = PodRef(namespace="default", name="web", uid="2", kind="Deployment")


def test_what_workloads_tell_is_told_with_their_kind() -> None:
    text = "Scaled up replica set web-1 from 0 to 2"
    told = event(0, "ScalingReplicaSet", text, ref=WORKLOAD)
    assert plain(told) == f"12:00:00  deployment/web  Normal   ScalingReplicaSet  {text}\n"
    err = io.StringIO()
    JsonNarrator(Output(err), printer(io.StringIO()))(told)
    value = json.loads(err.getvalue())
    assert (value["kind"], value["name"], "pod" in value) == ("Deployment", "web", False)
