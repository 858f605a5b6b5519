"""Whether an example passes does not depend on how busy the machine is."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def test_no_example_is_given_a_time_limit() -> None:
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check
