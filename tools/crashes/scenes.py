"""The pods whose lives are disturbed: manifests and scripts of ``fixtures/crashes``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from runner.core.manifest import LoadedObject, Source, load
from runner.core.model import RetryScope
from runner.kubelet.options import WorkerOptions
from runner.lab import names_of, parse_script
from runner.lab.script import SimulationScript
from runner.retry import RetryPolicy

FOLDER: Final = Path(__file__).parents[2] / "fixtures" / "crashes"
DRAWN: Final = (
    "two-inits",
    "sidecar",
    "probes",
    "scope-container",
    "scope-pod",
    "deletion-during-init",
    "job",
    "claim",
    "hook",
    "restart-rules",
    "service",
)
"""Those from which a seed draws."""
WATCHED: Final = ("sandbox-lost", "deadline", "hurry")
"""Those in which something comes from outside at a time of its own: only what is misheard is no reason for another outcome."""
PODS: Final = (*DRAWN, *WATCHED)


@dataclass(frozen=True)
class Scene:
    """A pod, or what makes pods, with what they need and do."""

    name: str
    objects: tuple[LoadedObject, ...]
    script: SimulationScript
    options: WorkerOptions


@cache
def scene(name: str) -> Scene:
    """The scene of a name. Raises KeyError."""
    if name not in PODS:
        raise KeyError(name)
    path = FOLDER / f"{name}.yaml"
    result = load([Source(name=path.name, text=path.read_text(encoding="utf-8"))])
    assert result.ok, result.problems
    script = parse_script(path.with_suffix(".script").read_text(encoding="utf-8"), names_of(result.objects, "default"))
    scope = RetryScope.POD if name == "scope-pod" else RetryScope.CONTAINER
    return Scene(name, tuple(result.objects), script, WorkerOptions(retry=RetryPolicy(scope=scope)))
