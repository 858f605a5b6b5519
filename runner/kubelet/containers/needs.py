"""What starting containers needs of the rooms for images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from runner.core.model import Container
from runner.core.sync.pulling import Refuse
from runner.engine.protocol import RegistryAuth
from runner.kubelet.images.manager import ImageReady
from runner.kubelet.loop.tasks import Task


class Images(Protocol):
    """The images of one pod."""

    def ensure(self, container: Container) -> Task[ImageReady | Refuse]:
        """Use, pull or refuse the image, recording the events."""
        ...

    def is_held(self, image: str) -> bool:
        """Whether a pull of it has failed of late."""
        ...

    def auths(self, image: str) -> Sequence[RegistryAuth | None]:
        """What to pull it with. Raises ConfigError, InvalidReference."""
        ...


class ImageVolumes(Protocol):
    """The image volumes of one pod."""

    def fill(self, container: Container, sandbox_id: str) -> Task[Refuse | None]:
        """Fill those that a container mounts. Raises EngineError."""
        ...
