"""The library: load, plan and run pods, look at them, use them. It never prints and never exits.

``Runner`` is the one way to run a pod; the command line and the pytest plugin go through it too.
"""

from runner.api.facade import Deletion, Runner
from runner.api.history import AttemptRecord
from runner.api.inputs import Manifest
from runner.api.launching import MAX_PODS
from runner.api.overrides import Overrides
from runner.api.pods import Address, Attempt, ContainerHandle, ExecOutcome, PodHandle
from runner.api.status import Status
from runner.api.volumes import VolumeHandle
from runner.retry import RetryPolicy
from runner.runtime.options import Keep, RunOptions, Until, WorkerOptions
from runner.runtime.outcome import RunResult, StopRequest

__all__ = [
    "MAX_PODS",
    "Address",
    "Attempt",
    "AttemptRecord",
    "ContainerHandle",
    "Deletion",
    "ExecOutcome",
    "Keep",
    "Manifest",
    "Overrides",
    "PodHandle",
    "RetryPolicy",
    "RunOptions",
    "RunResult",
    "Runner",
    "Status",
    "StopRequest",
    "Until",
    "VolumeHandle",
    "WorkerOptions",
]
