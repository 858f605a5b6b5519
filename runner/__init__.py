"""podrunner: the kubelet without the cluster.

Runs a Kubernetes Pod manifest, unmodified, on a plain Docker Engine as a kubelet would::

    import runner

    with runner.Runner() as r:
        pod = r.run("pod.yaml", until="ready", timeout=60)
        print(pod.status, pod.port(80))

What is named here is loaded when it is first used: neither docker nor rich comes with ``import runner``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.api import (
        Address,
        Attempt,
        ContainerHandle,
        ExecOutcome,
        Keep,
        Overrides,
        PodHandle,
        RetryPolicy,
        Runner,
        RunOptions,
        Status,
        Until,
        VolumeHandle,
        WorkerOptions,
    )
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

__version__ = "0.1.0"

__all__ = [
    "Address",
    "Attempt",
    "ContainerHandle",
    "EngineError",
    "EngineUnavailable",
    "ExecOutcome",
    "Keep",
    "ManifestError",
    "Overrides",
    "PodError",
    "PodFailed",
    "PodHandle",
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
]

_ERRORS = frozenset(name for name in __all__ if name.endswith(("Error", "Failed", "Timeout", "Unavailable")))


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module("runner.errors" if name in _ERRORS else "runner.api"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
