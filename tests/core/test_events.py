"""Events and the recorder's rules."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.events import (
    CACHE_SIZE,
    COMBINED_PREFIX,
    SPAM_BURST,
    Correlator,
    Event,
    ObjectRef,
    Source,
    pod_ref,
)
from runner.core.model import Pod
from runner.core.reasons import EventReason, Note, normal, warning

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REF = ObjectRef(namespace="ns", name="p", uid="u")
NODE = Source(host="node")
PRINTS = Path(__file__).parents[2] / "fixtures" / "conformance" / "apiserver" / "prints.jsonl"
RECORDED: list[dict[str, Any]] = [
    event for line in PRINTS.read_text().splitlines() for event in json.loads(line)["events"]
]


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def take(memory: Correlator, ref: ObjectRef, note: Note, now: datetime) -> Event | None:
    """What is stored for an event."""
    event, is_stored = memory.take(ref, NODE, note, now)
    return event if is_stored else None


def run(notes: list[tuple[float, Note]], ref: ObjectRef = REF) -> list[Event | None]:
    """What is stored for events at the given seconds."""
    memory = Correlator()
    return [take(memory, ref, note, at(seconds)) for seconds, note in notes]


def spent(ref: ObjectRef = REF) -> Correlator:
    """A memory in which an object has used up its burst of warnings."""
    memory = Correlator()
    assert all(take(memory, ref, unhealthy("x"), NOW) for _ in range(SPAM_BURST))
    assert take(memory, ref, unhealthy("x"), NOW) is None
    return memory


def unhealthy(text: str) -> Note:
    return warning(EventReason.UNHEALTHY, text)


def test_an_event_is_written_as_a_v1_event() -> None:
    ref = ObjectRef(namespace="ns", name="p", uid="u", field_path="spec.containers{app}")
    event = take(Correlator(), ref, normal(EventReason.STARTED, "Container started"), NOW)
    assert event is not None
    assert event.to_json() == {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {
            "name": f"p.{int(NOW.timestamp()) * 10**9:x}",
            "namespace": "ns",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "involvedObject": {
            "kind": "Pod",
            "namespace": "ns",
            "name": "p",
            "uid": "u",
            "apiVersion": "v1",
            "fieldPath": "spec.containers{app}",
        },
        "reason": "Started",
        "message": "Container started",
        "source": {"component": "kubelet", "host": "node"},
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
        "count": 1,
        "type": "Normal",
        "eventTime": None,
        "reportingComponent": "kubelet",
        "reportingInstance": "node",
    }


def test_there_are_recorded_events_to_compare_with() -> None:
    assert len(RECORDED) > 50


@pytest.mark.parametrize("value", RECORDED, ids=[f"{n}" for n in range(len(RECORDED))])
def test_a_recorded_event_survives_reading_and_writing(value: dict[str, Any]) -> None:
    """Except for what the API server adds, and the forms of the newer events API."""
    again = Event.from_json(value).to_json()
    for key in ("involvedObject", "reason", "message", "type"):
        assert again[key] == value[key]
    if value.get("firstTimestamp"):
        for key in ("firstTimestamp", "lastTimestamp", "count", "source"):
            assert again[key] == value[key]
    assert again["metadata"]["name"] == value["metadata"]["name"]


def test_an_empty_object_reads_as_an_empty_event() -> None:
    event = Event.from_json({"eventTime": "2026-01-01T00:00:00.5Z", "reportingComponent": "x"})
    assert (event.count, event.first, event.last) == (1, at(0.5), at(0.5))
    assert event.source == Source(component="x", host="")
    assert Event.from_json({}).first == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_repeated_event_is_counted_up_under_its_first_name() -> None:
    first, second, third = run([(0, unhealthy("x")), (10, unhealthy("x")), (20, unhealthy("x"))])
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.count, second.count, third.count) == (1, 2, 3)
    assert first.name == second.name == third.name
    assert (third.first, third.last) == (at(0), at(20))


def test_events_about_different_containers_are_counted_apart() -> None:
    memory, counts = Correlator(), []
    for path in ("spec.containers{a}", "spec.containers{b}"):
        ref = ObjectRef(namespace="ns", name="p", uid="u", field_path=path)
        event = take(memory, ref, unhealthy("x"), NOW)
        counts.append(event.count if event else 0)
    assert counts == [1, 1]


def test_events_at_the_same_moment_have_different_names() -> None:
    stored = run([(0, unhealthy(str(n))) for n in range(5)])
    assert len({event.name for event in stored if event}) == 5


def test_many_similar_events_are_combined_into_one() -> None:
    """The tenth different message and those after it are one event with a growing count and the newest message."""
    stored = run([(n, unhealthy(f"failure {n}")) for n in range(13)])
    assert [event.count for event in stored if event] == [1] * 10 + [2, 3, 4]
    assert stored[8] is not None
    assert stored[12] is not None
    assert stored[8].message == "failure 8"
    assert stored[12].message == f"{COMBINED_PREFIX}failure 12"
    assert len({event.name for event in stored[9:] if event}) == 1


def test_similar_events_after_a_long_silence_are_told_one_by_one_again() -> None:
    stored = run([*((n, unhealthy(f"failure {n}")) for n in range(9)), (8 + 601, unhealthy("failure 9"))])
    assert stored[9] is not None
    assert stored[9].message == "failure 9"
    close = run([*((n, unhealthy(f"failure {n}")) for n in range(9)), (8 + 600, unhealthy("failure 9"))])
    assert close[9] is not None
    assert close[9].message.startswith(COMBINED_PREFIX)


def test_events_of_another_reason_are_not_similar() -> None:
    notes = [(0.0, unhealthy(f"failure {n}")) for n in range(9)]
    stored = run([*notes, (0.0, normal(EventReason.PULLING, "p"))])
    assert stored[9] is not None
    assert stored[9].message == "p"


def test_spam_is_dropped_after_a_burst_and_let_through_every_five_minutes() -> None:
    stored = run([(0, unhealthy("x"))] * 27)
    assert [event is None for event in stored] == [False] * 25 + [True] * 2
    later = run([*[(0.0, unhealthy("x"))] * 26, (299, unhealthy("x")), (301, unhealthy("x")), (302, unhealthy("x"))])
    assert [event is None for event in later[25:]] == [True, True, False, True]
    assert later[27] is not None
    assert later[27].count == 28


def test_another_pod_has_a_burst_of_its_own() -> None:
    other = ObjectRef(namespace="ns", name="q", uid="v")
    assert take(spent(REF), other, unhealthy("x"), NOW) is not None


def test_normal_events_and_warnings_have_a_burst_each() -> None:
    """As recorded from a kubelet: 25 of each type about one pod, whatever the other type does."""
    memory = spent()
    stored = [take(memory, REF, normal(EventReason.PULLING, "p"), NOW) for _ in range(SPAM_BURST + 1)]
    assert [event is None for event in stored] == [False] * SPAM_BURST + [True]


def test_a_clock_that_goes_back_takes_no_tokens_away() -> None:
    assert all(run([(100, unhealthy("x")), (0, unhealthy("x"))]))


def test_the_memory_is_bounded_and_forgets_who_was_heard_of_least_recently() -> None:
    memory = spent(REF)
    others = [ObjectRef(namespace="ns", name=f"p{n}", uid=str(n)) for n in range(CACHE_SIZE + 1)]
    for ref in others[: CACHE_SIZE - 1]:
        take(memory, ref, unhealthy("x"), NOW)
    assert take(memory, REF, unhealthy("x"), NOW) is None, "it is still known"
    for ref in others[1:]:
        take(memory, ref, unhealthy("x"), NOW)
    again = take(memory, REF, unhealthy("x"), NOW)
    assert again is not None, "it was forgotten, and so was what it had used up"
    assert again.count == 1


def test_a_pod_and_its_containers_are_objects_of_events() -> None:
    value = {"metadata": {"name": "p", "namespace": "ns", "uid": "u"}, "spec": {"initContainers": [{"name": "i"}]}}
    pod = Pod.from_json(value)
    assert pod_ref(pod) == REF
    assert pod_ref(pod, pod.init_containers[0]).field_path == "spec.initContainers{i}"


@given(st.lists(st.tuples(st.floats(min_value=0, max_value=400), st.sampled_from("abcdefghijklmnop")), max_size=60))
def test_counts_of_one_name_grow_and_never_more_than_the_burst_comes_at_once(steps: list[tuple[float, str]]) -> None:
    seconds, notes = 0.0, []
    for gap, text in steps:
        seconds += gap
        notes.append((seconds, unhealthy(text)))
    counts: dict[str, int] = {}
    stored = run(notes)
    for event in stored:
        if event is not None:
            assert event.count > counts.get(event.name, 0)
            counts[event.name] = event.count
    assert sum(event is not None for event in stored) <= SPAM_BURST + seconds / 300
