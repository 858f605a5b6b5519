"""Following the store: what is there now, then every change, by asking its version number again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from runner.core.model import Json

if TYPE_CHECKING:
    from runner.cli.app import App
    from runner.core.model import Object

POLL_SECONDS = 0.01
"""A pod's last status is there for some ten milliseconds; asking costs microseconds."""


def changes(app: App, read: Callable[[], list[Object]]) -> Iterator[list[Object]]:
    """Yield the objects that are new or different since the last time; one that is gone comes once more. Never ends."""
    known: dict[str, Object] = {}
    while True:
        version = app.runner.store.version()
        present = {_key(value): value for value in read()}
        news = [value for key, value in present.items() if known.get(key) != value]
        news.extend(value for key, value in known.items() if key not in present)
        known = present
        if news:
            yield news
        while app.runner.store.version() == version:
            app.clock.sleep(POLL_SECONDS)


def _key(value: Json) -> str:
    metadata = value.get("metadata") or {}
    return f"{metadata.get('uid') or ''}/{metadata.get('namespace')}/{metadata.get('name')}"
