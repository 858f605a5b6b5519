"""Back-off: the kubelet's schedule, its reset, other schedules, speed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.model import Pod
from runner.core.reasons import EventReason, EventType
from runner.core.sync.backoff import (
    BackoffEntry,
    BackoffSettings,
    Blocked,
    advance_pull,
    advance_restart,
    backoff_key,
    check_pull,
    check_restart,
    crash_loop_event,
    crash_loop_message,
    kubelet_schedule,
    pull_key,
    pull_schedule,
)

CONFORMANCE = Path(__file__).parents[2] / "fixtures" / "conformance"
START = datetime(2026, 1, 1, tzinfo=UTC)
DEFAULT = BackoffSettings()
ROWS: list[dict[str, Any]] = json.loads((CONFORMANCE / "computepodactions.json").read_text())["do_backoff"]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def pod(image: str = "app:1", resources: object = None) -> Pod:
    container = {"name": "app", "image": image, "resources": resources}
    return Pod.from_json(
        {"metadata": {"name": "p", "namespace": "ns", "uid": "u-1"}, "spec": {"containers": [container]}}
    )


def waits(runs: list[float], settings: BackoffSettings = DEFAULT, **options: Any) -> list[float]:
    """Real seconds between each exit and its restart, for runs of the given lengths, restarted as soon as allowed."""
    entry: BackoffEntry | None = None
    now, found = START, []
    for run in runs:
        finished = now = now + timedelta(seconds=run)
        blocked = check_restart(entry, finished, now, settings, **options)
        if blocked is not None:
            now = blocked.ready_at
            assert check_restart(entry, finished, now, settings, **options) is None
        entry = advance_restart(entry, finished, now, settings)
        found.append((now - finished).total_seconds())
    return found


def test_the_schedule_is_none_ten_and_doubling_to_five_minutes() -> None:
    assert [kubelet_schedule()(n) for n in range(1, 10)] == [0, 10, 20, 40, 80, 160, 300, 300, 300]
    assert [pull_schedule()(n) for n in range(1, 8)] == [10, 20, 40, 80, 160, 300, 300]


def test_a_cap_below_the_initial_value_lowers_it() -> None:
    assert [kubelet_schedule(10, 4)(n) for n in range(1, 4)] == [0, 4, 4]


def test_a_schedule_of_zero_never_waits_and_ends_for_any_number() -> None:
    assert kubelet_schedule(0, 300)(10**9) == 0


@pytest.mark.parametrize(
    "wrong", [{"initial": -1.0}, {"cap": -1.0}, {"reset": -1.0}, {"speed": 0.0}], ids=lambda wrong: next(iter(wrong))
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        BackoffSettings(**wrong)


def test_a_crash_loop_waits_by_the_schedule() -> None:
    assert waits([1] * 8) == [0, 10, 20, 40, 80, 160, 300, 300]


def test_a_run_longer_than_ten_minutes_starts_afresh() -> None:
    assert waits([1, 1, 1, 600, 601, 1, 1]) == [0, 10, 20, 40, 0, 10, 20]


def test_speed_shortens_the_waits_and_keeps_the_shown_delay() -> None:
    fast = BackoffSettings(speed=10)
    assert waits([1] * 4, fast) == [0, 1, 2, 4]
    entry = BackoffEntry(count=3, updated_at=START)
    assert check_restart(entry, at(1), at(1), fast) == Blocked(ready_at=at(5), delay=40)


def test_any_schedule_may_replace_the_doubling() -> None:
    """The first restart waits too when the schedule says so."""
    assert waits([1] * 3, schedule=lambda n: 5.0 * n) == [5, 10, 15]


def test_other_initial_and_cap_are_followed() -> None:
    assert waits([1] * 5, BackoffSettings(initial=1, cap=3)) == [0, 1, 2, 3, 3]


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_one_sync_decides_as_the_kubelet_does(row: dict[str, Any]) -> None:
    settings = BackoffSettings(initial=row["base_seconds"], cap=row["max_seconds"])
    now = at(row.get("now", 0))
    entry = BackoffEntry(count=1, updated_at=now) if row["backoffEntry"] else None
    finished = at(row["status"]["finishedAt"]) if row["status"]["state"] == "exited" else None
    blocked = check_restart(entry, finished, now, settings)
    assert (blocked is not None) is row["expect"]["inBackOff"]
    if blocked is not None:
        assert blocked.ready_at == at(row["expect"]["until"])


def test_pulls_wait_from_the_last_failure_on_and_doubling() -> None:
    entry: BackoffEntry | None = None
    now, found = START, []
    for _ in range(7):
        entry = advance_pull(entry, "no such host", now, DEFAULT)
        blocked = check_pull(entry, now, DEFAULT)
        assert blocked is not None
        found.append((blocked.ready_at - now).total_seconds())
        now = blocked.ready_at
        assert check_pull(entry, now, DEFAULT) is None
    assert found == [10, 20, 40, 80, 160, 300, 300]
    assert entry is not None
    assert entry.error == "no such host"


def test_a_failed_pull_is_forgotten_after_ten_minutes() -> None:
    entry = BackoffEntry(count=4, updated_at=START)
    assert advance_pull(entry, "", at(600), DEFAULT).count == 5
    assert advance_pull(entry, "", at(601), DEFAULT).count == 1
    assert check_pull(entry, at(601), DEFAULT) is None
    assert check_pull(None, START, DEFAULT) is None


def test_a_pull_that_failed_before_the_clock_was_set_back_is_not_waited_for() -> None:
    entry = BackoffEntry(count=4, updated_at=at(7200))
    assert check_pull(entry, START, DEFAULT) is None


def test_pull_back_off_follows_another_schedule() -> None:
    entry = BackoffEntry(count=2, updated_at=START)
    assert check_pull(entry, START, DEFAULT, schedule=lambda n: n * 7.0) == Blocked(ready_at=at(14), delay=14)


def test_messages_are_the_kubelets() -> None:
    assert (
        crash_loop_message(pod().full_name, "app", 80) == "back-off 1m20s restarting failed container=app pod=p_ns(u-1)"
    )
    assert "back-off 5m0s " in crash_loop_message(pod().full_name, "app", 300)
    note = crash_loop_event(pod().full_name, "app")
    assert (note.type, note.reason) == (EventType.WARNING, EventReason.BACK_OFF)
    assert note.message == "Back-off restarting failed container app in pod p_ns(u-1)"


def test_another_image_or_other_resources_start_afresh() -> None:
    def key(image: str, resources: object) -> tuple[str, ...]:
        one = pod(image, resources)
        return backoff_key(one, one.containers[0])

    limits = {"limits": {"cpu": "1", "memory": "1Mi"}}
    assert key("a", limits) == key("a", {"limits": {"memory": "1Mi", "cpu": "1"}})
    assert len({key("a", None), key("b", None), key("a", limits)}) == 3
    assert pull_key(pod(), "a:1") == ("u-1", "a:1")


@given(st.lists(st.floats(min_value=0, max_value=600), min_size=1, max_size=20))
def test_short_runs_never_reset_and_waits_never_shrink(runs: list[float]) -> None:
    found = waits(runs)
    assert found == sorted(found)
    assert all(wait <= 300 for wait in found)
    assert found == pytest.approx([kubelet_schedule()(n + 1) for n in range(len(runs))], abs=1e-3)


@given(st.lists(st.floats(min_value=0, max_value=2000), min_size=1, max_size=20))
def test_the_wait_counts_the_runs_since_the_last_long_one(runs: list[float]) -> None:
    expected, count = [], 0
    for run in (round(run, 3) for run in runs):
        count = 1 if run > 600 else count + 1
        expected.append(kubelet_schedule()(count))
    assert waits([round(run, 3) for run in runs]) == expected
