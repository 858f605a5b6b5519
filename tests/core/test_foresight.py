"""What will be decided about a pod of which nothing exists yet, and when the container before has done well."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.model import Pod, RetryScope
from runner.core.observed import Observed, ProbeResults
from runner.core.sync.backoff import BackoffSettings
from runner.core.sync.decide import Memory
from runner.core.sync.foresight import first_plan, start_after
from tests.support.pods import at, make_pod, observed, record

PROXY = {"name": "proxy", "restartPolicy": "Always", "startupProbe": {"exec": {"command": ["true"]}}}
TWO = make_pod(["first", "second"], ["main"])
APPS = make_pod((), ["one", "two"])
SIDECAR = make_pod([PROXY, "second"], ["main"])
AGAIN = make_pod(["first", "second"], ["main"], scope=RetryScope.POD)
ALONE = make_pod()


def after(pod: Pod, seen: Observed, name: str, attempt: int = 0, attempts: dict[str, int] | None = None) -> str:
    memory = Memory(crashes={}, attempts=attempts or {}, settings=BackoffSettings())
    return str(start_after(pod, seen, ProbeResults(), memory, at(9), name=name, attempt=attempt) or "")


ROWS: list[tuple[str, Pod, tuple[Any, ...], str, int, str]] = [
    ("the next init container", TWO, (), "first", 0, "start second attempt 0"),
    ("the app after the last init container", TWO, (("first", "exited"),), "second", 0, "start main attempt 0"),
    ("the same after a retry", TWO, (("first", "exited", 1),), "first", 1, "start second attempt 0"),
    ("the retry of the whole pod", AGAIN, (("second", "exited", 1), ("first", "exited")), "second", 1, "start main"),
    ("what a sidecar that has started is waited for by", SIDECAR, (), "proxy", 0, "start second attempt 0"),
    ("the next app", APPS, (), "one", 0, "start two attempt 0"),
    ("nothing after the last app", APPS, (("one", "running"),), "two", 0, ""),
    ("nothing after the last app, whose sibling nobody has seen yet", APPS, (), "two", 0, ""),
    ("nothing after the only one", ALONE, (), "main", 0, ""),
    ("nothing after one that nobody knows", ALONE, (("main", "running"),), "other", 0, ""),
    ("what was seen of the same attempt does not count", TWO, (("first", "created"),), "first", 0, "start second"),
]


@pytest.mark.parametrize(
    ("pod", "seen", "name", "attempt", "expected"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS]
)
def test_what_starts_when_a_container_does_well(
    pod: Pod, seen: tuple[Any, ...], name: str, attempt: int, expected: str
) -> None:
    records = [record(pod, one, state, code=code[0] if code else 0) for one, state, *code in seen]
    assert after(pod, observed(*records), name, attempt).startswith(expected)
    assert bool(after(pod, observed(*records), name, attempt)) is bool(expected)


@pytest.mark.parametrize(
    ("pod", "seen"),
    [
        pytest.param(TWO, observed(ready=False), id="a new sandbox would come first"),
        pytest.param(AGAIN, observed(record(AGAIN, "main")), id="what comes next runs already"),
    ],
)
def test_nothing_is_expected_to_start_when_something_else_comes_first(pod: Pod, seen: Observed) -> None:
    assert after(pod, seen, "second") == ""


@pytest.mark.parametrize("pod", [TWO, APPS, SIDECAR, ALONE], ids=["inits", "apps", "sidecar", "alone"])
def test_the_first_decision_about_a_new_pod_is_its_sandbox_and_its_first_container(pod: Pod) -> None:
    plan = first_plan(pod, at(0))
    first = next(pod.all_containers())
    assert str(plan).splitlines()[0] == "create sandbox POD attempt 0: the pod has no sandbox"
    assert str(first_plan(pod, at(0), Memory(crashes={}, attempts={}, settings=BackoffSettings()))) == str(plan)
    assert plan.first_start is not None
    assert (plan.first_start.target, plan.first_start.attempt) == (first.name, 0)
