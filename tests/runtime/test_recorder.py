"""Events on their way to the store and the listeners."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runner.clock import VirtualClock
from runner.core.events import SPAM_BURST
from runner.core.model import Pod
from runner.core.narration import EventRecorded, Narration, PodRef
from runner.core.reasons import EventReason, EventType, normal
from runner.kubelet.loop.recorder import EventRecorder
from runner.registry.contract import unversioned
from runner.registry.memory import MemoryRegistry

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Recording:
    """A recorder with its store, its clock and what its listener heard."""

    def __init__(self) -> None:
        self.store = MemoryRegistry()
        self.clock = VirtualClock(NOW)
        self.heard: list[Narration] = []
        pod = Pod.from_json({"metadata": {"name": "web", "namespace": "shop", "uid": "u1"}, "spec": {}})
        self.recorder = EventRecorder(pod, self.store, self.heard.append, self.clock, "node-1")

    @property
    def stored(self) -> list[dict[str, Any]]:
        return self.store.list("Event", "shop", about="u1").items


@pytest.fixture
def recording() -> Recording:
    return Recording()


def test_an_event_is_stored_and_told(recording: Recording) -> None:
    recording.recorder.event(
        EventType.WARNING, EventReason.UNHEALTHY, "Liveness probe failed: no", field_path="spec.containers{main}"
    )
    (event,) = recording.stored
    (heard,) = recording.heard
    assert isinstance(heard, EventRecorded)
    assert (heard.at, heard.ref) == (NOW, PodRef(namespace="shop", name="web", uid="u1"))
    assert unversioned(event) == heard.event
    assert (event["type"], event["reason"], event["message"]) == ("Warning", "Unhealthy", "Liveness probe failed: no")
    assert event["involvedObject"] == {
        "kind": "Pod",
        "namespace": "shop",
        "name": "web",
        "uid": "u1",
        "apiVersion": "v1",
        "fieldPath": "spec.containers{main}",
    }
    assert event["source"] == {"component": "kubelet", "host": "node-1"}


def test_the_scheduler_names_no_host_and_the_pod_as_a_whole(recording: Recording) -> None:
    recording.recorder.note(normal(EventReason.SCHEDULED, "Successfully assigned"), component="default-scheduler")
    (event,) = recording.stored
    assert event["source"] == {"component": "default-scheduler"}
    assert "fieldPath" not in event["involvedObject"]


def test_a_repeated_event_is_counted_up_and_comes_last(recording: Recording) -> None:
    back_off = normal(EventReason.BACK_OFF, "Back-off restarting failed container")
    for note in (back_off, normal(EventReason.PULLED, "Pulled"), back_off):
        recording.recorder.note(note)
        recording.clock.sleep(10)
    assert [(event["reason"], event["count"], event["lastTimestamp"]) for event in recording.stored] == [
        ("Pulled", 1, "2026-01-02T03:04:15Z"),
        ("BackOff", 2, "2026-01-02T03:04:25Z"),
    ]
    assert len(recording.heard) == 3


def test_spam_is_told_but_not_stored(recording: Recording) -> None:
    for _ in range(SPAM_BURST + 5):
        recording.recorder.note(normal(EventReason.BACK_OFF, "again"))
    assert [event["count"] for event in recording.stored] == [SPAM_BURST]
    told = [heard for heard in recording.heard if isinstance(heard, EventRecorded)]
    assert [one.record.count for one in told] == list(range(1, SPAM_BURST + 6))
    assert [one.is_stored for one in told] == [True] * SPAM_BURST + [False] * 5
