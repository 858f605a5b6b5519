"""Scripts of simulations: what they say, and how each mistake in them is told."""

from __future__ import annotations

import pytest

from runner.core.cast import Cast
from runner.core.manifest import Source, load
from runner.core.model import Pod, ProbeKind
from runner.core.sync.probing import RunResult
from runner.engine.simulated import FOREVER, Attempt, OnTerm, ProbePoint, PullStep
from runner.errors import ExitCode, UsageError
from runner.lab import SimulationScript, names_of, new_pod, parse_script
from runner.lab.script import INIT_ATTEMPT, HookScript, script_of
from tests.lab.scenes import pod, sidecar

POD = pod(["init-1", sidecar("proxy")], ["app"])


def read(text: str) -> SimulationScript:
    return parse_script(text, POD)


@pytest.mark.parametrize("text", ["", "{}", "---\n", "containers: {}", "containers:\nsteps:\n"])
def test_a_script_may_say_nothing(text: str) -> None:
    assert read(text) == SimulationScript()


def test_without_a_word_init_containers_end_after_a_second_and_the_others_run() -> None:
    script = read("").for_engine(POD)
    assert script.containers["init-1"].attempts == (INIT_ATTEMPT,)
    assert script.containers.get("proxy", script.default).attempts == (FOREVER,)
    assert script.containers.get("app", script.default).attempts == (FOREVER,)


@pytest.mark.parametrize(
    ("text", "attempt"),
    [
        ("{exit: 1, after: 3s}", Attempt(exit_code=1, after=3)),
        ("{exit: 0, after: 1m30s}", Attempt(exit_code=0, after=90)),
        ("{exit: 3}", Attempt(exit_code=3, after=1)),
        ("{after: 2}", Attempt(exit_code=0, after=2)),
        ("{}", Attempt()),
        ("{oom: true, after: 500ms}", Attempt(oom=True, after=0.5)),
        ('{startError: "no such file"}', Attempt(start_error="no such file")),
        ("{run: forever}", FOREVER),
        ("{run: forever, onTerm: ignore}", Attempt(after=None, on_term=OnTerm(ignore=True))),
        ("{run: forever, onTerm: {exit: 3, after: 2s}}", Attempt(after=None, on_term=OnTerm(exit_code=3, after=2))),
        ("{exit: 1, onTerm: {}}", Attempt(exit_code=1, on_term=OnTerm())),
    ],
)
def test_an_attempt_ends_in_one_way(text: str, attempt: Attempt) -> None:
    assert read(f"containers: {{app: {{attempts: [{text}]}}}}").containers["app"].attempts == (attempt,)


def test_probes_hooks_messages_and_images_are_read() -> None:
    script = read(
        """
        containers:
          app:
            probes:
              readiness: [{at: 5s, result: success}, {result: failure, output: "no"}]
              liveness: [{at: 30s, result: failure}]
            hooks: {preStop: {took: 3s}, postStart: {error: boom}}
            terminationMessage: text
        images:
          nosuch:1: [{error: manifest unknown}, {ok: true, took: 2s}]
        """
    )
    assert script.containers["app"].probes == {
        ProbeKind.READINESS: (
            ProbePoint(at=0, result=RunResult.FAILURE, output="no"),
            ProbePoint(at=5, result=RunResult.SUCCESS),
        ),
        ProbeKind.LIVENESS: (ProbePoint(at=30, result=RunResult.FAILURE),),
    }
    assert script.hooks == {("app", "preStop"): HookScript(took=3), ("app", "postStart"): HookScript(error="boom")}
    assert script.containers["app"].termination_message == "text"
    assert script.images == {"nosuch:1": (PullStep(error="manifest unknown"), PullStep(took=2))}


def test_steps_and_objects_have_their_times() -> None:
    script = read(
        """
        objects:
        - {create: {kind: Secret, metadata: {name: s}}}
        - {at: 40s, delete: {kind: Secret, name: s}}
        steps:
        - {at: 30s, killSandbox: true}
        - {at: 31s, delete: true}
        - {at: 32s, delete: {grace: 20s}}
        - {at: 33s, updateImage: {container: app, image: "busybox:2"}}
        - {at: 34s, removeContainer: app}
        - {at: 35s, kill: app}
        - {at: 36s, kill: {container: proxy, signal: SIGTERM}}
        - {at: 37s, pause: app}
        - {at: 38s, unpause: app}
        """
    )
    assert [step.at for step in script.steps] == [0, 40, 30, 31, 32, 33, 34, 35, 36, 37, 38]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "script: expected a mapping, found a list"),
        ("boo: 1", "boo: unknown field; known are containers, images, objects, steps"),
        ("containers: []", "containers: expected a mapping, found a list"),
        (
            "containers: {nosuch: {}}",
            "containers.nosuch: the pod has no container of this name; it has init-1, proxy, app",
        ),
        ("containers: {app: 5}", "containers.app: expected a mapping, found the number 5"),
        (
            "containers: {app: {attempt: []}}",
            "containers.app.attempt: unknown field; known are attempts, probes, hooks, terminationMessage",
        ),
        ("containers: {app: {attempts: {}}}", "containers.app.attempts: expected a list, found a mapping"),
        (
            "containers: {app: {attempts: [{exit: one}]}}",
            'containers.app.attempts[0].exit: expected a number, found the text "one"',
        ),
        (
            "containers: {app: {attempts: [{exit: 256}]}}",
            "containers.app.attempts[0].exit: 256 is not between 0 and 255",
        ),
        (
            "containers: {app: {attempts: [{exit: true}]}}",
            "containers.app.attempts[0].exit: expected a number, found true",
        ),
        ("containers: {app: {attempts: [{}, {after: 3x}]}}", 'containers.app.attempts[1].after: invalid duration "3x"'),
        (
            "containers: {app: {attempts: [{after: [1]}]}}",
            "containers.app.attempts[0].after: expected a duration such as 3s, found a list",
        ),
        (
            "containers: {app: {attempts: [{after: -1s}]}}",
            "containers.app.attempts[0].after: a time must not be negative",
        ),
        (
            "containers: {app: {attempts: [{exit: 1, oom: true}]}}",
            "containers.app.attempts[0]: an attempt ends in one way, not in 2: exit, oom",
        ),
        (
            "containers: {app: {attempts: [{run: forever, after: 1s}]}}",
            "containers.app.attempts[0].after: makes no sense beside run",
        ),
        (
            "containers: {app: {attempts: [{startError: x, onTerm: ignore}]}}",
            "containers.app.attempts[0].onTerm: makes no sense beside startError",
        ),
        ("containers: {app: {attempts: [{run: ever}]}}", 'containers.app.attempts[0].run: "ever" is none of forever'),
        (
            "containers: {app: {attempts: [{oom: 1}]}}",
            "containers.app.attempts[0].oom: expected true or false, found the number 1",
        ),
        (
            "containers: {app: {attempts: [{onTerm: die}]}}",
            'containers.app.attempts[0].onTerm: expected "ignore" or a mapping of exit and after',
        ),
        (
            "containers: {app: {probes: {alive: []}}}",
            "containers.app.probes.alive: unknown field; known are startup, liveness, readiness",
        ),
        ("containers: {app: {probes: {liveness: [{at: 1s}]}}}", "containers.app.probes.liveness[0]: result is missing"),
        (
            "containers: {app: {probes: {liveness: [{result: bad}]}}}",
            'containers.app.probes.liveness[0].result: "bad" is none of success, warning, failure, unknown',
        ),
        (
            "containers: {app: {hooks: {preStart: {}}}}",
            "containers.app.hooks.preStart: unknown field; known are postStart, preStop",
        ),
        (
            "containers: {app: {terminationMessage: 5}}",
            "containers.app.terminationMessage: expected text, found the number 5",
        ),
        ("images: {UPPER: []}", "images.UPPER: couldn't parse image name"),
        ("images: {a: [{}]}", "images.a[0]: a pull is either ok: true or an error with its text"),
        ('images: {"a:1": [{ok: true, error: x}]}', "images[a:1][0]: a pull is either ok: true or an error with its text"),
        ("objects: [{at: 1s}]", "objects[0]: expected exactly one of create, delete"),
        ("objects: [{create: {metadata: {name: a}}}]", "objects[0].create: kind is missing"),
        (
            "objects: [{create: {kind: Pod, metadata: {name: a}}}]",
            'objects[0].create.kind: "Pod" is none of ConfigMap, Secret',
        ),
        ("objects: [{create: {kind: Secret}}]", "objects[0].create: metadata.name is missing"),
        ("objects: [{delete: {kind: Secret}}]", "objects[0].delete: name is missing"),
        ("steps: [{killSandbox: true}]", "steps[0]: at is missing"),
        ("steps: [{at: 1s}]", "steps[0]: expected exactly one of killSandbox, delete, updateImage"),
        (
            "steps: [{at: 1s, delete: {}, kill: app}]",
            "steps[0]: expected exactly one of killSandbox, delete, updateImage",
        ),
        ("steps: [{at: 1s, killSandbox: false}]", "steps[0].killSandbox: can only be true"),
        ("steps: [{at: 1s, delete: {grace: 1.5s}}]", "steps[0].delete.grace: a grace period has whole seconds"),
        ("steps: [{at: 1s, delete: soon}]", 'steps[0].delete: expected a mapping, found the text "soon"'),
        (
            "steps: [{at: 1s, kill: nosuch}]",
            "steps[0].kill: the pod has no container nosuch; it has init-1, proxy, app",
        ),
        ("steps: [{at: 1s, kill: {signal: SIGTERM}}]", "steps[0].kill: container is missing"),
        (
            "steps: [{at: 1s, updateImage: {container: app}}]",
            "steps[0].updateImage: container and image are both needed",
        ),
        ("a: 1\nb: [", "script:3:1: "),
        ("{}\n---\n{}", "script: a script is one YAML document, found 2"),
        ("steps: []\nsteps: []", "script:2:1: "),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_the_field_that_it_is_in(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text)
    assert caught.value.message.startswith(problem)
    assert caught.value.exit_code is ExitCode.USAGE


# --- several pods -------------------------------------------------------------------------------------------------------

MANIFESTS = """
{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: app, image: busybox}, {name: own, image: busybox}]}}
---
{apiVersion: v1, kind: Pod, metadata: {generateName: b-}, spec: {containers: [{name: app, image: busybox}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: busybox}, {name: db, image: busybox}]}}
"""


def cast() -> Cast:
    return names_of(load([Source(name="m", text=MANIFESTS)]).objects, "default")


def named(name: str) -> Pod:
    containers = [{"name": one, "image": "busybox"} for one in ("app", "own", "db")]
    return new_pod({"metadata": {"name": name}, "spec": {"containers": containers}})


@pytest.mark.parametrize(
    ("name", "codes"),
    [("a", [5, 1, 9]), ("web-0", [7, 1, 9]), ("web-1", [6, 1, 8]), ("b-x", [4, 1, 9])],
)
def test_what_names_a_pod_goes_before_what_names_none(name: str, codes: list[int]) -> None:
    """The whole name first, then patterns in the order written."""
    said = {"app": 4, "own": 1, "db": 9, "w*-1/db": 8, "*-1/db": 2, "web-*/app": 6, "web-0/app": 7, "a/app": 5}
    script = script_of({"containers": {key: {"attempts": [{"exit": code}]} for key, code in said.items()}}, cast())
    found = script.for_pod(named(name)).containers
    assert [found[one].attempts[0].exit_code for one in ("app", "own", "db")] == codes


def test_hooks_go_with_the_container_that_they_were_said_of() -> None:
    hooks = {"app": {"hooks": {"preStop": {"took": "1s"}}}, "a/app": {"hooks": {"postStart": {"error": "no"}}}}
    script = script_of({"containers": hooks}, cast())
    assert script.for_pod(named("a")).hooks == {("app", "postStart"): HookScript(error="no")}
    assert script.for_pod(named("b-x")).hooks == {("app", "preStop"): HookScript(took=1)}


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("{at: 1s, pod: a, delete: true}", ["a"]),
        ("{at: 1s, kill: web-0/db}", ["web-0"]),
        ("{at: 1s, kill: {container: web-*/db}}", ["web-0", "web-1"]),
        ("{at: 1s, pod: web-*, removeContainer: app}", ["web-0", "web-1"]),
        ("{at: 1s, updateImage: {container: a/app, image: x}}", ["a"]),
        ("{at: 1s, pause: app}", ["a", "b-x", "web-0", "web-1"]),
    ],
)
def test_a_step_is_about_the_pods_that_it_names(step: str, expected: list[str]) -> None:
    (found,) = parse_script(f"steps: [{step}]", cast()).steps
    assert [name for name in ("a", "b-x", "web-0", "web-1") if found.concerns(named(name))] == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("containers: {c/app: {}}", "containers[c/app]: no pod is called c; there are a, b-*, web-*"),
        ("containers: {a/db: {}}", "containers[a/db]: the pod has no container of this name; it has app, own"),
        ("steps: [{at: 0s, pod: w, delete: true}]", "steps[0].pod: no pod is called w; there are a, b-*, web-*"),
        ("steps: [{at: 0s, pod: web-0, kill: own}]", "steps[0].kill: the pod has no container own; it has app, db"),
        ("steps: [{at: 0s, pod: a, kill: a/app}]", "steps[0].kill: names a pod, and so does pod: a"),
        ("steps: [{at: 0s, pod: a}]", "steps[0]: expected exactly one of "),
    ],
)
def test_a_pod_that_there_cannot_be_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_script(text, cast())
    assert raised.value.message.startswith(problem)
