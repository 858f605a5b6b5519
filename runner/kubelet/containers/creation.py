"""Creates a pod's containers, both in their turn and ahead of it. There is no other path."""

from __future__ import annotations

from dataclasses import dataclass

from runner.core.model import Container
from runner.engine.creating import create
from runner.engine.protocol import Engine, ImageDetails
from runner.kubelet.containers.config import Configurations
from runner.kubelet.containers.termination_messages import TerminationMessages
from runner.kubelet.loop.making import Making
from runner.kubelet.loop.observer import Observer


@dataclass(frozen=True, slots=True)
class Creator:
    """Creates the containers of one pod."""

    engine: Engine
    observer: Observer
    making: Making
    configurations: Configurations
    messages: TerminationMessages | None

    def create(
        self, container: Container, *, attempt: int, sandbox_id: str, image: ImageDetails, is_ahead: bool = False
    ) -> str:
        """Create an instance and return its id; blocks. Raises ConfigError, EngineError.

        ``is_ahead``: its turn has not come; observers do not see it until it is revealed.
        """
        self.observer.know_image(image)
        with self.making.one():
            config = self.configurations.of(container, attempt=attempt, sandbox_id=sandbox_id, image=image)
            if self.messages is not None:
                self.messages.make_ready(container, attempt, sandbox_id)
            engine = self.engine.of(container=container.name, attempt=attempt)
            return create(engine, config.ahead if is_ahead else config)
