"""The life of one pod: observe, decide, execute, publish, until it is gone; and the one loop that waits.

Mirrors pkg/kubelet/pod_workers.go (sync, terminating, terminated) and kubelet.go (SyncPod, SyncTerminatingPod,
SyncTerminatedPod). Every pass derives everything from what exists; whatever wakes the worker is only a hint.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runner.clock import JumpWatch, Wakeup
from runner.core.container.nodeadmission import Rejection, rejection_of
from runner.core.container.qos import qos_class
from runner.core.images.pullsecrets import missing_note
from runner.core.model import Json, Pod
from runner.core.narration import Gone, Notice
from runner.core.observed import RuntimeState
from runner.core.reasons import EventReason, EventType, Note, warning
from runner.core.status.podstatus import Phase, PodStatus
from runner.core.status.status import deadline_at
from runner.core.sync.backoff import pull_schedule
from runner.core.sync.decide import Plan, decide
from runner.core.sync.restart import with_retry_scope
from runner.core.sync.termination import MINIMUM_GRACE, is_at_once
from runner.core.text.times import later
from runner.core.volumes import MountError
from runner.errors import EngineError, EngineUnavailable, RunnerError, TooManyFiles
from runner.kubelet.containers.kill import kill_pod
from runner.kubelet.containers.removal import remove_everything, remove_unfinished
from runner.kubelet.loop.context import PodContext
from runner.kubelet.loop.sync import REQUEUE_SECONDS, SyncOutcome, remove_instance, run_sync
from runner.kubelet.loop.tasks import Handle, Task, Wait
from runner.kubelet.loop.troubles import VOLUMES
from runner.kubelet.prober.workers import Prober
from runner.kubelet.volumes.planning import prepare_volumes
from runner.kubelet.volumes.reconciler import refresh_volumes
from runner.registry.contract import without_status
from runner.registry.deletion import forget_pod
from runner.registry.objects import remove_claims

TROUBLE, UNAVAILABLE = pull_schedule(0.5, 5.0), pull_schedule(0.5, 2.0)
"""Seconds to wait after the n-th failure of the Engine in a row, and after it did not answer at all."""
REQUEUE = pull_schedule(0.5, REQUEUE_SECONDS)
"""The same after a sync in which something could not be made, up to what a kubelet waits."""
PATIENCE = 3
"""From so many failures in a row on somebody is told."""
BACK = "the Engine answers again"
PULL_RELOOK_SECONDS = 1.0
"""A failed pull is looked at again after a kubelet's relist, which shows its back-off."""
MOUNT_BACKOFF = (0.5, 122.0)
"""First and longest wait before a volume is tried again (volume/util exponentialbackoff)."""


_log = logging.getLogger("runner.engine")


@dataclass(slots=True)
class PodWorker:
    """Runs one pod. ``gave_up`` names the container that was restarted too often; nothing more is started then."""

    context: PodContext
    wakeup: Wakeup
    is_adopted: bool = False
    gave_up: str = ""
    gone: bool = False
    rejection: Rejection | None = None
    last_plan: Plan | None = None
    """The last decision that had something to do."""
    on_give_up: Callable[[], None] = lambda: None
    _life: Handle[None] | None = None
    _seen_wishes: int = -1
    _return: Handle[None] | None = None
    _failures: int = 0
    """Syncs in a row that an error has ended."""
    _jumps: JumpWatch = field(init=False)

    def __post_init__(self) -> None:
        self._jumps = JumpWatch(self.context.clock)

    def run(self) -> None:
        """Run the pod until it is gone. Raises what broke the worker itself, never what broke the pod."""
        while not self.step():
            self.wait()

    def wait(self) -> None:
        """Wait for the next thing to do. A clock that is set meanwhile makes nothing come earlier or later."""
        self.context.clock.wait(self.context.tasks.next_deadline(), self.wakeup)
        self.heed_clock()

    def heed_clock(self) -> None:
        """Find out whether the clock was set, and move what is waited for."""
        jump = self._jumps.jump()
        if jump:
            self.context.tasks.move(jump)
            text = (
                f"the clock was set by {jump.total_seconds():+.0f} s; what is waited for takes as long as it would have"
            )
            self._tell(text)
            self.context.poke()

    def step(self) -> bool:
        """Advance everything as far as it goes at this instant. Returns whether the pod is gone."""
        if self._life is None:
            self._life = self.context.tasks.start(self._live(), f"life of {self.context.pod.full_name}")
        self._read_requests()
        tasks, clock = self.context.tasks, self.context.clock
        while tasks.advance(clock.now()):
            self._read_requests()
        if self._life.done:
            self.context.tasks.cancel_all()
            self._life.result  # noqa: B018 - raises what ended it
            return True
        return False

    def _read_requests(self) -> None:
        """Take over what was asked of the pod through the store: deletion, another grace period, another image."""
        wishes = self.context.store.wishes()
        if wishes == self._seen_wishes:
            return
        self._seen_wishes = wishes
        value = self.context.store.get_by_uid(self.context.pod.uid)
        if value is None:
            return
        if _asked_for(value) == _asked_for(self.context.pod.manifest):
            return
        self.context.cache.update(
            with_retry_scope(Pod.from_json(without_status(value)), self.context.options.retry.scope)
        )
        self.context.statuses.show()

    def _live(self) -> Task[None]:
        context, prober = self.context, Prober(self.context)
        context.health.join()
        if self.is_adopted:
            yield from self._steadily(self._remove_unfinished)
        if not self.is_adopted or context.status is None or not context.status.qos_class:
            self._admit()  # A process that took it over before died before it could.
        yield from self._steadily(self._ask_the_node)
        if self.rejection is None:
            yield from self._run_containers(prober)
        else:
            yield from self._stay_rejected(self.rejection)
        yield from self._clean_up()
        if context.health.leave():
            self._tell(BACK)
        self.gone = True
        forget_pod(context.store, context.pod.uid)
        self.end()

    def end(self) -> None:
        """The pod is forgotten: nothing is left to be done but to say so."""
        self.gone = True
        self.context.tell(Gone(at=self.context.now(), ref=self.context.ref))

    def _run_containers(self, prober: Prober) -> Task[None]:
        context = self.context
        prober.start()
        refresh = context.tasks.start_alone(refresh_volumes(context), "refreshing volumes")
        watch = context.tasks.start_alone(context.containers.storage.watch(), "watching storage")
        yield from self._sync_until_the_end()
        prober.stop_killing_probes()
        refresh.cancel()
        watch.cancel()
        yield from self._terminate()
        prober.stop()
        if not context.pod.is_deleted:
            yield from self._until(lambda: context.pod.is_deleted)
            yield from self._terminate()

    def _remove_unfinished(self) -> None:
        context = self.context
        remove_unfinished(context.pod, context.engine, context.store.ledger.attempts(context.pod.uid))

    def _ask_the_node(self) -> None:
        """See whether the node takes the pod. Raises EngineUnavailable."""
        self.rejection = rejection_of(self.context.pod, lambda: self.context.engine.info().confinement)

    def _stay_rejected(self, rejection: Rejection) -> Task[None]:
        """The pod has failed, nothing of it is made; it stays until somebody deletes it."""
        context, before = self.context, self.context.status
        if before is None or not before.phase.is_terminal:
            context.event(warning(rejection.reason, rejection.message))
            context.statuses.reject(
                PodStatus(
                    phase=Phase.FAILED,
                    reason=rejection.reason,
                    message=rejection.status_message,
                    start_time=context.now(),
                    qos_class=qos_class(context.pod.manifest),
                )
            )
        yield Wait(ready=lambda: context.pod.is_deleted)

    def _admit(self) -> None:
        """What the scheduler and the API server would have said before the kubelet comes in."""
        context, pod = self.context, self.context.pod
        text = f"Successfully assigned {pod.namespace}/{pod.name} to {context.options.node_name}"
        context.statuses.announce(PodStatus(phase=Phase.PENDING, qos_class=qos_class(pod.manifest)))
        note = Note(type=EventType.NORMAL, reason=EventReason.SCHEDULED, message=text)
        context.recorder.note(note, component="default-scheduler")
        context.containers.storage.tell_what_nobody_watches()

    def _sync_until_the_end(self) -> Task[None]:
        context = self.context
        mount_failures = 0
        rested = False
        while True:
            if not rested or context.dirty or self._must_look():
                yield from self._steadily(context.look)
                context.publish()
            rested = False
            if self._is_ending():
                return
            if self.gave_up:
                yield from self._until(self._is_ending)
                continue
            if not context.observed.sandboxes or not context.volumes:
                mount_failures = self._mount(mount_failures)
                if mount_failures:
                    first, longest = MOUNT_BACKOFF
                    seconds = min(first * 2 ** (mount_failures - 1), longest)
                    yield from self._rest(later(context.now(), seconds))
                    continue
            plan = decide(context.pod, context.observed, context.results, context.memory, context.now())
            if not plan.operations:
                relist = context.options.relist
                yield from self._rest(None if relist is None else context.now() + timedelta(seconds=relist))
                continue
            self.last_plan = plan
            outcome = yield from self._carry_out(plan)
            if outcome is not None:
                rested = yield from self._after(outcome)

    def _must_look(self) -> bool:
        """Whether time alone may have changed what there is to see: something was not told of, or the deadline came."""
        return self.context.options.relist is not None or self._deadline() is not None

    def _carry_out(self, plan: Plan) -> Task[SyncOutcome | None]:
        """Run a sync; a deletion or the deadline cuts it short. None: it did not come to its end."""
        context = self.context
        missing = missing_note(context.pod, context.lookup)
        if missing is not None:
            context.event(missing)
        sync = context.tasks.start(run_sync(context, plan), "sync")
        sync.advance(context.now())
        if not sync.done:
            yield from self._accompany(sync, self._is_ending)
        if not sync.done:
            sync.cancel()
            context.observer.mistrust()
            return None
        try:
            outcome = sync.result
            self._failures = self._failures if outcome.may_pass else 0
            return outcome
        except RunnerError as error:
            if error.is_final:
                raise
            self._failures += 1
            if not isinstance(error, EngineUnavailable):
                context.event(warning(EventReason.FAILED_SYNC, f"error syncing pod: {error.message}"))
            yield from self._rest_after_failure(self._trouble(error, self._failures, "the pod cannot be synced"))
        return None

    def _after(self, outcome: SyncOutcome) -> Task[bool]:
        """Show what the sync did, and wait for the time of the next one. Returns whether there was one to wait for."""
        context = self.context
        if outcome.gave_up:
            self.gave_up = outcome.gave_up
            self.on_give_up()
            return False
        if outcome.acted:
            return False
        context.publish()
        due = outcome.ready_at
        if outcome.failed:
            context.observer.mistrust()
            seconds = PULL_RELOOK_SECONDS if outcome.fresh_failure and context.pulls else REQUEUE_SECONDS
            if outcome.may_pass:
                self._failures += 1
                seconds = min(seconds, REQUEUE(self._failures))
            again = later(context.now(), seconds)
            due = again if due is None else min(due, again)
            yield from self._rest_after_failure(due)
            return True
        yield from self._rest(due)
        return True

    def _mount(self, failures: int) -> int:
        """Set the volumes up. Returns how often in a row that has failed now."""
        context = self.context
        planned = context.containers.sandboxes.ahead.volumes
        if planned is not None:
            # They were planned, and their claims bound, a moment ago.
            context.volumes = planned
            return 0
        try:
            context.volumes = prepare_volumes(context.pod, context.engine, context.store, context.clock, context.owner)
        except MountError as error:
            for text in error.texts:
                context.event(warning(EventReason.FAILED_MOUNT, text))
            context.troubles.failed(VOLUMES, EventReason.FAILED_MOUNT, "; ".join(error.texts))
            return failures + 1
        context.troubles.is_over(VOLUMES)
        return 0

    def _is_ending(self) -> bool:
        """Whether the pod is stopped for good: deleted, final by its containers, or past its active deadline."""
        context = self.context
        pod, status = context.pod, context.status
        if pod.is_deleted or status is None:
            return pod.is_deleted
        end = None if pod.active_deadline is None else deadline_at(pod, status.start_time)
        return status.phase.is_terminal or (end is not None and end <= context.now())

    def _terminate(self) -> Task[None]:
        """Stop everything and publish the last status. What could not be stopped is stopped again, as a kubelet does."""
        context = self.context
        failures = 0
        if not context.making.is_idle:  # A start that is under way goes on whatever becomes of its sync.
            yield Wait(ready=lambda: context.making.is_idle)
        context.observer.mistrust()  # Whatever was under way: nothing of it is overlooked.
        while True:
            yield from self._steadily(context.look)
            context.publish()
            grace = context.pod.deletion_grace
            kill = context.tasks.start(kill_pod(context), "kill pod")
            yield from self._accompany(kill, lambda grace=grace: context.pod.deletion_grace != grace)  # type: ignore[misc]
            if not kill.done:
                yield from self._hasten(kill)
            if not kill.done:
                kill.cancel()
                context.observer.mistrust()
                continue
            try:
                kill.result  # noqa: B018 - raises what kept it from being done
                break
            except RunnerError as error:
                if error.is_final:
                    raise
                failures += 1
                if not isinstance(error, EngineUnavailable):
                    context.event(warning(EventReason.FAILED_KILL_POD, f"error killing pod: {error.message}"))
                yield Wait(until=self._trouble(error, failures, "the pod cannot be stopped"))
        yield from self._steadily(context.look)
        context.statuses.finish(is_stopped=not any(sandbox.ready for sandbox in context.observed.sandboxes))

    def _hasten(self, kill: Handle[None]) -> Task[None]:
        """A shorter grace period was asked for meanwhile: what still runs when it is over is killed."""
        context, grace = self.context, self.context.pod.deletion_grace or 0
        end = later(context.now(), 0 if is_at_once(context.pod) else max(grace, MINIMUM_GRACE))
        yield Wait(until=end, ready=lambda: kill.done)
        for record in context.observed.containers:
            if not kill.done and record.state is RuntimeState.RUNNING:
                with suppress(EngineError):  # It is over, or the kill that goes on meets the error too.
                    context.engine.of(container=record.name, attempt=record.attempt).kill_container(
                        record.id, "SIGKILL"
                    )

    def _clean_up(self) -> Task[None]:
        """Remove everything of the pod, however often it takes, when what is being made for it is made."""
        self.context.making.close()
        if not self.context.making.is_idle:
            yield Wait(ready=lambda: self.context.making.is_idle)
        yield from self._steadily(self._remove_everything, "not everything of the pod could be removed")

    def _remove_everything(self) -> None:
        context = self.context
        context.look()
        for record in context.observed.containers:
            remove_instance(context, record)
        remove_everything(context.pod, context.engine, context.owner)  # What was prepared and never started goes too.
        remove_claims(context.store, context.pod.namespace, context.pod.uid)

    def _steadily(self, work: Callable[[], None], trouble: str = "the Engine answers with an error") -> Task[None]:
        """Do something with the Engine, again and again until it is done, ever later while nothing has changed."""
        failures = 0
        while True:
            try:
                work()
            except RunnerError as error:
                if error.is_final:
                    raise
                failures += 1
                yield Wait(until=self._trouble(error, failures, trouble))
            else:
                self._is_back()
                return

    def _trouble(self, error: RunnerError, failures: int, text: str) -> datetime:
        """The Engine failed for the n-th time in a row: say so when it is more than a moment. Returns when to go on."""
        _log.info("%s: %s", self.context.pod.full_name, error)
        self.context.observer.mistrust()
        if isinstance(error, EngineUnavailable):
            self._complain(error)
        elif failures == PATIENCE:
            self._tell(f"{text}, trying again: {error.message}")
        schedule = UNAVAILABLE if isinstance(error, EngineUnavailable) else TROUBLE
        return self.context.clock.now() + timedelta(seconds=schedule(failures))

    def _complain(self, error: EngineUnavailable) -> None:
        """Say that the Engine does not answer, once in a run until it is back."""
        if self.context.health.failed():
            what = "" if isinstance(error, TooManyFiles) else "the Engine does not answer, "
            self._tell(f"{what}trying again: {error.message}")

    def _is_back(self) -> None:
        health = self.context.health
        if not health.is_lost:
            return
        health.answered(self.context.clock.steady())
        if health.calm_at is not None and (self._return is None or self._return.done):
            self._return = self.context.tasks.start_alone(self._tell_return(), "watching the Engine")

    def _tell_return(self) -> Task[None]:
        """Say that the Engine is back when it has been for a while, unless another worker does."""
        context = self.context
        while (at := context.health.calm_at) is not None:
            left = at - context.clock.steady()
            if left <= 0:
                if context.health.take_return(context.clock.steady()):
                    self._tell(BACK)
                return
            yield Wait(until=context.clock.now() + timedelta(seconds=left))

    def _tell(self, text: str) -> None:
        self.context.tell(Notice(at=self.context.now(), ref=self.context.ref, text=text))

    def _accompany(self, handle: Handle[Any], interrupted: Callable[[], bool]) -> Task[None]:
        """Wait for a task; meanwhile keep seeing what happens, without deciding anything."""
        context = self.context
        hinted = False
        while not handle.done and not interrupted():
            yield Wait(until=self._deadline(), ready=lambda: handle.done or interrupted() or context.dirty)
            if context.dirty and not handle.done:
                hinted = True
                yield from self._steadily(context.look)
        if hinted:
            context.poke()  # what was seen meanwhile has not been decided upon yet

    def _rest(self, until: datetime | None) -> Task[None]:
        """Wait for an instant, a hint, or the end of the pod."""
        end = self._deadline()
        if end is not None:
            until = end if until is None else min(until, end)
        yield Wait(until, self._is_stirred)

    def _is_stirred(self) -> bool:
        return self.context.dirty or self._is_ending()

    def _rest_after_failure(self, until: datetime) -> Task[None]:
        """The same; but what a failed attempt itself stirs up is no reason for the next one to come earlier."""
        context = self.context
        before = (context.pod, context.observed.sandboxes, context.observed.containers)
        while True:
            yield from self._rest(until)
            if not context.dirty or self._is_ending():
                return
            yield from self._steadily(context.look)
            context.publish()
            if (context.pod, context.observed.sandboxes, context.observed.containers) != before:
                context.poke()
                return

    def _until(self, condition: Callable[[], bool]) -> Task[None]:
        """Wait for a condition, keeping the status true meanwhile."""
        context = self.context
        while not condition():
            yield Wait(until=self._deadline(), ready=lambda: condition() or context.dirty)
            if context.dirty and not condition():
                yield from self._steadily(context.look)
                context.publish()

    def _deadline(self) -> datetime | None:
        pod, status = self.context.pod, self.context.status
        if pod.active_deadline is None or status is None or status.phase not in (Phase.RUNNING, Phase.PENDING):
            return None
        return deadline_at(pod, status.start_time)


def _asked_for(value: Json) -> tuple[object, ...]:
    """What somebody else may have changed about a pod: every change of the spec is a new generation."""
    metadata = value.get("metadata") or {}
    asked = metadata.get
    return (
        asked("generation"),
        asked("deletionTimestamp"),
        asked("deletionGracePeriodSeconds"),
        asked("labels"),
        asked("annotations"),
    )
