"""What the verbs on this machine stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from runner.clock import Clock
    from runner.core.model import Pod
    from runner.engine.protocol import Engine
    from runner.registry.contract import Registry
    from runner.registry.home import Home


class Place(Protocol):
    """Where objects are and pods run; each is opened when it is first asked for."""

    @property
    def registry(self) -> Registry: ...

    @property
    def engine(self) -> Engine: ...

    @property
    def home(self) -> Home: ...

    @property
    def clock(self) -> Clock: ...


class Ending(Protocol):
    """Ends pods whose node is dead: the part of a deletion that needs a node."""

    def adopt_and_remove(self, *pods: Pod) -> None:
        """Run what is left of their lives. Blocks until they are gone. Raises EngineUnavailable."""
        ...
