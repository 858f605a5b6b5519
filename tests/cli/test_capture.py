"""capture: what ran here as a file that runs elsewhere, and that the other commands read."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from pathlib import Path

import pytest

from runner.api.records import Records
from runner.core.model import Json
from runner.registry.home import Home
from tests.cli.support import CommandLine, put_pod
from tests.cli.support import pod as stored
from tests.cli.test_history import home
from tests.cli.test_import import members

__all__ = ["home"]

CANARY = "canary-of-captures"
CONTAINER: Json = {
    "name": "migrate",
    "image": "busybox:1.36",
    "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "p"}}}],
}
GIVEN: Json = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"initContainers": [CONTAINER], "containers": [{"name": "app", "image": "busybox:1.36"}]},
}


@pytest.fixture
def podrunner(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    for run, name in (("300501-115000", "web"), ("300501-115000", "shop"), ("300501-114900", "web")):
        directory = Path(home.path) / "history" / run / f"default_{name}"
        given = {**GIVEN, "metadata": {"name": name}}
        (directory / "objects.json").write_text(json.dumps({"kind": "List", "items": [given]}))
        (directory / "logs/migrate/0.log").write_text(f"2030-05-01T11:50:02.000000Z it is {CANARY}\n")
    command_line = CommandLine()
    command_line.runner.records = Records(home, command_line.runner.clock.now)
    return command_line


def with_secret(podrunner: CommandLine) -> None:
    data = {"p": base64.b64encode(CANARY.encode()).decode()}
    metadata = {"name": "db", "namespace": "default"}
    podrunner.runner.store.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


def test_a_pod_that_is_over_becomes_a_file(podrunner: CommandLine, tmp_path: Path) -> None:
    with_secret(podrunner)
    done = podrunner("capture", "web")
    assert (done.code, done.out) == (0, "web.tar\n"), done.err
    assert done.err.splitlines()[1:] == [
        "failure: pod/web/migrate#0@migrate.ended:exit=3",
        "failure: pod/web/migrate#1@migrate.ended:exit=137",
        "pod web: podrunner run web.tar --same-failures",
    ]
    found = members(tmp_path / "web.tar")
    about = json.loads(found["capture.json"])
    assert (about["origin"], about["retry"]) == ("web", "pod")
    assert [one["exitCode"] for one in about["pods"][0]["attempts"]] == [3, 137, None]
    assert "records/default_web/trace.jsonl" in found
    assert CANARY not in "".join(found.values())
    assert "it is <redacted>" in found["records/default_web/logs/migrate/0.log"]


def test_values_of_secrets_come_along_when_asked_for(podrunner: CommandLine, tmp_path: Path) -> None:
    with_secret(podrunner)
    assert podrunner("capture", "web", "--with-secrets", "-o", "all.tar").code == 0
    found = members(tmp_path / "all.tar")
    assert base64.b64encode(CANARY.encode()).decode() in found["manifest.yaml"]
    assert CANARY in found["records/default_web/logs/migrate/0.log"]


def test_the_same_run_makes_the_same_bytes(podrunner: CommandLine, tmp_path: Path) -> None:
    podrunner("capture", "last", "-o", "one.tar")
    podrunner("capture", "last", "-o", "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(["attempts", "web.tar", "-o", "json"], '"exitCode": 137', id="attempts"),
        pytest.param(["timeline", "web.tar"], "exit 137", id="timeline"),
        pytest.param(["timeline", "web", "--compare", "web.tar"], "exit 137", id="compared"),
        pytest.param(["trace", "web.tar", "--attempt", "0"], "work/log: added", id="trace"),
        pytest.param(["logs", "web.tar", "-c", "migrate", "--attempt", "0"], "it is", id="logs"),
        pytest.param(["diff", "web.tar", "-c", "migrate", "0", "1"], "attempt 1", id="diff"),
        pytest.param(["explain", "web.tar"], "init container migrate", id="explain"),
        pytest.param(["simulate", "web.tar", "--same-failures", "--for", "1m", "-o", "timeline"], "exit 137", id="simulate"),
    ],
)  # fmt: skip
def test_a_capture_is_looked_at_like_a_run(podrunner: CommandLine, words: list[str], expected: str) -> None:
    assert podrunner("capture", "web").code == 0
    done = podrunner(*words)
    assert done.code == 0, done.err
    assert expected in done.out


def test_a_run_of_two_pods_is_one_file(podrunner: CommandLine, tmp_path: Path) -> None:
    done = podrunner("capture", "300501-115000", "-o", "both.tar")
    assert done.code == 0, done.err
    assert done.err.splitlines()[-1] == "pods shop, web: podrunner run both.tar --same-failures"
    assert sum(name.endswith("trace.jsonl") for name in members(tmp_path / "both.tar")) == 2


def test_a_pod_without_a_record_is_taken_as_it_is_now(podrunner: CommandLine, tmp_path: Path) -> None:
    value = stored("alone")
    value["status"]["initContainerStatuses"][0] |= {"restartCount": 2, "image": "busybox:1.36"}
    put_pod(podrunner.runner.store, value)
    done = podrunner("capture", "po/alone")
    assert done.code == 0, done.err
    found = members(tmp_path / "alone.tar")
    assert json.loads(found["records/default_alone/trace.jsonl"])["pod"]["metadata"]["name"] == "alone"
    assert podrunner("validate", "alone.tar").code == 0


def test_a_capture_goes_through_a_pipe(podrunner: CommandLine) -> None:
    content = io.BytesIO()
    stdout = io.TextIOWrapper(content)
    done = podrunner("capture", "web", "-o", "-", stdout=stdout)
    assert done.code == 0, done.err
    with tarfile.open(fileobj=io.BytesIO(content.getvalue())) as archive:
        assert "manifest.yaml" in archive.getnames()
    assert "podrunner run FILE.tar --same-failures" in done.err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["capture"], "Missing argument"),
        (["capture", "wbe"], 'no record of pod "wbe"'),
        (["capture", "web@nosuch"], 'no run "nosuch" is kept'),
        (["capture", "deploy/web"], 'no record of pod "deploy/web"'),
        (["capture", "web", "-o", "no/such/x.tar"], 'cannot write "no/such/x.tar": No such file or directory'),
        (["capture", "web", "-o", "mine.tar"], '"mine.tar" is there already'),
        (["capture", "web", "-o", "mine.tar/x.tar"], 'cannot write "mine.tar/x.tar": Not a directory'),
        (["capture", "web", "-o", "x.zip"], 'a capture ends in .tar, not "x.zip"'),
    ],
)
def test_what_cannot_be_captured_is_said(podrunner: CommandLine, tmp_path: Path, words: list[str], error: str) -> None:
    (tmp_path / "mine.tar").write_text("mine")
    done = podrunner(*words)
    assert done.code == 2
    assert error.lower() in done.err.lower()
    assert (tmp_path / "mine.tar").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["mine.tar"]


def test_a_terminal_gets_no_archive(podrunner: CommandLine) -> None:
    done = podrunner("capture", "web", "-o", "-", terminal=True)
    assert done.code == 2
    assert "a capture is no text for a terminal" in done.err


def test_a_capture_of_a_cluster_has_no_record(podrunner: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "dump.json").write_text(json.dumps(GIVEN))
    assert podrunner("import", "dump.json", "-o", "dump.tar").code == 0
    done = podrunner("timeline", "dump.tar")
    assert done.code == 2
    assert '"dump.tar" holds no record of a run here' in done.err
