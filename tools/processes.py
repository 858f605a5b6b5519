"""Daemons: start them so that they outlive us, find them again without trusting a pid file, stop them by pid."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def command_line(pid: int) -> list[str]:
    """Return the arguments of a living process; empty for one that is gone, a zombie or a kernel thread."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [part.decode(errors="replace") for part in raw.split(b"\0") if part]


def find(program: str, marker: str) -> list[int]:
    """Return the pids of the processes of `program` that carry `marker` among their arguments.

    A pid file of a machine that was cut off may name anybody's process; the arguments cannot lie this way.
    """
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            arguments = command_line(int(entry.name))
            if arguments and Path(arguments[0]).name == program and marker in "\0".join(arguments[1:]):
                found.append(int(entry.name))
    return sorted(found)


def children(pid: int) -> list[int]:
    """Return all descendants of a process, the nearest first."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                after_name = (entry / "stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(after_name[1]), []).append(int(entry.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        direct = parents.get(waiting.pop(0), [])
        found += direct
        waiting += direct
    return found


def spawn(arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a daemon in its own session, its output appended to `log`; it does not end with us."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with log.open("ab") as output:
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
            env=dict(environment),
        )


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Look at `condition` until it holds or the time is over; say which."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def stop(pids: Sequence[int], seconds: float) -> None:
    """End processes with SIGTERM, after `seconds` with SIGKILL, and come back when they are gone."""

    def gone() -> bool:
        return not any(command_line(pid) for pid in pids)

    for sign, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 10.0)):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
        if wait_until(gone, patience):
            return


def tail(log: Path, lines: int = 20) -> str:
    """Return the last lines of a log file."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"
