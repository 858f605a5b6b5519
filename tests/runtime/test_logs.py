"""Following output without losing or repeating a line, and reading it when its container is gone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from runner.clock import SystemClock
from runner.core.narration import AttemptEnding, AttemptStarted, LogLine, LogLines, Narration, PodRef, StatusChanged
from runner.core.status.podstatus import ContainerStatus, PodStatus, Terminated
from runner.core.text.times import parse_time
from runner.engine.protocol import ContainerDetails, EngineState, LogChunk, Untagged
from runner.errors import EngineError, EngineRefusal, EngineUnavailable, NotFound
from runner.kubelet.logs.files import KEPT_ATTEMPTS, KEPT_BYTES, MAX_FILE_SIZE, prune, read_saved, saved_attempts
from runner.kubelet.logs.follow import LogCollector
from runner.kubelet.logs.output import BEGIN_SECONDS, KNOWN_SECONDS, MAX_LINE_SIZE, TAIL_MARGIN, OutputReader
from runner.registry.home import Home
from tests.support.gates import readers_left

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REF = PodRef(namespace="default", name="web", uid="u1")
STARTED = AttemptStarted(at=NOW, ref=REF, container="main", is_init=False, attempt=1, container_id="c1")
ENDING = AttemptEnding(ref=REF, container="main", is_init=False, attempt=1, container_id="c1")


def line(data: str, nanosecond: int = 0, stream: str = "stdout") -> LogChunk:
    return LogChunk(stream=stream, data=data.encode(), timestamp=f"2026-01-02T03:04:05.{nanosecond:09}Z")


@dataclass(slots=True)
class Script:
    """What following once gives: chunks, then an error or an end; ``hold`` keeps the stream open till it is closed.

    ``missed`` chunks are there, too, but only for who asks without following.
    """

    chunks: list[LogChunk] = field(default_factory=list)
    missed: list[LogChunk] = field(default_factory=list)
    error: EngineError | None = None
    hold: bool = False
    state: EngineState = EngineState.EXITED


class ScriptedStream:
    def __init__(self, script: Script) -> None:
        self._script = script
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[LogChunk]:
        yield from self._script.chunks
        if self._script.error is not None:
            raise self._script.error
        if self._script.hold:
            assert self._closed.wait(30)

    def batches(self) -> Iterator[list[LogChunk]]:
        return ([chunk] for chunk in self)

    def place(self) -> int:
        return -1

    def close(self) -> None:
        self._closed.set()


class ScriptedEngine(Untagged):
    """Gives one script after another; the last one for ever."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = list(scripts)
        self._served = scripts[0] if scripts else Script()
        self.since: list[datetime | None] = []

    def logs(
        self, container_id: str, *, follow: bool, tail: int | None = None, since: datetime | None = None
    ) -> ScriptedStream:
        assert container_id == "c1"
        if not follow:
            written = self._served.chunks + self._served.missed
            return ScriptedStream(Script(written if tail is None else written[-tail:]))
        self.since.append(since)
        self._served = script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        return ScriptedStream(script)

    def inspect_container(self, container_id: str) -> ContainerDetails:
        return ContainerDetails(
            id=container_id, name="n", image="i", image_id="", state=self._served.state, labels={}, created_at=NOW
        )


class Told:
    """Collects what is told, and lets a test wait for it."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self._changed = threading.Condition()

    def __call__(self, message: Narration) -> None:
        assert isinstance(message, LogLines)
        with self._changed:
            self.lines.extend(message.lines)
            self._changed.notify_all()

    def wait(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.lines) >= count, timeout=20)

    @property
    def data(self) -> list[bytes]:
        return [line.data for line in self.lines]


def test_lines_are_told_in_order_and_saved(tmp_path: Path) -> None:
    engine = ScriptedEngine(Script([line("a\n", 1), line("b\n", 2, "stderr"), line("\n", 3)]))
    told = Told()
    collector = LogCollector(engine, Home(tmp_path), told, SystemClock())
    collector(STARTED)
    assert collector.finish("c1")
    assert told.lines == [
        LogLine(
            ref=REF,
            container="main",
            is_init=False,
            attempt=1,
            stream=stream,
            data=data,
            timestamp=line("", nano).timestamp,
        )
        for stream, data, nano in [("stdout", b"a", 1), ("stderr", b"b", 2), ("stdout", b"", 3)]
    ]
    assert Home(tmp_path).log_file("default", "web", "u1", "main", 1).read_text() == (
        "2026-01-02T03:04:05.000000001Z stdout F a\n"
        "2026-01-02T03:04:05.000000002Z stderr F b\n"
        "2026-01-02T03:04:05.000000003Z stdout F \n"
    )
    assert list(read_saved(Home(tmp_path), REF, "main", 1)) == [line("a\n", 1), line("b\n", 2, "stderr"), line("\n", 3)]


def test_an_attempt_that_printed_nothing_has_an_empty_file(tmp_path: Path) -> None:
    collector = LogCollector(ScriptedEngine(Script()), Home(tmp_path), Told(), SystemClock())
    collector(STARTED)
    assert collector.finish("c1")
    assert saved_attempts(Home(tmp_path), REF, "main") == (1,)


def test_pieces_of_a_long_line_are_told_as_one_and_saved_as_pieces(tmp_path: Path) -> None:
    """The Engine cuts long lines; a last line may lack its end."""
    engine = ScriptedEngine(Script([line("one ", 1), line("x\n", 2, "stderr"), line("line\n", 1), line("end", 3)]))
    told = Told()
    collector = LogCollector(engine, Home(tmp_path), told, SystemClock())
    collector(STARTED)
    assert collector.finish("c1")
    assert told.data == [b"x", b"one line", b"end"]
    saved = list(read_saved(Home(tmp_path), REF, "main", 1))
    assert [chunk.data for chunk in saved] == [b"one ", b"x\n", b"line\n", b"end"]


def test_a_line_without_end_is_told_before_it_fills_the_memory() -> None:
    piece = "x" * (MAX_LINE_SIZE // 4)
    engine = ScriptedEngine(Script([line(piece, nano) for nano in range(6)]))
    told = Told()
    collector = LogCollector(engine, None, told, SystemClock())
    collector(STARTED)
    assert collector.finish("c1")
    assert [len(data) for data in told.data] == [5 * len(piece), len(piece)]


def test_a_lost_connection_costs_no_line_and_repeats_none(tmp_path: Path) -> None:
    """Lines of one instant are counted; the two streams may lie apart in time."""
    engine = ScriptedEngine(
        Script(
            [line("a\n", 5000), line("e\n", 2000, "stderr"), line("b\n", 9000), line("b\n", 9000)],
            error=EngineUnavailable("connection reset"),
        ),
        Script(error=EngineUnavailable("connection refused")),
        Script(
            [
                line("e\n", 2000, "stderr"),
                line("a\n", 5000),
                line("f\n", 3000, "stderr"),
                *[line("b\n", 9000)] * 3,
                line("c\n", 9001),
            ]
        ),
    )
    told = Told()
    collector = LogCollector(engine, Home(tmp_path), told, SystemClock())
    collector(STARTED)
    assert collector.finish("c1")
    assert told.data == [b"a", b"e", b"b", b"b", b"f", b"b", b"c"]
    assert engine.since == [None, *[parse_time("2026-01-02T03:04:05.000002Z")] * 2]
    assert [chunk.data for chunk in read_saved(Home(tmp_path), REF, "main", 1)] == [data + b"\n" for data in told.data]


def test_lines_that_following_misses_at_the_end_are_told() -> None:
    """As the real Engine does it now and then."""
    told = Told()
    collector = LogCollector(
        ScriptedEngine(Script([line("a\n", 1)], missed=[line("end", 2)])), None, told, SystemClock()
    )
    collector(STARTED)
    assert collector.finish("c1")
    assert told.data == [b"a", b"end"]


@pytest.mark.parametrize("missed", [1, TAIL_MARGIN - 2, TAIL_MARGIN, 3 * TAIL_MARGIN])
@pytest.mark.parametrize("step", [0, 1, 7])
def test_lines_that_following_misses_are_told_however_many_they_are(missed: int, step: int) -> None:
    """Also lines of one instant, which only their number tells apart."""
    lines = [line(f"{number}\n", number * step) for number in range(2 * TAIL_MARGIN + missed)]
    script = Script(lines[: 2 * TAIL_MARGIN], missed=lines[2 * TAIL_MARGIN :])
    told = Told()
    collector = LogCollector(ScriptedEngine(script), None, told, SystemClock())
    collector(STARTED)
    assert collector.finish("c1")
    collector.close()
    assert told.data == [f"{number}".encode() for number in range(len(lines))]


def test_a_container_that_could_not_be_started_is_not_waited_for() -> None:
    """It stays created for ever, and has written nothing."""
    told, engine = Told(), ScriptedEngine(Script(state=EngineState.CREATED))
    collector = LogCollector(engine, None, told, SystemClock())
    collector(ENDING)
    assert len(engine.since) <= 1, "whoever waits for it asks again"
    assert told.data == []


class SlowReader(Told):
    """Takes nothing until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.may_go_on = threading.Event()

    def __call__(self, message: Narration) -> None:
        self.asked.set()
        assert self.may_go_on.wait(30)
        super().__call__(message)


def test_a_slow_reader_gets_every_line_and_keeps_no_pod_waiting() -> None:
    lines = [line(f"{number}\n", number) for number in range(20_000)]
    reader = SlowReader()
    collector = LogCollector(ScriptedEngine(Script(lines)), None, reader, SystemClock())
    collector(STARTED)
    assert reader.asked.wait(20)
    collector(ENDING)
    assert reader.lines == []
    let_go = threading.Timer(0.3, reader.may_go_on.set)
    let_go.start()
    collector.close()
    assert reader.data == [f"{number}".encode() for number in range(20_000)]


def test_whoever_insists_on_the_end_does_not_wait_for_a_reader(caplog: pytest.LogCaptureFixture) -> None:
    reader = SlowReader()
    collector = LogCollector(ScriptedEngine(Script([line("a\n", 1), line("b\n", 2)])), None, reader, SystemClock())
    collector(STARTED)
    assert reader.asked.wait(20)
    collector.hurry()
    collector.close()
    reader.may_go_on.set()
    assert "not all output was told: it was interrupted" in caplog.text


def test_a_backlog_is_bounded_and_loses_nothing() -> None:
    lines = [line(f"{number}\n", number) for number in range(500)]
    reader = SlowReader()
    collector = LogCollector(ScriptedEngine(Script(lines)), None, reader, SystemClock(), backlog=1000)
    collector(STARTED)
    assert reader.asked.wait(20)
    reader.may_go_on.set()
    assert collector.finish("c1", silence=0.5)
    collector.close()
    assert reader.data == [f"{number}".encode() for number in range(500)]


def test_an_engine_that_falls_silent_is_given_up_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    collector = LogCollector(ScriptedEngine(Script([line("a\n", 1)], hold=True)), None, told, SystemClock())
    collector(STARTED)
    told.wait(1)
    assert not collector.finish("c1", silence=0.1)
    assert "the output of container main is not complete" in caplog.text
    assert told.data == [b"a"]


def test_a_listener_that_fails_keeps_nobody_from_reading(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    def fail(_message: Narration) -> None:
        raise ValueError("no")

    collector = LogCollector(ScriptedEngine(Script([line("a\n", 1)])), Home(tmp_path), fail, SystemClock())
    collector(ENDING)
    collector.close()
    assert "whoever listens to output has failed" in caplog.text
    assert [chunk.data for chunk in read_saved(Home(tmp_path), REF, "main", 1)] == [b"a\n"]


def test_a_kept_container_that_runs_on_is_left_soon() -> None:
    told = Told()
    running = Script([line("a\n", 1)], hold=True, state=EngineState.RUNNING)
    collector = LogCollector(ScriptedEngine(running), None, told, SystemClock())
    before = set(threading.enumerate())
    collector(replace(ENDING, is_removed=False))
    assert told.data == [b"a"]
    collector.close()
    assert readers_left(before) == []


def test_a_reader_that_is_closed_rests_no_more_and_asks_nothing_more() -> None:
    class AskedEngine(ScriptedEngine):
        asked = 0

        def inspect_container(self, container_id: str) -> ContainerDetails:
            self.asked += 1
            return super().inspect_container(container_id)

    engine = AskedEngine(Script([line("a\n", 1)], hold=True, state=EngineState.RUNNING))
    reader, rests = OutputReader(engine, "c1"), list[float]()
    for pieces in reader.steps():
        if pieces:
            reader.close()
        rests.append(reader.next_step.rest)
    assert engine.asked == 0
    assert not any(rests)


def test_a_stream_that_ends_while_the_container_runs_is_taken_up_again() -> None:
    """An Engine that shuts down in good order ends its streams in good order."""
    engine = ScriptedEngine(
        Script([line("a\n", 1)], state=EngineState.RUNNING), Script([line("a\n", 1), line("b\n", 2)])
    )
    told = Told()
    collector = LogCollector(engine, None, told, SystemClock())
    collector(STARTED)
    assert collector.finish("c1")
    assert told.data == [b"a", b"b"]


def test_times_of_any_precision_are_compared_as_times() -> None:
    early = LogChunk(stream="stdout", data=b"a\n", timestamp="2026-01-02T03:04:05Z")
    late = LogChunk(stream="stdout", data=b"b\n", timestamp="2026-01-02T03:04:05.5Z")
    engine = ScriptedEngine(Script([early, late], error=EngineUnavailable("reset")), Script([early, late]))
    told = Told()
    collector = LogCollector(engine, None, told, SystemClock())
    collector(STARTED)
    assert collector.finish("c1")
    assert told.data == [b"a", b"b"]


def test_a_restarted_process_goes_on_after_the_last_saved_line(tmp_path: Path) -> None:
    first = LogCollector(ScriptedEngine(Script([line("a\n", 1)])), Home(tmp_path), Told(), SystemClock())
    first(STARTED)
    assert first.finish("c1")
    file = Home(tmp_path).log_file("default", "web", "u1", "main", 1)
    file.write_bytes(file.read_bytes() + b"2026-01-02T03:04:05.000000002Z stdout F cut of")
    told = Told()
    second = LogCollector(ScriptedEngine(Script([line("a\n", 1), line("b\n", 2)])), Home(tmp_path), told, SystemClock())
    second(STARTED)
    assert second.finish("c1")
    assert told.data == [b"b"]
    assert [chunk.data for chunk in read_saved(Home(tmp_path), REF, "main", 1)] == [b"a\n", b"b\n"]


def test_an_ending_attempt_is_drained_before_the_call_returns(tmp_path: Path) -> None:
    """Even one that was not followed."""
    told = Told()
    LogCollector(ScriptedEngine(Script([line("a\n", 1)])), Home(tmp_path), told, SystemClock())(ENDING)
    assert told.data == [b"a"]


def test_finishing_a_container_that_goes_on_gives_up_in_time() -> None:
    told = Told()
    collector = LogCollector(ScriptedEngine(Script([line("a\n", 1)], hold=True)), None, told, SystemClock())
    collector(STARTED)
    told.wait(1)
    assert collector.finish("c1", silence=0.05) is False
    assert collector.finish("c1") is True
    assert collector.finish("unknown") is True


def test_closing_ends_all_following() -> None:
    told = Told()
    before = set(threading.enumerate())
    collector = LogCollector(ScriptedEngine(Script([line("a\n", 1)], hold=True)), None, told, SystemClock())
    collector(STARTED)
    told.wait(1)
    collector.close()
    assert readers_left(before) == []


@pytest.mark.parametrize(
    ("error", "warned"),
    [(NotFound("No such container"), False), (EngineRefusal("logging driver does not support reading"), True)],
)
def test_output_that_cannot_be_read_ends_the_following(
    error: EngineError, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    collector = LogCollector(ScriptedEngine(Script(error=error)), None, Told(), SystemClock())
    with caplog.at_level(logging.WARNING, logger="runner"):
        collector(STARTED)
        assert collector.finish("c1")
    assert bool(caplog.records) is warned


def test_lines_are_told_even_when_they_cannot_be_saved(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "home").write_text("")
    told = Told()
    collector = LogCollector(
        ScriptedEngine(Script([line("a\n", 1), line("b\n", 2)])), Home(tmp_path / "home"), told, SystemClock()
    )
    collector(STARTED)
    assert collector.finish("c1")
    assert told.data == [b"a", b"b"]
    assert [record.getMessage() for record in caplog.records if "cannot save" in record.getMessage()] != []


def test_a_file_never_grows_without_end(tmp_path: Path) -> None:
    size = MAX_FILE_SIZE // 8
    engine = ScriptedEngine(Script([line("x" * size + "\n", nano) for nano in range(20)]))
    collector = LogCollector(engine, Home(tmp_path), Told(), SystemClock())
    collector(STARTED)
    assert collector.finish("c1")
    file = Home(tmp_path).log_file("default", "web", "u1", "main", 1)
    assert sorted(path.name for path in file.parent.iterdir()) == ["1.log", "1.log.1", "1.log.cut"]
    assert all(path.stat().st_size <= MAX_FILE_SIZE for path in file.parent.iterdir())
    saved = [chunk.timestamp for chunk in read_saved(Home(tmp_path), REF, "main", 1)]
    assert saved == [line("", nano).timestamp for nano in range(20)][-len(saved) :]
    assert len(saved) >= 8


@pytest.mark.parametrize(
    ("tail", "since", "expected"),
    [
        pytest.param(None, None, [b"a\n", b"one ", b"e\n", b"line\n", b"z\n"], id="all"),
        pytest.param(2, None, [b"e\n", b"z\n"], id="a tail counts lines, not pieces"),
        pytest.param(3, None, [b"one ", b"line\n", b"e\n", b"z\n"], id="a line in pieces is one"),
        pytest.param(0, None, [], id="a tail of nothing"),
        pytest.param(None, "2026-01-02T03:04:05.000003Z", [b"e\n", b"line\n", b"z\n"], id="since an instant"),
        pytest.param(1, "2026-01-02T03:04:05.000009Z", [], id="since later"),
    ],
)
def test_saved_output_is_read_by_tail_and_since(
    tmp_path: Path, tail: int | None, since: str | None, expected: list[bytes]
) -> None:
    chunks = [
        line("a\n", 1000),
        line("one ", 2000),
        line("e\n", 3000, "stderr"),
        line("line\n", 4000),
        line("z\n", 5000),
    ]
    collector = LogCollector(ScriptedEngine(Script(chunks)), Home(tmp_path), Told(), SystemClock())
    collector(STARTED)
    assert collector.finish("c1")
    found = read_saved(Home(tmp_path), REF, "main", 1, tail=tail, since=parse_time(since))
    assert [chunk.data for chunk in found] == expected


def test_only_the_newest_attempts_are_kept(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for number in range(KEPT_ATTEMPTS + 3):
        attempt = replace(STARTED, attempt=number, container_id="c1")
        collector = LogCollector(ScriptedEngine(Script([line("a\n", 1)])), home, Told(), SystemClock())
        collector(attempt)
        assert collector.finish("c1")
        collector.close()
    assert saved_attempts(home, REF, "main") == tuple(range(3, KEPT_ATTEMPTS + 3))


@pytest.mark.parametrize(
    ("sizes", "kept"),
    [
        pytest.param([9, 9, 9], [0, 1, 2], id="little"),
        pytest.param([60, 30, 30, 30], [1, 2, 3], id="the oldest go first"),
        pytest.param([1, 200, 200], [1, 2], id="the last two stay in any case"),
        pytest.param([30, 80, 30], [1, 2], id="as many as fit"),
    ],
)
def test_attempts_that_have_printed_much_go_earlier(tmp_path: Path, sizes: list[int], kept: list[int]) -> None:
    directory = Home(tmp_path).ensure(Home(tmp_path).pod_logs("default", "web", "u1") / "main")
    for number, size in enumerate(sizes):
        for name, part in ((f"{number}.log", size - size // 2), (f"{number}.log.1", size // 2)):
            with (directory / name).open("wb") as file:
                file.truncate(part * KEPT_BYTES // 100)
    (directory / "notes").touch()
    prune(directory)
    assert sorted(path.name for path in directory.iterdir()) == sorted(
        ["notes", *(f"{number}.log{end}" for number in kept for end in ("", ".1"))]
    )


def test_nothing_saved_reads_as_nothing(tmp_path: Path) -> None:
    assert list(read_saved(Home(tmp_path), REF, "main", 1)) == []
    assert saved_attempts(Home(tmp_path), REF, "main") == ()


def test_saved_attempts_are_listed_in_order(tmp_path: Path) -> None:
    directory = Home(tmp_path).ensure(Home(tmp_path).pod_logs("default", "web", "u1") / "main")
    for name in ("10.log", "2.log", "2.log.1", "x.log"):
        (directory / name).touch()
    assert saved_attempts(Home(tmp_path), REF, "main") == (2, 10)


class AskedEngine(ScriptedEngine):
    """Counts what is asked."""

    def __init__(self, *scripts: Script) -> None:
        super().__init__(*scripts)
        self.asked: list[str] = []
        self.stream: ScriptedStream | None = None

    def logs(
        self, container_id: str, *, follow: bool, tail: int | None = None, since: datetime | None = None
    ) -> ScriptedStream:
        self.asked.append("follow" if follow else "logs")
        self.stream = super().logs(container_id, follow=follow, tail=tail, since=since)
        return self.stream

    def inspect_container(self, container_id: str) -> ContainerDetails:
        self.asked.append("inspect")
        return super().inspect_container(container_id)


def read(steps: Iterator[Sequence[LogChunk]]) -> list[bytes]:
    return [piece.data for pieces in steps for piece in pieces]


@pytest.mark.parametrize("know", [OutputReader.end, OutputReader.want_no_more])
def test_what_has_ended_soon_or_is_wanted_no_longer_is_read_with_one_call(
    know: Callable[[OutputReader], object],
) -> None:
    engine = AskedEngine(Script([line("a\n", 1)], missed=[line("b\n", 2)]))
    reader = OutputReader(engine, "c1")
    steps = reader.steps(is_told=True)
    assert next(steps) == ()
    resting = reader.next_step
    assert (resting.rest, resting.is_over()) == (BEGIN_SECONDS, False)
    know(reader)
    assert resting.is_over()
    assert reader.is_read_at_once
    assert read(steps) == [b"a\n", b"b\n"]
    assert engine.asked == ["logs"]


def test_who_is_told_of_an_end_does_not_ask_for_it() -> None:
    engine = AskedEngine(Script([line("a\n", 1)], missed=[line("b\n", 2)]))
    reader = OutputReader(engine, "c1")
    steps, found = reader.steps(is_told=True), list[bytes]()
    next(steps)
    for pieces in steps:
        found += [piece.data for piece in pieces]
        if reader.next_step.rest == KNOWN_SECONDS:
            break
    assert not reader.want_no_more(), "what is followed is read to its end"
    assert not reader.next_step.is_over()
    reader.end()
    assert reader.next_step.is_over()
    assert [*found, *read(steps)] == [b"a\n", b"b\n"]
    assert engine.asked == ["follow", "logs"]


def test_who_is_told_nothing_asks() -> None:
    engine = AskedEngine(Script([line("a\n", 1)]))
    assert read(OutputReader(engine, "c1").steps(is_told=True)) == [b"a\n"]
    assert engine.asked == ["follow", "inspect", "logs"]


@pytest.mark.parametrize("place", ["state", "last_state"])
def test_a_published_status_tells_of_an_end(place: str) -> None:
    engine, told = AskedEngine(Script([line("a\n", 1)], hold=True, state=EngineState.RUNNING)), Told()
    collector = LogCollector(engine, None, told, SystemClock())
    collector(STARTED)
    told.wait(1)
    over = Terminated(exit_code=0, container_id="docker://c1")
    status = PodStatus(
        containers=(ContainerStatus(name="main", state=over if place == "state" else None, last_state=over),)
    )
    collector(StatusChanged(at=NOW, ref=REF, manifest={}, status=status))
    assert engine.stream is not None
    engine.stream.close()
    assert collector.finish("c1")
    collector.close()
    assert engine.asked == ["follow", "logs"]
