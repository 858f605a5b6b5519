"""What is closed stays closed, also when a thread opens something at that very moment; and who is started, starts once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.api.waiting import Waiting
from runner.clock import VIRTUAL_START, SystemClock, Wakeup
from runner.engine.protocol import Engine, EngineEvent
from runner.errors import ExitCode, Expired
from runner.kubelet.loop.wakeups import EngineWatcher, RegistryWatcher
from runner.kubelet.network.following import NetworkThread
from runner.kubelet.network.place import NetworkPlace
from runner.kubelet.options import Keep, RunOptions
from runner.node.node import Node
from runner.node.outcome import StopRequest
from runner.node.running import Running
from runner.node.threads import Threads
from runner.registry.contract import Registry
from runner.registry.holders import SoleHolder
from runner.registry.home import Home
from runner.registry.sqlite import SqliteRegistry
from tests.support.gates import SECONDS, Gate, aside, open_below


class Stream:
    """Events that never come."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[EngineEvent]:
        assert self.closed.wait(SECONDS), "nobody closes the stream"
        return iter(())

    def close(self) -> None:
        self.closed.set()


class ConnectingEngine:
    """Takes its time to open a stream."""

    def __init__(self) -> None:
        self.gate, self.streams = Gate(), list[Stream]()

    def events(self, _: Mapping[str, str], **__: datetime) -> Stream:
        self.gate.pass_through()
        self.streams.append(Stream())
        return self.streams[-1]


def test_a_stream_of_events_that_opens_while_it_is_stopped_is_closed_and_tells_nothing() -> None:
    engine, told = ConnectingEngine(), list[tuple[str, str]]()
    watcher = EngineWatcher(cast(Engine, engine), SystemClock(), VIRTUAL_START, lambda *what: told.append(what))
    watcher.start()
    assert engine.gate.came.wait(SECONDS)
    stopping = aside(watcher.stop)
    stopping.join(0.1)
    engine.gate.open()
    stopping.join(SECONDS)
    (stream,) = engine.streams
    assert stream.closed.is_set()
    assert told == []


class ForgetfulRegistry(SqliteRegistry):
    """Its watches are too old at once; a new one takes its time."""

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self.gate, self.made = Gate(), 0

    def watch(self, since: str | None = None, **selection: Any) -> Any:
        if self.made:
            self.gate.pass_through()
        self.made += 1
        return Outdated(super().watch(since, **selection)) if self.made == 1 else super().watch(since, **selection)

    @property
    def open_watches(self) -> Collection[object]:
        return self._watches


class Outdated:
    """A watch that missed too much."""

    def __init__(self, watch: Any) -> None:
        self.close = watch.close

    def next(self, _: float | None = None) -> Any:
        raise Expired(1, 2)


def _of_node(registry: Registry) -> Callable[[], None]:
    watcher = RegistryWatcher(registry, ["Pod"], lambda _: None)
    watcher.start()
    return watcher.stop


def _of_network(registry: Registry) -> Callable[[], None]:
    place = NetworkPlace(SoleHolder("node"), "label")
    network = NetworkThread(cast(Engine, SimpleNamespace()), registry, SystemClock(), place)
    network.follow(lambda: (), lambda _: None)
    network.wake()
    return network.close


@pytest.mark.parametrize("begin", [_of_node, _of_network], ids=["the node's", "the network's"])
def test_a_watch_that_begins_anew_while_it_is_stopped_is_closed(
    begin: Callable[[Registry], Callable[[], None]], tmp_path: Path
) -> None:
    registry = ForgetfulRegistry(Home(tmp_path / "home"))
    stop = begin(registry)
    assert registry.gate.came.wait(SECONDS)
    stopping = aside(stop)
    stopping.join(0.1)
    registry.gate.open()
    stopping.join(SECONDS)
    assert registry.made == 2
    assert list(registry.open_watches) == []
    registry.close()


def _hanging_its_bell(registry: SqliteRegistry) -> tuple[Any, str, int]:
    return registry.doorbells, "hang", 1


def _looking_for_the_first_time(registry: SqliteRegistry) -> tuple[Any, str, int]:
    return registry.database, "seen", 1


def _looking_after_its_bell_is_hung(registry: SqliteRegistry) -> tuple[Any, str, int]:
    return registry.database, "seen", 2


def _looking_because_no_bell_rang(registry: SqliteRegistry) -> tuple[Any, str, int]:
    return registry.database, "seen", 3


@pytest.mark.parametrize(
    "moment",
    [_hanging_its_bell, _looking_for_the_first_time, _looking_after_its_bell_is_hung, _looking_because_no_bell_rang],
    ids=lambda moment: moment.__name__.strip("_"),
)
def test_a_registry_that_is_closed_while_a_watch_is_at_its_file_does_not_open_again(
    moment: Callable[[SqliteRegistry], tuple[Any, str, int]], tmp_path: Path
) -> None:
    registry, gate = SqliteRegistry(Home(tmp_path / "home")), Gate()
    watch = registry.watch(str(registry.version()))
    place, name, which = moment(registry)
    real, calls = getattr(place, name), count(1)

    def slowly(*arguments: Any) -> Any:
        if next(calls) == which:
            gate.pass_through()
        return real(*arguments)

    setattr(place, name, slowly)
    waiting = aside(lambda: watch.next(SECONDS))
    assert gate.came.wait(SECONDS)
    closing = aside(registry.close)
    closing.join(0.1)
    gate.open()
    closing.join(SECONDS)
    waiting.join(SECONDS)
    assert open_below(tmp_path) == []


class Watched:
    """A pod whose thread two may look for at the same moment."""

    def __init__(self, together: threading.Barrier) -> None:
        self.pod, self.detached = SimpleNamespace(name="web"), False
        self._together = together
        self._thread: threading.Thread | None = None

    def start(self, work: Callable[[Running], None]) -> None:
        Running.start(cast(Running, self), work)

    @property
    def thread(self) -> threading.Thread | None:
        found = self._thread
        with suppress(threading.BrokenBarrierError):
            self._together.wait(0.2)
        return found

    @thread.setter
    def thread(self, thread: threading.Thread) -> None:
        self._thread = thread


def test_a_pod_has_one_thread_when_two_ask_for_its_start_at_the_same_moment() -> None:
    steps = list[str]()

    def step(one: Any) -> bool:
        steps.append(one.pod.name)
        return True

    pods = [Watched(threading.Barrier(2))]
    node = SimpleNamespace(clock=SystemClock(), running=pods, controllers=(), step=step, let_go=lambda _: None)
    threads = Threads(cast(Node, node))
    starting = aside(threads.start)
    threads.start()
    starting.join(SECONDS)
    threads.join(SECONDS)
    assert steps == ["web"]


def test_whoever_waits_for_a_worker_that_does_not_end_gives_it_up_when_asked_to_stop() -> None:
    """A signal only asks: the system may have given it to another thread than the one that waits."""
    gate, stop = Gate(), StopRequest()

    def step(_: object) -> bool:
        gate.pass_through()
        return True

    owned = SimpleNamespace(pod=SimpleNamespace(name="web"), wakeup=Wakeup())
    pod = Running(cast(Any, owned), cast(Any, SimpleNamespace()))
    node = SimpleNamespace(
        clock=SystemClock(),
        running=[pod],
        controllers=(),
        step=step,
        let_go=lambda _: None,
        keep=lambda: None,
        say_goodbye=lambda: None,
        settle=lambda: None,
        detach=lambda: None,
        on_news=lambda _: None,
        standing=None,
        roster=SimpleNamespace(remember=lambda _: None),
    )
    run = Waiting(cast(Node, node), Threads(cast(Node, node)), RunOptions(keep=Keep.ALWAYS))
    run.start()
    assert gate.came.wait(SECONDS)
    ending = aside(lambda: run.finish(ExitCode.OK, stop))
    ending.join(0.1)
    assert ending.is_alive()
    clock = SystemClock()
    end = clock.steady() + SECONDS
    while ending.is_alive() and clock.steady() < end:
        stop.request()
        ending.join(0.1)
    assert not ending.is_alive()
    gate.open()
