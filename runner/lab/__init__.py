"""Pods in virtual time: the product's own worker on the simulated Engine, without Docker, threads or waiting."""

from runner.core.cast import names_of
from runner.lab.company import CompanySimulation, simulate_company
from runner.lab.script import SimulationScript, parse_script
from runner.lab.simulation import Simulation, new_pod, simulate

__all__ = [
    "CompanySimulation",
    "Simulation",
    "SimulationScript",
    "names_of",
    "new_pod",
    "parse_script",
    "simulate",
    "simulate_company",
]
