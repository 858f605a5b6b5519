"""Failures that were meant: a fault was injected, and the container shows what that fault gives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from runner.core.explain.case import Case, Subject
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.faults.images import names_image
from runner.core.faults.kinds import Aim
from runner.core.faults.model import Fault
from runner.core.model import Json
from runner.core.reasons import EventReason, TerminatedReason, WaitingReason
from runner.errors import UsageError

_TEXT: Final = re.compile(r"^Injected fault (\S+)$")
_SIGNALS: Final = {"HUP": 1, "INT": 2, "QUIT": 3, "ABRT": 6, "KILL": 9, "USR1": 10, "SEGV": 11, "USR2": 12, "TERM": 15}
_PULLS: Final = (WaitingReason.ERR_IMAGE_PULL, WaitingReason.IMAGE_PULL_BACK_OFF)
_SAYS: Final = {
    (Aim.VOLUME, "readonly"): re.compile(r"read-only file system", re.IGNORECASE),
    (Aim.VOLUME, "full"): re.compile(r"no space left on device|ENOSPC|disk (is )?full", re.IGNORECASE),
    (Aim.VOLUME, "owner"): re.compile(r"permission denied|EACCES|not permitted", re.IGNORECASE),
    (Aim.NET, "cut"): re.compile(
        r"timed? ?out|unreachable|no route to host|bad address|name resolution", re.IGNORECASE
    ),
}
"""What processes write that have met one of these."""
_NAME_FAILS: Final = re.compile(
    r"bad address|name resolution|name or service not known|no such host|NXDOMAIN|SERVFAIL|ENOTFOUND|EAI_AGAIN|"
    r"could not (translate|resolve)|unknown host|not resolve",
    re.IGNORECASE,
)


def injected(case: Case) -> Iterator[Finding]:
    """A container that shows what a fault gives that was injected into it."""
    told = [(fault, quote) for event in case.events for fault, quote in _fault_of(case, event)]
    for subject in case.unwell if told else ():
        for fault, quote in reversed(told):
            certainty = _shows(case, subject, fault)
            if certainty is not None:
                sentence = f"{subject.title} fails as it was meant to: the fault {fault} was injected"
                then = "run it without this fault to see what it does by itself"
                yield subject.finding(Cause.FAULT_INJECTED, certainty, sentence, then, quote, *_status(subject))
                break


def _fault_of(case: Case, event: Json) -> Iterator[tuple[Fault, Quote]]:
    found = _TEXT.match(str(event.get("message") or ""))
    if event.get("reason") != EventReason.FAULT_INJECTED or found is None:
        return
    try:
        yield Fault.parse(found[1]), case.quote_event(event)
    except UsageError:  # Of another version: it is none of ours.
        return


def _status(subject: Subject) -> list[Quote]:
    if subject.ended is not None:
        return [subject.quote_end()]
    return [subject.quote_status(reason=subject.waiting_reason)] if subject.waiting_reason else []


def _shows(case: Case, subject: Subject, fault: Fault) -> Certainty | None:
    """How sure it is that a container shows this fault; None: it does not."""
    match fault.aim:
        case Aim.CONTAINER:
            is_own = fault.name == subject.name and (subject.attempt is None or fault.counts(subject.attempt))
            return Certainty.CERTAIN if is_own and _ends_so(subject, fault) else None
        case Aim.IMAGE:
            is_pulled = subject.waiting_reason in _PULLS and names_image(fault.name, str(subject.spec.get("image")))
            return Certainty.CERTAIN if is_pulled and fault.kind != "delay" else None
        case Aim.CONFIG | Aim.SECRET:
            name = fault.name.partition(".")[0]
            is_missed = subject.waiting_reason == WaitingReason.CREATE_CONTAINER_CONFIG_ERROR
            return Certainty.CERTAIN if is_missed and name in subject.waiting_message else None
        case Aim.PROBE:
            is_asked = fault.name.rpartition(".")[0] == subject.name and case.told_of(subject, EventReason.UNHEALTHY)
            return Certainty.LIKELY if is_asked and not subject.status.get("ready") else None
        case Aim.VOLUME if all(mount.volume != fault.name for mount in subject.mounts):
            return None
        case Aim.DNS:
            return Certainty.LIKELY if any(subject.says(_NAME_FAILS)) and subject.ended is not None else None
        case _:
            pattern = _SAYS.get((fault.aim, fault.kind))
            is_said = pattern is not None and subject.ended is not None and any(subject.says(pattern))
            return Certainty.LIKELY if is_said else None


def _ends_so(subject: Subject, fault: Fault) -> bool:
    """Whether it has ended in the way that a fault of its own makes it end."""
    match fault.kind:
        case "exit":
            return subject.exit_code == fault.argument and bool(fault.argument)
        case "oom":
            return subject.end_reason == TerminatedReason.OOM_KILLED
        case "signal":
            return subject.exit_code == 128 + _SIGNALS.get(str(fault.argument), 1000)
        case "start-error":
            return subject.start_error is not None
        case _:
            return fault.kind == "hang" and subject.running is not None and subject.ended is None
