"""The decision of one sync, read as text."""

from __future__ import annotations

import pytest

from runner.core.model import Pod, RetryScope
from runner.core.observed import Observed, ProbeResult, ProbeResults
from runner.core.sync.backoff import BackoffEntry, BackoffSettings, backoff_key, kubelet_schedule
from runner.core.sync.decide import Memory, Plan, decide
from runner.core.sync.operations import Start
from tests.support.pods import at, make_pod, observed, record


def plan_of(
    pod: Pod,
    seen: Observed,
    *,
    now: float = 0,
    restarts: dict[str, int] | None = None,
    attempts: dict[str, int] | None = None,
    results: ProbeResults | None = None,
    max_restarts: int | None = None,
    speed: float = 1,
) -> Plan:
    crashes = {}
    for name, count in (restarts or {}).items():
        container = pod.container(name)
        assert container is not None
        crashes[backoff_key(pod, container)] = BackoffEntry(count=count, updated_at=at(0))
    memory = Memory(
        crashes=crashes,
        attempts=attempts or {},
        settings=BackoffSettings(speed=speed),
        schedule=kubelet_schedule(),
        max_restarts=max_restarts,
    )
    return decide(pod, seen, results or ProbeResults(), memory, at(now))


TWO = make_pod(["init-1", "init-2"], ["main"])
TWO_POD = make_pod(["init-1", "init-2"], ["main"], scope=RetryScope.POD)
NEVER_POD = make_pod(["init-1", "init-2"], ["main"], policy="Never", scope=RetryScope.POD)
SIDECAR = make_pod([{"name": "proxy", "restartPolicy": "Always"}, "init-2"], ["main"])
PROBED = make_pod([], [{"name": "main", "livenessProbe": {"exec": {"command": ["true"]}}}])

ROWS = [
    (
        "a new pod gets its sandbox and its first init container",
        TWO,
        observed(sandbox=False),
        {},
        "create sandbox POD attempt 0: the pod has no sandbox\n"
        "start init-1 attempt 0: first init container of a new sandbox",
    ),
    (
        "the second init container follows the first one's success",
        TWO,
        observed(record(TWO, "init-1", "exited")),
        {},
        "start init-2 attempt 0: init container init-1 has succeeded",
    ),
    ("a running init container is waited for", TWO, observed(record(TWO, "init-1")), {}, ""),
    (
        "the main container follows the last init container's success",
        TWO,
        observed(record(TWO, "init-2", "exited"), record(TWO, "init-1", "exited")),
        {},
        "start main attempt 0: it has not run yet",
    ),
    (
        "scope container repeats the failed init container alone, at once",
        TWO,
        observed(record(TWO, "init-2", "exited", code=1), record(TWO, "init-1", "exited")),
        {},
        "start init-2 attempt 1: it failed with exit code 1",
    ),
    (
        "scope container backs off from the second failure on",
        TWO,
        observed(record(TWO, "init-2", "exited", code=1, attempt=1), record(TWO, "init-1", "exited")),
        {"restarts": {"init-2": 1}, "now": 3},
        "hold init-2 attempt 2 back-off 10s: it ended with exit code 1",
    ),
    (
        "scope pod removes every container, the failed one last",
        TWO_POD,
        observed(record(TWO_POD, "init-2", "exited", code=1), record(TWO_POD, "init-1", "exited")),
        {},
        "remove init-1: every container runs again because init-2 ended with exit code 1\n"
        "remove init-2 attempt 1: every container runs again because init-2 ended with exit code 1",
    ),
    (
        "scope pod backs off from the second failure on",
        TWO_POD,
        observed(
            record(TWO_POD, "init-2", "exited", code=1, attempt=1), record(TWO_POD, "init-1", "exited", attempt=1)
        ),
        {"restarts": {"init-2": 1}, "now": 9.9},
        "hold init-2 attempt 2 back-off 10s: it ended with exit code 1",
    ),
    (
        "scope pod starts again with the first init container, counting on",
        TWO_POD,
        observed(),
        {"attempts": {"POD": 0, "init-1": 1, "init-2": 1}},
        "start init-1 attempt 2: no init container has run yet",
    ),
    (
        "a pod that never restarts fails with its init container",
        NEVER_POD,
        observed(record(NEVER_POD, "init-1", "exited", code=1)),
        {},
        "kill pod web: init container init-1 failed and may not restart",
    ),
    (
        "back-off waits for the end of the delay and not longer",
        TWO,
        observed(record(TWO, "init-1", "exited", code=1, attempt=1)),
        {"restarts": {"init-1": 1}, "now": 10},
        "start init-1 attempt 2: it failed with exit code 1",
    ),
    (
        "speed shortens the wait, not the delay that is shown",
        TWO,
        observed(record(TWO, "init-1", "exited", code=1, attempt=1)),
        {"restarts": {"init-1": 1}, "now": 0.4, "speed": 20},
        "hold init-1 attempt 2 back-off 10s: it ended with exit code 1",
    ),
    (
        "a container that was restarted too often ends the pod",
        TWO,
        observed(record(TWO, "init-1", "exited", code=1, attempt=2)),
        {"restarts": {"init-1": 2}, "max_restarts": 2},
        "give up init-1 attempt 3: it ended with exit code 1 after 2 restarts",
    ),
    (
        "a lost sandbox kills the pod, purges init containers and starts anew",
        TWO,
        observed(
            record(TWO, "main"),
            record(TWO, "init-2", "exited"),
            record(TWO, "init-1", "exited"),
            ready=False,
        ),
        {"attempts": {"POD": 0, "init-1": 0, "init-2": 0, "main": 0}},
        "kill pod web: the sandbox is not ready\n"
        "remove init-1 attempt 0: init containers run again in a new sandbox\n"
        "remove init-2 attempt 0: init containers run again in a new sandbox\n"
        "create sandbox POD attempt 1: the sandbox is not ready\n"
        "start init-1 attempt 1: first init container of a new sandbox",
    ),
    (
        "a sidecar has to be started before the next init container",
        SIDECAR,
        observed(record(SIDECAR, "proxy")),
        {},
        "start init-2 attempt 0: sidecar proxy has started",
    ),
    (
        "a crashed sidecar restarts beside the app",
        SIDECAR,
        observed(
            record(SIDECAR, "main"),
            record(SIDECAR, "init-2", "exited"),
            record(SIDECAR, "proxy", "exited", code=5),
        ),
        {},
        "start proxy attempt 1: the sidecar ended with exit code 5",
    ),
    (
        "a failed liveness probe kills and restarts in one sync",
        PROBED,
        observed(record(PROBED, "main")),
        {"results": ProbeResults(liveness={"main-0": ProbeResult.FAILURE})},
        "kill main: Container main failed liveness probe, will be restarted\n"
        "start main attempt 1: Container main failed liveness probe",
    ),
    (
        "a liveness kill is followed by a wait when an older end is too recent",
        PROBED,
        observed(record(PROBED, "main", attempt=1), record(PROBED, "main", "exited", code=137, end=1)),
        {"results": ProbeResults(liveness={"main-1": ProbeResult.FAILURE}), "restarts": {"main": 1}, "now": 5},
        "kill main: Container main failed liveness probe, will be restarted\n"
        "hold main attempt 2 back-off 10s: it ended with exit code 137",
    ),
]


@pytest.mark.parametrize(("pod", "seen", "more", "expected"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS])
def test_plan(pod: Pod, seen: Observed, more: dict[str, object], expected: str) -> None:
    assert str(plan_of(pod, seen, **more)) == expected  # type: ignore[arg-type]


def test_deciding_twice_gives_the_same_text() -> None:
    seen = observed(record(TWO, "init-1", "exited", code=1))
    assert str(plan_of(TWO, seen)) == str(plan_of(TWO, seen))


def test_a_restart_is_remembered_for_back_off() -> None:
    seen = observed(record(TWO, "init-1", "exited", code=1, end=4))
    (start,) = plan_of(TWO, seen, now=5).operations
    assert isinstance(start, Start)
    assert start.remember is not None
    assert start.remember[1] == BackoffEntry(count=1, updated_at=at(5))


def test_a_first_start_is_not_remembered() -> None:
    start = plan_of(TWO, observed(sandbox=False)).first_start
    assert start is not None
    assert start.remember is None


def test_a_run_of_more_than_ten_minutes_forgets_the_back_off() -> None:
    seen = observed(record(TWO, "init-1", "exited", code=1, attempt=4, end=601))
    plan = plan_of(TWO, seen, restarts={"init-1": 4}, now=601)
    assert [type(operation) for operation in plan.operations] == [Start]
