"""What all tests share: the real Engine, for tests marked ``docker``.

It is the one that ``discover`` finds. Where none answers these tests are skipped, or fail with
PODRUNNER_REQUIRE_ENGINE=1; the last line of the report tells how many ran, and where.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from runner.engine.discover import EngineAddress, discover
from runner.engine.docker import DockerEngine
from runner.errors import EngineUnavailable, NotFound
from tools.place import state_directory

pytest_plugins = ("tests.support.together",)

ENGINE_PROPERTY = "engine"
OF_USERS: Final = {"PYTEST_ADDOPTS": "-p no:hypothesispytest"}
"""For pytest as a process of its own, as a user has it: the plugin of Hypothesis takes longer to load than all the rest."""
IMAGES = ("busybox:latest", "busybox:1.36", "nginx:1.7.9")
"""What tests on the real Engine take for granted; a new Engine has none of them."""


def pytest_configure(config: pytest.Config) -> None:
    """Shells let what they start in the background ignore Ctrl-C, and so would all that is started from here."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.pluginmanager.hasplugin("hypothesispytest"):
        from hypothesis import HealthCheck, settings

        # How long an example takes says how busy the machine is. The same examples each time: who has changed nothing
        # sees no other failure; ``--hypothesis-profile=drawn`` draws new ones.
        settings.register_profile(
            "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
        )
        settings.register_profile("drawn", deadline=None, suppress_health_check=[HealthCheck.too_slow])
        settings.load_profile(config.getoption("--hypothesis-profile") or "patient")


@cache
def _engine_address() -> EngineAddress | str:
    """The Engine to test on, or why there is none."""
    try:
        return discover(os.environ, Path.home(), state_directory(os.environ))
    except EngineUnavailable as problem:
        return f"{problem}\n{problem.hint}"


@cache
def _engine_name(address: EngineAddress) -> str:
    engine = DockerEngine(address.url, tls=address.tls)
    try:
        info = engine.info()
    finally:
        engine.close()
    return f"{info.name} {info.version} at {address.url}"


def require_engine() -> EngineAddress:
    """The address of the real Engine; without one the calling test is skipped, or fails when one is required."""
    address = _engine_address()
    if isinstance(address, EngineAddress):
        return address
    if os.environ.get("PODRUNNER_REQUIRE_ENGINE") == "1":
        pytest.fail(f"PODRUNNER_REQUIRE_ENGINE=1, but {address}", pytrace=False)
    pytest.skip(f"no Engine answers: {address.splitlines()[0]}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """See that make finds all tests on the Engine."""
    for path in {item.path for item in items if item.get_closest_marker("docker")}:
        if "mark.docker" not in path.read_text():
            raise pytest.UsageError(f"{path}: make finds tests on the Engine by the words mark.docker in their file")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("docker"):
        item.user_properties.append((ENGINE_PROPERTY, _engine_name(require_engine())))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts: dict[str, int] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            if report.when == "call":
                for name in (value for key, value in report.user_properties if key == ENGINE_PROPERTY):
                    counts[str(name)] = counts.get(str(name), 0) + 1
    for name, count in counts.items():
        terminalreporter.write_line(f"{count} tests ran on the real Engine ({name})")


def have_images(engine: DockerEngine) -> None:
    """Pull what of ``IMAGES`` the Engine lacks."""
    for image in IMAGES:
        try:
            engine.inspect_image(image)
        except NotFound:
            engine.pull_image(image, auth=None, on_progress=lambda _: None)


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    """The real Engine, with images. What a test creates there carries a label of its own and is removed by the test."""
    address = require_engine()
    engine = DockerEngine(address.url, tls=address.tls)
    have_images(engine)
    yield engine
    engine.close()
