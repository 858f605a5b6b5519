"""The bench of the end-to-end tests."""

from tests.e2e.conftest import bench, sdk

__all__ = ["bench", "sdk"]
