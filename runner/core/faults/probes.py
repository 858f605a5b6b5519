"""What probes say that fail on purpose, or come too late: a kubelet's texts for each kind of handler (pkg/probe)."""

from __future__ import annotations

from runner.core.model import ExecAction, GRPCAction, Handler, HTTPGetAction, TCPSocketAction
from runner.core.sync.probing import ProbeRun, RunResult
from runner.core.text.gotext import quote
from runner.core.text.times import format_duration


def failed(handler: Handler, place: str) -> ProbeRun:
    """A probe whose server says no. ``place`` is its address as ``host:port``."""
    match handler:
        case HTTPGetAction():
            text = "HTTP probe failed with statuscode: 500"
        case TCPSocketAction():
            text = f"dial tcp {place}: connect: connection refused"
        case GRPCAction():
            text = 'service unhealthy (responded with "NOT_SERVING")'
        case _:
            text = ""
    return ProbeRun(result=RunResult.FAILURE, output=text)


def late(handler: Handler, place: str, timeout: int) -> ProbeRun:
    """A probe whose answer does not come within ``timeout`` seconds."""
    within = format_duration(timeout)
    match handler:
        case HTTPGetAction():
            url = f"{handler.scheme.lower()}://{place}{handler.path}"
            text = f"Get {quote(url)}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        case TCPSocketAction():
            text = f"dial tcp {place}: i/o timeout"
        case GRPCAction():
            text = f"timeout: failed to connect service {quote(place)} within {within}: context deadline exceeded"
        case ExecAction():
            text = f"command timed out: {quote(' '.join(handler.command))} timed out after {within}"
        case _:
            text = ""
    return ProbeRun(result=RunResult.FAILURE, output=text)
