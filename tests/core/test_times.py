"""Instants, durations and ages as Kubernetes and Go write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.text.times import (
    LONGEST,
    ZERO_TIME,
    format_duration,
    format_micro_time,
    format_time,
    human_duration,
    later,
    parse_duration,
    parse_time,
    span,
)

INSTANTS: list[tuple[object, datetime | None]] = [
    ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ("2026-01-02T03:04:05.123456789Z", datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)),
    ("2026-01-02T03:04:05.5Z", datetime(2026, 1, 2, 3, 4, 5, 500000, tzinfo=UTC)),
    ("2026-01-02T03:04:05+02:00", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)),
    ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    (ZERO_TIME, None),
    ("", None),
    (None, None),
    (5, None),
    ("yesterday", None),
    ("9999-12-31T23:59:59-10:00", None),
]


@pytest.mark.parametrize(("text", "wanted"), INSTANTS)
def test_instants_are_read(text: object, wanted: datetime | None) -> None:
    assert parse_time(text) == wanted


def test_seconds_are_cut_and_zones_become_utc() -> None:
    instant = datetime(2026, 1, 2, 3, 4, 5, 999999, tzinfo=timezone(timedelta(hours=1)))
    assert format_time(instant) == "2026-01-02T02:04:05Z"
    assert format_micro_time(instant) == "2026-01-02T02:04:05.999999Z"


@given(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_microseconds_survive(instant: datetime) -> None:
    assert parse_time(format_micro_time(instant)) == instant


DURATIONS = [
    ("90", 90),
    ("1.5", 1.5),
    (".5", 0.5),
    ("0", 0),
    ("1m30s", 90),
    ("1h1m1s", 3661),
    ("1.5h", 5400),
    ("500ms", 0.5),
    ("1s500ms", 1.5),
    ("250us", 0.00025),
    ("250\N{MICRO SIGN}s", 0.00025),
    ("250\N{GREEK SMALL LETTER MU}s", 0.00025),
    ("100ns", 1e-7),
    ("5.s", 5),
    (".5s", 0.5),
    ("-1m", -60),
    ("+1m", 60),
    ("-2", -2),
    (" 1m ", 60),
]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "-", "s", "1d", "1m30", "m1", "1 m", "--5s", "+-5", "1.5.5s", ".s", ".", "1e3", "5S", "1m x"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid duration"):
        parse_duration(text)


WRITTEN = [
    (0, "0s"),
    (-0.0000001, "0s"),
    (0.0000015, "2\N{MICRO SIGN}s"),
    (0.00025, "250\N{MICRO SIGN}s"),
    (0.024, "24ms"),
    (0.0015, "1.5ms"),
    (1, "1s"),
    (1.5, "1.5s"),
    (39.001, "39.001s"),
    (10, "10s"),
    (60, "1m0s"),
    (80, "1m20s"),
    (160, "2m40s"),
    (300, "5m0s"),
    (3600, "1h0m0s"),
    (3661.25, "1h1m1.25s"),
    (-90, "-1m30s"),
    (-0.5, "-500ms"),
    (360000, "100h0m0s"),
]


@pytest.mark.parametrize(("seconds", "text"), WRITTEN)
def test_durations_are_written_as_go_writes_them(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_durations_survive_writing_and_reading(microseconds: int) -> None:
    assert round(parse_duration(format_duration(microseconds / 1e6)) * 1e6) == microseconds


SECOND, MINUTE, HOUR, DAY, YEAR = 1, 60, 3600, 86400, 365 * 86400
AGES = [
    (-2 * SECOND, "<invalid>"),
    (-1.9, "0s"),
    (-1, "0s"),
    (-0.5, "0s"),
    (0, "0s"),
    (0.9, "0s"),
    (119.9, "119s"),
    (2 * MINUTE, "2m"),
    (2 * MINUTE + 1, "2m1s"),
    (10 * MINUTE - 1, "9m59s"),
    (10 * MINUTE, "10m"),
    (10 * MINUTE + 59, "10m"),
    (3 * HOUR - 1, "179m"),
    (3 * HOUR, "3h"),
    (3 * HOUR + 5 * MINUTE, "3h5m"),
    (8 * HOUR - 1, "7h59m"),
    (8 * HOUR, "8h"),
    (48 * HOUR - 1, "47h"),
    (2 * DAY, "2d"),
    (2 * DAY + HOUR, "2d1h"),
    (8 * DAY - 1, "7d23h"),
    (8 * DAY, "8d"),
    (2 * YEAR - 1, "729d"),
    (2 * YEAR, "2y"),
    (2 * YEAR + DAY, "2y1d"),
    (8 * YEAR - 1, "7y364d"),
    (8 * YEAR, "8y"),
    (100 * YEAR, "100y"),
]


@pytest.mark.parametrize(("seconds", "text"), AGES)
def test_ages(seconds: float, text: str) -> None:
    assert human_duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [(0, 0), (1.5, 1.5), (-3, -3), (2**31, 2**31), (2**63 - 1, LONGEST), (-(2**63), -LONGEST), (1e300, LONGEST)],
)
def test_a_span_is_never_longer_than_gos_longest(seconds: float, wanted: float) -> None:
    assert span(seconds).total_seconds() == wanted


def test_an_instant_stays_within_what_can_be_said() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    assert later(begin, 90) == datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC)
    assert later(begin, 2**63 - 1).year == 2318
    assert later(datetime(9990, 1, 1, tzinfo=UTC), 2**63 - 1) == datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert later(datetime(2, 1, 1, tzinfo=UTC), -(2**63)) == datetime(1, 1, 1, tzinfo=UTC)
