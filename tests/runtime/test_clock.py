"""Clocks: what is waited for takes as long as it was meant to, also when the wall clock is set meanwhile."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.clock import VIRTUAL_START, Countdown, JumpWatch, SystemClock, VirtualClock, Wakeup
from runner.core.labels import CONTAINER_NAME, POD_UID, attempt_of
from runner.core.model import Handler
from runner.core.narration import EventRecorded, Narration, Notice, StatusChanged
from runner.core.sync.probing import ProbeRun
from runner.engine.protocol import EngineState
from runner.engine.simulated import SimulatedEngine
from runner.kubelet.options import WorkerOptions
from runner.kubelet.prober.handlers.contract import Target
from runner.lab import SimulationScript, parse_script
from runner.lab.handlers import SimulatedHandlers
from runner.lab.script import script_of
from runner.lab.simulation import SimulatedRun
from runner.lab.steps import Step, kill
from runner.lab.virtual import VirtualNode
from runner.node.node import Node
from runner.node.running import Running
from runner.node.threads import Threads
from runner.retry import RetryPolicy
from tests.lab.scenes import pod
from tests.support.clocks import SettableClock
from tests.support.gates import SECONDS

HOURS = timedelta(hours=2)


class Pair:
    """The two clocks of a machine, to be moved by hand."""

    def __init__(self) -> None:
        self.wall = datetime(2030, 1, 1, tzinfo=UTC)
        self.monotonic = 100.0

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall, lambda: self.monotonic)

    def go_on(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.monotonic += seconds


def test_a_clock_that_just_goes_on_does_not_jump() -> None:
    pair = Pair()
    watch = JumpWatch(pair.clock())
    pair.go_on(3600)
    pair.wall += timedelta(milliseconds=400)
    assert watch.jump() == timedelta()


@pytest.mark.parametrize("seconds", [7200.0, -7200.0, 5.0])
def test_a_jump_is_told_once(seconds: float) -> None:
    pair = Pair()
    watch = JumpWatch(pair.clock())
    pair.go_on(10)
    pair.wall += timedelta(seconds=seconds)
    pair.go_on(10)
    assert watch.jump().total_seconds() == pytest.approx(seconds)
    assert watch.jump() == timedelta()


def test_a_system_clock_reads_the_clocks_it_is_given() -> None:
    pair = Pair()
    clock = pair.clock()
    pair.go_on(5)
    assert (clock.now(), clock.steady()) == (datetime(2030, 1, 1, 0, 0, 5, tzinfo=UTC), 105.0)


def test_the_wait_for_an_instant_that_is_over_ends_at_once() -> None:
    pair = Pair()
    assert not pair.clock().wait(pair.wall - HOURS, Wakeup())


def test_a_countdown_goes_on_whatever_is_done_to_the_wall_clock() -> None:
    pair = Pair()
    countdown = Countdown(pair.clock(), 30)
    pair.go_on(10)
    pair.wall -= HOURS
    assert (countdown.left, countdown.within(5), countdown.within(60), countdown.is_over) == (20, 5, 20, False)
    assert countdown.until == pair.wall + timedelta(seconds=20)
    pair.go_on(20)
    assert (countdown.left, countdown.is_over, countdown.until) == (0, True, pair.wall)


def test_a_countdown_that_never_ends_has_no_end() -> None:
    countdown = Countdown(Pair().clock(), None)
    assert (countdown.left, countdown.within(5), countdown.is_over, countdown.until) == (None, 5, False, None)


@pytest.mark.parametrize("seconds", [1e-9, 1e300])
def test_a_countdown_ends_at_an_instant_that_there_is(seconds: float) -> None:
    """What is less than an instant can say is over: whoever waited for it would wait for nothing, again and again."""
    pair = Pair()
    countdown = Countdown(pair.clock(), seconds)
    assert countdown.until is not None
    assert countdown.is_over == (countdown.until == pair.wall)


class NotedHandlers(SimulatedHandlers):
    """Note when a probe was run, in steady seconds."""

    def __init__(self, engine: SimulatedEngine) -> None:
        super().__init__(engine, {})
        self.probed_at: list[float] = []

    def probe(self, target: Target, handler: Handler, *, timeout: int) -> ProbeRun:
        self.probed_at.append(self._engine.clock.steady())
        return super().probe(target, handler, timeout=timeout)


class Scene:
    """A simulated pod on a clock that can be set."""

    def __init__(self, script: str, *, grace: int = 60, **fields: object) -> None:
        what = pod(apps=[{"name": "main", **fields}], terminationGracePeriodSeconds=grace)
        self.clock = SettableClock()
        self.told: list[Narration] = []
        options = WorkerOptions(retry=RetryPolicy(scope="container"))
        parsed = parse_script(script, what) if script else SimulationScript()
        self.run = SimulatedRun(
            what, parsed, options, listener=self.told.append, clock=self.clock, handlers=self._handlers
        )
        for step in parsed.steps:
            self.run.plan(step)

    def _handlers(self, engine: SimulatedEngine) -> SimulatedHandlers:
        self.handlers = NotedHandlers(engine)
        return self.handlers

    def until(self, seconds: float) -> None:
        """Go on to so many steady seconds after the beginning."""
        self.run.advance(seconds + self.clock.offset.total_seconds())

    def set(self, by: timedelta) -> None:
        """Set the wall clock, as the worker finds out after its next wait."""
        self.clock.offset += by
        self.run.worker.heed_clock()

    def restarts(self) -> int:
        shown = [told.pod for told in self.told if isinstance(told, StatusChanged)]
        (status,) = shown[-1]["status"]["containerStatuses"]
        return int(status["restartCount"])


STUBBORN = "containers: {{main: {{attempts: [{{run: forever, onTerm: ignore}}]}}}}\nsteps: {steps}"
JUMPS = pytest.mark.parametrize("jump", [HOURS, -HOURS], ids=["forwards", "backwards"])


def test_a_jump_is_told() -> None:
    scene = Scene("")
    scene.until(10)
    scene.set(-HOURS)
    assert [told.text for told in scene.told if isinstance(told, Notice)] == [
        "the clock was set by -7200 s; what is waited for takes as long as it would have"
    ]


@JUMPS
def test_a_crash_loop_goes_on(jump: timedelta) -> None:
    """Ends at 1 and 2 s, so the second restart is due at 12 s; a kubelet would wait for hours when set back."""
    scene = Scene("containers: {main: {attempts: [{exit: 1, after: 1s}]}}")
    scene.until(5)
    assert scene.restarts() == 1
    scene.set(jump)
    scene.until(25)
    assert scene.restarts() == 2


@JUMPS
def test_a_failed_pull_is_tried_again(jump: timedelta) -> None:
    scene = Scene('images: {"busybox:1.36": [{error: nobody there}, {ok: true}]}')
    scene.until(5)
    scene.set(jump)
    scene.until(40)
    assert scene.run.worker.observed.latest("main") is not None


@JUMPS
def test_a_pre_stop_hook_and_its_grace_period_last_as_long_as_they_should(jump: timedelta) -> None:
    hook = {"preStop": {"sleep": {"seconds": 40}}}
    script = (
        "containers: {main: {attempts: [{run: forever, onTerm: ignore}]}}\nsteps: [{at: 10s, delete: {grace: 60s}}]"
    )
    scene = Scene(script, lifecycle=hook)
    scene.until(20)
    scene.set(jump)
    scene.until(49)
    assert scene.run.worker.observed.latest("main") is not None
    scene.until(69)
    assert not scene.run.worker.gone
    scene.until(71)
    assert scene.run.worker.gone


@JUMPS
def test_a_stop_lasts_as_long_as_it_should(jump: timedelta) -> None:
    scene = Scene(STUBBORN.format(steps="[{at: 10s, delete: {grace: 60s}}]"))
    scene.until(20)
    scene.set(jump)
    scene.until(69)
    assert not scene.run.worker.gone
    scene.until(71)
    assert scene.run.worker.gone


@JUMPS
def test_a_grace_period_that_is_shortened_lasts_as_long_as_it_should(jump: timedelta) -> None:
    steps = "[{at: 10s, delete: {grace: 60s}}, {at: 20s, delete: {grace: 20s}}]"
    scene = Scene(STUBBORN.format(steps=steps))
    scene.until(25)
    scene.set(jump)
    scene.until(39)
    assert not scene.run.worker.gone
    scene.until(41)
    assert scene.run.worker.gone


def test_a_worker_that_broke_begins_again_when_it_should() -> None:
    """It is woken before, by a clock that is set back."""
    is_mended = threading.Event()
    pair = Pair()

    class Early(Wakeup):
        def wait(self, seconds: float | None) -> bool:
            is_first = pair.monotonic == 100
            pair.go_on(0.01 if is_first else seconds or 0)
            pair.wall -= HOURS if is_first else timedelta()
            return is_first

    def step(_: object) -> bool:
        if not is_mended.is_set():
            raise ValueError("broken")
        return True

    def mend(_: object) -> bool:
        is_mended.set()
        return True

    owned = SimpleNamespace(pod=SimpleNamespace(name="web"), wakeup=Early())
    one = Running(cast(Any, owned), cast(Any, SimpleNamespace()))
    node = SimpleNamespace(
        clock=pair.clock(),
        running=[one],
        controllers=(),
        step=step,
        mend=mend,
        broke=lambda *_: 0.05,
        let_go=lambda _: None,
    )
    threads = Threads(cast(Node, node))
    threads.start()
    assert is_mended.wait(SECONDS)
    assert threads.join()
    assert pair.monotonic == pytest.approx(100.05)


@JUMPS
def test_what_could_not_be_started_is_tried_again_when_it_should(jump: timedelta) -> None:
    """Tried at 0 s and every ten seconds: what it lacks is there from 12 s on."""
    env = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}}]
    settings = "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: b}}"
    scene = Scene(f"objects: [{{at: 12s, create: {settings}}}]", env=env)
    scene.until(5)
    scene.set(jump)
    scene.until(11)
    scene.until(25)
    assert scene.run.worker.observed.latest("main") is not None


@JUMPS
def test_probes_keep_their_period(jump: timedelta) -> None:
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 10, "initialDelaySeconds": 7}
    scene = Scene("", livenessProbe=probe)
    scene.until(22)
    scene.set(jump)
    scene.until(50)
    assert scene.handlers.probed_at == [7, 17, 27, 37, 47]


@JUMPS
def test_a_pull_is_said_to_have_taken_as_long_as_it_took(jump: timedelta) -> None:
    scene = Scene('images: {"busybox:1.36": [{ok: true, took: 5s}]}')
    scene.clock.after(2, partial(setattr, scene.clock, "offset", jump))
    scene.until(3)
    scene.until(10)
    texts = [told.record.to_json()["message"] for told in scene.told if isinstance(told, EventRecorded)]
    (pulled,) = [text for text in texts if text.startswith("Successfully pulled")]
    assert " in 5s (5s including waiting)" in pulled


@pytest.mark.parametrize(("takes", "created"), [(5, 1), (30, 2)])
@JUMPS
def test_what_was_made_ahead_is_used_for_as_long_as_it_is_fresh(jump: timedelta, takes: int, created: int) -> None:
    """The app container is made when the init container starts; ten seconds later it is too old."""
    what = pod(inits=[{"name": "before"}], apps=[{"name": "main"}])
    clock = SettableClock()
    node = VirtualNode(clock=clock)
    made: list[str] = []
    node.engine.subscribe({CONTAINER_NAME: "main"}, lambda event: made.append(event.container_id), {"create"})
    node.add(what, script_of({"containers": {"before": {"attempts": [{"exit": 0, "after": f"{takes}s"}]}}}, what))
    node.advance(2)
    clock.offset += jump
    node.clock_was_set(jump)
    node.advance(60 + jump.total_seconds())
    assert len(made) == created


def test_steady_time_is_that_of_the_simulation() -> None:
    clock = VirtualClock()
    clock.sleep(2.5)
    assert (clock.now() - VIRTUAL_START, clock.steady()) == (timedelta(seconds=2.5), 2.5)


class LateWakeup(Wakeup):
    """It is set when the time of a wait is just over."""

    def wait(self, seconds: float | None) -> bool:
        woken = super().wait(seconds)
        self.set()
        return woken


def test_what_is_set_as_a_wait_ends_is_seen_by_the_next_one() -> None:
    clock, wakeup = SystemClock(), LateWakeup()
    assert not clock.wait(clock.now(), wakeup)
    assert clock.wait(None, wakeup)


@JUMPS
def test_a_node_that_begins_after_the_clock_was_set_knows_which_instance_is_the_newest(jump: timedelta) -> None:
    """The one that has ended was made at a later time by the clock: it must not be taken for the newest, and start again."""
    what = pod(apps=[{"name": "main"}])
    clock = SettableClock()
    node = VirtualNode(clock=clock, mends=True)
    node.add(what)
    node.advance(5)
    clock.offset += jump
    node.clock_was_set(jump)
    node.do(Step(at=0, action=kill("main")))
    offset = jump.total_seconds()
    node.advance(10 + offset)
    clock.sleep(5)
    node.restart()
    node.advance(400 + offset)
    labels = {POD_UID: what.uid, CONTAINER_NAME: "main"}
    found = node.engine.list_containers(labels)
    assert [(one.state, attempt_of(one.labels)) for one in found] == [(EngineState.RUNNING, 1), (EngineState.EXITED, 0)]
