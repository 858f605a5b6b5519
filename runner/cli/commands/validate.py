"""``validate``: say everything that is wrong with manifests, without touching anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli.app import App, app_of
from runner.cli.manifests import STDIN, load
from runner.cli.options import color_option, command, file_option, namespace_option, option, strict_option
from runner.errors import ExitCode, UsageError
from runner.render.problems import count, file_report, ignored_text, problem_text

if TYPE_CHECKING:
    from runner.core.manifest import LoadResult


@command("validate", "podrunner validate pod.yaml -o yaml", short_help="Say everything that is wrong with manifests.")
@click.argument("paths", nargs=-1, metavar="[FILE]...", type=click.Path())
@file_option
@option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "yaml"]),
    default="text",
    show_default=True,
    help="text: problems with their place; yaml: the objects with all defaults; json: one report a file and line.",
)
@strict_option
@color_option
@namespace_option
def validate(
    paths: tuple[str, ...], files: tuple[str, ...], output: str, is_strict: bool, color: str, namespace: str
) -> int:
    """Check manifests against Kubernetes v1.37: syntax, field names, types, values. Exit code 2 when something is wrong."""
    app = app_of()
    named = (*paths, *files)
    if not named:
        raise UsageError("no manifest given", hint="name a file, a folder, or - for standard input")
    result, stdin = load(app, named, namespace, is_strict=is_strict, across=True, is_admitted=False)
    if output == "json":
        for file in _files(named, result):
            app.out.exact(json.dumps(file_report(file, result), ensure_ascii=False) + "\n")
    else:
        _complain(app, result, stdin, color)
        _summarize(app, result, output)
    return 0 if result.ok else ExitCode.USAGE


def _complain(app: App, result: LoadResult, stdin: str, color: str) -> None:
    """Problems and warnings in the order of their places, on standard error."""
    paint = app.paint(app.err, color)
    sources = _sources(result, stdin)
    for warning in result.warnings:
        app.say(problem_text(warning, sources, paint, warning=True))
    if result.ignored:
        app.say(ignored_text(result))
    for problem in result.problems:
        app.say(problem_text(problem, sources, paint))


def _summarize(app: App, result: LoadResult, output: str) -> None:
    if not result.ok:
        app.say(count(len(result.problems), "problem"))
    elif output == "yaml":
        from runner.render.formats import to_yaml

        app.out.exact("---\n".join(to_yaml(loaded.value) for loaded in result.objects))
    else:
        for loaded in result.objects:
            app.out.line(f"{loaded.kind.lower()}/{loaded.name} is valid")


def _files(named: Sequence[str], result: LoadResult) -> list[str]:
    """The files that were read: those with objects or complaints, and the named ones that are plain files."""
    seen = [STDIN if path == "-" else path for path in named if not Path(path).is_dir()]
    seen.extend(loaded.file for loaded in result.objects)
    seen.extend(problem.file for problem in (*result.problems, *result.warnings, *result.ignored))
    return list(dict.fromkeys(seen))


def _sources(result: LoadResult, stdin: str) -> Mapping[str, Sequence[str]]:
    sources: dict[str, Sequence[str]] = {}
    for problem in (*result.problems, *result.warnings):
        if problem.file not in sources:
            sources[problem.file] = (stdin if problem.file == STDIN else _text(problem.file)).splitlines()
    return sources


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    except OSError:
        return ""
