"""What the commands need of the library: ``runner.api.Runner`` fits, and so does a small fake in tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from datetime import datetime

    from runner.core.manifest import LoadedObject, LoadResult
    from runner.core.model import Json, Object
    from runner.core.narration import Listener, LogLine
    from runner.janitor.gc import GcReport
    from runner.kubelet.options import RunOptions
    from runner.node.outcome import StopRequest
    from runner.registry.storage import Store


class Result(Protocol):
    """How a run ended; ``message`` says it in one line, "" when there is nothing to say."""

    @property
    def exit_code(self) -> int: ...

    @property
    def pods(self) -> tuple[Object, ...]: ...

    @property
    def message(self) -> str: ...


class Waitable(Protocol):
    """A deletion under way; ``needs_waiting``: nobody else carries it out."""

    @property
    def needs_waiting(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> object: ...


class RunnerSurface(Protocol):
    """The facade."""

    @property
    def store(self) -> Store: ...

    def release(self) -> None: ...

    def load(self, paths: Sequence[str], *, stdin: TextIO | None, namespace: str, is_admitted: bool) -> LoadResult: ...

    def run_to_end(
        self, objects: Sequence[LoadedObject], options: RunOptions, *, listener: Listener, stop: StopRequest
    ) -> Result: ...

    def plan(self, objects: Sequence[LoadedObject], options: RunOptions) -> str: ...

    def delete(self, namespace: str, name: str, *, grace: int | None, force: bool) -> Waitable: ...

    def delete_object(self, kind: str, namespace: str, name: str, *, grace: int | None = None) -> Waitable: ...

    def remove_kept(self, objects: Sequence[LoadedObject], grace: int | None) -> Sequence[str]: ...

    def remove_unowned(self, deletions: Sequence[Any]) -> None: ...

    def logs(
        self,
        namespace: str,
        name: str,
        *,
        container: str | None,
        previous: bool,
        follow: bool,
        tail: int | None,
        since: float | datetime | None,
        attempt: int | None,
        whole: bool,
    ) -> Iterator[Sequence[LogLine]]: ...

    def attempts(self, namespace: str, name: str, *, container: str | None) -> Sequence[int]: ...

    def gc(
        self, *, everything: bool, older_than: float | None, dry_run: bool, other_homes: bool = False
    ) -> GcReport: ...

    def doctor(self) -> list[tuple[str, str]]: ...

    def wait_for(
        self, namespace: str, name: str, condition: Callable[[Json | None], bool], timeout: float | None
    ) -> object: ...
