"""The rows of a picture, in order: pods, the axis' containers and their attempts, the ones in the middle of many hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from itertools import count, groupby

from msgspec import Struct

from runner.core.history.lanes import Lane, PodLanes, Role
from runner.render.timeline.words import FIRST_SHOWN, Key, hidden, summary, title


class Kind(StrEnum):
    """What a row shows."""

    POD = "pod"
    GROUP = "group"
    """All attempts of a container of which there are many, on one track."""
    LANE = "lane"
    MORE = "more"
    """How many attempts are hidden."""


class Row(Struct, frozen=True, kw_only=True):
    """One row. ``pod_number`` and ``group`` number the pods and the containers of the picture; a hidden row can be asked for."""

    kind: Kind
    pod: PodLanes
    pod_number: int
    group: int = -1
    label: str = ""
    role: Role | None = None
    lanes: tuple[Lane, ...] = ()
    summary: str = ""
    is_hidden: bool = False

    @property
    def lane(self) -> Lane:
        """The lane of a row that shows one."""
        return self.lanes[0]


def rows(pods: Sequence[PodLanes], notes: Sequence[Mapping[Key, str]]) -> Iterator[Row]:
    """All rows; ``notes`` say for each pod how attempts differ from those of the pod before."""
    groups = count()
    for number, (pod, differing) in enumerate(zip(pods, notes, strict=True)):
        yield Row(kind=Kind.POD, pod=pod, pod_number=number, label=title(pod))
        for _, found in groupby(pod.lanes, key=lambda lane: lane.attempt.container):
            begun = partial(Row, pod=pod, pod_number=number, group=next(groups))
            yield from _group(begun, tuple(found), differing)


def _group(begun: Callable[..., Row], lanes: tuple[Lane, ...], notes: Mapping[Key, str]) -> Iterator[Row]:
    left_out = hidden(len(lanes))
    container, role = lanes[0].attempt.container, lanes[0].role
    if left_out:
        failed = sum(bool(lane.attempt.exit_code) for lane in lanes)
        words = f"{len(lanes)} attempts, {failed} failed"
        yield begun(kind=Kind.GROUP, label=container, role=role, lanes=lanes, summary=words)
    for position, lane in enumerate(lanes):
        if left_out and position == FIRST_SHOWN:
            yield begun(kind=Kind.MORE, label=f"… {left_out} more attempts …")
        note = notes.get((container, lane.attempt.number), "")
        yield begun(
            kind=Kind.LANE,
            label=container if position == 0 and not left_out else "",
            role=role,
            lanes=(lane,),
            summary=summary(lane.attempt) + (f" ({note})" if note else ""),
            is_hidden=bool(left_out) and FIRST_SHOWN <= position < FIRST_SHOWN + left_out,
        )
