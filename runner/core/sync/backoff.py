"""Crash and image pull back-off: how long to wait before the next attempt.

Mirrors k8s.io/client-go/util/flowcontrol/backoff.go as kuberuntime_manager.go (doBackOff) and images/image_manager.go use
it. An entry is the memory of one container or image; entries are values, the caller keeps them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache

from msgspec import Struct

from runner.core.model import Container, Pod
from runner.core.reasons import EventReason, Note, warning
from runner.core.text.times import format_duration, span

Schedule = Callable[[int], float]
"""Nominal seconds to wait before the n-th consecutive restart, n = 1, 2, …"""

INITIAL_SECONDS = 10.0
CAP_SECONDS = 300.0
RESET_SECONDS = 600.0


@lru_cache(maxsize=64)
def kubelet_schedule(initial: float = INITIAL_SECONDS, cap: float = CAP_SECONDS) -> Schedule:
    """The kubelet's schedule: the first restart at once, then ``initial``, doubling up to ``cap`` (seconds).

    A cap below the initial value lowers the initial value to it.
    """
    pull = pull_schedule(initial, cap)

    def delay_of(n: int) -> float:
        return pull(n - 1) if n > 1 else 0.0

    return delay_of


@lru_cache(maxsize=64)
def pull_schedule(initial: float = INITIAL_SECONDS, cap: float = CAP_SECONDS) -> Schedule:
    """Seconds to wait after the n-th consecutive failed pull: ``initial``, doubling up to ``cap``."""

    def delay_of(n: int) -> float:
        delay = min(initial, cap)
        for _ in range(n - 1):
            if delay >= cap or delay <= 0:
                break
            delay = min(delay * 2, cap)
        return delay

    return delay_of


class BackoffSettings(Struct, frozen=True, kw_only=True):
    """Back-off times in seconds. ``speed`` shortens the real waits, the shown delays stay nominal."""

    initial: float = INITIAL_SECONDS
    cap: float = CAP_SECONDS
    reset: float = RESET_SECONDS
    speed: float = 1.0

    def __post_init__(self) -> None:
        if min(self.initial, self.cap, self.reset) < 0 or self.speed <= 0:
            raise ValueError("back-off times must not be negative, and the speed must be positive")

    @property
    def restart_schedule(self) -> Schedule:
        return kubelet_schedule(self.initial, self.cap)

    @property
    def pull_schedule(self) -> Schedule:
        return pull_schedule(self.initial, self.cap)


@lru_cache(maxsize=64)
def lenient_schedule(free: int, initial: float = INITIAL_SECONDS, cap: float = CAP_SECONDS) -> Schedule:
    """Seconds to wait after the n-th time in a row that something was made anew: none ``free`` times, then as after pulls.

    For what a kubelet makes anew as often as it takes, without a wait: that is ours, and leaves single mishaps as they are.
    """
    pull = pull_schedule(initial, cap)

    def delay_of(n: int) -> float:
        return pull(n - free + 1) if n >= free else 0.0

    return delay_of


class BackoffEntry(Struct, frozen=True, kw_only=True):
    """``count`` consecutive restarts (or failed pulls), the last of them at ``updated_at``; ``error`` is what a pull met."""

    count: int
    updated_at: datetime
    error: str = ""


class Blocked(Struct, frozen=True, kw_only=True):
    """An attempt must wait until ``ready_at``; ``delay`` is the nominal back-off in seconds, as shown to users."""

    ready_at: datetime
    delay: float


def backoff_key(pod: Pod, container: Container) -> tuple[str, ...]:
    """What a crash entry belongs to: another image or other resources start afresh (kuberuntime/helpers.go)."""
    resources = container.manifest.get("resources")
    return (pod.uid, pod.namespace, pod.name, container.name, container.image, _frozen(resources) if resources else "")


def pull_key(pod: Pod, image: str) -> tuple[str, ...]:
    """What a pull entry belongs to."""
    return (pod.uid, image)


def sandbox_key(pod: Pod) -> tuple[str, ...]:
    """What the entry of sandboxes that were made anew belongs to."""
    return (pod.uid, "a new sandbox")


def everything_key(pod: Pod) -> tuple[str, ...]:
    """What the entry of all containers starting again by the manifest's own rule belongs to."""
    return (pod.uid, "all containers again")


def _frozen(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_frozen(value[key])}" for key in sorted(value)) + "}"
    return str(value)


def check_restart(
    entry: BackoffEntry | None,
    finished_at: datetime | None,
    now: datetime,
    settings: BackoffSettings,
    schedule: Schedule | None = None,
) -> Blocked | None:
    """Whether the restart of a container must wait, and until when.

    ``finished_at`` is the end of its newest ended instance, None when there is none. ``schedule`` replaces the doubling.
    """
    if finished_at is None:
        return None
    count = entry.count if entry is not None and not _expired(entry, finished_at, settings) else 0
    delay = (schedule or settings.restart_schedule)(count + 1)
    return _blocked(finished_at, delay, now, settings)


def advance_restart(
    entry: BackoffEntry | None, finished_at: datetime, now: datetime, settings: BackoffSettings
) -> BackoffEntry:
    """The entry after a restart at ``now`` of a container that had ended at ``finished_at``."""
    count = entry.count if entry is not None and not _expired(entry, finished_at, settings) else 0
    return BackoffEntry(count=count + 1, updated_at=now)


def check_pull(
    entry: BackoffEntry | None, now: datetime, settings: BackoffSettings, schedule: Schedule | None = None
) -> Blocked | None:
    """Whether the next pull must wait, and until when: counted from the last failure.

    A failure that lies in the future was noted before the clock was set back; how long ago it was is not known.
    """
    if entry is None or entry.updated_at > now or _expired(entry, now, settings):
        return None
    return _blocked(entry.updated_at, (schedule or settings.pull_schedule)(entry.count), now, settings)


def advance_pull(entry: BackoffEntry | None, error: str, now: datetime, settings: BackoffSettings) -> BackoffEntry:
    """The entry after a pull failed at ``now``; ``error`` is shown while the next one waits."""
    count = entry.count if entry is not None and not _expired(entry, now, settings) else 0
    return BackoffEntry(count=count + 1, updated_at=now, error=error)


def _expired(entry: BackoffEntry, moment: datetime, settings: BackoffSettings) -> bool:
    return moment - entry.updated_at > _time(settings.reset)


@lru_cache(maxsize=1024)
def _time(seconds: float) -> timedelta:
    return span(seconds)


def _blocked(since: datetime, delay: float, now: datetime, settings: BackoffSettings) -> Blocked | None:
    ready_at = since + _time(delay / settings.speed)
    return Blocked(ready_at=ready_at, delay=delay) if now < ready_at else None


@lru_cache(maxsize=1024)
def crash_loop_message(pod: str, container: str, delay: float) -> str:
    """Waiting message of a container in ``CrashLoopBackOff``; the pod's full name, ``delay`` in seconds."""
    return f"back-off {format_duration(delay)} restarting failed container={container} pod={pod}"


@lru_cache(maxsize=1024)
def crash_loop_event(pod: str, container: str) -> Note:
    """The event of a blocked restart; the pod's full name."""
    return warning(EventReason.BACK_OFF, f"Back-off restarting failed container {container} in pod {pod}")
