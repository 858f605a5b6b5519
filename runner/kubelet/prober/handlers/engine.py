"""Probes and hooks on a real Engine.

Mirrors pkg/kubelet/prober/prober.go (runProbe) and pkg/kubelet/lifecycle/handlers.go (Run).
"""

from __future__ import annotations

from functools import partial
from typing import assert_never

from msgspec.structs import replace

from runner.core.model import ExecAction, GRPCAction, Handler, HTTPGetAction, SleepAction, TCPSocketAction
from runner.core.reasons import EventReason, warning
from runner.core.sync.probing import ProbeRun, RunResult
from runner.core.text.gotext import quote
from runner.errors import EngineError
from runner.kubelet.prober.handlers import commands
from runner.kubelet.prober.handlers.contract import ExecEngine, HookOutcome, Target
from runner.kubelet.prober.handlers.dialing import Dial, DialError
from runner.kubelet.prober.handlers.grpchealth import check_health
from runner.kubelet.prober.handlers.httpclient import GetError, Response, get
from runner.kubelet.prober.handlers.httprequest import Request, make_request
from runner.kubelet.prober.handlers.ports import PortError, resolve_port
from runner.kubelet.prober.handlers.reach import Reach


class NoAddress(ValueError):
    """The pod has no address yet or any more."""


class EngineHandlers:
    """Runs commands through the Engine, and connects to pods the way that ``reach`` finds."""

    def __init__(self, engine: ExecEngine, reach: Reach | None = None) -> None:
        self._engine = engine
        self._reach = reach or Reach(engine)

    def probe(self, target: Target, handler: Handler, *, timeout: int) -> ProbeRun:
        """See ``Handlers.probe``."""
        try:
            match handler:
                case ExecAction():
                    return commands.run_probe(self._container(target), target, handler.command, timeout)
                case HTTPGetAction():
                    return self._http_probe(target, handler, timeout)
                case TCPSocketAction():
                    return self._tcp_probe(target, handler, timeout)
                case GRPCAction():
                    return self._grpc_probe(target, handler, timeout)
                case SleepAction():
                    return ProbeRun(result=RunResult.ERROR, output="a probe cannot sleep")
        except (PortError, NoAddress, EngineError) as problem:
            return ProbeRun(result=RunResult.ERROR, output=str(problem))
        assert_never(handler)

    def hook(self, target: Target, handler: Handler, *, timeout: float | None) -> HookOutcome:
        """See ``Handlers.hook``."""
        match handler:
            case ExecAction():
                return commands.run_hook(self._container(target), target, handler.command, timeout)
            case HTTPGetAction():
                return self._http_hook(target, handler, timeout)
            case TCPSocketAction():
                return HookOutcome(ok=False, message=_invalid_handler(handler))
            case GRPCAction() | SleepAction():
                raise ValueError(f"{type(handler).__name__} is no hook to be run here")
        assert_never(handler)

    def _container(self, target: Target) -> ExecEngine:
        return self._engine.of(target.pod, target.container.name, target.attempt)

    # --- probes ------------------------------------------------------------------------------------------------------

    def _http_probe(self, target: Target, action: HTTPGetAction, timeout: int) -> ProbeRun:
        try:
            response = get(_request(target, action, "probe"), self._dial(target), timeout)
        except GetError as problem:
            return ProbeRun(result=RunResult.FAILURE, output=str(problem))
        return _http_verdict(response)

    def _tcp_probe(self, target: Target, action: TCPSocketAction, timeout: int) -> ProbeRun:
        port = resolve_port(action.port, target.container)
        try:
            self._reach.check(target, action.host or _pod_ip(target), port, timeout)
        except DialError as problem:
            return ProbeRun(result=RunResult.FAILURE, output=str(problem))
        return ProbeRun(result=RunResult.SUCCESS)

    def _grpc_probe(self, target: Target, action: GRPCAction, timeout: int) -> ProbeRun:
        host = _pod_ip(target)
        with self._reach.address(target, host, action.port, timeout) as address:
            return check_health(address, peer=(host, action.port), service=action.service, timeout=timeout)

    def _dial(self, target: Target) -> Dial:
        return partial(self._reach.dial, target)

    # --- hooks -------------------------------------------------------------------------------------------------------

    def _http_hook(self, target: Target, action: HTTPGetAction, timeout: float | None) -> HookOutcome:
        dial = self._dial(target)
        try:
            request = _request(target, action, "lifecycle")
            try:
                get(request, dial, timeout)
            except GetError as problem:
                if not problem.is_plain_http:
                    raise
                return self._fallen_back(request, dial, timeout, problem)
        except GetError as problem:
            return HookOutcome(ok=False, message=_http_failed(target, action, problem), timed_out=problem.timed_out)
        except (PortError, NoAddress, EngineError) as problem:
            return HookOutcome(ok=False, message=_http_failed(target, action, problem))
        return HookOutcome(ok=True)

    def _fallen_back(self, request: Request, dial: Dial, timeout: float | None, problem: GetError) -> HookOutcome:
        """Ask a server that has no TLS once more in the clear, leaving out what TLS would have hidden. Raises the first error."""
        headers = {name: values for name, values in request.headers.items() if name != "Authorization"}
        plain = replace(request, url=f"http{request.url.removeprefix('https')}", headers=headers)
        try:
            get(plain, dial, timeout)
        except GetError:
            raise problem from None
        host = plain.url.split("/")[2]
        text = f"request to HTTPS lifecycle hook {host} got HTTP response, retry with HTTP succeeded"
        return HookOutcome(ok=True, notes=(warning(EventReason.LIFECYCLE_HTTP_FALLBACK, text),))


def _pod_ip(target: Target) -> str:
    if not target.pod_ip:
        raise NoAddress(f"failed to find networking container: pod {quote(target.pod.full_name)} has no IP")
    return target.pod_ip


def _request(target: Target, action: HTTPGetAction, purpose: str) -> Request:
    return make_request(
        scheme=action.scheme,
        host=action.host or _pod_ip(target),
        port=resolve_port(action.port, target.container),
        path=action.path,
        headers=action.headers,
        purpose=purpose,
    )


def _http_verdict(response: Response) -> ProbeRun:
    if response.body_error:
        return ProbeRun(result=RunResult.ERROR, output=response.body_error)
    body = response.body.decode("utf-8", "replace")
    if 200 <= response.status < 300:
        return ProbeRun(result=RunResult.SUCCESS, output=body)
    if 300 <= response.status < 400:
        return ProbeRun(result=RunResult.WARNING, output=f"Probe terminated redirects, Response body: {body}")
    return ProbeRun(result=RunResult.FAILURE, output=f"HTTP probe failed with statuscode: {response.status}")


def _http_failed(target: Target, action: HTTPGetAction, problem: Exception) -> str:
    return (
        f"HTTP lifecycle hook ({action.path}) for Container {quote(target.container.name)} "
        f"in Pod {quote(target.pod.full_name)} failed - error: {problem}"
    )


def _invalid_handler(action: TCPSocketAction) -> str:
    """The text about a handler that hooks do not support, with the handler as Go prints it."""
    port = f"{{0 {action.port} }}" if isinstance(action.port, int) else f"{{1 0 {action.port}}}"
    socket = f"&TCPSocketAction{{Port:{port},Host:{action.host},}}"
    handler = f"&LifecycleHandler{{Exec:nil,HTTPGet:nil,TCPSocket:{socket},Sleep:nil,}}"
    return f"Cannot run handler: invalid handler: {handler}"
