"""One workload's controller while it runs: what it has made, and what it decides next (policy: core/workloads)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from runner.core.model import Json, PodUID
from runner.core.workloads import Member, Reconciliation, Workload, WorkloadState, reconcile
from runner.core.workloads.statefulset import claims
from runner.runtime.owning import Owned

Spawn = Callable[[Json], Owned]
"""Makes an owned pod of this process from a v1 Pod that has no UID yet."""


@dataclass(slots=True)
class Controller:
    """A workload with how far it has come. A Job that is over stays over, whatever happens to its pods."""

    workload: Workload
    wanted: int = 0
    state: WorkloadState = WorkloadState.ACTIVE
    reason: str = ""
    message: str = ""
    told: datetime | None = None
    asked: set[PodUID] = field(default_factory=set)

    @property
    def is_over(self) -> bool:
        return self.state is not WorkloadState.ACTIVE

    @property
    def verdict(self) -> str:
        """Why a Job has failed, in one line."""
        return f"{self.workload.source} failed: {self.reason}: {self.message}"

    def claims(self) -> list[dict[str, Any]]:
        """The PersistentVolumeClaims that its pods mount."""
        return claims(self.workload)

    def step(self, members: Sequence[Member], now: datetime, speed: float) -> Reconciliation:
        """What to do now; remembers what has come of the workload."""
        if self.is_over:
            left = tuple(member.uid for member in members if member.is_active)
            return Reconciliation(delete=left, state=self.state)
        found = reconcile(self.workload, members, now, speed=speed)
        self.wanted, self.state, self.reason, self.message = found.wanted, found.state, found.reason, found.message
        self.asked.update(found.delete)
        return found
