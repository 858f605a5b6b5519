"""Which tests of a parallel run belong to one worker, and which begin first.

pytest-xdist has the marker ``xdist_group`` for that, which pytest 9.2 leaves without effect: it takes no other node id. So
``--dist loadgroup`` is carried out here, by the files of the tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import Scheduling

TOGETHER: Final = (
    "tests/conformance/test_scenarios.py",  # Each worker that has one of them runs all.
    "tests/e2e/test_fixture.py",  # They look at one run.
    "tests/e2e/test_killed.py",  # They keep others from sweeping, so that they would only wait for each other.
)
"""Files of which one worker has all tests. It begins with them: they take longest."""
_FIRST: Final = (
    "tests/daemon/",
    "tests/docs/",
    "tests/plugin/",
    "tests/e2e/test_examples.py",
    "tests/e2e/test_output.py",
    "tests/e2e/test_services.py",
    "tests/e2e/test_shared_state.py",
    "tests/e2e/test_volumes.py",
    "tests/e2e/test_workloads.py",
)
"""Where tests are that take long by themselves: begun last they would keep the others waiting."""


def scope_of(nodeid: str) -> str:
    """What a test is handed out with: its file, or itself alone."""
    return next((file for file in TOGETHER if nodeid.startswith(f"{file}::")), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    if config.getoption("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            return scope_of(nodeid)

    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("dist", "no") == "loadgroup":
        items.sort(key=lambda item: not item.nodeid.startswith(_FIRST))
