"""Carries out probes and hooks: runs a command, asks a server, opens a connection, asks gRPC's health service.

Mirrors pkg/probe, pkg/kubelet/prober/prober.go (runProbe) and pkg/kubelet/lifecycle/handlers.go. Every call blocks, may
come from any thread and decides nothing: thresholds, retries, events and waiting belong to the caller.
"""

from runner.kubelet.prober.handlers.contract import ExecEngine, Handlers, HookOutcome, Target
from runner.kubelet.prober.handlers.engine import EngineHandlers
from runner.kubelet.prober.handlers.reach import Reach

__all__ = ["EngineHandlers", "ExecEngine", "Handlers", "HookOutcome", "Reach", "Target"]
