"""What stands in the artifacts directory after, and during, a run."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from runner.core.events import Event
from runner.core.narration import (
    AttemptEnding,
    AttemptStarted,
    EventRecorded,
    Gone,
    LogLine,
    PodRef,
    StatusChanged,
)
from runner.core.status.podstatus import Phase, PodStatus
from runner.engine.protocol import ContainerDetails, EngineState, Untagged
from runner.errors import NotFound, StoreError
from runner.kubelet.logs.artifacts import ArtifactWriter

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
REF = PodRef(namespace="default", name="web", uid="u1")


class InspectedContainers(Untagged):
    """An Engine that knows some containers."""

    def __init__(self, **containers: Mapping[str, object]) -> None:
        self.containers = containers

    def inspect_container(self, container_id: str) -> ContainerDetails:
        if container_id not in self.containers:
            raise NotFound(f"No such container: {container_id}")
        return ContainerDetails(
            id=container_id,
            name="n",
            image="i",
            image_id="",
            state=EngineState.RUNNING,
            labels={},
            created_at=NOW,
            raw=self.containers[container_id],
        )


def status(phase: str, uid: str = "u1", seconds: int = 0) -> StatusChanged:
    ref = PodRef(namespace="default", name="web", uid=uid)
    manifest = {"metadata": MappingProxyType({"name": "web", "uid": uid})}
    status = PodStatus(phase=Phase(phase))
    return StatusChanged(at=NOW + timedelta(seconds=seconds), ref=ref, manifest=manifest, status=status)


def event(name: str, count: int = 1, *, is_stored: bool = True) -> EventRecorded:
    record = Event.from_json({"metadata": {"name": name}, "count": count})
    return EventRecorded(at=NOW, ref=REF, record=record, is_stored=is_stored)


def line(data: bytes, attempt: int = 0, container: str = "main") -> LogLine:
    return LogLine(
        ref=REF,
        container=container,
        is_init=False,
        attempt=attempt,
        stream="stdout",
        data=data,
        timestamp="2026-01-02T03:04:05.000000001Z",
    )


def started(container_id: str, attempt: int = 0) -> AttemptStarted:
    return AttemptStarted(at=NOW, ref=REF, container="main", is_init=False, attempt=attempt, container_id=container_id)


def ending(container_id: str, attempt: int = 0) -> AttemptEnding:
    return AttemptEnding(ref=REF, container="main", is_init=False, attempt=attempt, container_id=container_id)


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def names(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


@pytest.fixture
def pod(tmp_path: Path) -> Path:
    """Where the pod's files are expected."""
    return tmp_path / "out" / "default_web"


def test_every_status_is_traced_and_the_last_one_is_the_pod(tmp_path: Path, pod: Path) -> None:
    writer = ArtifactWriter(tmp_path / "out", InspectedContainers())
    writer(status("Pending"))
    writer(status("Running", seconds=1))
    assert read(pod / "pod.json")["status"] == {"phase": "Running"}
    trace = [json.loads(text) for text in (pod / "trace.jsonl").read_text().splitlines()]
    assert [(entry["time"], entry["pod"]["status"]["phase"]) for entry in trace] == [
        ("2026-01-02T03:04:05.000678Z", "Pending"),
        ("2026-01-02T03:04:06.000678Z", "Running"),
    ]
    writer.close()


def test_events_are_one_list_in_the_order_of_last_being_seen(tmp_path: Path, pod: Path) -> None:
    writer = ArtifactWriter(tmp_path / "out", InspectedContainers())
    for message in (event("a"), event("b"), event("a", count=2), event("spam", is_stored=False)):
        writer(message)
    value = read(pod / "events.json")
    assert (value["apiVersion"], value["kind"]) == ("v1", "EventList")
    assert [(item["metadata"]["name"], item["count"]) for item in value["items"]] == [("b", 1), ("a", 2)]


def test_output_stands_by_container_and_attempt_after_its_time(tmp_path: Path, pod: Path) -> None:
    writer = ArtifactWriter(tmp_path / "out", InspectedContainers())
    for message in (line(b"one"), line(b"\xff\x00"), line(b"again", 1), line(b"init", 0, "init")):
        writer(message)
    time = b"2026-01-02T03:04:05.000000001Z "
    assert (pod / "logs/main/0.log").read_bytes() == time + b"one\n" + time + b"\xff\x00\n"
    assert (pod / "logs/main/1.log").read_bytes() == time + b"again\n"
    assert (pod / "logs/init/0.log").read_bytes() == time + b"init\n"
    writer.close()


def test_a_container_is_inspected_before_it_goes_and_at_the_end(tmp_path: Path, pod: Path) -> None:
    writer = ArtifactWriter(tmp_path / "out", InspectedContainers(c0={"Id": "c0"}, c1={"Id": "c1"}))
    writer(started("c0"))
    writer(ending("c0"))
    assert read(pod / "engine/main/0.json") == {"Id": "c0"}
    writer(started("c1", attempt=1))
    assert names(pod) == ["engine/main/0.json"]
    writer.close()
    assert read(pod / "engine/main/1.json") == {"Id": "c1"}


def test_a_container_that_is_gone_already_has_no_inspection(tmp_path: Path, pod: Path) -> None:
    writer = ArtifactWriter(tmp_path / "out", InspectedContainers())
    writer(started("c0"))
    writer(started("c1", attempt=1))
    writer(ending("c0"))
    writer.close()
    assert names(pod) == []


def test_pods_have_a_directory_each_and_nothing_else_is_written(tmp_path: Path) -> None:
    writer = ArtifactWriter(tmp_path / "out", InspectedContainers())
    writer(status("Pending"))
    other = PodRef(namespace="other", name="web", uid="u2")
    writer(StatusChanged(at=NOW, ref=other, manifest={"metadata": {"uid": "u2"}}, status=None))
    writer(Gone(at=NOW, ref=other))
    writer.close()
    assert names(tmp_path / "out") == [
        f"{directory}/{name}" for directory in ("default_web", "other_web") for name in ("pod.json", "trace.jsonl")
    ]


def test_a_new_pod_of_the_name_begins_anew_and_leaves_foreign_files_alone(tmp_path: Path, pod: Path) -> None:
    first = ArtifactWriter(tmp_path / "out", InspectedContainers(c0={}))
    for message in (status("Failed"), event("a"), line(b"old"), ending("c0")):
        first(message)
    first.close()
    (pod / "notes.txt").write_text("mine")
    second = ArtifactWriter(tmp_path / "out", InspectedContainers())
    second(status("Pending", uid="u2"))
    second.close()
    assert names(pod) == ["notes.txt", "pod.json", "trace.jsonl"]
    assert len((pod / "trace.jsonl").read_text().splitlines()) == 1


def test_the_same_pod_is_gone_on_with(tmp_path: Path, pod: Path) -> None:
    for name in ("a", "b"):
        writer = ArtifactWriter(tmp_path / "out", InspectedContainers())
        writer(status("Pending"))
        writer(event(name))
        writer.close()
    assert len((pod / "trace.jsonl").read_text().splitlines()) == 2
    assert [item["metadata"]["name"] for item in read(pod / "events.json")["items"]] == ["a", "b"]


def test_a_directory_that_cannot_be_made_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot make the artifacts directory"):
        ArtifactWriter(tmp_path / "file" / "out", InspectedContainers())


def test_trouble_later_is_logged_and_does_not_disturb_the_pod(
    tmp_path: Path, pod: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = ArtifactWriter(tmp_path / "out", InspectedContainers())
    (pod / "trace.jsonl").mkdir(parents=True)
    (pod / "pod.json").write_text('{"metadata": {"uid": "u1"}}')
    with caplog.at_level(logging.WARNING, logger="runner"):
        writer(status("Pending"))
        writer(event("a"))
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["cannot write artifacts of pod web"]
    assert (pod / "events.json").exists()


def test_what_a_workload_tells_is_beside_the_pods(tmp_path: Path) -> None:
    ref = PodRef(namespace="default", name="web", uid="u2", kind="Job")
    record = Event.from_json({"metadata": {"name": "web.1"}, "reason": "Completed", "message": "Job completed"})
    writer = ArtifactWriter(tmp_path, InspectedContainers())
    writer(EventRecorded(at=NOW, ref=ref, record=record))
    writer.close()
    value = json.loads((tmp_path / "default_job_web" / "events.json").read_text())
    assert [item["reason"] for item in value["items"]] == ["Completed"]
