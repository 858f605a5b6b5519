"""The cells of PersistentVolumeClaims."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runner.core.printers.claimcolumns import CLAIM_COLUMNS, WIDE_CLAIM_COLUMNS, claim_cells

NOW = datetime(2026, 1, 1, 0, 5, tzinfo=UTC)
BOUND = {
    "metadata": {"name": "data", "creationTimestamp": "2026-01-01T00:00:00Z"},
    "spec": {"volumeName": "pvc-default-data", "storageClassName": "local", "volumeMode": "Filesystem"},
    "status": {"phase": "Bound", "accessModes": ["ReadWriteMany", "ReadWriteOnce"], "capacity": {"storage": "5Gi"}},
}
ROWS: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("a bound claim", BOUND, ("data", "Bound", "pvc-default-data", "5Gi", "RWO,RWX", "local", "<unset>", "5m")),
    (
        "a claim that nobody has used",
        {"metadata": {"name": "new"}, "spec": {"volumeAttributesClassName": "gold"}},
        ("new", "Pending", "", "", "", "", "gold", "<unknown>"),
    ),
    (
        "a claim whose class stands where it once stood",
        {
            "metadata": {"name": "old", "annotations": {"volume.beta.kubernetes.io/storage-class": "slow"}},
            "spec": {"storageClassName": "fast"},
        },
        ("old", "Pending", "", "", "", "slow", "<unset>", "<unknown>"),
    ),
    (
        "a claim that is being deleted",
        {**BOUND, "metadata": {"name": "data", "deletionTimestamp": "2026-01-01T00:00:00Z"}},
        ("data", "Terminating", "pvc-default-data", "5Gi", "RWO,RWX", "local", "<unset>", "<unknown>"),
    ),
]


@pytest.mark.parametrize(("claim", "cells"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS])
def test_cells(claim: dict[str, Any], cells: tuple[str, ...]) -> None:
    assert claim_cells(claim, NOW) == cells
    assert len(cells) == len(CLAIM_COLUMNS)


def test_wide_rows_tell_the_mode_of_the_volume() -> None:
    assert claim_cells(BOUND, NOW, wide=True)[-1] == "Filesystem"
    assert claim_cells({}, NOW, wide=True)[-1] == "<unset>"
    assert len(claim_cells(BOUND, NOW, wide=True)) == len(WIDE_CLAIM_COLUMNS)
