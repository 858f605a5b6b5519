"""Asks the nodes that still hold what a run has written to end it, when the run has ended: see ``Fate.ENDS``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from runner.core.kindwords import PODS, WORKLOADS
from runner.core.model import Pod
from runner.core.sync.termination import deletion_grace
from runner.registry.contract import Registry, without_status
from runner.registry.deletion import request_deletion
from runner.registry.deletionrequests import deletion_asked_of, request_deletion_of


def ask_holders(registry: Registry, uids: Iterable[str], now: datetime) -> None:
    """Ask for the deletion of pods, with their own grace, and of workloads; what was asked for before is left as it is."""
    for uid in uids:
        value = registry.get_by_uid(uid)
        if value is None:
            continue
        if value["kind"] == PODS.kind and "deletionTimestamp" not in value["metadata"]:
            request_deletion(registry, uid, now, deletion_grace(Pod.from_json(without_status(value)), None))
        elif value["kind"] in WORKLOADS and not deletion_asked_of(registry, value)[0]:
            request_deletion_of(registry, value, None)
