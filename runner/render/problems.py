"""Problems of a manifest: ``file:line:column: field: message``, with the line and a mark below the place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.core.manifest import LoadedObject, LoadResult, Problem
from runner.core.manifest.answer import server_status
from runner.render.style import Paint

_LONGEST_LINE = 160


def problem_text(problem: Problem, sources: Mapping[str, Sequence[str]], paint: Paint, *, warning: bool = False) -> str:
    """The complaint, and where the source is at hand the line it is about. ``sources``: the files' lines."""
    word = paint.yellow("warning") if warning else paint.red("error")
    place, _, message = str(problem).partition(": ")
    lines = sources.get(problem.file, ())
    head = f"{paint.bold(place)}: {word}: {message}"
    if not 0 < problem.line <= len(lines):
        return head
    return f"{head}\n{_snippet(lines[problem.line - 1], problem.line, problem.column, paint)}"


def _snippet(text: str, line: int, column: int, paint: Paint) -> str:
    start = max(0, column - _LONGEST_LINE // 2) if len(text) > _LONGEST_LINE else 0
    shown = text[start : start + _LONGEST_LINE]
    lead = "".join("\t" if character == "\t" else " " for character in shown[: max(0, column - 1 - start)])
    number = str(line)
    margin = " " * len(number)
    return f" {number} | {_printable(shown)}\n {margin} | {lead}{paint.red('^')}"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def problem_json(problem: Problem) -> dict[str, Any]:
    return {"line": problem.line, "column": problem.column, "field": problem.field, "message": problem.message}


def file_report(file: str, result: LoadResult) -> dict[str, Any]:
    """What ``validate -o json`` says about one file."""
    problems = [p for p in result.problems if p.file == file]
    return {
        "file": file,
        "ok": not problems,
        "objects": [] if problems else [dict(o.value) for o in objects_of(file, result)],
        "status": server_status(problems),
        "warnings": [problem_json(w) for w in (*result.warnings, *result.ignored) if w.file == file],
        "problems": [problem_json(p) for p in problems],
    }


def ignored_text(result: LoadResult) -> str:
    """One line about all objects that have no effect on one node, "" when there are none."""
    names: dict[str, list[str]] = {}
    for problem in result.ignored:
        assert problem.subject is not None
        names.setdefault(problem.subject.kind, []).append(problem.subject.name or "?")
    if not names:
        return ""
    return "ignored, without effect on one node: " + "; ".join(f"{kind} {', '.join(of)}" for kind, of in names.items())


def objects_of(file: str, result: LoadResult) -> list[LoadedObject]:
    return [loaded for loaded in result.objects if loaded.file == file]


def count(number: int, noun: str) -> str:
    """``1 problem``, ``2 problems``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
