"""history, attempts, trace, diff, and logs of pods that are over."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.api.records import Records
from runner.core.text.times import format_micro_time
from runner.registry.history import RunDirectory
from runner.registry.home import Home
from tests.cli.support import CommandLine, put_pod
from tests.cli.support import pod as stored

BEGAN = datetime(2030, 5, 1, 11, 50, tzinfo=UTC)
SPEC = {"initContainers": [{"name": "migrate"}], "containers": [{"name": "app"}]}


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def text_at(seconds: float) -> str:
    return format_micro_time(at(seconds))


def container(
    name: str, state: dict[str, Any], restarts: int = 0, last: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "name": name,
        "state": state,
        "lastState": last or {},
        "restartCount": restarts,
        "containerID": f"docker://{name}{restarts}",
        "image": "shop:1",
    }


def exited(code: int, restarts: int) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": "Error", "containerID": f"docker://migrate{restarts}"}}


WAITING = {"waiting": {"reason": "PodInitializing"}}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
RUNNING: dict[str, Any] = {"running": {}}
STATES = [
    (0, container("migrate", WAITING)),
    (1, container("migrate", RUNNING)),
    (3, container("migrate", exited(3, 0))),
    (4, container("migrate", BACK_OFF, last=exited(3, 0))),
    (14, container("migrate", RUNNING, 1, exited(3, 0))),
    (20, container("migrate", exited(137, 1), 1)),
]


def write_pod(path: Path, name: str = "web") -> None:
    """The files of one pod whose init container failed twice."""
    path.mkdir(parents=True)
    lines = []
    for seconds, status in STATES:
        metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}"}
        states = {"initContainerStatuses": [status], "containerStatuses": [container("app", WAITING)]}
        pod = {"metadata": metadata, "spec": SPEC, "status": states}
        lines.append(json.dumps({"time": text_at(seconds), "pod": pod}))
    (path / "trace.jsonl").write_text("\n".join(lines) + "\n")
    call = {"time": text_at(0.5), "seconds": 0.25, "verb": "create_container", "container": "migrate", "attempt": 0}
    lost = {"time": text_at(0.1), "seconds": 0.1, "verb": "inspect_image", "outcome": "NotFound"}
    (path / "calls.jsonl").write_text("".join(json.dumps(one) + "\n" for one in (call, lost)))
    for attempt, (text, variable) in enumerate([("no database", "A=1"), ("killed", "A=2")]):
        log = path / f"logs/migrate/{attempt}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"{text_at(2)} hello\n{text_at(15)} {text}\n")
        engine = path / f"engine/migrate/{attempt}.json"
        engine.parent.mkdir(parents=True, exist_ok=True)
        state = {"StartedAt": text_at(1 + 13 * attempt), "FinishedAt": text_at(3 + 17 * attempt)}
        engine.write_text(json.dumps({"Config": {"Env": [variable]}, "State": state}))
    volumes = path / "volumes/migrate/0.json"
    volumes.parent.mkdir(parents=True)
    after = {"kind": "file", "size": 4, "mode": 420, "uid": 0, "gid": 0}
    change = {"volume": "work", "path": "log", "before": None, "after": after, "diff": "+try\n"}
    volumes.write_text(json.dumps({"note": "it was empty", "changes": [change]}))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    first = RunDirectory(home, at(-60))
    write_pod(first.path / "default_web")
    first.write({"began": text_at(-60), "ended": text_at(-30), "exitCode": 0, "files": ["/a/old.yaml"]})
    first.close()
    second = RunDirectory(home, BEGAN)
    write_pod(second.path / "default_web")
    write_pod(second.path / "default_shop", "shop")
    facts = {"began": text_at(0), "ended": text_at(30), "exitCode": 1, "files": ["/a/shop.yaml", "web.yaml"]}
    second.write({**facts, "message": "pod web failed"})
    second.close()
    return home


@pytest.fixture
def podrunner(home: Home) -> CommandLine:
    command_line = CommandLine()
    command_line.runner.records = Records(home, command_line.runner.clock.now)
    return command_line


def test_history_lists_the_runs_newest_first(podrunner: CommandLine) -> None:
    assert podrunner("history").out.splitlines() == [
        "RUN             AGE   DURATION   FILES          PODS      RESULT",
        "300501-115000   10m   30s        shop.yaml +1   shop +1   failed",
        "300501-114900   11m   30s        old.yaml       web       ok",
    ]
    runs = json.loads(podrunner("history", "-o", "json").out)["runs"]
    assert [(run["run"], run["exitCode"], run["pods"]) for run in runs] == [
        ("300501-115000", 1, ["shop", "web"]),
        ("300501-114900", 0, ["web"]),
    ]


def test_a_run_that_goes_on_and_one_that_was_killed_say_so(podrunner: CommandLine, home: Home) -> None:
    killed, going_on = RunDirectory(home, at(60)), RunDirectory(home, at(120))
    killed.write({"began": text_at(60)})
    killed.close()
    going_on.write({"began": text_at(120)})
    rows = podrunner("history").out.splitlines()
    assert [row.split()[-1] for row in rows[1:3]] == ["running", "killed"]
    going_on.close()


def test_without_runs_history_says_where_they_come_from(tmp_path: Path) -> None:
    command_line = CommandLine()
    command_line.runner.records = Records(Home(tmp_path), command_line.runner.clock.now)
    done = command_line("history")
    assert (done.code, done.out, done.err) == (0, "", "No runs are kept yet: podrunner run keeps a record of each.\n")
    assert command_line("attempts", "last").code == 2


def test_attempts_are_a_table(podrunner: CommandLine) -> None:
    assert podrunner("attempts", "web").out.splitlines() == [
        "CONTAINER   ATTEMPT   WAITED           PULL   RAN   EXIT   REASON",
        "migrate     0         1s (creation)    -      2s    3      Error",
        "migrate     1         11s (back-off)   -      6s    137    Error",
        "app         0         30s (migrate)    -      -     -      PodInitializing",
    ]


@pytest.mark.parametrize("word", ["web", "po/web", "pod/web", "web@300501-115000", "web@115000", "pods/web@last"])
def test_a_record_is_named_in_several_ways(podrunner: CommandLine, word: str) -> None:
    found = json.loads(podrunner("attempts", word, "-o", "json").out)
    assert (found["pod"], found["run"]) == ("web", "300501-115000")
    assert [(one["container"], one["attempt"], one["exitCode"]) for one in found["attempts"]] == [
        ("migrate", 0, 3),
        ("migrate", 1, 137),
        ("app", 0, None),
    ]


def test_a_directory_of_artifacts_is_a_record(podrunner: CommandLine, tmp_path: Path) -> None:
    write_pod(tmp_path / "kept/default_web")
    for place in (tmp_path / "kept", tmp_path / "kept/default_web"):
        assert podrunner("attempts", str(place)).out.count("migrate") == 3


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("attempts wib", 'error: no record of pod "wib"\nhint: did you mean web?\n'),
        ("attempts nosuch", 'no record of pod "nosuch"\nhint: podrunner history shows'),
        ("attempts shop@114900", 'no record of pod "shop" in run 300501-114900'),
        ("attempts web@3005", '"3005" names 2 runs: 300501-114900, 300501-115000'),
        ("attempts web@9", 'no run "9" is kept'),
        ("attempts last", "run 300501-115000 has 2 pods\nhint: name one: shop@300501-115000, web@300501-115000"),
        ("attempts job/web", 'no record of pod "job/web"'),
        ("attempts web -c migrat", "container migrat is not valid for pod web\nhint: did you mean migrate?"),
        ("trace web --attempt 9", "pod web has no attempt 9\nhint: podrunner attempts web"),
        ("diff web 0 7", "no container of pod web has an attempt"),
        ("diff web -c migrate 0 7", "container migrate has no attempt 7\nhint: it has 0, 1"),
        ("diff web 0 0", "more than one container has these attempts\nhint: -c says which: migrate, app"),
        (
            "logs web -c migrate --attempt 5",
            "container migrate has no output of attempt 5\nhint: it wrote something in 0, 1",
        ),
        ("logs web -c app --attempt 0", "container app has no output of attempt 0\nhint: it wrote nothing"),
        ("logs web -c app -p", 'previous terminated container "app" in pod "web" not found'),
        ("logs web -c nosuch", "container nosuch is not valid for pod web"),
    ],
)
def test_what_is_not_there_is_said_with_what_is_near(podrunner: CommandLine, argv: str, said: str) -> None:
    done = podrunner(*argv.split())
    assert done.code == 2
    assert said in done.err


def test_a_trace_tells_all_about_an_attempt(podrunner: CommandLine) -> None:
    assert podrunner("trace", "web", "-c", "migrate", "--attempt", "0").out.splitlines() == [
        "pod default/web, run 300501-115000, from 2030-05-01T11:50:00.000000Z",
        "",
        "migrate, attempt 0  shop:1",
        "    +0.000s  waited 1s for creation (PodInitializing)",
        "    +0.500s  create_container  250ms",
        "    +1.000s  ran 2s",
        "    +3.000s  exit 3  Error",
        "  volumes: 1 change (it was empty)",
        "    work/log: added, 4 B, 0644, 0:0",
        "      +try",
        "  output: 2 lines",
        "    hello",
        "    no database",
    ]


def test_a_trace_of_a_pod_has_what_is_no_containers_and_every_attempt(podrunner: CommandLine) -> None:
    out = podrunner("trace", "web").out
    assert "pod and sandbox\n    +0.100s  inspect_image  100ms  NotFound\n" in out
    assert "    +20.000s  exit 137  SIGKILL  Error".replace("    +", "   +") in out
    assert "back-off 10s" in out
    found = json.loads(podrunner("trace", "web", "-o", "json").out)
    first, second, app = found["attempts"]
    assert first["calls"] == [{"time": text_at(0.5), "seconds": 0.25, "verb": "create_container", "outcome": "ok"}]
    assert (first["volumes"][0]["what"], first["volumesNote"], second["volumes"]) == ("added", "it was empty", None)
    assert (second["output"].splitlines()[1].split(" ", 1)[1], app["exitCode"]) == ("killed", None)


def test_a_diff_shows_both_attempts_side_by_side(podrunner: CommandLine) -> None:
    out = podrunner("diff", "web", "-c", "migrate", "0", "1").out
    assert max(map(len, out.splitlines())) <= 80
    assert [line.split() for line in out.splitlines()] == [
        ["migrate"],
        ["attempt", "0", "attempt", "1"],
        ["ran", "2s", "6s"],
        [],
        ["end"],
        ["exit", "code", "3", "137"],
        [],
        ["environment"],
        ["A", "1", "2"],
        [],
        ["volume"],
        ["work/log", "added,", "4", "B,", "0644,", "0:0", "-"],
        [],
        ["output"],
        ["---", "attempt", "0"],
        ["+++", "attempt", "1"],
        ["@@", "-1,2", "+1,2", "@@"],
        ["hello"],
        ["-no", "database"],
        ["+killed"],
    ]
    found = json.loads(podrunner("diff", "web", "0", "1", "-o", "json").out)
    assert found["container"] == "migrate"
    assert {"what": "environment", "name": "A", "left": "1", "right": "2"} in found["differences"]
    assert "they differ in nothing" in podrunner("diff", "web", "-c", "migrate", "1", "1").out


@pytest.mark.parametrize(
    ("argv", "out", "err"),
    [
        ("logs web", "hello\nkilled\n", 'Defaulted container "migrate" out of: app, migrate (init)\n'),
        ("logs web -c migrate", "hello\nkilled\n", ""),
        ("logs web@115000 -c migrate --tail 1", "killed\n", ""),
        ("logs pod/web -c migrate -p", "hello\nno database\n", ""),
        ("logs web -c migrate --attempt 0 --tail 0", "", ""),
        ("logs web -c migrate --limit-bytes 3", "hel", ""),
        ("logs web -c migrate --since-time 2030-05-01T11:50:10Z", "killed\n", ""),
        ("logs web -c migrate --since 9m50s", "killed\n", ""),
        ("logs web -c migrate --timestamps --tail 1", f"{text_at(15)} killed\n", ""),
        (
            "logs web --all-containers --attempt all",
            "hello\nno database\nhello\nkilled\n",
            "==> migrate, attempt 0 <==\n==> migrate, attempt 1 <==\n",
        ),
    ],
)
def test_logs_of_a_pod_that_is_over_come_from_its_record(podrunner: CommandLine, argv: str, out: str, err: str) -> None:
    done = podrunner(*argv.split())
    assert (done.code, done.out, done.err) == (0, out, err)


def test_logs_of_a_pod_that_is_there_come_from_the_pod(podrunner: CommandLine) -> None:
    put_pod(podrunner.runner.store, stored("web"))
    assert podrunner("logs", "web", "-c", "main").out == ""
    assert podrunner("logs", "nosuch").code != 0
