"""The lanes of a timeline: what each attempt is there for, what it followed on, what has become of it."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.history.lanes import Cause, Lane, Outcome, PodLanes, Role, lanes
from runner.core.history.record import FaultMark, PodRecord, Seen, Told
from tests.core.test_attempts import at, ended, inspection, record, running, seen, told, waiting, waits_again

INIT = "PodInitializing"


def of(value: PodLanes, container: str) -> list[Lane]:
    return [lane for lane in value.lanes if lane.attempt.container == container]


def causes(value: PodRecord) -> dict[str, str]:
    """What each attempt followed on, as texts."""
    found = {}
    for lane in lanes(value).lanes:
        cause = lane.cause
        text = "" if cause is None else f"{cause.container}#{cause.number} {cause.outcome} at {cause.at:g}"
        found[f"{lane.attempt.container}#{lane.attempt.number}"] = text
    return found


def in_order() -> PodRecord:
    """One after the other, nothing fails."""
    return record(
        seen(0, [waiting("first", INIT), waiting("proxy", INIT), waiting("second", INIT)], [waiting("app", INIT)]),
        seen(1, [running("first"), waiting("proxy", INIT), waiting("second", INIT)], [waiting("app", INIT)]),
        seen(3, [ended("first", 0), waiting("proxy", INIT), waiting("second", INIT)], [waiting("app", INIT)]),
        seen(4, [ended("first", 0), running("proxy", started=True), waiting("second", INIT)], [waiting("app", INIT)]),
        seen(5, [ended("first", 0), running("proxy", started=True), running("second")], [waiting("app", INIT)]),
        seen(9, [ended("first", 0), running("proxy", started=True), ended("second", 0)], [waiting("app", INIT)]),
        seen(10, [ended("first", 0), running("proxy", started=True), ended("second", 0)], [running("app")]),
    )


def again(scope: str) -> PodRecord:
    """The second init container fails once; the scope of the retry is the pod or the container."""
    anew = scope == "pod"
    first = waits_again("first", 0, code=0) if anew else ended("first", 0)
    last = ended("first", 0, 1) if anew else ended("first", 0)
    return record(
        seen(0, [waiting("first", INIT), waiting("second", INIT)]),
        seen(1, [running("first"), waiting("second", INIT)]),
        seen(3, [ended("first", 0), waiting("second", INIT)]),
        seen(4, [ended("first", 0), running("second")]),
        seen(6, [ended("first", 0), ended("second", 3)]),
        seen(7, [first, waits_again("second", 0, code=3)]),
        seen(17, [running("first", 1) if anew else first, waits_again("second", 0, code=3)]),
        seen(18, [last, waits_again("second", 0, code=3)]),
        seen(19, [last, running("second", 1)]),
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(
            in_order(),
            {
                "first#0": "",
                "proxy#0": "first#0 done at 3",
                "second#0": "proxy#0 running at 4",
                "app#0": "second#0 done at 9",
            },
            id="each begins when the one before has done its part",
        ),
        pytest.param(
            again("container"),
            {"first#0": "", "second#0": "first#0 done at 3", "second#1": "second#0 failed at 6"},
            id="a container that failed runs again alone",
        ),
        pytest.param(
            again("pod"),
            {
                "first#0": "",
                "second#0": "first#0 done at 3",
                "first#1": "second#0 failed at 6",
                "second#1": "first#1 done at 18",
            },
            id="one that failed makes the whole pod run again",
        ),
    ],
)
def test_an_attempt_follows_on_the_latest_thing_that_it_could_wait_for(
    value: PodRecord, expected: dict[str, str]
) -> None:
    assert causes(value) == expected


def test_an_attempt_that_never_ran_follows_on_nothing() -> None:
    (lane,) = lanes(record(seen(0, [waiting("first", "ImagePullBackOff")]))).lanes
    assert (lane.cause, lane.outcome) == (None, Outcome.WAITING)


def test_a_sidecar_that_never_started_is_no_cause() -> None:
    value = record(seen(0, [ended("first", 0), waiting("proxy", "ImagePullBackOff"), running("second")]))
    assert causes(value)["second#0"] == ""


def test_a_cause_that_another_clock_has_as_a_little_later_is_still_the_cause() -> None:
    value = record(
        seen(0, [waiting("first", INIT), waiting("second", INIT)]),
        seen(1, [running("first"), waiting("second", INIT)]),
        seen(3, [ended("first", 0), running("second")]),
        inspections={("second", 0): inspection(2.9, 2.98)},
    )
    assert causes(value)["second#0"] == "first#0 done at 3"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (waiting("first", INIT), Outcome.WAITING),
        (running("first"), Outcome.RUNNING),
        (ended("first", 0), Outcome.DONE),
        (ended("first", 137), Outcome.FAILED),
    ],
)
def test_a_lane_says_what_has_become_of_it(state: dict[str, Any], expected: Outcome) -> None:
    assert lanes(record(seen(0, [state]))).lanes[0].outcome is expected


def test_containers_have_the_role_that_the_manifest_gives_them() -> None:
    found = {lane.attempt.container: lane.role for lane in lanes(in_order()).lanes}
    assert found == {"first": Role.INIT, "proxy": Role.SIDECAR, "second": Role.INIT, "app": Role.APP}


def test_what_concerns_the_pod_as_a_whole_is_a_mark_of_the_pod() -> None:
    sandbox = Told(
        at=at(5), event={"reason": "SandboxChanged", "message": "it changed", "involvedObject": {}, "metadata": {}}
    )
    other = Told(at=at(6), event={"reason": "Scheduled", "involvedObject": {}, "metadata": {}})
    reboot = FaultMark(at=at(7), kind="FaultInjected", text="node:reboot")
    of_one = FaultMark(at=at(8), kind="FaultInjected", text="exit=3", container="first", attempt=0)
    value = lanes(record(seen(0, [running("first")]), told=(sandbox, other), faults=(reboot, of_one)))
    assert [(one.at, one.kind, one.text) for one in value.marks] == [
        (5, "SandboxChanged", "it changed"),
        (7, "FaultInjected", "node:reboot"),
    ]
    assert [one.text for one in value.lanes[0].attempt.marks] == ["exit=3"]


def test_a_timeline_has_a_label_a_length_and_instants() -> None:
    value = lanes(record(seen(0, [running("first")]), until=30.0, run="r1"))
    assert (value.label, value.seconds, value.instant(2.5)) == ("web@r1", 30.0, at(2.5))
    assert lanes(record()).label == "web"


def test_a_cause_is_a_plain_value() -> None:
    cause = lanes(again("container")).lanes[-1].cause
    assert cause == Cause(container="second", number=0, at=6, outcome=Outcome.FAILED)
    assert of(lanes(again("container")), "second")[1].cause == cause


@pytest.mark.parametrize(
    ("killed", "deleted", "expected"),
    [
        pytest.param(40, "2026-01-01T00:00:45Z", Outcome.STOPPED, id="its pod was deleted"),
        pytest.param(20, "2026-01-01T00:00:45Z", Outcome.FAILED, id="it was killed before"),
        pytest.param(40, None, Outcome.FAILED, id="its pod was not deleted"),
        pytest.param(None, "2026-01-01T00:00:45Z", Outcome.FAILED, id="it ended by itself"),
    ],
)
def test_what_ends_with_its_pod_has_not_failed(killed: float | None, deleted: str | None, expected: Outcome) -> None:
    last = seen(41, [ended("first", 137)])
    metadata = {} if deleted is None else {"deletionTimestamp": deleted, "deletionGracePeriodSeconds": 5}
    last = Seen(at=last.at, pod={**last.pod, "metadata": metadata})
    events = () if killed is None else (told(killed, "Killing"),)
    assert lanes(record(seen(0, [running("first")]), last, told=events)).lanes[0].outcome is expected
