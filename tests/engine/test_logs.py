"""Following output on the real Engine."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.clock import SystemClock
from runner.core.container.containerconfig import ContainerConfig
from runner.core.narration import AttemptStarted, LogLines, Narration, PodRef
from runner.engine.docker import DockerEngine
from runner.kubelet.logs.files import read_saved
from runner.kubelet.logs.follow import LogCollector
from runner.registry.home import Home
from tests.support.gates import readers_left

pytestmark = pytest.mark.docker

IMAGE = "busybox:1.36"
REF = PodRef(namespace="default", name="logs-test", uid="u1")
Make = Callable[[str], str]


@pytest.fixture
def make(docker_engine: DockerEngine) -> Iterator[Make]:
    """Starts a container that runs a shell script; returns its id."""
    made: list[str] = []

    def start(script: str) -> str:
        config = ContainerConfig(
            name=f"podrunner-logs-{uuid.uuid4().hex}", image=IMAGE, labels={}, command=("sh", "-c", script)
        )
        made.append(docker_engine.create_container(config))
        docker_engine.start_container(made[-1])
        return made[-1]

    yield start
    for container_id in made:
        docker_engine.remove_container(container_id)


def started(container_id: str) -> AttemptStarted:
    return AttemptStarted(
        at=datetime(2026, 1, 1, tzinfo=UTC),
        ref=REF,
        container="main",
        is_init=False,
        attempt=0,
        container_id=container_id,
    )


class Lines:
    """Collects lines by stream."""

    def __init__(self) -> None:
        self.by_stream: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
        self.first = threading.Event()

    def __call__(self, message: Narration) -> None:
        assert isinstance(message, LogLines)
        for line in message.lines:
            self.by_stream[line.stream].append(line.data)
        self.first.set()


def test_all_output_is_told_and_saved_before_finish_returns(
    docker_engine: DockerEngine, make: Make, tmp_path: Path
) -> None:
    container_id = make("for n in $(seq 500); do echo line $n; echo error $n >&2; done; printf end")
    lines = Lines()
    collector = LogCollector(docker_engine, Home(tmp_path), lines, SystemClock())
    collector.follow(started(container_id))
    assert collector.finish(container_id)
    assert lines.by_stream["stdout"] == [*[f"line {n}".encode() for n in range(1, 501)], b"end"]
    assert lines.by_stream["stderr"] == [f"error {n}".encode() for n in range(1, 501)]
    saved = list(read_saved(Home(tmp_path), REF, "main", 0))
    fresh = list(docker_engine.logs(container_id, follow=False))
    for stream in ("stdout", "stderr"):
        assert [chunk for chunk in saved if chunk.stream == stream] == [
            chunk for chunk in fresh if chunk.stream == stream
        ]


def test_a_line_longer_than_the_engines_pieces_is_one_line(docker_engine: DockerEngine, make: Make) -> None:
    container_id = make("head -c 50000 /dev/zero | tr '\\0' x; echo; echo after")
    lines = Lines()
    collector = LogCollector(docker_engine, None, lines, SystemClock())
    collector.follow(started(container_id))
    assert collector.finish(container_id)
    assert [len(line) for line in lines.by_stream["stdout"]] == [50_000, 5]


def test_following_a_running_container_can_be_stopped(docker_engine: DockerEngine, make: Make) -> None:
    container_id = make("echo here; sleep 300")
    lines, before = Lines(), set(threading.enumerate())
    collector = LogCollector(docker_engine, None, lines, SystemClock())
    collector.follow(started(container_id))
    assert lines.first.wait(20)
    collector.close()
    assert readers_left(before) == []
    assert lines.by_stream["stdout"] == [b"here"]


def test_a_second_collector_goes_on_where_the_first_one_stopped(
    docker_engine: DockerEngine, make: Make, tmp_path: Path
) -> None:
    container_id = make("echo first; sleep 1; echo second")
    first, second = Lines(), Lines()
    collector = LogCollector(docker_engine, Home(tmp_path), first, SystemClock())
    collector.follow(started(container_id))
    assert first.first.wait(20)
    collector.close()
    again = LogCollector(docker_engine, Home(tmp_path), second, SystemClock())
    again.follow(started(container_id))
    assert again.finish(container_id)
    assert first.by_stream["stdout"] == [b"first"]
    assert second.by_stream["stdout"] == [b"second"]
    assert [chunk.data for chunk in read_saved(Home(tmp_path), REF, "main", 0)] == [b"first\n", b"second\n"]
