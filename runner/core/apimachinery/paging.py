"""Lists in pieces: a limit, and the token with which the next piece is asked for.

Mirrors k8s.io/apiserver/pkg/storage/continue.go and pkg/storage/etcd3/store.go.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from runner.core.apimachinery.statuses import bad_request, expired
from runner.core.model import Json

TOO_OLD: Final = (
    "The provided continue parameter is too old to display a consistent list result. "
    "You can start a new list without the continue parameter."
)


class Page(Struct, frozen=True):
    """One piece: its objects, and what the list's metadata says."""

    items: tuple[Json, ...]
    metadata: dict[str, Any]


def page(items: Sequence[Json], version: int, *, limit: int = 0, token: str = "", oldest: int = 0) -> Page:
    """The next piece of a list, whose items are as they are at a version. Raises StatusError (400, 410).

    ``limit`` 0: all. ``oldest``: what began at an earlier version is not known any more, and cannot be continued.
    """
    ordered = sorted(items, key=_key)
    if token:
        began, after = _read(token)
        if began < oldest:
            raise expired(TOO_OLD)
        version = began
        ordered = [item for item in ordered if _key(item) > after]
    metadata: dict[str, Any] = {"resourceVersion": str(version)}
    if not limit or len(ordered) <= limit:
        return Page(tuple(ordered), metadata)
    found = ordered[:limit]
    metadata["continue"] = _written(version, _key(found[-1]))
    metadata["remainingItemCount"] = len(ordered) - limit
    return Page(tuple(found), metadata)


def _key(item: Json) -> tuple[str, str]:
    metadata = item.get("metadata") or {}
    return str(metadata.get("namespace") or ""), str(metadata.get("name") or "")


def _written(version: int, key: tuple[str, str]) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": "/".join(key)}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(token: str) -> tuple[int, tuple[str, str]]:
    try:
        read = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
        version, start = read["rv"], read["start"]
        namespace, _, name = start.partition("/")
        if read["v"] != "meta.k8s.io/v1" or not isinstance(version, int):
            raise ValueError("not a token of this server")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise bad_request("continue key is not valid") from error
    return version, (namespace, name)
