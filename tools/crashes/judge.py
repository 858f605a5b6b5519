"""Compares a life that was disturbed with the one that was not. What is found is a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from runner.core.reasons import EventType
from runner.lab.crashes import OF_EVENTS, Fault, Kind
from tools.crashes.lives import Facts, Status

CRASHES: Final = frozenset({Kind.CRASH_BEFORE, Kind.CRASH_AFTER})
QUIET: Final = frozenset({*OF_EVENTS, Kind.STALE_LIST})
"""Kinds after which nothing at all is another than it would have been, but for the time."""
SANDBOX: Final = "POD"
WAITING: Final = frozenset(
    {
        "ContainerCreating", "PodInitializing", "CreateContainerError", "CreateContainerConfigError", "RunContainerError",
        "ErrImagePull", "ImagePullBackOff", "ImageInspectError", "CrashLoopBackOff", "PostStartHookError",
    }
)  # fmt: skip
"""The reasons that a kubelet shows of a container that does not come to run (kubelet_pods.go, images/types.go)."""
UNSEEN: Final = frozenset(
    {
        "list_containers", "inspect_container", "list_volumes", "inspect_volume", "info",
        "kill_container", "remove_container", "remove_volume",
    }
)  # fmt: skip
"""Calls without which nothing new is seen, or nothing ends: the status stays as it was, as a kubelet's then."""
MAKING: Final = frozenset({"Pulled", "Created"})
MANY: Final = 1000
OFTEN: Final = frozenset({"BackOff", "Unhealthy", "DNSConfigForming", "FailedMount"})
"""Events whose number depends on the time."""


def problems(base: Facts, facts: Facts, faults: Sequence[Fault]) -> list[str]:
    """What should not have come of a life."""
    kinds = {fault.kind for fault in faults}
    found = [f"broken: {text}" for text in facts.broken]
    found += facts.twice
    if facts.failing is not None:
        found += _waits(base, facts)
    slack = 0 if kinds <= QUIET else len(faults)
    restarts = MANY if Kind.ERROR_FOR_EVER in kinds else slack
    found += _settled(base, facts, restarts)
    if Kind.ERROR_FOR_EVER not in kinds:  # A kubelet makes a sandbox again and again that does not come up.
        found += _made(base, facts, slack)
    # A proxy whose holder died while it was ended is what a sweep is for.
    swept = "container k8s_SERVICE_" if kinds & CRASHES else "?"
    found += [f"left: {one}" for one in facts.left if one not in base.left and not one.startswith(swept)]
    found += [f"missing: {one}" for one in base.left if one not in facts.left]
    found += _volumes(base, facts)
    found += _events(base, facts, kinds, slack)
    return found


def _waits(base: Facts, facts: Facts) -> Iterator[str]:
    """While something fails for ever: what a kubelet shows then."""
    assert facts.failing is not None
    if (
        not facts.failing
        or facts.failing == base.settled
        or any(point.split(": ")[1].split(" ")[0] in UNSEEN for point in facts.struck)
    ):
        return
    if any(".registry" in f".{point.split(': ')[1]}" for point in facts.struck):
        return
    reasons = {state[1] for one in facts.failing if one[1] != "Job" for _, _, state, *_ in one[3]}
    is_going = any(one[2] for one in facts.failing)
    if not reasons & WAITING and not is_going:
        yield f"while it fails for ever: {facts.failing}"


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
    """Whether they differ in restart counts alone, by one for each fault at most.

    A kubelet that finds a container that was created and never started makes the next one (kuberuntime_manager.go).
    """
    if before[:3] != now[:3] or before[4] != now[4] or len(before[3]) != len(now[3]) or before[1] == "Job":
        return False
    return all(
        (*one[:3], one[4]) == (*other[:3], other[4]) and 0 <= other[3] - one[3] <= slack
        for one, other in zip(before[3], now[3], strict=True)
    )


def _made(base: Facts, facts: Facts, slack: int) -> Iterator[str]:
    """Nothing is made or done twice. A new sandbox runs everything again, as in a kubelet."""
    more_sandboxes = {
        pod: facts.started[pod, name] - base.started[pod, name] for pod, name in facts.started if name == SANDBOX
    }
    for pod, name in sorted({*base.started, *facts.started}):
        count, before = facts.started[pod, name], base.started[pod, name]
        allowed = slack if name == SANDBOX else max(0, more_sandboxes.get(pod, 0))
        if not before <= count <= before + allowed:
            yield f"{name} of {pod} started {count} times instead of {before}"
    for pod, name in sorted({*base.ended_well, *facts.ended_well}):
        count, before = facts.ended_well[pod, name], base.ended_well[pod, name]
        if count > before + max(0, more_sandboxes.get(pod, 0)):
            yield f"{name} of {pod} ended well {count} times instead of {before}"
    if len(facts.pods) != len(base.pods):
        yield f"{len(facts.pods)} pods were made instead of {len(base.pods)}"


def _volumes(base: Facts, facts: Facts) -> Iterator[str]:
    for (pod, name), found in facts.files.items():
        for files in found - base.files.get((pod, name), set()):
            yield f"{name} of {pod} found {files} in its volumes instead of {sorted(base.files[pod, name])}"


def _events(base: Facts, facts: Facts, kinds: set[Kind], slack: int) -> Iterator[str]:
    """No event is untrue; after a crash one may be missing or doubled."""
    for (pod, kind, reason, name), count in sorted(facts.told.items()):
        happened = {"Started": facts.started, "Created": facts.created}.get(reason)
        if happened is not None and name and count > happened[pod, name]:
            yield f"{reason} of {name} of {pod} was told {count} times, it happened {happened[pod, name]} times"
        is_untrue = kind == EventType.WARNING and reason not in OFTEN and not base.told[pod, kind, reason, name]
        if is_untrue and kinds <= CRASHES | QUIET:
            yield f"{reason} of {name or pod} was told"
    if not kinds <= CRASHES | QUIET:
        return
    differences: dict[tuple[str, str, str, str], int] = {}
    for key in sorted({*base.told, *facts.told}):
        pod, _, reason, name = key
        number = facts.told[key] - base.told[key]
        # What a kubelet has created and not started it makes again after a restart, and says so.
        again = len(facts.instances[pod, name]) - len(base.instances[pod, name]) if reason in MAKING else 0
        if reason == "Killing":
            again = facts.crashes  # It is told to stop once more, which is true.
        if reason == "SandboxChanged":
            again = len(facts.instances[pod, SANDBOX]) - len(base.instances[pod, SANDBOX])
        if reason not in OFTEN and not 0 <= number <= again:
            differences[key] = number if number < 0 else number - again
    if sum(map(abs, differences.values())) > slack:
        yield "events: " + ", ".join(
            f"{key[2]} of {key[3] or key[0]} {number:+d}" for key, number in differences.items()
        )
