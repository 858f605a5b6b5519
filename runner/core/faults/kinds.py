"""What faults there are: the table of kinds, by what they are aimed at, and when they come."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from runner.core.reasons import EventType


class Place(StrEnum):
    """A place in a container's life: it is made, its process runs, has ended, has ended with another code than 0."""

    CREATED = "created"
    RUNNING = "running"
    ENDED = "ended"
    FAILED = "failed"


class Aim(StrEnum):
    """What a fault is aimed at. All but containers have their word in front of a name."""

    CONTAINER = "container"
    IMAGE = "image"
    CONFIG = "config"
    SECRET = "secret"
    VOLUME = "volume"
    PROBE = "probe"
    DNS = "dns"
    NET = "net"
    SANDBOX = "sandbox"
    NODE = "node"
    ENGINE = "engine"


class ArgType(StrEnum):
    """What stands behind a kind's ``=``."""

    NONE = "nothing"
    CODE = "an exit code from 0 to 255"
    DURATION = "a duration such as 5s"
    SIGNAL = "a signal such as TERM"
    SIZE = "a size such as 1Mi"
    USER = "a user's number such as 1000"
    ADDRESS = "an IPv4 address such as 10.0.0.1"


class Kind(Struct, frozen=True, kw_only=True):
    """What can go wrong with a kind of target. ``type``: of the event that tells of it.

    ``is_act``: it happens at a moment; else it holds from a moment on. ``is_brought``: then something is brought into the
    pod's sandbox. ``may_lack``: it may stand without its argument.
    """

    argument: ArgType = ArgType.NONE
    type: EventType = EventType.WARNING
    is_act: bool = False
    is_brought: bool = False
    may_lack: bool = False


_NORMAL: Final = EventType.NORMAL

KINDS: Final[Mapping[Aim, Mapping[str, Kind]]] = {
    Aim.CONTAINER: {
        "exit": Kind(argument=ArgType.CODE),
        "oom": Kind(),
        "hang": Kind(),
        "delay": Kind(argument=ArgType.DURATION, type=_NORMAL),
        "signal": Kind(argument=ArgType.SIGNAL, is_act=True),
        "start-error": Kind(),
    },
    Aim.IMAGE: {
        "not-found": Kind(),
        "unauthorized": Kind(),
        "too-many-requests": Kind(),
        "delay": Kind(argument=ArgType.DURATION, type=_NORMAL),
    },
    Aim.CONFIG: {"missing": Kind()},
    Aim.SECRET: {"missing": Kind()},
    Aim.VOLUME: {
        "readonly": Kind(),
        "full": Kind(argument=ArgType.SIZE),
        "owner": Kind(argument=ArgType.USER, is_brought=True),
    },
    Aim.DNS: {
        "nxdomain": Kind(is_brought=True),
        "servfail": Kind(is_brought=True),
        "delay": Kind(argument=ArgType.DURATION, type=_NORMAL, is_brought=True),
        "answer": Kind(argument=ArgType.ADDRESS, is_brought=True),
    },
    Aim.NET: {"cut": Kind(argument=ArgType.DURATION, is_act=True, may_lack=True)},
    Aim.SANDBOX: {"kill": Kind(is_act=True)},
    Aim.NODE: {"reboot": Kind(is_act=True)},
    Aim.ENGINE: {"down": Kind(argument=ArgType.DURATION, is_act=True)},
    Aim.PROBE: {"fail": Kind(), "delay": Kind(argument=ArgType.DURATION, type=_NORMAL)},
}
"""Which faults there are."""

PATTERNS: Final = frozenset({Aim.IMAGE, Aim.DNS})
"""Aims whose names are patterns, in which ``*`` stands for anything."""


PLAIN: Final = frozenset({Aim.NET, Aim.SANDBOX, Aim.NODE, Aim.ENGINE})
"""Aims of which there is one: they have no names. Their faults come once, unless attempts are named: those are its moments."""
NUMBERED: Final = frozenset({Aim.CONTAINER, Aim.IMAGE, Aim.PROBE}) | PLAIN
"""Aims that have attempts."""


class Moment(Struct, frozen=True, kw_only=True):
    """When a container is at a place, and so many seconds later."""

    container: str
    place: Place
    after: float = 0.0
