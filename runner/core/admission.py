"""What an API server adds to a pod on its way in: identity, times, and what its default admission plugins set.

Mirrors k8s.io/apiserver/pkg/registry/rest/create.go (BeforeCreate) and k8s.io/apiserver/pkg/storage/names.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from runner.core.model import Json
from runner.core.times import format_time

_MAX_BASE = 58
_OURS = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
)


def admit(value: Json, *, namespace: str, uid: str, suffix: str, now: datetime) -> dict[str, Any]:
    """A new pod: without status and server fields of an earlier life; ``suffix`` completes a generateName."""
    metadata = {key: part for key, part in (value.get("metadata") or {}).items() if key not in _OURS}
    if not metadata.get("name"):
        metadata["name"] = str(metadata.get("generateName") or "")[:_MAX_BASE] + suffix
    metadata.update(namespace=metadata.get("namespace") or namespace, uid=uid, creationTimestamp=format_time(now))
    metadata["generation"] = 1
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        **{key: part for key, part in value.items() if key not in ("metadata", "status")},
        "metadata": metadata,
    }
