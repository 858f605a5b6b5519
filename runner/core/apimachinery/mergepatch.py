"""JSON merge patches (RFC 7386) as an API server applies them.

Mirrors gopkg.in/evanphx/json-patch.v4 (merge.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The document with what the patch says; null takes a member away. Both stay as they are.

    As in Go, the members of what was read are sorted afterwards.
    """
    merged = dict(document)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif merged.get(key) is None:
            merged[key] = pruned(value)
        else:
            merged[key] = _merged(merged[key], value)
    return dict(sorted(merged.items()))


def _merged(current: Any, patch: Any) -> Any:
    if isinstance(current, Mapping) and isinstance(patch, Mapping):
        return merge(current, patch)
    return patch if isinstance(current, Mapping) else pruned(patch)


def pruned(value: Any) -> Any:
    """A value without the members that are null; items of lists stay."""
    if isinstance(value, Mapping):
        return {key: pruned(one) for key, one in sorted(value.items()) if one is not None}
    return [pruned(one) for one in value] if isinstance(value, list) else value
