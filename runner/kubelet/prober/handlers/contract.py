"""The types that the worker and the handlers of probes and hooks exchange."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from runner.core.model import Container, Handler, Pod, ProbeKind
from runner.core.reasons import Note
from runner.core.sync.probing import ProbeRun
from runner.engine.protocol import ExecResult, ExecStream, Named


class Target(Struct, frozen=True, kw_only=True):
    """One running instance of a container and its pod's address; ``probe`` is the probe that asks, None for hooks.

    ``attempt`` is None where nobody knows it.
    """

    pod: Pod
    container: Container
    container_id: str
    sandbox_id: str
    pod_ip: str
    probe: ProbeKind | None = None
    attempt: int | None = None


class HookOutcome(Struct, frozen=True, kw_only=True):
    """How a hook ended: the kubelet's text of a failure, and the events of the hook itself.

    ``timed_out`` marks the failure that the caller's own timeout made; a kubelet reports no event about that one.
    """

    ok: bool
    message: str = ""
    notes: tuple[Note, ...] = ()
    timed_out: bool = False


class Handlers(Protocol):
    """Carries out probes and hooks."""

    def probe(self, target: Target, handler: Handler, *, timeout: int) -> ProbeRun:
        """Run a probe once, for at most ``timeout`` seconds. A probe that cannot run at all returns ERROR; nothing is raised."""
        ...

    def hook(self, target: Target, handler: Handler, *, timeout: float | None) -> HookOutcome:
        """Run a postStart or preStop hook, for at most ``timeout`` seconds (None: as long as it takes).

        Not for ``sleep``, which passes on the caller's clock: ValueError.
        """
        ...


class ExecEngine(Protocol):
    """What handlers need of an Engine; see ``runner.engine.protocol``."""

    def of(self, pod: Named | None = None, container: str = "", attempt: int | None = None) -> ExecEngine: ...

    def exec(self, container_id: str, command: Sequence[str], *, timeout: float | None, limit: int) -> ExecResult: ...

    def exec_stream(self, container_id: str, command: Sequence[str]) -> ExecStream: ...
