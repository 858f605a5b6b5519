"""Grace periods and the order in which containers end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.model import Pod, Probe
from runner.core.sync.termination import (
    MINIMUM_GRACE,
    deletion_grace,
    grace_left,
    grace_period,
    is_at_once,
    is_its_turn,
    stop_timeout,
    waits_for,
)
from tests.support.pods import make_pod


def pod(spec: int | None, deletion: int | None = None) -> Pod:
    return replace(make_pod(terminationGracePeriodSeconds=spec), deletion_grace=deletion)


def probe(grace: int | None) -> Probe:
    liveness = {"exec": {"command": ["true"]}, "terminationGracePeriodSeconds": grace}
    found = make_pod((), ({"name": "main", "livenessProbe": liveness},)).containers[0].liveness
    assert found is not None
    return found


GRACE: list[tuple[str, Pod, Probe | None, int]] = [
    ("the spec's", pod(45), None, 45),
    ("the spec's zero", pod(0), None, 0),
    ("a negative one counts as a second", pod(-5), None, 1),
    ("none at all is the minimum", pod(None), None, 2),
    ("the probe's before the spec's", pod(45), probe(7), 7),
    ("a probe without one leaves the spec's", pod(45), probe(None), 45),
    ("the deletion's before the spec's", pod(45, 10), None, 10),
    ("the deletion's before the probe's", pod(45, 10), probe(7), 10),
    ("the deletion's zero", pod(45, 0), None, 0),
    ("a negative deletion's is zero", pod(45, -1), None, 0),
]


@pytest.mark.parametrize(("wanted_pod", "failed", "wanted"), [r[1:] for r in GRACE], ids=[r[0] for r in GRACE])
def test_whose_grace_period_counts(wanted_pod: Pod, failed: Probe | None, wanted: int) -> None:
    assert grace_period(wanted_pod, failed) == wanted


@pytest.mark.parametrize(("remaining", "seconds"), [(30, 30), (29.9, 29), (2, 2), (1.9, 2), (0, 2), (-20, 2), (3.0, 3)])
def test_two_seconds_are_left_whatever_was_spent(remaining: float, seconds: int) -> None:
    assert stop_timeout(remaining) == seconds


@given(st.floats(min_value=-1e6, max_value=1e6))
def test_a_stop_never_takes_longer_than_what_is_left_or_the_minimum(remaining: float) -> None:
    assert MINIMUM_GRACE <= stop_timeout(remaining) <= max(remaining, MINIMUM_GRACE)


@pytest.mark.parametrize(("deletion", "wanted"), [(None, False), (0, True), (-1, True), (1, False), (30, False)])
def test_only_a_deletion_without_grace_kills_at_once(deletion: int | None, wanted: bool) -> None:
    assert is_at_once(pod(0, deletion)) is wanted


def sidecar(name: str) -> dict[str, str]:
    return {"name": name, "restartPolicy": "Always"}


MIXED = make_pod((sidecar("s1"), "init", sidecar("s2"), sidecar("s3")), ("a", "b"))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a", set()),
        ("init", set()),
        ("unheard-of", set()),
        ("s3", {"a", "b"}),
        ("s2", {"a", "b", "s3"}),
        ("s1", {"a", "b", "s2", "s3"}),
    ],
)
def test_sidecars_wait_for_apps_and_for_later_sidecars(name: str, wanted: set[str]) -> None:
    assert waits_for(MIXED, name) == wanted


@pytest.mark.parametrize(
    ("name", "running", "turn"),
    [
        ("s2", ["a", "s2"], False),
        ("s2", ["s3", "s2"], False),
        ("s2", ["s1", "s2", "init"], True),
        ("s1", ["s1"], True),
        ("a", ["a", "b", "s1"], True),
    ],
)
def test_whose_turn_it_is(name: str, running: list[str], turn: bool) -> None:
    assert is_its_turn(MIXED, name, running) is turn


@given(st.sets(st.sampled_from(["s1", "init", "s2", "s3", "a", "b"]), min_size=1))
def test_somebody_always_has_its_turn(running: set[str]) -> None:
    assert any(is_its_turn(MIXED, name, running) for name in running)


@pytest.mark.parametrize(
    ("spec", "asked", "wanted"),
    [
        (30, None, 30),
        (30, 5, 5),
        (30, 60, 60),
        (30, 0, 0),
        (30, -1, 1),
        (-3, None, 1),
        (None, None, 30),
        (None, 4, 4),
        (0, None, 1),
        (0, 0, 0),
    ],
)
def test_the_grace_of_a_deletion(spec: int | None, asked: int | None, wanted: int) -> None:
    assert deletion_grace(pod(spec), asked) == wanted


@pytest.mark.parametrize(("passed", "left"), [(0.0, 30), (10.2, 20), (29.5, 1), (30.0, 0), (99.0, 0)])
def test_what_is_left_of_the_grace_the_deletion_timestamp_tells(passed: float, left: int) -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    dying = replace(make_pod(), deleted_at=began + timedelta(seconds=30))
    assert grace_left(dying, began + timedelta(seconds=passed)) == left
    assert grace_left(make_pod(), began) is None
