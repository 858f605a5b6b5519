"""What a course asks of a test bed, on whatever Engine and clock it runs its pods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from runner.clock import Clock
from runner.engine.protocol import Engine
from tests.conformance.view import View


class Bed(Protocol):
    """Runs pods, and does to them what scenarios ask for."""

    @property
    def clock(self) -> Clock: ...

    @property
    def engine(self) -> Engine: ...

    def create(self, manifest: Mapping[str, Any], *, cap: float) -> View:
        """Start the pod of a manifest, whose restarts wait at most ``cap`` seconds."""
        ...

    def delete(self, view: View, grace: int | None = None) -> None:
        """Ask for the deletion; without ``grace`` (seconds) with the pod's own."""
        ...

    def set_image(self, view: View, container: str, image: str) -> None:
        """Change the image of one container of the live pod."""
        ...

    def containers(self, view: View, name: str) -> list[str]:
        """The ids of a container's instances, newest first."""
        ...

    def sandbox(self, view: View) -> str:
        """The id of the newest sandbox."""
        ...

    def exec(self, view: View, container: str, command: list[str]) -> str:
        """Run a command in the newest instance of a container."""
        ...

    def catches_term(self, view: View, container: str) -> bool:
        """Whether a running container has come to set a trap for SIGTERM."""
        ...

    def let_pass(self, view: View, seconds: float) -> None:
        """Let time pass while a pod is watched."""
        ...

    def remove(self, view: View) -> None:
        """Delete a pod at once and wait until it is gone."""
        ...
