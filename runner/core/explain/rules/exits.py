"""Ends and waits of which nothing better is known: what the exit code means, and the last words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.core.diagnosis import CRASHES, exit_meaning, signal_of
from runner.core.explain.case import Case, Line, Subject
from runner.core.explain.finding import Cause, Certainty, Finding
from runner.core.explain.words import one_line
from runner.core.troubles import ENDLESS

_ERRORS = re.compile(
    r"error|fatal|panic|exception|fail|cannot|can't|could not|unable|"
    r"denied|refused|missing|required|invalid|undefined|not set|no such|unknown",
    re.IGNORECASE,
)
_FRAMES = re.compile(r"^\s+(at |File |\.\.\. |from )|^goroutine |^\s*$|^note: ")
_USAGE = 2


def ends(case: Case) -> Iterator[Finding]:
    """A container that failed."""
    for subject in case.unwell:
        if subject.exit_code is None:
            continue
        yield _judged(subject, subject.exit_code, last_words(subject))


def last_words(subject: Subject) -> Line | None:
    """The line that tells most: the last one that speaks of an error, else the last one."""
    plain = [line for line in subject.lines if not _FRAMES.search(line.text)]
    return next((line for line in reversed(plain) if _ERRORS.search(line.text)), plain[-1] if plain else None)


def _judged(subject: Subject, code: int, said: Line | None) -> Finding:
    quotes = [subject.quote_end(), *([said.quote()] if said is not None else [])]
    words = f'; its last words: "{one_line(said.text, 110)}"' if said is not None else ""
    certainty = Certainty.POSSIBLE if said is None else Certainty.LIKELY
    signal, name = signal_of(code), subject.title
    look = _look(subject)
    if signal in CRASHES:
        sentence = f"{name} crashed: {exit_meaning(code, '')} (exit code {code}){words}"
        then = "look for a fault in the program or a library of the wrong kind (glibc and musl, another CPU); " + look
        return subject.finding(Cause.CRASHED, certainty, sentence, then, *quotes)
    if signal == "SIGKILL":
        sentence = f"{name} was killed by SIGKILL (exit code {code}), for memory as far as is known not{words}"
        then = "see who kills it: a stop that took longer than the grace period, a probe, the node; " + look
        return subject.finding(Cause.KILLED, Certainty.POSSIBLE, sentence, then, *quotes)
    if signal:
        sentence = f"{name} was ended by {signal} (exit code {code}): something asked it to stop{words}"
        then = "see who stops it: a probe, a deletion, the program itself; " + look
        return subject.finding(Cause.TERMINATED, Certainty.POSSIBLE, sentence, then, *quotes)
    if code == _USAGE:
        sentence = f"{name} failed with exit code 2: often wrong arguments or an error in a shell script{words}"
        return subject.finding(
            Cause.USAGE_ERROR, certainty, sentence, f"check {subject.field}.command and args; {look}", *quotes
        )
    sentence = f"the program of {name} failed by itself (exit code {code}){words}"
    return subject.finding(Cause.PROGRAM_ERROR, certainty, sentence, look, *quotes)


def _look(subject: Subject) -> str:
    """The command that shows the log of that attempt."""
    evidence = subject.case.evidence
    place = "" if evidence.namespace == "default" else f" -n {evidence.namespace}"
    if evidence.folder:
        return f"see {evidence.folder}/logs/{subject.name}/{subject.attempt}.log"
    if evidence.is_here:
        return f"`podrunner logs {evidence.name} -c {subject.name} --attempt {subject.attempt}{place}`"
    previous = "" if subject.status.get("state", {}).get("terminated") else " --previous"
    return f"`kubectl logs {evidence.name} -c {subject.name}{previous}{place}`"


def waits(case: Case) -> Iterator[Finding]:
    """A container that cannot be started, for a reason that has no rule."""
    for subject in case.unwell:
        if subject.waiting_reason in ENDLESS and subject.waiting_message:
            sentence = f"{subject.title} cannot be started: {one_line(subject.waiting_message, 160)}"
            quote = subject.quote_status(reason=subject.waiting_reason, message=subject.waiting_message)
            yield subject.finding(Cause.CANNOT_START, Certainty.LIKELY, sentence, "mend what the message names", quote)
