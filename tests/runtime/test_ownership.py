"""Labels of real processes, and locks that die with them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.errors import StoreError
from runner.registry.home import Home
from runner.registry.ownership import (
    PodIsOwned,
    PodLock,
    host_id,
    is_locked,
    owner_is_alive,
    owner_label,
    process_start,
)

HOLDER = """
import sys
from pathlib import Path
from runner.registry.home import Home
from runner.registry.ownership import PodLock, owner_label

with PodLock(Home(Path(sys.argv[1])), "u1"):
    print(owner_label(), flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(home: Home) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that holds the lock of pod u1, and its owner label."""
    command = [sys.executable, "-c", HOLDER, str(home.path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_this_process_is_alive() -> None:
    label = owner_label()
    assert label.split(":")[:2] == [host_id(), str(os.getpid())]
    assert owner_is_alive(label) is True


def test_a_process_lives_until_it_is_killed(tmp_path: Path) -> None:
    with holder(Home(tmp_path)) as (process, label):
        assert owner_label(process.pid) == label
        assert owner_is_alive(label) is True
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert owner_is_alive(label) is False
        with pytest.raises(ProcessLookupError):
            owner_label(process.pid)


def test_a_zombie_is_dead(tmp_path: Path) -> None:
    with holder(Home(tmp_path)) as (process, label):
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert owner_is_alive(label) is False


def test_a_pid_that_is_used_again_is_another_process() -> None:
    """The start time, and the boot that it counts from, tell them apart."""
    host, pid, started = owner_label().split(":")
    assert owner_is_alive(f"{host}:{pid}:{started}0") is False
    assert owner_is_alive(f"{host}:1:{started}") is False


@pytest.mark.parametrize("label", ["", "x", "0123456789ab:1:2", f"{host_id()}:", f"{host_id()}:x:1", f"{host_id()}:1"])
def test_a_label_of_another_host_or_a_damaged_one_tells_nothing(label: str) -> None:
    assert owner_is_alive(label) is None


def test_no_process_has_no_start() -> None:
    assert process_start(2**22 + 1) == ""


def test_a_lock_is_held_inside_its_block_and_leaves_no_file(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert not is_locked(home, "u1")
    with PodLock(home, "u1"):
        assert is_locked(home, "u1")
        assert not is_locked(home, "u2")
    assert not is_locked(home, "u1")
    assert list(home.locks.iterdir()) == []


def test_a_lock_is_held_by_one_owner(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with PodLock(home, "u1"), pytest.raises(PodIsOwned, match="pod u1 is run by another process"), PodLock(home, "u1"):
        pass


def test_sweepers_share_a_lock_and_shut_owners_out(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with PodLock(home, "u1", shared=True), PodLock(home, "u1", shared=True):
        assert not is_locked(home, "u1")
        with pytest.raises(PodIsOwned), PodLock(home, "u1"):
            pass
    with PodLock(home, "u1"), pytest.raises(PodIsOwned), PodLock(home, "u1", shared=True):
        pass


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with holder(home) as (process, _):
        assert is_locked(home, "u1")
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert home.lock_file("u1").exists()
        assert not is_locked(home, "u1")
        with PodLock(home, "u1"):
            assert is_locked(home, "u1")


def test_being_asked_about_does_not_keep_an_owner_out(tmp_path: Path) -> None:
    home, over = Home(tmp_path), threading.Event()

    def ask() -> None:
        while not over.is_set():
            is_locked(home, "u1")

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(200):
            with PodLock(home, "u1"):
                pass
    finally:
        over.set()
        asking.join()


def test_a_lock_in_an_unusable_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError), PodLock(Home(tmp_path / "file"), "u1"):
        pass
    Home(tmp_path).lock_file("u1").mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot lock"), PodLock(Home(tmp_path), "u1"):
        pass
