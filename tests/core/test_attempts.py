"""What each attempt did, out of statuses, events and the Engine's own times; and the record that has them all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runner.core.history.attempts import Attempt, Doing, Mark, attempts
from runner.core.history.record import (
    FaultMark,
    FileKind,
    FileState,
    PodRecord,
    Seen,
    Told,
    VolumeChange,
)
from runner.core.model import Json
from runner.core.text.times import EPOCH, format_micro_time

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = {
    "initContainers": [{"name": "first"}, {"name": "proxy", "restartPolicy": "Always"}, {"name": "second"}],
    "containers": [{"name": "app"}],
}


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def waiting(name: str, reason: str, restarts: int = 0, **more: Any) -> Json:
    return {"name": name, "state": {"waiting": {"reason": reason}}, "restartCount": restarts, **more}


def running(name: str, restarts: int = 0, **more: Any) -> Json:
    return {
        "name": name,
        "state": {"running": {}},
        "restartCount": restarts,
        "containerID": f"docker://{name}{restarts}",
        **more,
    }


def ended(name: str, code: int, restarts: int = 0, **more: Any) -> Json:
    state = {"exitCode": code, "reason": "Error" if code else "Completed", "containerID": f"docker://{name}{restarts}"}
    return {
        "name": name,
        "state": {"terminated": {**state, **more}},
        "restartCount": restarts,
        "containerID": f"docker://{name}{restarts}",
    }


def waits_again(name: str, restarts: int, code: int = 1, reason: str = "CrashLoopBackOff") -> Json:
    last = ended(name, code, restarts)
    return {
        **last,
        "state": {"waiting": {"reason": reason, "message": f"back-off {name}"}},
        "lastState": last["state"],
    }


def seen(seconds: float, inits: list[Json], apps: list[Json] | None = None) -> Seen:
    status: dict[str, Any] = {"initContainerStatuses": inits}
    if apps is not None:
        status["containerStatuses"] = apps
    return Seen(at=at(seconds), pod={"spec": SPEC, "status": status})


def told(seconds: float, reason: str, field_path: str = "spec.initContainers{first}", **more: Any) -> Told:
    event = {"reason": reason, "involvedObject": {"fieldPath": field_path}, "metadata": {"name": reason}, **more}
    return Told(at=at(seconds), event=event)


def record(*trace: Seen, until: float = 60.0, **more: Any) -> PodRecord:
    return PodRecord(namespace="default", name="web", uid="u", trace=trace, began_at=BEGAN, ended_at=at(until), **more)


def of(value: PodRecord, container: str) -> list[Attempt]:
    return [one for one in attempts(value) if one.container == container]


def stretches(attempt: Attempt) -> list[tuple[str, float, float]]:
    return [(str(part.doing), part.begin, part.end) for part in attempt.stretches]


def inspection(created: float, started: float | None, finished: float | None = None, **state: Any) -> Json:
    return {
        "Created": format_micro_time(at(created)),
        "State": {
            "StartedAt": "0001-01-01T00:00:00Z" if started is None else format_micro_time(at(started)),
            "FinishedAt": "0001-01-01T00:00:00Z" if finished is None else format_micro_time(at(finished)),
            "Running": started is not None and finished is None,
            **state,
        },
    }


FAILS_TWICE = (
    seen(0, [waiting("first", "ContainerCreating")]),
    seen(1, [running("first")]),
    seen(3, [ended("first", 3)]),
    seen(4, [waits_again("first", 0)]),
    seen(14, [running("first", 1)]),
    seen(20, [ended("first", 0, 1)]),
)


def test_attempts_of_a_container_have_their_stretches_and_their_ends() -> None:
    one, two = of(record(*FAILS_TWICE), "first")
    assert (one.number, one.exit_code, one.reason, one.ran, one.started, one.finished) == (0, 3, "Error", 2, 1, 3)
    assert stretches(one) == [("waiting", 0, 1), ("running", 1, 3)]
    assert (two.number, two.exit_code, two.reason, two.ran) == (1, 0, "Completed", 6)
    assert stretches(two) == [("waiting", 3, 4), ("back-off", 4, 14), ("running", 14, 20)]
    assert two.spent(Doing.BACK_OFF) == 10
    assert two.stretches[1].message == "back-off first"
    assert (one.began, two.began, one.is_init, one.container_id) == (0, 3, True, "docker://first0")


def test_an_end_that_was_seen_only_as_the_last_state_counts() -> None:
    one, two = of(record(seen(0, [running("first")]), seen(5, [waits_again("first", 0, code=7)])), "first")
    assert (one.exit_code, one.is_running) == (7, False)
    assert (two.number, two.exit_code, two.started, two.finished) == (1, None, None, None)


def test_an_attempt_that_waits_for_ever_has_neither_start_nor_end() -> None:
    (one,) = of(
        record(seen(0, [waiting("first", "ErrImagePull")]), seen(9, [waiting("first", "ErrImagePull")])), "first"
    )
    assert (one.exit_code, one.ran, one.started, one.finished, one.reason) == (None, None, None, None, "ErrImagePull")
    assert stretches(one) == [("waiting", 0, 60)]


def test_a_pod_that_ends_before_the_next_attempt_shows_the_one_before() -> None:
    trace = (*FAILS_TWICE[:4], seen(8, [ended("first", 3)]))
    one, two = of(record(*trace), "first")
    assert (one.exit_code, two.exit_code) == (3, None)


def test_the_end_of_an_attempt_is_told_once() -> None:
    (one,) = of(record(seen(0, [ended("first", 3)]), seen(2, [ended("first", 3)])), "first")
    assert (one.exit_code, one.began, one.finished) == (3, 0, None)


def test_a_status_of_a_container_that_never_waited_for_its_second_attempt_begins_one() -> None:
    one, two = of(record(seen(0, [running("first")]), seen(4, [running("first", 1)])), "first")
    assert (one.number, two.number, two.is_running) == (0, 1, True)


def test_an_attempt_of_which_only_the_end_was_seen_has_no_stretches() -> None:
    one, two = of(
        record(
            seen(0, [running("first")]),
            seen(4, [{**ended("first", 2, 1), "lastState": ended("first", 1)["state"]}]),
            inspections={("first", 0): inspection(0, 1, 2)},
        ),
        "first",
    )
    assert (one.finished, two.number, two.exit_code, two.stretches) == (2, 1, 2, [])


@pytest.mark.parametrize(
    ("inits", "awaited"),
    [
        ([waiting("first", "PodInitializing")], "first"),
        ([running("first")], "first"),
        ([ended("first", 1)], "first"),
        ([ended("first", 0), waiting("proxy", "PodInitializing")], "proxy"),
        ([ended("first", 0), running("proxy", started=False)], "proxy"),
        ([ended("first", 0), running("proxy", started=True)], "second"),
        ([ended("first", 0), running("proxy", started=True), ended("second", 0)], ""),
    ],
)
def test_a_container_that_waits_says_whom_for(inits: list[Json], awaited: str) -> None:
    (app,) = of(record(seen(0, inits, [waiting("app", "PodInitializing")])), "app")
    assert [part.awaited for part in app.stretches] == [awaited]


def test_an_init_container_waits_only_for_those_before_it() -> None:
    (first,) = of(record(seen(0, [waiting("first", "PodInitializing")])), "first")
    assert [part.awaited for part in first.stretches] == [""]


def test_waiting_for_one_and_then_for_the_next_are_two_stretches() -> None:
    first = [waiting("first", "PodInitializing"), waiting("second", "PodInitializing")]
    then = [ended("first", 0), running("proxy", started=True), waiting("second", "PodInitializing")]
    value = record(
        seen(0, first, [waiting("app", "PodInitializing")]), seen(4, then, [waiting("app", "PodInitializing")])
    )
    (app,) = of(value, "app")
    assert [(part.awaited, part.begin, part.end) for part in app.stretches] == [("first", 0, 4), ("second", 4, 60)]


def test_pulls_stand_in_the_waiting_that_they_fall_into() -> None:
    value = record(
        seen(0, [waiting("first", "ContainerCreating")]),
        seen(9, [running("first")]),
        told=(
            told(1, "Pulling", "spec.containers{app}"),
            told(2, "Pulling"),
            told(5, "Pulled"),
            told(5, "Pulled"),
            told(6, "Pulling"),
            told(6, "Failed"),
        ),
    )
    (one,) = of(value, "first")
    assert stretches(one) == [("waiting", 0, 2), ("pulling", 2, 5), ("waiting", 5, 9), ("running", 9, 60)]


def test_a_pull_from_the_beginning_to_the_start_is_all_of_the_waiting() -> None:
    value = record(
        seen(0, [waiting("first", "ContainerCreating")]),
        seen(9, [running("first")]),
        told=(told(0, "Pulling"), told(9, "Pulled")),
    )
    assert stretches(of(value, "first")[0])[0] == ("pulling", 0, 9)


def test_a_pull_belongs_to_the_attempt_that_waited_for_it() -> None:
    one, two = of(record(*FAILS_TWICE, told=(told(5, "Pulling"), told(7, "Pulled"))), "first")
    assert [name for name, *_ in stretches(one)] == ["waiting", "running"]
    assert stretches(two)[1:4] == [("back-off", 4, 5), ("pulling", 5, 7), ("back-off", 7, 14)]


def test_a_pull_that_does_not_end_lasts_until_now() -> None:
    value = record(seen(0, [waiting("first", "ContainerCreating")]), told=(told(2, "Pulling"),))
    assert stretches(of(value, "first")[0]) == [("waiting", 0, 2), ("pulling", 2, 60)]


def test_the_engines_own_times_are_taken_where_there_are_any() -> None:
    inspections = {
        ("first", 0): inspection(0.25, 0.5, 2.75, OOMKilled=True),
        ("first", 1): inspection(12.5, 12.75, 19.5),
    }
    one, two = of(record(*FAILS_TWICE, inspections=inspections), "first")
    assert stretches(one) == [("waiting", 0, 0.5), ("running", 0.5, 2.75)]
    assert (one.created, one.is_oom, two.created, two.is_oom) == (0.25, True, 12.5, False)
    assert stretches(two) == [("waiting", 2.75, 4), ("back-off", 4, 12.75), ("running", 12.75, 19.5)]


def test_an_attempt_that_was_never_published_as_running_has_run_by_the_engine() -> None:
    trace = (seen(0, [waiting("first", "ContainerCreating")]), seen(2, [ended("first", 1)]))
    (one,) = of(record(*trace, inspections={("first", 0): inspection(1, 1.5, 1.75)}), "first")
    assert stretches(one) == [("waiting", 0, 1.5), ("running", 1.5, 1.75)]
    assert one.ran == 0.25


def test_an_attempt_whose_end_alone_was_published_has_its_time_from_the_engine() -> None:
    (one,) = of(record(seen(2, [ended("first", 1)]), inspections={("first", 0): inspection(1, 1.5, 1.75)}), "first")
    assert stretches(one) == [("running", 1.5, 1.75)]


def test_one_that_still_runs_runs_until_now_and_one_that_never_started_does_not() -> None:
    inspections = {("first", 0): inspection(1, 1.5), ("app", 0): inspection(2, None)}
    value = record(
        seen(0, [running("first")], [waiting("app", "CreateContainerError")]), until=8.0, inspections=inspections
    )
    assert stretches(of(value, "first")[0]) == [("running", 1.5, 8)]
    (app,) = of(value, "app")
    assert (app.created, stretches(app)) == (2, [("waiting", 0, 8)])


def test_an_inspection_without_a_state_changes_nothing() -> None:
    (one,) = of(record(*FAILS_TWICE[:3], inspections={("first", 0): {}}), "first")
    assert (one.created, one.ran) == (None, 2)


def test_probes_and_faults_stand_at_the_attempt_that_they_fell_into() -> None:
    value = record(
        *FAILS_TWICE,
        told=(
            told(2, "Unhealthy", message="Liveness probe failed"),
            told(2, "Unhealthy", "spec.containers{app}"),
            told(15, "Killing"),
            told(16, "Started"),
        ),
        faults=(
            FaultMark(at=at(0), kind="exit", text="exit=3", container="first", attempt=1),
            FaultMark(at=at(5), kind="delay", container="first", seconds=2),
            FaultMark(at=at(5), kind="exit", container="app"),
        ),
    )
    one, two = of(value, "first")
    assert one.marks == (Mark(at=2, kind="Unhealthy", text="Liveness probe failed"),)
    assert two.marks == (
        Mark(at=15, kind="Killing", text=""),
        Mark(at=0, kind="exit", text="exit=3"),
        Mark(at=5, kind="delay", text="", seconds=2),
    )


def test_a_record_of_nothing_has_no_attempts() -> None:
    empty = PodRecord(namespace="default", name="web", uid="u")
    assert (attempts(empty), empty.pod, empty.events, empty.log("first", 0)) == ((), {}, (), b"")
    assert Attempt(container="first", number=0).began == 0


def test_a_record_ends_with_its_pod_or_with_the_look_at_it() -> None:
    assert record(until=7).end == at(7)
    going_on = PodRecord(namespace="default", name="web", uid="u", began_at=BEGAN, looked_at=at(3))
    assert (going_on.end, going_on.seconds(at(2))) == (at(3), 2)
    assert PodRecord(namespace="default", name="web", uid="u", began_at=BEGAN).end == BEGAN
    assert PodRecord(namespace="default", name="web", uid="u").end == EPOCH


def test_of_an_event_that_was_told_again_the_last_counts() -> None:
    value = record(told=(told(1, "Pulling", count=1), told(2, "Pulled"), told(3, "Pulling", count=2)))
    assert [(one["reason"], one.get("count")) for one in value.events] == [("Pulled", None), ("Pulling", 2)]


def test_the_output_of_an_attempt_is_read_when_it_is_asked_for() -> None:
    value = record(outputs={("first", 0): lambda: b"hello\n"})
    assert (value.log("first", 0), value.log("first", 1)) == (b"hello\n", b"")


def test_a_change_says_what_became_of_a_file() -> None:
    state = FileState(kind=FileKind.FILE)
    changes = [
        VolumeChange(volume="work", path="a", after=state),
        VolumeChange(volume="work", path="b", before=state),
        VolumeChange(volume="work", path="c", before=state, after=state),
    ]
    assert [one.what for one in changes] == ["added", "removed", "changed"]


def test_a_pod_that_begins_anew_has_counted_the_restart_of_each_container_already() -> None:
    anew = "RestartingAllContainers"
    gone = {"exitCode": 137, "reason": anew}
    value = record(
        seen(0, [running("first"), running("proxy")]),
        seen(3, [waits_again("first", 0, code=3), running("proxy")]),
        seen(9, [{**waits_again("first", 0, code=3, reason=anew), "restartCount": 1},
                 waiting("proxy", anew, 1, lastState={"terminated": gone}, containerID="")]),
        seen(10, [running("first", 1), waiting("proxy", "PodInitializing", 1, lastState={"terminated": gone}, containerID="")]),
        seen(12, [running("first", 1), running("proxy", 1)]),
    )  # fmt: skip
    assert [one.number for one in of(value, "first")] == [0, 1]
    assert [(one.number, one.exit_code, one.ran) for one in of(value, "proxy")] == [(0, 137, 9), (1, None, 48)]
