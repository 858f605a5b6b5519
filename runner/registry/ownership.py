"""Who runs a pod: a label that names the process, and a lock that dies with it.

The label ``<host id>:<pid>:<start time>@<home id>`` goes on everything that the process creates in the Engine, so whoever
finds it later can tell whether its maker still lives, and which state directory knows of it; a pid alone would not do, pids
are used again. ``/keep`` follows where the maker may leave the pod on purpose when it ends. The lock is an advisory one on a
file in the state directory: owners hold it exclusively, sweepers share it, so that nobody takes a pod over while it is swept.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from runner.clock import SystemClock
from runner.core.labels import KEEP
from runner.core.model import Json
from runner.errors import StoreError, UsageError, is_out_of_files
from runner.registry.home import Home, hint_of

if TYPE_CHECKING:
    from runner.registry.contract import Registry

PROC = Path("/proc")
_BOOT_ID = PROC / "sys/kernel/random/boot_id"
_HOST_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"), _BOOT_ID)
_FIRST_PID_NAMESPACE = "pid:[4026531836]"
"""Linux gives the host's own pid namespace this number (include/linux/proc_ns.h PROC_PID_INIT_INO)."""
_START_TIME_FIELD = 19
"""Of /proc/PID/stat, counted from the state, which follows the command's closing parenthesis (proc(5): field 22)."""
_LOCK_ATTEMPTS = 20
_LOCK_PAUSE = 0.01


class PodIsOwned(UsageError):
    """Another process runs the pod, or it is being swept."""


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
    started = process_start(number)
    if not started:
        raise ProcessLookupError(f"no process {number}")
    known = "" if home is None else f"@{home_id(home)}" + (KEEP if may_keep else "")
    return f"{host_id()}:{number}:{started}{known}"


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


def pods_of_living(store: Registry) -> list[Json]:
    """The pods that may be run by somebody, or that are kept on purpose.

    Of a pod whose process has died nobody knows whether it is ready, and the next sweep takes it without notice: it is behind
    no Service, as the pods of a node that is lost (pkg/controller/nodelifecycle marks them as not ready).
    """
    pods = store.list("Pod").items
    dead = {uid for uid in map(_uid, pods) if owner_is_alive(store.ledger.holder(uid)) is False}
    gone = dead - store.ledger.kept() if dead else dead
    return [pod for pod in pods if _uid(pod) not in gone]


def somebody_runs_pods(store: Registry) -> bool:
    """Whether a process still runs pods of this state directory; this one counts too."""
    kept = store.ledger.kept()
    return any(
        owner_is_alive(store.ledger.holder(uid)) for uid in map(_uid, store.list("Pod").items) if uid not in kept
    )


def _uid(value: Json) -> str:
    return str(value["metadata"]["uid"])


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


class PodLock:
    """The right to run a pod (or, shared, to sweep it), held from ``__enter__`` to ``__exit__`` or the process' death.

    ``__enter__`` raises PodIsOwned when it is taken. The file goes with its last owner.
    """

    def __init__(self, home: Home, uid: str, *, shared: bool = False) -> None:
        self._home = home
        self._uid = uid
        self._shared = shared
        self._descriptor = -1

    def __enter__(self) -> Self:
        path = self._home.lock_file(self._uid)
        self._home.ensure(self._home.locks)
        for attempt in range(_LOCK_ATTEMPTS):
            # Whoever asks whether the lock is held holds it for a moment.
            if attempt:
                SystemClock().sleep(_LOCK_PAUSE)
            try:
                self._descriptor = _lock(path, fcntl.LOCK_SH if self._shared else fcntl.LOCK_EX, create=True)
            except OSError as error:
                raise StoreError(f"cannot lock {path}: {error.strerror}", hint=hint_of(error)) from error
            if self._descriptor >= 0:
                return self
        raise PodIsOwned(f"pod {self._uid} is run by another process, or is being removed")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Give the lock back; a second time does nothing."""
        if self._descriptor >= 0:
            if not self._shared:
                self._home.lock_file(self._uid).unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = -1


def is_locked(home: Home, uid: str) -> bool:
    """Whether a process (this one included) holds the pod's lock as its owner."""
    path = home.lock_file(uid)
    try:
        descriptor = _lock(path, fcntl.LOCK_SH, create=False)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"cannot look at the lock {path}: {error.strerror}", hint=hint_of(error)) from error
    if descriptor >= 0:
        os.close(descriptor)
    return descriptor < 0


def _lock(path: Path, mode: int, *, create: bool) -> int:
    """Lock the file and return its descriptor; -1 when it is locked by others, or was unlinked on the way."""
    descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600)
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        if create and not os.path.samestat(os.fstat(descriptor), path.stat()):
            raise BlockingIOError
    except (BlockingIOError, FileNotFoundError):
        os.close(descriptor)
        return -1
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
