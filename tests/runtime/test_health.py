"""The Engine goes away and comes back: said once a run, however many workers see it, and however it flickers."""

from __future__ import annotations

from runner.kubelet.loop.health import CALM_SECONDS, EngineHealth


def test_of_many_workers_one_tells_that_the_engine_is_lost_and_one_that_it_is_back() -> None:
    health = EngineHealth()
    assert [health.failed() for _ in range(5)] == [True, False, False, False, False]
    health.answered(10.0)
    assert health.calm_at == 10.0 + CALM_SECONDS
    assert not health.take_return(10.0 + CALM_SECONDS - 0.1)
    assert [health.take_return(10.0 + CALM_SECONDS) for _ in range(5)] == [True, False, False, False, False]
    assert health.calm_at is None


def test_an_engine_that_flickers_is_told_of_once() -> None:
    health = EngineHealth()
    told = []
    for second in range(100):
        if health.failed():
            told.append("lost")
        health.answered(second + 0.5)
        if health.take_return(second + 0.9):
            told.append("back")
    assert told == ["lost"]


def test_each_time_it_has_to_be_back_for_longer() -> None:
    health = EngineHealth()
    health.failed()
    health.answered(0.0)
    assert health.take_return(CALM_SECONDS)
    assert health.failed()
    health.answered(100.0)
    assert health.calm_at == 100.0 + 2 * CALM_SECONDS


def test_the_last_worker_says_that_it_is_back_when_the_run_is_over() -> None:
    health = EngineHealth()
    health.join()
    health.join()
    health.failed()
    health.answered(1.0)
    assert [health.leave(), health.leave()] == [False, True]


def test_nothing_is_said_of_an_engine_that_was_there() -> None:
    health = EngineHealth()
    health.join()
    health.answered(1.0)
    assert health.calm_at is None
    assert not health.leave()
