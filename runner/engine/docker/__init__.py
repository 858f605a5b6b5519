"""The Docker Engine behind the Engine protocol, through docker-py's low-level client.

The only package that imports docker; it is imported itself when an Engine is needed, not before.
"""

from runner.engine.docker.clients import MINIMUM_API
from runner.engine.docker.engine import DockerEngine

__all__ = ["MINIMUM_API", "DockerEngine"]
