"""What ends in threads: a second end waits for the first, what goes on aside is waited for, a mistake ends no thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.api.ground import Ground
from runner.api.live import Life
from runner.api.waiting import Waiting
from runner.clock import VIRTUAL_START, SystemClock, VirtualClock, Wakeup
from runner.core.narration import Narration, Notice, PodRef
from runner.engine.protocol import ContainerSummary, Engine, EngineEvent
from runner.engine.simulated import SimulatedEngine
from runner.errors import ExitCode
from runner.kubelet.loop.lanes import Lane, Lanes
from runner.kubelet.loop.wakeups import EngineWatcher, RegistryWatcher
from runner.kubelet.network.following import NetworkThread
from runner.kubelet.network.place import NetworkPlace
from runner.kubelet.options import Keep, RunOptions
from runner.node.node import Node
from runner.node.outcome import StopRequest
from runner.node.running import Running
from runner.node.threads import HALT_SECONDS, Threads
from runner.registry.contract import put
from runner.registry.holders import SoleHolder
from runner.registry.home import Home
from runner.registry.memory import MemoryRegistry
from runner.registry.sqlite import SqliteRegistry
from tests.support.gates import SECONDS, Gate, aside

SETTINGS = {"kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "default"}}
NOTICE = Notice(at=VIRTUAL_START, ref=PodRef(namespace="default", name="web", uid="u"), text="")


# --- a run -------------------------------------------------------------------------------------------------------------


class Ending:
    """A library whose pods take their time to go."""

    def __init__(self) -> None:
        self.gate, self.order = Gate(), list[str]()
        self.hear: Callable[[Narration], None] = lambda _: None
        self.client = None

    @contextmanager
    def launched(self, *_: object, **__: object) -> Iterator[Any]:
        yield SimpleNamespace(pods=(), recording=None)

    @contextmanager
    def working(self, _launch: object, listener: Callable[[Narration], None], _stop: object) -> Iterator[Any]:
        self.hear = listener
        node = SimpleNamespace(
            view=lambda: SimpleNamespace(pods=()), on_trouble=lambda _: None, on_leave=lambda _: None
        )
        yield SimpleNamespace(node=node, wait=lambda *_, **__: (ExitCode.OK, ""), finish=self._finish)

    def _finish(self, *_: object) -> None:
        self.gate.pass_through()
        self.order.append("deleted")


def test_who_ends_a_run_that_another_thread_is_ending_returns_when_it_has_ended() -> None:
    runner = Ending()
    life = Life(cast(Any, runner), RunOptions(), lambda _: None)
    life.begin(())

    def end() -> None:
        life.end()
        runner.order.append("ended")

    first = aside(end)
    assert runner.gate.came.wait(SECONDS)
    second = aside(end)
    second.join(0.1)
    assert second.is_alive()
    runner.gate.open()
    for thread in (first, second):
        thread.join(SECONDS)
    assert runner.order == ["deleted", "ended", "ended"]


def test_who_is_told_something_while_a_run_ends_does_not_wait_for_that() -> None:
    """The end waits for whoever tells."""
    runner, ends = Ending(), list[Callable[[], None]]()
    life = Life(cast(Any, runner), RunOptions(), lambda _: ends[0]())
    ends.append(life.end)
    life.begin(())
    first = aside(life.end)
    assert runner.gate.came.wait(SECONDS)
    telling = aside(lambda: runner.hear(NOTICE))
    telling.join(SECONDS)
    is_through = not telling.is_alive()
    runner.gate.open()
    first.join(SECONDS)
    assert is_through


# --- a sweep -----------------------------------------------------------------------------------------------------------


class SlowEngine(SimulatedEngine):
    """Takes its time to list."""

    def __init__(self) -> None:
        super().__init__(VirtualClock())
        self.gate = Gate()

    def list_containers(self, labels: Mapping[str, str]) -> list[ContainerSummary]:
        self.gate.pass_through()
        return super().list_containers(labels)


def test_a_sweep_aside_is_over_when_what_it_stands_on_is_closed(tmp_path: Path) -> None:
    engine = SlowEngine()
    ground = Ground(home=tmp_path, store=MemoryRegistry(), engine=engine)
    ground.sweep_aside()
    assert engine.gate.came.wait(SECONDS)
    closing = aside(ground.release)
    closing.join(0.1)
    assert closing.is_alive()
    engine.gate.open()
    closing.join(SECONDS)
    assert "podrunner-sweep" not in {thread.name for thread in threading.enumerate()}


# --- our own mistakes ----------------------------------------------------------------------------------------------------


class Clumsy:
    """Makes a mistake the first time that it is called."""

    def __init__(self) -> None:
        self.calls, self.was_called, self.is_well = 0, threading.Event(), threading.Event()

    def __call__(self, *_: object) -> Any:
        self.calls += 1
        self.was_called.set()
        if self.calls == 1:
            raise ValueError("our own mistake")
        self.is_well.set()
        return ()


class Dies:
    """Events of an Engine: a container has ended, again and again."""

    def __init__(self) -> None:
        self.is_closed = threading.Event()

    def __iter__(self) -> Iterator[EngineEvent]:
        for number in range(2):
            yield EngineEvent(container_id=str(number), action="die", at=VIRTUAL_START, labels={}, attributes={})
        assert self.is_closed.wait(SECONDS)

    def close(self) -> None:
        self.is_closed.set()


@contextmanager
def _events(callback: Clumsy, _: SqliteRegistry) -> Iterator[None]:
    def events(_labels: object, *, since: datetime) -> Dies:
        return Dies()

    watcher = EngineWatcher(cast(Engine, SimpleNamespace(events=events)), SystemClock(), VIRTUAL_START, callback)
    watcher.start()
    yield
    watcher.stop()


@contextmanager
def _changes(callback: Clumsy, registry: SqliteRegistry) -> Iterator[None]:
    watcher = RegistryWatcher(registry, ["ConfigMap"], callback)
    watcher.start()
    put(registry, SETTINGS)
    yield
    watcher.stop()


@contextmanager
def _calling_watch(callback: Clumsy, registry: SqliteRegistry) -> Iterator[None]:
    with registry.watch(kinds=["ConfigMap"], wake=callback):
        put(registry, SETTINGS)
        assert callback.was_called.wait(SECONDS)
        registry.delete("ConfigMap", "default", "settings")
        yield


@contextmanager
def _network(callback: Clumsy, registry: SqliteRegistry) -> Iterator[None]:
    engine = cast(Engine, SimpleNamespace())
    network = NetworkThread(engine, registry, SystemClock(), NetworkPlace(SoleHolder("node"), "label"))
    network.follow(callback, lambda _: None)
    network.wake()
    yield
    network.close()


@contextmanager
def _pool(callback: Clumsy, _: SqliteRegistry) -> Iterator[None]:
    lanes = Lanes(short=1)
    for _number in range(2):
        lanes.put(Lane.START, callback)
    yield


@pytest.mark.parametrize(
    "begin", [_events, _changes, _calling_watch, _network, _pool], ids=lambda begin: begin.__name__.strip("_")
)
def test_a_mistake_of_whoever_is_called_back_is_logged_and_ends_no_thread(
    begin: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry, callback = SqliteRegistry(Home(tmp_path)), Clumsy()
    with caplog.at_level(logging.ERROR, logger="runner"), begin(callback, registry):
        assert callback.is_well.wait(SECONDS)
    registry.close()
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["our own mistake"]


# --- the end of a run that is kept ---------------------------------------------------------------------------------------


class WokenClock(SystemClock):
    """Time goes on only by waits that are not ended early: those that nobody ends before take no time at all."""

    def __init__(self, *, waits_for: threading.Event | None = None) -> None:
        self.seconds = 100.0
        super().__init__(wall=lambda: VIRTUAL_START, monotonic=lambda: self.seconds)
        self._waits_for = waits_for
        self.is_waiting, self.was_woken = threading.Event(), False

    def wait(self, until: datetime | None, wakeup: Wakeup) -> bool:
        assert until is not None
        self.is_waiting.set()
        if self._waits_for is not None:
            self.was_woken |= wakeup.wait(SECONDS)
            wakeup.clear()
            return self.was_woken
        self.seconds += (until - self.now()).total_seconds()
        return False


def _kept_run(clock: SystemClock, gate: Gate) -> Waiting:
    """A run that is kept, whose only worker stands at a gate."""

    def step(_: object) -> bool:
        gate.pass_through()
        return True

    owned = SimpleNamespace(pod=SimpleNamespace(name="web"), wakeup=Wakeup())
    node = SimpleNamespace(
        clock=clock,
        running=[Running(cast(Any, owned), cast(Any, SimpleNamespace()))],
        controllers=(),
        step=step,
        roster=SimpleNamespace(remember=lambda _: None),
    )
    node.broke = lambda *_: None
    node.standing = None
    node.let_go = node.keep = node.end_faults = node.say_goodbye = node.settle = node.detach = node.on_news = (
        lambda *_: None
    )
    run = Waiting(cast(Node, node), Threads(cast(Node, node)), RunOptions(keep=Keep.ALWAYS))
    run.start()
    assert gate.came.wait(SECONDS)
    return run


def test_the_workers_of_a_run_that_is_kept_are_waited_for_as_long_as_one_call_may_take() -> None:
    gate, clock = Gate(), WokenClock()
    run = _kept_run(clock, gate)
    ending = aside(lambda: run.finish(ExitCode.OK, StopRequest()))
    ending.join(SECONDS)
    has_ended = not ending.is_alive()
    gate.open()
    assert has_ended
    assert clock.seconds == pytest.approx(100 + HALT_SECONDS)


def test_who_asks_to_stop_once_more_is_heard_at_once() -> None:
    """Nothing but that wakes whoever waits."""
    gate, stop = Gate(), StopRequest()
    clock = WokenClock(waits_for=threading.Event())
    run = _kept_run(clock, gate)
    ending = aside(lambda: run.finish(ExitCode.OK, stop))
    assert clock.is_waiting.wait(SECONDS)
    stop.request()
    ending.join(SECONDS)
    has_ended = not ending.is_alive()
    gate.open()
    assert has_ended
    assert clock.was_woken
