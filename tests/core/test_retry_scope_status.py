"""What statuses show while the retry scope `pod` starts everything again."""

from __future__ import annotations

from msgspec.structs import replace

from runner.core.model import RetryScope
from runner.core.observed import ProbeResults
from runner.core.status.containerstatus import StartFailure
from runner.core.status.podstatus import PodStatus, Terminated, Waiting
from runner.core.status.status import generate_status
from tests.support.pods import at, make_pod, observed, record

POD = make_pod(["first", "second"], ["main"], scope=RetryScope.POD)
HELD = {"second": StartFailure(reason="CrashLoopBackOff", message="back-off 10s")}


def published(reasons: dict[str, StartFailure], previous: PodStatus | None, *, removed: bool = False) -> PodStatus:
    records = [] if removed else [record(POD, "second", "exited", code=1), record(POD, "first", "exited")]
    return generate_status(POD, observed(*records), reasons, ProbeResults(), previous, at(5))


def test_everything_that_ran_restarts_after_a_back_off_as_it_does_at_once() -> None:
    """The back-off hides the ending in lastState; that must not change what the removal shows."""
    at_once = published({}, published({}, None), removed=True)
    after_wait = published({}, published(HELD, published({}, None)), removed=True)
    assert after_wait.init_containers == at_once.init_containers


def test_a_removed_container_waits_for_the_restart_and_still_tells_how_it_had_ended() -> None:
    status = published({}, published(HELD, published({}, None)), removed=True)
    second = status.container("second")
    assert second is not None
    assert isinstance(second.state, Waiting)
    assert second.state.reason == "RestartingAllContainers"
    assert second.restart_count == 1
    assert isinstance(second.last_state, Terminated)
    assert second.last_state.exit_code == 1


def test_what_never_ran_does_not_count_as_restarted() -> None:
    status = published({}, published(HELD, published({}, None)), removed=True)
    main = status.container("main")
    assert main is not None
    assert main == replace(main, restart_count=0, last_state=None)


def test_a_container_that_was_removed_during_its_back_off_counts_one_restart_however_often_that_is_looked_at() -> None:
    status = published(HELD, published({}, None))
    counts = []
    for _ in range(3):
        status = published(HELD, status, removed=True)
        second = status.container("second")
        assert second is not None
        counts.append(second.restart_count)
    assert counts == [1, 1, 1]
