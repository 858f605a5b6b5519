"""Following objects: what is there now, then every change of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from runner.core.changes import ChangeType
from runner.core.model import Json

if TYPE_CHECKING:
    from runner.cli.app import App
    from runner.core.model import Object


def changes(
    app: App,
    kind: str,
    namespace: str | None,
    is_wanted: Callable[[Object], bool],
    *,
    order: Callable[[Object], Any] | None = None,
) -> Iterator[list[Object]]:
    """Yield the wanted objects of a kind, then those that are new or different, each time in the order of the changes.

    One that is gone, or is wanted no more, comes once more. Never ends.
    """
    listing = app.runner.client.list(kind, namespace)
    known: dict[str, Object] = {}
    present = [value for value in listing.items if _is_news(ChangeType.ADDED, value, is_wanted, known)]
    if present:
        yield sorted(present, key=order) if order is not None else present
    with app.runner.client.watch(kind, namespace, since=listing.resource_version) as watch:
        while True:
            found = watch.next()
            news = [change.value for change in found if _is_news(change.type, change.value, is_wanted, known)]
            if news:
                yield news


def _is_news(change: ChangeType, value: Object, is_wanted: Callable[[Object], bool], known: dict[str, Object]) -> bool:
    """Whether somebody who looks wants to see a change; ``known`` is what has been seen."""
    key = _key(value)
    if change is ChangeType.DELETED or not is_wanted(value):
        return known.pop(key, None) is not None
    if known.get(key) == value:
        return False
    known[key] = value
    return True


def _key(value: Json) -> str:
    metadata = value.get("metadata") or {}
    return f"{metadata.get('uid') or ''}/{metadata.get('namespace')}/{metadata.get('name')}"
