"""What comes just as something is closed, or after it: nothing is opened, started or told, and no close waits for ever."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.api.live import Life
from runner.api.waiting import Waiting
from runner.clock import SystemClock, Wakeup
from runner.core.narration import Narration
from runner.engine.docker import MINIMUM_API, DockerEngine
from runner.engine.docker.clients import Clients
from runner.engine.docker.plainwire import PlainWire
from runner.engine.docker.wire import Wire
from runner.engine.early import EarlyEngine
from runner.engine.plainhttp import Begun
from runner.engine.protocol import Engine
from runner.errors import ExitCode, StoreError, UsageError
from runner.kubelet.logs.follow import LogCollector
from runner.kubelet.logs.lane import LogLane, Step, Steps
from runner.kubelet.loop.wakeups import RegistryWatcher
from runner.kubelet.network.following import NetworkThread
from runner.kubelet.network.place import NetworkPlace
from runner.kubelet.options import Keep, RunOptions
from runner.kubelet.prober.handlers.relay import Pump
from runner.node.node import Node
from runner.node.outcome import StopRequest
from runner.node.running import Running
from runner.node.threads import Threads
from runner.registry.holders import SoleHolder
from runner.registry.home import Home
from runner.registry.sqlite import SqliteRegistry
from runner.registry.sqlite.doorbell import Bell
from runner.render.streams import Output
from tests.engine.fake_api import Answer, fake_api
from tests.runtime.test_logs import STARTED, Script, ScriptedEngine, Told, line
from tests.support.gates import SECONDS, Gate, aside, meanwhile, open_below

NOW = datetime(2026, 1, 2, tzinfo=UTC)


# --- a node ------------------------------------------------------------------------------------------------------------


def _pod(name: str) -> Running:
    owned = SimpleNamespace(pod=SimpleNamespace(name=name), wakeup=Wakeup())
    return Running(cast(Any, owned), cast(Any, SimpleNamespace()))


def _node(steps: list[str], *pods: Running) -> Any:
    def step(one: Running) -> bool:
        steps.append(one.pod.name)
        return True

    node = SimpleNamespace(clock=SystemClock(), running=list(pods), controllers=(), step=step)
    node.roster = SimpleNamespace(remember=lambda _: None)
    node.standing = None
    node.registry_changed = node.settle = node.on_news = node.let_go = node.end_faults = lambda *_: None

    def detach() -> None:
        for one in node.running:
            one.detach()

    node.detach = detach
    return node


def test_a_pod_that_is_heard_of_after_the_close_has_no_thread() -> None:
    steps = list[str]()
    threads = Threads(cast(Node, _node(steps, _pod("web"))))
    threads.close()
    threads.start()  # As by a watch that has seen it open.
    threads.join(SECONDS)
    assert steps == []


def test_a_pod_that_comes_while_the_others_are_waited_for_has_no_worker() -> None:
    steps = list[str]()
    node = _node(steps, _pod("first"))

    class Busy(Threads):
        def join(self, *args: Any, **how: Any) -> bool:
            found = super().join(*args, **how)
            node.running.append(_pod("late"))
            self._registry_changed(())  # As the watch calls it, if that is not closed.
            return found

    threads = Busy(node)
    threads.start()
    Threads.join(threads, SECONDS)
    Waiting(node, threads, RunOptions()).close()
    Threads.join(threads, SECONDS)
    assert steps == ["first"]


def test_a_watcher_that_was_never_started_is_stopped(tmp_path: Path) -> None:
    registry = SqliteRegistry(Home(tmp_path))
    watcher = RegistryWatcher(registry, ["Pod"], lambda _: None)
    watcher.begin()
    watcher.stop()
    assert registry._watches == set()
    registry.close()


def test_a_watcher_that_begins_anew_closes_the_watch_that_missed_something(tmp_path: Path) -> None:
    registry = SqliteRegistry(Home(tmp_path))
    watcher = RegistryWatcher(registry, ["Pod"], lambda _: None)
    watcher.begin()
    watcher.begin()
    assert len(registry._watches) == 1
    watcher.stop()
    registry.close()


# --- the network -------------------------------------------------------------------------------------------------------


def test_a_network_that_could_not_follow_is_closed(tmp_path: Path) -> None:
    class Broken(SqliteRegistry):
        def version(self) -> int:
            raise StoreError("broken")

    registry = Broken(Home(tmp_path))
    network = _network(registry)
    with pytest.raises(StoreError):
        network.follow(lambda: (), lambda _: None)
    network.close()
    registry.close()


def test_a_network_whose_proxies_are_never_made_is_closed_all_the_same(tmp_path: Path) -> None:
    registry, gate = SqliteRegistry(Home(tmp_path)), Gate()
    network = _network(registry, patience=0.1)
    network._network = cast(Any, SimpleNamespace(prepare=lambda _: gate.pass_through(), close=lambda: None))
    cast(Any, registry).list = lambda _: SimpleNamespace(items=[{"kind": "Service"}])
    network.prepare()
    assert gate.came.wait(SECONDS)
    closing = aside(network.close)
    closing.join(SECONDS / 2)
    is_closed = not closing.is_alive()
    gate.open()
    assert is_closed
    registry.close()


def test_pods_do_not_wait_for_ever_for_proxies_that_are_never_made(tmp_path: Path) -> None:
    registry, gate = SqliteRegistry(Home(tmp_path)), Gate()
    network = _network(registry, patience=0.1, prepares=0.1)
    stuck = SimpleNamespace(
        prepare=lambda _: gate.pass_through(), zone=lambda _: "zone", tell=lambda _: None, close=lambda: None
    )
    network._network = cast(Any, stuck)
    cast(Any, registry).list = lambda _: SimpleNamespace(items=[{"kind": "Service"}])
    network.prepare()
    assert gate.came.wait(SECONDS)
    zones = list[str]()
    asking = aside(lambda: zones.append(network.zone(cast(Any, None))))
    asking.join(SECONDS)
    network.follow(lambda: (), lambda _: None)
    network.close()
    at_work = network._thread
    assert at_work is not None
    at_work.join(SECONDS)
    gate.open()
    assert (zones, at_work.is_alive()) == (["zone"], False)
    registry.close()


def _network(registry: SqliteRegistry, **how: float) -> NetworkThread:
    place = NetworkPlace(SoleHolder("node"), "label")
    return NetworkThread(cast(Engine, SimpleNamespace()), registry, SystemClock(), place, **how)


# --- output ------------------------------------------------------------------------------------------------------------


def test_a_container_that_starts_after_the_close_is_not_followed(tmp_path: Path) -> None:
    engine, told = ScriptedEngine(Script([line("a\n", 1)])), Told()
    collector = LogCollector(engine, Home(tmp_path), told, SystemClock())
    collector.close()
    collector(STARTED)
    assert collector.finish("c1")
    assert (engine.since, told.lines, list(tmp_path.iterdir())) == ([], [], [])


def test_what_is_read_after_the_close_is_not_told() -> None:
    told = list[Narration]()
    collector = LogCollector(ScriptedEngine(), None, told.append, SystemClock())
    collector.close()
    collector._outbox.put(cast(Any, SimpleNamespace(whole=lambda pieces: pieces)), [line("a\n", 1)])
    assert (collector._outbox._thread, told) == (None, [])


def test_a_reader_whose_turn_comes_after_the_close_takes_no_step() -> None:
    lane, taken = LogLane(SystemClock()), list[str]()

    def steps() -> Steps:
        taken.append("step")
        yield Step()

    lane.close()
    lane._advance(steps())
    assert taken == []


def test_a_place_that_was_closed_on_the_way_disturbs_no_other_reader() -> None:
    lane = LogLane(SystemClock())
    gone, heard = Wakeup(), Wakeup()
    ear, mouth = os.pipe()
    no_place = socket.socket()
    number = no_place.fileno()
    no_place.close()

    def late() -> Steps:
        yield Step(place=number)
        gone.set()

    def waits() -> Steps:
        yield Step(place=ear)
        heard.set()

    lane._park(late(), Step(place=number))
    assert gone.wait(SECONDS)
    lane.follow(waits())
    os.write(mouth, b"!")
    assert heard.wait(SECONDS)
    lane.close()
    os.close(ear)
    os.close(mouth)


# --- connections -------------------------------------------------------------------------------------------------------


class _Slow:
    """Has its reader stand still when it has seen that nothing is closed."""

    gate: Gate
    reader: threading.Thread | None = None
    _is_closed = False

    @property
    def closed(self) -> bool:
        found = self._is_closed
        if threading.current_thread() is self.reader:
            self.reader = None
            self.gate.pass_through()
        return found

    @closed.setter
    def closed(self, value: bool) -> None:
        self._is_closed = value


class SlowPlainWire(_Slow, PlainWire):
    pass


class SlowWire(_Slow, Wire):
    pass


def _plain(connection: socket.socket) -> Any:
    return SlowPlainWire(Begun(200, connection, is_chunked=False, rest=b""), "unix:///x", lambda _: None)


def _whole(connection: socket.socket) -> Any:
    body = connection.makefile("rb")
    response = SimpleNamespace(raw=SimpleNamespace(_fp=SimpleNamespace(fp=body)), close=body.close)
    wire = SlowWire(cast(Any, response), cast(Any, SimpleNamespace(close=connection.close)), "unix:///x")
    wire._has_peeped = True
    return wire


@pytest.mark.parametrize("make", [_plain, _whole])
def test_a_connection_that_is_closed_as_it_is_looked_for_stays_until_it_is_given_back(
    make: Callable[[socket.socket], Any],
) -> None:
    ours, theirs = socket.socketpair()
    wire = make(ours)
    wire.gate, found = Gate(), list[int | None]()

    def look() -> None:
        wire.reader = threading.current_thread()
        found.append(wire.place())

    meanwhile(wire.gate, look, wire.close)
    (place,) = found
    assert place is None or os.fstat(place)
    wire.release()
    ours.close()
    theirs.close()


@contextmanager
def _slow_adapter(address: str, gate: Gate) -> Iterator[Engine]:
    class Slow(DockerEngine):
        def _request(self, *request: Any, **arguments: Any) -> Any:
            answer = super()._request(*request, **arguments)
            gate.pass_through()
            return answer

    yield Slow(address)


@contextmanager
def _slow_early(address: str, gate: Gate) -> Iterator[Engine]:
    class Slow(EarlyEngine):
        def _path(self, path: str, query: Any) -> str:
            if path == "/events":
                gate.pass_through()
            return super()._path(path, query)

    yield cast(Engine, Slow(address))


@pytest.mark.parametrize("slow", [_slow_adapter, _slow_early])
def test_a_stream_that_opens_as_its_engine_is_closed_ends_at_once(slow: Any, tmp_path: Path) -> None:
    gate, heard = Gate(), list[object]()
    with fake_api(tmp_path, {"GET /events": Answer(chunks=(), hold=True)}) as api, slow(api.url, gate) as engine:
        meanwhile(gate, lambda: heard.append(list(engine.events({}))), engine.close)
        engine.close()
    assert heard == [[]]


def test_a_client_that_asks_for_versions_as_all_are_closed_is_closed_too() -> None:
    gate, closed = Gate(), list[str]()

    class Asking(Clients):
        def _make(self, version: str) -> Any:
            def answer(**_: object) -> dict[str, str]:
                gate.pass_through()
                return {"ApiVersion": MINIMUM_API}

            return SimpleNamespace(version=answer, close=lambda: closed.append(version))

    clients = Asking("unix:///x", tls=None, timeout=1.0)
    meanwhile(gate, clients.api, clients.close)
    assert closed == [MINIMUM_API]


class _Flood:
    """An exec that never stops writing, to a client that reads nothing."""

    errors = b""

    def __init__(self) -> None:
        self.is_closed = False

    def read(self, size: int) -> bytes:
        return b"" if self.is_closed else bytes(size)

    def write(self, data: bytes) -> None:
        """Take it."""

    def end_input(self) -> None:
        """There was none."""

    def close(self) -> None:
        self.is_closed = True


def test_a_pump_whose_client_reads_nothing_is_closed() -> None:
    client, inner = socket.socketpair()
    pump = Pump(cast(Any, _Flood()), inner)
    closing = aside(pump.close)
    closing.join(SECONDS)
    is_closed = not closing.is_alive()
    client.close()
    closing.join(SECONDS)
    assert is_closed


# --- the registry ------------------------------------------------------------------------------------------------------


def test_a_thread_that_comes_after_the_registry_is_closed_opens_nothing(tmp_path: Path) -> None:
    registry = SqliteRegistry(Home(tmp_path))
    watch = registry.watch(str(registry.version()))
    watch.next(0)
    registry.close()
    for late in (registry.version, lambda: registry.watch("0"), lambda: registry.watch().next(0)):
        with pytest.raises(StoreError):
            late()
    assert watch.next(0) == []
    registry.doorbells.ring(["nobody"])
    assert registry.doorbells._sender is None
    assert open_below(tmp_path) == []


def test_a_bell_is_closed_when_nobody_listens_at_it_any_more() -> None:
    gate, order = Gate(), list[str]()

    def receive(_: int) -> bytes:
        gate.pass_through()
        order.append("heard")
        raise TimeoutError

    ear = SimpleNamespace(settimeout=lambda _: None, recv=receive, close=lambda: order.append("closed"))
    bell = Bell("bell", cast(Any, ear), "")
    meanwhile(gate, lambda: bell.wait(SECONDS), bell.close)
    assert order == ["heard", "closed"]


# --- runs --------------------------------------------------------------------------------------------------------------


def test_two_who_ask_for_an_end_at_the_same_moment_insist_on_it() -> None:
    gate = Gate()

    class Slow(StopRequest):
        _requested = False
        reads = 0

        @property
        def requested(self) -> bool:
            found = self._requested
            self.reads += 1
            if self.reads == 1:
                gate.pass_through()
            return found

        @requested.setter
        def requested(self, value: bool) -> None:
            self._requested = value
            if value and self.reads == 0:
                self.reads = 1
                gate.pass_through()

    stop = Slow()
    meanwhile(gate, stop.request, stop.request)
    assert stop.forced


def test_two_who_find_a_reader_gone_say_so_once() -> None:
    gate, told = Gate(), list[str]()

    class Slow(Output):
        _is_closed = False
        reads = 0

        @property
        def _closed(self) -> bool:
            found = self._is_closed
            self.reads += 1
            if self.reads == 1:
                gate.pass_through()
            return found

        @_closed.setter
        def _closed(self, value: bool) -> None:
            self._is_closed = value

    output = Slow(StringIO(), on_closed=lambda: told.append("gone"))
    meanwhile(gate, output.reader_left, output.reader_left)
    assert told == ["gone"]


class Beginning:
    """A library whose pods take their time to have workers."""

    def __init__(self) -> None:
        self.gate, self.order = Gate(), list[str]()
        self.client = None

    @contextmanager
    def launched(self, *_: object, **__: object) -> Iterator[Any]:
        self.gate.pass_through()
        self.order.append("launched")
        yield SimpleNamespace(pods=(), recording=SimpleNamespace(end=lambda *_: None))
        self.order.append("taken back")

    @contextmanager
    def working(self, _launch: object, _listener: object, stop: StopRequest) -> Iterator[Any]:
        def wait(*_: object) -> tuple[int, str]:
            asked = threading.Event()
            stop.subscribe(asked.set)
            assert stop.requested or asked.wait(SECONDS)
            return ExitCode.INTERRUPTED, ""

        node = SimpleNamespace(
            view=lambda: SimpleNamespace(pods=()), on_trouble=lambda _: None, on_leave=lambda _: None
        )
        yield SimpleNamespace(node=node, wait=wait, finish=lambda *_: self.order.append("deleted"))


def test_a_run_that_is_ended_while_it_begins_leaves_nothing() -> None:
    runner, problems = Beginning(), list[BaseException]()
    life = Life(cast(Any, runner), RunOptions(keep=Keep.NEVER), lambda _: None)

    def begin() -> None:
        try:
            life.begin(())
        except Exception as error:
            problems.append(error)

    def end() -> None:
        life.end()
        runner.order.append("ended")

    meanwhile(runner.gate, begin, end)
    assert runner.order == ["launched", "deleted", "taken back", "ended"]
    assert len(problems) == 1


def test_a_run_that_was_ended_does_not_begin() -> None:
    runner = Beginning()
    life = Life(cast(Any, runner), RunOptions(), lambda _: None)
    life.end()
    with pytest.raises(UsageError):
        life.begin(())
    assert runner.order == []
