"""The Docker Engine behind the Engine protocol, through docker-py's low-level client.

The only package that imports docker, and that only when ``DockerEngine`` is asked for.
"""

from typing import TYPE_CHECKING, Any

from runner.engine.docker.importing import IMPORTING
from runner.engine.docker.versions import MINIMUM_API

if TYPE_CHECKING:
    from runner.engine.docker.engine import DockerEngine

__all__ = ["MINIMUM_API", "DockerEngine"]


def __getattr__(name: str) -> Any:
    """Import the adapter when it is asked for."""
    if name != "DockerEngine":
        raise AttributeError(name)
    with IMPORTING:
        from runner.engine.docker.engine import DockerEngine

    return DockerEngine
