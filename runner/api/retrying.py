"""When failed containers run again, as callers say it. Its import is felt: only who runs something needs it."""

from __future__ import annotations

from runner.retry import RetryPolicy, parse_backoff

__all__ = ["RetryPolicy", "parse_backoff"]
