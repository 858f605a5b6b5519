"""Following objects: what is there now, then every change of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from runner.core.changes import ChangeType
from runner.core.model import Json
from runner.errors import Expired

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

    An object that is deleted, or not wanted any more, comes once more. Never ends. After a gap in the watch, because this machine
    slept, it looks at everything again.
    """
    client = app.runner.client
    known: dict[str, Object] = {}
    while True:
        listing = client.list(kind, namespace)
        news = _differences(listing.items, is_wanted, known)
        if news:
            yield sorted(news, key=order) if order is not None else news
        with client.watch(kind, namespace, since=listing.resource_version) as watch, suppress(Expired):
            while True:
                found = watch.next()
                news = [change.value for change in found if _is_news(change.type, change.value, is_wanted, known)]
                if news:
                    yield news


def _differences(present: list[Object], is_wanted: Callable[[Object], bool], known: dict[str, Object]) -> list[Object]:
    there = {_key(value) for value in present}
    gone = [value for key, value in known.items() if key not in there]
    news = [value for value in present if _is_news(ChangeType.MODIFIED, value, is_wanted, known)]
    return news + [value for value in gone if _is_news(ChangeType.DELETED, value, is_wanted, known)]


def _is_news(change: ChangeType, value: Object, is_wanted: Callable[[Object], bool], known: dict[str, Object]) -> bool:
    """Whether a reader wants to see a change; ``known`` is what the reader has seen."""
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
