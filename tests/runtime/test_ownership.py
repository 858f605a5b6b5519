"""Labels of real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runner.registry.ownership import host_id, owner_is_alive, owner_label, process_start

OTHER = """
import sys
from runner.registry.ownership import owner_label

print(owner_label(), flush=True)
sys.stdin.read()
"""


@contextmanager
def other() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process, and its owner label."""
    command = [sys.executable, "-c", OTHER]
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


def test_a_process_lives_until_it_is_killed() -> None:
    with other() as (process, label):
        assert owner_label(process.pid) == label
        assert owner_is_alive(label) is True
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert owner_is_alive(label) is False
        with pytest.raises(ProcessLookupError):
            owner_label(process.pid)


def test_a_zombie_is_dead() -> None:
    with other() as (process, label):
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
