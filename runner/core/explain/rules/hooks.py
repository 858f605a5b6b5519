"""Hooks that fail."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.core.diagnosis import exit_meaning
from runner.core.explain.case import Case
from runner.core.explain.finding import Cause, Certainty, Finding
from runner.core.explain.words import one_line

_EXITED = re.compile(r"exited with (\d+)")


def post_start(case: Case) -> Iterator[Finding]:
    """A postStart hook that fails has its container killed (pkg/kubelet/kuberuntime/kuberuntime_container.go)."""
    for subject in case.unwell:
        event = case.told_of(subject, "FailedPostStartHook")
        waits = subject.waiting_reason == "PostStartHookError"
        if event is None and not waits:
            continue
        message = subject.waiting_message if waits else str((event or {}).get("message"))
        quote = (
            subject.quote_status(reason=subject.waiting_reason, message=message)
            if event is None
            else case.quote_event(event)
        )
        match = _EXITED.search(message)
        meaning = exit_meaning(int(match[1]), "") if match else ""
        how = (
            f" with exit code {match[1]}{f' ({meaning})' if meaning else ''}"
            if match
            else f": {one_line(message, 100)}"
        )
        sentence = f"the postStart hook of {subject.title} failed{how}, so the container was killed"
        then = f"run the command of {subject.field}.lifecycle.postStart by hand in the container; let it end with 0"
        yield subject.finding(Cause.HOOK_FAILED, Certainty.CERTAIN, sentence, then, quote)
