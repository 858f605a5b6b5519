"""What a pod that has breakpoints is taken for: an end that nobody has decided upon yet, or that counts as another one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from runner.core.faults.breakpoints import Resume
from runner.core.observed import ContainerRecord, Observed, RuntimeState

Key = tuple[str, int]
"""A container's name and the number of an attempt."""


class Verdict(Struct, frozen=True):
    """How an attempt counts, and when that was said."""

    how: Resume
    at: datetime


def as_it_counts(observed: Observed, held: Collection[Key], verdicts: Mapping[Key, Verdict]) -> Observed:
    """What was seen, as the pod is taken for it.

    The end of an attempt in ``held`` is not known yet: it runs. One in ``verdicts`` counts as that says; what is to be made
    again runs until the next attempt is there.
    """
    if not held and not verdicts:
        return observed
    records = list[ContainerRecord]()
    for one in observed.containers:
        key = (one.name, one.attempt)
        verdict = verdicts.get(key)
        is_again = verdict is not None and verdict.how is Resume.RETRY
        if one.state is RuntimeState.EXITED and (key in held or (is_again and not _has_later(observed, one))):
            records.append(
                replace(one, state=RuntimeState.RUNNING, finished_at=None, exit_code=0, reason="", message="")
            )
        elif verdict is None or is_again or one.state not in (RuntimeState.EXITED, RuntimeState.CREATED):
            records.append(one)
        else:
            records.append(_counted(one, verdict))
    return replace(observed, containers=tuple(records))


def as_decided_upon(observed: Observed, ended: Collection[Key], verdicts: Mapping[Key, Verdict]) -> Observed:
    """The same for a decision: of ``ended`` attempts one that is to be made again is not there, so that nothing holds it back."""
    again = {key for key, verdict in verdicts.items() if verdict.how is Resume.RETRY and key in ended}
    if not again:
        return observed
    kept = [one for one in observed.containers if (one.name, one.attempt) not in again or _has_later(observed, one)]
    return replace(observed, containers=tuple(kept))


def _has_later(observed: Observed, one: ContainerRecord) -> bool:
    return any(other.name == one.name and other.attempt > one.attempt for other in observed.containers)


def _counted(one: ContainerRecord, verdict: Verdict) -> ContainerRecord:
    """An attempt that has ended, or was never started, as if it had ended well or badly."""
    one = replace(
        one,
        state=RuntimeState.EXITED,
        started_at=one.started_at or verdict.at,
        finished_at=one.finished_at or verdict.at,
    )
    if verdict.how is Resume.SKIP:
        return replace(one, exit_code=0, reason="Completed")
    if verdict.how is Resume.FAIL and one.exit_code == 0:
        return replace(one, exit_code=1, reason="Error")
    return one
