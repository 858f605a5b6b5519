"""The doorbell opens what it rings with once, however many threads ring at the same moment."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runner.registry.home import Home
from runner.registry.sqlite.database import Database
from runner.registry.sqlite.doorbell import Doorbells
from tests.support.gates import open_below

THREADS = 8
ROUNDS = 40


@pytest.fixture
def _often_switched() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("folder", ["short", "a" * 120], ids=["in a short path", "in a long path"])
@pytest.mark.usefixtures("_often_switched")
def test_threads_that_ring_first_at_the_same_moment_open_one_socket_and_one_folder(tmp_path: Path, folder: str) -> None:
    database = Database(Home(tmp_path / folder))
    database.home.ensure(database.home.bells)
    with warnings.catch_warnings(record=True) as lost, ThreadPoolExecutor(THREADS) as pool:
        warnings.simplefilter("always")
        for _ in range(ROUNDS):
            bells = Doorbells(database)
            together = threading.Barrier(THREADS)

            def ring(bells: Doorbells = bells, together: threading.Barrier = together) -> None:
                together.wait(20)
                bells.ring(["nobody"])

            for done in [pool.submit(ring) for _ in range(THREADS)]:
                done.result()
            bells.close()
    database.close()
    assert [str(one.message) for one in lost] == []
    assert open_below(tmp_path) == []
