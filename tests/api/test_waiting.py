"""How long a run that waits does not judge its pods again."""

from __future__ import annotations

import pytest

from runner.api.waiting import LONGEST_REST_SECONDS, REST_SECONDS_A_POD, rest_after

CASES = {
    "many pods that took long to judge rest for the longest time": (0.05, 50, LONGEST_REST_SECONDS),
    "a quick look is followed by a rest in proportion": (0.001, 50, 0.009),
    "the last of many pods is not kept waiting": (0.05, 1, REST_SECONDS_A_POD),
    "when all are there the rest is that of one": (0.05, 0, REST_SECONDS_A_POD),
    "a look that took no time needs no rest": (0.0, 50, 0.0),
    "a clock that goes back makes no negative rest": (-1.0, 50, 0.0),
}


@pytest.mark.parametrize(("took", "pods", "seconds"), CASES.values(), ids=CASES.keys())
def test_a_run_rests_between_looks_at_many_pods(took: float, pods: int, seconds: float) -> None:
    assert rest_after(took, pods) == pytest.approx(seconds)
