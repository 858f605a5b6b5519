"""Looks at everything of one pod in the Engine: one list call, and an inspection of whatever changed since the last look.

Mirrors pkg/kubelet/kuberuntime (GetPodStatus) and the Docker shim's container status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from runner.clock import Clock
from runner.core.labels import (
    CONTAINER_NAME,
    DOCKER_TYPE,
    HASH,
    POD_UID,
    PREPARED,
    SANDBOX_ID,
    TYPE_SANDBOX,
    attempt_of,
)
from runner.core.model import ContainerID
from runner.core.observed import (
    ContainerRecord,
    Observed,
    RuntimeState,
    SandboxRecord,
)
from runner.core.reasons import TerminatedReason
from runner.core.text.times import EPOCH
from runner.engine.protocol import ContainerDetails, ContainerSummary, Engine, EngineState, tagged
from runner.errors import NotFound

START_ERROR_CODE = 128
"""The exit code of a container that could not be started, whatever the Engine calls it: containerd's."""
_SLACK = timedelta(seconds=5)
"""How far the Engine's clock may be ahead of ours, as a remote machine's is."""
_CREATED, _EXITED = RuntimeState.CREATED, RuntimeState.EXITED
_RUNTIME_STATES = {
    EngineState.CREATED: RuntimeState.CREATED,
    EngineState.RUNNING: RuntimeState.RUNNING,
    EngineState.PAUSED: RuntimeState.RUNNING,
    EngineState.RESTARTING: RuntimeState.RUNNING,
    EngineState.REMOVING: RuntimeState.EXITED,
    EngineState.EXITED: RuntimeState.EXITED,
    EngineState.DEAD: RuntimeState.EXITED,
}


class _Known(Struct, frozen=True, kw_only=True):
    """A container as it was inspected last, what is made of it, its place among the others, and the latest time it tells."""

    details: ContainerDetails
    record: SandboxRecord | ContainerRecord
    order: tuple[datetime, int]
    latest: datetime

    def by(self, at: datetime) -> _Known:
        """The same with nothing later than ``at``: a clock was set back since, and so much is known of when it was."""
        created, attempt = self.order
        record = replace(self.record, created_at=min(self.record.created_at, at))
        if isinstance(record, ContainerRecord):
            started, ended = record.started_at, record.finished_at
            record = replace(
                record,
                started_at=None if started is None else min(started, at),
                finished_at=None if ended is None else min(ended, at),
            )
        return replace(self, record=record, order=(min(created, at), attempt), latest=min(self.latest, at))


_ORDER = attrgetter("order")
Message = Callable[[ContainerDetails], str]
"""What of the Engine's error becomes the message of a container that has ended."""


class Observer:
    """Observes one pod. Inspections of containers whose state did not change are remembered.

    What was prepared before its turn is not seen until ``reveal``. ``noted``: the attempts whose turn had
    come when this process took the pod over from another one.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        uid: str,
        *,
        noted: Mapping[str, int] | None = None,
        message: Message = attrgetter("error"),
    ) -> None:
        self._message = message
        self._noted = noted
        self._engine = engine
        self._clock = clock
        self._labels = {POD_UID: uid}
        self._known: dict[str, _Known] = {}
        self._image_ids: dict[str, str] = {}
        self._suspects: set[str] = set()
        self._revealed: set[str] = set()
        self._spoilt: set[str] = set()

    def suspect(self, container_id: str) -> None:
        """Have a container inspected at the next look whatever the list says of it. May be called from any thread.

        The list of an older daemon still calls a container running for a moment after its ``die`` event.
        """
        self._suspects.add(container_id)

    def reveal(self, container_id: str) -> None:
        """From now on see a container that was prepared before its turn."""
        self._revealed.add(container_id)

    def spoil(self, container_id: str) -> None:
        """From now on see a sandbox that was not made to its end, and see that it is not ready."""
        self._revealed.add(container_id)
        self._spoilt.add(container_id)
        self._known.pop(container_id, None)

    def observe(self) -> Observed:
        """Take one look. Raises EngineError; 404 of what went between the list and its inspection is none."""
        at = self._clock.now()
        if self._suspects:
            suspects, self._suspects = self._suspects, set()
            for container_id in suspects:
                self._known.pop(container_id, None)
        latest = at + _SLACK
        found: dict[str, _Known] = {}
        of_before = self._known
        for summary in self._engine.list_containers(self._labels):
            known = of_before.get(summary.id)
            if known is None or known.details.state is not summary.state:
                if PREPARED in summary.labels and self._is_hidden(summary):
                    continue
                known = self._inspect(summary)
                if known is None:
                    continue
            found[summary.id] = known.by(at) if known.latest > latest else known
        self._known = found
        sandboxes: list[SandboxRecord] = []
        containers: list[ContainerRecord] = []
        for known in sorted(found.values(), key=_ORDER, reverse=True):
            record = known.record
            if isinstance(record, ContainerRecord):
                containers.append(record)
            else:
                sandboxes.append(record)
        return Observed(at=at, sandboxes=tuple(sandboxes), containers=tuple(containers))

    def details(self, container_id: str) -> ContainerDetails | None:
        """The inspection behind the last look."""
        known = self._known.get(container_id)
        return known.details if known else None

    def _is_hidden(self, summary: ContainerSummary) -> bool:
        if summary.id in self._revealed or self._was_noted(summary.labels):
            return False
        return summary.state is EngineState.CREATED or summary.labels.get(DOCKER_TYPE) == TYPE_SANDBOX

    def _was_noted(self, labels: Mapping[str, str]) -> bool:
        return self._noted is not None and attempt_of(labels) <= self._noted.get(labels.get(CONTAINER_NAME, ""), -1)

    def _inspect(self, summary: ContainerSummary) -> _Known | None:
        try:
            details = tagged(self._engine, summary.labels).inspect_container(summary.id)
        except NotFound:
            return None
        record, created = self._record(details), details.created_at
        ended = record.finished_at if isinstance(record, ContainerRecord) else None
        return _Known(
            details=details,
            record=record,
            order=(created, record.attempt),
            latest=created if ended is None else max(created, ended),
        )

    def _record(self, details: ContainerDetails) -> SandboxRecord | ContainerRecord:
        if details.labels.get(DOCKER_TYPE) == TYPE_SANDBOX:
            sandbox = sandbox_record(details)
            return replace(sandbox, ready=False) if details.id in self._spoilt else sandbox
        record = container_record(details, self.image_id(details.image_id))
        return replace(record, message=self._message(details)) if record.message else record

    def image_id(self, engine_id: str) -> str:
        """An image's id as statuses show it: by digest when it came from a registry (pkg/kubelet/dockershim)."""
        if engine_id not in self._image_ids:
            try:
                digests = self._engine.inspect_image(engine_id).digests
            except NotFound:
                digests = ()
            self._image_ids[engine_id] = f"docker-pullable://{digests[0]}" if digests else f"docker://{engine_id}"
        return self._image_ids[engine_id]


def sandbox_record(details: ContainerDetails) -> SandboxRecord:
    """Read a sandbox from its inspection."""
    return SandboxRecord(
        id=ContainerID(details.id),
        attempt=attempt_of(details.labels),
        ready=details.state is EngineState.RUNNING,
        ip=details.ip,
        created_at=details.created_at,
        host_network=details.network_mode == "host",
    )


def container_record(details: ContainerDetails, image_id: str) -> ContainerRecord:
    """Read a container instance from its inspection, with the Docker shim's reasons."""
    state = _RUNTIME_STATES[details.state]
    exit_code, finished = details.exit_code, details.finished_at
    reason: TerminatedReason | None = None
    message = ""
    if state is _CREATED and (details.error or exit_code != 0):
        state, finished = _EXITED, details.created_at
    if state is _EXITED:
        reason = _exit_reason(details)
        message = details.error
        if reason is TerminatedReason.START_ERROR:
            exit_code = START_ERROR_CODE
    return ContainerRecord(
        id=ContainerID(details.id),
        name=details.labels.get(CONTAINER_NAME, ""),
        attempt=attempt_of(details.labels),
        state=state,
        created_at=details.created_at,
        started_at=EPOCH if reason is TerminatedReason.START_ERROR else _started(details, state),
        finished_at=finished,
        exit_code=exit_code,
        reason="" if reason is None else reason.value,
        message=message,
        image=details.image,
        image_id=image_id,
        spec_hash=details.labels.get(HASH, ""),
        sandbox_id=details.labels.get(SANDBOX_ID, ""),
    )


def _started(details: ContainerDetails, state: RuntimeState) -> datetime | None:
    if details.started_at is None and state is _EXITED:
        return details.created_at
    return details.started_at


def _exit_reason(details: ContainerDetails) -> TerminatedReason:
    if details.oom_killed:
        return TerminatedReason.OOM_KILLED
    if details.started_at is None and (details.error or details.exit_code != 0):
        return TerminatedReason.START_ERROR
    return TerminatedReason.COMPLETED if details.exit_code == 0 else TerminatedReason.ERROR
