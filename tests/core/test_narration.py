"""What a pod tells: how its parts are put together, and what may be asked of a log."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runner.core.events import Event, ObjectRef, Source
from runner.core.logquestion import LogQuestion
from runner.core.narration import EventRecorded, LogLine, PodRef, StatusChanged
from runner.core.status.podstatus import Phase, PodStatus

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REF = PodRef(namespace="default", name="web", uid="u")


@pytest.mark.parametrize(("kind", "label"), [("Pod", "web"), ("Job", "job/web"), ("StatefulSet", "statefulset/web")])
def test_a_pod_is_called_by_its_name_and_everything_else_with_its_kind(kind: str, label: str) -> None:
    assert PodRef(namespace="default", name="web", uid="u", kind=kind).label == label


@pytest.mark.parametrize(
    ("status", "written"), [(None, {}), (PodStatus(phase=Phase.RUNNING), PodStatus(phase=Phase.RUNNING).to_json())]
)
def test_a_told_status_is_shown_in_its_pod(status: PodStatus | None, written: dict[str, object]) -> None:
    manifest = {"kind": "Pod", "metadata": {"name": "web"}}
    told = StatusChanged(at=NOW, ref=REF, manifest=manifest, status=status)
    assert told.pod == {**manifest, "status": written}
    assert "status" not in manifest


@pytest.mark.parametrize(("has_end", "content"), [(True, b"half a line\n"), (False, b"half a line")])
def test_a_line_ends_as_the_container_ended_it(has_end: bool, content: bytes) -> None:
    line = LogLine(
        ref=REF,
        container="c",
        is_init=False,
        attempt=0,
        stream="stdout",
        data=b"half a line",
        timestamp="2026-01-02T03:04:05.000000006Z",
        has_end=has_end,
    )
    assert line.content == content


def test_who_asks_for_a_log_without_more_gets_all_of_the_newest_attempt_in_whole_lines() -> None:
    question = LogQuestion(container=None)
    assert (question.previous, question.follow, question.tail, question.since, question.attempt) == (
        (False, False, None, None, None)
    )
    assert question.whole


def test_a_told_event_is_the_v1_event_of_its_record() -> None:
    about = ObjectRef(kind="Pod", namespace="default", name="web", uid="u")
    record = Event(
        name="web.1",
        ref=about,
        source=Source(component="kubelet", host="node"),
        type="Normal",
        reason="Pulled",
        message="pulled",
        first=NOW,
        last=NOW,
    )
    told = EventRecorded(at=NOW, ref=REF, record=record)
    assert told.event == record.to_json()
    assert told.is_stored
