"""Objects for tests of the registry."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from runner.registry.contract import Change, Registry

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def pod(name: str = "web", uid: str = "", namespace: str = "default", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "uid": uid or f"uid-{namespace}-{name}"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{"name": "main", "image": "busybox"}], **spec},
        "status": {"phase": "Pending"},
    }


def thing(kind: str, name: str = "x", namespace: str = "default", **parts: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **parts}


def event(name: str, *, uid: str = "uid-default-web", count: int = 1, at: datetime = NOW) -> dict[str, Any]:
    target = {"kind": "Pod", "namespace": "default", "name": "web", "uid": uid}
    seen = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return thing("Event", name, involvedObject=target, count=count, lastTimestamp=seen)


def told(changes: Iterable[Change]) -> list[str]:
    """Changes as ``ADDED Pod default/web``."""
    return [f"{change.type} {change.kind} {change.namespace}/{change.name}" for change in changes]


def version_of(registry: Registry, kind: str = "Pod", name: str = "web") -> int:
    found = registry.get(kind, "default", name)
    assert found is not None
    return int(found["metadata"]["resourceVersion"])
