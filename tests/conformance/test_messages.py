"""Termination messages of real containers, read from this machine's files or through the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from runner.engine.docker import DockerEngine
from runner.engine.protocol import VolumeDetails
from tests.conformance.bed import TestBed
from tests.conformance.reading import Json, phase, statuses

pytestmark = pytest.mark.docker


class Faraway(DockerEngine):
    """An Engine whose volumes seem to be another machine's."""

    def __init__(self, near: DockerEngine) -> None:
        super().__init__(near.address)
        self._near = near

    def inspect_volume(self, name: str) -> VolumeDetails:
        return replace(super().inspect_volume(name), mountpoint=f"/elsewhere/{name}/_data")

    def _mountpoint(self, name: str) -> str:
        return self._near.inspect_volume(name).mountpoint


@pytest.fixture(params=["near", "faraway"])
def bed(request: pytest.FixtureRequest, docker_engine: DockerEngine, tmp_path: Path) -> Iterator[TestBed]:
    """A test bed on the real Engine, once with its volumes in reach and once without."""
    engine = docker_engine if request.param == "near" else Faraway(docker_engine)
    made = TestBed(engine, tmp_path / "state")
    yield made
    made.close()
    if engine is not docker_engine:
        engine.close()


def sh(name: str, script: str, **more: Any) -> Json:
    return {"name": name, "image": "busybox:1.36", "command": ["sh", "-c", script], **more}


def run_to_the_end(bed: TestBed, **spec: Any) -> dict[str, str]:
    """Run a pod until its phase is final; the messages by container."""
    view = bed.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "told"}, "spec": spec})
    end = bed.clock.now() + timedelta(seconds=60)
    while phase(view.last()) not in ("Succeeded", "Failed"):
        assert bed.clock.now() < end, view.states
        view.wait(len(view.states))
    last = view.last()
    bed.remove(view)
    return {name: one["state"].get("terminated", {}).get("message", "") for name, one in statuses(last).items()}


def test_every_container_leaves_a_message(bed: TestBed) -> None:
    long = "head -c 5000 /dev/zero | tr '\\0' x > /dev/termination-log; echo -n end >> /dev/termination-log"
    found = run_to_the_end(
        bed,
        restartPolicy="Never",
        initContainers=[sh("first", "echo -n prepared > /dev/termination-log")],
        containers=[
            sh("path", "echo -n elsewhere > /tmp/why; exit 3", terminationMessagePath="/tmp/why"),
            sh("nobody", "echo -n 'not root' > /dev/termination-log", securityContext={"runAsUser": 65534}),
            sh("long", long),
            sh("silent", "true"),
            sh("log", "echo from the log; exit 1", terminationMessagePolicy="FallbackToLogsOnError"),
        ],
    )
    # All messages of a pod together are at most 12 KiB: a sixth for each of six containers.
    assert len(found.pop("long")) == 2048
    assert found == {
        "first": "prepared",
        "path": "elsewhere",
        "nobody": "not root",
        "silent": "",
        "log": "from the log\n",
    }


def test_an_init_container_that_fails_and_runs_again_leaves_a_new_message(bed: TestBed) -> None:
    script = "test -e /work/once && { echo -n again > /dev/termination-log; exit 0; }; touch /work/once; exit 7"
    mount = [{"name": "work", "mountPath": "/work"}]
    found = run_to_the_end(
        bed,
        restartPolicy="OnFailure",
        initContainers=[sh("twice", script, volumeMounts=mount)],
        containers=[sh("main", "true")],
        volumes=[{"name": "work", "emptyDir": {}}],
    )
    assert found["twice"] == "again"
