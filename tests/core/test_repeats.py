"""Many runs of the same: the rate with its interval, kinds of failures, and where each parts from a good run."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.history.record import PodRecord
from runner.core.repeats.outcomes import Repetition, gathered, label_of, wilson
from runner.core.repeats.parting import Parting, first_parting, plain_name
from tests.core.test_attempts import ended, record, running, seen, waiting

INIT = waiting("app", "PodInitializing")
READY = {**running("app"), "ready": True}
GOOD = record(
    seen(0, [waiting("first", "PodInitializing")], [INIT]),
    seen(1, [running("first")], [INIT]),
    seen(2, [ended("first", 0)], [INIT]),
    seen(3, [ended("first", 0)], [running("app")]),
    seen(4, [ended("first", 0)], [READY]),
    until=4,
)
FAILED = record(
    seen(0, [waiting("first", "PodInitializing")], [INIT]),
    seen(1, [running("first")], [INIT]),
    seen(2.5, [ended("first", 3)], [INIT]),
    until=2.5,
)


def repetition(number: int, code: int = 0, *records: PodRecord, **more: Any) -> Repetition:
    return Repetition(number=number, exit_code=code, message="", seconds=1.5, records=records, **more)


@pytest.mark.parametrize(
    ("passed", "total", "low", "high"),
    [
        (40, 50, 0.6696, 0.8876),
        (19, 20, 0.7639, 0.9911),
        (50, 50, 0.9287, 1.0),
        (0, 50, 0.0, 0.0713),
        (1, 1, 0.2065, 1.0),
        (0, 0, 0.0, 1.0),
    ],
)
def test_a_rate_has_wilsons_interval(passed: int, total: int, low: float, high: float) -> None:
    assert wilson(passed, total) == pytest.approx((low, high), abs=5e-5)


def sentence(here: PodRecord, good: PodRecord = GOOD) -> tuple[float, str] | None:
    found = first_parting([here], [good])
    return None if found is None else (round(found.at, 3), found.sentence)


PARTINGS = {
    "an init container that failed": (FAILED, (2.5, "init container first, attempt 0: exit code 3, not exit code 0")),
    "the same": (GOOD, None),
    "an image that could not be had": (
        record(
            seen(0, [waiting("first", "PodInitializing")], [INIT]),
            seen(1, [waiting("first", "ErrImagePull")], [INIT]),
            seen(2, [waiting("first", "ImagePullBackOff")], [INIT]),
        ),
        (1.0, "init container first, attempt 0: ErrImagePull, not exit code 0"),
    ),
    "an app that was killed for memory": (
        record(
            seen(0, [ended("first", 0)], [running("app")]),
            seen(2, [ended("first", 0)], [ended("app", 137, reason="OOMKilled")]),
        ),
        (2.0, "container app, attempt 0: exit code 137 (OOMKilled), not ready"),
    ),
    "an app that never was ready": (
        record(seen(0, [ended("first", 0)], [INIT]), seen(1, [ended("first", 0)], [running("app")]), until=30),
        (4.0, "container app, attempt 0: not ready"),
    ),
}


@pytest.mark.parametrize(("here", "expected"), PARTINGS.values(), ids=list(PARTINGS))
def test_runs_part_where_a_container_first_does_otherwise(here: PodRecord, expected: tuple[float, str] | None) -> None:
    assert sentence(here) == expected


def test_what_a_good_run_does_not_come_to_parts_too() -> None:
    done = [ended("first", 0)]
    longer = record(*GOOD.trace, seen(5, done, [ended("app", 1)]), seen(6, done, [running("app", 1)]))
    good = record(*GOOD.trace[:3])
    assert sentence(longer, good) == (5.0, "container app, attempt 0: exit code 1, which a good run does not come to")
    assert Parting(step=None, good=None).sentence == ""
    assert Parting(step=None, good=None).at == 0.0


def test_a_made_up_name_is_left_out() -> None:
    assert plain_name({"metadata": {"name": "web-x7", "generateName": "web-"}}) == "web"
    assert plain_name({}) == ""


LABELS = [
    (repetition(1, 0, GOOD), "passed"),
    (repetition(1, 0, FAILED), "passed after init container first, attempt 0: exit code 3"),
    (repetition(1, 1, FAILED), "init container first, attempt 0: exit code 3"),
    (repetition(1, 4, FAILED), "timed out after init container first, attempt 0: exit code 3"),
    (repetition(1, 4, GOOD), "timed out"),
    (repetition(1, 1, GOOD), "exit code 1"),
]


@pytest.mark.parametrize(("one", "label"), LABELS, ids=[label for _, label in LABELS])
def test_what_went_the_same_way_has_one_label(one: Repetition, label: str) -> None:
    assert label_of(one) == label


def test_of_several_pods_the_one_that_failed_is_named() -> None:
    pods = [record(*FAILED.trace, until=3), record(*GOOD.trace, until=4)]
    named = [
        PodRecord(
            namespace="default",
            name=name,
            uid=name,
            trace=tuple([type(s)(at=s.at, pod={**s.pod, "metadata": {"name": name}}) for s in one.trace]),
            began_at=one.began_at,
            ended_at=one.ended_at,
        )
        for name, one in zip(("db", "web"), pods, strict=True)
    ]
    assert label_of(repetition(1, 1, *named)) == "db: init container first, attempt 0: exit code 3"


def test_repetitions_are_gathered_with_the_first_difference_of_each_kind() -> None:
    done = [repetition(3), repetition(1, 0, GOOD), repetition(2, 1, FAILED, tail=("no database",)), repetition(4, 1)]
    found = gathered(done, {1: "passed", 2: "first failed", 3: "passed", 4: "first failed"}, wanted=5)
    assert (found.total, found.passed, found.failed, found.pass_rate) == (4, 2, 2, 0.5)
    assert found.is_interrupted
    value = found.to_json()
    assert (value["good"], value["wanted"], value["interval"]["confidence"]) == (1, 5, 0.95)
    assert [(one["outcome"], one["count"], one["repetitions"]) for one in value["outcomes"]] == [
        ("passed", 2, [1, 3]),
        ("first failed", 2, [2, 4]),
    ]
    failed = value["outcomes"][1]
    assert (failed["share"], failed["exitCode"], failed["lastLines"]) == (0.5, 1, ["no database"])
    assert failed["firstDifference"] == {
        "pod": "",
        "container": "first",
        "attempt": 0,
        "isInit": True,
        "seconds": 2.5,
        "event": "exit code 3",
        "inGoodRun": "exit code 0",
        "text": "init container first, attempt 0: exit code 3, not exit code 0",
    }
    assert value["repetitions"][3] == {"number": 4, "passed": False, "exitCode": 1, "seconds": 1.5}


def test_what_never_came_is_told_by_the_good_run() -> None:
    late = record(seen(0, [ended("first", 0)], [INIT]), seen(1, [ended("first", 0)], [running("app")]), until=30)
    done = [repetition(1, 0, GOOD), repetition(2, 4, late, artifacts="dir/2")]
    value = gathered(done, {1: "passed", 2: "timed out"}, wanted=2).to_json()
    found = value["outcomes"][1]["firstDifference"]
    assert (found["event"], found["inGoodRun"], found["seconds"]) == (None, "ready", 4.0)
    assert value["repetitions"][1]["artifacts"] == "dir/2"


def test_without_a_good_run_there_is_nothing_to_part_from() -> None:
    found = gathered([repetition(1, 1, FAILED)], {1: "failed"}, wanted=1)
    assert found.good is None
    assert found.outcomes[0].parting is None
    again = gathered([repetition(1, 0, FAILED), repetition(2, 1, FAILED)], {1: "passed after", 2: "failed"}, wanted=2)
    assert again.good is not None
    empty = gathered([], {}, wanted=3)
    assert (empty.pass_rate, empty.interval, empty.to_json()["outcomes"]) == (0.0, (0.0, 1.0), [])
