"""Timelines as plain data, for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runner.core.history.attempt import Mark, Stretch
from runner.core.history.lanes import Lane, PodLanes
from runner.core.text.times import format_micro_time


def timeline_data(pods: Sequence[PodLanes]) -> dict[str, Any]:
    """Everything that the pictures show; times in seconds since ``began``."""
    return {"pods": [_pod(pod) for pod in pods]}


def _pod(pod: PodLanes) -> dict[str, Any]:
    return {
        "namespace": pod.namespace,
        "name": pod.name,
        "uid": pod.uid,
        "run": pod.run,
        "began": format_micro_time(pod.began_at),
        "seconds": pod.seconds,
        "marks": [_mark(one) for one in pod.marks],
        "attempts": [_lane(one) for one in pod.lanes],
    }


def _lane(lane: Lane) -> dict[str, Any]:
    attempt, cause = lane.attempt, lane.cause
    after = None if cause is None else {"container": cause.container, "attempt": cause.number, "at": cause.at}
    return {
        "container": attempt.container,
        "attempt": attempt.number,
        "role": str(lane.role),
        "outcome": str(lane.outcome),
        "created": attempt.created,
        "started": attempt.started,
        "finished": attempt.finished,
        "exitCode": attempt.exit_code,
        "signal": attempt.signal or None,
        "oomKilled": attempt.is_oom,
        "reason": attempt.reason,
        "message": attempt.message,
        "image": attempt.image,
        "imageID": attempt.image_id,
        "containerID": attempt.container_id,
        "after": after,
        "stretches": [_stretch(one) for one in attempt.stretches],
        "marks": [_mark(one) for one in attempt.marks],
    }


def _stretch(part: Stretch) -> dict[str, Any]:
    texts = {"reason": part.reason, "message": part.message, "for": part.awaited}
    known = {name: text for name, text in texts.items() if text}
    return {"doing": str(part.doing), "begin": part.begin, "end": part.end, **known}


def _mark(mark: Mark) -> dict[str, Any]:
    lasts = {"seconds": mark.seconds} if mark.seconds else {}
    return {"at": mark.at, "kind": mark.kind, "text": mark.text, **lasts}
