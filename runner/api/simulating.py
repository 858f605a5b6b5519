"""Virtual time, as the edges use it."""

from __future__ import annotations

from collections.abc import Sequence

from runner.api.launching import MAX_PODS
from runner.core.faults.model import Fault
from runner.core.history.attempts import Attempt, Doing
from runner.core.manifest.types import LoadedObject
from runner.lab import names_of, new_pod, parse_script, simulate, simulate_company
from runner.lab.company import CompanySimulation
from runner.lab.records import record_of, timeline
from runner.lab.script import script_of
from runner.lab.simulation import Simulation
from runner.lab.virtual import End, ObjectShown
from runner.registry.identities import RandomIdentities


def checked_faults(faults: Sequence[Fault], objects: Sequence[LoadedObject]) -> Sequence[Fault]:
    """Faults for a simulation, when each can concern something of what was loaded. Raises UsageError."""
    if faults:
        from runner.node.faults.making import check

        check(faults, objects)
    return faults


__all__ = [
    "MAX_PODS",
    "Attempt",
    "CompanySimulation",
    "Doing",
    "End",
    "ObjectShown",
    "RandomIdentities",
    "Simulation",
    "checked_faults",
    "names_of",
    "new_pod",
    "parse_script",
    "record_of",
    "script_of",
    "simulate",
    "simulate_company",
    "timeline",
]
