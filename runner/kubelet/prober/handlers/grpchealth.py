"""One call of gRPC's health service. The package grpcio is an extra: it is imported when the first probe needs it.

Mirrors pkg/probe/grpc/grpc.go, with Go's texts.
"""

from __future__ import annotations

from typing import Any, Final

from runner.clock import Deadline
from runner.core.sync.probing import ProbeRun, RunResult
from runner.core.text.gotext import quote
from runner.core.text.times import format_duration
from runner.kubelet.prober.handlers.dialing import join_host_port
from runner.kubelet.prober.handlers.httprequest import user_agent

MISSING_EXTRA: Final = "gRPC probes need the packages grpcio and grpcio-health-checking: pip install 'podrunner[grpc]'"

# Go's spelling where it is not the words of the constant in capitals.
_GO_CODES: Final = {"CANCELLED": "Canceled", "OK": "OK"}


def check_health(address: tuple[str, int], *, peer: tuple[str, int], service: str, timeout: int) -> ProbeRun:
    """Ask the server at ``address``, which the texts and the request call ``peer``, within ``timeout`` seconds."""
    try:
        import grpc
        from grpc_health.v1 import health_pb2, health_pb2_grpc
    except ImportError:
        return ProbeRun(result=RunResult.ERROR, output=MISSING_EXTRA)
    name, within, deadline = join_host_port(*peer), format_duration(timeout), Deadline(timeout)
    options = [
        ("grpc.primary_user_agent", user_agent("probe")),
        ("grpc.default_authority", name),
        ("grpc.enable_http_proxy", 0),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    with grpc.insecure_channel(join_host_port(*address), options=options) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=deadline.remaining())
        except grpc.FutureTimeoutError:
            text = f"timeout: failed to connect service {quote(name)} within {within}: context deadline exceeded"
            return ProbeRun(result=RunResult.FAILURE, output=text)
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=deadline.remaining())
        except grpc.RpcError as problem:
            return ProbeRun(result=RunResult.FAILURE, output=_refusal(problem, within))
    status = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    if status != "SERVING":
        return ProbeRun(result=RunResult.FAILURE, output=f"service unhealthy (responded with {quote(status)})")
    return ProbeRun(result=RunResult.SUCCESS, output="service healthy")


def _refusal(problem: Any, within: str) -> str:
    code, details = problem.code().name, problem.details() or ""
    if code == "UNIMPLEMENTED":
        return f"error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {details}"
    if code == "DEADLINE_EXCEEDED":
        return f"timeout: health rpc did not complete within {within}"
    words = _GO_CODES.get(code) or "".join(word.capitalize() for word in code.split("_"))
    return f"error: health rpc probe failed: rpc error: code = {words} desc = {details}"
