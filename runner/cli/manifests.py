"""Reading the manifests that a command line names."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource
from msgspec.structs import replace

from runner.errors import ManifestError, UsageError

if TYPE_CHECKING:
    from runner.cli.app import App
    from runner.core.manifest import LoadedObject, LoadResult, Problem

STDIN = "<stdin>"


def load(
    app: App,
    paths: Sequence[str],
    namespace: str,
    *,
    is_strict: bool = False,
    across: bool = False,
    is_admitted: bool = True,
) -> tuple[LoadResult, str]:
    """Load the manifests; returns what they hold and the text of standard input, "" when it was not read.

    ``is_strict``: warnings and ignored objects are problems. ``across``: names that are nowhere in the input are warned of.
    Without ``is_admitted`` pods are checked as they are written.
    """
    text = _stdin(app) if "-" in paths else ""
    result = app.runner.load(paths, stdin=io.StringIO(text), namespace=namespace, is_admitted=is_admitted)
    if _is_given("namespace"):
        _refuse_other_namespaces(result.objects, namespace)
    if across and result.ok:
        from runner.core.manifest.needs import missing_names

        result = replace(result, warnings=_in_order((*result.warnings, *missing_names(result.objects))))
    if is_strict:
        from runner.core.manifest.answer import strict

        result = strict(result)
    return result, text


def _is_given(option: str) -> bool:
    """Whether an option stands on the command line."""
    context = click.get_current_context(silent=True)
    return context is not None and context.get_parameter_source(option) is ParameterSource.COMMANDLINE


def _refuse_other_namespaces(objects: Sequence[LoadedObject], namespace: str) -> None:
    """A namespace that was asked for holds for every object (k8s.io/cli-runtime resource RequireNamespace).

    Raises UsageError.
    """
    for one in objects:
        own = str((one.raw.get("metadata") or {}).get("namespace") or "")
        if one.namespace and own and own != namespace:
            text = f'the namespace from the provided object "{own}" does not match the namespace "{namespace}".'
            raise UsageError(f"{one.file}: {text} You must pass '--namespace={own}' to perform this operation.")


def _stdin(app: App) -> str:
    from runner.api.sources import stdin_text

    return stdin_text(app.stdin)


def _in_order(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    files = list(dict.fromkeys(problem.file for problem in problems))
    return tuple(sorted(problems, key=lambda problem: (files.index(problem.file), problem.line, problem.column)))


def load_objects(
    app: App, paths: Sequence[str], namespace: str, *, is_strict: bool = False, across: bool = False
) -> tuple[LoadedObject, ...]:
    """Load the manifests and say their warnings. Raises UsageError, or ManifestError with all problems."""
    if not paths:
        raise UsageError("no manifest given", hint="name a file, a folder, or - for standard input")
    result, _ = load(app, paths, namespace, is_strict=is_strict, across=across)
    for warning in result.warnings:
        app.say(f"warning: {warning}")
    if result.ignored:
        from runner.render.problems import ignored_text

        app.say(ignored_text(result))
    if not result.ok:
        raise ManifestError(tuple(str(problem) for problem in result.problems))
    if not result.objects:
        raise UsageError("the manifests hold no objects")
    return result.objects
