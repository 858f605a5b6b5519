"""Sub-paths of mounts for an Engine that does not resolve them itself.

Mirrors the intent of pkg/volume/util/subpath: the result never leaves the volume, a link that points out of it is refused.
Between this check and the mount a process in the pod could still exchange a directory for a link; only an Engine that
resolves the sub-path itself (API 1.45 and later) closes that gap.
"""

from __future__ import annotations

import os
from pathlib import Path

from runner.errors import EngineError


def resolve(base: str, sub_path: str) -> str:
    """Return the path of this host below ``base``, links resolved. EngineError when it is unsafe, absent or not to be seen."""
    parts = Path(sub_path).parts
    if Path(sub_path).is_absolute() or ".." in parts:
        raise EngineError(f"sub-path {sub_path!r} is not a path below its volume")
    try:
        root = Path(base).resolve(strict=True)
    except OSError as problem:
        hint = "use an Engine with API 1.45 or later (Docker 26), or one on this machine, as a user who may read its volumes"
        raise EngineError(f"cannot look into volume directory {base}: {problem.strerror}", hint=hint) from problem
    try:
        target = Path(os.path.realpath(root / sub_path, strict=True))
    except OSError as problem:
        raise EngineError(f"sub-path {sub_path!r} of {base}: {problem.strerror}") from problem
    if not target.is_relative_to(root):
        raise EngineError(f"sub-path {sub_path!r} leads out of its volume, to {target}")
    return str(target)
