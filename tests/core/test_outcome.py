"""What a sync has come to, and when the next one is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runner.core.reasons import WaitingReason
from runner.core.status.containerstatus import StartFailure
from runner.core.status.status import PodFailure
from runner.core.sync.eviction import EVICTION_GRACE, grace_of
from runner.core.sync.outcome import Aftermath, StartResult, SyncOutcome

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOON, LATE = NOW + timedelta(seconds=4), NOW + timedelta(minutes=4)


def failed(reason: str, *, ready_at: datetime | None = None, may_pass: bool = False) -> StartResult:
    failure = StartFailure(reason=reason, message="so it is")
    return StartResult(name="app", failure=failure, ready_at=ready_at, may_pass=may_pass)


@pytest.mark.parametrize(
    ("outcome", "failures", "has_failed_pulls", "seconds"),
    [
        pytest.param(SyncOutcome(), 0, False, None, id="nothing is held and nothing has failed"),
        pytest.param(SyncOutcome(ready_at=LATE), 0, False, 240, id="a back-off"),
        pytest.param(SyncOutcome(failed=True), 0, False, 10, id="a failure, as a kubelet"),
        pytest.param(SyncOutcome(failed=True, fresh_failure=True), 0, False, 10, id="news that is not of a pull"),
        pytest.param(SyncOutcome(failed=True, fresh_failure=True), 0, True, 1, id="a pull that has just failed"),
        pytest.param(SyncOutcome(failed=True), 0, True, 10, id="a pull that has failed before"),
        pytest.param(SyncOutcome(failed=True, may_pass=True), 1, False, 0.5, id="the Engine, once"),
        pytest.param(SyncOutcome(failed=True, may_pass=True), 3, False, 2, id="the Engine, three times"),
        pytest.param(SyncOutcome(failed=True, may_pass=True), 20, False, 10, id="the Engine, for long"),
        pytest.param(SyncOutcome(failed=True, ready_at=SOON), 0, False, 4, id="a back-off that ends before"),
        pytest.param(SyncOutcome(failed=True, ready_at=LATE), 0, False, 10, id="a back-off that ends after"),
    ],
)
def test_the_next_sync_is_due(
    outcome: SyncOutcome, failures: int, has_failed_pulls: bool, seconds: float | None
) -> None:
    due = outcome.next_at(NOW, failures=failures, has_failed_pulls=has_failed_pulls)
    assert due == (None if seconds is None else NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("result", "is_news", "aftermath", "expected"),
    [
        pytest.param(
            failed(WaitingReason.POST_START_HOOK_ERROR),
            True,
            Aftermath.KILL,
            SyncOutcome(acted=True, failed=True, fresh_failure=True),
            id="a hook",
        ),
        pytest.param(
            failed(WaitingReason.RUN_CONTAINER_ERROR, may_pass=True),
            False,
            Aftermath.LOOK,
            SyncOutcome(failed=True, may_pass=True),
            id="a start",
        ),
        pytest.param(
            failed(WaitingReason.CREATE_CONTAINER_ERROR),
            False,
            Aftermath.NOTHING,
            SyncOutcome(failed=True),
            id="a creation",
        ),
        pytest.param(
            failed(WaitingReason.IMAGE_PULL_BACK_OFF, ready_at=SOON),
            True,
            Aftermath.NOTHING,
            SyncOutcome(ready_at=SOON, fresh_failure=True),
            id="a pull that has to wait",
        ),
    ],
)
def test_a_container_that_could_not_be_started(
    result: StartResult, is_news: bool, aftermath: Aftermath, expected: SyncOutcome
) -> None:
    outcome = SyncOutcome()
    assert outcome.not_started(result, is_news=is_news) is aftermath
    assert outcome == expected


def test_of_several_back_offs_the_first_to_end_counts() -> None:
    outcome = SyncOutcome()
    for instant in (LATE, SOON, LATE):
        outcome.held_until(instant)
    assert outcome.ready_at == SOON


def test_what_was_done_counts_whatever_fails_then_but_for_the_sandbox() -> None:
    outcome = SyncOutcome(sandbox_id="old")
    outcome.done()
    assert (outcome.acted, outcome.sandbox_id) == (True, "old")
    outcome.done("new")
    assert outcome.sandbox_id == "new"
    outcome.no_sandbox(may_pass=True)
    assert (outcome.acted, outcome.failed, outcome.may_pass) == (False, True, True)


@pytest.mark.parametrize(("is_ended", "acted", "may_pass"), [(True, True, False), (False, False, True)])
def test_what_the_engine_did_not_even_try_may_go_better_in_a_moment(
    is_ended: bool, acted: bool, may_pass: bool
) -> None:
    outcome = SyncOutcome()
    outcome.tried(is_ended=is_ended)
    assert (outcome.acted, outcome.may_pass) == (acted, may_pass)


def test_a_pod_gives_up_because_of_one_container() -> None:
    outcome = SyncOutcome()
    outcome.give_up("app")
    assert outcome.gave_up == "app"


@pytest.mark.parametrize(
    ("result", "is_endless"),
    [
        (StartResult(name="app"), False),
        (failed(WaitingReason.CREATE_CONTAINER_CONFIG_ERROR), True),
        (failed(WaitingReason.CREATE_CONTAINER_CONFIG_ERROR, may_pass=True), False),
        (failed(WaitingReason.CRASH_LOOP_BACK_OFF), False),
    ],
)
def test_some_failures_do_not_go_away_by_themselves(result: StartResult, is_endless: bool) -> None:
    assert result.is_endless is is_endless


@pytest.mark.parametrize(("failure", "asked", "grace"), [(None, None, None), (None, 7, 7), (True, 7, EVICTION_GRACE)])
def test_an_evicted_pod_has_a_second_to_end(failure: bool | None, asked: int | None, grace: int | None) -> None:
    assert grace_of(failure and PodFailure(reason="Evicted", message="too much"), asked) == grace  # type: ignore[arg-type]
