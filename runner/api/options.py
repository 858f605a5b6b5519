"""What callers say of a run, and what comes of it: the values that the edges name."""

from __future__ import annotations

from runner.kubelet.options import Keep, RunOptions, Snapshots, Until, WorkerOptions
from runner.node.outcome import RunResult, StopRequest

__all__ = ["Keep", "RunOptions", "RunResult", "Snapshots", "StopRequest", "Until", "WorkerOptions"]
