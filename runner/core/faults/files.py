"""Faults out of what a user gives: text, mappings, files of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from runner.core.faults.model import Fault
from runner.core.manifest.decode import nearest
from runner.core.manifest.yamltext import read_documents
from runner.errors import UsageError

FaultLike = Fault | str | Mapping[str, Any]
"""A fault, its text, or a mapping of its parts: ``pod``, ``target``, ``attempts``, ``at``, ``fault``."""

_KEYS: Final = ("pod", "target", "attempts", "at", "fault")


def fault_of(value: FaultLike) -> Fault:
    """One fault in any form. Raises UsageError."""
    if isinstance(value, Fault):
        return value
    if isinstance(value, str):
        return Fault.parse(value)
    if not isinstance(value, Mapping):
        raise UsageError(f"a fault is text such as migrate:exit=1, or a mapping of its parts, not {value!r}")
    for key in value:
        if key not in _KEYS:
            near = nearest(str(key), _KEYS)
            tip = f', did you mean "{near}"?' if near else f"; there are {', '.join(_KEYS)}"
            raise UsageError(f'a fault has no "{key}"{tip}')
    for key in ("target", "fault"):
        if value.get(key) in (None, ""):
            raise UsageError(f'a fault needs a "{key}"')
    pod, attempts, at = (_text(value, key) for key in ("pod", "attempts", "at"))
    return Fault.parse(
        f"{f'pod/{pod}/' if pod else ''}{value['target']}{f'#{attempts}' if attempts else ''}"
        f"{f'@{at}' if at else ''}:{value['fault']}"
    )


def _text(value: Mapping[str, Any], key: str) -> str:
    given = value.get(key)
    return "" if given is None else str(given)


def faults_of(values: Iterable[FaultLike]) -> tuple[Fault, ...]:
    """Several of them. Raises UsageError."""
    return tuple(fault_of(value) for value in values)


def parse_faults(text: str, name: str) -> tuple[Fault, ...]:
    """Read a file of faults: one YAML list of texts and mappings. Raises UsageError with the file's name and the item."""
    documents = read_documents(text)
    for document in documents:
        for position, problem in [*((at, text) for at, text, _ in document.errors), *document.warnings]:
            raise UsageError(f"{name}:{position.line}:{position.column}: {problem}")
    roots = [document.root.plain() for document in documents if document.root is not None]
    if len(roots) > 1 or not all(isinstance(root, list) for root in roots):
        raise UsageError(f"{name}: expected one YAML list of faults, such as - migrate#0:exit=1")
    found = []
    for number, value in enumerate(roots[0] if roots else (), start=1):
        try:
            found.append(fault_of(value))
        except UsageError as error:
            raise UsageError(f"{name}: item {number}: {error.message}") from None
    return tuple(found)
