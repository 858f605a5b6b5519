"""What is remembered of one pod's restarts: the back-offs of crashes, which a restart of the kubelet forgets, and attempts.

Mirrors the crash back-off of pkg/kubelet/kuberuntime (doBackOff); the numbers of attempts stand in the ledger too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from runner.core.model import PodUID
from runner.core.sync.backoff import BackoffEntry, BackoffSettings
from runner.core.sync.decide import Memory
from runner.kubelet.options import WorkerOptions
from runner.registry.ledger import Ledger


class Restarts:
    """The restarts of one pod. ``memory`` is what decisions look at: it goes along with what is remembered here."""

    def __init__(self, uid: PodUID, ledger: Ledger, options: WorkerOptions) -> None:
        retry = options.retry
        self._uid = uid
        self._ledger = ledger
        self._crashes: dict[tuple[str, ...], BackoffEntry] = {}
        self._attempts = dict(ledger.attempts(uid))
        self._pauses: list[tuple[datetime, timedelta]] = []
        """When the pod stood still, and for how long."""
        self._hurried_at: datetime | None = None
        self.settings = BackoffSettings(initial=retry.initial, cap=retry.cap, speed=options.speed)
        self.memory = Memory(
            crashes=self._crashes,
            attempts=self._attempts,
            settings=self.settings,
            schedule=retry.delay,
            max_restarts=options.max_restarts,
            gives_up=retry.gives_up if retry.may_give_up else None,
            stood_since=self._stood_since,
            hurried_at=lambda: self._hurried_at,
        )

    @property
    def attempts(self) -> Mapping[str, int]:
        """The highest attempt of each container so far, and of the sandbox (``POD``)."""
        return self._attempts

    def remember(self, key: tuple[str, ...], entry: BackoffEntry) -> None:
        """A crash counts in its back-off from now on."""
        self._crashes[key] = entry

    def hurry(self, now: datetime) -> None:
        """What has failed so far is tried again without a wait; it counts as it would have."""
        self._hurried_at = now

    def stood(self, since: datetime, by: timedelta) -> None:
        """The pod stood still from an instant on for so long: no back-off counts that."""
        self._pauses.append((since, by))
        for key, entry in self._crashes.items():
            self._crashes[key] = replace(entry, updated_at=entry.updated_at + by)

    def _stood_since(self, instant: datetime) -> timedelta:
        total = timedelta()
        for since, by in self._pauses:
            total += max(min(by, since + by - instant), timedelta())
        return total

    def begin(self, name: str, attempt: int) -> None:
        """An attempt is being made; it counts for good as soon as it is noted."""
        self._attempts[name] = attempt

    def note_attempt(self, name: str, attempt: int) -> None:
        """Remember an attempt for good: what there was of it may be removed, its number is never given again."""
        self._attempts[name] = max(attempt, self._attempts.get(name, attempt))
        self._ledger.note_attempt(self._uid, name, attempt)
