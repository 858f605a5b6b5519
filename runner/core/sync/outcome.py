"""What a sync has come to: whether there was progress, and when the next one is due.

Mirrors pkg/kubelet/pod_workers.go (completeWork) and kuberuntime_manager.go (SyncPod), which returns back-offs and errors.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from msgspec import Struct

from runner.core.reasons import WaitingReason
from runner.core.status.containerstatus import StartFailure
from runner.core.sync.backoff import pull_schedule
from runner.core.text.times import later
from runner.core.troubles import ENDLESS

REQUEUE_SECONDS = 10
"""When a sync that failed for no back-off's reason is tried again (pod_workers.go backOffPeriod, without its jitter)."""
REQUEUE = pull_schedule(0.5, REQUEUE_SECONDS)
"""Seconds to wait after the n-th sync in a row in which something could not be made, up to what a kubelet waits."""
PULL_RELOOK_SECONDS = 1.0
"""A failed pull is looked at again after a kubelet's relist, which shows its back-off."""


class StartResult(Struct, frozen=True, kw_only=True):
    """How a start went.

    ``ready_at`` is the end of the back-off that held it, None when nothing known holds it; ``may_pass``: the Engine failed, and
    may do better in a moment.
    """

    name: str
    failure: StartFailure | None = None
    ready_at: datetime | None = None
    may_pass: bool = False

    @property
    def is_endless(self) -> bool:
        """Whether it failed for a reason that does not go away by itself."""
        return self.failure is not None and self.failure.reason in ENDLESS and not self.may_pass


class Aftermath(Enum):
    """What is to be done about a container that could not be started."""

    NOTHING = "nothing of it is there"
    LOOK = "it may have ended, which only a look tells"
    KILL = "it runs, and its postStart hook has failed"


class SyncOutcome(Struct):
    """What a sync did. ``ready_at``: the earliest end of a back-off that held something. ``failed``: something else did.

    ``may_pass``: that was the Engine, which may do better in a moment.
    """

    acted: bool = False
    failed: bool = False
    may_pass: bool = False
    ready_at: datetime | None = None
    gave_up: str = ""
    fresh_failure: bool = False
    sandbox_id: str = ""

    def held_until(self, instant: datetime) -> None:
        """Something may not be done before an instant."""
        self.ready_at = instant if self.ready_at is None else min(self.ready_at, instant)

    def done(self, sandbox_id: str = "") -> None:
        """Something was done; perhaps there is another sandbox now."""
        self.acted = True
        self.sandbox_id = sandbox_id or self.sandbox_id

    def no_sandbox(self, *, may_pass: bool) -> None:
        """There is none. Whatever was killed before: nothing has changed that would make the next attempt go better at once."""
        self.failed, self.acted, self.may_pass = True, False, may_pass

    def not_started(self, result: StartResult, *, is_news: bool) -> Aftermath:
        """A container has not been started; ``is_news``: for another reason than before."""
        assert result.failure is not None
        self.fresh_failure |= is_news
        if result.ready_at is not None:
            self.held_until(result.ready_at)
        else:
            self.failed = True
            self.may_pass |= result.may_pass
        match result.failure.reason:
            case WaitingReason.POST_START_HOOK_ERROR:
                self.acted = True
                return Aftermath.KILL
            case WaitingReason.RUN_CONTAINER_ERROR:
                return Aftermath.LOOK
            case _:
                return Aftermath.NOTHING

    def tried(self, *, is_ended: bool) -> None:
        """What the runtime could not start has ended, and back-off looks at that; what the Engine did not even try has not."""
        self.acted = is_ended
        self.may_pass |= not is_ended

    def give_up(self, name: str) -> None:
        """A container has been restarted too often."""
        self.gave_up = name

    def next_at(self, now: datetime, *, failures: int, has_failed_pulls: bool) -> datetime | None:
        """When the next sync is due, unless something happens before; None: then alone.

        ``failures``: syncs in a row in which the Engine failed, this one included.
        """
        if not self.failed:
            return self.ready_at
        seconds = PULL_RELOOK_SECONDS if self.fresh_failure and has_failed_pulls else REQUEUE_SECONDS
        if self.may_pass:
            seconds = min(seconds, REQUEUE(failures))
        again = later(now, seconds)
        return again if self.ready_at is None else min(self.ready_at, again)
