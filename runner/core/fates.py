"""What becomes of an object whose node or whose writer may be dead: one table, for whoever sweeps, deletes or takes over.

The holder is the node instance that runs an object, the lease that of the run which has written it. A Kubernetes node that
is lost is decided about in the same terms (pkg/controller/nodelifecycle, pkg/controller/podgc); here a lease stands for the
client, whose objects go with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Lease(StrEnum):
    """The lease under which an object was written."""

    ALIVE = "alive"
    DEAD = "dead"
    NONE = "none"
    """Nobody's: what was written stays until somebody deletes it."""


class Fate(StrEnum):
    """What is to be done about an object."""

    RUNS = "runs"
    """Its holder goes on with it."""
    ENDS = "ends"
    """Its holder lives, and nobody wants it any more: its holder ends it; what nobody runs just goes."""
    WAITS = "waits"
    """Nobody runs it, and it is wanted: a node may take it over."""
    STAYS = "stays"
    """Nobody runs it, on purpose; it stays as it is."""
    GOES = "goes"
    """Nobody runs it and nobody wants it: it is swept."""


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
    """The fate of an object. ``is_held``: its holder is alive; ``is_kept``: it was to stay when its run ended.

    ``is_deleted``: somebody has asked for its deletion, so it is not wanted any more, whoever wanted it before.
    """
    if is_deleted:
        return FATES[is_held, Lease.DEAD, False]
    return FATES[is_held, lease, is_kept]
