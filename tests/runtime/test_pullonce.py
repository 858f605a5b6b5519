"""An image is pulled once, however many processes want it at the same time."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from runner.clock import VirtualClock
from runner.engine.simulated import SimulatedEngine
from runner.errors import ImagePullError, NotFound
from runner.kubelet.images.pullonce import pull_once
from runner.registry.pulllocks import forget_lock

IMAGE = "busybox:1.36"


class Registry:
    """Pulls that take until they are let go; every process has a file lock of its own, and so has every thread here."""

    def __init__(self, engine: SimulatedEngine) -> None:
        self.engine = engine
        self.pulls = 0
        self.began = threading.Event()
        self.go_on = threading.Event()

    def pull(self) -> None:
        self.pulls += 1
        self.began.set()
        assert self.go_on.wait(10)
        self.engine.add_image(IMAGE)


def both(registry: Registry, locks: Path, *, is_wanted_anew: bool) -> list[str]:
    """Two at once; what each has in the end."""
    found: list[str] = []

    def one() -> None:
        details = pull_once(registry.engine, IMAGE, registry.pull, locks=locks, is_wanted_anew=is_wanted_anew)
        found.append(details.id)

    first, second = threading.Thread(target=one), threading.Thread(target=one)
    first.start()
    assert registry.began.wait(10)
    second.start()
    second.join(0.2)  # It waits for the first one.
    registry.go_on.set()
    first.join(10)
    second.join(10)
    return found


@pytest.mark.parametrize(("is_wanted_anew", "pulls"), [(False, 1), (True, 2)])
def test_whoever_comes_second_finds_what_the_first_has_pulled(
    tmp_path: Path, *, is_wanted_anew: bool, pulls: int
) -> None:
    registry = Registry(SimulatedEngine(VirtualClock()))
    found = both(registry, tmp_path / "locks", is_wanted_anew=is_wanted_anew)
    assert len(found) == 2
    assert len(set(found)) == 1
    assert registry.pulls == pulls


def test_where_the_first_has_no_luck_the_second_tries_itself(tmp_path: Path) -> None:
    engine = SimulatedEngine(VirtualClock())

    def fails() -> None:
        raise ImagePullError("manifest unknown")

    with pytest.raises(ImagePullError):
        pull_once(engine, IMAGE, fails, locks=tmp_path, is_wanted_anew=False)
    assert pull_once(engine, IMAGE, lambda: engine.add_image(IMAGE), locks=tmp_path, is_wanted_anew=False).id


def test_an_image_that_is_not_there_after_its_pull_is_told_so() -> None:
    with pytest.raises(NotFound):
        pull_once(SimulatedEngine(VirtualClock()), IMAGE, lambda: None, locks=None, is_wanted_anew=False)


def test_lock_files_go_unless_an_image_is_being_pulled_under_them(tmp_path: Path) -> None:
    registry, locks = Registry(SimulatedEngine(VirtualClock())), tmp_path / "locks"
    puller = threading.Thread(
        target=pull_once, args=(registry.engine, IMAGE, registry.pull), kwargs={"locks": locks, "is_wanted_anew": False}
    )
    puller.start()
    assert registry.began.wait(10)
    (held,) = locks.iterdir()
    (locks / "old.pull").touch()
    for path in (held, locks / "old.pull", locks / "gone.pull"):
        forget_lock(path)
    assert list(locks.iterdir()) == [held]
    registry.go_on.set()
    puller.join(10)
    forget_lock(held)
    assert list(locks.iterdir()) == []


def test_pulls_and_sweeps_of_their_locks_at_once_never_pull_twice_at_a_time(tmp_path: Path) -> None:
    engine, locks, at_once, most = SimulatedEngine(VirtualClock()), tmp_path / "locks", threading.Semaphore(1), []

    def pull() -> None:
        most.append(at_once.acquire(blocking=False))
        engine.add_image(IMAGE)
        at_once.release()

    def pulls() -> None:
        for _ in range(50):
            pull_once(engine, IMAGE, pull, locks=locks, is_wanted_anew=True)

    def sweeps() -> None:
        for _ in range(200):
            for path in locks.glob("*.pull"):
                forget_lock(path)

    threads = [threading.Thread(target=work) for work in (pulls, pulls, sweeps)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == [True] * 100
