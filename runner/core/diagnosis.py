"""Why a pod is not where it should be: the container to look at, its attempt, how that ended, and what this means.

Reads a v1.Pod alone, so that a run, the library and a look at a kept pod say the same. The order in which containers are
looked at is the order in which a kubelet starts them: what comes first holds up the rest.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from runner.core.admission import why_unscheduled
from runner.core.model import EMPTY, Json
from runner.core.reasons import TerminatedReason, WaitingReason

SIGNALS = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL",
    11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
}  # fmt: skip
"""Linux' numbers of the signals that end programs."""
_SIGNAL_BASE = 128
CRASHES = frozenset({"SIGQUIT", "SIGILL", "SIGABRT", "SIGBUS", "SIGFPE", "SIGSEGV"})
"""Signals that a program brings upon itself."""

_MEANINGS = {
    126: "the command was found, but cannot be executed",
    127: "a command was not found",
    137: "killed by SIGKILL",
    139: "crashed with SIGSEGV: it used memory that it may not use",
}
_HARMLESS_WAITS = frozenset({WaitingReason.CONTAINER_CREATING, WaitingReason.POD_INITIALIZING, ""})
_NO_REASON = frozenset({"", TerminatedReason.ERROR, TerminatedReason.COMPLETED})


class Diagnosis(Struct, frozen=True, kw_only=True):
    """What holds a pod up. ``container`` is "" for the pod itself; ``attempt`` counts from 0, None where nothing ran."""

    container: str = ""
    is_init: bool = False
    attempt: int | None = None
    text: str = ""
    """How it ended or what it waits for, with the meaning, on one line."""

    @property
    def sentence(self) -> str:
        """The whole on one line: ``init container migrate, attempt 2: exit code 1``."""
        if not self.container:
            return self.text
        which = f"{'init container' if self.is_init else 'container'} {self.container}"
        return f"{which}{'' if self.attempt is None else f', attempt {self.attempt}'}: {self.text}"


def diagnose(pod: Json, prefer: str = "") -> Diagnosis | None:
    """Return what holds a pod up, None when nothing does. ``prefer`` names a container that is known to be the cause."""
    found = [one for status, is_init in _statuses(pod) if (one := _of_container(pod, status, is_init)) is not None]
    preferred = next((one for one in found if one.container == prefer), None)
    status = pod.get("status") or EMPTY
    if preferred is None and status.get("reason"):
        message = _one_line(status.get("message") or "")
        text = f"{status['reason']}{': ' if message else ''}{message}"
        return Diagnosis(text=text + (f" ({found[0].sentence})" if found else ""))
    if preferred or found:
        return preferred or found[0]
    text = _one_line(why_unscheduled(pod))
    return Diagnosis(text=text) if text else None


def with_cause(text: str, pod: Json, prefer: str = "") -> str:
    """A sentence about a pod, with what holds it up behind it, unless the sentence says that already."""
    found = diagnose(pod, prefer)
    if found is None or found.text in text:
        return text
    own_reason = str((pod.get("status") or EMPTY).get("reason") or "")
    if not found.container and text.endswith(own_reason):
        return text.removesuffix(own_reason) + found.sentence
    return f"{text}; {found.sentence}"


def signal_of(code: int) -> str:
    """The signal that an exit code tells of, "" for none; shells and container runtimes add 128 to its number."""
    return SIGNALS.get(code - _SIGNAL_BASE, "")


def exit_meaning(code: int, reason: str, limit: str = "") -> str:
    """What an exit code and the runtime's reason mean, "" where the code is the program's own business.

    ``limit`` is the container's memory limit as the manifest has it.
    """
    if reason == TerminatedReason.OOM_KILLED:
        return f"needed more memory than its limit{f' of {limit}' if limit else ''}"
    if code in _MEANINGS:
        return _MEANINGS[code]
    signal = signal_of(code)
    return f"ended by {signal}" if signal else ""


def _statuses(pod: Json) -> Iterator[tuple[Json, bool]]:
    status = pod.get("status") or EMPTY
    for key, is_init in (("initContainerStatuses", True), ("containerStatuses", False)):
        for one in status.get(key) or ():
            yield one, is_init


def _of_container(pod: Json, status: Json, is_init: bool) -> Diagnosis | None:
    """What is wrong with one container; None when nothing is."""
    state, last = status.get("state") or EMPTY, (status.get("lastState") or EMPTY).get("terminated")
    restarts = int(status.get("restartCount") or 0)
    name = str(status.get("name") or "")
    limit = str(((_of_spec(pod, name).get("resources") or EMPTY).get("limits") or EMPTY).get("memory") or "")
    ended = state.get("terminated")
    waiting = state.get("waiting")
    attempt: int | None = restarts
    if ended is not None and _failed(ended):
        text = _ending(ended, limit)
    elif waiting is not None and (waiting.get("reason") or "") not in _HARMLESS_WAITS:
        is_loop = waiting["reason"] == WaitingReason.CRASH_LOOP_BACK_OFF
        text = _ending(last, limit) if is_loop and last is not None else _waiting(waiting)
        attempt = restarts if last is not None else None
    elif last is not None and _failed(last) and not (ended or status.get("ready")):
        attempt, text = max(restarts - 1, 0), _ending(last, limit)
    elif state.get("running") is not None and not status.get("ready"):
        is_awaited = is_init and _of_spec(pod, name).get("restartPolicy") != "Always"
        attempt, text = (restarts, "still runs") if is_awaited else (None, "runs, but is not ready")
    else:
        return None
    return Diagnosis(container=name, is_init=is_init, attempt=attempt, text=text)


def _failed(ended: Json) -> bool:
    return bool(ended.get("exitCode")) or ended.get("reason") == TerminatedReason.OOM_KILLED


def _ending(ended: Json, limit: str) -> str:
    code, reason = int(ended.get("exitCode") or 0), str(ended.get("reason") or "")
    named = "" if reason in _NO_REASON else f", {reason}"
    meaning = exit_meaning(code, reason, limit)
    message = _one_line(str(ended.get("message") or ""))
    return f"exit code {code}{named}" + (f" ({meaning})" if meaning else "") + (f": {message}" if message else "")


def _waiting(waiting: Json) -> str:
    message = _one_line(str(waiting.get("message") or ""))
    return f"{waiting['reason']}{': ' if message else ''}{message}"


def _of_spec(pod: Json, name: str) -> Json:
    """A container as the manifest has it."""
    spec = pod.get("spec") or EMPTY
    every = (one for key in ("initContainers", "containers") for one in spec.get(key) or ())
    return next((one for one in every if one.get("name") == name), EMPTY)


def _one_line(text: str) -> str:
    return " ".join(text.split())
