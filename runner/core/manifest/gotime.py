"""RFC 3339 times as Go's time.Parse reads them, with its words for what is wrong.

Mirrors Parse and ParseError.Error of Go's time/format.go for the layout that metav1.Time is read with.
"""

from __future__ import annotations

import re
from calendar import monthrange

from runner.core.text.gotext import quote

_LAYOUT = "2006-01-02T15:04:05Z07:00"
# Each element of the layout: how it is written there, the text that it takes, and the range that is checked at once.
_ELEMENTS: tuple[tuple[str, str, str, int, int], ...] = (
    ("2006", r"[0-9]{4}", "", 0, 9999),
    ("-", "-", "", 0, 0),
    ("01", r"[0-9]{2}", "month", 1, 12),
    ("-", "-", "", 0, 0),
    ("02", r"[0-9]{2}", "", 0, 99),
    ("T", "T", "", 0, 0),
    ("15", r"[0-9]{1,2}", "hour", 0, 23),
    (":", ":", "", 0, 0),
    ("04", r"[0-9]{2}", "minute", 0, 59),
    (":", ":", "", 0, 0),
    ("05", r"[0-9]{2}", "second", 0, 59),
)
_FRACTION = re.compile(r"[.,][0-9]+")
_ZONE = re.compile(r"Z|[-+]([0-9]{2}):([0-9]{2})")


def time_error(text: str) -> str:
    """Return Go's sentence about a time that cannot be read; "" for one that can."""
    rest, numbers = text, []
    for written, form, name, first, last in _ELEMENTS:
        match = re.match(form, rest)
        if match is None:
            return _cannot(text, rest, written)
        if len(written) > 1:
            numbers.append(int(match[0]))
            if name and not first <= numbers[-1] <= last:
                return f"parsing time {quote(text)}: {name} out of range"
        rest = rest[match.end() :]
    fraction = _FRACTION.match(rest)
    zone = _ZONE.match(rest[fraction.end() :] if fraction else rest)
    if zone is None:
        return _cannot(text, rest[fraction.end() :] if fraction else rest, "Z07:00")
    return _late_error(text, zone, numbers)


def _late_error(text: str, zone: re.Match[str], numbers: list[int]) -> str:
    """What Go looks at last: the zone's own numbers, what follows it, and whether the month has such a day."""
    for name, number, limit in (("hour", zone[1], 24), ("minute", zone[2], 60)):
        if number is not None and int(number) > limit:
            return f"parsing time {quote(text)}: time zone offset {name} out of range"
    extra = zone.string[zone.end() :]
    if extra:
        return f"parsing time {quote(text)}: extra text: {quote(extra)}"
    year, month, day = numbers[:3]
    # Go counts the years before the first like any other.
    if not 1 <= day <= monthrange(year or 4, month)[1]:
        return f"parsing time {quote(text)}: day out of range"
    return ""


def _cannot(text: str, rest: str, element: str) -> str:
    return f'parsing time {quote(text)} as "{_LAYOUT}": cannot parse {quote(rest)} as "{element}"'
