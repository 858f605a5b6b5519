"""Who holds what: a node instance, which lives as long as its one lock, however many pods it runs.

Its id stands in the ledger beside everything that it runs. The lock is an advisory one on a file in the state directory,
which the system gives back when the process dies; so a process that finds an id can tell whether its node lives, and takes
over what a dead one held by compare-and-swap (``Ledger.take``).
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from runner.errors import StoreError, UsageError
from runner.registry.contract import name_of, uid_of
from runner.registry.home import Home, hint_of
from runner.registry.ownership import owner_is_alive

if TYPE_CHECKING:
    from runner.core.model import Object
    from runner.registry.contract import Registry

_UNBORN = ".new"
"""Of a lock file whose instance is not there yet."""
_ATTEMPTS = 10
_FORMER = "former holder"

IsAlive = Callable[[str], bool]
"""Whether a holder lives."""


class PodIsOwned(UsageError):
    """Another process runs the pod, or is removing it."""


class Holder(Protocol):
    """What runs objects, as its helpers know it."""

    @property
    def id(self) -> str:
        """What stands in the ledger beside everything that it runs."""
        ...

    def is_alive(self, holder: str) -> bool:
        """Whether the holder of an id lives, this one included. Raises StoreError."""
        ...


class SoleHolder:
    """The only one there can be: in memory."""

    def __init__(self, name: str) -> None:
        self.id = name

    def is_alive(self, holder: str) -> bool:
        return holder == self.id


class NodeInstance:
    """One node's life: ``id`` is alive from the constructor to ``close``, or the process' death. Raises StoreError."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.id = uuid.uuid4().hex[:16]
        self._path = home.node_lock(self.id)
        self._descriptor = -1
        for _ in range(_ATTEMPTS):
            try:
                self._descriptor = _locked_file(self._path)
                return
            except FileNotFoundError:
                home.ensure(self._path.parent)
            except BlockingIOError:
                continue
            except OSError as error:
                raise StoreError(f"cannot lock {self._path}: {error.strerror}", hint=hint_of(error)) from error
        raise StoreError(f"cannot lock {self._path}: others remove it again and again")

    def is_alive(self, holder: str) -> bool:
        """Whether the holder of an id lives, this instance included."""
        return holder == self.id or holder_is_alive(self._home, holder)

    def close(self) -> None:
        """Let go of everything; a second time does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._path.unlink(missing_ok=True)
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _locked_file(path: Path) -> int:
    """Make a file that is locked before anybody can see it under its name. Returns the descriptor. Raises OSError."""
    made = path.with_suffix(_UNBORN)
    descriptor = os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        made.rename(path)  # A sweep may have taken it for a dead one's: then it is not there.
    except BaseException:
        os.close(descriptor)
        made.unlink(missing_ok=True)
        raise
    return descriptor


def holder_is_alive(home: Home, holder: str, *, doubt: bool = True) -> bool:
    """Whether a holder lives: a node instance, or a process by its label, as earlier versions wrote it.

    ``doubt`` is the answer for a label that cannot be judged from here, another machine's for instance. Raises StoreError.
    """
    if not holder:
        return False
    if ":" in holder:
        answer = owner_is_alive(holder)
        return doubt if answer is None else answer
    path = home.node_lock(holder)
    try:
        return is_locked(path)
    except OSError as error:
        raise StoreError(f"cannot look at the lock {path}: {error.strerror}", hint=hint_of(error)) from error


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock of a file; not when there is none. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def forget_dead_nodes(home: Home) -> None:
    """Remove the lock files of node instances that are dead."""
    for path in _entries(home.node_locks):
        with suppress(OSError):
            if path.suffix in (".lock", _UNBORN) and not is_locked(path):
                path.unlink()


def _entries(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []


def take_over(registry: Registry, uid: str, new: str, is_alive: IsAlive) -> None:
    """Become the holder of what has none, or a dead one. Raises PodIsOwned when another lives, or was quicker."""
    former = registry.ledger.holder(uid)
    if former == new:
        return
    is_owned = is_alive(former)
    with registry.transaction():
        if former and not is_owned:
            note_former(registry, uid, former)  # First: whoever watches may see it at once.
        if is_owned or not take(registry, uid, former, new):
            raise PodIsOwned(f"pod {uid} is run by another process, or is being removed")


def take_in(registry: Registry, uid: str, new: str, is_alive: IsAlive, node: str) -> None:
    """Become the holder of a pod that waits for a node, and write into it which node that is. Raises as ``take_over``.

    ``node`` is the node's name, for a pod that has had none.
    """
    from runner.core.admission import on_node

    with registry.transaction():
        found = registry.get_by_uid(uid)
        if found is not None and not is_alive(registry.ledger.holder(uid)):  # First: the node sees it as it takes it.
            registry.change("Pod", *name_of(found), lambda old: None if old is None else on_node(old, node))
        take_over(registry, uid, new, is_alive)


def note_former(registry: Registry, uid: str, former: str) -> None:
    """Remember that another node has held an object: whatever is known of it, something may have been made for it."""
    registry.ledger.note(uid, _FORMER, former)


def was_held(registry: Registry, uid: str) -> bool:
    """Whether another node has held an object that this one holds."""
    return _FORMER in registry.ledger.notes(uid)


def take(registry: Registry, uid: str, former: str, new: str) -> bool:
    """Give an object another holder if it has the one that it is thought to have. Returns whether that was so."""
    if ":" not in former:
        return registry.ledger.take(uid, former, new)
    with registry.transaction():
        # Earlier versions had one label for holder and lease.
        if not registry.ledger.take(uid, former, new):
            return False
        if not registry.ledger.lease(uid):
            registry.ledger.lend(uid, former)
        return True


def pods_of_living(registry: Registry, is_alive: IsAlive) -> list[Object]:
    """The pods that a living node runs, or that are kept on purpose.

    Whether a pod is ready whose node has died is not known, and the next sweep takes it without notice: it is behind
    no Service, as the pods of a node that is lost (pkg/controller/nodelifecycle marks them as not ready).
    """
    pods, holders = registry.list("Pod").items, registry.ledger.holders()
    alive = {holder: is_alive(holder) for holder in set(holders.values())}
    dead = {uid for uid in map(uid_of, pods) if not alive.get(holders.get(uid, ""), False)}
    gone = dead - registry.ledger.kept() if dead else dead
    return [pod for pod in pods if uid_of(pod) not in gone]


def somebody_runs_pods(registry: Registry, is_alive: IsAlive, *, besides: str = "") -> bool:
    """Whether a node still runs pods of this state directory, another one than ``besides``."""
    holders, kept = registry.ledger.holders(), registry.ledger.kept()
    running = {holders.get(uid, "") for uid in map(uid_of, registry.list("Pod").items) if uid not in kept}
    return any(is_alive(holder) for holder in running - {"", besides})
