"""The watch over simulated pods sees what it is there to see: told a false story, it says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from runner.clock import VIRTUAL_START
from runner.core.labels import CONTAINER_NAME, DOCKER_TYPE, RESTART_COUNT, TYPE_CONTAINER
from runner.core.manifest import Source, load
from runner.core.narration import PodRef, StatusChanged
from runner.core.status.podstatus import PodStatus
from runner.engine.protocol import EngineEvent
from runner.lab.script import SimulationScript
from tests.properties.watch import CompanyWatch, Watch
from tests.support.pods import make_pod

Story = Callable[[Watch], None]


def event(action: str, name: str, attempt: int = 0, container: str = "") -> EngineEvent:
    labels = {CONTAINER_NAME: name, RESTART_COUNT: str(attempt), DOCKER_TYPE: TYPE_CONTAINER}
    attributes = {"exitCode": "0"} if action == "die" else {}
    return EngineEvent(
        action=action,
        container_id=container or f"{name}-{attempt}",
        labels=labels,
        at=VIRTUAL_START + timedelta(seconds=1),
        attributes=attributes,
    )


def events(*told: EngineEvent) -> Story:
    def tell(watch: Watch) -> None:
        for one in told:
            watch.see(one)

    return tell


def statuses(*values: dict[str, Any]) -> Story:
    def tell(watch: Watch) -> None:
        for value in values:
            ref = PodRef(namespace="default", name="web", uid="uid-1")
            status = PodStatus.from_json(value)
            watch.hear(StatusChanged(at=VIRTUAL_START, ref=ref, manifest={"metadata": {}}, status=status))

    return tell


RUNNING = {"name": "main", "state": {"running": {}}, "restartCount": 3, "ready": True, "image": "", "imageID": ""}


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        pytest.param(events(event("create", "main", 1)), "attempt 1 of main follows None", id="an attempt left out"),
        pytest.param(
            events(event("start", "main", container="a"), event("start", "main", container="b")),
            "main runs 2 times",
            id="two at once",
        ),
        pytest.param(
            events(event("start", "main")), "main started before first", id="an app before its init container"
        ),
        pytest.param(
            statuses({"phase": "Failed"}, {"phase": "Running"}),
            "the phase went from Failed",
            id="a phase that was final",
        ),
        pytest.param(
            statuses({"phase": "Running", "containerStatuses": [RUNNING]}), "main shows 3 restarts", id="a wrong count"
        ),
    ],
)
def test_a_false_story_is_noticed(story: Story, expected: str) -> None:
    watch = Watch(make_pod(["first"], ["main"]))
    story(watch)
    assert any(expected in text for text in watch.violations)


def test_a_true_story_is_not() -> None:
    watch = Watch(make_pod(["first"], ["main"]))
    told = [event(action, "first") for action in ("create", "start", "die")]
    events(*told, event("create", "main"), event("start", "main"))(watch)
    assert watch.violations == []


def test_a_workload_with_too_many_pods_is_noticed() -> None:
    text = """
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: x}}
  template: {metadata: {labels: {app: x}}, spec: {containers: [{name: main, image: "busybox:1.36"}]}}
"""
    watch = CompanyWatch()
    company = watch.of(load([Source(name="m", text=text)]).objects, SimulationScript())
    company.advance(10)
    assert watch.violations == []
    (controller,) = company.controllers
    first = company.pods[0].view.manifest
    owners = first["metadata"]["ownerReferences"]
    company.node.create(controller, {**first, "metadata": {"generateName": "web-", "ownerReferences": owners}})
    assert watch.violations == ["replicaset/web was given 2 active pods", "replicaset/web has 2 active pods"]
