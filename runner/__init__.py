"""podrunner: the kubelet without the cluster.

Runs a Kubernetes Pod manifest, unmodified, on a plain Docker Engine as a kubelet would::

    import runner

    with runner.Runner() as r:
        pod = r.run("pod.yaml", until="ready", timeout=60)
        print(pod.status, pod.port(80))

What is named here is loaded when it is first used: neither docker nor rich comes with ``import runner``.
"""

from __future__ import annotations

# Not typing's: a command has its own handler for Ctrl-C only when this module is loaded.
TYPE_CHECKING = False

__version__ = "0.1.0"

if TYPE_CHECKING:
    from typing import Any

    from runner.api.facade import Runner
    from runner.api.into.debugging import DebugContainer
    from runner.api.into.outcome import ExecOutcome
    from runner.api.overrides import Overrides
    from runner.api.pods import Address, Attempt, ContainerHandle, PodHandle
    from runner.api.reproduce.calls import repeat
    from runner.api.reproduce.capturing import Captured
    from runner.api.settings import How
    from runner.api.status import Status
    from runner.api.volumes import VolumeHandle
    from runner.core.explain.explaining import Explanation
    from runner.core.explain.finding import Finding
    from runner.core.faults.model import Fault
    from runner.core.repeats.outcomes import Repeats
    from runner.errors import (
        EngineError,
        EngineUnavailable,
        ManifestError,
        PodError,
        PodFailed,
        RunnerError,
        UsageError,
        WaitTimeout,
    )
    from runner.kubelet.options import Keep, RunOptions, Until, WorkerOptions
    from runner.retry import RetryPolicy

__all__ = [
    "Address",
    "Attempt",
    "Captured",
    "ContainerHandle",
    "DebugContainer",
    "EngineError",
    "EngineUnavailable",
    "ExecOutcome",
    "Explanation",
    "Fault",
    "Finding",
    "How",
    "Keep",
    "ManifestError",
    "Overrides",
    "PodError",
    "PodFailed",
    "PodHandle",
    "Repeats",
    "RetryPolicy",
    "RunOptions",
    "Runner",
    "RunnerError",
    "Status",
    "Until",
    "UsageError",
    "VolumeHandle",
    "WaitTimeout",
    "WorkerOptions",
    "__version__",
    "repeat",
]

_PLACES = {
    "runner.api.facade": ("Runner",),
    "runner.api.overrides": ("Overrides",),
    "runner.api.into.debugging": ("DebugContainer",),
    "runner.api.into.outcome": ("ExecOutcome",),
    "runner.api.pods": (
        "Address",
        "Attempt",
        "ContainerHandle",
        "PodHandle",
    ),
    "runner.api.reproduce.calls": ("repeat",),
    "runner.api.reproduce.capturing": ("Captured",),
    "runner.api.settings": ("How",),
    "runner.api.status": ("Status",),
    "runner.api.volumes": ("VolumeHandle",),
    "runner.core.explain.explaining": ("Explanation",),
    "runner.core.explain.finding": ("Finding",),
    "runner.core.faults.model": ("Fault",),
    "runner.core.repeats.outcomes": ("Repeats",),
    "runner.errors": (
        "EngineError",
        "EngineUnavailable",
        "ManifestError",
        "PodError",
        "PodFailed",
        "RunnerError",
        "UsageError",
        "WaitTimeout",
    ),
    "runner.retry": ("RetryPolicy",),
    "runner.kubelet.options": (
        "Keep",
        "RunOptions",
        "Until",
        "WorkerOptions",
    ),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
