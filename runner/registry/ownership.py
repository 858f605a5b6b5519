"""Who made something: a label that names the process.

The label ``<host id>:<pid>:<start time>@<home id>`` goes on everything that the process creates in the Engine, so whoever
finds it later can tell whether its maker still lives, and which state directory knows of it; a pid alone would not do, pids
are used again. ``/keep`` follows where the maker may leave the pod on purpose when it ends.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

from runner.core.labels import KEEP
from runner.errors import is_out_of_files
from runner.registry.home import Home

PROC = Path("/proc")
_BOOT_ID = PROC / "sys/kernel/random/boot_id"
_HOST_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"), _BOOT_ID)
_FIRST_PID_NAMESPACE = "pid:[4026531836]"
"""Linux gives the host's own pid namespace this number (include/linux/proc_ns.h PROC_PID_INIT_INO)."""
_START_TIME_FIELD = 19
"""Of /proc/PID/stat, counted from the state, which follows the command's closing parenthesis (proc(5): field 22)."""


@cache
def host_id() -> str:
    """A short name for this machine and pid namespace: pids mean the same wherever it is the same."""
    parts = [next((text for text in map(_text, _HOST_FILES) if text), os.uname().nodename)]
    namespace = _pid_namespace()
    if namespace not in ("", _FIRST_PID_NAMESPACE):
        # Containers of one image may share its machine id; namespace numbers are unique until the next boot.
        parts += [namespace, _text(_BOOT_ID)]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=6).hexdigest()


def home_id(home: Home) -> str:
    """A short name for a state directory."""
    return hashlib.blake2b(str(home.path).encode(), digest_size=4).hexdigest()


def owner_label(pid: int | None = None, *, home: Home | None = None, may_keep: bool = False) -> str:
    """The label of a living process, by default this one. Raises ProcessLookupError when there is none of that pid.

    ``may_keep``: what it makes may stay on purpose when it ends.
    """
    number = os.getpid() if pid is None else pid
    started = _own_start(number) if pid is None else process_start(number)
    if not started:
        raise ProcessLookupError(f"no process {number}")
    known = "" if home is None else f"@{home_id(home)}" + (KEEP if may_keep else "")
    return f"{host_id()}:{number}:{started}{known}"


@cache
def _own_start(pid: int) -> str:
    return process_start(pid)


def may_be_kept(label: str) -> bool:
    """Whether it may have stayed on purpose when its maker ended. Only the state directory that the label names knows."""
    return label.endswith(KEEP)


def owner_is_alive(label: str) -> bool | None:
    """Whether the process of a label still runs; None when that cannot be told from here: another host, a damaged label."""
    host, _, rest = label.partition("@")[0].partition(":")
    pid, _, started = rest.partition(":")
    if host != host_id() or not pid.isascii() or not pid.isdigit() or not started:
        return None
    try:
        return process_start(int(pid)) == started
    except OSError:
        return None


def process_start(pid: int) -> str:
    """When a process started, as text that no other process of this pid has; "" when there is none (or a zombie).

    Raises OSError when no more files may be opened: that says nothing about the process.
    """
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except ProcessLookupError:
        return ""
    except OSError as error:
        if is_out_of_files(error):
            raise
        return "" if _text(_BOOT_ID) else _start_by_ps(pid)
    fields = stat.rpartition(")")[2].split()
    if len(fields) <= _START_TIME_FIELD or fields[0] in "ZX":
        return ""
    # Clock ticks since boot; together with the boot they are unique.
    return f"{_text(_BOOT_ID)[:8]}.{fields[_START_TIME_FIELD]}"


def _start_by_ps(pid: int) -> str:
    """Where there is no /proc (macOS, BSD)."""
    import subprocess

    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}, check=False)
    except OSError:
        return ""
    state, _, started = done.stdout.strip().partition(" ")
    return "" if done.returncode or state.startswith("Z") else "_".join(started.split())


def _pid_namespace() -> str:
    try:
        return str((PROC / "self/ns/pid").readlink())
    except OSError:
        return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
