"""Operations of one sync: what they say of themselves, and what back-off and limits make of starts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from runner.core.model import Pod, RetryScope
from runner.core.observed import Observed, ProbeResult, ProbeResults
from runner.core.sync.backoff import BackoffEntry, BackoffSettings, backoff_key, everything_key, sandbox_key
from runner.core.sync.decide import Memory, Plan, decide
from runner.core.sync.operations import CreateSandbox, Discard, GiveUp, Hold, HoldSandbox, Kill, KillPod, Remove, Start
from tests.support.pods import at, make_pod, observed, record


def plan(pod: Pod, seen: Observed, now: float = 0, *, restarts: dict[str, int] | None = None, **memory: Any) -> Plan:
    """The plan with the kubelet's settings; ``restarts`` made at the beginning are remembered."""
    crashes = {
        backoff_key(pod, container): BackoffEntry(count=count, updated_at=at(0))
        for container in pod.all_containers()
        for count in [(restarts or {}).get(container.name)]
        if count
    }
    fields: dict[str, Any] = {"crashes": crashes, "attempts": {}, "settings": BackoffSettings(), **memory}
    return decide(pod, seen, fields.pop("results", ProbeResults()), Memory(**fields), at(now))


POD, INIT = make_pod(), make_pod(["init"])
PROBED = make_pod((), ({"name": "main", "livenessProbe": {"exec": {"command": ["true"]}}},))
RESTART_ALL = {
    "name": "main",
    "restartPolicy": "Never",
    "restartPolicyRules": [{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [5]}}],
}


def test_nothing_to_do_is_an_empty_plan() -> None:
    idle = plan(POD, observed(record(POD, "main")))
    assert idle.is_empty
    assert str(idle) == ""
    assert idle.sandbox_id == "sandbox-0"
    assert not plan(POD, observed(sandbox=False)).is_empty


@pytest.mark.parametrize(
    ("attempt", "restarts", "now", "at_once"),
    [(0, {}, 1, True), (1, {"main": 1}, 5, False), (1, {"main": 1}, 50, False)],
    ids=["the first restart", "a held one", "one that has waited"],
)
def test_only_the_first_restart_in_a_row_happens_at_once(
    attempt: int, restarts: dict[str, int], now: float, at_once: bool
) -> None:
    seen = observed(record(POD, "main", "exited", code=1, attempt=attempt, end=1))
    (operation,) = plan(POD, seen, now, restarts=restarts).operations
    assert (isinstance(operation, Start) and operation.at_once) is at_once


def test_a_first_start_is_no_restart() -> None:
    (start,) = plan(POD, observed()).operations
    assert isinstance(start, Start)
    assert not start.at_once


def test_a_held_start_is_over_when_its_time_has_come() -> None:
    """By its turn: what is killed before may take longer than the back-off lasts."""
    seen = observed(record(PROBED, "main", attempt=1), record(PROBED, "main", "exited", code=137, end=1))
    results = ProbeResults(liveness={"main-1": ProbeResult.FAILURE})
    held = plan(PROBED, seen, 5, restarts={"main": 1}, results=results)
    (_, hold) = held.operations
    assert isinstance(hold, Hold)
    assert hold.ready_at == at(11)
    for second, verb in ((5, "hold"), (10.9, "hold"), (11, "start")):
        assert [operation.verb for operation in held.steps(partial(at, second))][:2] == ["kill", verb], second


def test_a_hold_without_an_end_never_passes() -> None:
    """What holds a new sandbox is decided anew when its time has come, and the same of everything that starts again."""
    pod = make_pod((), (RESTART_ALL,))
    seen = observed(record(pod, "main", "exited", code=5, attempt=3, end=1))
    holds = [
        plan(pod, seen, 1, crashes=again(everything_key(pod), 3)),
        plan(POD, observed(ready=False), 1, crashes=again(sandbox_key(POD), 3)),
    ]
    for held in holds:
        assert [operation.verb for operation in held.steps(lambda: at(1e6))][-1] == "hold"


def test_one_dead_instance_stays_beside_a_new_one() -> None:
    seen = observed(*(record(POD, "main", "exited", code=1, attempt=n, end=n) for n in (3, 2, 1)))
    found = plan(POD, seen, 1000)
    assert str(found) == (
        "start main attempt 4: it ended with exit code 1\n"
        "discard main attempt 2: no more than one that has ended stays beside a new one\n"
        "discard main attempt 1: no more than one that has ended stays beside a new one"
    )
    assert [*found.steps(lambda: at(2000))] == [*found.operations]
    assert [operation.verb for operation in plan(POD, seen, 4, restarts={"main": 3}).operations] == ["hold"]


def test_dead_instances_go_with_a_start_that_outlasts_its_back_off_too() -> None:
    ended = [record(PROBED, "main", "exited", code=1, attempt=n, end=n) for n in (3, 2)]
    results = ProbeResults(liveness={"main-4": ProbeResult.FAILURE})
    held = plan(PROBED, observed(record(PROBED, "main", attempt=4), *ended), 4, restarts={"main": 3}, results=results)
    assert [operation.verb for operation in held.operations] == ["kill", "hold"]
    outlasted = [*held.steps(lambda: at(1000))]
    assert [operation.verb for operation in outlasted] == ["kill", "start", "discard", "discard"]
    assert [one.container_id for one in outlasted if isinstance(one, Discard)] == ["main-3", "main-2"]


@pytest.mark.parametrize(
    ("probe", "grace"), [({}, 30), ({"terminationGracePeriodSeconds": 4}, 4)], ids=["the pod's", "the probe's own"]
)
def test_a_kill_says_how_long_the_container_has_to_end(probe: dict[str, int], grace: int) -> None:
    liveness = {"exec": {"command": ["true"]}, **probe}
    pod = make_pod((), ({"name": "main", "livenessProbe": liveness},), terminationGracePeriodSeconds=30)
    seen = observed(record(pod, "main"))
    (kill, _) = plan(pod, seen, results=ProbeResults(liveness={"main-0": ProbeResult.FAILURE})).operations
    assert isinstance(kill, Kill)
    assert kill.grace == grace


def test_a_start_says_whether_what_follows_has_to_wait_for_it() -> None:
    pod = make_pod(["first", {"name": "helper", "restartPolicy": "Always"}])
    started = [plan(pod, seen).operations[-1] for seen in (observed(), observed(record(pod, "first", "exited", end=1)))]
    assert [(one.target, one.blocks) for one in started if isinstance(one, Start)] == [
        ("first", True),
        ("helper", False),
    ]


def test_a_new_sandbox_tells_what_it_replaces() -> None:
    (kill, create, _) = plan(POD, observed(record(POD, "main"), ready=False)).operations
    assert isinstance(kill, KillPod)
    assert kill.message == "Pod sandbox changed, it will be killed and re-created."
    assert isinstance(create, CreateSandbox)
    assert [(one.id, one.attempt) for one in create.replaces] == [("sandbox-0", 0)]
    (first, _) = plan(POD, observed(sandbox=False)).operations
    assert isinstance(first, CreateSandbox)
    assert first.replaces == ()


def test_a_container_may_be_called_pod() -> None:
    pod = make_pod((), ({"name": "pod"},))
    assert str(plan(pod, observed(sandbox=False))) == (
        "create sandbox POD attempt 0: the pod has no sandbox\nstart pod attempt 0: new sandbox"
    )


@pytest.mark.parametrize("name", ["pod", "sandbox", "init"])
def test_the_causes_of_a_container_and_of_its_pod_are_told_apart(name: str) -> None:
    pod = make_pod((), ({"name": name}, {"name": "main"}))
    seen = observed(record(pod, name, "exited", code=3, end=1), record(pod, "main"))
    assert str(plan(pod, seen, 100)) == f"start {name} attempt 1: it ended with exit code 3"
    gone = observed(record(pod, name, "exited", code=3, end=1), record(pod, "main"), ready=False)
    assert str(plan(pod, gone, 100)).splitlines() == [
        "kill pod web: the sandbox is not ready",
        "create sandbox POD attempt 1: the sandbox is not ready",
        f"start {name} attempt 1: new sandbox",
        "start main attempt 1: new sandbox",
    ]


def test_the_manifests_own_restart_of_everything_knows_no_back_off() -> None:
    pod = make_pod((), (RESTART_ALL,))
    seen = observed(record(pod, "main", "exited", code=5, attempt=3, end=1))
    (remove,) = plan(pod, seen, 1, restarts={"main": 3}).operations
    assert isinstance(remove, Remove)
    assert (remove.attempt, remove.remember) == (4, None)
    assert str(remove) == "remove main attempt 4: every container runs again because main ended with exit code 5"


def test_several_failures_are_all_named() -> None:
    pod = make_pod((), (RESTART_ALL, {**RESTART_ALL, "name": "other"}))
    seen = observed(record(pod, "main", "exited", code=5), record(pod, "other", "exited", code=5))
    assert {operation.cause for operation in plan(pod, seen).operations} == {
        "every container runs again because main ended with exit code 5 and other ended with exit code 5"
    }


def test_the_retry_of_the_whole_pod_gives_up_too() -> None:
    pod = make_pod(["init"], scope=RetryScope.POD)
    seen = observed(record(pod, "init", "exited", code=5, attempt=2, end=1))
    assert str(plan(pod, seen, 1000, max_restarts=2)) == (
        "give up init attempt 3: it ended with exit code 5 after 2 restarts"
    )


def test_the_retry_of_the_whole_pod_is_remembered_with_its_last_removal() -> None:
    pod = make_pod(["init", "last"], scope=RetryScope.POD)
    seen = observed(record(pod, "last", "exited", code=5, end=1), record(pod, "init", "exited"))
    first, second = plan(pod, seen, 2).operations
    assert isinstance(first, Remove)
    assert isinstance(second, Remove)
    assert (first.remember, first.attempt) == (None, None)
    assert second.remember is not None
    assert second.remember[1] == BackoffEntry(count=1, updated_at=at(2))
    assert (first.at_once, second.at_once) == (False, True)


LIMITS: list[tuple[str, Callable[[int, float], bool] | None, int | None, bool]] = [
    ("no limit", None, None, False),
    ("a limit that is not reached", None, 3, False),
    ("a limit that is reached", None, 2, True),
    ("a policy that goes on", lambda _attempt, _elapsed: False, None, False),
    ("a policy that counts restarts", lambda attempt, _elapsed: attempt >= 3, None, True),
    ("a policy that counts seconds since the pod began", lambda _attempt, elapsed: elapsed >= 1000, None, True),
    ("one that waits longer", lambda _attempt, elapsed: elapsed > 1000, None, False),
]


@pytest.mark.parametrize(("gives_up", "limit", "wanted"), [r[1:] for r in LIMITS], ids=[r[0] for r in LIMITS])
def test_when_the_pod_gives_up(gives_up: Callable[[int, float], bool] | None, limit: int | None, wanted: bool) -> None:
    seen = observed(record(POD, "main", "exited", code=1, attempt=2, end=1))
    (operation,) = plan(POD, seen, 1000, gives_up=gives_up, max_restarts=limit).operations
    assert isinstance(operation, GiveUp if wanted else Start)
    assert operation.attempt == 3


def test_a_pod_without_a_beginning_has_lasted_no_time() -> None:
    pod = make_pod(metadata={"creationTimestamp": None})
    seen = observed(record(pod, "main", "exited", code=1, end=1))
    (operation,) = plan(pod, seen, 1000, gives_up=lambda _attempt, elapsed: elapsed > 0).operations
    assert isinstance(operation, Start)


def test_a_sandbox_that_failed_before_counts_on() -> None:
    (create, _) = plan(POD, observed(sandbox=False), attempts={"POD": 4}).operations
    assert isinstance(create, CreateSandbox)
    assert create.attempt == 5


def test_init_containers_of_a_new_sandbox_know_back_off_as_apps_do() -> None:
    """Their records go with the old sandbox, so that it waits with them."""
    fresh = observed(record(INIT, "init", "exited", code=1, attempt=3, end=1), ready=False)
    assert [type(o) for o in plan(INIT, fresh, 1, restarts={"init": 3}).operations] == [Hold]
    app = observed(record(POD, "main", "exited", code=1, attempt=3, end=1), ready=False)
    assert [type(o) for o in plan(POD, app, 1, restarts={"main": 3}).operations] == [KillPod, CreateSandbox, Hold]


def test_a_pod_that_is_killed_kills_no_single_container_besides() -> None:
    pod = make_pod((), ({"name": "main", "livenessProbe": {"exec": {"command": ["true"]}}},), policy="Never")
    results = ProbeResults(liveness={"main-0": ProbeResult.FAILURE})
    assert str(plan(pod, observed(record(pod, "main")), results=results)) == (
        "kill pod web: no container is running and none may restart"
    )


def test_an_instance_without_an_end_does_not_hold_its_restart() -> None:
    seen = observed(record(POD, "main", "exited", code=1, finished_at=None))
    (operation,) = plan(POD, seen, restarts={"main": 3}).operations
    assert isinstance(operation, Start)
    assert operation.remember is None


def test_ephemeral_containers_are_started_first() -> None:
    pod = make_pod(ephemeralContainers=[{"name": "debug", "image": "busybox"}])
    assert str(plan(pod, observed())) == (
        "start debug attempt 0: it has not run yet\nstart main attempt 0: it has not run yet"
    )


def again(key: tuple[str, ...], count: int, when: float = 0) -> dict[tuple[str, ...], BackoffEntry]:
    return {key: BackoffEntry(count=count, updated_at=at(when))}


@pytest.mark.parametrize(
    ("count", "now", "expected"),
    [
        pytest.param(2, 1, "create sandbox POD attempt 1: the sandbox is not ready", id="not often yet"),
        pytest.param(3, 1, "hold POD back-off 10s: the sandbox is not ready", id="too often"),
        pytest.param(3, 10, "create sandbox POD attempt 1: the sandbox is not ready", id="it has waited"),
        pytest.param(5, 39, "hold POD back-off 40s: the sandbox is not ready", id="ever longer"),
    ],
)
def test_a_sandbox_is_made_again_at_once_only_a_few_times(count: int, now: float, expected: str) -> None:
    found = plan(POD, observed(ready=False), now, crashes=again(sandbox_key(POD), count))
    assert expected in str(found).splitlines()
    assert isinstance(found.operations[-1], HoldSandbox) is expected.startswith("hold")


def test_the_first_sandbox_is_nothing_that_is_made_again() -> None:
    first = next(o for o in plan(POD, observed(sandbox=False)).operations if isinstance(o, CreateSandbox))
    assert first.again is None
    new = next(o for o in plan(POD, observed(ready=False), 1).operations if isinstance(o, CreateSandbox))
    assert new.again == (sandbox_key(POD), BackoffEntry(count=1, updated_at=at(1)))


def test_what_still_runs_is_stopped_before_a_sandbox_waits_for_its_turn() -> None:
    seen = observed(record(POD, "main"), ready=False)
    stop, hold = plan(POD, seen, 1, crashes=again(sandbox_key(POD), 3)).operations
    assert (type(stop), type(hold)) == (KillPod, HoldSandbox)


@pytest.mark.parametrize(
    ("restarts", "now", "kinds"),
    [
        pytest.param(0, 1, ["kill pod", "remove", "create sandbox", "start"], id="the first time"),
        pytest.param(1, 5, ["hold"], id="its back-off holds the sandbox too"),
        pytest.param(1, 11, ["kill pod", "remove", "create sandbox", "start"], id="it has waited"),
    ],
)
def test_an_init_container_that_starts_in_a_new_sandbox_has_its_back_off(
    restarts: int, now: float, kinds: list[str]
) -> None:
    seen = observed(record(INIT, "init", "exited", end=1), ready=False)
    found = plan(INIT, seen, now, restarts={"init": restarts})
    assert [operation.verb for operation in found.operations] == kinds
    start = found.operations[-1]
    if isinstance(start, Start):
        assert not start.at_once, "a new sandbox is no retry of a container"
        assert start.again is not None
        assert start.again[1].count == restarts + 1


def test_the_manifests_own_restart_of_everything_waits_when_it_goes_on_and_on() -> None:
    pod = make_pod((), (RESTART_ALL,))
    seen = observed(record(pod, "main", "exited", code=5, attempt=3, end=1))
    (hold,) = plan(pod, seen, 1, crashes=again(everything_key(pod), 3)).operations
    assert str(hold) == "hold main attempt 4 back-off 10s: it ended with exit code 5"
    (remove,) = plan(pod, seen, 11, crashes=again(everything_key(pod), 3)).operations
    assert isinstance(remove, Remove)
    assert remove.again == (everything_key(pod), BackoffEntry(count=4, updated_at=at(11)))


def test_what_was_never_started_goes_before_the_next_attempt_is_made() -> None:
    """Its start may still come; what has ended stays beside the new one, as in a kubelet."""
    ended = record(POD, "main", "exited", code=1, attempt=0, end=1)
    seen = observed(record(POD, "main", "created", attempt=1), ended)
    discard, start = plan(POD, seen, 60, attempts={"main": 1}).operations
    assert isinstance(discard, Discard)
    assert isinstance(start, Start)
    assert (discard.container_id, discard.cause) == ("main-1", "it was created but never started")
    assert start.attempt == 2


def test_what_was_never_started_goes_when_the_back_off_is_over_too() -> None:
    ended = record(PROBED, "main", "exited", code=1, attempt=0, end=1)
    pod = make_pod((), ({"name": "main", "livenessProbe": {"exec": {"command": ["true"]}}}, {"name": "other"}))
    running = record(pod, "other")
    seen = observed(record(pod, "main", "created", attempt=1), running, ended)
    results = ProbeResults(liveness={running.id: ProbeResult.FAILURE})
    operations = plan(pod, seen, 5, restarts={"main": 1}, results=results).operations
    (hold,) = [one for one in operations if isinstance(one, Hold) and one.target == "main"]
    assert [one.verb for one in hold.then] == ["discard", "start"]
