"""The recorded outputs of a real kubectl for real and made-up pods."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[2] / "fixtures" / "conformance" / "apiserver" / "prints.jsonl"


@cache
def recorded() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(line) for line in PATH.read_text().splitlines())


def instants(second: float) -> tuple[datetime, ...]:
    """kubectl ran somewhere within this second."""
    return tuple(datetime.fromtimestamp(second + part, UTC) for part in (0.0, 0.5, 0.999))
