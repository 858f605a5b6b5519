"""A fault: a target, when, and what goes wrong with it; read out of its text, and written in one way alone."""

from __future__ import annotations

from fnmatch import fnmatchcase

from msgspec import Struct

from runner.core.faults.grammar import AIM_WORDS, POD_WORDS, Parts, read_parts
from runner.core.faults.kinds import KINDS, PLAIN, Aim, ArgType, Kind, Moment, Place
from runner.core.labels import SANDBOX_CONTAINER
from runner.core.text.times import format_duration


class Fault(Struct, frozen=True, kw_only=True):
    """One fault. ``pod`` is a pattern, "": every pod. ``first`` and ``last`` attempt, from 0; None: every attempt.

    ``argument``: an exit code, seconds, or text, as the kind has it. ``at`` None: from the beginning.
    """

    aim: Aim
    name: str
    kind: str
    argument: int | float | str | None = None
    pod: str = ""
    first: int | None = None
    last: int | None = None
    at: Moment | None = None

    @property
    def nature(self) -> Kind:
        """What the table says of its kind."""
        return KINDS[self.aim][self.kind]

    @property
    def is_at_its_end(self) -> bool:
        """Whether it is about how its own container ends, whenever that is."""
        at, is_own = self.at, self.aim is Aim.CONTAINER and self.kind == "exit"
        return at is not None and is_own and (at.container, at.place, at.after) == (self.name, Place.ENDED, 0)

    def is_in(self, pod: str) -> bool:
        """Whether it is about a pod of this name."""
        return not self.pod or fnmatchcase(pod, self.pod)

    @property
    def container(self) -> str:
        """The container that it is aimed at, "": none."""
        return {Aim.CONTAINER: self.name, Aim.PROBE: self.name.rpartition(".")[0]}.get(self.aim, "")

    @property
    def moment(self) -> Moment | None:
        """When what happens at a moment does; None: at the very beginning."""
        if self.at is not None or self.aim is Aim.ENGINE:
            return self.at
        return Moment(container=self.name or SANDBOX_CONTAINER, place=Place.RUNNING)

    def comes(self, number: int) -> bool:
        """Whether it happens when its moment comes for this time, from 0; unless told otherwise it is the first one."""
        return number == 0 if self.first is None else self.counts(number)

    def counts(self, number: int) -> bool:
        """Whether it is about this attempt."""
        return self.first is None or (self.last is not None and self.first <= number <= self.last)

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read one out of its text, such as ``migrate#0-1:exit=3``. Raises UsageError with the column of what is wrong."""
        return cls.of(read_parts(text))

    @classmethod
    def of(cls, parts: Parts) -> Fault:
        """What was read."""
        subject = parts.subject
        return cls(
            aim=parts.aim,
            name=parts.name,
            kind=parts.kind,
            argument=parts.argument,
            pod=subject.pod,
            first=subject.first,
            last=subject.last,
            at=subject.at,
        )

    def __str__(self) -> str:
        """The one way in which it is shown; ``parse`` reads the same out of it."""
        prefix = ""
        if self.pod:
            word = "pod/" if self.pod in (*AIM_WORDS, *POD_WORDS) else ""
            prefix = f"{word}{self.pod}/"
        aim = "" if self.aim is Aim.CONTAINER else str(self.aim) if self.aim in PLAIN else f"{self.aim}/"
        attempts = "" if self.first is None else f"#{self.first}"
        if self.last != self.first:
            attempts += f"-{self.last}"
        at = ""
        if self.at is not None:
            after = f"+{format_duration(self.at.after)}" if self.at.after else ""
            at = f"@{self.at.container}.{self.at.place}{after}"
        return f"{prefix}{aim}{self.name}{attempts}{at}:{self.kind}{self._argument_text}"

    @property
    def _argument_text(self) -> str:
        if self.argument is None:
            return ""
        if self.nature.argument is ArgType.DURATION:
            return f"={format_duration(float(self.argument))}"
        return f"={self.argument}"
