"""The simulated Engine's own side: scripts, virtual seconds of blocking verbs, error queues, probes, pause."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from runner.clock import VIRTUAL_START, NothingWillHappen, VirtualClock
from runner.core.container.containerconfig import ContainerConfig
from runner.core.labels import CONTAINER_NAME, POD_UID, TERMINATION_PATH
from runner.core.model import ProbeKind
from runner.core.sync.probing import RunResult
from runner.engine.protocol import EngineEvent, EngineState, ExecTimeout
from runner.engine.simulated import (
    FOREVER,
    Attempt,
    ContainerScript,
    ExecStep,
    OnTerm,
    OutputLine,
    ProbePoint,
    PullStep,
    Script,
    SimulatedEngine,
)
from runner.errors import (
    EngineConflict,
    EngineError,
    EngineUnavailable,
    ImagePullError,
    NotFound,
    PullFailure,
    StartError,
)
from tests.engine.bench import files_of

IMAGE = "busybox:1.36"


def config(name: str = "app", uid: str = "u1", attempt: int = 0) -> ContainerConfig:
    labels = {POD_UID: uid, CONTAINER_NAME: name, TERMINATION_PATH: "/dev/termination-log"}
    return ContainerConfig(name=f"k8s_{name}_{uid}_{attempt}", image=IMAGE, labels=labels)


def engine_of(script: ContainerScript, **others: ContainerScript) -> tuple[VirtualClock, SimulatedEngine]:
    clock = VirtualClock()
    return clock, SimulatedEngine(
        clock, Script(containers={"app": script, **others}), images=[IMAGE], record_calls=True
    )


def begin(engine: SimulatedEngine, wanted: ContainerConfig | None = None) -> str:
    container_id = engine.create_container(wanted or config())
    engine.start_container(container_id)
    return container_id


def seconds(clock: VirtualClock) -> float:
    return (clock.now() - VIRTUAL_START).total_seconds()


def test_attempts_are_played_in_order_and_the_last_repeats() -> None:
    script = ContainerScript(
        attempts=(Attempt(exit_code=1, after=3), Attempt(start_error="no such file"), Attempt(exit_code=0, after=10))
    )
    clock, engine = engine_of(script)
    seen: list[tuple[int, float]] = []
    for number in range(4):
        container_id = engine.create_container(config(attempt=number))
        try:
            engine.start_container(container_id)
        except StartError:
            seen.append((engine.inspect_container(container_id).exit_code, -1))
            continue
        began = seconds(clock)
        clock.sleep(60)
        details = engine.inspect_container(container_id)
        assert details.finished_at is not None
        seen.append((details.exit_code, (details.finished_at - VIRTUAL_START).total_seconds() - began))
    assert seen == [(1, 3), (127, -1), (0, 10), (0, 10)]


def test_pods_play_their_scripts_apart() -> None:
    script = ContainerScript(attempts=(Attempt(exit_code=1, after=1), Attempt(exit_code=2, after=1)))
    clock, engine = engine_of(script)
    ids = [begin(engine, config(uid=uid)) for uid in ("u1", "u2")]
    clock.sleep(2)
    assert [engine.inspect_container(container_id).exit_code for container_id in ids] == [1, 1]


def test_a_second_signal_does_not_begin_the_end_anew() -> None:
    clock, engine = engine_of(ContainerScript(attempts=(Attempt(after=None, on_term=OnTerm(exit_code=7, after=9)),)))
    container_id = begin(engine)
    engine.kill_container(container_id, "SIGTERM")
    clock.sleep(5)
    engine.kill_container(container_id, "SIGTERM")
    clock.sleep(4)
    assert engine.inspect_container(container_id).exit_code == 7


@pytest.mark.parametrize(
    ("attempt", "timeout", "exit_code", "took"),
    [
        (FOREVER, 30, 0, 0),
        (Attempt(after=100.0), 30, 143, 0),
        (Attempt(after=None, on_term=OnTerm(exit_code=7, after=2)), 30, 7, 2),
        (Attempt(after=None, on_term=OnTerm(exit_code=7, after=60)), 30, 137, 30),
        (Attempt(after=None, on_term=OnTerm(ignore=True)), 5, 137, 5),
        (Attempt(exit_code=3, after=4, on_term=OnTerm(ignore=True)), 30, 3, 4),
        (Attempt(exit_code=3, after=4, on_term=OnTerm(exit_code=7, after=9)), 30, 7, 9),
    ],
    ids=[
        "a server ends at once and well",
        "a job dies of the signal",
        "an own way to end takes its time",
        "who takes too long is killed",
        "who ignores the signal is killed",
        "a natural end within the grace period counts",
        "a handler takes over from what would have ended earlier",
    ],
)
def test_what_a_stop_does(attempt: Attempt, timeout: int, exit_code: int, took: float) -> None:
    clock, engine = engine_of(ContainerScript(attempts=(attempt,)))
    container_id = begin(engine)
    engine.stop_container(container_id, timeout)
    assert engine.take_elapsed() == took
    assert engine.take_elapsed() == 0
    clock.sleep(took)
    details = engine.inspect_container(container_id)
    assert (details.state, details.exit_code) == (EngineState.EXITED, exit_code)
    assert details.finished_at == VIRTUAL_START + timedelta(seconds=took)


def test_a_signal_that_does_not_stop_is_only_heard() -> None:
    clock, engine = engine_of(ContainerScript())
    heard: list[str] = []
    engine.subscribe({}, lambda event: heard.append(event.action))
    container_id = begin(engine)
    engine.kill_container(container_id, "HUP")
    clock.sleep(10)
    assert engine.inspect_container(container_id).state is EngineState.RUNNING
    engine.kill_container(container_id, "9")
    assert heard == ["create", "start", "kill", "kill", "die"]


def test_an_own_stop_signal_stops() -> None:
    clock, engine = engine_of(ContainerScript())
    container_id = begin(engine, replace(config(), stop_signal="SIGUSR1"))
    engine.kill_container(container_id, "")
    clock.sleep(0)
    assert engine.inspect_container(container_id).exit_code == 0


def test_pulls_follow_their_script() -> None:
    clock = VirtualClock()
    steps = (PullStep(error="manifest unknown", kind=PullFailure.NOT_FOUND, took=1), PullStep(took=2))
    engine = SimulatedEngine(clock, Script(images={"late:1": steps}))
    with pytest.raises(ImagePullError, match="manifest unknown") as caught:
        engine.pull_image("docker.io/library/late:1", auth=None, on_progress=lambda _: None)
    assert caught.value.kind is PullFailure.NOT_FOUND
    assert engine.take_elapsed() == 1
    with pytest.raises(NotFound):
        engine.inspect_image("late:1")
    engine.pull_image("late:1", auth=None, on_progress=lambda _: None)
    assert engine.take_elapsed() == 2
    assert engine.inspect_image("late:1").id == engine.inspect_image("docker.io/library/late:1").id


def test_an_execs_seconds_are_counted_up_to_its_timeout() -> None:
    _, engine = engine_of(ContainerScript(execs=(ExecStep(exit_code=5, output=b"text", took=3),)))
    container_id = begin(engine)
    assert engine.exec(container_id, ["x"], timeout=None, limit=2).output == b"te"
    assert engine.take_elapsed() == 3
    with pytest.raises(ExecTimeout):
        engine.exec(container_id, ["x"], timeout=1, limit=2)
    assert engine.take_elapsed() == 1


def test_probes_answer_by_time_since_the_start() -> None:
    points = (ProbePoint(at=0, result=RunResult.FAILURE, output="not yet"), ProbePoint(at=5, result=RunResult.SUCCESS))
    clock, engine = engine_of(ContainerScript(probes={ProbeKind.READINESS: points}))
    clock.sleep(100)
    container_id = begin(engine)
    answer = engine.probe(container_id, ProbeKind.READINESS)
    assert (answer.result, answer.output) == (RunResult.FAILURE, "not yet")
    assert engine.probe(container_id, ProbeKind.LIVENESS).result is RunResult.SUCCESS
    clock.sleep(5)
    assert engine.probe(container_id, ProbeKind.READINESS).result is RunResult.SUCCESS
    engine.kill_container(container_id, "SIGKILL")
    assert engine.probe(container_id, ProbeKind.LIVENESS).result is RunResult.FAILURE


def test_the_termination_message_is_there_after_the_end() -> None:
    clock, engine = engine_of(ContainerScript(attempts=(Attempt(after=1),), termination_message="why"))
    container_id = begin(engine)
    with pytest.raises(NotFound):
        engine.download(container_id, "/dev/termination-log")
    clock.sleep(1)
    assert files_of(engine.download(container_id, "/dev/termination-log")) == {"termination-log": b"why"}


def test_queued_errors_come_first_and_once_each() -> None:
    _, engine = engine_of(ContainerScript())
    engine.fail_next("create_container", EngineUnavailable("gone"), times=2)
    for _ in range(2):
        with pytest.raises(EngineUnavailable):
            engine.create_container(config())
    assert engine.create_container(config())
    assert [call.verb for call in engine.calls] == ["create_container"] * 3


def test_two_runs_are_the_same_call_for_call() -> None:
    def play() -> list[object]:
        clock, engine = engine_of(ContainerScript(attempts=(Attempt(exit_code=1, after=1),)))
        heard: list[EngineEvent] = []
        engine.subscribe({POD_UID: "u1"}, heard.append)
        for number in range(3):
            engine.remove_container(begin(engine, config(attempt=number)))
            clock.sleep(2)
        return [*engine.calls, *heard]

    assert play() == play()


def test_a_paused_process_loses_no_time() -> None:
    clock, engine = engine_of(ContainerScript(attempts=(Attempt(exit_code=4, after=10),)))
    container_id = begin(engine)
    clock.sleep(4)
    engine.pause(container_id)
    with pytest.raises(EngineConflict):
        engine.pause(container_id)
    with pytest.raises(EngineConflict):
        engine.exec(container_id, ["x"], timeout=1, limit=1)
    clock.sleep(100)
    assert engine.inspect_container(container_id).state is EngineState.PAUSED
    engine.unpause(container_id)
    with pytest.raises(EngineConflict):
        engine.unpause(container_id)
    clock.sleep(6)
    details = engine.inspect_container(container_id)
    assert (details.state, details.exit_code) == (EngineState.EXITED, 4)
    assert details.finished_at == VIRTUAL_START + timedelta(seconds=110)


@pytest.mark.parametrize("handler", [OnTerm(ignore=True), OnTerm(after=2)], ids=["ignores", "ends in time"])
def test_who_is_paused_while_being_stopped_is_killed_when_the_time_is_over(handler: OnTerm) -> None:
    """As a real Engine does: SIGKILL resumes what is paused."""
    clock, engine = engine_of(ContainerScript(attempts=(Attempt(after=None, on_term=handler),)))
    container_id = begin(engine)
    engine.stop_container(container_id, 3)
    clock.sleep(1)
    engine.pause(container_id)
    clock.sleep(2)
    details = engine.inspect_container(container_id)
    assert (details.state, details.exit_code) == (EngineState.EXITED, 137)
    assert details.finished_at == VIRTUAL_START + timedelta(seconds=3)


def test_listeners_hear_their_own_pod_only_until_they_end() -> None:
    _, engine = engine_of(ContainerScript())
    heard: list[str] = []
    end = engine.subscribe({POD_UID: "u1"}, lambda event: heard.append(event.labels[POD_UID]))
    begin(engine, config(uid="u2"))
    begin(engine, config(uid="u1"))
    end()
    end()
    engine.remove_container("k8s_app_u1_0")
    assert heard == ["u1", "u1"]


def test_reading_events_lets_time_pass() -> None:
    clock, engine = engine_of(ContainerScript(attempts=(Attempt(exit_code=2, after=30),)))
    stream = engine.events({POD_UID: "u1"})
    begin(engine)
    events = iter(stream)
    assert [next(events).action for _ in range(3)] == ["create", "start", "die"]
    assert seconds(clock) == 30
    with pytest.raises(NothingWillHappen):
        next(events)
    stream.close()
    assert list(stream) == []


def test_followed_output_comes_in_its_time() -> None:
    output = (OutputLine(at=1, data=b"one\n"), OutputLine(at=5, data=b"two\n"), OutputLine(at=99, data=b"never\n"))
    clock, engine = engine_of(ContainerScript(attempts=(Attempt(after=7, output=output),)))
    container_id = begin(engine)
    times = [(chunk.data, seconds(clock)) for chunk in engine.logs(container_id, follow=True)]
    assert times == [(b"one\n", 1), (b"two\n", 5)]
    assert seconds(clock) == 7


def test_a_restart_within_the_same_container_forgets_the_planned_end() -> None:
    clock, engine = engine_of(
        ContainerScript(attempts=(Attempt(exit_code=1, after=10), Attempt(exit_code=2, after=10)))
    )
    container_id = begin(engine)
    clock.sleep(3)
    engine.kill_container(container_id, "SIGKILL")
    engine.start_container(container_id)
    clock.sleep(8)
    assert engine.inspect_container(container_id).state is EngineState.RUNNING
    clock.sleep(2)
    assert engine.inspect_container(container_id).exit_code == 2


def test_nobody_is_there_to_talk_to() -> None:
    _, engine = engine_of(ContainerScript())
    with pytest.raises(EngineError):
        engine.exec_stream(begin(engine), ["relay"])
    with pytest.raises(EngineConflict):
        engine.exec_stream(engine.create_container(config(attempt=1)), ["relay"])
