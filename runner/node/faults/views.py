"""What a pod with faults sees of its surroundings: a registry in which objects are missing, probes that fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runner.core.faults import probes
from runner.core.faults.model import Fault
from runner.core.faults.objects import without
from runner.core.model import GRPCAction, Handler, HTTPGetAction, Object, TCPSocketAction
from runner.core.sync.probing import ProbeRun
from runner.kubelet.prober.handlers.contract import Handlers, HookOutcome, Target
from runner.kubelet.prober.handlers.ports import PortError, resolve_port
from runner.node.faults.agenda import Agenda
from runner.registry.contract import Registry
from runner.registry.ledger import Ledger


class SeenRegistry:
    """A ``Registry`` as a pod sees it. ``faults`` gives those whose time has come, ``tell`` says that one was met."""

    def __init__(
        self, registry: Registry, faults: Callable[[], Sequence[Fault]], tell: Callable[[Fault], None]
    ) -> None:
        self._registry = registry
        self._faults = faults
        self._tell = tell
        self.ledger: Ledger = registry.ledger
        self.get_by_uid, self.list, self.watch = registry.get_by_uid, registry.list, registry.watch
        self.create, self.update, self.change, self.delete = (
            registry.create, registry.update, registry.change, registry.delete,
        )  # fmt: skip
        self.publish_status, self.record_event = registry.publish_status, registry.record_event
        self.version, self.wishes = registry.version, registry.wishes
        self.transaction, self.close = registry.transaction, registry.close

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        value = self._registry.get(kind, namespace, name)
        if value is None:
            return None
        left, used = without(value, kind, self._faults())
        for fault in used:
            self._tell(fault)
        return left


class SeenHandlers:
    """``Handlers`` whose probes may fail. ``faults`` gives those of a probe whose time has come.

    ``is_cut`` says whether the network between the node and a pod is cut.
    """

    def __init__(
        self,
        handlers: Handlers,
        agenda: Agenda,
        faults: Callable[[Target], Sequence[Fault]],
        tell: Callable[[Fault, Target], None],
        is_cut: Callable[[Target], bool] = lambda _: False,
    ) -> None:
        self._is_cut = is_cut
        self._handlers = handlers
        self._agenda = agenda
        self._faults = faults
        self._tell = tell

    def probe(self, target: Target, handler: Handler, *, timeout: int) -> ProbeRun:
        for fault in self._faults(target):
            self._tell(fault, target)
            if fault.kind == "fail":
                return probes.failed(handler, _place(target, handler))
            seconds = float(fault.argument or 0)
            self._agenda.spend(min(seconds, timeout))
            if seconds >= timeout:
                return probes.late(handler, _place(target, handler), timeout)
        if _reaches_pod(target, handler) and self._is_cut(target):
            self._agenda.spend(timeout)
            return probes.late(handler, _place(target, handler), timeout)
        return self._handlers.probe(target, handler, timeout=timeout)

    def hook(self, target: Target, handler: Handler, *, timeout: float | None) -> HookOutcome:
        return self._handlers.hook(target, handler, timeout=timeout)


def _reaches_pod(target: Target, handler: Handler) -> bool:
    """Whether a probe goes from the node to the pod."""
    match handler:
        case GRPCAction():
            return True
        case HTTPGetAction() | TCPSocketAction():
            return handler.host in ("", target.pod_ip)
        case _:
            return False


def _place(target: Target, handler: Handler) -> str:
    """Where a probe goes, as ``host:port``."""
    if not isinstance(handler, HTTPGetAction | TCPSocketAction | GRPCAction):
        return ""
    host = "" if isinstance(handler, GRPCAction) else handler.host
    try:
        port = resolve_port(handler.port, target.container)
    except PortError:
        port = 0
    return f"{host or target.pod_ip}:{port}"
