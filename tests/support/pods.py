"""Pods and observations for tests: one good base, changed by each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from runner.core.labels import spec_hash
from runner.core.model import ContainerID, Json, Pod, RetryScope
from runner.core.objects import Lookup
from runner.core.observed import ContainerRecord, Observed, RuntimeState, SandboxRecord
from runner.core.sync.restart import with_retry_scope

START = datetime(2000, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """An instant, seconds after the beginning."""
    return START + timedelta(seconds=seconds)


def make_pod(
    inits: Sequence[str | Mapping[str, Any]] = (),
    apps: Sequence[str | Mapping[str, Any]] = ("main",),
    *,
    policy: str = "Always",
    scope: RetryScope | None = None,
    metadata: Mapping[str, Any] | None = None,
    **spec: Any,
) -> Pod:
    """A pod of busybox containers; a container is a name, or a mapping with more fields."""
    value = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web",
            "namespace": "default",
            "uid": "uid-1",
            "creationTimestamp": "2000-01-01T00:00:00Z",
            **(metadata or {}),
        },
        "spec": {
            "restartPolicy": policy,
            "terminationGracePeriodSeconds": 30,
            "containers": [_container(c) for c in apps],
            "initContainers": [_container(c) for c in inits],
            **spec,
        },
    }
    pod = Pod.from_json(value)
    return pod if scope is None else with_retry_scope(pod, scope)


def _container(given: str | Mapping[str, Any]) -> dict[str, Any]:
    base = {"image": "busybox:1.36", "imagePullPolicy": "IfNotPresent"}
    return {**base, "name": given} if isinstance(given, str) else {**base, **given}


def objects(*values: Json) -> Lookup:
    """A lookup that knows these objects."""
    known = {(value["kind"], value["metadata"]["name"]): value for value in values}
    return lambda kind, name: known.get((kind, name))


def record(
    pod: Pod, name: str, state: str = "running", *, attempt: int = 0, code: int = 0, end: float = 0, **more: Any
) -> ContainerRecord:
    """One instance of a container; ``end`` is when an exited one finished, seconds after the beginning."""
    container = pod.container(name)
    exited = state == "exited"
    fields: dict[str, Any] = {
        "id": ContainerID(f"{name}-{attempt}"),
        "name": name,
        "attempt": attempt,
        "state": RuntimeState(state),
        "created_at": START,
        "started_at": None if state == "created" else START,
        "finished_at": at(end) if exited else None,
        "exit_code": code,
        "reason": ("Completed" if code == 0 else "Error") if exited else "",
        "spec_hash": spec_hash(container) if container else "",
        "sandbox_id": "sandbox-0",
    }
    return ContainerRecord(**{**fields, **more})


def observed(*records: ContainerRecord, sandbox: bool = True, ready: bool = True, now: float = 0) -> Observed:
    """What is seen: records newest first, and one sandbox unless told otherwise."""
    sandboxes = (
        (SandboxRecord(id=ContainerID("sandbox-0"), attempt=0, ready=ready, ip="10.0.0.1", created_at=START),)
        if sandbox
        else ()
    )
    return Observed(at=at(now), sandboxes=sandboxes, containers=records)
