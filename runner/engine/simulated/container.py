"""One simulated container: what the Engine knows of it, and its two views, made anew only when something changed."""

from __future__ import annotations

from datetime import datetime

from runner.core.container.containerconfig import ContainerConfig
from runner.core.labels import CONTAINER_NAME, POD_UID
from runner.engine.protocol import ContainerDetails, ContainerSummary, EngineState
from runner.engine.simulated.files import FileTree
from runner.engine.simulated.script import Attempt, ContainerScript

_RUNNING, _PAUSED = EngineState.RUNNING, EngineState.PAUSED


class SimulatedContainer:
    """Mutable; whoever changes a field that the views show calls ``changed``."""

    __slots__ = (
        "_details",
        "_summary",
        "attempt",
        "attributes",
        "config",
        "created_at",
        "due",
        "error",
        "exit_code",
        "files",
        "finished_at",
        "id",
        "image_id",
        "ip",
        "oom_killed",
        "patience",
        "pid",
        "remaining",
        "run",
        "script",
        "script_name",
        "started_at",
        "state",
        "stopping",
        "told",
        "uid",
    )

    def __init__(
        self, container_id: str, config: ContainerConfig, *, image_id: str, script: ContainerScript, now: datetime
    ) -> None:
        self.id = container_id
        self.config = config
        self.image_id = image_id
        self.script = script
        self.attributes = {"name": config.name, "image": config.image}
        """What every event of it tells."""
        self.uid = config.labels.get(POD_UID, "")
        self.script_name = config.labels.get(CONTAINER_NAME, config.name)
        self.created_at = now
        self.state = EngineState.CREATED
        self.started_at: datetime | None = None
        self.finished_at: datetime | None = None
        self.exit_code = 0
        self.oom_killed = False
        self.error = ""
        self.ip = ""
        self.pid = 0
        self.attempt: Attempt | None = None
        self.run = 0
        """Grows with every start and end, so that an end that was planned for an earlier run does nothing."""
        self.due: datetime | None = None
        """When the process will end, as far as is known."""
        self.remaining: float | None = None
        """Seconds that a paused process still had to run."""
        self.stopping = False
        self.patience: datetime | None = None
        """When a process that was asked to stop is killed."""
        self.told = False
        """Whether the process has had its stop signal and its handler has taken over."""
        self.files: FileTree | None = None
        self._summary: ContainerSummary | None = None
        self._details: ContainerDetails | None = None

    def is_alive(self) -> bool:
        return self.state is _RUNNING or self.state is _PAUSED

    def changed(self) -> None:
        self._summary = self._details = None

    def summary(self) -> ContainerSummary:
        if self._summary is None:
            self._summary = ContainerSummary(
                id=self.id,
                name=self.config.name,
                image=self.config.image,
                state=self.state,
                labels=self.config.labels,
                created_at=self.created_at,
            )
        return self._summary

    def details(self) -> ContainerDetails:
        if self._details is None:
            self._details = ContainerDetails(
                id=self.id,
                name=self.config.name,
                image=self.config.image,
                image_id=self.image_id,
                state=self.state,
                labels=self.config.labels,
                created_at=self.created_at,
                started_at=self.started_at,
                finished_at=self.finished_at,
                exit_code=self.exit_code,
                oom_killed=self.oom_killed,
                error=self.error,
                ip=self.ip,
                network_mode=self.config.network_mode or "default",
                pid=self.pid,
            )
        return self._details
