"""Workloads for tests, and a world in which their pods end as a test says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.core.manifest import LoadedObject, Source, load
from runner.core.model import Json
from runner.core.status.podstatus import Condition, ContainerStatus, Phase, PodStatus, Terminated
from runner.core.workloads import Member, Reconciliation, Workload, expand, reconcile
from tests.support.pods import START, at

APP = {"name": "main", "image": "busybox:1.36"}
VERSIONS = {"ReplicationController": "v1", "Job": "batch/v1", "CronJob": "batch/v1"}


@dataclass
class Counting:
    """Identities that can be told apart."""

    count: int = 0

    def uid(self) -> str:
        self.count += 1
        return f"uid-{self.count}"

    def suffix(self) -> str:
        self.count += 1
        return f"sfx{self.count:02}"


def loaded(kind: str, spec: Mapping[str, Any], name: str = "web", **metadata: Any) -> LoadedObject:
    value = {
        "apiVersion": VERSIONS.get(kind, "apps/v1"),
        "kind": kind,
        "metadata": {"name": name, **metadata} if name else metadata,
        "spec": spec,
    }
    result = load([Source(name="f", text=json.dumps(value))])
    assert [str(problem) for problem in result.problems] == []
    return result.objects[0]


def template(policy: str = "Always", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"labels": {"app": "web"}, "annotations": {"note": "x"}},
        "spec": {"containers": [APP], "restartPolicy": policy, **spec},
    }


def workload(kind: str, spec: Mapping[str, Any] | None = None, **template_fields: Any) -> Workload:
    own: dict[str, Any] = {"template": template(**template_fields)}
    if kind not in ("Job", "ReplicationController", "CronJob"):
        own["selector"] = {"matchLabels": {"app": "web"}}
    (made,) = expand([loaded(kind, {**own, **(spec or {})})], Counting(), START)
    return made


def job(policy: str = "Never", **spec: Any) -> Workload:
    return workload("Job", spec, policy=policy)


@dataclass
class World:
    """Lets a workload act on pods that end as a test says."""

    workload: Workload
    members: list[Member] = field(default_factory=list)
    names: Counting = field(default_factory=Counting)

    def step(self, seconds: float = 0, speed: float = 1.0) -> Reconciliation:
        """Reconcile and create what is wanted."""
        found = reconcile(self.workload, self.members, at(seconds), speed=speed)
        for pod in found.create:
            self.add(pod, seconds)
        return found

    def add(self, pod: Json, seconds: float) -> Member:
        """Create a pod."""
        metadata = {"name": pod["metadata"].get("generateName", "") + self.names.suffix(), **pod["metadata"]}
        metadata.update(uid=self.names.uid(), creationTimestamp=(at(seconds)).strftime("%Y-%m-%dT%H:%M:%SZ"))
        self.members.append(Member(pod={**pod, "metadata": metadata}, status=PodStatus()))
        return self.members[-1]

    def change(self, position: int, **fields: Any) -> None:
        """Change a member: its ``status``, ``is_deleted``, ``is_gone``."""
        old = self.members[position]
        base = {"status": old.status, "is_deleted": old.is_deleted, "is_gone": old.is_gone}
        self.members[position] = Member(pod=old.pod, **{**base, **fields})

    def end(self, position: int, exit_code: int, seconds: float, **status: Any) -> None:
        phase = Phase.FAILED if exit_code else Phase.SUCCEEDED
        ended = ContainerStatus(name="main", state=Terminated(exit_code=exit_code, finished_at=at(seconds)))
        self.change(position, status=PodStatus(phase=phase, containers=(ended,), **status))

    def ready(self, position: int, seconds: float | None = None) -> None:
        """Let a pod be ready, since so many seconds after the beginning."""
        since = None if seconds is None else at(seconds)
        condition = Condition(type="Ready", status="True", last_transition_time=since)
        self.change(position, status=PodStatus(phase=Phase.RUNNING, conditions=(condition,)))

    @property
    def indexes(self) -> list[int | None]:
        return [member.index for member in self.members]
