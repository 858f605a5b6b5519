"""Looks at everything of one pod in the Engine: an inspection of whatever may have changed since the last look.

What that is, events and whoever did something tell. The list of all containers is asked for when anything may have
changed, and now and then in any case. Mirrors pkg/kubelet/kuberuntime (GetPodStatus), pkg/kubelet/pleg (evented.go) and
the Docker shim's container status.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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
    SANDBOX_CONTAINER,
    SANDBOX_ID,
    TYPE_DEBUG,
    TYPE_SANDBOX,
    attempt_of,
    is_kept,
)
from runner.core.model import ContainerID, Json
from runner.core.observed import (
    ContainerRecord,
    KeptRecord,
    Observed,
    RuntimeState,
    SandboxRecord,
)
from runner.core.reasons import TerminatedReason
from runner.core.text.times import EPOCH
from runner.engine.protocol import ContainerDetails, ContainerSummary, Engine, EngineEvent, EngineState, ImageDetails
from runner.errors import EngineUnavailable, NotFound
from runner.kubelet.loop.lists import NodeLists

START_ERROR_CODE = 128
"""The exit code of a container that could not be started, whatever the Engine calls it: containerd's."""
_SLACK = timedelta(seconds=5)
"""How far the Engine's clock may be ahead of ours, as a remote machine's is."""
_SHARED_SECONDS = 1.0
"""How old a list may be that another pod has asked for, where no relist says it."""
_LATE = timedelta(seconds=1)
"""How long after its end a container's ``die`` may be told; what is told later may be another end."""
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
        if self.latest <= at + _SLACK:
            return self
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
_ATTEMPT_ORDER = attrgetter("record.attempt", "order")
_KEPT_ORDER = attrgetter("attempt", "id")
_Suspect = tuple[str, str, int, datetime | None]
"""A container that may be another than it was: its id, its name, its attempt, and when it has ended, if that is all."""
Message = Callable[[ContainerDetails], str]
"""What of the Engine's error becomes the message of a container that has ended."""


class Observer:
    """Observes one pod. Inspections of containers of which nothing was told since are remembered.

    What was prepared before its turn is not seen until ``reveal``. ``noted``: the attempts whose turn had
    come when this process took the pod over from another one; None: it is new, and nothing of it exists.
    ``relist``: seconds after which a look asks for the list in any case, None: never. ``lists`` are those that the pods of the
    node share; None: each asks for its own.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        uid: str,
        *,
        noted: Mapping[str, int] | None = None,
        message: Message = attrgetter("error"),
        relist: float | None = None,
        lists: NodeLists | None = None,
    ) -> None:
        self._message = message
        self._noted = noted
        self._engine = engine
        self._clock = clock
        self._labels = {POD_UID: uid}
        self._known: dict[str, _Known] = {}
        self._kept: dict[str, KeptRecord] = {}
        self._at = EPOCH
        self._image_ids: dict[str, str] = {}
        self.relist = relist
        self._listed_at = clock.steady()
        self._is_complete = noted is None
        self._is_shaken = False
        self._lists = lists
        self._needs = self._next_list()
        # Appended to by any thread.
        self._suspects: deque[_Suspect] = deque()
        self._gone: deque[str] = deque()
        self._revealed: set[str] = set()
        self._spoilt: set[str] = set()

    def hear(self, event: EngineEvent) -> bool:
        """The Engine tells of a container. Whether that may be news. For any thread."""
        if event.action == "rename" or event.labels.get(DOCKER_TYPE) == TYPE_DEBUG:
            return False
        if event.action == "destroy":
            self.forget(event.container_id)
        else:
            ended_at = event.at if event.action == "die" else None
            if self._is_known(event.container_id, ended_at):
                return False
            self._suspects.append(_suspect(event.container_id, event.labels, ended_at))
        return True

    def _next_list(self) -> int:
        """The number of the node's first list that has all that happened by now."""
        return 0 if self._lists is None else self._lists.begun + 1

    def suspect(self, container_id: str, name: str, attempt: int) -> None:
        """Have a container inspected at the next look: something was done to it. May be called from any thread."""
        self._suspects.append((container_id, name, attempt, None))

    def started(self, container_id: str, name: str, attempt: int) -> None:
        """A container was created, and started unless that failed: have it inspected, if nobody has since it runs."""
        known = self._known.get(container_id)
        if known is None or known.details.state is EngineState.CREATED:
            self.suspect(container_id, name, attempt)

    def know_image(self, image: ImageDetails) -> None:
        """An image was looked up: it need not be again for its id. May be called from any thread."""
        self._image_ids[image.id] = _shown(image.id, image.digests)

    def forget(self, container_id: str) -> None:
        """A container was removed. May be called from any thread."""
        self._gone.append(container_id)

    def keep(self, container_id: str, name: str, attempt: int) -> None:
        """A failed attempt was put aside: from now on it is one of those that are kept."""
        self._kept[container_id] = KeptRecord(ContainerID(container_id), name, attempt)
        self._gone.append(container_id)

    def drop(self, container_id: str) -> None:
        """What was kept was removed."""
        self._kept.pop(container_id, None)

    def mistrust(self) -> None:
        """Have the next look ask for everything: nobody knows what has happened to the pod. May be called from any thread."""
        self._is_complete = False

    def shake(self) -> None:
        """The same, when nobody knows what has happened on the node: one list does for all its pods. For any thread."""
        self._needs = self._next_list()
        self._is_shaken = True

    def reveal(self, container_id: str) -> None:
        """From now on see a container that was prepared before its turn, when it is looked at."""
        self._revealed.add(container_id)
        self._needs = self._next_list()

    def spoil(self, container_id: str, attempt: int) -> None:
        """From now on see a sandbox that was not made to its end, and see that it is not ready."""
        self._spoilt.add(container_id)
        self.reveal(container_id)
        self.suspect(container_id, SANDBOX_CONTAINER, attempt)

    def observe(self) -> Observed:
        """Take one look. Raises EngineError; 404 of what has gone meanwhile is none."""
        before, self._at = self._at, self._clock.now()
        if self._at < before:  # The clock was set back since the last look.
            self._known = {one: known.by(self._at) for one, known in self._known.items()}
        suspects: dict[str, _Suspect] = {}
        while self._suspects:
            one = self._suspects.popleft()
            if not self._is_known(one[0], one[3]):
                suspects[one[0]] = one
        gone: list[str] = []
        while self._gone:
            gone.append(self._gone.popleft())
            self._revealed.discard(gone[-1])
            self._spoilt.discard(gone[-1])
        if suspects or gone:  # A list that began before may not have what was told of.
            self._needs = self._next_list()
        try:
            self._known = self._look(suspects, gone)
        except BaseException as error:
            self._known = {one: known for one, known in self._known.items() if one not in suspects}
            if isinstance(error, EngineUnavailable):
                self.shake()
            else:
                self.mistrust()
            raise
        sandboxes: list[SandboxRecord] = []
        containers: list[ContainerRecord] = []
        for known in _newest_first(self._known.values()):
            record = known.record
            if isinstance(record, ContainerRecord):
                containers.append(record)
            else:
                sandboxes.append(record)
        kept = sorted(self._kept.values(), key=_KEPT_ORDER, reverse=True)
        return Observed(at=self._at, sandboxes=tuple(sandboxes), containers=tuple(containers), kept=tuple(kept))

    def _look(self, suspects: dict[str, _Suspect], gone: Collection[str]) -> dict[str, _Known]:
        """What there is now."""
        listed = self._list()
        if listed is None:
            found = self._known.copy()
            for container_id in gone:
                found.pop(container_id, None)
                suspects.pop(container_id, None)
            return self._inspected(found, suspects.values())
        found, changed = {}, list[_Suspect]()
        self._kept = {one.id: _kept(one) for one in listed if is_kept(one.name)}
        for summary in listed:
            if summary.id in self._kept or summary.labels.get(DOCKER_TYPE) == TYPE_DEBUG:
                continue
            known = self._known.get(summary.id)
            # The list of an older daemon still calls a container running for a moment after its ``die`` event.
            if known is None or known.details.state is not summary.state or summary.id in suspects:
                if known is None and self._is_hidden(summary.id, summary.state, summary.labels):
                    continue
                changed.append(_suspect(summary.id, summary.labels))
            else:
                found[summary.id] = known
        return self._inspected(found, changed)

    def _list(self) -> Sequence[ContainerSummary] | None:
        """The list of the pod's containers, if a look asks for it now. Raises EngineError."""
        relist, now = self.relist, self._clock.steady()
        if self._is_complete and not self._is_shaken and (relist is None or now - self._listed_at < relist):
            return None
        lists = self._lists
        is_own = not self._is_complete or lists is None or not lists.is_shared
        # Whoever mistrusts it from now on may mean what this list does not have yet.
        self._is_complete, self._is_shaken = True, False
        if is_own or lists is None:
            found: Sequence[ContainerSummary] = self._engine.list_containers(self._labels)
            self._listed_at = now
            return found
        listing = lists.get(self._needs, now - (_SHARED_SECONDS if relist is None else relist))
        self._listed_at = listing.began
        return listing.of(self._labels[POD_UID])

    def _inspected(self, found: dict[str, _Known], changed: Iterable[_Suspect]) -> dict[str, _Known]:
        for one in changed:
            known = self._inspect(one)
            if known is None:
                found.pop(one[0], None)
            else:
                found[one[0]] = known
        return found

    def _is_known(self, container_id: str, ended_at: datetime | None) -> bool:
        """Whether all that is told of a container is an end that was seen."""
        if ended_at is None:
            return False
        known = self._known.get(container_id)
        return known is not None and _has_ended_by(known.record, ended_at)

    def details(self, container_id: str) -> ContainerDetails | None:
        """The inspection behind the last look."""
        known = self._known.get(container_id)
        return known.details if known else None

    def end_of(self, container_id: str) -> Json | None:
        """The Engine's JSON of a container that was seen after its end; None when it was not."""
        known = self._known.get(container_id)
        if known is None or not isinstance(known.record, ContainerRecord) or known.record.state is not _EXITED:
            return None
        return known.details.raw

    def _is_hidden(self, container_id: str, state: EngineState, labels: Mapping[str, str]) -> bool:
        if PREPARED not in labels or container_id in self._revealed or self._was_noted(labels):
            return False
        return state is EngineState.CREATED or labels.get(DOCKER_TYPE) == TYPE_SANDBOX

    def _was_noted(self, labels: Mapping[str, str]) -> bool:
        return self._noted is not None and attempt_of(labels) <= self._noted.get(labels.get(CONTAINER_NAME, ""), -1)

    def _inspect(self, suspect: _Suspect) -> _Known | None:
        container_id, name, attempt, _ = suspect
        try:
            details = self._engine.of(container=name, attempt=attempt).inspect_container(container_id)
        except NotFound:
            return None
        if is_kept(details.name) or details.labels.get(DOCKER_TYPE) == TYPE_DEBUG:
            return None
        if container_id not in self._known and self._is_hidden(container_id, details.state, details.labels):
            return None
        record, created = self._record(details), details.created_at
        ended = record.finished_at if isinstance(record, ContainerRecord) else None
        latest = created if ended is None or ended < created else ended
        known = _Known(details=details, record=record, order=(created, record.attempt), latest=latest)
        return known if latest <= self._at else known.by(self._at)

    def _record(self, details: ContainerDetails) -> SandboxRecord | ContainerRecord:
        if details.labels.get(DOCKER_TYPE) == TYPE_SANDBOX:
            sandbox = sandbox_record(details)
            return replace(sandbox, ready=False) if details.id in self._spoilt else sandbox
        record = container_record(details, self.image_id(details.image_id))
        return replace(record, message=self._message(details)) if record.message else record

    def stop_signal(self, container_id: str) -> str:
        """The signal that asks a container that was seen to end."""
        known = self._known.get(container_id)
        return (known.details.stop_signal if known else "") or "SIGTERM"

    def image_id(self, engine_id: str) -> str:
        """An image's id as statuses show it: by digest when it came from a registry (pkg/kubelet/dockershim)."""
        if engine_id not in self._image_ids:
            try:
                digests = self._engine.inspect_image(engine_id).digests
            except NotFound:
                digests = ()
            self._image_ids[engine_id] = _shown(engine_id, digests)
        return self._image_ids[engine_id]


def _newest_first(found: Collection[_Known]) -> list[_Known]:
    """By the time of their creation; where a clock that was set back says otherwise than the attempts, by these."""
    order = sorted(found, key=_ORDER, reverse=True)
    numbers = [known.record.attempt for known in order]
    if numbers == sorted(numbers, reverse=True):
        return order  # Of no container either.
    attempts: dict[str, int] = {}
    for known in order:
        name, attempt = known.details.labels.get(CONTAINER_NAME, ""), known.record.attempt
        if attempt > attempts.setdefault(name, attempt):
            return sorted(found, key=_ATTEMPT_ORDER, reverse=True)
        attempts[name] = attempt
    return order


def _kept(summary: ContainerSummary) -> KeptRecord:
    labels = summary.labels
    return KeptRecord(ContainerID(summary.id), labels.get(CONTAINER_NAME, ""), attempt_of(labels))


def _suspect(container_id: str, labels: Mapping[str, str], ended_at: datetime | None = None) -> _Suspect:
    return container_id, labels.get(CONTAINER_NAME, ""), attempt_of(labels), ended_at


def _shown(engine_id: str, digests: Sequence[str]) -> str:
    return f"docker-pullable://{digests[0]}" if digests else f"docker://{engine_id}"


def _has_ended_by(record: SandboxRecord | ContainerRecord, at: datetime) -> bool:
    """Whether this is how a container looks that ended then."""
    if isinstance(record, SandboxRecord) or record.state is not _EXITED or record.finished_at is None:
        return False
    return at <= record.finished_at + _LATE


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
