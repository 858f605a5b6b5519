"""What is read as evidence: kubectl's output, artifacts of a run, dumps of clusters."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from runner.api.dumps import read_dump
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
