"""What ``create`` and ``apply`` do with Services, ConfigMaps and Secrets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from runner.cli.failures import Failures
from runner.cli.manifests import load_objects
from runner.core.kindwords import OBJECTS
from runner.errors import AlreadyExists, Refusal, UsageError

if TYPE_CHECKING:
    from runner.cli.app import App
    from runner.core.manifest import LoadedObject


def written_objects(app: App, files: Sequence[str], namespace: str) -> list[LoadedObject]:
    """The objects of manifests. Raises UsageError for kinds that have to be run."""
    if not files:
        raise UsageError("must specify -f", hint="name a file, a folder, or - for standard input")
    found = []
    for one in load_objects(app, files, namespace):
        if one.kind not in OBJECTS:
            kinds = "Services, ConfigMaps and Secrets"
            raise UsageError(
                f"{one.file}: {one.kind} {one.name}: only {kinds} are kept without a run",
                hint=f"podrunner run {one.file} runs it; with --until ready --keep always it stays after the command",
            )
        found.append(one)
    return found


def write_each(app: App, objects: Sequence[LoadedObject], write: Callable[[LoadedObject], tuple[str, str]]) -> int:
    """Write objects one by one and say what was done with each, as kubectl does; what could not be is told at the end.

    ``write`` returns the object's name and the word for what was done.
    """
    failures = Failures()
    for one in objects:
        with failures.go_on():
            try:
                name, done = write(one)
            except AlreadyExists as problem:
                text = f'error when creating "{one.file}": {problem.message}'
                raise Refusal(text, reason="AlreadyExists") from problem
            app.out.line(f"{OBJECTS[one.kind].prefix}/{name} {done}")
    failures.end()
    return 0
