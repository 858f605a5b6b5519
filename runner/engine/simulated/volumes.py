"""The volumes of a simulated Engine: their files, and who uses them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from runner.core.container.containerconfig import VolumeConfig
from runner.engine.protocol import VolumeDetails
from runner.engine.simulated.events import matches
from runner.engine.simulated.files import FileTree
from runner.errors import EngineConflict, NotFound


class VolumeStore:
    """Volumes by name. A container that uses one keeps it from being removed."""

    def __init__(self) -> None:
        self._volumes: dict[str, tuple[VolumeConfig, FileTree]] = {}
        self._users: dict[str, set[str]] = defaultdict(set)

    def create(self, config: VolumeConfig) -> None:
        """One that is there stays as it is."""
        if config.name not in self._volumes:
            self._volumes[config.name] = (config, FileTree())

    def use(self, name: str, container_id: str, config: VolumeConfig | None) -> None:
        """Let a container mount a volume, which is made when it is not there."""
        if name not in self._volumes:
            self.create(config or VolumeConfig(name=name, labels={}))
        self._users[name].add(container_id)

    def release(self, name: str, container_id: str) -> None:
        self._users[name].discard(container_id)

    def files(self, name: str) -> FileTree:
        """The files of a volume, which is made when it is not there."""
        self.create(VolumeConfig(name=name, labels={}))
        return self._volumes[name][1]

    def list(self, labels: Mapping[str, str]) -> list[VolumeDetails]:
        return [_details(config) for config, _ in self._volumes.values() if matches(labels, config.labels)]

    def details(self, name: str) -> VolumeDetails:
        """Raises NotFound."""
        if name not in self._volumes:
            raise NotFound(f"get {name}: no such volume")
        return _details(self._volumes[name][0])

    def remove(self, name: str) -> None:
        """Raises EngineConflict when a container uses it."""
        if self._users.get(name):
            raise EngineConflict(f"remove {name}: volume is in use", recoverable=True)
        self._volumes.pop(name, None)


def _details(config: VolumeConfig) -> VolumeDetails:
    return VolumeDetails(name=config.name, labels=config.labels, mountpoint=f"/volumes/{config.name}/_data")
