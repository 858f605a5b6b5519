"""import, and captures as manifests: what kubectl shows of a cluster runs here, and fails as it was seen to fail."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from runner.core.model import Json
from tests.cli.support import CommandLine
from tests.core.test_importing import ended, pod, status, waiting

LOOPING = pod(status("init", 2, waiting("CrashLoopBackOff"), ended(3)))


@pytest.fixture
def podrunner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    return CommandLine()


def dumped(tmp_path: Path, value: Json = LOOPING) -> str:
    path = tmp_path / "dump.json"
    path.write_text(json.dumps(value))
    return str(path)


def members(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        return {one.name: archive.extractfile(one).read().decode() for one in archive}  # type: ignore[union-attr]


def test_import_makes_a_capture_named_after_the_pod(podrunner: CommandLine, tmp_path: Path) -> None:
    done = podrunner("import", dumped(tmp_path))
    assert (done.code, done.out) == (0, "web.tar\n")
    assert "failure: pod/web/init#0-2:exit=3" in done.err
    assert "note: init: attempts 0 to 1 taken to have ended like attempt 2" in done.err
    assert done.err.splitlines()[-1] == "pod web: podrunner run web.tar --same-failures"
    found = members(tmp_path / "web.tar")
    assert set(found) == {"capture.json", "manifest.yaml", "faults.yaml", "observed.json"}
    assert json.loads(found["capture.json"])["retry"] == "container"
    assert found["faults.yaml"] == "- pod/web/init#0-2:exit=3\n"
    assert json.loads(found["observed.json"])["items"][0]["status"] == LOOPING["status"]


def test_import_reads_standard_input(podrunner: CommandLine, tmp_path: Path) -> None:
    done = podrunner(
        "import", "-", "-o", str(tmp_path / "x.tar"), "--image", "busybox=alpine:3", stdin=json.dumps(LOOPING)
    )
    assert done.code == 0, done.err
    assert "image: alpine:3" in members(tmp_path / "x.tar")["manifest.yaml"]


def test_a_capture_is_simulated_with_the_same_failures(podrunner: CommandLine, tmp_path: Path) -> None:
    podrunner("import", dumped(tmp_path))
    done = podrunner("simulate", "web.tar", "--same-failures", "--for", "10m", "-o", "timeline")
    assert done.code == 0, done.err
    rows = [line for line in done.out.splitlines() if "exit" in line or "runs" in line]
    assert [row.rsplit(", ", 1)[-1] for row in rows] == ["exit 3", "exit 3", "exit 3", "exit 0", "still runs"]


def test_a_capture_is_a_manifest_like_others(podrunner: CommandLine, tmp_path: Path) -> None:
    podrunner("import", dumped(tmp_path))
    assert podrunner("validate", "web.tar").code == 0
    done = podrunner("simulate", "web.tar", "--for", "1m")
    assert "exit code 3" not in done.out


def test_the_way_of_retrying_can_be_chosen_anew(podrunner: CommandLine, tmp_path: Path) -> None:
    podrunner("import", dumped(tmp_path))
    done = podrunner("simulate", "web.tar", "--same-failures", "--retry", "pod", "--for", "10m")
    assert "RestartingAllContainers" in done.out
    assert "RestartingAllContainers" not in podrunner("simulate", "web.tar", "--same-failures", "--for", "10m").out


def test_another_file_is_never_written_over(podrunner: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "web.tar").write_text("mine")
    done = podrunner("import", dumped(tmp_path))
    assert (done.code, (tmp_path / "web.tar").read_text()) == (2, "mine")
    assert '"web.tar" is there already' in done.err


def archive(path: Path, **files: str) -> None:
    with tarfile.open(path, "w") as made:
        for name, text in files.items():
            entry = tarfile.TarInfo(name.replace("_", "."))
            entry.size = len(text)
            made.addfile(entry, io.BytesIO(text.encode()))


@pytest.mark.parametrize(
    ("files", "words", "error"),
    [
        pytest.param(None, [], "cannot read", id="no archive"),
        pytest.param({"other": ""}, [], "is no capture: it has no manifest.yaml", id="another archive"),
        pytest.param({"manifest_yaml": "kind: Po"}, [], "x.tar:manifest.yaml:1:", id="a broken manifest"),
        pytest.param({"manifest_yaml": json.dumps(LOOPING), "faults_yaml": "- init:exist=3"}, ["--same-failures"],
                     "x.tar:faults.yaml: item 1", id="a broken fault"),
        pytest.param({"manifest_yaml": json.dumps(LOOPING), "faults_yaml": "[]", "capture_json": '{"form": 99}'},
                     ["--same-failures"], "its form is 99", id="a later form"),
        pytest.param({"manifest_yaml": json.dumps(LOOPING), "faults_yaml": "[]", "capture_json": "7"},
                     ["--same-failures"], "is no capture that can be read", id="something else"),
    ],
)  # fmt: skip
def test_what_is_no_capture_is_refused(
    podrunner: CommandLine, tmp_path: Path, files: Any, words: list[str], error: str
) -> None:
    path = tmp_path / "x.tar"
    if files is None:
        path.write_text("text")
    else:
        archive(path, **files)
    done = podrunner("simulate", "x.tar", *words)
    assert done.code == 2
    assert error in done.err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["import"], "Missing argument"),
        (["import", "nosuch.yaml"], 'the path "nosuch.yaml" does not exist'),
        (["import", "dump.json", "--image", "a"], '--image takes A=B, not "a"'),
        (["import", "dump.json", "-o", "no/such/x.tar"], 'cannot write "no/such/x.tar"'),
        (["simulate", "dump.json", "--same-failures"], "--same-failures needs a capture"),
        (["simulate", "nosuch.tar"], 'the path "nosuch.tar" does not exist'),
    ],
)
def test_what_cannot_be_done_is_said(podrunner: CommandLine, tmp_path: Path, words: list[str], error: str) -> None:
    dumped(tmp_path)
    done = podrunner(*words)
    assert done.code == 2
    assert error.lower() in done.err.lower()


PRINTS = Path(__file__).parents[2] / "fixtures/conformance/apiserver/prints.jsonl"


def dumps() -> dict[str, Json]:
    """Pods that failed, as kubectl shows them."""
    found: dict[str, Json] = {}
    for line in PRINTS.read_text().splitlines():
        one = json.loads(line)
        failures = _failures(one["pod_json"])
        if failures and "deletionTimestamp" not in one["pod_json"]["metadata"]:
            found[one["id"]] = one["pod_json"]
    return found


def _failures(value: Json) -> dict[tuple[str, int], int]:
    """The exit codes that a status shows of attempts that failed."""
    found = {}
    for group in ("initContainerStatuses", "containerStatuses"):
        for one in value["status"].get(group) or ():
            now, last = one["state"].get("terminated"), (one.get("lastState") or {}).get("terminated")
            shown = (
                one["restartCount"] if now or "CrashLoopBackOff" not in str(one["state"]) else one["restartCount"] + 1
            )
            for number, end in ((shown, now), (shown - 1, last)):
                if end and end["exitCode"]:
                    found[one["name"], number] = end["exitCode"]
    return found


def test_there_are_dumps_to_try() -> None:
    assert len(dumps()) >= 5


@pytest.mark.parametrize("value", [pytest.param(one, id=name) for name, one in dumps().items()])
def test_dumps_of_pods_that_failed_run_with_their_sequence_of_exit_codes(
    podrunner: CommandLine, tmp_path: Path, value: Json
) -> None:
    assert podrunner("import", dumped(tmp_path, value), "-o", "dump.tar").code == 0
    done = podrunner("simulate", "dump.tar", "--same-failures", "--for", "3h", "-o", "json")
    assert done.code == 0, done.err
    seen: dict[tuple[str, int], int] = {}
    for line in done.out.splitlines():
        seen |= _failures(json.loads(line)["pod"])
    assert {key: seen.get(key) for key in _failures(value)} == _failures(value)
