"""How faults are written: read strictly, each error with its column.

``[POD/]TARGET[#N[-M]][@CONTAINER.created|running|ended|failed[+DURATION]]:KIND[=ARG]``. TARGET is a container's name, or what
``Aim`` says with a name behind a slash. POD may have ``pod/`` or ``po/`` before it, and ``*`` in it. No part needs quotes in a
shell but for patterns. What stands before ``:KIND`` is a place, which breakpoints share.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from runner.core.faults.kinds import KINDS, NUMBERED, PATTERNS, PLAIN, Aim, ArgType, Kind, Moment, Place
from runner.core.faults.signals import signal_of
from runner.core.manifest.decode import nearest
from runner.core.model import ProbeKind
from runner.core.text.quantity import QuantityError, parse_quantity
from runner.core.text.times import parse_duration
from runner.errors import UsageError

MOST_ATTEMPTS: Final = 1_000_000
LONGEST_SECONDS: Final = 10 * 365 * 86_400.0
"""Longer than anybody waits, and short enough for a date."""
MOST_BYTES: Final = 1 << 50
MOST_USERS: Final = 2**31 - 1
"""The largest number that a Pod's runAsUser may have."""
_LONGEST_NAME: Final = 63
_LONGEST_HOST: Final = 253
PROBES: Final = tuple(str(kind).lower() for kind in ProbeKind)

POD_WORDS: Final = ("pod", "po")
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_POD: Final = re.compile(r"[a-z0-9*?][-a-z0-9.*?]*")
_OBJECT: Final = re.compile(r"[a-z0-9][-\w.]*", re.ASCII)
_PATTERN: Final = re.compile(r"[-\w.*?/:@]+", re.ASCII)
_HOST: Final = re.compile(r"[-\w.*?]+", re.ASCII)
_NUMBERS: Final = re.compile(r"(\d+)(?:-(\d+))?")
AIM_WORDS: Final = {str(aim): aim for aim in Aim if aim is not Aim.CONTAINER and aim not in PLAIN}
_PLAIN: Final = {str(aim): aim for aim in PLAIN}
_ALL_KINDS: Final = tuple(dict.fromkeys(kind for kinds in KINDS.values() for kind in kinds))


class FaultError(UsageError):
    """A fault that is none, or that can concern nothing; the text names the column."""

    def __init__(self, text: str, column: int, problem: str) -> None:
        super().__init__(f'fault "{text}", column {column}: {problem}')
        self.column, self.problem = column, problem


class Subject(Struct, frozen=True, kw_only=True):
    """What a fault or a breakpoint is about, and where in the text each part begins (columns from 1)."""

    pod: str = ""
    aim: Aim | None = None
    name: str = ""
    first: int | None = None
    last: int | None = None
    at: Moment | None = None
    pod_column: int = 1
    name_column: int = 1
    at_column: int = 1


class Parts(Struct, frozen=True, kw_only=True):
    """A whole fault as it is written. ``name`` is empty for what there is one of."""

    subject: Subject
    aim: Aim
    name: str
    kind: str
    argument: int | float | str | None


def read_parts(text: str) -> Parts:
    """Read one fault. Raises FaultError."""
    body, equals, argument = text.partition("=")
    place, colon, word = body.rpartition(":")
    if not colon:
        raise FaultError(text, len(body) + 1, "expected :KIND at the end, such as migrate:exit=1")
    subject = _subject(text, place)
    aim = _aim(text, subject, word, len(place) + 2)
    value = _argument(text, word, KINDS[aim][word], argument if equals else None, len(body) + 1)
    _check_moment(text, aim, word, subject)
    return Parts(subject=subject, aim=aim, name="" if aim in PLAIN else subject.name, kind=word, argument=value)


def read_subject(text: str, place: str) -> Subject:
    """Read what stands before a kind, or before a breakpoint's place. Raises FaultError."""
    return _subject(text, place)


def _subject(text: str, place: str) -> Subject:
    """Read everything before the kind."""
    head, at, at_column = place, None, 1
    before, sign, moment = place.rpartition("@")
    if sign and ":" not in moment:  # What has a colon is an image's digest.
        head, at_column = before, len(before) + 2
        at = _moment(text, moment, at_column)
    target, first, last = _numbered(text, head)
    pod, pod_column, rest, column = _split_pod(text, target)
    word, slash, name = rest.partition("/")
    if slash:
        aim = AIM_WORDS[word]
        _check_name(text, name, column + len(word) + 1, aim)
        if first is not None and aim not in NUMBERED:
            raise FaultError(
                text, len(target) + 2, f"{word}/{name} has no attempts: say from when with @CONTAINER.running"
            )
        return Subject(
            pod=pod, aim=aim, name=name, first=first, last=last, at=at,
            pod_column=pod_column, name_column=column + len(word) + 1, at_column=at_column,
        )  # fmt: skip
    _check_name(text, rest, column, Aim.CONTAINER)
    return Subject(
        pod=pod, name=rest, first=first, last=last, at=at,
        pod_column=pod_column, name_column=column, at_column=at_column,
    )  # fmt: skip


def _split_pod(text: str, target: str) -> tuple[str, int, str, int]:
    """The pod's name with its column, and the rest with its own."""
    word, slash, rest = target.partition("/")
    if not slash or word in AIM_WORDS:
        return "", 1, target, 1
    pod, column = word, 1
    if word in POD_WORDS:
        column = len(word) + 2
        pod, slash, rest = rest.partition("/")
        if not slash:
            raise FaultError(
                text, len(target) + 1, f"expected /TARGET after the pod, such as pod/{pod or 'web'}/migrate"
            )
    if not _POD.fullmatch(pod):
        raise FaultError(text, column, f'"{pod}" is no name of a pod')
    begin = column + len(pod) + 1
    first, more, _ = rest.partition("/")
    if more and first not in AIM_WORDS:
        near = nearest(first, AIM_WORDS)
        tip = f', did you mean "{near}"?' if near else f"; there are {_listed(AIM_WORDS)}"
        raise FaultError(text, begin, f'"{first}/" is no kind of target{tip}')
    return pod, column, rest, begin


def _check_name(text: str, name: str, column: int, aim: Aim) -> None:
    if not name:
        raise FaultError(text, column, "expected the name of a target")
    if aim in PATTERNS:
        found = (_HOST if aim is Aim.DNS else _PATTERN).match(name)
        end = found.end() if found else 0
        if end < len(name):
            raise FaultError(text, column + end, f'unexpected "{name[end]}" in a pattern')
        if aim is Aim.DNS and len(name) > _LONGEST_HOST:
            raise FaultError(text, column, f"a name has at most {_LONGEST_HOST} characters")
        return
    form = _OBJECT if aim in (Aim.CONFIG, Aim.SECRET) else _NAME
    if aim is Aim.PROBE:
        name, column = _probed(text, name, column)
    if not form.fullmatch(name) or (form is _NAME and len(name) > _LONGEST_NAME):
        what = "a volume" if aim is Aim.VOLUME else "an object" if form is _OBJECT else "a container"
        raise FaultError(text, column, f'"{name}" is no name of {what}')


def _probed(text: str, name: str, column: int) -> tuple[str, int]:
    """The container of a probe."""
    container, dot, word = name.rpartition(".")
    if not dot:
        raise FaultError(text, column + len(name), f"expected probe/{name}.{'|'.join(PROBES)}")
    if word not in PROBES:
        near = nearest(word, PROBES)
        tip = f', did you mean "{near}"?' if near else f"; there are {_listed(PROBES)}"
        raise FaultError(text, column + len(container) + 1, f'"{word}" is no probe{tip}')
    return container, column


def _numbered(text: str, head: str) -> tuple[str, int | None, int | None]:
    """The target and the attempts that are meant."""
    target, sign, numbers = head.rpartition("#")
    if not sign:
        return head, None, None
    column = len(target) + 2
    found = _NUMBERS.fullmatch(numbers)
    if found is None:
        raise FaultError(text, column, f'expected an attempt such as 0 or 0-2, found "{numbers}"')
    first = int(found[1])
    last = first if found[2] is None else int(found[2])
    if last > MOST_ATTEMPTS:
        raise FaultError(text, column, f"attempts are numbers up to {MOST_ATTEMPTS}")
    if last < first:
        raise FaultError(text, column, f"attempts {first}-{last} are none: the first comes after the last")
    return target, first, last


def _moment(text: str, moment: str, column: int) -> Moment:
    where, plus, after = moment.partition("+")
    container, dot, word = where.rpartition(".")
    if not dot:
        raise FaultError(text, column, f"expected CONTAINER.{'|'.join(Place)} after @")
    _check_name(text, container, column, Aim.CONTAINER)
    if word not in tuple(Place):
        near = nearest(word, Place)
        tip = f', did you mean "{near}"?' if near else f"; there are {_listed(Place)}"
        raise FaultError(text, column + len(container) + 1, f'"{word}" is no place in a container\'s life{tip}')
    seconds = _seconds(text, after, column + len(where) + 1) if plus else 0.0
    return Moment(container=container, place=Place(word), after=seconds)


def _seconds(text: str, word: str, column: int) -> float:
    try:
        seconds = round(parse_duration(word), 6)
    except ValueError:
        raise FaultError(text, column, f'expected {ArgType.DURATION}, found "{word}"') from None
    if not 0 < seconds <= LONGEST_SECONDS:
        raise FaultError(text, column, f'a duration is longer than nothing and at most ten years, not "{word}"')
    return seconds


def _aim(text: str, subject: Subject, word: str, column: int) -> Aim:
    """What the target is, by its word or by what is said of it. Raises FaultError for a kind that it has not."""
    aim = subject.aim or Aim.CONTAINER
    known = KINDS[aim]
    if word in known:
        return aim
    plain = _PLAIN.get(subject.name) if subject.aim is None else None
    if plain is not None:
        if word in KINDS[plain]:
            return plain
        aim, known = plain, {**KINDS[plain], **known}
    owners = [_aim_words(other) for other, kinds in KINDS.items() if word in kinds]
    if owners:
        problem = f'"{word}" is a fault of {" and ".join(owners)}; {_aim_words(aim)} has {_listed(KINDS[aim])}'
        raise FaultError(text, column, problem)
    near = nearest(word, known) or nearest(word, _ALL_KINDS)
    tip = f', did you mean "{near}"?' if near in known else f"; {_aim_words(aim)} has {_listed(KINDS[aim])}"
    raise FaultError(text, column, f'there is no fault "{word}"{tip}')


def _aim_words(aim: Aim) -> str:
    return "a container" if aim is Aim.CONTAINER else str(aim) if aim in PLAIN else f"{aim}/NAME"


def _argument(text: str, word: str, kind: Kind, given: str | None, column: int) -> int | float | str | None:
    wanted = kind.argument
    if wanted is ArgType.NONE:
        if given is not None:
            raise FaultError(text, column, f'"{word}" takes no argument')
        return None
    if given is None and kind.may_lack:
        return None
    if not given:
        raise FaultError(text, column, f"expected {word}={wanted}")
    if wanted is ArgType.DURATION:
        return _seconds(text, given, column + 1)
    if wanted is ArgType.SIGNAL:
        signal = signal_of(given)
        if not signal:
            raise FaultError(text, column + 1, f'expected {wanted}, found "{given}"')
        return signal
    if wanted is ArgType.SIZE:
        return _size(text, given, column + 1)
    if wanted is ArgType.ADDRESS:
        if not _is_address(given):
            raise FaultError(text, column + 1, f'expected {wanted}, found "{given}"')
        return given
    most = MOST_USERS if wanted is ArgType.USER else 255
    if not given.isascii() or not given.isdecimal() or len(given) > len(str(most)) or int(given) > most:
        raise FaultError(text, column + 1, f'expected {wanted}, found "{given}"')
    return int(given)


def _size(text: str, given: str, column: int) -> str:
    """A quantity of bytes, as it is written."""
    try:
        size = parse_quantity(given).ceil()
    except QuantityError:
        raise FaultError(text, column, f'expected {ArgType.SIZE}, found "{given}"') from None
    if not 0 < size <= MOST_BYTES:
        raise FaultError(text, column, f'a size is more than nothing and at most 1Pi, not "{given}"')
    return given


def _is_address(given: str) -> bool:
    parts = given.split(".")
    return len(parts) == 4 and all(
        one.isascii() and one.isdecimal() and len(one) < 4 and int(one) < 256 for one in parts
    )


def _check_moment(text: str, aim: Aim, kind: str, subject: Subject) -> None:
    """Refuse what cannot be at its time."""
    at = subject.at
    if at is not None and (aim, kind) == (Aim.VOLUME, "full"):
        raise FaultError(text, subject.at_column, "a volume has its size from the beginning: leave the moment out")
    if aim is Aim.NODE and at is None:
        raise FaultError(
            text, len(text.partition(":")[0]) + 1, "expected a moment, such as node@migrate.running+1s:reboot"
        )
    if at is None or aim is not Aim.CONTAINER or at.container != subject.name:
        return
    if kind in ("start-error", "delay", "oom") and at.place is Place.RUNNING:
        raise FaultError(text, subject.at_column, f'"{kind}" cannot come while {subject.name} runs')


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
