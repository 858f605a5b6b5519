"""The Status object with which the API server would refuse what is wrong with an object.

Mirrors k8s.io/apimachinery/pkg/api/errors/errors.go (NewInvalid, NewBadRequest) and
k8s.io/apiserver/pkg/endpoints/handlers/create.go for what a text that cannot be decoded is answered with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from runner.core.manifest.schema import load_schema
from runner.core.manifest.types import LoadResult, Problem, ProblemType, Subject
from runner.core.text.gotext import quote

_NOT_FOUND = "the server could not find the requested resource"
_UNKNOWN = "unknown field "
_MOST_UNKNOWN = 100


def server_status(problems: Sequence[Problem]) -> dict[str, Any] | None:
    """The server's answer to the first object of a file that it refuses; None when it would not be asked.

    It is not asked when nothing is wrong, or only the text, the kind or a type in metadata: kubectl refuses those itself.
    ``problems``: all those of one file.
    """
    ordered = sorted(problems, key=lambda problem: problem.order)
    if any(problem.detail == _NOT_FOUND for problem in ordered):
        return _status("NotFound", 404, _NOT_FOUND, {})
    first = next((problem.subject for problem in ordered if problem.subject is not None), None)
    if first is None:
        return None
    mine = [problem for problem in ordered if problem.subject is not None and problem.subject.number == first.number]
    undecoded = [problem.detail for problem in mine if problem.type is ProblemType.DECODE]
    if any(_is_clients(problem) for problem in mine):
        return None
    if undecoded:
        return _bad_request(first, undecoded)
    return _invalid(first, mine)


def _is_clients(problem: Problem) -> bool:
    """Whether kubectl itself cannot read this: it looks at an object's metadata before it sends the object."""
    in_metadata = problem.field == "metadata" or problem.field.startswith(("metadata.", "metadata["))
    return problem.type is ProblemType.DECODE and in_metadata and not problem.detail.startswith(_UNKNOWN)


def strict(result: LoadResult) -> LoadResult:
    """The same with every warning and every ignored object as a problem."""
    files = list(dict.fromkeys(p.file for p in (*result.problems, *result.warnings, *result.ignored)))
    both = (*result.problems, *result.warnings, *result.ignored)
    ordered = sorted(both, key=lambda problem: (files.index(problem.file), problem.line, problem.column))
    return replace(result, problems=tuple(ordered), warnings=(), ignored=())


def _bad_request(subject: Subject, sentences: Sequence[str]) -> dict[str, Any]:
    """A value of the wrong type is found first and alone; unknown fields are all named."""
    wrong = [sentence for sentence in sentences if not sentence.startswith(_UNKNOWN)]
    reason = wrong[0] if wrong else "strict decoding error: " + ", ".join(sentences[:_MOST_UNKNOWN])
    version = subject.api_version.rpartition("/")[2]
    kinds = load_schema().known[subject.api_version]
    handled = next(kind for kind in kinds if kind.lower() == subject.kind.lower())
    text = f'{subject.kind} in version "{version}" cannot be handled as a {handled}: {reason}'
    return _status("BadRequest", 400, text, {})


def _invalid(subject: Subject, problems: Sequence[Problem]) -> dict[str, Any]:
    group = subject.api_version.rpartition("/")[0]
    sentences = list(dict.fromkeys(f"{problem.field}: {problem.message}" for problem in problems))
    said = sentences[0] if len(sentences) == 1 else f"[{', '.join(sentences)}]"
    kind = f"{subject.kind}.{group}" if group else subject.kind
    named = {"name": subject.name, "group": group, "kind": subject.kind}
    details: dict[str, Any] = {key: value for key, value in named.items() if value}
    details["causes"] = [
        {"reason": f"FieldValue{problem.type}", "message": problem.message, "field": problem.field}
        for problem in problems
    ]
    return _status("Invalid", 422, f"{kind} {quote(subject.name)} is invalid: {said}", details)


def _status(reason: str, code: int, message: str, details: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
    }
    if details or code == 404:
        value["details"] = details
    return {**value, "code": code}
