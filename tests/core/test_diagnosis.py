"""What holds a pod up, told from its v1 object alone."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.diagnosis import Diagnosis, diagnose, exit_meaning, with_cause


def ended(code: int, reason: str = "Error", **more: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, **more}}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


RUNNING: dict[str, Any] = {"running": {}}


def status(
    name: str, state: dict[str, Any], last: dict[str, Any] | None = None, restarts: int = 0, **more: Any
) -> dict[str, Any]:
    return {"name": name, "state": state, "lastState": last or {}, "restartCount": restarts, "ready": False, **more}


def pod(*, init: list[Any] | None = None, main: list[Any] | None = None, **of_status: Any) -> dict[str, Any]:
    limits = {"resources": {"limits": {"memory": "20Mi"}}}
    return {
        "spec": {
            "initContainers": [{"name": "eat", **limits}, {"name": "proxy", "restartPolicy": "Always"}],
            "containers": [{"name": "web"}, {"name": "big", **limits}],
        },
        "status": {"initContainerStatuses": init or [], "containerStatuses": main or [], **of_status},
    }


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "an exit code is told with the attempt": (
        pod(init=[status("migrate", ended(3))]),
        "init container migrate, attempt 0: exit code 3",
    ),
    "a pod without a node says so": (
        pod(conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no\nnodes"}]),
        "Unschedulable: no nodes",
    ),
    "a container that fails is told before that": (
        pod(main=[status("web", ended(1))], conditions=[{"type": "PodScheduled", "status": "False"}]),
        "container web, attempt 0: exit code 1",
    ),
    "a killed for memory container names its limit": (
        pod(init=[status("eat", ended(137, "OOMKilled"), restarts=2)]),
        "init container eat, attempt 2: exit code 137, OOMKilled (needed more memory than its limit of 20Mi)",
    ),
    "a killed child of a container that ended with 0 is a failure too": (
        pod(main=[status("web", ended(0, "OOMKilled"))]),
        "container web, attempt 0: exit code 0, OOMKilled (needed more memory than its limit)",
    ),
    "a limit is found among the main containers as well": (
        pod(main=[status("big", ended(137, "OOMKilled"))]),
        "container big, attempt 0: exit code 137, OOMKilled (needed more memory than its limit of 20Mi)",
    ),
    "a crash loop tells of the attempt before": (
        pod(main=[status("web", waiting("CrashLoopBackOff", "back-off 10s …"), ended(127), 1)]),
        "container web, attempt 1: exit code 127 (a command was not found)",
    ),
    "a crash loop without a last state tells what it waits for": (
        pod(main=[status("web", waiting("CrashLoopBackOff", "back-off 10s"))]),
        "container web: CrashLoopBackOff: back-off 10s",
    ),
    "an image that cannot be pulled is told with the registry's words on one line": (
        pod(main=[status("web", waiting("ImagePullBackOff", "Back-off pulling\n image"))]),
        "container web: ImagePullBackOff: Back-off pulling image",
    ),
    "a wait without a message is its reason": (
        pod(main=[status("web", waiting("CreateContainerError"))]),
        "container web: CreateContainerError",
    ),
    "a container that runs again tells how the attempt before ended": (
        pod(main=[status("web", RUNNING, ended(2, message="no such table\n"), 3)]),
        "container web, attempt 2: exit code 2: no such table",
    ),
    "a container that is not ready says so": (
        pod(main=[status("web", RUNNING)]),
        "container web: runs, but is not ready",
    ),
    "an init container that has not ended is what all others wait for": (
        pod(init=[status("eat", RUNNING, restarts=1)], main=[status("web", waiting("PodInitializing"))]),
        "init container eat, attempt 1: still runs",
    ),
    "a sidecar need not end": (
        pod(init=[status("proxy", RUNNING)], main=[status("web", waiting("PodInitializing"))]),
        "init container proxy: runs, but is not ready",
    ),
    "the pod's own reason comes first, with the container it met": (
        pod(init=[status("slow", ended(137))], reason="DeadlineExceeded", message="Pod was active"),
        "DeadlineExceeded: Pod was active (init container slow, attempt 0: exit code 137 (killed by SIGKILL))",
    ),
    "a pod's own reason may be all there is": (pod(reason="Evicted"), "Evicted"),
    "the first container in the order of starts counts": (
        pod(
            init=[status("one", ended(0, "Completed")), status("two", ended(5))],
            main=[status("web", waiting("PodInitializing"))],
        ),
        "init container two, attempt 0: exit code 5",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), CASES.values(), ids=CASES.keys())
def test_a_pod_that_is_held_up_says_why(value: dict[str, Any], expected: str) -> None:
    found = diagnose(value)
    assert found is not None
    assert found.sentence == expected


def test_the_container_that_is_known_to_be_the_cause_comes_before_all_others() -> None:
    value = pod(main=[status("web", ended(1)), status("big", ended(2))], reason="Evicted")
    assert diagnose(value, prefer="big") == Diagnosis(container="big", attempt=0, text="exit code 2")


@pytest.mark.parametrize(
    "value",
    [
        {},
        pod(main=[status("web", RUNNING, ready=True)]),
        pod(main=[status("web", ended(0, "Completed"))]),
        pod(main=[status("web", RUNNING, ended(1), 1, ready=True)]),
        pod(main=[status("web", ended(0, "Completed"), ended(1), 1)]),
        pod(main=[status("web", {})]),
    ],
)
def test_nothing_is_said_of_a_pod_that_nothing_holds_up(value: dict[str, Any]) -> None:
    assert diagnose(value) is None


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (1, ""),
        (126, "the command was found, but cannot be executed"),
        (139, "crashed with SIGSEGV: it used memory that it may not use"),
        (143, "ended by SIGTERM"),
        (255, ""),
    ],
)
def test_exit_codes_that_mean_something_say_it(code: int, meaning: str) -> None:
    assert exit_meaning(code, "Error") == meaning


def test_a_sentence_gets_the_cause_once() -> None:
    failed = pod(init=[status("migrate", ended(3))])
    assert with_cause("pod shop failed: Init:Error", failed) == (
        "pod shop failed: Init:Error; init container migrate, attempt 0: exit code 3"
    )
    late = pod(reason="DeadlineExceeded", message="Pod was active")
    assert with_cause("pod shop failed: DeadlineExceeded", late) == "pod shop failed: DeadlineExceeded: Pod was active"
    assert with_cause("shop is Pending", late) == "shop is Pending; DeadlineExceeded: Pod was active"
    assert with_cause("it ended with exit code 3", failed) == "it ended with exit code 3"
    assert with_cause("deleted", {}) == "deleted"
