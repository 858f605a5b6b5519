"""Lives of which a whole cluster told no recording but its outcome: hooks, probes, deletions, and help from outside."""

from __future__ import annotations

from collections.abc import Sequence

from runner.core.manifest import Source, load
from runner.core.printers.columns import status_word
from runner.kubelet.options import WorkerOptions
from runner.lab import simulate, steps
from runner.lab.script import parse_script
from runner.lab.simulation import Simulation, new_pod
from runner.lab.steps import Step
from runner.retry import RetryPolicy

KUBELET = WorkerOptions(retry=RetryPolicy(scope="container"))
HEAD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n"


def run(spec: str, script: str = "{}", *extra: Step, seconds: float = 60.0) -> Simulation:
    result = load([Source(name="pod", text=HEAD + spec)], namespace="default")
    assert not result.problems
    pod = new_pod(result.objects[0].value)
    return simulate(pod, parse_script(script, pod), options=KUBELET, for_seconds=seconds, steps=extra)


def words(simulation: Simulation) -> list[tuple[float, str]]:
    """The STATUS words with the second in which each came first in a row."""
    found: list[tuple[float, str]] = []
    for shown in simulation.trace:
        word = status_word(shown.pod)
        if not found or found[-1][1] != word:
            found.append((simulation.seconds(shown.at), word))
    return found


def times(simulation: Simulation, reason: str) -> list[float]:
    """When events of a reason came."""
    return [simulation.seconds(told.at) for told in simulation.events if told.event["reason"] == reason]


def messages(simulation: Simulation, reason: str) -> set[str]:
    return {told.event["message"] for told in simulation.events if told.event["reason"] == reason}


def states(simulation: Simulation, name: str) -> Sequence[str]:
    """Kind and reason of a container's states, one after the other."""
    found: list[str] = []
    for shown in simulation.trace:
        status = shown.pod["status"]
        for one in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
            ((kind, value),) = one["state"].items()
            text = f"{kind}:{value.get('reason', '')}"
            if one["name"] == name and (not found or found[-1] != text):
                found.append(text)
    return found


def test_a_container_waits_until_its_slow_post_start_hook_is_over_and_is_probed_only_then() -> None:
    spec = """\
  initContainers:
  - name: side
    image: busybox:1
    restartPolicy: Always
    lifecycle: {postStart: {exec: {command: [sleep, "5"]}}}
    startupProbe: {exec: {command: ["false"]}, periodSeconds: 1, failureThreshold: 1}
  containers: [{name: main, image: busybox:1}]
"""
    script = "containers: {side: {hooks: {postStart: {took: 5s}}, probes: {startup: [{result: failure}]}}}"
    simulation = run(spec, script, seconds=5.5)
    assert times(simulation, "Started")[0] == 0.0, "only the event comes early"
    assert [at for at, word in words(simulation) if word == "Init:0/1"] == [0.0]
    assert states(simulation, "side")[:2] == ["waiting:PodInitializing", "running:"]
    assert min(times(simulation, "Unhealthy")) == 5.0


def test_a_sidecar_whose_startup_probe_fails_restarts_twice_at_once_and_then_waits() -> None:
    spec = """\
  initContainers:
  - name: side
    image: busybox:1
    restartPolicy: Always
    startupProbe: {exec: {command: ["false"]}, periodSeconds: 1, failureThreshold: 2}
  containers: [{name: main, image: busybox:1}]
"""
    simulation = run(spec, "containers: {side: {probes: {startup: [{result: failure}]}}}", seconds=40)
    assert messages(simulation, "Killing") == {"Init container side failed startup probe"}
    assert times(simulation, "Started") == [0.0, 1.0, 2.0, 13.0, 34.0]
    assert [word for _, word in words(simulation)][-4:] == ["Init:0/1", "PodInitializing"] * 2
    assert "waiting:CrashLoopBackOff" not in states(simulation, "side")


def test_what_never_started_in_a_pod_deleted_during_init_waits_to_the_end() -> None:
    spec = """\
  initContainers: [{name: one, image: busybox:1}, {name: two, image: busybox:1}]
  containers: [{name: main, image: busybox:1}]
"""
    script = "containers: {one: {attempts: [{run: forever, onTerm: {exit: 0, after: 1s}}]}}"
    simulation = run(spec, script, Step(at=5, action=steps.delete()))
    status = simulation.trace[-1].pod["status"]
    assert status["phase"] == "Failed"
    assert states(simulation, "two") == states(simulation, "main") == ["waiting:PodInitializing"]
    ready = {one["type"]: one.get("reason") for one in status["conditions"]}
    assert ready["Ready"] == ready["ContainersReady"] == "ContainersNotReady"


def test_a_secret_that_comes_later_hastens_nothing() -> None:
    spec = """\
  containers: [{name: main, image: busybox:1, volumeMounts: [{name: s, mountPath: /s}]}]
  volumes: [{name: s, secret: {secretName: late}}]
"""
    script = "objects: [{at: 17s, create: {kind: Secret, metadata: {name: late}, data: {}}}]"
    simulation = run(spec, script)
    assert times(simulation, "FailedMount") == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5]
    assert times(simulation, "Started") == [31.5], "the wait that was running goes on to its end"


def test_a_missing_key_is_tried_again_at_once_and_then_every_ten_seconds() -> None:
    env = "{name: A, valueFrom: {configMapKeyRef: {name: cm, key: absent}}}"
    spec = f"  containers: [{{name: main, image: 'busybox:1', env: [{env}]}}]\n"
    script = "objects: [{create: {kind: ConfigMap, metadata: {name: cm}, data: {a: b}}}]"
    simulation = run(spec, script, seconds=35)
    assert times(simulation, "Failed")[-3:] == [10.0, 20.0, 30.0]
    assert "Error: couldn't find key absent in ConfigMap default/cm" in messages(simulation, "Failed")
    assert words(simulation)[-1][1] == "CreateContainerConfigError"


def test_another_image_for_an_init_container_starts_it_at_once() -> None:
    spec = """\
  initContainers: [{name: one, image: "busybox:absent"}]
  containers: [{name: main, image: busybox:1}]
"""
    script = 'images: {"busybox:absent": [{error: "rpc error: code = NotFound desc = no"}]}'
    simulation = run(spec, script, Step(at=20, action=steps.update_image("one", "busybox:2")))
    assert words(simulation)[:4] == [
        (0.0, "Pending"),
        (0.0, "Init:0/1"),
        (0.0, "Init:ErrImagePull"),
        (0.0, "Init:ImagePullBackOff"),
    ]
    assert times(simulation, "Started")[0] == 20.0
    assert words(simulation)[-1][1] == "Running"
    generations = [shown.pod["status"].get("observedGeneration", 0) for shown in simulation.trace]
    assert list(dict.fromkeys(generations)) == [0, 1, 2]


def test_readiness_is_told_at_once_while_the_pod_is_being_stopped() -> None:
    spec = """\
  terminationGracePeriodSeconds: 20
  containers:
  - name: main
    image: busybox:1
    readinessProbe: {exec: {command: [cat, /ok]}, periodSeconds: 1, failureThreshold: 1}
  - {name: other, image: busybox:1}
"""
    script = """\
containers:
  main: {attempts: [{run: forever, onTerm: {exit: 0, after: 6s}}], probes: {readiness: [{at: 6s, result: failure}]}}
  other: {attempts: [{run: forever, onTerm: {exit: 7, after: 1s}}]}
"""
    simulation = run(spec, script, Step(at=5, action=steps.delete()))
    unready = [
        (
            simulation.seconds(shown.at),
            [(one["name"], one["ready"], *one["state"]) for one in shown.pod["status"]["containerStatuses"]],
        )
        for shown in simulation.trace
        if any(c["type"] == "Ready" and c["status"] == "False" for c in shown.pod["status"].get("conditions", ()))
        and "deletionTimestamp" in shown.pod["metadata"]
    ]
    # A kubelet tells readiness at once, but how containers end only when all have ended.
    assert unready[0] == (6.0, [("main", False, "running"), ("other", True, "running")])
    assert unready[1] == (11.0, [("main", False, "terminated"), ("other", False, "terminated")])
    assert words(simulation)[-1] == (11.0, "Error")
