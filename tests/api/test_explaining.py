"""What is read as evidence: kubectl's output, artifacts and records of a run, dumps of clusters."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.api.explaining import explain_record, read_dump
from runner.core.history.record import FileKind, FileState, PodRecord, Seen, Told, VolumeChange
from runner.core.model import Json
from runner.errors import UsageError

POD = {"kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}, "status": {"startTime": "2026-03-02T09:00:00Z"}}


def test_instants_stay_texts(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text(
        "kind: Pod\nmetadata: {creationTimestamp: 2026-03-02T09:00:00Z}\n---\nkind: Event\n"
    )
    found = read_dump([str(tmp_path / "pod.yaml")], None)
    assert found.pods[0]["metadata"]["creationTimestamp"] == "2026-03-02T09:00:00Z"
    assert [one["kind"] for one in found.objects] == ["Pod", "Event"]


def test_artifacts_of_a_run_are_read_with_their_output_and_their_changes_of_volumes(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "shop_web"
    (folder / "logs" / "init").mkdir(parents=True)
    (folder / "engine" / "init").mkdir(parents=True)
    (folder / "volumes" / "init").mkdir(parents=True)
    (folder / "pod.json").write_text(json.dumps(POD))
    (folder / "events.json").write_text(json.dumps({"kind": "EventList", "items": [{"reason": "Started"}]}))
    (folder / "trace.jsonl").write_text("x")
    (folder / "engine" / "init" / "0.json").write_text(json.dumps({"kind": "Pod"}))
    (folder / "logs" / "init" / "1.log").write_text("2026-03-02T09:00:00.123456789Z one\n2026-03-02T09:00:00Z two\n")
    (folder / "logs" / "init" / "notes.log").write_text("x")
    changes = [{"volume": "data", "path": "a.txt", "after": {}}, {"volume": "data", "path": "b", "after": None}]
    (folder / "volumes" / "init" / "0.json").write_text(json.dumps({"changes": changes}))
    (folder / "volumes" / "init" / "1.json").write_text(json.dumps(changes[:1]))
    found = read_dump([str(tmp_path)], None)
    evidence = found.evidence(found.pods[0])
    assert len(found.pods) == 1
    assert evidence.logs == {("init", 1): ["one", "two"]}
    assert [(one.volume, one.path) for one in evidence.written] == [("data", "a.txt"), ("data", "a.txt")]
    assert evidence.folder == str(folder)


def test_a_dump_of_a_cluster_is_json_after_json_with_output_between() -> None:
    of = "logs for container app of pod shop/web ===="
    section = f"==== START {of}\nhello\n==== END {of}\n"
    text = f"{json.dumps(POD)}\n{json.dumps({'kind': 'EventList', 'items': [{}]})}\n{section}"
    found = read_dump(["-"], io.StringIO(text))
    assert [one.get("kind") for one in found.objects] == ["Pod", "Event"]
    assert found.evidence(found.pods[0]).logs == {("app", 0): ["hello"]}


def test_a_list_of_objects_is_read_as_one() -> None:
    assert read_dump(["-"], io.StringIO(json.dumps([POD, POD]))).pods == [POD, POD]


def test_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_dump([str(tmp_path / "none.json")], None)
    with pytest.raises(UsageError, match="no objects in folder"):
        read_dump([str(tmp_path)], None)
    with pytest.raises(UsageError, match="neither YAML nor JSON"):
        read_dump(["-"], io.StringIO("{"))
    with pytest.raises(UsageError, match="no standard input"):
        read_dump(["-"], None)


def test_a_pod_of_a_run_that_is_over_is_explained_as_it_was_before_it_was_deleted() -> None:
    ended = {"terminated": {"exitCode": 1, "reason": "Error"}}
    mounts = {"volumeMounts": [{"name": "w", "mountPath": "/w"}]}
    pod: Json = {
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "default", "uid": "u"},
        "spec": {
            "initContainers": [{"name": "render", **mounts}],
            "containers": [{"name": "app", **mounts}],
            "volumes": [{"name": "w", "emptyDir": {}}],
        },
        "status": {
            "initContainerStatuses": [{"name": "render", "state": {"terminated": {"exitCode": 0}}, "restartCount": 0}],
            "containerStatuses": [{"name": "app", "state": ended, "restartCount": 1}],
        },
    }
    at = datetime(2026, 3, 2, tzinfo=UTC)
    deleted = {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": "2026-03-02T09:00:00Z"}, "status": {}}
    new = FileState(kind=FileKind.FILE)
    said = b"2026-03-02T09:00:00Z open /w/settings.json: no such file or directory\n"
    found = explain_record(
        PodRecord(
            namespace="default",
            name="web",
            uid="u",
            trace=(Seen(at=at, pod=pod), Seen(at=at, pod=deleted)),
            told=(Told(at=at, event={"kind": "Event", "involvedObject": {"uid": "u"}, "metadata": {"name": "x"}}),),
            volumes={
                ("render", 0): (
                    VolumeChange(volume="w", path="setings.json", after=new),
                    VolumeChange(volume="w", path="other", before=new),
                )
            },
            outputs={("app", attempt): lambda: said for attempt in range(3)},
        )
    )
    assert found.cause is not None
    assert found.cause.sentence.endswith("where init container render wrote setings.json")
    assert (found.cause.attempt, found.looked_at[1]) == (1, "1 event")
