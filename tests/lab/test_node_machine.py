"""A node that is used at random: pods come, change and go, the Engine goes away, the clock is set, the node crashes.

After each step the invariants of a kubelet hold. ``tests/properties/test_machine.py`` does the same with one pod and no crash.
"""

from __future__ import annotations

import itertools
import logging
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from runner.clock import VIRTUAL_START
from runner.core.labels import CONTAINER_NAME, DOCKER_TYPE, POD_UID, TYPE_SANDBOX
from runner.core.narration import Narration, StatusChanged
from runner.engine.protocol import EngineEvent, EngineState
from runner.lab import new_pod, steps
from runner.lab.faults import Crashed, Hazard
from runner.lab.script import script_of
from runner.lab.steps import Action, Step
from runner.lab.virtual import VirtualNode

MOST_PODS = 4
ENDINGS = [{"exit": 0, "after": "2s"}, {"exit": 1, "after": "3s"}, {"run": "forever"}, {"startError": "no such file"}]
PROBE = {"exec": {"command": ["check"]}, "periodSeconds": 2}


class NodeMachine(RuleBasedStateMachine):
    """The product's node over a registry and an Engine that outlive it."""

    def __init__(self) -> None:
        super().__init__()
        logging.disable()
        self.hazard = Hazard()
        self.node = VirtualNode(listener=self.hear, mends=True, between=self.hazard)
        self.node.engine.subscribe({}, self.see)
        self.hazard.begin()
        self.names = itertools.count()
        self.elapsed = 0.0
        self.problems: list[str] = []
        self.phases: dict[str, str] = {}
        self.running: dict[tuple[str, str], set[str]] = {}
        self.deleted: dict[str, float] = {}
        self.is_down = False

    def teardown(self) -> None:
        logging.disable(logging.NOTSET)

    # What is heard and seen

    def hear(self, narration: Narration) -> None:
        if isinstance(narration, StatusChanged) and narration.status is not None:
            uid, phase = narration.ref.uid, str(narration.status.phase)
            if self.phases.get(uid) in ("Succeeded", "Failed") and phase != self.phases[uid]:
                self.problems.append(f"the phase went from {self.phases[uid]} to {phase}")
            self.phases[uid] = phase

    def see(self, event: EngineEvent) -> None:
        key = (event.labels.get(POD_UID, ""), event.labels.get(CONTAINER_NAME, ""))
        alive = self.running.setdefault(key, set())
        if event.action == "start":
            alive.add(event.container_id)
            if len(alive) > 1:
                self.problems.append(f"{key[1]} runs {len(alive)} times")
        elif event.action == "die":
            alive.discard(event.container_id)

    # What happens

    def go_on(self, seconds: float = 0.0) -> None:
        self.elapsed += seconds
        try:
            self.node.advance(self.elapsed)
        except Crashed:
            self.node.restart()
            self.node.advance(self.elapsed)
        now = VIRTUAL_START + timedelta(seconds=self.elapsed)
        if self.node.clock.now() < now:
            self.node.clock.advance(now)

    def do(self, action: Action, name: str) -> None:
        if not self.is_down:  # Else it could not be done.
            self.node.do(Step(at=0, action=action, pod=name))
        self.go_on()

    @property
    def pods(self) -> list[str]:
        return sorted(value["metadata"]["name"] for value in self.node.store.list("Pod").items)

    @initialize()
    def begin(self) -> None:
        self.go_on()

    @precondition(lambda self: len(self.pods) < MOST_PODS)
    @rule(inits=st.integers(0, 2), probed=st.booleans(), data=st.data())
    def a_pod_is_created(self, inits: int, probed: bool, data: st.DataObject) -> None:
        more = {"livenessProbe": PROBE, "readinessProbe": PROBE} if probed else {}
        spec = {
            "terminationGracePeriodSeconds": 5,
            "restartPolicy": data.draw(st.sampled_from(["Always", "OnFailure", "Never"])),
            "initContainers": [{"name": f"init-{number}", "image": "busybox:1.36"} for number in range(inits)],
            "containers": [{"name": "main", "image": "busybox:1.36", **more}],
        }
        pod = new_pod({"metadata": {"name": f"pod-{next(self.names)}"}, "spec": spec})
        attempts = data.draw(st.lists(st.sampled_from(ENDINGS), min_size=1, max_size=3))
        answers = [
            {"at": 0, "result": "success"},
            {"at": 9, "result": data.draw(st.sampled_from(["success", "failure"]))},
        ]
        main = {"attempts": attempts, "probes": {"liveness": answers, "readiness": answers} if probed else {}}
        self.node.add(pod, script_of({"containers": {"main": main}}, pod))
        self.go_on()

    @precondition(lambda self: self.pods)
    @rule(data=st.data(), grace=st.sampled_from([0, 2, 5]))
    def a_pod_is_deleted(self, data: st.DataObject, grace: int) -> None:
        name = data.draw(st.sampled_from(self.pods))
        uid = next(v["metadata"]["uid"] for v in self.node.store.list("Pod").items if v["metadata"]["name"] == name)
        self.deleted.setdefault(uid, self.elapsed + grace)
        self.node.do(Step(at=0, action=steps.delete(grace), pod=name))
        self.go_on()

    @precondition(lambda self: self.pods)
    @rule(data=st.data(), what=st.sampled_from(["update", "kill", "remove", "kill sandbox"]))
    def somebody_interferes(self, data: st.DataObject, what: str) -> None:
        actions: dict[str, Action] = {
            "update": steps.update_image("main", "busybox:2"),
            "kill": steps.kill("main"),
            "remove": steps.remove("main"),
            "kill sandbox": steps.kill_sandbox,
        }
        self.node.engine.add_image("busybox:2")
        self.do(actions[what], data.draw(st.sampled_from(self.pods)))

    @rule(seconds=st.sampled_from([0.5, 2.0, 11.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.go_on(seconds)

    @rule()
    def the_node_crashes(self) -> None:
        self.node.restart()
        self.go_on()

    @rule(seconds=st.sampled_from([0.5, 20.0]))
    def the_engine_goes_away_for_a_while(self, seconds: float) -> None:
        self.node.engine.is_down = self.is_down = True
        self.go_on(seconds)
        self.node.engine.is_down = self.is_down = False
        self.go_on(3.0)
        self.deleted = {uid: max(at, self.elapsed) + 5 for uid, at in self.deleted.items()}

    # What always holds

    @invariant()
    def no_rule_is_broken(self) -> None:
        assert self.problems == []

    @invariant()
    def what_was_deleted_goes_in_time_and_leaves_nothing(self) -> None:
        there = {value["metadata"]["uid"] for value in self.node.store.list("Pod").items}
        for uid, at in self.deleted.items():
            if self.elapsed > at + 10:
                assert uid not in there
            if uid not in there:
                assert not self.node.engine.list_containers({POD_UID: uid})
                assert not self.node.engine.list_volumes({POD_UID: uid})

    @invariant()
    def a_pod_has_one_sandbox_that_runs(self) -> None:
        for uid in self.phases:
            found = self.node.engine.list_containers({POD_UID: uid, DOCKER_TYPE: TYPE_SANDBOX})
            assert sum(one.state is EngineState.RUNNING for one in found) <= 1


TestNodeMachine = NodeMachine.TestCase
TestNodeMachine.settings = settings(
    max_examples=12, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
