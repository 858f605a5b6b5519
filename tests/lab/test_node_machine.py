"""A node that is used at random: pods and workloads come, change and go, containers end, probes turn, the Engine goes away, calls
fail, the clock is set, the node crashes.

After each step what ``tests/lab/audit.py`` looks at holds. ``make test`` takes the same steps every time; more and others are
taken with ``NODE_MACHINE_EXAMPLES=500 pytest tests/lab/test_node_machine.py``. ``tests/properties/test_machine.py`` does the
same with one pod and no crash.
"""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from runner.clock import VIRTUAL_START
from runner.core.manifest import LoadedObject, Source, load
from runner.core.model import Handler, Object, ProbeKind
from runner.core.sync.probing import ProbeRun, RunResult
from runner.core.text.times import parse_time
from runner.engine.protocol import EngineEvent
from runner.engine.simulated import SimulatedEngine
from runner.kubelet.options import WorkerOptions
from runner.kubelet.prober.handlers.contract import Target
from runner.lab import new_pod, steps
from runner.lab.between import Deliver
from runner.lab.crashes import Crashed, Hazard, Kind
from runner.lab.handlers import SimulatedHandlers
from runner.lab.script import script_of
from runner.lab.steps import Action, Step
from runner.lab.virtual import Cluster
from runner.registry.contract import without_status
from runner.registry.deletionrequests import request_deletion_of
from runner.retry import RetryPolicy
from tests.lab.audit import Audit
from tests.support.clocks import SettableClock

EXAMPLES: Final = os.environ.get("NODE_MACHINE_EXAMPLES")
"""How many lives of a node, drawn anew each time; without it a few that are always the same."""
MOST_PODS: Final = 4
CALM_SECONDS: Final = 15.0
"""After so long nothing is left of a mishap: what was tried again was done."""
PATIENCE_SECONDS: Final = 10.0
"""How much longer than its grace period a deletion takes at most."""
ENDINGS: Final = (
    {"exit": 0, "after": "2s"},
    {"exit": 1, "after": "3s"},
    {"run": "forever"},
    {"run": "forever", "onTerm": "ignore"},
    {"run": "forever", "onTerm": {"exit": 0, "after": "1s"}},
    {"startError": "no such file"},
)
PROBE: Final = {"exec": {"command": ["check"]}, "periodSeconds": 2, "failureThreshold": 2}
DEPLOYMENT: Final = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 5
      containers: [{name: main, image: "busybox:1.36"}]
"""
JOB: Final = """
apiVersion: batch/v1
kind: Job
metadata: {name: work}
spec:
  completions: 3
  parallelism: 2
  backoffLimit: 2
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 5
      containers: [{name: main, image: "busybox:1.36"}]
"""
IMAGES: Final = ("busybox:1.36", "busybox:2")
PULLS: Final[tuple[Any, ...]] = (
    {},
    {"busybox:2": [{"error": "nobody there"}, {"ok": True, "took": "3s"}]},
    {
        "busybox:1.36": [
            {"error": "nobody there"},
            {"error": "still nobody"},
            {"ok": True, "took": "8s"},
            {"error": "again"},
        ]
    },
)
"""What pulls do; without a word they are done at once."""
ENDS_OF_JOBS: Final = ({"exit": 0, "after": "5s"}, {"exit": 1, "after": "5s"}, {"run": "forever"})


class Board(SimulatedHandlers):
    """Probes find what stands on the board."""

    def __init__(self, engine: SimulatedEngine) -> None:
        super().__init__(engine, {})
        self.results: dict[tuple[str, ProbeKind], RunResult] = {}
        self.started: set[tuple[str, str]] = set()
        """Ids of sandboxes and names of containers whose startup probe has succeeded in them."""

    def probe(self, target: Target, handler: Handler, *, timeout: int) -> ProbeRun:
        assert target.probe is not None
        found = super().probe(target, handler, timeout=timeout)
        result = self.results.get((target.pod.name, target.probe))
        if result is not None and found.result is RunResult.SUCCESS:
            found = ProbeRun(result=result, output="")
        if target.probe is ProbeKind.STARTUP and found.result in (RunResult.SUCCESS, RunResult.WARNING):
            self.started.add((target.sandbox_id, target.container.name))
        return found


class DeafHazard(Hazard):
    """Nobody hears of what happens while the Engine does not answer."""

    def event(self, event: EngineEvent, deliver: Deliver) -> None:
        if self._engine is not None and self._engine.is_down:
            return
        super().event(event, deliver)


class NodeMachine(RuleBasedStateMachine):
    """The product's node over a registry and an Engine that outlive it."""

    def __init__(self) -> None:
        super().__init__()
        logging.disable()  # What is injected is logged as what it is taken for.
        self.names = itertools.count()
        self.elapsed = 0.0
        self.deleted: dict[str, float] = {}
        self.calm_at = 0.0
        self.struck = 0
        self.was_set = self.is_down = False

    def teardown(self) -> None:
        logging.disable(logging.NOTSET)

    @initialize(
        workloads=st.sampled_from(["", DEPLOYMENT, JOB, DEPLOYMENT + "---" + JOB]),
        scope=st.sampled_from(["container", "pod"]),
        ends=st.lists(st.sampled_from(ENDS_OF_JOBS), min_size=1, max_size=3),
        pulls=st.sampled_from(PULLS),
    )
    def begin(self, workloads: str, scope: Any, ends: list[Any], pulls: Any) -> None:
        self.hazard, self.clock = DeafHazard(), SettableClock()
        objects: Sequence[LoadedObject] = ()
        if workloads:
            objects = load([Source(name="workloads", text=workloads)]).objects
        containers = {"main": {"attempts": ends}} if JOB in workloads else {}
        of = [{"name": "main", "image": image} for image in IMAGES]
        pod = new_pod({"metadata": {"name": "any"}, "spec": {"containers": of[:1], "initContainers": [of[1]]}})
        script = script_of({"containers": containers, "images": pulls}, pod)
        self.scope = scope
        options = WorkerOptions(retry=RetryPolicy(scope=scope))
        self.node = Cluster(
            objects, script, options,
            listener=self.hear, handlers=Board, clock=self.clock, mends=True, between=self.hazard,
        )  # fmt: skip
        board = self.node.handlers
        assert isinstance(board, Board)
        self.audit = Audit(self.node, board.started, is_narrow=scope == "container")
        for controller in self.node.controllers:
            self.audit.most[controller.workload.uid] = controller.workload.most_pods
        self.audit.begin()
        self.hazard.begin()
        for image in IMAGES:
            self.node.engine.add_image(image)
        self.go_on()

    def hear(self, narration: Any) -> None:
        if hasattr(self, "audit"):
            self.audit.hear(narration)

    # What happens

    def go_on(self, seconds: float = 0.0) -> None:
        """Time goes on; who dies meanwhile is there again at once."""
        self.elapsed += seconds
        until = self.elapsed + self.clock.offset.total_seconds()
        while True:
            try:
                self.node.advance(until)
                break
            except Crashed:
                self.begin_anew()
        end = VIRTUAL_START + timedelta(seconds=until)
        if self.clock.now() < end:
            self.clock.advance(end)
        if len(self.hazard.struck) > self.struck:
            self.struck = len(self.hazard.struck)
            note(f"struck: {self.hazard.struck[-1]}")
            self.is_disturbed()

    def begin_anew(self) -> None:
        self.is_disturbed()
        while True:
            self.audit.node_died()
            try:
                return self.node.restart()
            except Crashed:
                continue

    def is_disturbed(self) -> None:
        self.calm_at = self.elapsed + CALM_SECONDS
        self.deleted = {uid: max(at, self.elapsed) + CALM_SECONDS for uid, at in self.deleted.items()}

    def do(self, action: Action, name: str) -> None:
        if not self.is_down:  # Else it could not be done.
            self.node.do(Step(at=0, action=action, pod=name))
        self.go_on()

    @property
    def values(self) -> Sequence[Object]:
        return self.node.store.list("Pod").items if hasattr(self, "node") else ()

    def one(self, data: st.DataObject) -> Object:
        """One of the pods that there are."""
        values = {value["metadata"]["name"]: value for value in self.values}
        return values[data.draw(st.sampled_from(sorted(values)), "pod")]

    def has_pods(self) -> bool:
        return bool(self.values)

    @precondition(lambda self: len(self.values) < MOST_PODS)
    @rule(
        inits=st.lists(st.sampled_from(["plain", "sidecar", "probed sidecar"]), max_size=3),
        apps=st.integers(1, 2), probes=st.sets(st.sampled_from(["livenessProbe", "readinessProbe", "startupProbe"])),
        policy=st.sampled_from(["Always", "OnFailure", "Never"]), deadline=st.sampled_from([None, None, 8, 40]), data=st.data(),
    )  # fmt: skip
    def a_pod_is_created(
        self, inits: list[str], apps: int, probes: set[str], policy: str, deadline: int | None, data: st.DataObject
    ) -> None:
        listed: list[Object] = []
        for number, what in enumerate(inits):
            more: Object = {"restartPolicy": "Always"} if what != "plain" else {}
            more |= {"startupProbe": PROBE} if what == "probed sidecar" else {}
            listed.append({"name": f"init-{number}", "image": "busybox:1.36", **more})
        containers: list[dict[str, Any]] = [
            {"name": f"app-{number}", "image": "busybox:1.36"} for number in range(apps)
        ]
        containers[0] |= dict.fromkeys(sorted(probes), PROBE)
        spec = {
            "terminationGracePeriodSeconds": 5,
            "restartPolicy": policy,
            "initContainers": listed,
            "containers": containers,
            "volumes": [
                {"name": "scratch", "emptyDir": {}},
                {"name": "own", "ephemeral": {"volumeClaimTemplate": {"spec": CLAIM}}},
            ],
            **({"activeDeadlineSeconds": deadline} if deadline else {}),
        }
        containers[0]["volumeMounts"] = [{"name": name, "mountPath": f"/{name}"} for name in ("scratch", "own")]
        pod = new_pod({"metadata": {"name": f"pod-{next(self.names)}"}, "spec": spec})
        runs = st.lists(st.sampled_from(ENDINGS), min_size=1, max_size=3)
        script: Object = {one["name"]: {"attempts": data.draw(runs, one["name"])} for one in containers}
        for one in listed:
            if "restartPolicy" not in one:
                failures = data.draw(st.integers(0, 2), one["name"])
                script[one["name"]] = {
                    "attempts": [{"exit": 1, "after": "1s"}] * failures + [{"exit": 0, "after": "1s"}]
                }
        self.node.add(pod, script_of({"containers": script}, pod))
        self.go_on()

    @precondition(has_pods)
    @rule(data=st.data(), grace=st.sampled_from([None, 0, 2, 5, 20]))
    def a_pod_is_deleted(self, data: st.DataObject, grace: int | None) -> None:
        metadata = self.one(data)["metadata"]
        seconds = 5 if grace is None else grace
        before = self.deleted.get(metadata["uid"])
        end = self.elapsed + seconds
        self.deleted[metadata["uid"]] = end if before is None else min(before, end)
        if before is None and self.calm_at > self.elapsed:
            self.deleted[metadata["uid"]] += CALM_SECONDS
        self.node.do(Step(at=0, action=steps.delete(grace), pod=metadata["name"]))
        self.go_on()

    @precondition(has_pods)
    @rule(data=st.data(), what=st.sampled_from(["kill", "kill sandbox", "remove", "exit 0", "exit 1"]))
    def a_container_ends(self, data: st.DataObject, what: str) -> None:
        value = self.one(data)
        names = [one["name"] for one in (*value["spec"].get("initContainers", ()), *value["spec"]["containers"])]
        name = data.draw(st.sampled_from(names), "container")
        if what == "kill sandbox":
            return self.do(steps.kill_sandbox, value["metadata"]["name"])
        if what == "remove":
            self.audit.may_run_again[value["metadata"]["uid"]] += 1
            return self.do(steps.remove(name), value["metadata"]["name"])
        if what == "kill":
            return self.do(steps.kill(name), value["metadata"]["name"])

        def end(world: steps.World, _now: object) -> None:
            for one in world.running(name):
                world.engine.end(one.id, int(what[-1]))

        return self.do(end, value["metadata"]["name"])

    @precondition(has_pods)
    @rule(data=st.data(), what=st.sampled_from(["image", "labels", "annotations", "deadline"]))
    def a_pod_is_updated(self, data: st.DataObject, what: str) -> None:
        value = without_status(self.one(data))
        metadata, spec = dict(value["metadata"]), dict(value["spec"])
        number = str(next(self.names))
        if what == "image":
            images = dict(zip(IMAGES, reversed(IMAGES), strict=True))
            spec["containers"] = [{**one, "image": images[one["image"]]} for one in spec["containers"]]
            self.audit.may_run_again[metadata["uid"]] += 1
        elif what == "deadline":
            spec["activeDeadlineSeconds"] = min(spec.get("activeDeadlineSeconds", 1000), 30)
        else:
            metadata[what] = {**metadata.get(what, {}), "number": number}
        self.node.store.update({**value, "metadata": metadata, "spec": spec})
        self.go_on()

    @precondition(has_pods)
    @rule(data=st.data(), kind=st.sampled_from(list(ProbeKind)), result=st.sampled_from([*RunResult, None]))
    def probes_find_something_else(self, data: st.DataObject, kind: ProbeKind, result: RunResult | None) -> None:
        board = self.node.handlers
        assert isinstance(board, Board)
        key = (self.one(data)["metadata"]["name"], kind)
        if result is None:
            board.results.pop(key, None)
        else:
            board.results[key] = result

    @rule(image=st.sampled_from(IMAGES))
    def an_image_vanishes(self, image: str) -> None:
        self.node.engine.lose_image(image)
        self.go_on()

    @rule(seconds=st.sampled_from([0.3, 1.0, 2.0, 11.0, 61.0, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.go_on(seconds)

    @rule()
    def the_node_crashes(self) -> None:
        self.begin_anew()
        self.go_on()

    @rule(kind=st.sampled_from(Kind), ahead=st.integers(1, 12), seconds=st.sampled_from([0.0, 2.0]))
    def something_goes_wrong_soon(self, kind: Kind, ahead: int, seconds: float) -> None:
        if kind is not Kind.ERROR_FOR_EVER:
            self.hazard.plan(kind, ahead)
            self.go_on(seconds)

    @rule(seconds=st.sampled_from([0.5, 20.0]))
    def the_engine_goes_away_for_a_while(self, seconds: float) -> None:
        self.node.engine.is_down = self.is_down = True
        self.go_on(seconds)
        self.node.engine.is_down = self.is_down = False
        self.node.node.engine_event(None)  # The stream of events is there again, and some may have been missed.
        self.is_disturbed()
        self.go_on(3.0)

    @rule(seconds=st.sampled_from([-7200, -30, 30, 7200]))
    def somebody_sets_the_clock(self, seconds: int) -> None:
        self.clock.offset += timedelta(seconds=seconds)
        self.was_set = True
        self.audit.excuse()
        self.node.clock_was_set(timedelta(seconds=seconds))
        self.go_on()

    @precondition(lambda self: hasattr(self, "node") and self.node.controllers)
    @rule(data=st.data())
    def a_workload_is_deleted(self, data: st.DataObject) -> None:
        kinds = [kind for kind in ("Deployment", "ReplicaSet", "Job") if self.node.store.list(kind).items]
        if kinds:
            (value,) = self.node.store.list(data.draw(st.sampled_from(kinds), "workload")).items
            request_deletion_of(self.node.store, value, None)
            self.go_on()

    # What always holds

    @invariant()
    def no_rule_is_broken(self) -> None:
        if hasattr(self, "audit"):
            assert not self.audit.problems, self.audit.problems

    @invariant()
    def what_was_deleted_goes_in_time(self) -> None:
        there = {value["metadata"]["uid"] for value in self.values}
        late = [uid for uid, at in self.deleted.items() if self.elapsed > at + PATIENCE_SECONDS and uid in there]
        assert not late, f"{late} are still there"
        self.deleted = {uid: at for uid, at in self.deleted.items() if uid in there}

    @invariant()
    def when_it_is_calm_the_registry_says_what_the_engine_has(self) -> None:
        if not hasattr(self, "audit") or self.elapsed < self.calm_at:
            return
        self.audit.check_rest()
        if not self.was_set:
            self.audit.check_events()
            self.deadlines_are_kept()
        assert not self.audit.problems, self.audit.problems

    def deadlines_are_kept(self) -> None:
        now = self.clock.now()
        for value in self.values:
            seconds, status = value["spec"].get("activeDeadlineSeconds"), value.get("status") or {}
            start = parse_time(status.get("startTime"))
            if seconds is not None and start is not None and now > start + timedelta(seconds=seconds + CALM_SECONDS):
                assert status["phase"] in ("Succeeded", "Failed"), value["metadata"]["name"]


CLAIM: Final = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}

TestNodeMachine = NodeMachine.TestCase
TestNodeMachine.settings = settings(
    max_examples=int(EXAMPLES or 12),
    derandomize=not EXAMPLES,
    database=None,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
