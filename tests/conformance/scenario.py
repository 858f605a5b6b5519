"""A scenario: a pod, what is done to it, and what must become true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from runner.core.sync.backoff import CAP_SECONDS
from tests.conformance.reading import Json
from tests.support.yamls import read_yaml

FOLDER: Final = Path(__file__).parents[2] / "fixtures" / "conformance" / "e2e"
CONFIGURABLE_CAP: Final = "configurable-max-backoff"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A file of fixtures/conformance/e2e."""

    name: str
    requires: frozenset[str]
    budget: float
    pod: Json
    steps: Sequence[Mapping[str, Any]]
    expect: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Scenario:
        value = read_yaml(path.read_text())
        return cls(
            name=value["name"],
            requires=frozenset(value["requires"]),
            budget=float(value["time_budget_seconds"]),
            pod=value["pod"],
            steps=tuple(value.get("steps") or ()),
            expect=value["expect"],
        )

    @property
    def cap(self) -> float:
        """The longest back-off in seconds: where it is configured, the longest gap that the scenario expects."""
        if CONFIGURABLE_CAP not in self.requires:
            return CAP_SECONDS
        offsets = self.expect["backoff"]["start_offsets_seconds"]
        return float(max(later - earlier for earlier, later in pairwise(offsets)))
