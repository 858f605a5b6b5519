"""The two ways to a pod: from here, and through the sandbox's own program, which runs as a process of this machine."""

from __future__ import annotations

import platform
from collections.abc import Iterator

import pytest

from runner.kubelet.prober.handlers import EngineHandlers, Reach
from runner.sandbox.image import sandbox_program
from tests.runtime.handlers.servers import ProcessEngine


@pytest.fixture(scope="session")
def pause(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of an executable copy of the sandbox's program."""
    program = tmp_path_factory.mktemp("sandbox") / "pause"
    program.write_bytes(sandbox_program(platform.machine()))
    program.chmod(0o755)
    return str(program)


@pytest.fixture
def engine(pause: str) -> Iterator[ProcessEngine]:
    made = ProcessEngine(pause)
    yield made
    made.close()


@pytest.fixture(params=[True, False], ids=["direct", "relayed"])
def handlers(request: pytest.FixtureRequest, engine: ProcessEngine) -> EngineHandlers:
    """Handlers that go one way or the other; what a user sees must be the same."""
    return EngineHandlers(engine, Reach(engine, direct=request.param))
