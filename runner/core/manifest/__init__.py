"""Manifests: YAML or JSON text to checked, defaulted objects with the place of every value.

`load` is the one way in; it never raises and reports all problems at once.
"""

from __future__ import annotations

from runner.core.manifest.loading import load
from runner.core.manifest.types import LoadedObject, LoadResult, PathKeys, Position, Problem, ProblemType, Source

__all__ = [
    "LoadResult",
    "LoadedObject",
    "PathKeys",
    "Position",
    "Problem",
    "ProblemType",
    "Source",
    "load",
]
