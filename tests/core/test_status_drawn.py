"""Statuses of pods whose worlds were drawn at random: the real generateAPIPodStatus gave what is expected.

Each world follows from the one before, and each status is computed with the one that the real code gave before. What
the real code knows and podrunner writes in the words of a later version (the reason of PodReadyToStartContainers) is left out.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.core.model import ContainerID, Pod
from runner.core.observed import ContainerRecord, Observed, ProbeResult, ProbeResults, RuntimeState, SandboxRecord
from runner.core.status.containerstatus import StartFailure
from runner.core.status.podstatus import PodStatus
from runner.core.status.status import generate_status

START = datetime(2000, 1, 1, tzinfo=UTC)
ROWS = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "fixtures/conformance/podstatus-drawn.jsonl").read_text().splitlines()
]
GROUPS = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
COMPARED = ("name", "state", "lastState", "ready", "started", "restartCount", "containerID")


def at(seconds: int | None) -> datetime | None:
    return None if not seconds else START + timedelta(seconds=seconds)


def record(value: dict[str, Any]) -> ContainerRecord:
    state = RuntimeState(value["state"])
    return ContainerRecord(
        id=ContainerID(value["id"]),
        name=value["name"],
        attempt=value.get("attempt", 0),
        state=state,
        created_at=START + timedelta(seconds=value["created"]),
        started_at=None if state is RuntimeState.CREATED else at(value.get("started")),
        finished_at=at(value.get("finished")),
        exit_code=value.get("exit", 0),
        reason=value.get("reason", ""),
        message=value.get("message", ""),
        sandbox_id=value["box"],
    )


def observed(world: dict[str, Any]) -> Observed:
    sandboxes = tuple(
        SandboxRecord(
            id=ContainerID(one["id"]),
            attempt=one["attempt"],
            ready=one["state"] == "ready",
            ip=one["ip"],
            created_at=START,
        )
        for one in world.get("sandboxes", ())
    )
    now = START + timedelta(seconds=world["t"])
    return Observed(at=now, sandboxes=sandboxes, containers=tuple(map(record, world.get("records", ()))))


def verdicts(world: dict[str, Any], seen: Observed) -> ProbeResults:
    found: dict[str, dict[str, ProbeResult]] = {"startup": {}, "liveness": {}, "readiness": {}}
    for name, results in world.get("probes", {}).items():
        newest = seen.latest(name)
        assert newest is not None
        for kind, result in results.items():
            found[kind][newest.id] = ProbeResult(result.capitalize())
    return ProbeResults(**found)


def compared(status: dict[str, Any]) -> dict[str, Any]:
    """What is compared of a status: all but times of conditions, images, and what the version words otherwise."""
    conditions = [[one["type"], one["status"], one.get("reason"), one.get("message")] for one in status["conditions"]]
    return {
        **{key: status.get(key) for key in ("phase", "reason", "message")},
        "conditions": [one[:2] if one[0] == "PodReadyToStartContainers" else one for one in conditions],
        **{group: [container(one) for one in status.get(group, ())] for group in GROUPS},
    }


def container(status: dict[str, Any]) -> dict[str, Any]:
    shown = {key: status.get(key) for key in COMPARED if status.get(key) is not None}
    for key in ("state", "lastState"):
        shown[key] = {
            kind: {name: part for name, part in fields.items() if part is not None}
            for kind, fields in (shown.get(key) or {}).items()
        }
    return shown


@pytest.mark.parametrize("row", ROWS, ids=[f"drawn {number}" for number in range(len(ROWS))])
def test_a_status_is_what_the_kubelets_own_code_makes_of_it(row: dict[str, Any]) -> None:
    before: dict[str, Any] = {"phase": "Pending"}
    for world, expected in zip(row["worlds"], row["statuses"], strict=True):
        metadata = {"name": "p", "uid": "u", "namespace": "default"}
        if world.get("deleted"):
            metadata["deletionTimestamp"] = "2000-01-01T00:00:05Z"
        seen = observed(world)
        reasons = {name: StartFailure(reason=one[0], message=one[1]) for name, one in world.get("reasons", {}).items()}
        made = generate_status(
            Pod.from_json({"metadata": metadata, "spec": row["spec"]}),
            seen,
            reasons,
            verdicts(world, seen),
            PodStatus.from_json(before),
            seen.at,
            is_terminal=world.get("terminal", False),
        )
        assert compared(made.to_json()) == compared(expected)
        before = expected
