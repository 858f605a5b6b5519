"""The columns of the pod table."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.core.printers.columns import age_since, pod_row, status_word

CONFORMANCE = Path(__file__).parents[2] / "fixtures" / "conformance"
DATA: dict[str, Any] = json.loads((CONFORMANCE / "printpod.json").read_text())
PRINTS: list[dict[str, Any]] = [
    json.loads(line) for line in (CONFORMANCE / "apiserver" / "prints.jsonl").read_text().splitlines()
]
NOW = datetime(2026, 6, 1, 12, 0, 0, 500_000, tzinfo=UTC)
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
OFFSET = re.compile(r"@-(\d+)([smhd])")


def before_now(offset: str) -> str:
    match = OFFSET.fullmatch(offset)
    assert match is not None
    return (NOW - timedelta(seconds=int(match[1]) * UNITS[match[2]])).isoformat()


def with_times(value: object) -> Any:
    """Replace relative instants (``@-10s``) by absolute ones."""
    if isinstance(value, dict):
        return {key: with_times(part) for key, part in value.items()}
    if isinstance(value, list):
        return [with_times(part) for part in value]
    return before_now(value) if isinstance(value, str) and OFFSET.fullmatch(value) else value


@pytest.mark.parametrize("row", DATA["cases"], ids=[f"{n} {row['name']}" for n, row in enumerate(DATA["cases"])])
def test_a_pod_is_printed_as_the_api_server_prints_it(row: dict[str, Any]) -> None:
    pod = with_times(row["pod"])
    found = pod_row(pod, NOW)
    assert (found.ready, found.status, found.restarts) == (row["ready"], row["status"], row["restarts"])
    assert found.age == "<unknown>"
    assert status_word(pod) == row["status"]


@pytest.mark.parametrize("row", DATA["ages"], ids=[row["offset"] for row in DATA["ages"]])
def test_ages_are_printed_as_the_api_server_prints_them(row: dict[str, Any]) -> None:
    offset = row["offset"]
    future = re.fullmatch(r"future ([\d.]+)s", offset)
    if future:
        timestamp: object = (NOW + timedelta(seconds=float(future[1]))).isoformat()
    elif offset == "now":
        timestamp = NOW.isoformat()
    elif offset == "zero time":
        timestamp = "0001-01-01T00:00:00Z"
    else:
        timestamp = before_now(offset)
    assert age_since(timestamp, NOW) == row["text"]


@pytest.mark.parametrize("row", PRINTS, ids=[row["id"] for row in PRINTS])
def test_a_recorded_table_row_is_printed_alike(row: dict[str, Any]) -> None:
    now = datetime.fromtimestamp(row["now_table"], UTC)
    assert list(pod_row(row["pod_json"], now).cells(wide=True)) == row["table_cells"]


def test_the_narrow_row_is_the_start_of_the_wide_one() -> None:
    row = pod_row({"metadata": {"name": "p", "creationTimestamp": NOW.isoformat()}}, NOW)
    assert row.cells() == ("p", "0/0", "", "0", "0s")
    assert row.cells(wide=True) == (*row.cells(), "<none>", "<none>", "<none>", "<none>")


def test_the_wide_cells_show_addresses_node_and_gates() -> None:
    pod = {
        "spec": {"nodeName": "n1", "readinessGates": [{"conditionType": "a"}, {"conditionType": "b"}]},
        "status": {
            "podIP": "10.0.0.1",
            "nominatedNodeName": "n2",
            "conditions": [{"type": "a", "status": "True"}, {"type": "b", "status": "False"}],
        },
    }
    row = pod_row(pod, NOW)
    assert (row.ip, row.node, row.nominated_node, row.readiness_gates) == ("10.0.0.1", "n1", "n2", "1/2")
    assert pod_row({"status": {"podIPs": [{"ip": "10.0.0.2"}], "podIP": "10.0.0.1"}}, NOW).ip == "10.0.0.2"


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ({"terminated": {"exitCode": 2}}, "Init:ExitCode:2"),
        ({"terminated": {"exitCode": 137, "signal": 9}}, "Init:Signal:9"),
        ({"terminated": {"exitCode": 1, "reason": "OOMKilled"}}, "Init:OOMKilled"),
        ({"waiting": {}}, "Init:0/1"),
        ({}, "Init:0/1"),
    ],
)
def test_an_init_container_that_is_not_done_gives_the_word(state: dict[str, Any], word: str) -> None:
    pod = {
        "spec": {"initContainers": [{"name": "i"}], "containers": [{"name": "a"}]},
        "status": {"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": state}]},
    }
    assert status_word(pod) == word


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ({"phase": "Running", "reason": "NodeLost"}, "Unknown"),
        ({"phase": "Running"}, "Terminating"),
        ({"phase": "Failed"}, "Failed"),
        ({"phase": "Failed", "reason": "Evicted"}, "Evicted"),
    ],
)
def test_a_pod_that_is_being_deleted_says_so_unless_it_has_ended(status: dict[str, Any], word: str) -> None:
    assert status_word({"metadata": {"deletionTimestamp": NOW.isoformat()}, "status": status}) == word


def test_the_latest_restart_counts() -> None:
    def one(name: str, count: int, ago: int) -> dict[str, Any]:
        finished = (NOW - timedelta(seconds=ago)).isoformat()
        return {"name": name, "restartCount": count, "lastState": {"terminated": {"finishedAt": finished}}}

    containers = [one("a", 1, 90), one("b", 2, 30), one("c", 0, 60)]
    pod = {"spec": {"containers": [{}] * 3}, "status": {"phase": "Running", "containerStatuses": containers}}
    assert pod_row(pod, NOW).restarts == "3 (30s ago)"
