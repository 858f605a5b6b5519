"""Which versions of the Engine API are spoken."""

from __future__ import annotations

from typing import Final

MINIMUM_API: Final = "1.41"
"""Docker 20.10; older Engines are refused."""
