"""A private Engine that a test may kill, apart from the machine's own: its network namespace is its own, its images are copies.

That takes Linux, its administrator, and the programs of an Engine; elsewhere these tests are left out.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import docker
import pytest
from docker.errors import ImageNotFound

from tests.conftest import require_engine
from tests.e2e.support import BUSYBOX, ROOT, Bench
from tools import debian, private
from tools.place import EnginePlace, engine_place

LEFT_OUT: Final = pytest.StashKey[int]()
_PROGRAMS: Final = ("dockerd", "containerd", "unshare", "nsenter", "ip")
_START_SECONDS: Final = 120.0


def _can_start() -> bool:
    found = (shutil.which(program, path=debian.SYSTEM_PATH) for program in _PROGRAMS)
    return sys.platform == "linux" and os.geteuid() == 0 and all(found)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    folders = {path: Path(__file__).parent in path.parents for path in {item.path for item in items}}
    here = [item for item in items if folders[item.path]]
    if here and not _can_start():
        config.hook.pytest_deselected(items=here)
        config.stash[LEFT_OUT] = len(here)
        items[:] = [item for item in items if not folders[item.path]]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if count := config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(
            f"{count} tests with an Engine that is killed were left out: they need root on Linux"
        )


@dataclass(frozen=True, slots=True)
class PrivateEngine:
    """Our own dockerd and containerd in a network namespace of their own."""

    place: EnginePlace
    environment: Mapping[str, str]

    def up(self) -> None:
        """Start what does not run; what runs goes on."""
        namespace = private.containerd_pids(self.place)
        way = [f"--net=/proc/{namespace[0]}/ns/net"] if namespace else ["--net"]
        script = "ip link set lo up && exec " + f"{sys.executable} -m tools.engine up"
        self._do(["nsenter" if namespace else "unshare", *way, "sh", "-c", script])

    def kill(self) -> None:
        """Kill dockerd, as a crash would; containerd and the containers go on."""
        (pid,) = private.dockerd_pids(self.place)
        os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        self._do([sys.executable, "-m", "tools.engine", "stop"])

    def _do(self, command: Sequence[str]) -> None:
        environment = {**os.environ, **self.environment, "PATH": f"{debian.SYSTEM_PATH}:{os.environ['PATH']}"}
        subprocess.run(
            command, cwd=ROOT, env=environment, timeout=_START_SECONDS, check=True, stdout=subprocess.DEVNULL
        )


@pytest.fixture
def private_engine() -> Iterator[PrivateEngine]:
    """A private Engine with the image that the test runs, copied from the machine's own."""
    with tempfile.TemporaryDirectory(prefix="pr", dir="/tmp") as folder:
        environment = {"PODRUNNER_HOME": folder, "PODRUNNER_ENGINE": "private"}
        engine = PrivateEngine(engine_place(environment), environment)
        try:
            engine.up()
            _copy_image(require_engine().url, engine.place.url)
            yield engine
        finally:
            engine.stop()


def _copy_image(source: str, target: str) -> None:
    giver, taker = docker.DockerClient(base_url=source), docker.DockerClient(base_url=target)
    try:
        try:
            image = giver.images.get(BUSYBOX)
        except ImageNotFound:
            image = giver.images.pull(BUSYBOX)
        taker.images.load(b"".join(image.save(named=BUSYBOX)))
    finally:
        giver.close()
        taker.close()


@pytest.fixture
def bench(private_engine: PrivateEngine, tmp_path: Path) -> Iterator[Bench]:
    """The command on the private Engine."""
    client = docker.DockerClient(base_url=private_engine.place.url)
    made = Bench(directory=tmp_path, address=private_engine.place.url, engine=client)
    yield made
    made.close()
    client.close()
