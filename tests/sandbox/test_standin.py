"""The stand-in: what a container runs in place of its process when a fault was ordered."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.sandbox.programs import DEADLINE, children_of, until
from tests.sandbox.test_pause import started

DONE: list[tuple[Sequence[str], int, bytes]] = [
    (("exit", "3"), 3, b""),
    (("exit", "0"), 0, b""),
    (("wait", "1", "exit", "4"), 4, b""),
    (("run", "sh", "-c", "echo $0 $1; exit 5", "a", "b c"), 5, b"a b c\n"),
    (("wait", "1", "run", "echo", "late"), 0, b"late\n"),
    (("until", "60000", "exit", "9", "run", "sh", "-c", "exit 6"), 6, b""),
    (("until", "60000", "exit", "9", "run", "sh", "-c", "kill -KILL $$"), 137, b""),
    (("until", "100", "exit", "9", "run", "sh", "-c", "echo up; exec sleep 600"), 9, b"up\n"),
    (("after", "exit", "9", "run", "sh", "-c", "echo done; exit 6"), 9, b"done\n"),
    (("after", "exit", "9", "run", "sh", "-c", "kill -KILL $$"), 9, b""),
    (("after", "exit", "9"), 2, b""),
    (("run", "/no/such/program"), 127, b""),
    (("until", "60000", "exit", "9", "run", "/no/such/program"), 127, b""),
    (("run",), 127, b""),
    ((), 2, b""),
    (("dance", "1"), 2, b""),
    (("wait",), 2, b""),
    (("wait", "x", "exit", "1"), 2, b""),
    (("until", "100", "exit", "9"), 2, b""),
    (("wait", "1"), 2, b""),
]


@pytest.mark.parametrize(("orders", "code", "said"), DONE, ids=[" ".join(one[0]) or "nothing" for one in DONE])
def test_orders_are_carried_out_one_after_the_other(pause: str, orders: Sequence[str], code: int, said: bytes) -> None:
    done = subprocess.run((pause, "stand-in", *orders), capture_output=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stdout) == (code, said)


def is_blocked(pid: int, wanted: signal.Signals) -> bool:
    """Whether a process holds a signal back."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    mask = next(line.split()[1] for line in lines if line.startswith("SigBlk:"))
    return bool(int(mask, 16) >> (wanted - 1) & 1)


def test_what_hangs_heeds_no_signal_but_the_last(pause: str) -> None:
    with started(pause, "stand-in", "hang") as process:
        until(lambda: is_blocked(process.pid, signal.SIGTERM), "its mask of signals")
        for sent in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process.send_signal(sent)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.1)
        process.kill()
        assert process.wait(DEADLINE) == -signal.SIGKILL


def test_a_wait_is_ended_by_the_stop_signal(pause: str) -> None:
    with started(pause, "stand-in", "wait", "600000", "exit", "1") as process:
        process.terminate()
        assert abs(process.wait(DEADLINE)) in (
            signal.SIGTERM,
            128 + signal.SIGTERM,
        )  # Before it waits, or while it does.


def test_signals_come_to_what_runs_for_a_while(pause: str) -> None:
    script = "trap 'echo told; exit 7' USR1; echo up; while :; do sleep 0.05; done"
    command = (pause, "stand-in", "until", "600000", "exit", "9", "run", "sh", "-c", script)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"up\n"
            assert len(children_of(process.pid)) == 1
            process.send_signal(signal.SIGUSR1)
            assert process.stdout.read() == b"told\n"
            assert process.wait(DEADLINE) == 7
        finally:
            process.kill()
