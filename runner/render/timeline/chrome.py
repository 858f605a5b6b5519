"""Timelines in the Trace Event Format, which Perfetto and chrome://tracing open: pods as processes, attempts as threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, Final

from runner.core.history.attempt import Mark
from runner.core.history.lanes import Lane, PodLanes
from runner.render.timeline.words import cause_text, details, summary

Event = dict[str, Any]
_POD_TID: Final = 0
"""The thread of a pod that has what concerns the pod as a whole."""


def chrome_trace(pods: Sequence[PodLanes]) -> Event:
    """The JSON object: times in microseconds since the beginning of each pod's record."""
    flows = count(1)
    events = [event for number, pod in enumerate(pods, start=1) for event in _pod(pod, number, flows)]
    return {"displayTimeUnit": "ms", "traceEvents": events}


def _pod(pod: PodLanes, pid: int, flows: Iterator[int]) -> Iterator[Event]:
    yield _meta("process_name", pid, _POD_TID, name=f"{pod.namespace}/{pod.label}")
    yield _meta("process_sort_index", pid, _POD_TID, sort_index=pid)
    yield _meta("thread_name", pid, _POD_TID, name="pod")
    yield _meta("thread_sort_index", pid, _POD_TID, sort_index=_POD_TID)
    yield from (_instant(mark, pid, _POD_TID) for mark in pod.marks)
    tids = {(lane.attempt.container, lane.attempt.number): tid for tid, lane in enumerate(pod.lanes, start=1)}
    for lane in pod.lanes:
        tid = tids[lane.attempt.container, lane.attempt.number]
        yield from _lane(lane, pod, pid, tid)
        if lane.cause is not None:
            origin = tids[lane.cause.container, lane.cause.number]
            yield from _flow(lane, pid, (origin, tid), next(flows))


def _lane(lane: Lane, pod: PodLanes, pid: int, tid: int) -> Iterator[Event]:
    attempt = lane.attempt
    name = f"{attempt.container} #{attempt.number}"
    yield _meta("thread_name", pid, tid, name=name)
    yield _meta("thread_sort_index", pid, tid, sort_index=tid)
    if attempt.stretches:
        whole = _span(name, attempt.stretches[0].begin, attempt.stretches[-1].end, pid, tid)
        yield whole | {"cat": str(lane.role), "args": {"result": summary(attempt), **dict(details(lane, pod))}}
    for part in attempt.stretches:
        words = f"{part.doing} {part.reason}".rstrip()
        args = {key: text for key, text in (("message", part.message), ("for", part.awaited)) if text}
        yield _span(words, part.begin, part.end, pid, tid) | {"cat": str(part.doing), "args": args}
    yield from (_instant(mark, pid, tid) for mark in attempt.marks)


def _flow(lane: Lane, pid: int, tids: tuple[int, int], number: int) -> Iterator[Event]:
    """An arrow from what an attempt began after to its start."""
    cause, started = lane.cause, lane.attempt.started
    if cause is None or started is None:
        return
    common = {"name": cause_text(cause), "cat": "cause", "id": number, "pid": pid}
    yield {**common, "ph": "s", "tid": tids[0], "ts": min(_micros(cause.at), _micros(started))}
    yield {**common, "ph": "f", "bp": "e", "tid": tids[1], "ts": _micros(started)}


def _span(name: str, begin: float, end: float, pid: int, tid: int) -> Event:
    return {"name": name, "ph": "X", "pid": pid, "tid": tid, "ts": _micros(begin), "dur": _micros(end) - _micros(begin)}


def _instant(mark: Mark, pid: int, tid: int) -> Event:
    event = {"name": mark.kind, "ph": "i", "s": "t", "pid": pid, "tid": tid, "ts": _micros(mark.at)}
    return event | {"cat": "mark", "args": {"text": mark.text}}


def _meta(what: str, pid: int, tid: int, **args: Any) -> Event:
    return {"name": what, "ph": "M", "pid": pid, "tid": tid, "args": args}


def _micros(seconds: float) -> int:
    return round(seconds * 1_000_000)
