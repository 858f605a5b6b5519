"""What a run chose for a pod is data, if it can be written down at all."""

from __future__ import annotations

import pytest
from tenacity import stop_after_attempt, wait_fixed

from runner.core.model import RetryScope
from runner.core.runspec import RunSpec
from runner.kubelet.options import WorkerOptions
from runner.retry import RetryPolicy

CHOSEN = WorkerOptions(
    retry=RetryPolicy(scope="container", initial=1.0, cap=20.0), speed=5.0, max_restarts=3, node_name="n"
)


def test_what_is_as_usual_needs_no_words() -> None:
    assert RunSpec().to_text() == "{}"
    assert WorkerOptions().run_spec == RunSpec()


def test_what_was_chosen_comes_back() -> None:
    spec = CHOSEN.run_spec
    assert spec == RunSpec(scope=RetryScope.CONTAINER, initial=1.0, cap=20.0, speed=5.0, max_restarts=3)
    assert spec is not None
    assert spec.to_text() == '{"scope":"container","initial":1.0,"cap":20.0,"speed":5.0,"maxRestarts":3}'
    assert RunSpec.from_text(spec.to_text()) == spec
    assert WorkerOptions(node_name="n").as_chosen(spec).run_spec == spec
    assert WorkerOptions(node_name="n").as_chosen(spec).node_name == CHOSEN.node_name


@pytest.mark.parametrize("policy", [RetryPolicy(wait=wait_fixed(1)), RetryPolicy(stop=stop_after_attempt(3))])
def test_a_strategy_of_the_callers_cannot_be_written_down(policy: RetryPolicy) -> None:
    assert WorkerOptions(retry=policy).run_spec is None


@pytest.mark.parametrize("text", ["", "[]", '{"scope": "node"}', '{"speed": "fast"}'])
def test_what_is_no_run_spec_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        RunSpec.from_text(text)


def test_fields_of_later_versions_are_left_out() -> None:
    assert RunSpec.from_text('{"later": 1, "speed": 2}') == RunSpec(speed=2)
