"""The pause program as tests have it: the shipped one, and the same source with sanitizers."""

from __future__ import annotations

import fcntl
import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sandbox.programs import write_program
from tools import sanitized
from tools.place import SetupError


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[[Callable[[Path], Path]], Path]:
    """Call a function that builds a program in a folder of this test run, unless another process has done so."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "sanitized"

    def build(make: Callable[[Path], Path]) -> Path:
        place = folder / make.__name__
        place.mkdir(parents=True, exist_ok=True)
        with (place / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = place / "done"
            if not done.exists():
                done.write_text(str(_made(make, place)))
            return Path(done.read_text())

    return build


def _made(make: Callable[[Path], Path], place: Path) -> Path:
    try:
        sanitized.need_gcc()
        return make(place)
    except SetupError as problem:
        if os.environ.get("PODRUNNER_REQUIRE_ENGINE") == "1":
            pytest.fail(str(problem), pytrace=False)
        pytest.skip(str(problem).splitlines()[0])


@pytest.fixture(scope="session")
def driver(built_once: Callable[[Callable[[Path], Path]], Path]) -> Path:
    """Our own fuzzer, with all parsers."""
    return built_once(sanitized.build_driver)


def _reports(folder: Path) -> Path:
    return folder / "reports"


def _build_program(place: Path) -> Path:
    _reports(place).mkdir()
    built = sanitized.build_program(place, _reports(place) / "report")
    command = sanitized.steady(str(built))
    if len(command) == 1:
        return built
    wrapper = place / "steady"
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


@pytest.fixture(scope="session", params=["shipped", "sanitized"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The pause program for this machine."""
    if request.param == "shipped":
        return write_program(tmp_path_factory.mktemp("pause"))
    build: Callable[[Callable[[Path], Path]], Path] = request.getfixturevalue("built_once")
    return str(build(_build_program))


@pytest.fixture(scope="module")
def pause(program: str) -> Iterator[str]:
    """The same; afterwards no sanitizer has complained, in no process of it."""
    yield program
    found = [path.read_text() for path in Path(program).parent.glob("reports/report.*")]
    assert not found, "\n".join(found)
