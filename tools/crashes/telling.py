"""Which events were told, and whether they are true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from runner.core.reasons import EventReason, EventType
from runner.lab.crashes import REGISTRY, Kind, Strike
from tools.crashes.lives import Facts
from tools.crashes.losing import lost

Key = tuple[str, str, str, str]
SANDBOX: Final = "POD"
OFTEN: Final = frozenset(
    {EventReason.BACK_OFF, EventReason.UNHEALTHY, EventReason.DNS_CONFIG_FORMING, EventReason.FAILED_MOUNT}
)
"""Events whose number depends on the time."""
TRIED: Final = {
    EventReason.PULLING: "pull_image",
    EventReason.PULLED: "create_container",
    EventReason.KILLING: "kill_container",
}
"""What a kubelet says each time it is about to make the call, or has all that it needs for it (images/image_manager.go)."""
EXPLAINED: Final = {
    "create_container": frozenset({EventReason.FAILED}),
    "start_container": frozenset({EventReason.FAILED}),
    "inspect_image": frozenset({EventReason.FAILED, EventReason.INSPECT_FAILED}),
    "pull_image": frozenset({EventReason.FAILED}),
    "remove_container": frozenset({EventReason.FAILED}),  # Its name is taken as long as it is there.
    "exec": frozenset({EventReason.FAILED_POST_START_HOOK, EventReason.FAILED_PRE_STOP_HOOK}),
}
"""The warnings of a kubelet about a container of which a call has failed."""
OF_PODS: Final = {
    "kill_container": frozenset({EventReason.FAILED_KILL_POD, EventReason.FAILED_SYNC}),
    "inspect_container": frozenset({EventReason.FAILED_SYNC}),
    "list_containers": frozenset({EventReason.FAILED_SYNC, EventReason.FAILED_KILL_POD}),
    "remove_container": frozenset({EventReason.FAILED_SYNC}),
}
"""Its warnings about the pod (kubelet.go, pod_workers.go)."""


def events(base: Facts, facts: Facts, slack: int) -> Iterator[str]:
    """No event is untrue; one may be missing or doubled for each fault: Engine and registry share no transaction."""
    for (pod, _, reason, name), count in sorted(facts.told.items()):
        happened = (
            {EventReason.STARTED: facts.started, EventReason.CREATED: facts.created}.get(EventReason(reason))
            if name
            else None
        )
        if happened is not None and count > happened[pod, name]:
            yield f"{reason} of {name} of {pod} was told {count} times, it happened {happened[pod, name]} times"
    endless = [strike.point for strike in facts.struck if strike.kind is Kind.ERROR_FOR_EVER]
    unwritten = {point.target for point in endless if point.name == f"{REGISTRY}record_event"}
    differences: dict[Key, int] = {}
    for key in sorted({*base.told, *facts.told}):
        pod, kind, reason, name = key
        number = facts.told[key] - base.told[key]
        if reason in OFTEN or reason in unwritten:
            continue
        if kind == EventType.WARNING and number > 0 and any(_explains(strike, key) for strike in facts.struck):
            continue
        if -lost(pod, facts) <= number < 0:
            continue
        again = _again(base, facts, key)
        if not 0 <= number <= again:
            differences[key] = number if number < 0 else number - again
    if sum(map(abs, differences.values())) > slack:
        yield "events: " + ", ".join(
            f"{key[2]} of {key[3] or key[0]} {number:+d}" for key, number in differences.items()
        )


def _again(base: Facts, facts: Facts, key: Key) -> int:
    """How often more than in the other life something is said that is true."""
    pod, _, reason, name = key
    # What a kubelet has created and not started it makes again after a restart, and says so.
    again = facts.again(base, pod, name) if reason == EventReason.CREATED else 0
    if reason == EventReason.SANDBOX_CHANGED:
        again = facts.again(base, pod, SANDBOX)
    if reason == EventReason.KILLING:
        again = facts.dying[pod, name]  # It is told to stop once more.
    if reason in TRIED:
        again = max(again, facts.tries(base, TRIED[EventReason(reason)], name))
    return again


def _explains(strike: Strike, key: Key) -> bool:
    """Whether a warning is true because of what has happened."""
    _, _, reason, name = key
    point = strike.point
    if not name:
        return reason in OF_PODS.get(point.name, ()) or (
            point.target == SANDBOX and reason == EventReason.FAILED_CREATE_SANDBOX
        )
    return point.target == name and reason in EXPLAINED.get(point.name, ())
