"""Types that the edges name in their annotations."""

from __future__ import annotations

from runner.api.explaining import Dump
from runner.client.contract import Client, Waitable
from runner.client.copies import Copy
from runner.engine.protocol import Engine, Session, Wishes
from runner.janitor.gc import GcReport

__all__ = ["Client", "Copy", "Dump", "Engine", "GcReport", "Session", "Waitable", "Wishes"]
