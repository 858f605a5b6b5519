"""Leases: what a run writes lives as long as the run, and no longer than its process.

A lease names the process as the label of what it makes in the Engine does (host, pid and start time), and the run by a number.
The run removes at its end what it wrote; what it could not remove, and what a process that died has left, a sweep finds by the
lease. Other processes see that a run is over when its process is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from runner.core.fates import Lease
from runner.registry.home import Home
from runner.registry.ownership import owner_is_alive, owner_label

_numbers = itertools.count(1)
_ended: set[str] = set()
"""Leases of this process whose runs are over."""


def new_lease(home: Home) -> str:
    """A lease for one run of this process."""
    return f"{owner_label(home=home)}#{next(_numbers)}"


@contextmanager
def living(lease: str) -> Iterator[None]:
    """The life of a run: when it is over, what is left under its lease is not wanted any more."""
    try:
        yield
    finally:
        _ended.add(lease)


def lease_state(lease: str, doubt: Lease = Lease.ALIVE) -> Lease:
    """Whether a lease is alive, "" is none; ``doubt`` is the answer where that cannot be told from here."""
    if not lease:
        return Lease.NONE
    answer = False if lease in _ended else owner_is_alive(lease)
    if answer is None:
        return doubt
    return Lease.ALIVE if answer else Lease.DEAD
