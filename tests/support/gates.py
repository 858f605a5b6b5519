"""What a test needs to have one thread stand still at a moment, and another act meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

SECONDS = 20.0


class Gate:
    """Lets a thread that comes wait until it is opened."""

    def __init__(self) -> None:
        self.came, self._open = threading.Event(), threading.Event()

    def open(self) -> None:
        self._open.set()

    def pass_through(self) -> None:
        self.came.set()
        assert self._open.wait(SECONDS)


def aside(call: Callable[[], object]) -> threading.Thread:
    """Make a call in a thread of its own."""
    thread = threading.Thread(target=call)
    thread.start()
    return thread


def meanwhile(gate: Gate, first: Callable[[], object], second: Callable[[], object]) -> None:
    """Make the first call up to the gate, the second one then, and let both end."""
    one = aside(first)
    assert gate.came.wait(SECONDS)
    other = aside(second)
    other.join(0.1)  # It may wait for the first one: that is what is tried.
    gate.open()
    for thread in (other, one):
        thread.join(SECONDS)
        assert not thread.is_alive()


def readers_left(before: Collection[threading.Thread]) -> list[str]:
    """The threads that read output and are newer than those before; each has its time to end."""
    names = {"logs", "podrunner-log", "podrunner-logs"}
    new = [thread for thread in set(threading.enumerate()) - set(before) if thread.name in names]
    for thread in new:
        thread.join(SECONDS)
    return [thread.name for thread in new if thread.is_alive()]


def open_below(folder: Path) -> list[str]:
    """Files below a folder that this process holds open."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # The one that lists the others is closed again.
            found.append(str(descriptor.readlink()))
    return [path for path in found if path.startswith(str(folder))]
