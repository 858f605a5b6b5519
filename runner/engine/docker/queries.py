"""What streams are asked for with, as the words of a URL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from runner.engine.docker.body import label_filter


def event_words(labels: Mapping[str, str], since: datetime | None) -> dict[str, str]:
    """The query of ``GET /events``: those of containers with labels, since an instant."""
    filters = {"type": ["container"], "label": label_filter(labels)}
    return {"filters": json.dumps(filters)} | ({} if since is None else {"since": unix(since)})


def log_words(*, follow: bool, tail: int | None, since: datetime | None) -> dict[str, str]:
    """The query of ``GET /containers/ID/logs``: both streams, each line with its time."""
    return {
        "stdout": "1",
        "stderr": "1",
        "timestamps": "1",
        "follow": "1" if follow else "0",
        "tail": "all" if tail is None else str(tail),
    } | ({} if since is None else {"since": unix(since)})


def unix(instant: datetime) -> str:
    """Seconds since 1970 with nine decimals, as the API reads them."""
    since = instant.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return f"{since.days * 86400 + since.seconds}.{since.microseconds * 1000:09d}"
