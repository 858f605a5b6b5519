"""What pictures say of a lane, in few words and in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runner.core.history.attempt import Attempt, Doing, Stretch
from runner.core.history.lanes import Cause, Lane, Outcome, PodLanes, Role
from runner.core.text.times import format_duration, format_micro_time

Key = tuple[str, int]
FIRST_SHOWN = 12
LAST_SHOWN = 3
"""Of more attempts of a container than both together, the ones between are only counted."""
_PLAIN_REASONS = ("Completed", "Error", "")


def duration(seconds: float) -> str:
    """A duration to a tenth of a second; one below a second to a millisecond."""
    return format_duration(round(seconds, 1 if seconds >= 1 else 3))


def shortened(text: str, longest: int) -> str:
    """A text that has no more than so many characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def summary(attempt: Attempt) -> str:
    """How an attempt went, in a few words."""
    ran = "" if attempt.ran is None else f"ran {duration(attempt.ran)}"
    if attempt.is_running:
        return f"{ran}, still runs"
    if attempt.exit_code is None:
        return attempt.reason or "waiting"
    end = f"exit {attempt.exit_code}"
    if attempt.reason not in _PLAIN_REASONS:
        end += f" {attempt.reason}"
    return f"{ran}, {end}" if ran else end


def hidden(count: int) -> int:
    """How many of so many attempts are left out; one is never worth leaving out."""
    left_out = count - FIRST_SHOWN - LAST_SHOWN
    return left_out if left_out > 1 else 0


def title(pod: PodLanes) -> str:
    """The pod, how many attempts of how many containers there were, and how long it took."""
    containers, count = len({lane.attempt.container for lane in pod.lanes}), len(pod.lanes)
    words = f"{count} attempt{'' if count == 1 else 's'} of {containers} container{'' if containers == 1 else 's'}"
    return f"{pod.namespace}/{pod.label}: {words}, {duration(pod.seconds)}"


def cause_text(cause: Cause) -> str:
    """What an attempt followed on."""
    ends = {Outcome.DONE: "is done", Outcome.FAILED: "failed", Outcome.RUNNING: "has started"}
    return f"{cause.container} #{cause.number} {ends.get(cause.outcome, 'ended')}"


def differences(pod: PodLanes, other: PodLanes) -> Mapping[Key, str]:
    """How each attempt differs from the same one of another pod, in a few words; those that do not are left out."""
    known = {(lane.attempt.container, lane.attempt.number): lane.attempt for lane in other.lanes}
    found: dict[Key, str] = {}
    for lane in pod.lanes:
        key = (lane.attempt.container, lane.attempt.number)
        text = _difference(lane.attempt, known.get(key))
        if text:
            found[key] = text
    return found


def _difference(one: Attempt, other: Attempt | None) -> str:
    if other is None:
        return "only here"
    if one.exit_code != other.exit_code:
        return "did not end there" if other.exit_code is None else f"exit {other.exit_code} there"
    gap = (one.ran or 0.0) - (other.ran or 0.0)
    return "" if abs(gap) < max(0.1 * (other.ran or 0.0), 0.1) else f"{'+' if gap > 0 else '-'}{duration(abs(gap))}"


def details(lane: Lane, pod: PodLanes) -> Iterator[tuple[str, str]]:
    """All that is known of a lane, as pairs of a word and a text."""
    attempt = lane.attempt
    role = {Role.INIT: "init container", Role.SIDECAR: "sidecar", Role.APP: "container"}[lane.role]
    yield role, f"{attempt.container}, attempt {attempt.number}"
    if lane.cause is not None:
        yield "began after", cause_text(lane.cause)
    for part in attempt.stretches:
        yield str(part.doing), f"{_stretch_text(part)} ({duration(part.begin)} to {duration(part.end)})"
    if attempt.exit_code is not None:
        signal = f", signal {attempt.signal}" if attempt.signal else ""
        yield "ended", f"exit {attempt.exit_code}{signal}{f' {attempt.reason}' if attempt.reason else ''}"
    if attempt.message:
        yield "message", attempt.message
    for mark in attempt.marks:
        yield f"at {duration(mark.at)}", f"{mark.kind}{f': {mark.text}' if mark.text else ''}"
    if attempt.image:
        yield "image", attempt.image
    if attempt.started is not None:
        yield "started at", format_micro_time(pod.instant(attempt.started))


def _stretch_text(part: Stretch) -> str:
    reason = part.reason if part.doing in (Doing.WAITING, Doing.BACK_OFF) else ""
    awaited = f" for {part.awaited}" if part.awaited else ""
    return f"{duration(part.seconds)}{f' {reason}' if reason else ''}{awaited}"
