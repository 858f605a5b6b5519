"""``runner.testing``: a pod's life in virtual time, as a user's test asks for it."""

from __future__ import annotations

import pytest
from tenacity import stop_after_attempt, wait_fixed

from runner import ManifestError, RetryPolicy, UsageError, testing

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  initContainers: [{name: migrate, image: "busybox:1.36"}]
  containers: [{name: app, image: "busybox:1.36", envFrom: [{configMapRef: {name: settings}}]}]
"""
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: red}
"""
FAILS_TWICE = {"containers": {"migrate": {"attempts": [{"exit": 1}, {"exit": 2}, {"exit": 0}]}}}


def test_an_init_container_that_fails_twice_runs_three_times() -> None:
    life = testing.simulate(POD, CONFIG, script=FAILS_TWICE)
    assert [one.exit_code for one in life.init("migrate").attempts] == [1, 2, 0]
    assert life.init("migrate").restarts == 2
    assert life.status.phase == "Running"
    assert life.status.is_ready
    assert "Init:CrashLoopBackOff" in life.words
    assert {type(word) for word in life.words} == {str}
    assert life.words[-1] == "Running"
    assert [event.reason for event in life.events()].count("BackOff") >= 1


def test_the_times_are_the_schedules() -> None:
    life = testing.simulate(POD, CONFIG, script=FAILS_TWICE, retry="container")
    # Each attempt takes a second; the first restart comes at once, the second after ten seconds.
    assert life.seconds_until("Running") == pytest.approx(1 + 1 + 10 + 1, abs=0.5)
    assert life.status_at("5s").word == "Init:CrashLoopBackOff"


def test_a_policy_of_tenacitys_strategies_decides() -> None:
    policy = RetryPolicy(scope="container", wait=wait_fixed(1), stop=stop_after_attempt(2))
    life = testing.simulate(POD, CONFIG, script={"containers": {"migrate": {"attempts": [{"exit": 1}]}}}, retry=policy)
    assert life.gave_up == "migrate"
    assert len(life.init("migrate").attempts) == 2


def test_overrides_and_objects_of_the_manifests_count() -> None:
    life = testing.simulate(POD, CONFIG, env={"app": {"A": "1"}}, seconds=60)
    assert life.pod.containers[0].manifest["env"] == [{"name": "A", "value": "1"}]
    without = testing.simulate(POD, seconds="1m")
    assert without.status.word == "CreateContainerConfigError"
    assert without.seconds == 60


def test_mistakes_are_told() -> None:
    with pytest.raises(ManifestError, match="image"):
        testing.simulate(POD.replace("image", "imge"))
    with pytest.raises(UsageError, match="one pod, the manifests have 0"):
        testing.simulate(CONFIG)
    life = testing.simulate(POD, CONFIG, seconds=10)
    with pytest.raises(UsageError, match="never Completed"):
        life.seconds_until("Completed")
    with pytest.raises(UsageError, match="no init container"):
        life.init("app")
    with pytest.raises(UsageError, match="not valid"):
        life.container("nosuch")
    with pytest.raises(UsageError, match="no status"):
        life.status_at(-1)
    with pytest.raises(TypeError, match="unexpected keyword argument 'speeed'"):
        testing.simulate(POD, CONFIG, speeed=2)  # type: ignore[call-arg]
    assert repr(life).startswith("<SimulatedLife of web: ")
