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
    from runner.core.model import Json


def written_objects(app: App, files: Sequence[str], namespace: str) -> list[tuple[str, Json]]:
    """The objects of manifests, each with its file and its namespace. Raises UsageError for kinds that have to be run."""
    if not files:
        raise UsageError("must specify -f", hint="name a file, a folder, or - for standard input")
    values: list[tuple[str, Json]] = []
    for one in load_objects(app, files, namespace):
        if one.kind not in OBJECTS:
            kinds = "Services, ConfigMaps and Secrets"
            raise UsageError(
                f"{one.file}: {one.kind} {one.name}: only {kinds} are kept without a run",
                hint=f"podrunner run {one.file} runs it; with --until ready --keep always it stays after the command",
            )
        metadata = {**(one.value.get("metadata") or {}), "namespace": one.namespace}
        values.append((one.file, {**one.value, "kind": one.kind, "metadata": metadata}))
    return values


def write_each(app: App, values: Sequence[tuple[str, Json]], write: Callable[[Json], str]) -> int:
    """Write objects one by one and say what was done with each, as kubectl does; what could not be is told at the end."""
    failures = Failures()
    for file, value in values:
        name = value["metadata"].get("name")
        with failures.go_on():
            try:
                done = write(value)
            except AlreadyExists as problem:
                text = f'error when creating "{file}": {problem.message}'
                raise Refusal(text, reason="AlreadyExists") from problem
            app.out.line(f"{OBJECTS[value['kind']].prefix}/{name} {done}")
    failures.end()
    return 0
