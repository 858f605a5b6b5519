"""Compares a life that was disturbed with the one that was not. What is found is a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from runner.lab.crashes import OF_CALLS, OF_EVENTS, REGISTRY, Kind, Point
from runner.node.mending import MOST_BREAKS
from tools.crashes.lives import Facts, Status
from tools.crashes.losing import LOST, MANY, is_cut_off, lost
from tools.crashes.telling import events
from tools.crashes.waiting import JOB, waits

SANDBOX: Final = "POD"
QUIET: Final = frozenset({*OF_EVENTS, Kind.STALE_LIST})
"""Kinds after which nothing at all is another than it would have been, but for the time."""
LATE: Final = frozenset({Kind.LATE, Kind.CRASH_DURING})
CREATED: Final = Point(name="create_container", target=SANDBOX)
NOTED: Final = Point(name=f"{REGISTRY}note_attempt", target=SANDBOX)
MOST_INSTANCES: Final = 2
PROXY: Final = "container k8s_SERVICE_"


def problems(base: Facts, facts: Facts) -> list[str]:
    """What should not have come of a life."""
    kinds = {strike.kind for strike in facts.struck}
    slack = 0 if kinds <= QUIET else len(facts.struck)
    found = [f"broken: {text}" for text in facts.broken]
    found += facts.twice
    for failing in facts.failing:
        found += waits(base, facts, failing)
    found += _settled(base, facts, MANY if Kind.ERROR_FOR_EVER in kinds else slack)
    found += _made(base, facts, slack)
    if kinds <= QUIET:
        found += _standing(facts)
        found += _unasked(base, facts)
    found += _left(base, facts)
    found += _volumes(base, facts)
    found += events(base, facts, slack)
    return found


def _settled(base: Facts, facts: Facts, slack: int) -> Iterator[str]:
    if len(base.settled) != len(facts.settled):
        yield f"at rest: {facts.settled} instead of {base.settled}"
        return
    for before, now in zip(base.settled, facts.settled, strict=True):
        if before != now and not _is_the_same(before, now, slack):
            yield f"at rest: {now} instead of {before}"
    if base.objects != facts.objects:
        yield f"in the registry: {facts.objects} instead of {base.objects}"


def _is_the_same(before: Status, now: Status, slack: int) -> bool:
    """Whether they differ in restart counts alone, and in these by one for each fault at most.

    A kubelet that finds a container that was created and never started makes the next one: ShouldContainerBeRestarted
    (kubelet/container/helpers.go) says so of the created state, and startContainer adds one to the count
    (kuberuntime_container.go). It starts one container at a time, so a crash leaves one of them at most.
    """
    if before[:3] != now[:3] or before[4] != now[4] or len(before[3]) != len(now[3]) or before[1] == JOB:
        return False
    less = LOST.get(before[0], 0) if slack == MANY else 0
    more = 0
    for one, other in zip(before[3], now[3], strict=True):
        if (*one[:3], one[4]) != (*other[:3], other[4]) or other[3] < one[3] - less:
            return False
        more += other[3] - one[3]
    return bool(more <= slack)


def _made(base: Facts, facts: Facts, slack: int) -> Iterator[str]:
    """Nothing is made or done twice. A new sandbox runs everything again, as in a kubelet."""
    endless = [strike.point for strike in facts.struck if strike.kind is Kind.ERROR_FOR_EVER]
    slack += anew(endless)
    sandboxes = anew(endless) + _strikes_before_noting(facts)
    more = {pod: facts.started[pod, name] - base.started[pod, name] for pod, name in facts.started if name == SANDBOX}
    for pod, name in sorted({*base.started, *facts.started}):
        count, before = facts.started[pod, name], base.started[pod, name]
        allowed = sandboxes if name == SANDBOX else max(0, more.get(pod, 0))
        least = before - lost(pod, facts)
        if not least <= count <= before + allowed:
            yield f"{name} of {pod} started {count} times instead of {before}"
        well, before = facts.ended_well[pod, name], base.ended_well[pod, name]
        if well > before + max(0, more.get(pod, 0)) and not (is_cut_off(pod, facts) and well <= count):
            yield f"{name} of {pod} ended well {well} times instead of {before}"
    late = sum(strike.kind in LATE for strike in facts.struck)
    twice = _made_twice(facts) - _made_twice(base)
    if twice > slack + late:  # What was under way, and what was prepared.
        yield f"{twice} attempts were created twice"
    for name in {*base.pulled, *facts.pulled}:
        # Of two pulls at the same time the daemon makes one (distribution/xfer).
        if not base.pulled[name] <= facts.pulled[name] <= base.pulled[name] + late:
            yield f"the image of {name} was pulled {facts.pulled[name]} times instead of {base.pulled[name]}"
    if len(facts.pods) != len(base.pods) and not any(is_cut_off(pod, facts) for pod, _ in base.started):
        yield f"{len(facts.pods)} pods were made instead of {len(base.pods)}"


def _strikes_before_noting(facts: Facts) -> int:
    """How many faults came while a sandbox was not noted, or not there yet: one that is noted is used on."""
    return sum(strike.kind in OF_CALLS and not _is_noted(facts.points[: strike.at - 1]) for strike in facts.struck)


def _is_noted(before: Sequence[Point]) -> bool:
    """Whether the last that was done with a sandbox of these calls was to note it."""
    for point in reversed(before):
        if point in (NOTED, CREATED):
            return point == NOTED
    return False


def anew(endless: Sequence[Point]) -> int:
    """How often what was begun is made again while something fails for ever.

    A kubelet makes a sandbox again and again that does not come up. A worker whose writes fail is begun anew so often, and
    throws away each time what was prepared, or not noted (node/mending.py).
    """
    if any(point.target == SANDBOX and not point.is_write for point in endless):
        return MANY
    return MOST_BREAKS + 1 if any(point.is_write for point in endless) else 0


def _made_twice(facts: Facts) -> int:
    """How often the same attempt was created again. With a sandbox that is thrown away goes what was prepared in it."""
    found = 0
    for pod in {pod for pod, _ in facts.created}:
        again = {
            name: facts.created[one, name] - len(facts.instances[one, name])
            for one, name in facts.created
            if one == pod
        }
        sandboxes = again.pop(SANDBOX, 0)
        found += sandboxes + max(0, sum(again.values()) - sandboxes)
    return found


def _standing(facts: Facts) -> Iterator[str]:
    """A pod has one sandbox, and of each container one dead instance beside the present one at most."""
    for (pod, name), count in facts.standing.items():
        if count > (1 if name == SANDBOX else MOST_INSTANCES) * len(facts.pods):
            yield f"at rest {name} of {pod} stands there {count} times"


def _unasked(base: Facts, facts: Facts) -> Iterator[str]:
    """Whoever runs is asked to end before it is killed."""
    for (pod, name), count in (facts.unasked - base.unasked).items():
        if name != SANDBOX:  # It holds namespaces, and has nothing to put in order.
            yield f"{name} of {pod} was killed {count} more times without having been asked to end"


def _left(base: Facts, facts: Facts) -> Iterator[str]:
    """Nothing is left. The proxy of a Service whose node died, or gave up, before the Service went is what a sweep is for."""
    had_end = facts.crashes or facts.has_given_up
    for one in facts.left:
        if one not in base.left and not (had_end and one.startswith(PROXY)):
            yield f"left: {one}"
    yield from (f"left by a sweep: {one}" for one in facts.swept if one not in base.left)
    yield from (f"missing: {one}" for one in base.left if one not in facts.swept)


def _volumes(base: Facts, facts: Facts) -> Iterator[str]:
    for (pod, name), found in facts.files.items():
        for files in found - base.files.get((pod, name), set()):
            yield f"{name} of {pod} found {files} in its volumes instead of {sorted(base.files[pod, name])}"
