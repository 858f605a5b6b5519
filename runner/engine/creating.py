"""Creates containers on an Engine whose answer may get lost: the only caller of ``create_container``."""

from __future__ import annotations

from runner.core.container.containerconfig import ContainerConfig
from runner.core.labels import POD_UID
from runner.engine.protocol import Engine, EngineState
from runner.errors import EngineConflict


def create(engine: Engine, config: ContainerConfig) -> str:
    """Create a container in place of one of its name whose creator never heard of it. Raises EngineError, ConfigError.

    Mirrors the Docker shim's recoverFromCreationConflictIfNeeded: an answer may be lost, the container is there then.
    """
    try:
        return engine.create_container(config)
    except EngineConflict:
        uid = config.labels.get(POD_UID)
        for found in engine.list_containers({POD_UID: uid}) if uid else ():
            if found.name.lstrip("/") == config.name and found.state is EngineState.CREATED:
                engine.remove_container(found.id)
        return engine.create_container(config)
