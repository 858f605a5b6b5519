"""One simulated container: what the Engine knows of it, and its two views, made anew only when something changed."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from runner.core.container.containerconfig import ContainerConfig
from runner.core.labels import CONTAINER_NAME, POD_UID
from runner.engine.protocol import ContainerDetails, ContainerSummary, EngineState
from runner.engine.simulated.files import FileTree, image_files
from runner.engine.simulated.script import Attempt, ContainerScript

_RUNNING, _PAUSED = EngineState.RUNNING, EngineState.PAUSED


class SimulatedContainer:
    """Mutable, by what happens to it."""

    __slots__ = (
        "_details",
        "_files",
        "_summary",
        "attempt",
        "attributes",
        "config",
        "created_at",
        "due",
        "error",
        "exit_code",
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
        self._files: FileTree | None = None
        self._summary: ContainerSummary | None = None
        self._details: ContainerDetails | None = None

    def is_alive(self) -> bool:
        return self.state is _RUNNING or self.state is _PAUSED

    def move(self, by: timedelta) -> None:
        """The clock was set by so much: its end comes that much later by the clock."""
        if self.due is not None:
            self.due += by
        if self.patience is not None:
            self.patience += by

    def begin(self, attempt: Attempt, pid: int, ip: str, now: datetime) -> None:
        """Another run of it has started."""
        self.run += 1
        self.attempt = attempt
        self.state = _RUNNING
        self.started_at = now
        self.exit_code, self.oom_killed, self.error = 0, False, ""
        self.stopping, self.told, self.due, self.patience = False, False, None, None
        self.pid, self.ip = pid, ip
        self._summary = self._details = None

    def fail_to_start(self, exit_code: int, error: str) -> None:
        """It stays as it was, with what went wrong."""
        self.exit_code, self.error = exit_code, error
        self._details = None

    def end(self, exit_code: int, oom: bool, now: datetime) -> None:
        """Its run is over."""
        self.run += 1
        self.state = EngineState.EXITED
        self.finished_at = now
        self.exit_code, self.oom_killed = exit_code, oom
        self.pid, self.ip, self.due = 0, "", None
        self._summary = self._details = None

    def vanish(self) -> None:
        """It is removed: nothing that was planned for it happens any more."""
        self.run += 1

    def expect_end(self, due: datetime) -> bool:
        """It will end then, unless it ends earlier anyway: whether it does."""
        if self.due is not None and self.due <= due:
            return False
        self.due = due
        return True

    def freeze(self, now: datetime) -> None:
        """It is paused: what it still had to run is remembered."""
        self.remaining = None if self.due is None else (self.due - now).total_seconds()
        self.due = None
        self.state = _PAUSED
        self._summary = self._details = None

    def thaw(self) -> None:
        """It is paused no longer."""
        self.state = _RUNNING
        self._summary = self._details = None

    def ask_to_stop(self, patience: datetime) -> None:
        """It is asked to stop; the caller waits until then."""
        self.stopping, self.patience = True, patience

    def take_stop(self) -> bool:
        """Whether it had been asked to stop; from now on it has not."""
        stopping, self.stopping = self.stopping, False
        return stopping

    def hear_signal(self) -> None:
        """It has got its stop signal; a handler takes over from what would have ended by itself."""
        assert self.attempt is not None
        if self.attempt.on_term is not None and not self.told:
            self.due = None
        self.told = True

    def rename(self, name: str) -> None:
        """It has another name."""
        self.config = replace(self.config, name=name)
        self.attributes = {**self.attributes, "name": name}
        self._summary = self._details = None

    def begin_with(self, files: FileTree | None) -> None:
        """Its own files are those of an image that was made of another container; None: of an image like any."""
        self._files = None if files is None else files.copy()
        for mount in self.config.mounts:
            if not mount.source:  # A volume of its own, which goes with it.
                self.files.make_directory(mount.target.strip("/"))

    @property
    def files(self) -> FileTree:
        """Its own files, beside what is mounted."""
        if self._files is None:
            self._files = image_files()
        return self._files

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
            # Of more than 15 arguments by name Python would make a dictionary first.
            self._details = ContainerDetails(
                self.id,
                self.config.name,
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
                stop_signal=self.config.stop_signal,
                pid=self.pid,
            )
        return self._details
