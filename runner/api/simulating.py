"""Virtual time, as the edges use it."""

from __future__ import annotations

from runner.api.launching import MAX_PODS
from runner.lab import names_of, new_pod, parse_script, simulate, simulate_company
from runner.lab.company import CompanySimulation
from runner.lab.script import script_of
from runner.lab.simulation import Simulation
from runner.lab.timeline import AttemptLine, Doing, timeline
from runner.lab.virtual import End, ObjectShown
from runner.registry.identities import RandomIdentities

__all__ = [
    "MAX_PODS",
    "AttemptLine",
    "CompanySimulation",
    "Doing",
    "End",
    "ObjectShown",
    "RandomIdentities",
    "Simulation",
    "names_of",
    "new_pod",
    "parse_script",
    "script_of",
    "simulate",
    "simulate_company",
    "timeline",
]
