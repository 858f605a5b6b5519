"""Breakpoints as data: their grammar, the check against what was loaded, and how an attempt counts that was stopped at."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runner.core.cast import Cast
from runner.core.faults.breakpoints import (
    Breakpoint,
    Resume,
    Stop,
    asked_to_go_on,
    check_breakpoints,
    standing,
    stopped_at,
    told_to_go_on,
)
from runner.core.faults.kinds import Place
from runner.core.faults.stops import Verdict, as_decided_upon, as_it_counts
from runner.core.model import ContainerID, Pod
from runner.core.observed import ContainerRecord, Observed, RuntimeState
from runner.errors import UsageError

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "shown", "stops", "passes"),
    [
        ("migrate.failed", "migrate.failed", "migrate#7.failed", "migrate#7.ended"),
        ("migrate#1.created", "migrate#1.created", "migrate#1.created", "migrate#0.created"),
        ("migrate#1-2.ended", "migrate#1-2.ended", "migrate#2.ended", "migrate#3.ended"),
        ("web/migrate.running", "pod/web/migrate.running", "migrate#0.running", "app#0.running"),
        ("po/web.x/app.running", "pod/web.x/app.running", "app#0.running", "app#0.created"),
    ],
)
def test_a_breakpoint_is_read_and_stops_where_it_says(text: str, shown: str, stops: str, passes: str) -> None:
    found = Breakpoint.parse(text)
    assert str(found) == shown
    assert Breakpoint.parse(shown) == found
    assert found.stops(_stop(stops))
    assert not found.stops(_stop(passes))


def _stop(text: str) -> Stop:
    head, _, place = text.rpartition(".")
    container, _, attempt = head.partition("#")
    return Stop(container=container, attempt=int(attempt), place=Place(place))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("migrate", "column 8: expected .created|running|ended|failed at the end, such as migrate#1.failed"),
        ("migrate.faild", 'column 9: "faild" is no place in a container\'s life, did you mean "failed"?'),
        ("migrate#x.failed", 'column 9: expected an attempt such as 0 or 0-2, found "x"'),
        ("#1.failed", "column 1: expected the name of a target"),
    ],
)
def test_what_is_no_breakpoint_is_refused_with_its_column(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as found:
        Breakpoint.parse(text)
    assert str(found.value) == f'breakpoint "{text}", {problem}'


def test_a_name_that_is_not_there_is_refused_with_the_nearest() -> None:
    cast = Cast.of(
        Pod.from_json(
            {
                "metadata": {"name": "web", "uid": "u"},
                "spec": {
                    "initContainers": [{"name": "migrate", "image": "i"}],
                    "containers": [{"name": "app", "image": "i"}],
                },
            }
        )
    )
    check_breakpoints([Breakpoint.parse("migrate.failed")], cast)
    with pytest.raises(UsageError, match='no pod has a container "migrat", did you mean "migrate"'):
        check_breakpoints([Breakpoint.parse("migrat.failed")], cast)
    with pytest.raises(UsageError, match='there is no pod "other"'):
        check_breakpoints([Breakpoint.parse("other/migrate.failed")], cast)


def test_annotations_say_where_a_pod_stands_and_how_it_is_to_go_on() -> None:
    pod: dict[str, Any] = {"metadata": {"name": "web", "annotations": {"a": "b"}}}
    stands = standing(pod, "migrate#1.failed")
    assert stopped_at(stands) == "migrate#1.failed"
    asked = told_to_go_on(stands, Resume.SKIP)
    assert asked_to_go_on(asked, "migrate#1.failed") is Resume.SKIP
    assert asked_to_go_on(asked, "migrate#2.failed") is None
    assert standing(asked, "") == pod


def _record(attempt: int = 0, code: int = 3, state: RuntimeState = RuntimeState.EXITED) -> ContainerRecord:
    return ContainerRecord(
        id=ContainerID(f"c{attempt}"), name="migrate", attempt=attempt, state=state, created_at=AT, started_at=AT,
        finished_at=AT if state is RuntimeState.EXITED else None, exit_code=code, reason="Error" if code else "Completed",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("how", "code", "counts"),
    [
        (Resume.SKIP, 3, (RuntimeState.EXITED, 0, "Completed")),
        (Resume.FAIL, 3, (RuntimeState.EXITED, 3, "Error")),
        (Resume.FAIL, 0, (RuntimeState.EXITED, 1, "Error")),
        (Resume.RETRY, 3, (RuntimeState.RUNNING, 0, "")),
    ],
)
def test_an_end_counts_as_somebody_says(how: Resume, code: int, counts: tuple[RuntimeState, int, str]) -> None:
    seen = Observed(at=AT, containers=(_record(code=code),))
    (one,) = as_it_counts(seen, (), {("migrate", 0): Verdict(how, AT)}).containers
    assert (one.state, one.exit_code, one.reason) == counts


def test_an_end_that_is_held_is_not_known_and_what_is_made_again_holds_nothing_back() -> None:
    key, again = ("migrate", 0), {("migrate", 0): Verdict(Resume.RETRY, AT)}
    first = Observed(at=AT, containers=(_record(),))
    assert as_it_counts(first, {key}, {}).containers[0].state is RuntimeState.RUNNING
    assert as_decided_upon(as_it_counts(first, (), again), {key}, again).containers == ()
    both = Observed(at=AT, containers=(_record(1, state=RuntimeState.RUNNING, code=0), _record()))
    assert as_it_counts(both, (), again) == as_decided_upon(both, {key}, again) == both
