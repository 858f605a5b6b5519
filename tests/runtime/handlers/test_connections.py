"""tcpSocket and grpc probes, and finding out which way leads to a pod."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from runner.core.model import GRPCAction, TCPSocketAction
from runner.core.sync.probing import ProbeRun, RunResult
from runner.engine.protocol import ExecResult
from runner.errors import EngineError, NotFound
from runner.kubelet.prober.handlers import EngineHandlers, Reach
from tests.runtime.handlers.servers import PATIENT, POD_IP, ProcessEngine, answer, closed_port, serve, target

UNREACHABLE = "192.0.2.1"
"""An address of the range that is kept for documentation: nothing answers."""


# --- tcpSocket -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["", POD_IP, "localhost"])
def test_open_port_is_a_success(handlers: EngineHandlers, host: str) -> None:
    with socket.create_server((POD_IP, 0)) as listener:
        port = listener.getsockname()[1]
        run = handlers.probe(target(), TCPSocketAction(port=port, host=host), timeout=5)
    assert run == ProbeRun(result=RunResult.SUCCESS)


def test_closed_port_is_a_failure(handlers: EngineHandlers) -> None:
    port = closed_port()
    run = handlers.probe(target(), TCPSocketAction(port=port, host=""), timeout=5)
    assert run == ProbeRun(result=RunResult.FAILURE, output=f"dial tcp {POD_IP}:{port}: connect: connection refused")


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port that lets no further connection in: its queue is full and its server does not accept."""
    with socket.create_server((POD_IP, 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = []
        try:
            while True:
                waiting.append(socket.socket())
                waiting[-1].settimeout(0.2)
                try:
                    waiting[-1].connect((POD_IP, port))
                except TimeoutError:
                    break
            yield port
        finally:
            for one in waiting:
                one.close()


def test_port_that_does_not_answer_is_a_failure(handlers: EngineHandlers) -> None:
    with deaf_port() as port:
        run = handlers.probe(target(), TCPSocketAction(port=port, host=""), timeout=1)
    assert run == ProbeRun(result=RunResult.FAILURE, output=f"dial tcp {POD_IP}:{port}: i/o timeout")


# --- grpc ------------------------------------------------------------------------------------------------------------


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc,unused-ignore]
    """Knows the services "", sick and slow."""

    def __init__(self) -> None:
        self.agents: list[str] = []
        self.released = threading.Event()

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        self.agents.append(dict(context.invocation_metadata())["user-agent"])
        response = health_pb2.HealthCheckResponse
        if request.service == "slow":
            self.released.wait(10)
        if request.service in ("", "slow"):
            return response(status=response.SERVING)
        if request.service == "sick":
            return response(status=response.NOT_SERVING)
        context.abort(grpc.StatusCode.NOT_FOUND, f"no service {request.service}")
        return None


@pytest.fixture
def health() -> Iterator[tuple[int, Health]]:
    """A server with the health service: its port and the service."""
    servicer = Health()
    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        port = server.add_insecure_port(f"{POD_IP}:0")
        server.start()
        yield port, servicer
        servicer.released.set()
        server.stop(None).wait()


@pytest.mark.parametrize(
    ("service", "result", "output"),
    [
        ("", RunResult.SUCCESS, "service healthy"),
        ("sick", RunResult.FAILURE, 'service unhealthy (responded with "NOT_SERVING")'),
        ("slow", RunResult.FAILURE, "timeout: health rpc did not complete within 1s"),
        (
            "other",
            RunResult.FAILURE,
            "error: health rpc probe failed: rpc error: code = NotFound desc = no service other",
        ),
    ],
)
def test_health_service_decides(
    handlers: EngineHandlers, health: tuple[int, Health], service: str, result: RunResult, output: str
) -> None:
    port, servicer = health
    run = handlers.probe(target(), GRPCAction(port=port, service=service), timeout=1 if service == "slow" else PATIENT)
    assert run == ProbeRun(result=result, output=output)
    assert servicer.agents[0].startswith("kube-probe/1.37 ")


def test_server_without_health_service_is_a_failure(handlers: EngineHandlers) -> None:
    with ThreadPoolExecutor(1) as pool:
        server = grpc.server(pool)
        port = server.add_insecure_port(f"{POD_IP}:0")
        server.start()
        run = handlers.probe(target(), GRPCAction(port=port, service=""), timeout=5)
        server.stop(None).wait()
    assert run.result is RunResult.FAILURE
    assert run.output.startswith(
        "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): "
    )


def test_port_without_grpc_is_a_failure(handlers: EngineHandlers) -> None:
    port = closed_port()
    run = handlers.probe(target(), GRPCAction(port=port, service=""), timeout=1)
    text = f'timeout: failed to connect service "{POD_IP}:{port}" within 1s: context deadline exceeded'
    assert run == ProbeRun(result=RunResult.FAILURE, output=text)


# --- which way -------------------------------------------------------------------------------------------------------


class ScriptedEngine(ProcessEngine):
    """A sandbox in a network of its own; ``answers`` come from its program, in turn."""

    def __init__(self, *answers: ExecResult | EngineError) -> None:
        super().__init__()
        self._answers = list(answers)

    def exec(self, container_id: str, command: Sequence[str], **_: Any) -> ExecResult:
        self.execs.append([container_id, *command])
        given = self._answers.pop(0)
        if isinstance(given, EngineError):
            raise given
        return given


REFUSED = ExecResult(exit_code=1, output=b"pause: 127.0.0.1:9: connection refused\n")
SILENT = ExecResult(exit_code=1, output=b"pause: 127.0.0.1:9: timed out\n")
OPEN = ExecResult(exit_code=0, output=b"")


def test_pod_that_comes_from_its_address_is_reached_there(engine: ProcessEngine) -> None:
    assert Reach(engine).is_direct(target())


@pytest.mark.parametrize("seen", [REFUSED, SILENT, OPEN], ids=["refused", "silent", "somebody else"])
def test_pod_that_does_not_come_is_reached_through_its_sandbox(seen: ExecResult) -> None:
    """A sandbox that finds a port, but not the one that we opened, is in another world."""
    engine = ScriptedEngine(seen)
    reach = Reach(engine)
    assert not reach.is_direct(target())
    assert not reach.is_direct(target()), "found out once"
    assert [command[:3] for command in engine.execs] == [["sandbox", "/pause", "check"]]


def test_pod_that_comes_from_another_address_is_reached_through_its_sandbox(engine: ProcessEngine) -> None:
    """A router translates addresses between the pod and us."""
    assert not Reach(engine).is_direct(target(pod_ip="127.0.0.2"))


@pytest.mark.parametrize(
    "unknown", [NotFound("no such container"), ExecResult(exit_code=126, output=b"OCI runtime exec failed")]
)
def test_sandbox_that_is_of_no_help_settles_nothing(unknown: ExecResult | EngineError) -> None:
    reach = Reach(ScriptedEngine(unknown, REFUSED))
    assert reach.is_direct(target()), "for this time"
    assert not reach.is_direct(target())


def test_network_of_this_host_is_recognized(engine: ProcessEngine) -> None:
    """Its sandbox finds a port that we open, which an answer of just any host would not prove."""
    assert Reach(engine).is_direct(target(host_network=True))
    assert engine.execs[0][:3] == ["/pause", "check", "127.0.0.1"]


def test_network_of_another_host_is_recognized() -> None:
    engine = ScriptedEngine(ExecResult(exit_code=1, output=b"pause: 127.0.0.1:1: connection refused\n"))
    assert not Reach(engine).is_direct(target(host_network=True))


def test_other_hosts_are_never_reached_through_a_sandbox(engine: ProcessEngine) -> None:
    """Except from the host's network, where a kubelet would be."""
    reach = Reach(engine, direct=False)
    with serve(lambda _: answer("200 OK")) as server:
        reach.check(target(pod_ip=UNREACHABLE), POD_IP, server.port, 5)
        assert engine.execs == []
        reach.check(target(pod_ip=UNREACHABLE, host_network=True), "localhost", server.port, 5)
        assert engine.execs == [["/pause", "check", "localhost", str(server.port), "5"]]


def test_sandbox_without_the_program_says_nothing_of_the_container() -> None:
    engine = ScriptedEngine(ExecResult(exit_code=126, output=b"OCI runtime exec failed: no such file\r\n"))
    handlers = EngineHandlers(engine, Reach(engine, direct=False))
    run = handlers.probe(target(), TCPSocketAction(port=80, host=""), timeout=1)
    text = "the sandbox cannot open connections: OCI runtime exec failed: no such file"
    assert run == ProbeRun(result=RunResult.ERROR, output=text)
