"""Reads the node's seccomp profiles that a container asks for by name. Mirrors pkg/kubelet/kuberuntime/helpers.go.

A kubelet keeps them below its root directory. Here they lie in the state directory first, then where a kubelet has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner.core.container.security import localhost_profiles
from runner.core.model import Container, Pod
from runner.errors import EngineRefusal

KUBELET_PROFILES = Path("/var/lib/kubelet/seccomp")


def read_profiles(own: Path | None, pod: Pod, container: Container) -> Mapping[str, str]:
    """The JSON of the profiles that a container names, by their names. Raises EngineError.

    ``own`` is the folder of profiles in this state directory.
    """
    return {name: _read(own, name) for name in localhost_profiles(pod, container)}


def _read(own: Path | None, name: str) -> str:
    paths = [directory / name for directory in (own, KUBELET_PROFILES) if directory is not None]
    path = next((path for path in paths if path.is_file()), paths[0])
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
        raise EngineRefusal(f'cannot load seccomp profile "{path}": {reason}') from problem
