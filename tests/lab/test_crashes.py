"""A node that crashes, errs or mishears at any step of a pod's life: another one, or the same, takes the pod to its end.

`make crashes` tries every step; here are a few seconds of drawn ones, and what was found by it, each by its name.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from runner.lab.crashes import OF_CALLS, Fault, Kind
from tools.crashes.__main__ import main
from tools.crashes.cases import Case, drawn, tried, undisturbed
from tools.crashes.judge import problems
from tools.crashes.lives import Facts, live
from tools.crashes.scenes import DRAWN, PODS, WATCHED, scene
from tools.crashes.sweeping import faults_of_sweeps, swept, undisturbed_sweep

SEEDS = (
    1, 2, 3, 4, 6, 7, 10, 16, 20, 28, 31, 47, 51, 54, 69, 72, 77, 78, 81, 86, 89, 90, 103, 109, 110, 114, 162, 178, 276,
)  # fmt: skip
"""Of those below 300 some that together see every mistake that was tried, most of them several times.

A write of a status that is skipped, an attempt that is not noted, a container that is not found by its name, an event that is
told too early, a volume that stays, and the like.
"""


@pytest.fixture(autouse=True)
def _in_silence() -> Iterator[None]:
    """What is injected is logged as what it is taken for."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def number_of(pod: str, point: str, nth: int = 1) -> int:
    """The number of the n-th call or write of a name in the undisturbed life."""
    found = [number for number, one in enumerate(undisturbed(pod).points, 1) if str(one) == point]
    return found[nth - 1]


def wrong(case: Case) -> str:
    """What is not as it should be after a case, with the command that lets it happen again; "" when nothing is."""
    facts, texts = tried(case)
    assert facts.struck, "nothing has happened"
    return "\n".join([case.command, *map(str, facts.struck), *texts]) if texts else ""


def disturbed(pod: str, kind: Kind, point: str, nth: int = 1) -> Facts:
    fault = Fault(kind=kind, at=number_of(pod, point, nth))
    assert not wrong(Case(pod, (fault,)))
    return live(scene(pod), [fault])


@pytest.mark.parametrize("seed", SEEDS)
def test_a_drawn_life_comes_to_its_undisturbed_outcome(seed: int) -> None:
    case = drawn(seed)
    facts, texts = tried(case)
    assert not texts, "\n".join([case.command, *map(str, facts.struck), *texts])


@pytest.mark.parametrize("pod", PODS)
def test_an_undisturbed_life_is_as_it_should_be(pod: str) -> None:
    base = undisturbed(pod)
    assert not problems(base, live(scene(pod)))
    assert not base.broken
    assert not [one for one in base.left if one.startswith(("container", "ledger", "Pod"))]
    assert [one for one in base.left if one.startswith("volume")] == ["volume k8s_pvc_data_default"] * (pod == "claim")


# --- what was found -------------------------------------------------------------------------------------------------------


def test_what_a_dead_node_prepared_is_not_taken_for_what_has_run() -> None:
    """The application was made ahead of its turn: no init container may be left out for that."""
    facts = disturbed("two-inits", Kind.CRASH_AFTER, "create_container main")
    assert facts.started["two-inits", "second"] == 1
    assert facts.crashes == 1


def test_a_node_that_took_a_pod_over_does_not_take_its_own_preparations_for_what_has_run() -> None:
    """It prepares the application while an init container runs that will fail."""
    facts = disturbed("scope-container", Kind.CRASH_BEFORE, "registry.publish_status")
    assert facts.started["scope-container", "second"] == 3


@pytest.mark.parametrize("kind", [Kind.CRASH_BEFORE, Kind.CRASH_AFTER])
def test_a_sandbox_whose_volumes_were_not_filled_is_made_anew(kind: Kind) -> None:
    facts = disturbed("two-inits", kind, "upload POD" if kind is Kind.CRASH_BEFORE else "start_container POD")
    assert any("settings" in name for names in facts.files["two-inits", "first"] for name in names)


def test_two_sandboxes_of_a_pod_never_run_at_once() -> None:
    """Not even when nothing can be noted of them: their ports are the same."""
    facts = disturbed("two-inits", Kind.ERROR_FOR_EVER, "registry.note_attempt POD")
    assert not facts.twice


def test_a_pod_whose_node_died_before_it_said_so_is_said_to_be_assigned() -> None:
    facts = disturbed("job", Kind.CRASH_BEFORE, "registry.record_event SuccessfulCreate")
    assert facts.told["job", "Normal", "Scheduled", ""] == undisturbed("job").told["job", "Normal", "Scheduled", ""]


def test_no_request_to_delete_a_workload_outlives_it() -> None:
    base = undisturbed("job")
    (at,) = [number for number, one in enumerate(base.points, 1) if str(one).startswith("registry.transaction")][-1:]
    for kind in (Kind.CRASH_BEFORE, Kind.CRASH_AFTER):
        assert not wrong(Case("job", (Fault(kind=kind, at=at),)))


@pytest.mark.parametrize("kind", [Kind.ERROR, Kind.LOST_REPLY])
@pytest.mark.parametrize(
    "point", ["registry.publish_status", "registry.note_attempt main", "registry.record_event Started"]
)
def test_a_write_of_the_registry_that_fails_once_costs_a_pod_nothing(kind: Kind, point: str) -> None:
    assert not disturbed("two-inits", kind, point).broken


@pytest.mark.parametrize("point", ["registry.record_event Unhealthy", "registry.publish_status"])
def test_probes_go_on_when_what_they_tell_could_not_be_written(point: str) -> None:
    """A task whose result is not waited for must not die in silence."""
    base = undisturbed("probes").points
    for number, one in enumerate(base, 1):
        if str(one) == point and number > number_of("probes", "registry.record_event Started"):
            assert not wrong(Case("probes", (Fault(kind=Kind.ERROR, at=number),)))


def test_a_worker_that_is_down_is_waited_for_until_it_begins_again() -> None:
    """What its tasks wait for meanwhile is no reason to go on: that would be for ever, at one instant."""
    base = undisturbed("probes").points
    for at in [number for number, one in enumerate(base, 1) if str(one) == "registry.publish_status"]:
        assert not wrong(Case("probes", (Fault(kind=Kind.ERROR_FOR_EVER, at=at),)))


@pytest.mark.parametrize("kind", OF_CALLS)
def test_a_pod_that_a_job_makes_is_made_once(kind: Kind) -> None:
    created = [number_of("job", "registry.record_event SuccessfulCreate", nth) for nth in (1, 2, 3)]
    points = [number - 1 for number in created]
    assert len(points) == 3
    for at in points:
        assert not wrong(Case("job", (Fault(kind=kind, at=at),)))


def test_a_deletion_that_could_not_be_asked_for_is_asked_for_again() -> None:
    base = undisturbed("job").points
    first = next(number for number, one in enumerate(base, 1) if str(one) == "registry.transaction")
    assert not wrong(Case("job", (Fault(kind=Kind.ERROR, at=first),)))


def test_what_is_discarded_is_no_reason_to_try_again_at_once() -> None:
    """A container that can never be started is tried every ten seconds, however many dead instances go meanwhile."""
    facts = disturbed("service", Kind.ERROR_FOR_EVER, "start_container main")
    assert 30 < facts.created["service", "main"] < 100


def test_a_proxy_that_could_not_be_removed_is_removed_later() -> None:
    assert not disturbed("service", Kind.ERROR, "remove_container proxy").broken


LATE = (Kind.LATE, Kind.CRASH_DURING)


@pytest.mark.parametrize("kind", LATE)
def test_a_start_that_comes_late_leaves_one_container_running(kind: Kind) -> None:
    """The Engine is still at it when the next attempt is made: what was created and never started goes before."""
    facts = disturbed("two-inits", kind, "start_container first")
    assert not facts.twice
    assert facts.started["two-inits", "first"] == 1


def test_a_start_that_comes_while_its_successor_waits_is_seen_before_it_is_removed() -> None:
    """No event tells of it, and the next attempt waits for its back-off."""
    facts = disturbed("restart-rules", Kind.LATE, "start_container main", 2)
    assert facts.started["restart-rules", "main"] == undisturbed("restart-rules").started["restart-rules", "main"]


@pytest.mark.parametrize("kind", LATE)
def test_a_container_that_is_created_late_is_found_by_its_name(kind: Kind) -> None:
    disturbed("two-inits", kind, "create_container second")


@pytest.mark.parametrize("kind", LATE)
@pytest.mark.parametrize("point", ["remove_container main", "remove_container POD", "remove_volume two-inits"])
def test_what_is_removed_late_is_gone_in_the_end(kind: Kind, point: str) -> None:
    disturbed("two-inits", kind, point)


def test_a_reset_that_cannot_remove_a_container_is_not_counted_as_a_crash() -> None:
    """It has not happened yet: no back-off grows, and none is shown."""
    facts = disturbed("restart-rules", Kind.ERROR_FOR_EVER, "remove_container main")
    states = {name: state for _, name, state, *_ in facts.failing[0].statuses[0][3]}
    assert states["all"] == ("terminated", "Error", 88)


def test_a_sweep_removes_the_proxy_of_a_service_that_went_while_no_node_was_there() -> None:
    facts = disturbed("service", Kind.CRASH_BEFORE, "remove_container proxy")
    assert [one for one in facts.left if "SERVICE" in one]
    assert not facts.swept


def test_restart_all_comes_before_a_restart_that_waits() -> None:
    """A kubelet's order (computePodActions): the restart that it cuts off is not missing."""
    disturbed("restart-rules", Kind.ERROR_FOR_EVER, "inspect_image main")


@pytest.mark.parametrize("kind", [Kind.ERROR, Kind.UNAVAILABLE])
def test_a_sandbox_that_could_not_be_filled_is_not_used(kind: Kind) -> None:
    facts = disturbed("two-inits", kind, "upload POD")
    assert facts.files["two-inits", "main"] == undisturbed("two-inits").files["two-inits", "main"]


@pytest.mark.parametrize("at", range(1, 6))
def test_an_event_that_is_missed_costs_the_time_alone(at: int) -> None:
    assert not wrong(Case("two-inits", (Fault(kind=Kind.MISSED_EVENT, at=at),)))


# --- what comes at a time of its own: the outcome is written down, as no other life would tell -----------------------------


def test_a_lost_sandbox_is_replaced_and_does_not_stay() -> None:
    facts = undisturbed("sandbox-lost")
    (status,) = facts.settled
    assert [(name, state[0], restarts) for _, name, state, restarts, _ in status[3]] == [
        ("first", "terminated", 1),
        ("main", "running", 1),
    ]
    assert facts.standing["sandbox-lost", "POD"] == 1
    assert facts.started["sandbox-lost", "POD"] == 2


def test_a_pod_ends_at_its_deadline_and_has_its_grace() -> None:
    facts = undisturbed("deadline")
    (status,) = facts.settled
    assert status[1] == "Failed"
    assert 25 <= facts.ended["deadline", "main"] <= 26, "20 s, and 5 s of grace"
    assert facts.unasked["deadline", "main"] == 0


def test_a_shorter_grace_period_hurries_what_is_being_stopped() -> None:
    """Of its 120 seconds ten had passed when three were asked for."""
    assert 22 <= undisturbed("hurry").gone <= 26


@pytest.mark.parametrize("pod", WATCHED)
@pytest.mark.parametrize("kind", [Kind.MISSED_EVENT, Kind.REPEATED_EVENT, Kind.REORDERED_EVENT])
def test_what_is_misheard_changes_none_of_it(pod: str, kind: Kind) -> None:
    for at in range(1, undisturbed(pod).events + 1):
        assert not wrong(Case(pod, (Fault(kind=kind, at=at),)))


@pytest.mark.parametrize("pod", ["two-inits", "service"])
def test_what_a_dead_node_has_left_goes_however_a_sweep_ends(pod: str) -> None:
    base = undisturbed_sweep(pod)
    assert not [one for one in base.left if one.startswith(("container", "volume", "Pod"))]
    for fault in faults_of_sweeps(pod):
        done = swept(pod, fault)
        assert done.struck
        assert list(done.left) == list(base.left), fault


# --- the tool ---------------------------------------------------------------------------------------------------------------


def test_a_case_is_replayed_by_the_command_that_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    case = Case("two-inits", (Fault(kind=Kind.CRASH_AFTER, at=12), Fault(kind=Kind.LOST_REPLY, at=30)), 30.0)
    assert main(case.command.split()[3:]) == 0
    told = capsys.readouterr().out
    assert told.splitlines()[0].startswith("crash-after at 12: ")
    assert told.splitlines()[-1] == "1 lives, 0 not as they should be"


def test_a_seed_draws_pod_kinds_and_numbers() -> None:
    cases = [drawn(seed) for seed in range(60)]
    assert {case.pod for case in cases} == set(DRAWN)
    assert {fault.kind for case in cases for fault in case.faults} == set(Kind)
    assert cases == [drawn(seed) for seed in range(60)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda facts: facts.twice.append("main of two-inits runs 2 times"), "main of two-inits runs 2 times"),
        (lambda facts: facts.left.append("container x"), "left: container x"),
        (
            lambda facts: facts.started.update({("two-inits", "first"): 1}),
            "first of two-inits started 2 times instead of 1",
        ),
        (lambda facts: facts.told.update({("two-inits", "Warning", "Failed", "main"): 2}), "events: Failed of main +2"),
        (lambda facts: facts.created.update({("two-inits", "main"): 2}), "2 attempts were created twice"),
        (lambda facts: facts.pulled.update({"second": 1}), "the image of second was pulled 2 times instead of 1"),
        (lambda facts: facts.swept.append("container x"), "left by a sweep: container x"),
        (
            lambda facts: facts.told.subtract({("two-inits", "Normal", "Created", "main"): 2}),
            "events: Created of main -2",
        ),
        (lambda facts: facts.told.update({("two-inits", "Normal", "Started", "main"): 5}), "it happened 1 times"),
        (lambda facts: facts.settled.clear(), "at rest: []"),
        (
            lambda facts: facts.standing.update({("two-inits", "POD"): 1}),
            "at rest POD of two-inits stands there 2 times",
        ),
        (lambda facts: facts.unasked.update({("two-inits", "main"): 1}), "main of two-inits was killed 1 more times"),
        (lambda facts: facts.files["two-inits", "main"].add(()), "main of two-inits found ()"),
    ],
)
def test_the_judge_sees_what_it_is_there_to_see(change: object, expected: str) -> None:
    facts = live(scene("two-inits"))
    assert callable(change)
    change(facts)
    texts = problems(undisturbed("two-inits"), facts)
    assert any(expected in text for text in texts), texts


def test_a_worker_that_breaks_when_its_pod_is_forgotten_does_not_begin_again_with_it() -> None:
    """It would make the pod's own claim once more, and leave it."""
    points = undisturbed("claim").points
    last = max(number for number, one in enumerate(points, 1) if str(one) == "registry.transaction")
    for at in range(last - 3, last + 1):
        assert not wrong(Case("claim", (Fault(kind=Kind.LOST_REPLY, at=at),)))
