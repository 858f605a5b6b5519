"""What becomes of objects whose node or writer is dead, row by row."""

from __future__ import annotations

import itertools

import pytest

from runner.core.fates import FATES, Fate, Lease, fate_of


@pytest.mark.parametrize(
    ("is_held", "lease", "is_kept", "fate"),
    [
        pytest.param(True, Lease.ALIVE, False, Fate.RUNS, id="a run and its node"),
        pytest.param(True, Lease.ALIVE, True, Fate.RUNS, id="a kept pod of a run that lives, which somebody has taken"),
        pytest.param(True, Lease.NONE, False, Fate.RUNS, id="what belongs to no run"),
        pytest.param(True, Lease.NONE, True, Fate.RUNS, id="what belongs to no run, marked as kept"),
        pytest.param(True, Lease.DEAD, False, Fate.ENDS, id="the run has died, the node lives"),
        pytest.param(True, Lease.DEAD, True, Fate.RUNS, id="a kept pod that somebody has taken"),
        pytest.param(False, Lease.ALIVE, False, Fate.WAITS, id="the node has died, the run lives"),
        pytest.param(False, Lease.ALIVE, True, Fate.STAYS, id="kept by a process that goes on"),
        pytest.param(False, Lease.NONE, False, Fate.WAITS, id="the node has died, and it belongs to no run"),
        pytest.param(False, Lease.NONE, True, Fate.STAYS, id="marked as kept, and it belongs to no run"),
        pytest.param(False, Lease.DEAD, False, Fate.GOES, id="run and node have died"),
        pytest.param(False, Lease.DEAD, True, Fate.STAYS, id="kept"),
    ],
)
def test_the_fate_follows_from_holder_lease_and_mark(is_held: bool, lease: Lease, is_kept: bool, fate: Fate) -> None:
    assert fate_of(is_held=is_held, lease=lease, is_kept=is_kept) is fate


def test_the_table_has_every_row() -> None:
    assert set(FATES) == set(itertools.product((True, False), Lease, (True, False)))


@pytest.mark.parametrize(("lease", "is_kept"), [*itertools.product(Lease, (True, False))])
def test_what_was_deleted_is_wanted_by_nobody(lease: Lease, is_kept: bool) -> None:
    """Also when the process that had begun to remove it has died."""
    assert fate_of(is_held=True, lease=lease, is_kept=is_kept, is_deleted=True) is Fate.ENDS
    assert fate_of(is_held=False, lease=lease, is_kept=is_kept, is_deleted=True) is Fate.GOES
