"""What the live region at the bottom of a terminal shows: a line for each container that is on its way.

Fed with narration, asked for lines; it draws nothing and reads no clock. Seconds are counted from the status' own times.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from runner.core.model import EMPTY, Json
from runner.core.narration import AttemptStarted, Gone, Narration, PodRef, RetryScheduled, StatusChanged
from runner.core.text.times import human_duration, parse_time

MOST_LINES = 8
"""More than this is told as a number."""


class _Shown(Struct):
    """What is known of one pod."""

    ref: PodRef
    pod: Json
    since: dict[tuple[str, str], datetime]
    """When a container was first seen in a state, for states that have no time of their own."""
    retries: dict[str, datetime]
    """When the next attempt of a container is due."""

    @classmethod
    def of(cls, told: StatusChanged, before: _Shown | None) -> _Shown:
        """A pod as its status tells; a state that goes on began when it was seen first."""
        known = before.since if before else {}
        keys = [(str(status["name"]), _word(status)) for _, status in _statuses(told.pod)]
        since = {key: known.get(key, told.at) for key in keys}
        return cls(told.ref, told.pod, since, before.retries if before else {})

    def wait(self, container: str, until: datetime) -> None:
        """The next attempt of a container is due then."""
        self.retries[container] = until

    def start(self, container: str) -> None:
        """An attempt of a container has begun."""
        self.retries.pop(container, None)


class Region:
    """The containers of all pods of a run, and what each is doing."""

    def __init__(self) -> None:
        self._pods: dict[str, _Shown] = {}

    def take(self, narration: Narration) -> None:
        """Follow what has happened."""
        match narration:
            case StatusChanged():
                self._status(narration)
            case RetryScheduled() if narration.next_attempt_at is not None:
                if shown := self._pods.get(narration.ref.uid):
                    shown.wait(narration.container, narration.next_attempt_at)
            case AttemptStarted():
                if shown := self._pods.get(narration.ref.uid):
                    shown.start(narration.container)
            case Gone():
                self._pods.pop(narration.ref.uid, None)
            case _:
                return

    def _status(self, narration: StatusChanged) -> None:
        self._pods[narration.ref.uid] = _Shown.of(narration, self._pods.get(narration.ref.uid))

    def lines(self, now: datetime, width: int) -> list[str]:
        """Return the lines for this moment, none wider than ``width`` columns; none when there is nothing to wait for."""
        pods = list(self._pods.values())
        rows = [
            (_label(shown, status, with_pod=len(pods) > 1), text)
            for shown in pods
            for is_init, status in _statuses(shown.pod)
            if (text := _text(shown, status, is_init=is_init, now=now))
        ]
        if len(rows) > MOST_LINES:
            more = len(rows) - MOST_LINES + 1
            rows = [*rows[: MOST_LINES - 1], ("", f"and {more} more")]
        column = max((len(label) for label, _ in rows), default=0)
        return [_cut(f"  {label:<{column}}  {text}", width) for label, text in rows]


def _statuses(pod: Json) -> Iterator[tuple[bool, Json]]:
    status = pod.get("status") or EMPTY
    for key, is_init in (("initContainerStatuses", True), ("containerStatuses", False)):
        for one in status.get(key) or ():
            yield is_init, one


def _label(shown: _Shown, status: Json, *, with_pod: bool) -> str:
    return f"{shown.ref.name}/{status['name']}" if with_pod else str(status["name"])


def _word(status: Json) -> str:
    """The state a container is in, as one word."""
    state = status.get("state") or EMPTY
    return next(iter(state), "waiting")


def _text(shown: _Shown, status: Json, *, is_init: bool, now: datetime) -> str:
    """What a container is doing, "" when there is nothing to watch: it has done its work, or runs and is ready."""
    name, word = str(status["name"]), _word(status)
    state = (status.get("state") or EMPTY).get(word) or EMPTY
    since = parse_time(state.get("startedAt")) or shown.since[name, word]
    attempt = f" (attempt {restarts})" if (restarts := status.get("restartCount") or 0) else ""
    stopping = _stopping(shown.pod, now)
    if word == "running":
        if stopping:
            return f"stopping {stopping}"
        if is_init or not status.get("ready"):
            return f"running {_age(now - since)}{'' if is_init else ', not ready'}{attempt}"
        return ""
    due = shown.retries.get(name)
    if due is not None and due > now and not stopping:
        return f"{_reason(status)}, next attempt in {_age(due - now + timedelta(seconds=0.999))}"
    if word == "waiting" and state.get("reason") not in (None, "PodInitializing") and not stopping:
        return f"{state['reason']} {_age(now - since)}{attempt}"
    return ""


def _reason(status: Json) -> str:
    """How the attempt ended that is waited after."""
    for state in (status.get("state") or EMPTY, status.get("lastState") or EMPTY):
        if ended := state.get("terminated"):
            return f"exit code {ended.get('exitCode', 0)}"
    return str(((status.get("state") or EMPTY).get("waiting") or EMPTY).get("reason") or "failed")


def _stopping(pod: Json, now: datetime) -> str:
    """How long a pod has been ending, of the time that it has; "" when it is not being deleted."""
    metadata = pod.get("metadata") or EMPTY
    deadline = parse_time(metadata.get("deletionTimestamp"))
    if deadline is None:
        return ""
    grace = int(metadata.get("deletionGracePeriodSeconds") or 0)
    gone = now - (deadline - timedelta(seconds=grace))
    return f"{_age(gone)} of {human_duration(timedelta(seconds=grace))}"


def _age(age: timedelta) -> str:
    return human_duration(max(age, timedelta(0)))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 1)] + "…"
