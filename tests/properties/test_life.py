"""What holds for every pod, whatever its processes, probes and people do."""

from __future__ import annotations

import copy
from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from runner.clock import VIRTUAL_START
from runner.core.model import Pod
from runner.core.sync.decide import Plan, decide
from runner.core.sync.operations import Hold, HoldSandbox
from runner.engine.simulated.script import ContainerScript
from runner.kubelet.options import WorkerOptions
from runner.lab.script import script_of
from runner.lab.simulation import End, SimulatedRun
from runner.retry import RetryPolicy
from tests.properties.watch import Watch, watched
from tests.properties.worlds import interferences, outages, pods, scripts

LIMIT = 3000.0
MINIMUM = 2.0
"""Seconds that every process gets after its stop signal, also when no grace is left."""

thorough = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def begin(pod: Pod, script: dict[str, Any], scope: str, *, spared: bool = False) -> tuple[SimulatedRun, Watch]:
    """``spared``: a container that is killed for memory loses only a child, and ends with code 0."""
    watch = Watch(pod)
    options = WorkerOptions(retry=RetryPolicy(scope="pod" if scope == "pod" else "container"))
    read = script_of(script, pod)
    if spared:
        read = replace(read, containers={name: _spared(one) for name, one in read.containers.items()})
    run = SimulatedRun(pod, read, options, listener=watch.hear)
    watched(run.engine, watch)
    for step in run.script.steps:
        run.plan(step)
    return run, watch


def _spared(script: ContainerScript) -> ContainerScript:
    return replace(script, attempts=tuple(replace(one, is_spared=one.oom) for one in script.attempts))


def decided_again(run: SimulatedRun) -> Plan:
    """What would be done now, nothing having changed."""
    worker, loop = run.worker, run.worker.loop
    memory = replace(loop.restarts.memory, attempts=run.store.ledger.attempts(worker.pod.uid))
    return decide(worker.pod, worker.observed, loop.results, memory, run.clock.now())


@thorough
@given(st.data(), st.sampled_from(["pod", "container"]))
def test_no_rule_of_a_pods_life_is_ever_broken(data: st.DataObject, scope: str) -> None:
    """Order of init containers, one instance of each, attempts that grow by one, final phases that stay."""
    pod = data.draw(pods())
    script = data.draw(scripts(pod))
    script["steps"] = data.draw(interferences(pod))
    run, watch = begin(pod, script, scope)
    run.advance(LIMIT)
    assert watch.violations == []


@thorough
@given(st.data(), st.sampled_from(["pod", "container"]))
def test_what_was_decided_and_done_is_not_decided_again(data: st.DataObject, scope: str) -> None:
    pod = data.draw(pods())
    run, watch = begin(pod, data.draw(scripts(pod)), scope)
    run.advance(LIMIT)
    is_done = "sync" not in run.worker.tasks.names
    if is_done and watch.phase in ("Pending", "Running"):
        assert all(isinstance(operation, Hold | HoldSandbox) for operation in decided_again(run).operations)


@thorough
@given(st.data(), st.sampled_from(["pod", "container"]), st.sampled_from([0, 1, 5, 40]))
def test_a_deletion_takes_no_longer_than_the_grace_period_and_leaves_nothing(
    data: st.DataObject, scope: str, grace: int
) -> None:
    pod = data.draw(pods())
    script = data.draw(scripts(pod))
    at = data.draw(st.sampled_from([0.0, 0.5, 1.0, 4.0, 20.0, 31.0, 200.0]))
    script["steps"] = [*data.draw(interferences(pod)), {"at": at, "delete": {"grace": grace}}]
    # A frozen process takes no signal but the last one; that is not what this is about.
    script["steps"] = [step for step in script["steps"] if "pause" not in step]
    run, watch = begin(pod, script, scope)
    assert run.advance(LIMIT) is End.GONE
    assert watch.violations == []
    assert watch.is_gone
    assert run.engine.list_containers({}) == []
    assert run.engine.list_volumes({}) == []
    if watch.last_death is not None:
        latest = VIRTUAL_START + timedelta(seconds=at + max(grace, MINIMUM) + MINIMUM)
        assert watch.last_death <= latest


@thorough
@given(st.data(), st.sampled_from(["pod", "container"]), outages)
def test_an_engine_that_is_away_for_a_while_breaks_no_rule_and_loses_no_deletion(
    data: st.DataObject, scope: str, away: list[tuple[float, float]]
) -> None:
    pod = data.draw(pods())
    script = data.draw(scripts(pod))
    script["steps"] = [{"at": data.draw(st.sampled_from([0.6, 9.0, 61.0, 200.0])), "delete": {"grace": 10}}]
    run, watch = begin(pod, script, scope)
    for at, seconds in away:
        run.clock.after(at, partial(setattr, run.engine, "is_down", True))
        run.clock.after(at + seconds, partial(setattr, run.engine, "is_down", False))
    assert run.advance(LIMIT) is End.GONE
    assert watch.violations == []
    run.engine.is_down = False
    assert run.engine.list_containers({}) == []
    assert run.engine.list_volumes({}) == []


WINDOW = timedelta(seconds=10)
STARTS = 5
"""How often something may start within the window when nothing interferes: at first, thrice again at once, then after 10 s."""


@thorough
@given(st.data(), st.sampled_from(["pod", "container"]), st.booleans())
def test_nothing_starts_more_than_a_few_times_in_a_short_time(data: st.DataObject, scope: str, is_ruled: bool) -> None:
    """Containers and sandboxes, whatever ends them; what a user does to the pod comes on top."""
    pod = data.draw(pods())
    if is_ruled:
        pod = ruled(pod)
    script = data.draw(scripts(pod))
    if data.draw(st.booleans()):
        for one in script["containers"].values():  # It goes on like this for ever.
            one["attempts"] = one["attempts"][:1]
    script["steps"] = data.draw(interferences(pod))
    run, watch = begin(pod, script, scope, spared=data.draw(st.booleans()))
    run.advance(LIMIT)
    most = STARTS + len(script["steps"])
    for name, begins in watch.starts.items():
        for first, last in zip(begins, begins[most:], strict=False):
            assert last - first >= WINDOW, f"{name} started {most + 1} times within {last - first}"


def ruled(pod: Pod) -> Pod:
    """The same pod, in which the end of the last app starts everything again."""
    value = copy.deepcopy(dict(pod.manifest))
    rules = [{"action": "RestartAllContainers", "exitCodes": {"operator": "NotIn", "values": [99]}}]
    value["spec"]["containers"][-1].update(restartPolicy="Never", restartPolicyRules=rules)
    return Pod.from_json(value)


@thorough
@given(
    st.lists(
        st.fixed_dictionaries(
            {"exit": st.sampled_from([0, 1, 137]), "after": st.sampled_from([0.5, 2.0, 90.0, 600.0, 601.0])}
        ),
        min_size=2,
        max_size=12,
    ),
    st.booleans(),
)
def test_the_gap_before_each_restart_is_the_schedules(attempts: list[dict[str, Any]], is_sidecar: bool) -> None:
    """0, 10, 20 … 300 s from the end, from the beginning again after a run of more than 600 s."""
    inits = [{"name": "one", "image": "busybox:1.36", "restartPolicy": "Always"}] if is_sidecar else []
    name = "one" if is_sidecar else "main"
    pod = new_pod_of(inits)
    run, watch = begin(pod, {"containers": {name: {"attempts": [*attempts, {"run": "forever"}]}}}, "container")
    run.advance(20_000)
    assert watch.violations == []
    starts, ends = watch.starts[name], [at for at, _ in watch.deaths[name]]
    assert len(starts) == len(attempts) + 1
    count = 0
    for number, end in enumerate(ends):
        # The first start is no restart: nothing is counted before it.
        if number > 0 and (end - starts[number]).total_seconds() > 600:
            count = 0
        wait = 0.0 if count == 0 else min(10.0 * 2 ** (count - 1), 300.0)
        assert starts[number + 1] - end == timedelta(seconds=wait)
        count += 1


def new_pod_of(inits: list[dict[str, Any]]) -> Pod:
    from runner.lab import new_pod

    main = {"name": "main", "image": "busybox:1.36", "imagePullPolicy": "IfNotPresent"}
    ready = [{"imagePullPolicy": "IfNotPresent", **one} for one in inits]
    spec = {"restartPolicy": "Always", "initContainers": ready, "containers": [main]}
    return new_pod({"metadata": {"name": "web"}, "spec": spec})
