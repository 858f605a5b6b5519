"""A pod's status as a test reads it: typed, and as the v1 Pod."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.core.printers.columns import status_word
from runner.core.status.podstatus import ConditionType, ContainerStatus, Phase, PodStatus


@dataclass(frozen=True, slots=True, eq=False)
class Status:
    """One published status of a pod. Its text is the STATUS column of ``get po``."""

    value: Mapping[str, Any]
    typed: PodStatus

    @property
    def phase(self) -> Phase:
        """Pending, Running, Succeeded or Failed; compares equal to its text."""
        return self.typed.phase

    @property
    def word(self) -> str:
        """The STATUS column: ``Init:0/2``, ``CrashLoopBackOff``, ``Running`` …"""
        return str(status_word(self.value))

    @property
    def reason(self) -> str:
        return self.typed.reason

    @property
    def message(self) -> str:
        return self.typed.message

    @property
    def ip(self) -> str:
        return self.typed.pod_ip

    @property
    def is_initialized(self) -> bool:
        return self.is_true(ConditionType.INITIALIZED)

    @property
    def is_ready(self) -> bool:
        return self.is_true(ConditionType.READY)

    @property
    def restarts(self) -> int:
        """Restarts of all containers together."""
        return sum(one.restart_count for one in self.typed.all_containers())

    def is_true(self, condition: str) -> bool:
        """Whether a condition (``Ready``, ``ContainersReady`` …) is there and True."""
        return self.typed.is_true(condition)

    def container(self, name: str) -> ContainerStatus | None:
        """The status of a container, init containers too; None before there is one."""
        return self.typed.container(name)

    def to_dict(self) -> dict[str, Any]:
        """The v1 Pod object."""
        return dict(self.value)

    def __str__(self) -> str:
        return self.word

    def __repr__(self) -> str:
        return f"<Status {self.word}: phase {self.phase}, {self.restarts} restarts>"
