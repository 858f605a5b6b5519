"""What to do with an object whose node or writer may be dead: one table for sweeping, deleting and taking over.

The holder is the node instance that runs an object; the lease belongs to the run that wrote it. Kubernetes decides about a lost
node in the same terms (pkg/controller/nodelifecycle, pkg/controller/podgc); here a lease stands for the client, and its objects
go when it goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Lease(StrEnum):
    """The lease under which an object was written."""

    ALIVE = "alive"
    DEAD = "dead"
    NONE = "none"
    """Without a lease an object stays until a client deletes it."""


class Fate(StrEnum):
    """What to do with an object, and who does it."""

    RUNS = "runs"
    """Its holder goes on with it."""
    ENDS = "ends"
    """Its holder lives, but it is not wanted any more: a sweep asks the holder to end it, and who wants its name waits."""
    WAITS = "waits"
    """No node runs it, and it is wanted: a node that runs whatever is wanted takes it, by compare-and-swap.

    A run's own node does not: it ends with its run, and the object would wait again. No sweep touches it.
    """
    STAYS = "stays"
    """It does not run, on purpose; it stays as it is until a client deletes it."""
    GOES = "goes"
    """No node runs it, and it is not wanted any more: a sweep removes it."""


FATES: Mapping[tuple[bool, Lease, bool], Fate] = {
    # holder alive, lease, kept
    (True, Lease.ALIVE, False): Fate.RUNS,
    (True, Lease.ALIVE, True): Fate.RUNS,
    (True, Lease.NONE, False): Fate.RUNS,
    (True, Lease.NONE, True): Fate.RUNS,
    (True, Lease.DEAD, False): Fate.ENDS,
    (True, Lease.DEAD, True): Fate.RUNS,
    (False, Lease.ALIVE, False): Fate.WAITS,
    (False, Lease.ALIVE, True): Fate.STAYS,
    (False, Lease.NONE, False): Fate.WAITS,
    (False, Lease.NONE, True): Fate.STAYS,
    (False, Lease.DEAD, False): Fate.GOES,
    (False, Lease.DEAD, True): Fate.STAYS,
}


def fate_of(*, is_held: bool, lease: Lease, is_kept: bool = False, is_deleted: bool = False) -> Fate:
    """The fate of an object. ``is_held``: its holder is alive; ``is_kept``: its run wanted it to stay.

    ``is_deleted``: a client has asked for its deletion, so it is not wanted any more, whatever its lease.
    """
    if is_deleted:
        return FATES[is_held, Lease.DEAD, False]
    return FATES[is_held, lease, is_kept]
