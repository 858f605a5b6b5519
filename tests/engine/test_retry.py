"""Retry policies and retries of Engine calls, with fabricated call states and virtual time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest
from tenacity import (
    RetryCallState,
    stop_after_attempt,
    stop_after_delay,
    stop_before_delay,
    wait_exception,
    wait_fixed,
    wait_incrementing,
    wait_random,
)

from runner.clock import VIRTUAL_START, VirtualClock
from runner.core.model import RetryScope
from runner.errors import EngineConflict, EngineError, EngineUnavailable, NotFound, UsageError
from runner.retry import RetryPolicy, engine_retry, parse_backoff


def delays(policy: RetryPolicy, count: int) -> list[float]:
    return [policy.delay(n) for n in range(1, count + 1)]


def own_wait(state: RetryCallState) -> float:
    return state.attempt_number * 1.5


WAITS: dict[str, tuple[RetryPolicy, list[float]]] = {
    "the kubelet's schedule starts at once and ends at five minutes": (
        RetryPolicy(),
        [0, 10, 20, 40, 80, 160, 300, 300, 300],
    ),
    "an own start and cap keep the shape": (RetryPolicy(initial=1, cap=5), [0, 1, 2, 4, 5, 5]),
    "no back-off at all is possible": (RetryPolicy(initial=0, cap=0), [0, 0, 0]),
    "a fixed wait replaces the schedule": (RetryPolicy(wait=wait_fixed(1)), [1, 1, 1]),
    "a growing wait is asked by attempt": (RetryPolicy(wait=wait_incrementing(start=1, increment=2)), [1, 3, 5]),
    "a wait may be any function of the state": (RetryPolicy(wait=own_wait), [1.5, 3, 4.5]),
    "a wait may look at the outcome": (RetryPolicy(wait=wait_exception(lambda problem: len(problem.args))), [1, 1]),
    "a negative wait counts as none": (RetryPolicy(wait=lambda _: -1.0), [0]),
}


@pytest.mark.parametrize(("policy", "expected"), WAITS.values(), ids=WAITS.keys())
def test_delay_before_each_restart(policy: RetryPolicy, expected: list[float]) -> None:
    assert delays(policy, len(expected)) == expected


def test_a_late_restart_stays_at_the_cap() -> None:
    """The exponent of a crash loop that lasts for weeks does not overflow."""
    assert RetryPolicy().delay(100_000) == 300


def test_a_random_wait_stays_in_its_bounds() -> None:
    policy = RetryPolicy(wait=wait_random(2, 3))
    assert all(2 <= delay <= 3 for delay in delays(policy, 50))


STOPS: dict[str, tuple[RetryPolicy, int, float, bool]] = {
    "without a stop strategy it goes on for ever": (RetryPolicy(), 10_000, 1e9, False),
    "four of five attempts leave one": (RetryPolicy(stop=stop_after_attempt(5)), 4, 0, False),
    "the fifth of five attempts was the last": (RetryPolicy(stop=stop_after_attempt(5)), 5, 0, True),
    "before the time is over it goes on": (RetryPolicy(stop=stop_after_delay(60)), 3, 59.9, False),
    "after the time it gives up": (RetryPolicy(stop=stop_after_delay(60)), 3, 60, True),
    "a wait beyond the time is not begun": (RetryPolicy(stop=stop_before_delay(60)), 4, 21, True),
    "a wait that ends within the time is": (RetryPolicy(stop=stop_before_delay(60)), 4, 19, False),
    "strategies combine": (RetryPolicy(stop=stop_after_attempt(9) | stop_after_delay(60)), 2, 61, True),
}


@pytest.mark.parametrize(("policy", "restart", "elapsed", "expected"), STOPS.values(), ids=STOPS.keys())
def test_giving_up(policy: RetryPolicy, restart: int, elapsed: float, expected: bool) -> None:
    assert policy.gives_up(restart, elapsed) is expected


def test_the_documented_call_is_a_value() -> None:
    policy = RetryPolicy(scope="container", wait=wait_fixed(1), stop=stop_after_attempt(5))
    assert policy.scope is RetryScope.CONTAINER
    assert RetryPolicy().scope is RetryScope.POD
    assert RetryPolicy().reset_after == 600
    with pytest.raises(AttributeError):
        policy.cap = 1  # type: ignore[misc]


@pytest.mark.parametrize("arguments", [{"initial": 10, "cap": 5}, {"initial": -1}], ids=["shrinking", "negative"])
def test_senseless_backoffs_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        RetryPolicy(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10s..5m", (10, 300)), ("1..60", (1, 60)), ("500ms..1m30s", (0.5, 90)), ("5s", (5, 5)), ("0s..0s", (0, 0))],
)
def test_a_backoff_is_read(text: str, expected: tuple[float, float]) -> None:
    assert parse_backoff(text) == expected


@pytest.mark.parametrize("text", ["", "..", "10s..", "fast..slow", "5m..10s", "-1s..5s", "1s..2s..3s"])
def test_what_is_no_backoff_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_backoff(text)


def failing(*problems: EngineError) -> Callable[[], str]:
    """A call that raises these, one after the other, then answers."""
    left = iter(problems)

    def call() -> str:
        for problem in left:
            raise problem
        return "answer"

    return call


def test_recoverable_errors_are_retried_on_the_given_clock() -> None:
    clock = VirtualClock()
    heard: list[tuple[str, float]] = []
    call = failing(EngineUnavailable("gone"), EngineConflict("busy", recoverable=True))
    answer = engine_retry(
        clock, call, wait=wait_fixed(2), before_sleep=lambda problem, wait: heard.append((problem.message, wait))
    )
    assert answer == "answer"
    assert clock.now() - VIRTUAL_START == timedelta(seconds=4)
    assert heard == [("gone", 2), ("busy", 2)]


def test_the_default_waits_grow_within_bounds() -> None:
    clock = VirtualClock()
    waits: list[float] = []
    engine_retry(
        clock, failing(*[EngineUnavailable("gone")] * 9), attempts=10, before_sleep=lambda _, wait: waits.append(wait)
    )
    bounds = [min(5.0, 0.2 * 2**exponent) for exponent in range(9)]
    assert all(0.2 <= wait <= bound for wait, bound in zip(waits, bounds, strict=True))


def test_the_last_error_is_raised_when_the_attempts_are_used_up() -> None:
    clock = VirtualClock()
    numbers = itertools.count(1)

    def call() -> None:
        raise EngineUnavailable(f"attempt {next(numbers)}")

    with pytest.raises(EngineUnavailable, match="attempt 3"):
        engine_retry(clock, call, attempts=3)


def test_errors_that_stay_are_not_retried() -> None:
    clock = VirtualClock()
    with pytest.raises(NotFound):
        engine_retry(clock, failing(NotFound("no such container")))
    assert clock.now() == VIRTUAL_START
