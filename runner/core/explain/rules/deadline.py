"""The pod's deadline."""

from __future__ import annotations

from collections.abc import Iterator

from runner.core.explain.case import Case
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.explain.words import one_line


def exceeded(case: Case) -> Iterator[Finding]:
    """activeDeadlineSeconds has run out (pkg/kubelet/active_deadline.go)."""
    if case.status.get("reason") != "DeadlineExceeded":
        return
    seconds = case.spec.get("activeDeadlineSeconds")
    inits = [one for one in case.containers if one.is_init and not (one.is_done or one.is_sidecar)]
    during = f", while {inits[0].title} had not ended" if inits else ""
    limit = f" of {seconds} s" if seconds is not None else ""
    quotes = [Quote("status.reason", f"DeadlineExceeded: {one_line(case.status.get('message') or '')}".rstrip(": "))]
    if seconds is not None:
        quotes.append(Quote("spec.activeDeadlineSeconds", str(seconds)))
    sentence = f"the pod took longer than its deadline{limit}{during}"
    then = "raise spec.activeDeadlineSeconds, or see in the log what took so long"
    yield Finding(
        cause=Cause.DEADLINE, certainty=Certainty.CERTAIN, sentence=sentence, next=then, evidence=tuple(quotes)
    )
