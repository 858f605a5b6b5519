"""Whole pods in virtual time: everything happens at the exact instant."""

from __future__ import annotations

from typing import Any

import pytest

from runner.kubelet.options import WorkerOptions
from runner.lab.simulation import End
from runner.retry import RetryPolicy
from tests.lab.scenes import (
    CONTAINER,
    POD,
    attempts,
    changes,
    container_status,
    deaths,
    ends,
    events,
    gaps,
    last,
    phases,
    pod,
    remains,
    run,
    runs,
    sidecar,
    starts,
)

SCHEDULE = [0, 10, 20, 40, 80, 160, 300, 300]


# --- init containers -------------------------------------------------------------------------------------------------


def test_init_containers_run_one_after_the_other_and_then_the_apps() -> None:
    simulation = run(pod(["one", "two"], ["main", "other"]))
    assert runs(simulation, "one") == [(0, 1)]
    assert runs(simulation, "two") == [(1, 2)]
    assert starts(simulation, "main") == starts(simulation, "other") == [2]
    assert phases(simulation) == [(0, "Pending"), (2, "Running")]
    assert simulation.end is End.QUIET


FLAKY_INIT = "containers: {two: {attempts: [{exit: 1, after: 3s}, {exit: 1, after: 3s}, {exit: 0, after: 3s}]}}"


def test_retry_scope_pod_begins_with_the_first_init_container_each_time() -> None:
    """Init 1 runs three times, the app once; the waits are those of the failing container."""
    simulation = run(pod(["one", "two"]), FLAKY_INIT, options=POD)
    assert runs(simulation, "one") == [(0, 1), (4, 5), (18, 19)]
    assert runs(simulation, "two") == [(1, 4), (5, 8), (19, 22)]
    assert starts(simulation, "main") == [22]


def test_retry_scope_container_repeats_the_failed_init_container_alone() -> None:
    simulation = run(pod(["one", "two"]), FLAKY_INIT, options=CONTAINER)
    assert runs(simulation, "one") == [(0, 1)]
    assert runs(simulation, "two") == [(1, 4), (4, 7), (17, 20)]
    assert starts(simulation, "main") == [20]


def test_a_failed_init_container_under_never_fails_the_pod_and_starts_nothing_more() -> None:
    simulation = run(
        pod(["one", "two"], restartPolicy="Never"), "containers: {one: {attempts: [{exit: 7}]}}", options=POD
    )
    assert phases(simulation) == [(0, "Pending"), (1, "Failed")]
    assert starts(simulation, "two") == starts(simulation, "main") == []
    assert container_status(simulation, "one")["state"]["terminated"]["exitCode"] == 7


def test_an_init_container_killed_for_memory_runs_again() -> None:
    simulation = run(pod(["one"]), "containers: {one: {attempts: [{oom: true, after: 2s}, {exit: 0}]}}")
    assert runs(simulation, "one") == [(0, 2), (2, 3)]
    assert attempts(simulation, "one")[0].reason == "OOMKilled"
    assert starts(simulation, "main") == [3]


def test_a_container_that_cannot_be_started_backs_off_like_one_that_failed() -> None:
    script = {"containers": {"main": {"attempts": [{"startError": "no such file"}] * 3 + [{"run": "forever"}]}}}
    simulation = run(pod(), script)
    assert starts(simulation, "main") == [30]
    assert [at for at, _, _ in events(simulation, "Failed")] == [0, 0, 10]


# --- back-off --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 1, 137])
def test_a_crash_loop_waits_longer_each_time_up_to_five_minutes_whatever_the_exit_code(code: int) -> None:
    simulation = run(pod(), {"containers": {"main": {"attempts": [{"exit": code, "after": "2s"}]}}}, seconds=940)
    assert gaps(simulation, "main") == SCHEDULE


def test_a_run_of_more_than_ten_minutes_makes_the_next_restart_the_first_again() -> None:
    runs_in_order = [{"exit": 1, "after": 2}] * 4 + [{"exit": 1, "after": 601}] + [{"exit": 1, "after": 2}]
    simulation = run(pod(), {"containers": {"main": {"attempts": runs_in_order}}}, seconds=800)
    assert gaps(simulation, "main") == [0, 10, 20, 40, 0, 10, 20, 40]


def test_a_run_of_ten_minutes_sharp_is_not_long_enough() -> None:
    runs_in_order = [{"exit": 1, "after": 2}] * 2 + [{"exit": 1, "after": 600}] + [{"exit": 1, "after": 2}]
    simulation = run(pod(), {"containers": {"main": {"attempts": runs_in_order}}}, seconds=700)
    assert gaps(simulation, "main")[:4] == [0, 10, 20, 40]


def test_the_waiting_message_tells_the_nominal_back_off_at_any_speed() -> None:
    options = WorkerOptions(retry=RetryPolicy(scope="container"), speed=10)
    simulation = run(pod(), "containers: {main: {attempts: [{exit: 1, after: 2s}]}}", options=options, seconds=100)
    assert gaps(simulation, "main")[:5] == pytest.approx([0, 1, 2, 4, 8])
    waiting = container_status(simulation, "main", at=4.5)["state"]["waiting"]
    assert waiting["reason"] == "CrashLoopBackOff"
    assert waiting["message"].startswith("back-off 10s restarting failed container=main pod=web_default(")


def test_another_back_off_begins_and_ends_where_it_is_told() -> None:
    options = WorkerOptions(retry=RetryPolicy(scope="container", initial=1, cap=3))
    simulation = run(pod(), "containers: {main: {attempts: [{exit: 1, after: 2s}]}}", options=options, seconds=30)
    assert gaps(simulation, "main")[:6] == [0, 1, 2, 3, 3, 3]


def test_each_container_backs_off_by_itself() -> None:
    script = "containers: {a: {attempts: [{exit: 1, after: 1s}]}, b: {attempts: [{exit: 1, after: 5s}]}}"
    simulation = run(pod(apps=["a", "b"]), script, seconds=100)
    assert gaps(simulation, "a")[:4] == [0, 10, 20, 40]
    assert gaps(simulation, "b")[:4] == [0, 10, 20, 40]


def test_too_many_restarts_end_it() -> None:
    options = WorkerOptions(retry=RetryPolicy(scope="container"), max_restarts=2)
    simulation = run(pod(), "containers: {main: {attempts: [{exit: 1, after: 1s}]}}", options=options)
    assert simulation.gave_up == "main"
    assert len(runs(simulation, "main")) == 3
    assert simulation.end is End.QUIET


def test_on_failure_a_container_that_exits_0_stays_completed() -> None:
    script = """
        containers:
          main: {attempts: [{exit: 0, after: 2s}]}
          other: {attempts: [{exit: 1, after: 3s}, {exit: 0, after: 4s}]}
    """
    simulation = run(pod(apps=["main", "other"], restartPolicy="OnFailure"), script)
    assert runs(simulation, "main") == [(0, 2)]
    assert runs(simulation, "other") == [(0, 3), (3, 7)]
    assert phases(simulation)[-1] == (7, "Succeeded")


# --- images ----------------------------------------------------------------------------------------------------------


def test_a_pull_that_fails_waits_longer_each_time() -> None:
    """0, 10, 30, 70, 150, 310, 610: counted from the failures, which take no time here."""
    what = pod(apps=[{"name": "main", "image": "nosuch:1"}])
    simulation = run(what, 'images: {"nosuch:1": [{error: "manifest unknown"}]}', seconds=650)
    assert [at for at, _, _ in events(simulation, "Pulling")] == [0, 10, 30, 70, 150, 310, 610]
    waiting = container_status(simulation, "main", at=5)["state"]["waiting"]
    assert waiting["reason"] == "ImagePullBackOff"
    assert waiting["message"] == 'Back-off pulling image "nosuch:1": ErrImagePull: manifest unknown'


def test_an_image_that_turns_up_ends_the_wait() -> None:
    what = pod(apps=[{"name": "main", "image": "late:1"}, "other"])
    simulation = run(what, 'images: {"late:1": [{error: "manifest unknown"}, {ok: true, took: 2s}]}')
    assert starts(simulation, "main") == [12]
    assert starts(simulation, "other") == [0]
    assert phases(simulation) == [(0, "Pending"), (12, "Running")]


def test_a_missing_image_of_an_init_container_holds_what_comes_after_it() -> None:
    what = pod([{"name": "one", "image": "late:1"}])
    simulation = run(what, 'images: {"late:1": [{error: "x"}, {error: "x"}, {ok: true}]}')
    assert starts(simulation, "one") == [30]
    assert starts(simulation, "main") == [31]


# --- sidecars --------------------------------------------------------------------------------------------------------


def test_a_sidecar_only_has_to_be_started() -> None:
    simulation = run(pod(["one", sidecar("proxy"), "two"]))
    assert starts(simulation, "proxy") == starts(simulation, "two") == [1]
    assert starts(simulation, "main") == [2]


def test_a_sidecar_with_a_startup_probe_holds_what_comes_after_it_until_the_probe_succeeds() -> None:
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1, "failureThreshold": 30}
    script = "containers: {proxy: {probes: {startup: [{at: 0s, result: failure}, {at: 4.5s, result: success}]}}}"
    simulation = run(pod([sidecar("proxy", startupProbe=probe), "two"]), script)
    assert starts(simulation, "two") == [5]
    assert starts(simulation, "main") == [6]


def test_a_sidecar_that_ends_is_restarted_and_disturbs_nothing() -> None:
    script = "containers: {proxy: {attempts: [{exit: 5, after: 4s}, {exit: 5, after: 4s}, {run: forever}]}}"
    simulation = run(pod([sidecar("proxy")]), script)
    assert runs(simulation, "proxy")[:2] == [(0, 4), (4, 8)]
    assert gaps(simulation, "proxy") == [0, 10]
    assert len(runs(simulation, "main")) == 1


def test_when_the_apps_are_done_the_sidecars_are_stopped_and_their_exit_codes_do_not_count() -> None:
    what = pod([sidecar("proxy")], restartPolicy="Never")
    simulation = run(
        what,
        "containers: {main: {attempts: [{exit: 0, after: 6s}]}, proxy: {attempts: [{run: forever, onTerm: ignore}]}}",
    )
    assert phases(simulation) == [(0, "Pending"), (0, "Running"), (36, "Succeeded")]
    assert container_status(simulation, "proxy")["state"]["terminated"]["exitCode"] == 137


# --- probes ----------------------------------------------------------------------------------------------------------

EXEC = {"exec": {"command": ["check"]}}


def test_readiness_comes_and_goes_with_its_probe() -> None:
    what = pod(apps=[{"name": "main", "readinessProbe": {**EXEC, "periodSeconds": 2, "failureThreshold": 2}}])
    points = "[{at: 0s, result: failure}, {at: 5s, result: success}, {at: 11s, result: failure}]"
    simulation = run(what, f"containers: {{main: {{probes: {{readiness: {points}}}}}}}", seconds=30)
    assert changes(simulation, "Ready") == [(0, "False"), (6, "True"), (14, "False")]
    assert len(runs(simulation, "main")) == 1


def test_a_failing_liveness_probe_restarts_without_back_off_while_the_older_end_is_outside_its_window() -> None:
    """The wait is measured from the end before the one that the kill just made."""
    what = pod(apps=[{"name": "main", "livenessProbe": {**EXEC, "periodSeconds": 2}}], terminationGracePeriodSeconds=2)
    script = "containers: {main: {attempts: [{run: forever, onTerm: ignore}], probes: {liveness: [{at: 11s, result: failure}]}}}"
    simulation = run(what, script, seconds=130)
    assert starts(simulation, "main")[:4] == [0, 18, 36, 54]
    assert ends(simulation, "main")[:4] == [18, 36, 54, 72]
    assert starts(simulation, "main")[4] == 92
    assert container_status(simulation, "main", at=80)["state"]["waiting"]["message"].startswith("back-off 20s ")


def test_a_kill_that_outlasts_the_back_off_is_followed_by_a_start_at_once() -> None:
    """The window may end while the old process is being stopped: what counts is the time after that."""
    probe = {**EXEC, "periodSeconds": 1, "failureThreshold": 1}
    what = pod(apps=[{"name": "main", "livenessProbe": probe}], terminationGracePeriodSeconds=15)
    script = "containers: {main: {attempts: [{run: forever, onTerm: ignore}], probes: {liveness: [{at: 1s, result: failure}]}}}"
    simulation = run(what, script, seconds=60)
    assert starts(simulation, "main")[:3] == [0, 16, 32]


def test_a_verdict_that_comes_while_another_container_is_held_back_is_acted_upon_at_once() -> None:
    probe = {**EXEC, "periodSeconds": 10, "failureThreshold": 1}
    what = pod(apps=["crashing", {"name": "main", "startupProbe": probe}], terminationGracePeriodSeconds=2)
    script = """
        containers:
          crashing: {attempts: [{exit: 1, after: 1s}]}
          main:
            attempts: [{run: forever, onTerm: ignore}]
            probes: {startup: [{at: 0s, result: failure}]}
    """
    simulation = run(what, script, seconds=400)
    for begin, end in runs(simulation, "main")[:-1]:
        assert end - begin == 2


def test_a_failing_startup_probe_kills_with_its_own_grace() -> None:
    probe = {**EXEC, "periodSeconds": 1, "failureThreshold": 3, "terminationGracePeriodSeconds": 5}
    what = pod(apps=[{"name": "main", "startupProbe": probe}])
    script = "containers: {main: {attempts: [{run: forever, onTerm: ignore}], probes: {startup: [{at: 0s, result: failure}]}}}"
    simulation = run(what, script, seconds=7.5)
    assert events(simulation, "Killing") == [(2, "main", "Container main failed startup probe, will be restarted")]
    assert starts(simulation, "main") == [0, 7]


def test_the_other_probes_wait_for_the_startup_probe() -> None:
    what = pod(
        apps=[
            {
                "name": "main",
                "startupProbe": {**EXEC, "periodSeconds": 5},
                "readinessProbe": {**EXEC, "periodSeconds": 1},
            }
        ]
    )
    script = "containers: {main: {probes: {startup: [{at: 0s, result: failure}, {at: 9s, result: success}]}}}"
    simulation = run(what, script, seconds=30)
    assert container_status(simulation, "main", at=9.9)["started"] is False
    assert changes(simulation, "Ready") == [(0, "False"), (10, "True")]


# --- the end ---------------------------------------------------------------------------------------------------------


def test_a_deletion_gives_the_processes_their_grace_period() -> None:
    simulation = run(
        pod(),
        "{containers: {main: {attempts: [{run: forever, onTerm: ignore}]}}, steps: [{at: 10s, delete: {grace: 20s}}]}",
    )
    assert ends(simulation, "main") == [30]
    assert container_status(simulation, "main")["state"]["terminated"]["exitCode"] == 137
    assert phases(simulation)[-1] == (30, "Failed")
    assert (simulation.end, simulation.seconds(simulation.ended_at)) == (End.GONE, 30)
    assert remains(simulation) == []


def test_a_process_that_obeys_ends_the_pod_early_and_well() -> None:
    simulation = run(
        pod(),
        "{containers: {main: {attempts: [{run: forever, onTerm: {exit: 0, after: 3s}}]}}, steps: [{at: 10s, delete: {}}]}",
    )
    assert phases(simulation)[-1] == (13, "Succeeded")
    assert simulation.end is End.GONE


def test_at_least_two_seconds_pass_between_the_signal_and_the_kill() -> None:
    simulation = run(
        pod(),
        "{containers: {main: {attempts: [{run: forever, onTerm: ignore}]}}, steps: [{at: 10s, delete: {grace: 1}}]}",
    )
    assert ends(simulation, "main") == [12]


def test_a_pods_own_grace_of_nothing_is_the_minimum_too() -> None:
    simulation = run(
        pod(terminationGracePeriodSeconds=0),
        "{containers: {main: {attempts: [{run: forever, onTerm: ignore}]}}, steps: [{at: 10s, delete: {}}]}",
    )
    assert ends(simulation, "main") == [12]


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param("[{at: 10s, delete: {grace: 0}}]", id="from the start"),
        pytest.param("[{at: 9s, delete: {}}, {at: 10s, delete: {grace: 0}}]", id="while it is ended gracefully"),
    ],
)
def test_who_asks_for_no_grace_gets_sigkill_at_once(steps: str) -> None:
    what = pod(
        inits=[{"name": "side", "restartPolicy": "Always"}],
        apps=[{"name": "main", "lifecycle": {"preStop": {"sleep": {"seconds": 20}}}}],
        terminationGracePeriodSeconds=30,
    )
    stubborn = "{attempts: [{run: forever, onTerm: ignore}]}"
    simulation = run(what, f"{{containers: {{main: {stubborn}, side: {stubborn}}}, steps: {steps}}}")
    assert (ends(simulation, "main"), ends(simulation, "side")) == ([10], [10])
    assert (simulation.end, simulation.seconds(simulation.ended_at)) == (End.GONE, 10)


def test_no_grace_leaves_no_time_to_obey() -> None:
    simulation = run(
        pod(),
        "{containers: {main: {attempts: [{run: forever, onTerm: {exit: 0}}]}}, steps: [{at: 10s, delete: {grace: 0}}]}",
    )
    assert container_status(simulation, "main")["state"]["terminated"]["exitCode"] == 137


def test_pre_stop_runs_first_and_counts_against_the_grace_period() -> None:
    what = pod(apps=[{"name": "main", "lifecycle": {"preStop": EXEC}}])
    script = """
        containers: {main: {attempts: [{run: forever, onTerm: ignore}], hooks: {preStop: {took: 12s}}}}
        steps: [{at: 10s, delete: {}}]
    """
    assert ends(run(what, script), "main") == [40]


def test_a_pre_stop_that_never_ends_is_given_up_when_the_grace_is_over() -> None:
    what = pod(
        apps=[{"name": "main", "lifecycle": {"preStop": {"sleep": {"seconds": 30}}}}], terminationGracePeriodSeconds=30
    )
    script = (
        "{containers: {main: {attempts: [{run: forever, onTerm: {exit: 0}}]}}, steps: [{at: 5s, delete: {grace: 10}}]}"
    )
    assert ends(run(what, script), "main") == [15]


def test_apps_end_before_sidecars_and_sidecars_in_reverse() -> None:
    script = """
        containers:
          first: {attempts: [{run: forever, onTerm: {exit: 0, after: 1s}}]}
          second: {attempts: [{run: forever, onTerm: {exit: 0, after: 1s}}]}
          main: {attempts: [{run: forever, onTerm: {exit: 0, after: 1s}}]}
          other: {attempts: [{run: forever, onTerm: {exit: 0, after: 2s}}]}
        steps: [{at: 10s, delete: {}}]
    """
    simulation = run(pod([sidecar("first"), sidecar("second")], ["main", "other"]), script)
    assert deaths(simulation, "main") == [11]
    assert deaths(simulation, "other") == [12]
    assert deaths(simulation, "second") == [13]
    assert deaths(simulation, "first") == [14]
    assert {at for at, _, _ in events(simulation, "Killing")} == {10}
    assert phases(simulation)[-1] == (14, "Succeeded")


def test_all_together_never_take_longer_than_the_grace_period_and_two_seconds() -> None:
    script = """
        containers:
          proxy: {attempts: [{run: forever, onTerm: ignore}]}
          main: {attempts: [{run: forever, onTerm: ignore}]}
        steps: [{at: 10s, delete: {grace: 20}}]
    """
    simulation = run(pod([sidecar("proxy")]), script)
    assert deaths(simulation, "main") == [30]
    assert deaths(simulation, "proxy") == [32]


def test_a_deletion_during_init_starts_nothing_more() -> None:
    script = "{containers: {one: {attempts: [{exit: 0, after: 60s}]}}, steps: [{at: 10s, delete: {}}]}"
    simulation = run(pod(["one", "two"]), script)
    assert ends(simulation, "one") == [10]
    assert starts(simulation, "two") == starts(simulation, "main") == []
    assert phases(simulation)[-1] == (10, "Failed")
    assert simulation.end is End.GONE


def test_a_deletion_cuts_a_back_off_short() -> None:
    script = "{containers: {main: {attempts: [{exit: 1, after: 1s}]}}, steps: [{at: 100s, delete: {}}]}"
    simulation = run(pod(), script)
    assert (simulation.end, simulation.seconds(simulation.ended_at)) == (End.GONE, 100)
    assert container_status(simulation, "main")["state"]["terminated"]["exitCode"] == 1


def test_a_container_that_never_started_is_unknown_at_the_end() -> None:
    what = pod(apps=[{"name": "main", "image": "nosuch:1"}])
    simulation = run(what, '{images: {"nosuch:1": [{error: gone}]}, steps: [{at: 5s, delete: {}}]}')
    ended = container_status(simulation, "main")["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "ContainerStatusUnknown")
    assert ended["message"] == "The container could not be located when the pod was terminated"
    assert last(simulation)["phase"] == "Failed"


def test_the_deadline_fails_the_pod() -> None:
    what = pod(["one"], activeDeadlineSeconds=20)
    simulation = run(what, "containers: {main: {attempts: [{run: forever, onTerm: {exit: 0, after: 1s}}]}}")
    assert ends(simulation, "main") == [21]
    assert (last(simulation)["phase"], last(simulation)["reason"]) == ("Failed", "DeadlineExceeded")


# --- what happens from outside -------------------------------------------------------------------------------------------


def test_a_killed_sandbox_is_replaced_and_the_init_containers_run_again() -> None:
    simulation = run(pod(["one"]), "steps: [{at: 30s, killSandbox: true}]")
    assert [at for at, _, _ in events(simulation, "SandboxChanged")] == [30]
    assert runs(simulation, "one") == [(0, 1), (30, 31)]
    assert starts(simulation, "main") == [1, 31]
    assert container_status(simulation, "main")["restartCount"] == 1


def test_a_killed_sandbox_under_never_is_the_end() -> None:
    simulation = run(pod(restartPolicy="Never"), "steps: [{at: 30s, killSandbox: true}]")
    assert len(runs(simulation, "main")) == 1
    assert last(simulation)["phase"] in ("Failed", "Succeeded")


def test_a_container_removed_by_hand_comes_back() -> None:
    simulation = run(pod(), "steps: [{at: 30s, removeContainer: main}]")
    assert starts(simulation, "main") == [0, 30]
    status = container_status(simulation, "main")
    assert status["restartCount"] == 1


def test_a_container_killed_by_hand_has_failed() -> None:
    simulation = run(pod(), "steps: [{at: 30s, kill: main}]")
    assert runs(simulation, "main")[0] == (0, 30)
    assert attempts(simulation, "main")[0].exit_code == 137
    assert starts(simulation, "main")[1] == 30


def test_a_paused_container_counts_as_running() -> None:
    script = """
        containers: {main: {attempts: [{exit: 1, after: 20s}]}}
        steps: [{at: 10s, pause: main}, {at: 60s, unpause: main}]
    """
    assert runs(run(pod(), script, seconds=75), "main")[0] == (0, 70)


def test_an_end_that_does_not_come_any_more_lets_no_time_pass() -> None:
    """The pod would have ended by itself at 10 s; its handler takes until 80 s, and the limit ends the wait."""
    script = """
        containers: {main: {attempts: [{exit: 1, after: 10s, onTerm: {exit: 0, after: 75s}}]}}
        steps: [{at: 5s, delete: {grace: 100s}}]
    """
    simulation = run(pod(), script, seconds=20)
    assert (simulation.end, simulation.seconds(simulation.ended_at)) == (End.LIMIT, 20)


def test_another_image_replaces_the_running_container() -> None:
    simulation = run(pod(), 'steps: [{at: 30s, updateImage: {container: main, image: "busybox:2"}}]')
    assert starts(simulation, "main") == [0, 30]
    assert events(simulation, "Killing") == [(30, "main", "Container main definition changed, will be restarted")]
    assert container_status(simulation, "main")["image"] == "busybox:2"


LATE = "objects: [{at: 42s, create: {kind: ConfigMap, metadata: {name: late}, data: {k: v}}}]"


def test_a_missing_config_map_heals_when_it_appears() -> None:
    what = pod(apps=[{"name": "main", "envFrom": [{"configMapRef": {"name": "late"}}]}])
    simulation = run(what, LATE)
    waiting = container_status(simulation, "main", at=30)["state"]["waiting"]
    assert waiting == {"reason": "CreateContainerConfigError", "message": 'configmap "late" not found'}
    assert starts(simulation, "main")[0] in range(42, 53)
    assert container_status(simulation, "main")["restartCount"] == 0


def test_a_missing_config_map_volume_holds_the_whole_pod() -> None:
    volumes = [{"name": "c", "configMap": {"name": "late", "defaultMode": 420}}]
    what = pod(["one"], [{"name": "main", "volumeMounts": [{"name": "c", "mountPath": "/c"}]}], volumes=volumes)
    simulation = run(what, LATE)
    assert [at for at, _, _ in events(simulation, "FailedMount")][:6] == [0, 0.5, 1.5, 3.5, 7.5, 15.5]
    assert starts(simulation, "one") == [63.5]


def test_the_same_pod_and_script_give_the_same_story_again() -> None:
    def tell() -> list[Any]:
        return [
            (one.at, getattr(one, "pod", None) or getattr(one, "event", None))
            for one in run(pod(["one"]), FLAKY_MAIN).told
        ]

    assert tell() == tell()


FLAKY_MAIN = "containers: {main: {attempts: [{exit: 1, after: 2s}]}}"
