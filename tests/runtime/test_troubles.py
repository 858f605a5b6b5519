"""When something that a kubelet would try again for ever has been tried often enough."""

from __future__ import annotations

import pytest
from tenacity import stop_after_attempt

from runner.kubelet.loop.troubles import SANDBOX, Troubles
from runner.kubelet.options import WorkerOptions
from runner.retry import RetryPolicy


@pytest.mark.parametrize(
    ("options", "may_pass", "attempts"),
    [
        pytest.param(WorkerOptions(), False, 1, id="what is not there is asked for once"),
        pytest.param(WorkerOptions(), True, 2, id="a registry that does not answer may do so in a moment"),
        pytest.param(WorkerOptions(max_restarts=0), True, 1, id="no more than the first attempt"),
        pytest.param(WorkerOptions(max_restarts=3), False, 4, id="so many more attempts"),
        pytest.param(
            WorkerOptions(retry=RetryPolicy(stop=stop_after_attempt(3))), False, 3, id="tenacity's strategies"
        ),
    ],
)
def test_attempts_are_counted_as_restarts_are(options: WorkerOptions, may_pass: bool, attempts: int) -> None:
    calls: list[int] = []
    troubles = Troubles(changed=lambda: calls.append(1))
    for number in range(1, attempts + 1):
        assert troubles.hopeless(options) is None
        if may_pass:
            troubles.may_pass("main")
        troubles.failed("main", "ErrImagePull", "no")
        assert len(calls) == number
    found = troubles.hopeless(options)
    assert found is not None
    assert found.attempts == attempts


def test_another_cause_counts_anew_and_success_ends_it() -> None:
    troubles, options = Troubles(), WorkerOptions(max_restarts=1)
    troubles.failed("main", "ErrImagePull", "no")
    troubles.failed("main", "CreateContainerConfigError", "no")
    troubles.failed(SANDBOX, "FailedCreatePodSandBox", "no")
    assert troubles.hopeless(options) is None
    troubles.failed("main", "CreateContainerConfigError", 'configmap "x" not found')
    assert str(troubles.hopeless(options)) == (
        'container main: CreateContainerConfigError: configmap "x" not found (2 attempts)'
    )
    troubles.is_over("main")
    assert troubles.hopeless(options) is None
    troubles.failed(SANDBOX, "FailedCreatePodSandBox", "port taken")
    assert str(troubles.hopeless(options)) == "the pod's sandbox: FailedCreatePodSandBox: port taken (2 attempts)"
    troubles.is_over(SANDBOX)
    assert troubles.hopeless(options) is None
