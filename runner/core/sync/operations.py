"""What one sync does, as data: a type for each kind of operation, with its target and its cause; each prints as one line.

The kubelet matches them by type, carries them out, and decides nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from runner.core.observed import SandboxRecord
from runner.core.sync.backoff import BackoffEntry
from runner.core.text.times import format_duration

Crash = tuple[tuple[str, ...], BackoffEntry]
"""What back-off is to remember under which key."""


class _Operation(Struct, frozen=True, kw_only=True):
    """``target`` is a container's name, ``POD`` for the sandbox, the pod's name for the whole pod."""

    verb: ClassVar[str]

    target: str
    cause: str

    def __str__(self) -> str:
        return f"{self.verb} {self.target}: {self.cause}"


class _Numbered(_Operation, frozen=True, kw_only=True):
    """An operation on one attempt."""

    attempt: int | None = None

    def __str__(self) -> str:
        attempt = "" if self.attempt is None else f" attempt {self.attempt}"
        return f"{self.verb} {self.target}{attempt}{self._wait}: {self.cause}"

    @property
    def _wait(self) -> str:
        return ""


class KillPod(_Operation, frozen=True, kw_only=True):
    """Stop everything that runs. ``message`` is the text of the event that tells why, "" for none."""

    verb = "kill pod"

    message: str = ""


class CreateSandbox(_Numbered, frozen=True, kw_only=True):
    """Make a sandbox; those that it ``replaces`` go when it is there. ``again`` is what back-off remembers of it."""

    verb = "create sandbox"

    attempt: int
    again: Crash | None = None
    replaces: tuple[SandboxRecord, ...] = ()


class HoldSandbox(_Numbered, frozen=True, kw_only=True):
    """A sandbox that may not be made before ``ready_at``, after a nominal ``delay`` in seconds."""

    verb = "hold"

    ready_at: datetime
    delay: float

    @property
    def _wait(self) -> str:
        return f" back-off {format_duration(self.delay)}"


class Kill(_Operation, frozen=True, kw_only=True):
    """Stop one instance. ``message`` is the text of its Killing event; it has ``grace`` seconds to end."""

    verb = "kill"

    container_id: str
    message: str
    grace: int


class Remove(_Numbered, frozen=True, kw_only=True):
    """Remove one instance, because its container starts from the beginning; a ``running`` one is killed first.

    Back-off remembers ``remember`` for a restart that users see, and ``again`` for anything else. ``keep``: put it aside for
    ``debug`` instead.
    """

    verb = "remove"

    container_id: str
    running: bool = False
    keep: bool = False
    remember: Crash | None = None
    again: Crash | None = None

    @property
    def at_once(self) -> bool:
        """Whether this is a restart that back-off did not hold: the first in a row."""
        return self.remember is not None and self.remember[1].count == 1


class Discard(_Numbered, frozen=True, kw_only=True):
    """Remove a dead instance that is one too many. ``keep``: put it aside for ``debug`` instead."""

    verb = "discard"

    container_id: str
    keep: bool = False


class Start(_Numbered, frozen=True, kw_only=True):
    """Start the next instance of a container. ``remember`` and ``again`` as with ``Remove``.

    ``blocks``: nothing that comes after it is done when it cannot be started.
    """

    verb = "start"

    attempt: int
    blocks: bool = False
    remember: Crash | None = None
    again: Crash | None = None

    @property
    def at_once(self) -> bool:
        """Whether this is a restart that back-off did not hold: the first in a row."""
        return self.remember is not None and self.remember[1].count == 1


class Hold(_Numbered, frozen=True, kw_only=True):
    """A start that may not happen before ``ready_at``, after a nominal ``delay`` in seconds.

    ``then`` are the operations in its place if its turn comes after that instant.
    """

    verb = "hold"

    attempt: int
    ready_at: datetime
    delay: float
    then: tuple[Start | Discard, ...] = ()

    @property
    def _wait(self) -> str:
        return f" back-off {format_duration(self.delay)}"


class GiveUp(_Numbered, frozen=True, kw_only=True):
    """Start nothing of the pod any more: a container was restarted too often."""

    verb = "give up"


Operation = KillPod | CreateSandbox | HoldSandbox | Kill | Remove | Discard | Start | Hold | GiveUp
"""One thing to do."""
