"""A pod that is poked at random, step by step, with the world looked at in between."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from runner.clock import VIRTUAL_START
from runner.kubelet.options import WorkerOptions
from runner.lab import steps
from runner.lab.script import script_of
from runner.lab.simulation import SimulatedRun
from runner.lab.steps import Action, Step
from runner.retry import RetryPolicy
from tests.properties.watch import Watch, watched
from tests.properties.worlds import pods, scripts


class PodMachine(RuleBasedStateMachine):
    """The worker and the simulated Engine under a user who cannot keep the hands off."""

    run: SimulatedRun
    watch: Watch
    elapsed: float
    deleted_at: float | None
    grace: int

    @initialize(data=st.data(), scope=st.sampled_from(["pod", "container"]))
    def begin(self, data: st.DataObject, scope: str) -> None:
        pod = data.draw(pods())
        self.watch, self.elapsed, self.deleted_at, self.grace = Watch(pod), 0.0, None, 0
        options = WorkerOptions(retry=RetryPolicy(scope="pod" if scope == "pod" else "container"))
        script = script_of(data.draw(scripts(pod)), pod)
        self.run = SimulatedRun(pod, script, options, listener=self.watch.hear)
        watched(self.run.engine, self.watch)
        self.run.advance(0)

    def _name(self, number: int) -> str:
        names = [container.name for container in self.watch.pod.all_containers()]
        return names[number % len(names)]

    def _do(self, action: Action) -> None:
        self.run.do(Step(at=self.elapsed, action=action))
        self._go_on(0)

    def _go_on(self, seconds: float) -> None:
        self.elapsed += seconds
        self.run.advance(self.elapsed)
        now = VIRTUAL_START + timedelta(seconds=self.elapsed)
        if self.run.clock.now() < now:
            self.run.clock.advance(now)

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 11.0, 61.0, 301.0]))
    def time_passes(self, seconds: float) -> None:
        self._go_on(seconds)

    @rule(number=st.integers(0, 5), signal=st.sampled_from(["SIGKILL", "SIGTERM"]))
    def somebody_kills_a_container(self, number: int, signal: str) -> None:
        self._do(steps.kill(self._name(number), signal))

    @rule(number=st.integers(0, 5))
    def somebody_removes_a_container(self, number: int) -> None:
        self._do(steps.remove(self._name(number)))

    @rule()
    def somebody_kills_the_sandbox(self) -> None:
        self._do(steps.kill_sandbox)

    @precondition(lambda self: self.deleted_at is None)
    @rule(grace=st.sampled_from([0, 3, 20]))
    def the_pod_is_deleted(self, grace: int) -> None:
        self.deleted_at, self.grace = self.elapsed, grace
        self._do(steps.delete(grace))

    @invariant()
    def no_rule_is_broken(self) -> None:
        assert self.watch.violations == []

    @invariant()
    def a_deleted_pod_goes_away_in_time(self) -> None:
        if self.deleted_at is not None and self.elapsed > self.deleted_at + max(self.grace, 2) + 2:
            assert self.watch.is_gone
            assert self.run.engine.list_containers({}) == []


TestPodMachine = PodMachine.TestCase
TestPodMachine.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
