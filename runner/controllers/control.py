"""Workloads while they run: what each has made, what it does next, what it tells, and how ``get`` shows it.

Policy, words and statuses are in ``core/workloads``; the node that runs the pods lends the hands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from runner.clock import Clock
from runner.core.events import Correlator, ObjectRef, Source
from runner.core.model import Json, Object, PodUID
from runner.core.narration import EventRecorded, Listener, Notice, PodRef
from runner.core.reasons import Note
from runner.core.runview import WorkloadView
from runner.core.workloads import Member, Reconciliation, Workload, WorkloadKind, WorkloadState, reconcile
from runner.core.workloads import notes as words
from runner.core.workloads.statefulset import claims
from runner.core.workloads.status import View, changes_at, objects_of
from runner.registry.contract import Registry, name_of, put, unversioned
from runner.registry.deletionrequests import deletion_asked_of, forget_request


@dataclass(slots=True)
class Controller:
    """A workload and its progress. A Job that has finished stays finished, whatever happens to its pods."""

    workload: Workload
    wanted: int = 0
    state: WorkloadState = WorkloadState.ACTIVE
    reason: str = ""
    message: str = ""
    told: datetime | None = None
    is_deleted: bool = False
    """Whether its deletion was asked for: it makes no more pods, and its existing pods are deleted."""
    asked: set[PodUID] = field(default_factory=set)
    claimed: list[str] = field(default_factory=list)
    shown: dict[str, Object] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return self.state is not WorkloadState.ACTIVE

    @property
    def is_idle(self) -> bool:
        """Whether it wants no pods, now or later: a suspended Job, no replicas."""
        return self.judged.is_idle

    @property
    def judged(self) -> WorkloadView:
        """The view of the workload from which a run is judged."""
        workload = self.workload
        return WorkloadView(
            uid=workload.uid,
            source=workload.source,
            most_pods=workload.most_pods,
            wanted=self.wanted,
            state=self.state,
            reason=self.reason,
            message=self.message,
            is_suspended=workload.is_suspended,
            is_deleted=self.is_deleted,
        )

    @property
    def verdict(self) -> str:
        """Why a Job has failed, in one line."""
        return self.judged.failure

    @property
    def idleness(self) -> str:
        """Why it makes no pods, in one line."""
        return self.judged.idleness

    def go_on(self, shown: Iterable[Json], members: Iterable[Member]) -> None:
        """Continue where another node has stopped: the registry has the statuses that it wrote, the pods have its requests."""
        self.shown.update((str(value["kind"]), dict(unversioned(value))) for value in shown)
        self.asked.update(member.uid for member in members if member.is_deleted)

    def ask_for_deletion(self, uid: PodUID) -> None:
        """Remember that the deletion of one of its pods was asked for."""
        self.asked.add(uid)

    def let_go(self, uid: str) -> None:
        """Forget one of its pods, which is gone and which nobody looks at any more."""
        self.asked.discard(PodUID(uid))

    def end(self) -> None:
        """Mark the workload itself as being deleted: it makes no more pods."""
        self.is_deleted = True

    def forget(self) -> None:
        """Forget what was shown of it, because it is gone."""
        self.shown.clear()

    def is_news(self, value: Json) -> bool:
        """Whether one of its objects differs from what was shown last."""
        return self.shown.get(str(value["kind"])) != value

    def was_shown(self, value: dict[str, Any]) -> None:
        """Note that one of its objects was written."""
        self.shown[str(value["kind"])] = value

    def tells_retry(self, at: datetime) -> bool:
        """Whether the retry at this time has not been told yet; from now on it counts as told."""
        was_told, self.told = self.told == at, at
        return not was_told

    def claim(self, create: Callable[[Json], bool]) -> None:
        """Make the PersistentVolumeClaims that its pods mount; ``create`` says whether one is new, which is told of."""
        self.claimed += [one["metadata"]["name"] for one in claims(self.workload) if create(one)]

    def step(self, members: Sequence[Member], now: datetime, speed: float) -> Reconciliation:
        """What to do now; remembers what has come of the workload."""
        if self.is_over or self.is_deleted:
            left = tuple(member.uid for member in members if member.is_active)
            return Reconciliation(delete=left, state=self.state)
        found = reconcile(self.workload, members, now, speed=speed)
        self.wanted, self.state, self.reason, self.message = found.wanted, found.state, found.reason, found.message
        return found

    def view(self, members: Sequence[Member], now: datetime) -> View:
        """The values from which its status is made."""
        return View(
            workload=self.workload,
            members=members,
            state=self.state,
            reason=self.reason,
            message=self.message,
            before=self.shown,
            now=now,
        )


class Hands(Protocol):
    """The actions that controllers carry out."""

    def members(self, controller: Controller) -> Sequence[Member]:
        """The pods that it has made, oldest first, including those that are gone."""
        ...

    def create(self, controller: Controller, value: Json) -> str:
        """Make a pod; returns its name."""
        ...

    def delete(self, uid: PodUID, grace: int | None = None) -> None:
        """Ask for the deletion of a pod; ``grace`` in seconds, None: its own."""
        ...


class Control:
    """The controllers of a run. Not thread-safe: the thread that waits for the run calls it."""

    def __init__(
        self,
        controllers: Sequence[Controller],
        hands: Hands,
        store: Registry,
        listener: Listener,
        clock: Clock,
        speed: float,
    ) -> None:
        self.controllers = tuple(controllers)
        self._hands = hands
        self._store = store
        self._listener = listener
        self._clock = clock
        self._speed = speed
        self._tellers: dict[str, _Teller] = {}

    def begin(self) -> None:
        """Show the workloads, and report them and the pods that they have already."""
        for controller in self.controllers:
            workload, members = controller.workload, self._hands.members(controller)
            self._show(controller, members)
            first = words.parent_begins(workload)
            if first is not None:
                self._tell_of_parent(controller, first)
            for note in words.begins(workload, controller.claimed):
                self._tell(controller, note)
            for member in members:
                self._tell(controller, words.created(workload, member.name))
            if controller.is_idle:
                self._listener(Notice(at=self._clock.now(), ref=_ref(workload.value), text=controller.idleness))

    def take_over(self) -> None:
        """Continue where another node has stopped: the registry has the statuses that it wrote, the pods have its requests."""
        for controller in self.controllers:
            values = (value for value in (controller.workload.parent, controller.workload.value) if value is not None)
            shown = (self._store.get(str(value["kind"]), *name_of(value)) for value in values)
            controller.go_on((value for value in shown if value is not None), self._hands.members(controller))

    def reconcile(self) -> datetime | None:
        """Do what the workloads need now. Returns when to call this again at the latest."""
        wakes = [wake for controller in self.controllers for wake in self._reconcile(controller)]
        return min((wake for wake in wakes if wake is not None), default=None)

    def _reconcile(self, controller: Controller) -> tuple[datetime | None, ...]:
        now, members = self._clock.now(), self._hands.members(controller)
        self._heed(controller, members)
        step = controller.step(members, now, self._speed)
        by_uid = {member.uid: member for member in members}
        for uid in step.delete:
            self._hands.delete(uid)
            controller.ask_for_deletion(uid)
            for note in words.deleted(controller.workload, by_uid[uid]):
                self._tell(controller, note)
        for value in step.create:
            name = self._hands.create(controller, value)
            self._tell(controller, words.created(controller.workload, name))
        if step.retry_at is not None and controller.tells_retry(step.retry_at):
            self._tell_retry(controller, now, step.retry_at)
        if step.create or step.delete:
            members = self._hands.members(controller)
        if controller.is_deleted and all(member.is_gone for member in members):
            self._forget(controller)
            return ()
        return step.wake_at, self._show(controller, members)

    def _heed(self, controller: Controller, members: Sequence[Member]) -> None:
        """Take what others have asked of a workload: its deletion, or that of a Deployment's ReplicaSet, which comes again."""
        workload = controller.workload
        for value in (workload.parent, workload.value):
            is_asked, grace = (False, None) if value is None else deletion_asked_of(self._store, value)
            if value is None or not is_asked:
                continue
            for member in members:
                if not member.is_gone and member.uid not in controller.asked:
                    self._hands.delete(member.uid, grace)
                    controller.ask_for_deletion(member.uid)
            if value["kind"] == WorkloadKind.REPLICA_SET and workload.parent is not None:
                forget_request(self._store, value)
            else:
                controller.end()

    def _forget(self, controller: Controller) -> None:
        """Remove deleted workloads whose pods are gone."""
        with self._store.transaction():  # Nothing would ever look at a request without its workload again.
            for value in controller.shown.values():
                self._store.delete(str(value["kind"]), *name_of(value))
                forget_request(self._store, value)
        controller.forget()

    def settle(self) -> None:
        """Let finished Jobs write their last status while the pods of the run are deleted."""
        for controller in self.controllers:
            if controller.is_over and not controller.is_deleted:
                self._show(controller, self._hands.members(controller))

    def _show(self, controller: Controller, members: Sequence[Member]) -> datetime | None:
        """Put the objects into the store when something about them has changed. Returns when time will change them."""
        view = controller.view(members, self._clock.now())
        was_settled = _is_finished(controller.shown)
        for value in objects_of(view):
            if controller.is_news(value):
                put(self._store, value)
                controller.was_shown(value)  # Only now: a write that has failed is tried again.
        if view.is_settled and not was_settled:
            self._tell(controller, words.ended(controller.state, controller.reason, controller.message))
            if controller.workload.parent is not None:
                self._tell_of_parent(controller, words.parent_ends(controller.workload, controller.state))
        return changes_at(controller.view(members, self._clock.now()))

    def _tell(self, controller: Controller, note: Note) -> None:
        self._teller(controller.workload.value).tell(note)

    def _tell_of_parent(self, controller: Controller, note: Note) -> None:
        assert controller.workload.parent is not None
        self._teller(controller.workload.parent).tell(note)

    def _teller(self, value: Json) -> _Teller:
        uid = str(value["metadata"]["uid"])
        if uid not in self._tellers:
            self._tellers[uid] = _Teller(value, self._store, self._listener, self._clock)
        return self._tellers[uid]

    def _tell_retry(self, controller: Controller, now: datetime, at: datetime) -> None:
        workload = controller.workload
        text = f"a pod of {workload.source} failed, the next one starts in {(at - now).total_seconds():.0f} s"
        self._listener(Notice(at=now, ref=_ref(workload.value), text=text))


class _Teller:
    """Records the events about one workload."""

    def __init__(self, value: Json, store: Registry, listener: Listener, clock: Clock) -> None:
        self._ref = _ref(value)
        self._about = ObjectRef(
            namespace=self._ref.namespace,
            name=self._ref.name,
            uid=self._ref.uid,
            kind=self._ref.kind,
            api_version=str(value["apiVersion"]),
        )
        self._source = Source(component=words.component(self._ref.kind))
        self._memory = Correlator()
        self._store = store
        self._listener = listener
        self._clock = clock

    def tell(self, note: Note) -> None:
        now = self._clock.now()
        event, is_stored = self._memory.take(self._about, self._source, note, now)
        if is_stored:
            self._store.record_event(event)
        self._listener(EventRecorded(at=now, ref=self._ref, record=event, is_stored=is_stored))


def _ref(value: Json) -> PodRef:
    metadata = value["metadata"]
    return PodRef(namespace=metadata["namespace"], name=metadata["name"], uid=metadata["uid"], kind=str(value["kind"]))


def _is_finished(shown: Mapping[str, Json]) -> bool:
    """Whether a Job's final status was written already."""
    conditions = (shown["Job"].get("status") or {}).get("conditions") or () if "Job" in shown else ()
    return any(one["type"] in ("Complete", "Failed") for one in conditions)
