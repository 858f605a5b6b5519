"""Daemons are found by what they are, not by what a pid file says, and stopped by pid."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools import processes

PROGRAM = Path(sys.executable).name
FOREVER = "import signal; signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
PARENT = (
    f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {FOREVER!r}]); print('up', flush=True); {FOREVER}"
)


def daemon(folder: Path, code: str) -> subprocess.Popen[bytes]:
    """Start a Python daemon that carries the folder among its arguments."""
    return processes.spawn([sys.executable, "-c", code, f"--data-root={folder}"], folder / "log", os.environ)


def reap(process: subprocess.Popen[bytes]) -> None:
    """End a process for good."""
    process.kill()
    process.wait()


def test_a_daemon_is_found_by_its_program_and_argument_only(tmp_path: Path) -> None:
    process = daemon(tmp_path, FOREVER)
    try:
        assert processes.wait_until(lambda: processes.find(PROGRAM, f"--data-root={tmp_path}") == [process.pid], 10)
        assert processes.find("dockerd", f"--data-root={tmp_path}") == []
        assert processes.find(PROGRAM, f"--data-root={tmp_path}/other") == []
    finally:
        reap(process)
    assert processes.find(PROGRAM, f"--data-root={tmp_path}") == []


def test_a_daemon_has_a_session_of_its_own_and_writes_to_its_log(tmp_path: Path) -> None:
    process = daemon(tmp_path, STUBBORN)
    try:
        assert os.getsid(process.pid) == process.pid != os.getsid(0)
        assert processes.wait_until(lambda: processes.tail(tmp_path / "log") == "up", 10)
        assert Path(f"/proc/{process.pid}/fd/0").readlink() == Path("/dev/null")
    finally:
        reap(process)


def test_a_daemon_that_ignores_the_polite_signal_is_killed(tmp_path: Path) -> None:
    process = daemon(tmp_path, STUBBORN)
    assert processes.wait_until(lambda: processes.tail(tmp_path / "log") == "up", 10)
    processes.stop([process.pid], 0.1)
    assert process.wait(10) == -9


def test_a_polite_daemon_ends_by_the_polite_signal(tmp_path: Path) -> None:
    process = daemon(tmp_path, FOREVER)
    processes.stop([process.pid], 10)
    assert process.wait(10) == -15


def test_descendants_are_known(tmp_path: Path) -> None:
    process = daemon(tmp_path, PARENT)
    try:
        assert processes.wait_until(lambda: processes.tail(tmp_path / "log") == "up", 10)
        (child,) = processes.children(process.pid)
        assert processes.command_line(child)[0] == sys.executable
        processes.stop([child], 0.0)
    finally:
        reap(process)


def test_the_arguments_of_a_process_that_is_gone_are_empty(tmp_path: Path) -> None:
    process = daemon(tmp_path, "")
    process.wait()
    assert processes.command_line(process.pid) == []


def test_the_tail_of_a_missing_log_is_said_to_be_missing(tmp_path: Path) -> None:
    assert processes.tail(tmp_path / "none") == "(no log)"
