"""The judge of the scenarios itself: for every kind of expectation, one that holds and one that does not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runner.core.model import Json
from runner.core.text.times import format_time
from runner.registry.memory import MemoryRegistry
from tests.conformance.judging import Judge
from tests.conformance.view import Seen, View

START = datetime(2000, 1, 1, tzinfo=UTC)


def at(seconds: float) -> str:
    return format_time(START + timedelta(seconds=seconds))


def status(phase: str, is_ready: str, *, attempt: int = 0, **more: Any) -> Json:
    one = {"name": "main", "restartCount": attempt, "image": "docker.io/library/busybox:1.36", **more}
    condition = {"type": "Ready", "status": is_ready, "lastTransitionTime": at(4)}
    return {"status": {"phase": phase, "conditions": [condition], "containerStatuses": [one]}}


def ended(attempt: int, start: float, end: float, code: int) -> dict[str, Any]:
    times = {"startedAt": at(start), "finishedAt": at(end)}
    reason = "Completed" if code == 0 else "Error"
    return {"terminated": {**times, "exitCode": code, "reason": reason, "containerID": f"id-{attempt}"}}


HISTORY = [
    (0, status("Pending", "False", state={"waiting": {"reason": "ContainerCreating"}})),
    (1, status("Running", "False", state={"running": {"startedAt": at(1)}}, started=True, containerID="id-0")),
    (
        4,
        status(
            "Running", "True", state={"running": {"startedAt": at(1)}}, started=True, ready=True, containerID="id-0"
        ),
    ),
    (6, status("Running", "False", state=ended(0, 1, 6, 3))),
    (
        7,
        status(
            "Running",
            "False",
            state={"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
            lastState=ended(0, 1, 6, 3),
        ),
    ),
    (16, status("Running", "True", attempt=1, state=ended(1, 16, 20, 0), lastState=ended(0, 1, 6, 3), ready=True)),
]
MARKS = [
    "10.00 init Starting",
    "10.10 init Started",
    "12.00 init Exiting 0",
    "12.50 main Starting",
    "12.60 main Started",
]


def judge(expect: Mapping[str, Any]) -> list[str]:
    """The judgement of one pod: it ran twice, was asked to go at 18 s and was gone at 21 s."""
    store = MemoryRegistry()
    involved = {"kind": "Pod", "namespace": "default", "name": "web", "uid": "uid-1"}
    event = {"reason": "BackOff", "message": "Back-off restarting failed container", "involvedObject": involved}
    store.record_event({**event, "metadata": {"name": "web.1", "namespace": "default"}, "lastTimestamp": at(7)})
    event = {"reason": "Killing", "message": "Stopping container main", "involvedObject": involved}
    store.record_event({**event, "metadata": {"name": "web.2", "namespace": "default"}, "lastTimestamp": at(15)})
    view = View(uid="uid-1", name="web", store=store)
    view.states = [Seen(START + timedelta(seconds=seconds), pod) for seconds, pod in HISTORY]
    view.states.append(Seen(START + timedelta(seconds=21), None))
    view.lines = [*MARKS, "some other output"]
    deleted, gone = (START + timedelta(seconds=seconds) for seconds in (15, 21))
    made = Judge(expect, view, deleted=deleted, gone=gone)
    return [*made.problems(), *made.verdict()]


MAIN = "containers"
EXPECTATIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"phase": "Running"}, {"phase": "Succeeded"}),
    ({MAIN: {"main": {"state": "terminated"}}}, {MAIN: {"main": {"state": "running"}}}),
    ({MAIN: {"main": {"exitCode": 0, "reason": "Completed"}}}, {MAIN: {"main": {"exitCode": 3}}}),
    ({MAIN: {"main": {"last_exitCode": 3, "last_terminated": True}}}, {MAIN: {"main": {"last_reason": "OOMKilled"}}}),
    ({MAIN: {"main": {"restartCount": 1}}}, {MAIN: {"main": {"restartCount": 0}}}),
    ({MAIN: {"main": {"restartCount_min": 1}}}, {MAIN: {"main": {"restartCount_min": 2}}}),
    ({MAIN: {"main": {"image": "busybox:1.36"}}}, {MAIN: {"main": {"image": "busybox:1.36-alt"}}}),
    ({MAIN: {"main": {"ready": True, "started": False}}}, {MAIN: {"main": {"ready": False}}}),
    ({MAIN: {"main": {"waitingReason": None}}}, {MAIN: {"main": {"waitingReason": "CrashLoopBackOff"}}}),
    ({MAIN: {"main": {"message": ""}}}, {MAIN: {"main": {"message": "DONE"}}}),
    ({MAIN: {}}, {MAIN: {"nobody": {"state": "running"}}}),
    ({"conditions": {"Ready": {"status": "True"}}}, {"conditions": {"Ready": {"status": "False"}}}),
    (
        {"order": [["before", "init.Exiting", "main.Starting"]]},
        {"order": [["before", "main.Starting", "init.Exiting"]]},
    ),
    ({"order": [["starts_before", "init", "main"]]}, {"order": [["exits_before", "init", "main"]]}),
    ({"not_order": [["together", "init", "main"]]}, {"not_order": [["starts_before", "init", "main"]]}),
    ({"started": ["main"]}, {"started": ["other"]}),
    ({"exited": ["init"]}, {"exited": ["main"]}),
    ({"never_started": ["other"]}, {"never_started": ["init"]}),
    ({"not_restarted": ["init"]}, {"restarted": ["init"]}),
    (
        {"durations": [{"from": "init.Started", "to": "init.Exiting", "min": 1.8, "max": 2}]},
        {"durations": [{"from": "init.Started", "to": "init.Exiting", "max": 1.8}]},
    ),
    (
        {"durations": [{"between_first": ["init.Started", "main.Started"], "max": 2.6}]},
        {"durations": [{"between_first": ["init.Started", "main.Exiting"], "max": 99}]},
    ),
    (
        {
            MAIN: {"main": {}},
            "durations": [{"from": "container started", "to": "container finished", "min": 5, "max": 5}],
        },
        {MAIN: {"main": {}}, "durations": [{"from": "started becomes true", "to": "ready becomes true", "max": 2}]},
    ),
    (
        {MAIN: {"main": {}}, "backoff": {"start_offsets_seconds": [0, 10], "waiting_seen": "CrashLoopBackOff"}},
        {MAIN: {"main": {}}, "backoff": {"start_offsets_seconds": [0, 20]}},
    ),
    (
        {MAIN: {"main": {}}, "backoff": {"start_offsets_seconds": [0, 10]}},
        {MAIN: {"main": {}}, "backoff": {"start_offsets_seconds": [0, 10, 30]}},
    ),
    ({"events": ["BackOff: Back-off restarting"]}, {"events": ["Unhealthy: "]}),
    ({"no_events": ["failed liveness probe", "restarting failed"]}, {"no_events": ["Stopping container"]}),
    ({"gone": {"within": 6}}, {"gone": {"within": 5}}),
    ({"gone": {"within": 9, "not_before": 6}}, {"gone": {"within": 9, "not_before": 7}}),
    (
        {"during_termination": {"condition": {"Ready": "True"}}},
        {"during_termination": {"condition": {"Ready": "False"}}},
    ),
    (
        {"during_termination": {MAIN: {"main": {"state": "terminated"}}}},
        {"during_termination": {MAIN: {"main": {"state": "waiting"}}}},
    ),
    ({MAIN: {"main": {}}, "invariant": ["restartCount never goes down"]}, {"never": ["phase other than Pending"]}),
    ({"never": []}, {MAIN: {"main": {}}, "never": ["ready becomes true"]}),
    ({"never": []}, {MAIN: {"main": {}}, "never": ["ready before started"]}),
]


@pytest.mark.parametrize(("holds", "fails"), EXPECTATIONS)
def test_an_expectation_is_judged_by_what_was_seen(holds: dict[str, Any], fails: dict[str, Any]) -> None:
    assert judge(holds) == []
    assert len(judge(fails)) == 1


def test_a_rule_in_words_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(KeyError, match="nobody can check"):
        judge({"never": ["it rains"]})
