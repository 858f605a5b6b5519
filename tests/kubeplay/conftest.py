"""The bench of the end-to-end tests."""

from tests.e2e.conftest import alone, bench, sdk

__all__ = ["alone", "bench", "sdk"]
