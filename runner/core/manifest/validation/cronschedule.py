"""When a CronJob is due: what its controller's parser says of a schedule, and Go of a time zone.

Mirrors ParseStandard of github.com/robfig/cron/v3 (parser.go) and LoadLocation and ParseDuration of Go's time package.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from runner.core.text.gotext import quote

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_DESCRIPTORS = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_EVERY = "@every "
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_NUMBER = re.compile(r"[0-9]*(\.[0-9]*)?")
_UNIT = re.compile(r"[^0-9.]*")
_INT64 = 2**63


class _Bounds(NamedTuple):
    first: int
    last: int
    names: Mapping[str, int]


_FIELDS = (
    _Bounds(0, 59, {}),
    _Bounds(0, 23, {}),
    _Bounds(1, 31, {}),
    _Bounds(1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Bounds(0, 6, {name: number for number, name in enumerate(_DAYS)}),
)


class _Fault(ValueError):
    """What is wrong, in the parser's words."""


def schedule_fault(text: str) -> str:
    """What is wrong with a schedule; empty when nothing is."""
    try:
        _parse(text)
    except _Fault as fault:
        return str(fault)
    return ""


def zone_fault(name: str) -> str:
    """What is wrong with the name of a time zone; empty when it can be loaded."""
    from runner.core.manifest.timezones import AREAS  # long, and most manifests name none

    if name in ("", "UTC", "Local"):
        return ""
    if ".." in name or name[0] in "/\\":
        return "time: invalid location name"
    if name in AREAS:
        return "is a directory"
    area, _, place = name.rpartition("/")
    return "" if place in AREAS.get(area, "").split() else f"unknown time zone {name}"


def _parse(text: str) -> None:
    if text.startswith(("TZ=", "CRON_TZ=")):
        zone, space, rest = text.partition(" ")
        if not space:
            raise _Fault("invalid schedule format: runtime error: slice bounds out of range [:-1]")
        name = zone.partition("=")[2]
        if fault := zone_fault(name):
            raise _Fault(f"provided bad location {name}: {fault}")
        text = rest.strip()
    if text.startswith("@"):
        _descriptor(text)
        return
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise _Fault(f"expected exactly {len(_FIELDS)} fields, found {len(fields)}: [{' '.join(fields)}]")
    for field, bounds in zip(fields, _FIELDS, strict=True):
        for part in filter(None, field.split(",")):
            _range(part, bounds)


def _range(text: str, bounds: _Bounds) -> None:
    """Check a number, a range or a star, each with or without a step."""
    ends, *steps = text.split("/")
    low, *high = ends.split("-")
    if low in ("*", "?"):
        start, end = bounds.first, bounds.last
    else:
        start = end = _number_or_name(low, bounds.names)
        if len(high) > 1:
            raise _Fault(f"too many hyphens: {text}")
        if high:
            end = _number_or_name(high[0], bounds.names)
    step = 1
    if len(steps) > 1:
        raise _Fault(f"too many slashes: {text}")
    if steps:
        step = _number(steps[0])
        end = end if high else bounds.last
    if start < bounds.first:
        raise _Fault(f"beginning of range ({start}) below minimum ({bounds.first}): {text}")
    if end > bounds.last:
        raise _Fault(f"end of range ({end}) above maximum ({bounds.last}): {text}")
    if start > end:
        raise _Fault(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if step == 0:
        raise _Fault(f"step of range should be a positive number: {text}")


def _number_or_name(text: str, names: Mapping[str, int]) -> int:
    return names[text.lower()] if text.lower() in names else _number(text)


def _number(text: str) -> int:
    """A number as Go's Atoi reads it."""
    reason = "" if re.fullmatch("[+-]?[0-9]+", text) else "invalid syntax"
    if not reason and (len(text.lstrip("+-0")) > 19 or not -_INT64 <= int(text) < _INT64):
        reason = "value out of range"
    if reason:
        raise _Fault(f"failed to parse int from {text}: strconv.Atoi: parsing {quote(text)}: {reason}")
    if text[0] == "-" and int(text):
        raise _Fault(f"negative number ({int(text)}) not allowed: {text}")
    return int(text)


def _descriptor(text: str) -> None:
    if text.startswith(_EVERY):
        if fault := _duration_fault(text.removeprefix(_EVERY)):
            raise _Fault(f"failed to parse duration {text}: time: {fault}")
    elif text not in _DESCRIPTORS:
        raise _Fault(f"unrecognized descriptor: {text}")


def _duration_fault(text: str) -> str:
    """What is wrong with a duration as Go writes them (``1h30m``); empty when nothing is."""
    invalid = f"invalid duration {quote(text)}"
    rest, total = text[1:] if text[:1] in ("+", "-") else text, 0.0
    if rest == "0":
        return ""
    if not rest:
        return invalid
    while rest:
        number = _NUMBER.match(rest)
        assert number is not None
        if number[0] in ("", ".") or len(number[0]) > 18 + len(number[1] or ""):
            return invalid
        rest = rest[number.end() :]
        unit = _UNIT.match(rest)
        assert unit is not None
        rest = rest[unit.end() :]
        if not unit[0]:
            return f"missing unit in duration {quote(text)}"
        if unit[0] not in _UNITS:
            return f"unknown unit {quote(unit[0])} in duration {quote(text)}"
        total += float(number[0]) * _UNITS[unit[0]]
        if total > _INT64:
            return invalid
    return ""
