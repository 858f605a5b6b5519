"""How many files and connections a run has open, and that it makes do with few."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

import pytest

from runner.clock import Wakeup
from runner.engine.docker import DockerEngine
from runner.engine.docker.clients import CONNECTED
from runner.errors import EngineUnavailable, TooManyFiles
from runner.node.openfiles import raise_limit
from tests.e2e.support import Bench, container, pod, until

pytestmark = pytest.mark.docker

PODS = 12
FEW = 256
"""What macOS lets a process open; here not even the hard limit allows more."""


def opened(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def open_until_refused(path: Path) -> list[IO[str]]:
    files: list[IO[str]] = []
    with suppress(OSError):
        while True:
            files.append(path.open("w"))
    return files


def test_pods_with_quick_probes_become_ready_and_end_with_few_open_files(bench: Bench) -> None:
    names = [bench.name("many") for _ in range(PODS)]
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1}
    path = bench.write(*(pod(name, container("main", readinessProbe=probe)) for name in names))
    run = bench.start("run", path)
    resource.prlimit(run.process.pid, resource.RLIMIT_NOFILE, (FEW, FEW))
    run.line("Status", "Pending")
    until(lambda: sum("(1/1 ready)" in line for line in run.text("err").splitlines()) >= PODS, "every pod", 120)
    counts, threads, never = [], [], Wakeup()
    for _ in range(40):
        counts.append(opened(run.process.pid))
        threads.append(len(list(Path(f"/proc/{run.process.pid}/task").iterdir())))
        never.wait(0.05)
    run.interrupt()
    done = run.end(120)
    assert max(counts) <= 100 + 4 * PODS
    assert sorted(counts)[len(counts) // 2] <= 4 * PODS + 2 * CONNECTED + 16, "hardly more than what each pod needs"
    assert max(threads) <= 24 + 2 * PODS, "a pod has its worker, and a probe while it runs"
    assert done.code == 130
    assert "too many open files" not in done.err
    for name in names:
        assert bench.left(name) == []


@pytest.fixture
def limit() -> Iterator[tuple[int, int]]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_process_may_open_as_many_files_as_its_hard_limit_allows(limit: tuple[int, int]) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, limit[1]))
    raise_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 200
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] == limit[1]


def test_out_of_files_is_no_silence_of_the_engine(
    docker_engine: DockerEngine, limit: tuple[int, int], tmp_path: Path
) -> None:
    engine = DockerEngine(docker_engine.address)
    engine.architecture()
    engine.close()
    used = opened(os.getpid())
    with ExitStack() as files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, limit[1]))
        for file in open_until_refused(tmp_path / "file"):
            files.enter_context(file)
        with pytest.raises(EngineUnavailable) as error:
            engine.list_containers({"nobody": "has it"})
    assert error.type is TooManyFiles
    assert (error.value.message, "ulimit -n" in error.value.hint) == ("too many open files", True)
    resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    assert engine.list_containers({"nobody": "has it"}) == []
    engine.close()
