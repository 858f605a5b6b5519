"""Commands over several objects do all, report all, and only then fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from runner.errors import RunnerError

Item = TypeVar("Item")
Found = TypeVar("Found")


class SeveralErrors(RunnerError):
    """What went wrong with some of the objects; the exit code is the first one's."""

    def __init__(self, errors: Sequence[RunnerError]) -> None:
        super().__init__("\n".join(error.message for error in errors))
        self.errors = tuple(errors)
        self.exit_code = errors[0].exit_code


class Failures:
    """Collects the errors of a command; each text is told once."""

    def __init__(self) -> None:
        self._errors: dict[str, RunnerError] = {}

    def add(self, error: RunnerError) -> None:
        self._errors.setdefault(error.message, error)

    @contextmanager
    def go_on(self) -> Iterator[None]:
        """Whatever goes wrong in the block is told at the end."""
        try:
            yield
        except SeveralErrors as several:
            for error in several.errors:
                self.add(error)
        except RunnerError as error:
            self.add(error)

    def each(self, do: Callable[[Item], Found], items: Iterable[Item]) -> list[Found]:
        """Do something with every item; what comes out of those with which it went well."""
        found: list[Found] = []
        for item in items:
            with self.go_on():
                found.append(do(item))
        return found

    def end(self) -> None:
        """Raise what went wrong, if anything did."""
        errors = list(self._errors.values())
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise SeveralErrors(errors)
