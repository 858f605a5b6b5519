"""What a kubelet shows of a pod while a call fails for ever."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from runner.core.reasons import WaitingReason
from runner.lab.crashes import Point
from tools.crashes.lives import Facts, Failing, State

SANDBOX: Final = "POD"
JOB: Final = "Job"
TRIED_SECONDS: Final = 310.0
"""What was not tried for so long is not tried any more: the longest back-off is 300 s."""
OF_CONTAINERS: Final[Mapping[str, frozenset[str]]] = {
    "inspect_image": frozenset({WaitingReason.IMAGE_INSPECT_ERROR}),
    "pull_image": frozenset({WaitingReason.ERR_IMAGE_PULL, WaitingReason.IMAGE_PULL_BACK_OFF}),
    "create_container": frozenset({WaitingReason.CREATE_CONTAINER_ERROR}),
    "start_container": frozenset({WaitingReason.RUN_CONTAINER_ERROR}),
}
"""What is shown of a container for which a call fails (images/image_manager.go, kuberuntime_container.go startContainer)."""
FIRST: Final = frozenset({WaitingReason.CONTAINER_CREATING, WaitingReason.POD_INITIALIZING})
"""What is shown of containers of a pod without a sandbox (kubelet_pods.go, convertToAPIContainerStatuses)."""


WAITS: Final[State] = ("waiting", None, None)
"""How a container is shown that was created and not started, when nothing is known of a reason (kubelet_pods.go)."""


def waits(base: Facts, facts: Facts, failing: Failing) -> Iterator[str]:
    """What is not as a kubelet shows it while something fails for ever.

    A container for which a call is tried in vain waits for that reason; those of a sandbox that does not come up have not
    begun. All others, and those of a workload's earlier pods, are in a state that they have been in without faults as well:
    without the other calls nothing new is seen or written, or nothing ends.
    """
    points = [point for point, seconds in failing.refused.items() if seconds <= TRIED_SECONDS]
    what = ", ".join(map(str, failing.refused))
    shown: dict[tuple[str, str], list[State]] = defaultdict(list)
    deleted = set()
    for pod, kind, is_deleted, containers, _ in failing.statuses:
        if kind != JOB:
            deleted |= {pod} if is_deleted else set()
            for _, name, state, *_ in containers:
                shown[pod, name].append(state)
    for (pod, name), states in shown.items():
        wanted = set() if pod in deleted else _wanted(base, facts, points, pod, name)
        waiting = [state for state in states if state[0] == "waiting" and state[1] in wanted]
        if wanted and not waiting:
            yield f"while {what} fails for ever {name} of {pod} is shown as {states}"
        for state in states:
            if state not in waiting and not _may_be(base, failing, pod, name, state):
                yield f"while {what} fails for ever {name} of {pod} is shown as {state}"


def _wanted(base: Facts, facts: Facts, points: Sequence[Point], pod: str, name: str) -> set[str]:
    """The reasons of which a container must show one."""
    if any(point.target == SANDBOX for point in points) and facts.created[pod, SANDBOX] > base.created[pod, SANDBOX]:
        return set(FIRST)
    return {reason for point in points if point.target == name for reason in OF_CONTAINERS.get(point.name, ())}


def _may_be(base: Facts, failing: Failing, pod: str, name: str, state: State) -> bool:
    """Whether a state is one of those without faults, or stands there since something was tried last."""
    # The name of what cannot be removed is taken.
    taken = {"remove_container": OF_CONTAINERS["create_container"]}
    tried = {
        reason
        for point in failing.refused
        if point.target == name
        for reason in {**OF_CONTAINERS, **taken}.get(point.name, ())
    }
    return state == WAITS or (state[0] == "waiting" and state[1] in tried) or state in base.shown[pod, name]
