"""What has happened to one pod of this process: its last status, every attempt of its containers.

A status shows no more than the newest two instances of a container; the listener of a run hears of all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from runner.core.model import Json, Object
from runner.core.narration import AttemptStarted, Gone, Narration, PodRef, StatusChanged
from runner.core.status.containerstatus import engine_id
from runner.core.status.podstatus import ContainerStatus, PodStatus, Running, Terminated


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One instance of a container. ``exit_code`` is None as long as it has not ended; ``number`` counts from 0."""

    container: str
    number: int
    container_id: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    reason: str = ""
    message: str = ""


@dataclass(slots=True)
class PodHistory:
    """Listens to a run and remembers one of its pods. ``wait`` wakes at each news; any thread may ask."""

    ref: PodRef
    manifest: Object
    status: PodStatus = field(default_factory=PodStatus)
    is_gone: bool = False
    _attempts: dict[str, dict[str, AttemptRecord]] = field(default_factory=dict)
    _news: threading.Condition = field(default_factory=threading.Condition)

    @classmethod
    def of(cls, manifest: Json) -> PodHistory:
        """The history of a pod that has none yet."""
        metadata = manifest["metadata"]
        ref = PodRef(namespace=metadata["namespace"], name=metadata["name"], uid=metadata["uid"])
        return cls(ref=ref, manifest=dict(manifest))

    def hear(self, narration: Narration) -> None:
        """Take in what concerns this pod."""
        if narration.ref.uid != self.ref.uid:
            return
        with self._news:
            match narration:
                case StatusChanged():
                    self._take_status(narration.manifest, narration.status)
                case AttemptStarted():
                    known = AttemptRecord(
                        container=narration.container,
                        number=narration.attempt,
                        container_id=narration.container_id,
                        started_at=narration.at,
                    )
                    self._attempts.setdefault(narration.container, {})[narration.container_id] = known
                case Gone():
                    self.is_gone = True
                case _:
                    return
            self._news.notify_all()

    def wake(self) -> None:
        """Let everybody who waits look again."""
        with self._news:
            self._news.notify_all()

    def take(self, manifest: Json, status: PodStatus) -> None:
        """Take in a status that is known before it is told of."""
        with self._news:
            self._take_status(manifest, status)
            self._news.notify_all()

    def _take_status(self, manifest: Json, status: PodStatus | None) -> None:
        self.manifest = dict(manifest)
        self.status = status or PodStatus()
        for one in self.status.all_containers():
            self._note(one, one.last_state, one.restart_count - 1)
            self._note(one, one.state, one.restart_count)

    def _note(self, status: ContainerStatus, state: object, number: int) -> None:
        """What a state tells of an instance. One that could not be started is told of by nothing else."""
        known = self._attempts.setdefault(status.name, {})
        if isinstance(state, Running):
            found = known.get(engine_id(status.container_id))
            if found is not None and found.started_at != state.started_at:
                known[found.container_id] = replace(found, started_at=state.started_at)
        if not isinstance(state, Terminated) or not state.container_id:
            return
        container_id = engine_id(state.container_id)
        found = known.get(container_id) or AttemptRecord(
            container=status.name, number=max(0, number), container_id=container_id
        )
        if found.exit_code is None or found.reason != state.reason:
            known[container_id] = replace(
                found,
                exit_code=state.exit_code,
                reason=state.reason,
                message=state.message,
                started_at=state.started_at,
                finished_at=state.finished_at,
            )

    def attempts(self, container: str) -> tuple[AttemptRecord, ...]:
        """All instances of a container so far, oldest first."""
        with self._news:
            return tuple(sorted(self._attempts.get(container, {}).values(), key=lambda one: one.number))

    @property
    def value(self) -> Object:
        """The v1 Pod as it was published last."""
        return {**self.manifest, "status": self.status.to_json()}

    def wait(self, is_over: Callable[[], bool], seconds: float | None) -> bool:
        """Wait until something holds, at most so many seconds; whether it does. It is asked again after each news."""
        with self._news:
            return self._news.wait_for(is_over, seconds)
