"""What the commands need of the library: ``runner.api.Runner`` fits, and so does a small fake in tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from runner.api.options import RunOptions, StopRequest
    from runner.api.records import Records
    from runner.api.types import Client, GcReport
    from runner.core.manifest import LoadedObject, LoadResult
    from runner.core.model import Object
    from runner.core.narration import Listener


class Result(Protocol):
    """How a run ended; ``message`` says it in one line, "" when there is nothing to say."""

    @property
    def exit_code(self) -> int: ...

    @property
    def pods(self) -> tuple[Object, ...]: ...

    @property
    def message(self) -> str: ...


class RunnerSurface(Protocol):
    """The facade."""

    @property
    def client(self) -> Client: ...

    @property
    def records(self) -> Records: ...

    def release(self) -> None: ...

    def load(self, paths: Sequence[str], *, stdin: TextIO | None, namespace: str, is_admitted: bool) -> LoadResult: ...

    def run_to_end(
        self, objects: Sequence[LoadedObject], options: RunOptions, *, listener: Listener, stop: StopRequest
    ) -> Result: ...

    def plan(self, objects: Sequence[LoadedObject], options: RunOptions) -> str: ...

    def remove_kept(self, objects: Sequence[LoadedObject], grace: int | None) -> Sequence[str]: ...

    def own_namespace(self, name: str) -> None: ...

    def remove_namespace(self, name: str) -> None: ...

    def gc(
        self, *, everything: bool, older_than: float | None, dry_run: bool, other_homes: bool = False
    ) -> GcReport: ...

    def doctor(self) -> list[tuple[str, str]]: ...
