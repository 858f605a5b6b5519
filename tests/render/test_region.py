"""The live region of a terminal: which containers it shows, and with which seconds."""

from __future__ import annotations

from typing import Any

from runner.core.narration import Gone, PodRef, RetryScheduled, StatusChanged
from runner.core.status.podstatus import PodStatus
from runner.core.text.times import format_time
from runner.render.region import MOST_LINES, Region
from tests.render.narrations import REF, at


def status(
    seconds: float, containers: dict[str, dict[str, Any]], *, ref: PodRef = REF, deleted_at: float | None = None
) -> StatusChanged:
    """A pod whose containers stand like this; those called ``init…`` are init containers."""
    metadata: dict[str, Any] = {"name": ref.name}
    if deleted_at is not None:
        metadata |= {"deletionTimestamp": format_time(at(deleted_at + 30)), "deletionGracePeriodSeconds": 30}
    rows = [{"name": name, **value} for name, value in containers.items()]
    value = {
        "initContainerStatuses": [row for row in rows if row["name"].startswith("init")],
        "containerStatuses": [row for row in rows if not row["name"].startswith("init")],
    }
    return StatusChanged(at=at(seconds), ref=ref, manifest={"metadata": metadata}, status=PodStatus.from_json(value))


def running(since: float, *, ready: bool = False, restarts: int = 0) -> dict[str, Any]:
    return {"state": {"running": {"startedAt": format_time(at(since))}}, "ready": ready, "restartCount": restarts}


def waiting(reason: str) -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason}}}


def ended(code: int) -> dict[str, Any]:
    return {"state": {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}}}


def shown(region: Region, seconds: float, width: int = 80) -> list[str]:
    return region.lines(at(seconds), width)


def test_what_runs_counts_its_seconds_and_what_waits_for_its_turn_is_not_shown() -> None:
    region = Region()
    region.take(status(0, {"init-db": running(0), "web": waiting("PodInitializing")}))
    assert shown(region, 12) == ["  init-db  running 12s"]


def test_what_is_done_or_ready_is_not_shown() -> None:
    region = Region()
    region.take(status(0, {"init-db": ended(0), "web": running(0, ready=True)}))
    assert shown(region, 12) == []


def test_a_container_that_is_not_ready_says_so_with_its_attempt() -> None:
    region = Region()
    region.take(status(0, {"web": running(2, restarts=3)}))
    assert shown(region, 5) == ["  web  running 3s, not ready (attempt 3)"]


def test_the_next_attempt_is_counted_down_and_then_forgotten() -> None:
    region = Region()
    region.take(status(0, {"init-db": ended(3)}))
    region.take(RetryScheduled(at=at(0), ref=REF, container="init-db", text="", next_attempt_at=at(10)))
    assert shown(region, 0) == ["  init-db  exit code 3, next attempt in 10s"]
    assert shown(region, 9.5) == ["  init-db  exit code 3, next attempt in 1s"]
    assert shown(region, 10) == []


def test_a_wait_with_a_reason_counts_from_when_it_was_first_seen() -> None:
    region = Region()
    region.take(status(0, {"web": waiting("ErrImagePull")}))
    region.take(status(4, {"web": waiting("ImagePullBackOff")}))
    assert shown(region, 6) == ["  web  ImagePullBackOff 6s"]


def test_a_pod_that_is_deleted_shows_how_much_of_its_time_has_passed() -> None:
    region = Region()
    region.take(status(5, {"web": running(0, ready=True)}, deleted_at=5))
    assert shown(region, 8) == ["  web  stopping 3s of 30s"]
    region.take(Gone(at=at(9), ref=REF))
    assert shown(region, 9) == []


def test_several_pods_are_told_apart_and_too_many_lines_are_counted() -> None:
    region = Region()
    for number in range(5):
        ref = PodRef(namespace="default", name=f"pod-{number}", uid=str(number))
        region.take(status(0, {"init-a": running(0), "init-b": running(0)}, ref=ref))
    lines = shown(region, 1)
    assert lines[0] == "  pod-0/init-a  running 1s"
    assert len(lines) == MOST_LINES
    assert lines[-1].split() == ["and", "3", "more"]


def test_no_line_is_wider_than_the_terminal() -> None:
    region = Region()
    region.take(status(0, {"a-container-with-quite-a-long-name-that-goes-on": waiting("CreateContainerConfigError")}))
    (line,) = shown(region, 1, 40)
    assert len(line) == 40
    assert line.endswith("…")
