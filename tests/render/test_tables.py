"""Tables against what a real kubectl printed for the same pods."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runner.render.tables import EventTable, PodTable, ready_word
from tests.render.prints import instants, recorded


@pytest.mark.parametrize("wide", [False, True], ids=["get", "wide"])
@pytest.mark.parametrize("row", recorded(), ids=lambda row: row["id"])
def test_a_pod_is_listed_as_kubectl_does(row: dict[str, Any], wide: bool) -> None:
    key = "wide" if wide else "get"
    outputs = [PodTable(wide=wide).rows([row["pod_json"]], now) for now in instants(row[f"now_{key}"])]
    assert row[key] in outputs, outputs[0]


def test_the_ready_word_needs_no_time() -> None:
    cell = next(row for row in recorded() if row["id"] == "completed-and-running-notready")
    assert ready_word(cell["pod_json"]) == cell["get"].splitlines()[1].split()[1]


def test_a_cell_ends_at_its_first_line_break() -> None:
    now = datetime(2030, 5, 1, tzinfo=UTC)
    event = {"involvedObject": {"kind": "Pod", "name": "web"}, "message": "first\nsecond", "type": "Normal"}
    assert EventTable().rows([event], now).splitlines()[1].endswith("Pod/web   first...")
