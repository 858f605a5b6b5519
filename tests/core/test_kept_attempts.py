"""Which failed attempts are put aside for debug when they would go, and which of those go for them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from runner.core.labels import container_name, is_kept, kept_name
from runner.core.model import ContainerID, Pod, RetryScope
from runner.core.observed import ContainerRecord, KeptRecord, Observed, ProbeResults
from runner.core.sync.backoff import BackoffSettings
from runner.core.sync.decide import KEPT_FAILURES, Memory, decide
from runner.core.sync.operations import Discard, Remove
from tests.support.pods import at, make_pod, observed, record

SCOPE_POD = make_pod(["one", "two"], ["main"], scope=RetryScope.POD)
SCOPE_CONTAINER = make_pod(["one", "two"], ["main"])


def failed(pod: Pod, name: str, attempt: int, code: int = 1) -> ContainerRecord:
    return record(pod, name, "exited", attempt=attempt, code=code, end=attempt)


def with_kept(seen: Observed, name: str, *attempts: int) -> Observed:
    kept = tuple(KeptRecord(ContainerID(f"kept-{name}-{number}"), name, number) for number in attempts)
    return replace(seen, kept=(*seen.kept, *kept))


def fates(pod: Pod, seen: Observed) -> dict[str, str]:
    """What becomes of each container that a sync would remove."""
    attempts = {one.name: one.attempt for one in reversed(seen.containers)}
    memory = Memory(crashes={}, attempts=attempts, settings=BackoffSettings())
    operations = decide(pod, seen, ProbeResults(), memory, at(10_000)).operations
    going = [one for one in operations if isinstance(one, Remove | Discard)]
    return {one.container_id: "kept" if one.keep else "removed" for one in going}


ROWS = [
    (
        "a retry of the whole pod keeps what has failed, and removes what has gone well",
        SCOPE_POD,
        observed(failed(SCOPE_POD, "two", 0), record(SCOPE_POD, "one", "exited")),
        {"two-0": "kept", "one-0": "removed"},
    ),
    (
        "a container that a failure of another one stops has not failed",
        make_pod([{"name": "proxy", "restartPolicy": "Always"}, "two"], ["main"], scope=RetryScope.POD),
        observed(failed(SCOPE_POD, "two", 0), record(SCOPE_POD, "proxy", "running")),
        {"two-0": "kept", "proxy-0": "removed"},
    ),
    (
        "a dead instance that is one too many is kept when it has failed",
        SCOPE_CONTAINER,
        observed(failed(SCOPE_CONTAINER, "one", 2), failed(SCOPE_CONTAINER, "one", 1)),
        {"one-1": "kept"},
    ),
    (
        "one that has gone well is not",
        make_pod([], ["main"]),
        observed(
            failed(make_pod([], ["main"]), "main", 2), record(make_pod([], ["main"]), "main", "exited", attempt=1)
        ),
        {"main-1": "removed"},
    ),
    (
        "three of a container are kept: the oldest goes",
        SCOPE_CONTAINER,
        with_kept(observed(failed(SCOPE_CONTAINER, "one", 5), failed(SCOPE_CONTAINER, "one", 4)), "one", 3, 2, 1),
        {"one-4": "kept", "kept-one-1": "removed"},
    ),
    (
        "each container has its own three",
        SCOPE_CONTAINER,
        with_kept(observed(failed(SCOPE_CONTAINER, "one", 5), failed(SCOPE_CONTAINER, "one", 4)), "two", 3, 2, 1),
        {"one-4": "kept"},
    ),
    (
        "init containers that run again in a new sandbox have left what has failed",
        SCOPE_CONTAINER,
        observed(failed(SCOPE_CONTAINER, "two", 1), record(SCOPE_CONTAINER, "one", "exited"), ready=False),
        {"two-1": "kept", "one-0": "removed"},
    ),
]


@pytest.mark.parametrize(("pod", "seen", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_is_put_aside(pod: Pod, seen: Observed, expected: dict[str, str]) -> None:
    assert fates(pod, seen) == expected


def test_no_more_than_three_stay_however_many_go_at_once() -> None:
    many = [failed(SCOPE_POD, "two", number) for number in (5, 4, 3, 2)]
    seen = with_kept(observed(*many), "two", 1, 0)
    found = fates(SCOPE_POD, seen)
    assert [one for one, fate in found.items() if fate == "kept"] == ["two-5", "two-4", "two-3"]
    assert len([one for one, fate in found.items() if fate == "removed"]) == len(many) - KEPT_FAILURES + 2


def test_what_is_kept_has_a_name_that_says_so() -> None:
    assert is_kept(kept_name("0123456789abcdef"))
    assert kept_name("0123456789abcdef") == "podrunner_kept_0123456789ab"
    assert not is_kept(container_name("one", SCOPE_POD, 0))
