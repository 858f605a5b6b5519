"""Commands in the container: what they are made of and what their end means."""

from __future__ import annotations

import pytest

from runner.core.model import ExecAction, SleepAction, TCPSocketAction
from runner.core.sync.probing import ProbeRun, RunResult
from runner.errors import EngineConflict
from runner.kubelet.prober.handlers import EngineHandlers
from tests.runtime.handlers.servers import PATIENT, ProcessEngine, target


@pytest.fixture
def handlers(engine: ProcessEngine) -> EngineHandlers:
    return EngineHandlers(engine)


def shell(script: str) -> ExecAction:
    return ExecAction(command=("sh", "-c", script))


@pytest.mark.parametrize(
    ("script", "result", "output"),
    [
        ("echo fine", RunResult.SUCCESS, "fine\n"),
        ("echo out; echo err >&2; exit 3", RunResult.FAILURE, "out\nerr\n"),
        ("exit 127", RunResult.FAILURE, ""),
        ("head -c 20000 /dev/zero | tr '\\0' x", RunResult.SUCCESS, "x" * 10240),
        ("printf '\\377'", RunResult.SUCCESS, "\N{REPLACEMENT CHARACTER}"),
        (
            'sleep 9; echo "late"',
            RunResult.FAILURE,
            'command timed out: "sh -c sleep 9; echo \\"late\\"" timed out after 1s',
        ),
    ],
)
def test_end_of_a_command_decides(handlers: EngineHandlers, script: str, result: RunResult, output: str) -> None:
    seconds = 1 if "timed out" in output else PATIENT
    assert handlers.probe(target(), shell(script), timeout=seconds) == ProbeRun(result=result, output=output)


def test_command_that_is_not_there_says_nothing_of_the_container(handlers: EngineHandlers) -> None:
    run = handlers.probe(target(), ExecAction(command=("/no/such",)), timeout=1)
    assert run.result is RunResult.ERROR
    assert run.output.startswith("OCI runtime exec failed: ")
    assert run.output == run.output.strip()


def test_engine_that_refuses_says_nothing_of_the_container(handlers: EngineHandlers, engine: ProcessEngine) -> None:
    engine.problem = EngineConflict("Container c is not running")
    run = handlers.probe(target(), shell("true"), timeout=1)
    assert run == ProbeRun(result=RunResult.ERROR, output="Container c is not running")


def test_only_literal_values_of_env_are_put_into_a_probe(handlers: EngineHandlers, engine: ProcessEngine) -> None:
    env = [
        {"name": "A", "value": "1"},
        {"name": "B", "value": "$(A)"},
        {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]
    container = {"env": env, "envFrom": [{"configMapRef": {"name": "D"}}]}
    command = ("echo", "$(A)", "$(B)", "<$(C)>", "$(D)", "$$(A)", "$A")
    run = handlers.probe(target(container), ExecAction(command=command), timeout=5)
    assert run.output == "1 $(A) <> $(D) $(A) $A\n"


def test_hook_that_ends_well_has_nothing_to_say(handlers: EngineHandlers) -> None:
    outcome = handlers.hook(target(), shell("echo bye"), timeout=None)
    assert (outcome.ok, outcome.message, outcome.timed_out) == (True, "", False)


def test_hook_is_run_as_it_is_written(handlers: EngineHandlers, engine: ProcessEngine) -> None:
    container = {"env": [{"name": "A", "value": "1"}]}
    handlers.hook(target(container), ExecAction(command=("echo", "$(A)")), timeout=None)
    assert engine.execs == [["echo", "$(A)"]]


@pytest.mark.parametrize(
    ("command", "timeout", "error", "message", "timed_out"),
    [
        (
            ("sh", "-c", "echo out; echo err >&2; exit 3"),
            None,
            "command 'sh -c echo out; echo err >&2; exit 3' exited with 3: err\n",
            r'"out\nerr\n"',
            False,
        ),
        (("sleep", "9"), 0.2, 'command timed out: "sleep 9" timed out after 200ms', '""', True),
        (
            ("/no/such",),
            None,
            "OCI runtime exec failed: exec failed: [Errno 2] No such file or directory: '/no/such'",
            '""',
            False,
        ),
    ],
)
def test_hook_that_fails_has_the_kubelets_text(
    handlers: EngineHandlers, command: tuple[str, ...], timeout: float | None, error: str, message: str, timed_out: bool
) -> None:
    outcome = handlers.hook(target(), ExecAction(command=command), timeout=timeout)
    assert (outcome.ok, outcome.timed_out) == (False, timed_out)
    assert outcome.message == (
        f'Exec lifecycle hook ([{" ".join(command)}]) for Container "c" in Pod "p_ns(uid)" failed - '
        f"error: {error}, message: {message}"
    )


def test_hook_in_a_container_that_is_gone_fails(handlers: EngineHandlers, engine: ProcessEngine) -> None:
    engine.problem = EngineConflict("Container c is not running")
    outcome = handlers.hook(target(), shell("true"), timeout=None)
    assert outcome.message.endswith('failed - error: Container c is not running, message: ""')


@pytest.mark.parametrize(("port", "printed"), [(8080, "{0 8080 }"), ("web", "{1 0 web}")])
def test_tcp_hook_is_no_hook(handlers: EngineHandlers, port: int | str, printed: str) -> None:
    outcome = handlers.hook(target(), TCPSocketAction(port=port, host="h"), timeout=None)
    assert not outcome.ok
    assert outcome.message == (
        "Cannot run handler: invalid handler: &LifecycleHandler{Exec:nil,HTTPGet:nil,"
        f"TCPSocket:&TCPSocketAction{{Port:{printed},Host:h,}},Sleep:nil,}}"
    )


def test_sleep_is_the_callers_own(handlers: EngineHandlers) -> None:
    with pytest.raises(ValueError, match="SleepAction"):
        handlers.hook(target(), SleepAction(seconds=1), timeout=None)
    assert handlers.probe(target(), SleepAction(seconds=1), timeout=1).result is RunResult.ERROR
