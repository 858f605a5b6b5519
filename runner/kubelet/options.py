"""Options of a run: plain values, the same for the command line, the library and the simulation."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from runner.core.until import Until

if TYPE_CHECKING:
    from runner.core.faults.breakpoints import Breakpoint
    from runner.core.faults.model import Fault
    from runner.core.runspec import RunSpec
    from runner.retry import RetryPolicy

__all__ = ["Keep", "RunOptions", "Until", "WorkerOptions"]


def _kubelets() -> RetryPolicy:
    """The kubelet's policy. The import of tenacity is slow, so only a process that runs pods pays for it."""
    from runner.retry import RetryPolicy

    return RetryPolicy()


class Keep(StrEnum):
    """When the pod's containers, volumes and records outlive ``run``."""

    NEVER = "never"
    FAILED = "failed"
    ALWAYS = "always"


class Snapshots(StrEnum):
    """After which attempts it is looked at what they changed in the volumes that containers share."""

    NONE = "none"
    FAILED = "failed"
    ALL = "all"


class WorkerOptions(Struct, frozen=True, kw_only=True):
    """Options of one pod's worker.

    ``max_restarts``: give up after so many restarts of any container. ``speed``: the waits that we impose pass so many
    times faster; statuses show the nominal ones. ``node_name``/``host_ip``: what status and events call this machine.
    ``relist``: seconds after which the Engine is looked at although nothing happened, None where no event gets lost.
    """

    retry: RetryPolicy = field(default_factory=_kubelets)
    max_restarts: int | None = None
    speed: float = 1.0
    node_name: str = "localhost"
    host_ip: str = ""
    sandbox_image: str = ""
    relist: float | None = 10.0
    snapshots: Snapshots = Snapshots.NONE

    @property
    def run_spec(self) -> RunSpec | None:
        """The options chosen for the pod, as data; None when they cannot be written down."""
        from runner.core.runspec import RunSpec

        retry = self.retry
        if not retry.is_plain:
            return None
        return RunSpec(
            scope=retry.scope, initial=retry.initial, cap=retry.cap, speed=self.speed, max_restarts=self.max_restarts
        )

    def as_chosen(self, spec: RunSpec) -> WorkerOptions:
        """The same options with those chosen for a pod."""
        from runner.retry import RetryPolicy

        retry = RetryPolicy(scope=spec.scope, initial=spec.initial, cap=spec.cap)
        return replace(self, retry=retry, speed=spec.speed, max_restarts=spec.max_restarts)


class RunOptions(Struct, frozen=True, kw_only=True):
    """Options of ``run``.

    ``timeout`` in seconds, None: no limit. ``grace`` in seconds is what pods get when they are deleted at the end, None:
    their own terminationGracePeriodSeconds. ``fail_fast``: what a kubelet would try again for ever (an image that is not
    there, a missing ConfigMap, a port that is taken) ends the run after ``max_restarts`` more attempts. ``faults`` are what
    goes wrong on purpose, ``breakpoints`` where life stops. ``history``: keep a record of the run in the state
    directory, with this said of it; None: keep none.
    """

    worker: WorkerOptions = field(default_factory=WorkerOptions)
    until: Until = Until.COMPLETED
    timeout: float | None = None
    keep: Keep = Keep.NEVER
    grace: int | None = None
    artifacts: Path | None = None
    history: Mapping[str, Any] | None = None
    exit_code_from: str = ""
    follow_logs: bool = True
    fail_fast: bool = True
    faults: tuple[Fault, ...] = ()
    breakpoints: tuple[Breakpoint, ...] = ()
