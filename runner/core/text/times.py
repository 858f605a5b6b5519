"""Times and durations as Kubernetes and Go write them: RFC 3339 instants, ``1m20s`` durations, ``5m30s`` ages.

Mirrors Go's time.Duration.String and k8s.io/apimachinery/pkg/util/duration HumanDuration.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

ZERO_TIME = "0001-01-01T00:00:00Z"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The zero of a Unix clock, which a runtime tells for what never began."""

LONGEST = (2**63 - 1) // 10**9
"""Seconds of the longest time.Duration: 292 years. Longer ones count as so long, as if Go's did not overflow."""

_FRACTION = re.compile(r"\.(\d+)")
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_UNITS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "μs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}


def span(seconds: float) -> timedelta:
    """So many seconds, at most ``LONGEST`` in either direction: the API's integers have 64 bits, a timedelta has fewer."""
    return timedelta(seconds=min(max(seconds, -LONGEST), LONGEST))


def later(instant: datetime, seconds: float) -> datetime:
    """The instant so many seconds later (earlier, if they are negative), within what a datetime can say."""
    try:
        return instant + span(seconds)
    except OverflowError:
        return (datetime.max if seconds > 0 else datetime.min).replace(tzinfo=UTC)  # noqa: DTZ901 - it gets its zone


def parse_time(text: object) -> datetime | None:
    """Read an RFC 3339 instant, nanoseconds cut to microseconds; None for nothing, Go's zero time and nonsense."""
    if not isinstance(text, str) or not text or text.startswith("0001-"):
        return None
    return _parsed(text)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> datetime | None:
    cut = _FRACTION.sub(lambda match: "." + match.group(1)[:6].ljust(6, "0"), text)
    try:
        instant = datetime.fromisoformat(cut)
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=4096)
def format_time(instant: datetime) -> str:
    """Write an instant as metav1.Time does: whole seconds, cut not rounded."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_micro_time(instant: datetime) -> str:
    """Write an instant as metav1.MicroTime does."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_duration(text: str) -> float:
    """Read a Go duration (``1m30s``) or plain seconds (``90``). Returns seconds; raises ValueError on anything else."""
    stripped = text.strip()
    sign = -1 if stripped.startswith("-") else 1
    body = stripped[1:] if stripped[:1] in ("+", "-") else stripped
    if re.fullmatch(r"\d+\.?\d*|\.\d+", body):
        return sign * float(body)
    total, end = Decimal(0), 0
    for match in _DURATION_PART.finditer(body):
        if match.start() != end:
            break
        total += Decimal(match.group(1)) * _UNITS[match.group(2)]
        end = match.end()
    if not body or end != len(body):
        raise ValueError(f'invalid duration "{text}": use seconds or Go\'s form, such as 90, 1m30s or 500ms')
    return sign * float(total)


@lru_cache(maxsize=1024)
def format_duration(seconds: float) -> str:
    """Write seconds as Go prints a time.Duration: ``0s``, ``1.5s``, ``1m20s``, ``24ms``."""
    microseconds = round(abs(seconds) * 1_000_000)
    sign = "-" if seconds < 0 and microseconds else ""
    if microseconds == 0:
        return "0s"
    if microseconds < 1000:
        return f"{sign}{microseconds}µs"
    if microseconds < 1_000_000:
        return f"{sign}{_decimal(microseconds, 1000)}ms"
    minutes, rest = divmod(microseconds, 60_000_000)
    text = f"{_decimal(rest, 1_000_000)}s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = f"{minutes}m{text}"
        if hours:
            text = f"{hours}h{text}"
    return sign + text


def _decimal(count: int, unit: int) -> str:
    whole, rest = divmod(count, unit)
    digits = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def human_duration(age: timedelta) -> str:
    """Write an age as kubectl's AGE column does; up to two seconds in the future count as now."""
    seconds = int(age.total_seconds()) if age >= timedelta(0) else -int(-age.total_seconds())
    if seconds < -1:
        return "<invalid>"
    if seconds < 0:
        return "0s"
    if seconds < 60 * 2:
        return f"{seconds}s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 10:
        return _pair(minutes, "m", seconds % 60, "s")
    if minutes < 60 * 3:
        return f"{minutes}m"
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 24 * 8:
        return _pair(days, "d", hours % 24, "h")
    if hours < 24 * 365 * 2:
        return f"{days}d"
    years = hours // 24 // 365
    if hours < 24 * 365 * 8:
        return _pair(years, "y", days % 365, "d")
    return f"{years}y"


def _pair(whole: int, unit: str, rest: int, small: str) -> str:
    return f"{whole}{unit}{rest}{small}" if rest else f"{whole}{unit}"
