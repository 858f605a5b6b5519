"""Both registries: what holds for one holds for the other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from runner.clock import SystemClock
from runner.registry.contract import Registry
from runner.registry.home import Home
from runner.registry.memory import MemoryRegistry
from runner.registry.sqlite import SqliteRegistry
from tests.registry.support import NOW


class StoppedClock(SystemClock):
    """Shows one instant, until it is set; seconds that are measured are real."""

    def __init__(self, shown: datetime = NOW) -> None:
        super().__init__(lambda: self.shown)
        self.shown = shown


@pytest.fixture(params=["memory", "sqlite"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    on_disk = Home(tmp_path / "home")
    made = MemoryRegistry() if request.param == "memory" else SqliteRegistry(on_disk, clock=StoppedClock())
    yield made
    made.close()
