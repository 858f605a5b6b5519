"""What each part of a pod's handle knows of the whole."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.api.launching import Launching


class Part:
    """A part of a pod's handle (``runner.PodHandle``), which has the rest."""

    runner: Launching

    @property
    @abstractmethod
    def name(self) -> str:
        """The pod's name."""

    @property
    @abstractmethod
    def namespace(self) -> str:
        """The pod's namespace."""
