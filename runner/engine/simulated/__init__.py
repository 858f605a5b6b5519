"""An Engine without processes: containers live by a script, in virtual time."""

from runner.engine.simulated.engine import SimulatedEngine
from runner.engine.simulated.events import Call
from runner.engine.simulated.script import (
    FOREVER,
    Attempt,
    ContainerScript,
    ExecStep,
    OnTerm,
    OutputLine,
    ProbePoint,
    PullStep,
    Script,
)

__all__ = [
    "FOREVER",
    "Attempt",
    "Call",
    "ContainerScript",
    "ExecStep",
    "OnTerm",
    "OutputLine",
    "ProbePoint",
    "PullStep",
    "Script",
    "SimulatedEngine",
]
