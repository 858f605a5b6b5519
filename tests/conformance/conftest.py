"""Runs all selected scenarios side by side, and deselects those that need more than one process can offer.

Scenarios that take long carry ``slow_conformance``: ``make test`` leaves them out, ``make conformance`` runs all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from runner.engine.docker import DockerEngine
from tests.conformance.bed import TestBed
from tests.conformance.course import Course, Outcome
from tests.conformance.scenario import Scenario

SIDE_BY_SIDE: Final = 8
LEFT_OUT: Final = pytest.StashKey[int]()
SIMULATED: Final = pytest.StashKey[tuple[int, Mapping[str, str]]]()
NOT_OFFERED: Final = {"engine-restart": "needs a program that stops and starts while the containers go on"}


def _scenario(item: pytest.Item) -> Scenario | None:
    call = getattr(item, "callspec", None)
    value = call.params.get("scenario") if call is not None else None
    return value if isinstance(value, Scenario) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    offered: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        scenario = _scenario(item)
        is_offered = scenario is None or scenario.requires.isdisjoint(NOT_OFFERED)
        (offered if is_offered else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        config.stash[LEFT_OUT] = len(left_out)
        items[:] = offered
    simulated = [item for item in items if "simulated" in getattr(item, "fixturenames", ())]
    if simulated and isinstance(simulated[0], pytest.Function):
        config.stash[SIMULATED] = (len(simulated), simulated[0].module.LEFT_OUT)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    count = config.stash.get(LEFT_OUT, 0)
    if count:
        reasons = ", ".join(f"{tag} {reason}" for tag, reason in NOT_OFFERED.items())
        terminalreporter.write_line(f"{count} scenarios were left out: {reasons}")
    if SIMULATED in config.stash:
        run, reasons_of = config.stash[SIMULATED]
        told = "; ".join(f"{name}: {reason}" for name, reason in reasons_of.items())
        terminalreporter.write_line(
            f"{run} scenarios in simulation, {len(reasons_of)} left out, as they need real processes ({told})"
        )


@pytest.fixture(scope="session")
def outcomes(
    request: pytest.FixtureRequest, docker_engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[Outcome]]]:
    """The outcomes of all selected scenarios by name; all are on their way, the longest first."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        try:
            (tmp_path_factory.getbasetemp().parent / "scenarios").touch(exist_ok=False)
        except FileExistsError:
            pytest.fail("another worker runs all scenarios already; --dist loadgroup gives them to one", pytrace=False)
    found = [scenario for item in request.session.items if (scenario := _scenario(item)) is not None]
    bed = TestBed(docker_engine, tmp_path_factory.mktemp("home", numbered=True) / "state")
    with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="scenario") as pool:
        ordered = sorted(found, key=lambda scenario: -scenario.budget)
        futures = {scenario.name: pool.submit(Course(bed, scenario).run) for scenario in ordered}
        try:
            yield futures
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            bed.close()


@pytest.fixture
def bed(docker_engine: DockerEngine, tmp_path: Path) -> Iterator[TestBed]:
    """A test bed of one test."""
    made = TestBed(docker_engine, tmp_path / "state")
    yield made
    made.close()
