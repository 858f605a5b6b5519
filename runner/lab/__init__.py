"""Pods in virtual time: the product's own worker on the simulated Engine, without Docker, threads or waiting."""

from runner.lab.script import SimulationScript, parse_script
from runner.lab.simulation import Simulation, new_pod, simulate

__all__ = ["Simulation", "SimulationScript", "new_pod", "parse_script", "simulate"]
