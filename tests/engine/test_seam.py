"""The seam around an Engine: which calls a wrapper sees, what they are tagged with, and what the log of calls says."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from runner.clock import SystemClock, VirtualClock
from runner.core.container.containerconfig import ContainerConfig, VolumeConfig
from runner.core.images.progress import PullProgress
from runner.core.narration import PodRef
from runner.engine.calllog import CallLog
from runner.engine.protocol import Engine, EngineState, RegistryAuth
from runner.engine.seam import Call, Seam, Target
from runner.errors import EngineError, EngineUnavailable, NotFound
from tests.engine.bench import IMAGE, SERVES, SPEAKS, SimulatedBench
from tests.runtime.handlers.servers import ProcessEngine

T = TypeVar("T")

WEB = PodRef(namespace="shop", name="web", uid="11-22")
CANARY = "canary-in-an-argument"


@dataclass
class Diary:
    """A wrapper that writes calls down; ``fault`` is raised instead of the call of a name."""

    seen: list[Call] = field(default_factory=list)
    faults: dict[str, Exception] = field(default_factory=dict)

    def around(self, call: Call, proceed: Callable[[], T]) -> T:
        self.seen.append(call)
        if call.name in self.faults:
            raise self.faults[call.name]
        return proceed()

    @property
    def names(self) -> list[str]:
        return [call.name for call in self.seen]


@pytest.fixture
def bench() -> SimulatedBench:
    return SimulatedBench()


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
def engine(bench: SimulatedBench, diary: Diary) -> Seam:
    return Seam(bench.engine, diary, SystemClock())


def use_every_verb(bench: SimulatedBench, engine: Engine, names: Iterator[str]) -> None:
    """One call of each verb that a simulated Engine has."""
    engine.info()
    engine.architecture()
    config = bench.config(SERVES, next(names))
    made = engine.create_container(config)
    engine.start_container(made)
    engine.inspect_container(made)
    engine.list_containers(config.labels)
    engine.upload(made, "/", engine.download(made, "/"))
    assert engine.stat_path(made, "/").is_directory
    with closing(engine.download_stream(made, "/")) as stream:
        engine.upload_stream(made, "/", iter([stream.read(1 << 20)]))
    engine.exec(made, ["sh", "-c", "echo out; exit 4"], timeout=5, limit=100)
    with pytest.raises(EngineError):
        engine.exec_stream(made, ["cat"])
    with pytest.raises(EngineError):
        engine.session(made, None, tty=True)
    engine.events(config.labels).close()
    engine.logs(made, follow=False).close()
    engine.kill_container(made, "SIGUSR1")
    engine.stop_container(made, 1)
    engine.container_config(made)
    engine.rename_container(made, next(names))
    copy = f"{next(names)}:1"
    engine.commit_container(made, copy, config.labels)
    engine.list_images(config.labels)
    engine.remove_image(copy)
    engine.remove_container(made)
    engine.inspect_image(IMAGE)
    engine.pull_image(IMAGE, auth=None, on_progress=lambda _: None)
    engine.import_image(next(names), b"", changes=())
    with pytest.raises(EngineError):
        engine.load_image(b"no archive")
    engine.remove_image(next(names))
    volume = VolumeConfig(name=next(names), labels=config.labels)
    engine.create_volume(volume)
    engine.inspect_volume(volume.name)
    engine.list_volumes(volume.labels)
    engine.remove_volume(volume.name)


def names() -> Iterator[str]:
    return (f"seam-{number}" for number in range(100))


def test_a_wrapper_sees_every_verb_of_the_protocol(bench: SimulatedBench, engine: Seam, diary: Diary) -> None:
    use_every_verb(bench, engine, names())
    verbs = {name for name, _ in inspect.getmembers(Engine, inspect.isfunction) if not name.startswith("_")}
    assert verbs - {"of", "close"} == {call.verb for call in diary.seen}


def test_calls_carry_the_pod_the_container_and_the_attempt_they_are_made_for(engine: Seam, diary: Diary) -> None:
    engine.info()
    of_pod = engine.of(WEB)
    of_pod.info()
    of_pod.of(container="main", attempt=3).info()
    of_pod.info()
    assert [str(call.target) for call in diary.seen] == ["-", "shop/web", "shop/web/main#3", "shop/web"]
    assert diary.seen[2].target == Target(namespace="shop", name="web", uid="11-22", container="main", attempt=3)


def test_wrappers_stand_on_each_other_and_each_sees_the_target(bench: SimulatedBench) -> None:
    inner, outer = Diary(), Diary(faults={"architecture": EngineUnavailable("away")})
    clock = SystemClock()
    engine = Seam(Seam(bench.engine, inner, clock), outer, clock).of(WEB, "main")
    engine.info()
    with pytest.raises(EngineUnavailable):
        engine.architecture()
    assert (inner.names, outer.names) == (["info"], ["info", "architecture"])
    assert str(inner.seen[0].target) == str(outer.seen[0].target) == "shop/web/main"


def test_an_engine_without_a_wrapper_is_itself_whatever_it_is_called_for(bench: SimulatedBench) -> None:
    assert bench.engine.of(WEB, "main", 1) is bench.engine


def test_the_output_of_a_container_comes_in_steps_and_ends_once(
    bench: SimulatedBench, engine: Seam, diary: Diary
) -> None:
    container_id = bench.run(SPEAKS)
    bench.wait_for(container_id, EngineState.EXITED)
    stream = engine.of(WEB, "main", 0).logs(container_id, follow=False)
    assert b"".join(chunk.data for chunk in stream) == b"one\ntwo\nthree\n"
    stream.close()
    assert diary.names[0] == "logs"
    assert diary.names[-2:] == ["logs.read", "logs.end"]
    assert {str(call.target) for call in diary.seen} == {"shop/web/main#0"}
    assert all(call.opened is diary.seen[0] for call in diary.seen[1:])


def test_a_step_of_a_stream_that_fails_is_its_last(bench: SimulatedBench, engine: Seam, diary: Diary) -> None:
    container_id = bench.run(SPEAKS)
    bench.wait_for(container_id, EngineState.EXITED)
    diary.faults["logs.read"] = EngineUnavailable("the connection broke")
    stream = engine.logs(container_id, follow=False)
    with pytest.raises(EngineUnavailable):
        list(stream.batches())
    stream.close()
    assert diary.names == ["logs", "logs.read"]


def test_a_wrapper_can_break_a_pull_in_the_middle(bench: SimulatedBench, engine: Seam, diary: Diary) -> None:
    diary.faults["pull_image.read"] = EngineUnavailable("the connection broke")
    progress: list[PullProgress] = []
    with pytest.raises(EngineUnavailable):
        engine.pull_image(IMAGE, auth=None, on_progress=progress.append)
    assert (diary.names, progress) == (["pull_image", "pull_image.read"], [])


def test_input_and_output_of_an_exec_are_steps(diary: Diary) -> None:
    processes = ProcessEngine()
    engine = Seam(processes, diary, SystemClock())  # type: ignore[arg-type]  # one verb is enough
    stream = engine.of(WEB, "POD").exec_stream("sandbox", ["cat"])
    stream.write(b"words")
    stream.end_input()
    assert stream.read(5) == b"words"
    assert stream.errors == b""
    stream.close()
    stream.close()
    processes.close()
    assert diary.names == [f"exec_stream{step}" for step in ("", ".write", ".read", ".end")]


def test_a_call_as_text_has_no_argument(engine: Seam, diary: Diary) -> None:
    config = ContainerConfig(name=CANARY, image=CANARY, env=(CANARY,), labels={})
    with pytest.raises(NotFound):
        engine.create_container(config)
    assert diary.seen[0].arguments["config"] is config
    assert repr(diary.seen) == "[Call(create_container -)]"


def test_the_log_has_a_line_a_call_with_name_target_seconds_and_outcome(
    bench: SimulatedBench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "test.calls")
    clock = VirtualClock()
    engine = Seam(bench.engine, CallLog(logging.getLogger("test.calls"), clock), clock)
    container_id = bench.run(SPEAKS)
    bench.wait_for(container_id, EngineState.EXITED)
    of_main = engine.of(WEB, "main", 2)
    of_main.inspect_container(container_id)
    list(of_main.logs(container_id, follow=False))
    with pytest.raises(NotFound):
        of_main.create_container(ContainerConfig(name=CANARY, image=CANARY, env=(CANARY,), labels={}))
    secret = RegistryAuth(username="user", password=CANARY)
    engine.pull_image(IMAGE, auth=secret, on_progress=lambda _: None)
    assert [record.getMessage() for record in caplog.records] == [
        "inspect_container shop/web/main#2 0.000 s ok",
        "logs shop/web/main#2 0.000 s ok",
        "logs.end shop/web/main#2 0.000 s ok",
        "create_container shop/web/main#2 0.000 s NotFound",
        "pull_image - 0.000 s ok",
    ]
