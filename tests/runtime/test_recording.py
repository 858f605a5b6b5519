"""What is kept of a run: written by a thread of its own, readable whenever the process dies, and pruned."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.clock import SystemClock, VirtualClock
from runner.core.container.containerconfig import VolumeConfig
from runner.core.events import Event
from runner.core.history.record import FileKind, FileState, VolumeChange
from runner.core.model import PodUID
from runner.core.narration import AttemptEnding, EventRecorded, LogLine, LogLines, PodRef, StatusChanged, VolumesChanged
from runner.core.status.podstatus import Phase, PodStatus
from runner.engine.simulated import SimulatedEngine
from runner.errors import NotFound
from runner.kubelet.options import RunOptions
from runner.node.recording import Recording
from runner.registry.history import RunDirectory, kept_runs, prune
from runner.registry.home import Home
from runner.registry.podrecords import HEAD_BYTES, pods_in, read_log, read_record

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REF = PodRef(namespace="default", name="web", uid="u1")
TIME = "2026-01-02T03:04:05.000000001Z"


def status(phase: str, seconds: float = 0) -> StatusChanged:
    manifest = {"kind": "Pod", "metadata": {"name": "web", "namespace": "default", "uid": "u1"}}
    at = NOW + timedelta(seconds=seconds)
    return StatusChanged(at=at, ref=REF, manifest=manifest, status=PodStatus(phase=Phase(phase)))


def event(name: str, seconds: float = 0) -> EventRecorded:
    record = Event.from_json({"metadata": {"name": name}, "reason": "Pulled"})
    return EventRecorded(at=NOW + timedelta(seconds=seconds), ref=REF, record=record)


def lines(*data: bytes, attempt: int = 0) -> LogLines:
    found = [
        LogLine(ref=REF, container="main", is_init=False, attempt=attempt, stream="stdout", data=one, timestamp=TIME)
        for one in data
    ]
    return LogLines(ref=REF, lines=tuple(found))


def ending(**inspection: Any) -> AttemptEnding:
    return AttemptEnding(
        ref=REF, container="main", is_init=False, attempt=0, container_id="c0", inspection=inspection or None
    )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def recording(home: Home) -> Iterator[Recording]:
    made = record(home)
    yield made
    made.close()


def record(home: Home, **about: Any) -> Recording:
    options = RunOptions(history={"files": ["pod.yaml"], **about})
    made = Recording(SimulatedEngine(VirtualClock()), home, options, SystemClock())
    made.begin()
    return made


def pod_of(home: Home) -> Path:
    (run,) = kept_runs(home)
    (pod,) = pods_in(run.path)
    return pod


def test_a_run_keeps_what_its_pods_told(home: Home, recording: Recording) -> None:
    recording.refer([{"kind": "Pod", "metadata": {"name": "web"}}])
    for message in (status("Pending"), event("a", 0.5), lines(b"one", b"two"), ending(Id="c0"), status("Running", 1)):
        recording(message)
    recording.end(1, "pod web failed")
    recording.close()
    (run,) = kept_runs(home)
    assert (run.id, run.is_open, run.ended_at is None) == (recording.run, False, False)
    assert run.facts["files"] == ["pod.yaml"]
    assert (run.facts["exitCode"], run.facts["message"]) == (1, "pod web failed")
    assert run.facts["pods"] == [{"namespace": "default", "name": "web", "uid": "u1"}]
    assert (run.facts["engine"], run.size) == ({"version": "", "apiVersion": ""}, run.facts["bytes"])
    found = read_record(pod_of(home), run=run.id, ended_at=NOW + timedelta(seconds=9))
    assert (found.namespace, found.name, found.uid, found.run) == ("default", "web", "u1", recording.run)
    assert [(one.at, one.pod["status"]["phase"]) for one in found.trace] == [
        (NOW, "Pending"),
        (NOW + timedelta(seconds=1), "Running"),
    ]
    assert [(one.at, one.event["reason"]) for one in found.told] == [(NOW + timedelta(seconds=0.5), "Pulled")]
    assert found.inspections == {("main", 0): {"Id": "c0"}}
    assert found.log("main", 0) == f"{TIME} one\n{TIME} two\n".encode()
    assert found.objects == ({"kind": "Pod", "metadata": {"name": "web"}},)
    assert (found.began_at, found.end) == (NOW, NOW + timedelta(seconds=9))


def test_calls_to_the_engine_are_noted_with_what_they_were_for(home: Home, recording: Recording) -> None:
    engine = recording.engine().of(REF, "main", 2)
    engine.create_volume(VolumeConfig(name="v", labels={}))
    with pytest.raises(NotFound):
        engine.inspect_container("none")
    recording.engine().list_containers({})  # It is for no pod.
    recording(status("Pending"))
    recording.close()
    calls = read_record(pod_of(home)).calls
    assert [(one.verb, one.container, one.attempt, one.outcome) for one in calls] == [
        ("create_volume", "main", 2, "ok"),
        ("inspect_container", "main", 2, "NotFound"),
    ]
    assert all(one.seconds >= 0 and abs(one.at - SystemClock().now()) < timedelta(hours=1) for one in calls)


def test_changes_of_volumes_are_kept(home: Home, recording: Recording) -> None:
    recording(status("Pending"))
    change = VolumeChange(volume="work", path="a", after=FileState(kind=FileKind.FILE), diff="+x\n")
    recording(VolumesChanged(ref=REF, container="main", attempt=0, changes=(change,), note="it was empty"))
    recording.close()
    found = read_record(pod_of(home))
    assert [(one.path, one.diff) for one in found.volumes["main", 0]] == [("a", "+x\n")]
    assert found.volume_notes["main", 0] == "it was empty"


def test_others_put_files_and_lines_of_their_own_beside(home: Home, recording: Recording) -> None:
    state = {"kind": "file", "size": 3, "mode": 420, "uid": 0, "gid": 0}
    change = {"volume": "work", "path": "a", "after": state, "diff": "+x"}
    recording(status("Pending"))
    recording.note(REF, "volumes/main/0.json", {"note": "empty before", "changes": [change]})
    recording.note(REF, "faults.jsonl", {"time": "2026-01-02T03:04:06Z", "kind": "exit", "attempt": 1}, is_line=True)
    recording.close()
    found = read_record(pod_of(home))
    assert found.volumes == {
        ("main", 0): (VolumeChange(volume="work", path="a", after=FileState(kind=FileKind.FILE, size=3), diff="+x"),)
    }
    assert found.volume_notes == {("main", 0): "empty before"}
    assert [(one.kind, one.attempt) for one in found.faults] == [("exit", 1)]


def test_a_record_that_was_never_ended_can_be_read_up_to_its_last_whole_line(home: Home) -> None:
    directory = RunDirectory(home, NOW)
    directory.write({"run": directory.id})
    pod = directory.path / "default_web"
    pod.mkdir()
    whole = {"time": "2026-01-02T03:04:05.5Z", "pod": status("Running").pod}
    (pod / "trace.jsonl").write_text(json.dumps(whole) + '\n{"time": "2026-01-02T03:04:06Z", "po')
    (pod / "calls.jsonl").write_bytes(b"\xff\n[]\n")
    (pod / "engine/main").mkdir(parents=True)
    (pod / "engine/main/0.json").write_text('{"Id": ')
    (run,) = kept_runs(home)
    assert (run.is_open, run.ended_at, run.began_at) == (True, None, None)
    directory.close()
    (run,) = kept_runs(home)
    assert run.is_open is False
    found = read_record(pod)
    assert (len(found.trace), found.calls, found.inspections) == (1, (), {})
    assert found.end == NOW + timedelta(seconds=0.5)


def test_a_record_of_artifacts_of_earlier_versions_has_its_events_as_they_were_seen_last(tmp_path: Path) -> None:
    (tmp_path / "trace.jsonl").write_text(json.dumps({"time": "2026-01-02T03:04:05Z", "pod": {"metadata": {}}}) + "\n")
    items = [{"metadata": {"name": "a"}, "lastTimestamp": "2026-01-02T03:04:06Z"}, {"metadata": {"name": "b"}}]
    (tmp_path / "events.json").write_text(json.dumps({"items": items}))
    assert [one["metadata"]["name"] for one in read_record(tmp_path).events] == ["a"]


def test_values_of_secrets_do_not_reach_a_record(home: Home, recording: Recording) -> None:
    recording.secrets.learn(PodUID("uid-x"), ["hunter22"])
    metadata = {"name": "s", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "hunter22", "x": "y"}}
    recording.refer(
        [
            {"kind": "Secret", "metadata": metadata, "data": {"a": "aHVudGVyMjI="}, "stringData": {"b": "hunter22"}},
            {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": "open"}},
            {"kind": "Job", "metadata": {"name": "j"}},
        ]
    )
    recording(status("Pending"))
    recording(ending(Config={"Env": ["PASSWORD=hunter22"]}))
    recording.close()
    written = b"".join(path.read_bytes() for path in pod_of(home).rglob("*") if path.is_file())
    assert b"hunter22" not in written
    assert b"aHVudGVyMjI=" not in written
    assert [one["metadata"]["name"] for one in read_record(pod_of(home)).objects] == ["web", "s", "c"]


@pytest.mark.parametrize(("pieces", "cut"), [(5, False), (9, False), (25, True)])
def test_of_long_output_the_beginning_and_the_end_are_kept(home: Home, pieces: int, cut: bool) -> None:
    piece = b"x" * (HEAD_BYTES // 5)
    recording = record(home)
    recording(status("Pending"))
    for number in range(pieces):
        recording(lines(b"%03d" % number + piece))
    recording.close()
    log = pod_of(home) / "logs/main/0.log"
    text = read_log(log)
    assert (b"of this output were not kept" in text) is cut
    assert f"{TIME} 000x".encode() in text
    assert b"%s %03dx" % (TIME.encode(), pieces - 1) in text
    assert len(text) <= 2 * HEAD_BYTES + HEAD_BYTES // 4
    assert sum(path.stat().st_size for path in log.parent.iterdir()) <= 3.5 * HEAD_BYTES


def test_a_record_that_cannot_be_written_is_given_up_once_and_the_run_goes_on(
    home: Home, recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    (run,) = kept_runs(home)
    (run.path / "default_web").write_text("in the way")
    with caplog.at_level(logging.WARNING, logger="runner"):
        recording(status("Pending"))
        recording(event("a"))
        recording.close()
    assert [entry.getMessage().partition(":")[0] for entry in caplog.records] == [
        "this run is not recorded any further"
    ]


def test_a_state_directory_that_takes_no_record_costs_the_record_alone(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    home.ensure()
    home.history.write_text("in the way")
    with caplog.at_level(logging.WARNING, logger="runner"):
        recording = record(home)
        recording(status("Pending"))
        recording.close()
    assert [entry.getMessage().partition(":")[0] for entry in caplog.records] == ["this run is not recorded"]
    assert (recording.run, kept_runs(home), list(prune(home))) == ("", [], [])


def test_without_a_record_nothing_stands_between_a_run_and_its_engine(home: Home) -> None:
    engine = SimulatedEngine(VirtualClock())
    recording = Recording(engine, home, RunOptions(), SystemClock())
    recording.begin()
    recording.note(REF, "faults.jsonl", {}, is_line=True)
    recording(status("Pending"))
    assert (recording.engine() is engine, recording.is_wanted, home.path.exists()) == (True, False, False)
    recording.close()


def test_two_runs_of_one_second_have_two_names_in_order(home: Home) -> None:
    first, second = RunDirectory(home, NOW), RunDirectory(home, NOW)
    assert [run.id for run in kept_runs(home)] == [first.id, second.id] == ["260102-030405", "260102-030405-1"]
    for one in (first, second):
        one.close()
        one.close()


def test_the_oldest_runs_go_when_there_are_too_many_or_too_much_but_none_that_is_being_written(home: Home) -> None:
    runs = [RunDirectory(home, NOW + timedelta(seconds=number)) for number in range(6)]
    for number, run in enumerate(runs):
        run.write({"bytes": 100})
        if number != 1:
            run.close()
    ids = [run.id for run in runs]
    assert [path.name for path in prune(home, most=4, dry_run=True)] == [ids[0]]
    assert [path.name for path in prune(home, most=4)] == [ids[0]]
    assert [path.name for path in prune(home, most_bytes=250)] == [ids[3], ids[2]]
    assert [run.id for run in kept_runs(home)] == [ids[1], ids[4], ids[5]]
    runs[1].close()
    assert [path.name for path in prune(home, most=2)] == [ids[1]]
