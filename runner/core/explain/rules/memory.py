"""Out of memory."""

from __future__ import annotations

from collections.abc import Iterator

from runner.core.diagnosis import exit_meaning
from runner.core.explain.case import Case, Subject
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.model import EMPTY
from runner.core.reasons import TerminatedReason


def oom(case: Case) -> Iterator[Finding]:
    """The kernel killed a process of the container; the limit is the container's, the pod's or the node's."""
    for subject in case.unwell:
        error = subject.start_error
        at_start = error is not None and "OOM-kill" in error.text
        if subject.end_reason == TerminatedReason.OOM_KILLED or at_start:
            yield _found(case, subject, error.quote() if at_start and error is not None else subject.quote_end())


def _found(case: Case, subject: Subject, quote: Quote) -> Finding:
    for place, spec in ((subject.field, subject.spec), ("spec", case.spec)):
        limit = ((spec.get("resources") or EMPTY).get("limits") or EMPTY).get("memory")
        if limit:
            where = f"{place}.resources.limits.memory"
            sentence = f"{subject.title} {exit_meaning(137, TerminatedReason.OOM_KILLED, str(limit))} and was killed"
            then = f"raise {where}, or have the program use less"
            return subject.finding(Cause.OOM_KILLED, Certainty.CERTAIN, sentence, then, quote, Quote(where, str(limit)))
    sentence = f"{subject.title} was killed for memory without a limit of its own: its node ran out"
    then = "set resources.requests.memory to what it needs, and see what else uses the node's memory"
    return subject.finding(Cause.OOM_KILLED, Certainty.CERTAIN, sentence, then, quote)
