"""One bench for each test, and the images that the tests run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from runner.engine.docker import DockerEngine
from tests.conftest import require_engine
from tests.e2e.support import Bench
from tests.support.sweeping import no_other_sweeps


@pytest.fixture(scope="session")
def sdk(docker_engine: DockerEngine) -> Iterator[docker.DockerClient]:
    """docker-py on the real Engine, which has the images."""
    client = docker.DockerClient(base_url=docker_engine.address)
    yield client
    client.close()


@pytest.fixture
def bench(sdk: docker.DockerClient, tmp_path: Path) -> Iterator[Bench]:
    """The command with a state directory of its own."""
    bench = Bench(directory=tmp_path, address=require_engine().url, engine=sdk)
    yield bench
    bench.close()


@pytest.fixture
def alone() -> Iterator[None]:
    """Tests that look at garbage stay out of each other's way: ``gc`` takes what killed processes of other homes left."""
    with no_other_sweeps():
        yield
