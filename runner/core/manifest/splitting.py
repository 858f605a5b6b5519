"""A text's documents, split where kubectl splits them.

Mirrors YAMLOrJSONDecoder and YAMLReader (k8s.io/apimachinery/pkg/util/yaml/decoder.go): a text that begins with a brace is
read as JSON values one after the other, and as YAML from the first or second of them on that is none; YAML is split at
lines that begin with three dashes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner.core.manifest.jsonscan import JsonFault, value_end

_SEPARATOR = "---"


@dataclass(frozen=True, slots=True)
class Part:
    """The text of one document and the lines before it.

    `fault`: what kubectl says of it when it is not YAML either. `error`: why nothing of it is read, with line and column.
    `is_json`: kubectl reads it with its reader of JSON.
    """

    text: str
    first_line: int
    fault: str = ""
    error: tuple[int, int, str] | None = None
    is_json: bool = False


def split(text: str) -> Iterator[Part]:
    """Yield the documents of a text, empty ones as well. Never raises."""
    text = text.removeprefix("\ufeff")
    if not text.lstrip().startswith("{"):
        yield from _split_yaml(text, 0, "")
        return
    at, count = 0, 0
    while text[at:].strip():
        try:
            end = value_end(text, at)
        except JsonFault as fault:
            lines, rest = _rest(text, at)
            if count > 1:
                line, column = _place(text, fault.at)
                yield Part("", lines, error=(line, column, str(fault)))
            else:
                yield from _split_yaml(rest, lines, str(fault))
            return
        lines, rest = _rest(text[:end], at)
        yield Part(rest, lines, is_json=True)
        at, count = end, count + 1


def _rest(text: str, at: int) -> tuple[int, str]:
    """Return the lines before a place and the text from there on, blanks keeping the columns of its first line."""
    column = at - (text.rfind("\n", 0, at) + 1)
    rest = text[at:]
    blanks, newline, after = rest.partition("\n")
    if column and newline and not blanks.strip():
        return text.count("\n", 0, at) + 1, after
    return text.count("\n", 0, at), " " * column + rest


def _place(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1


def _split_yaml(text: str, before: int, fault: str) -> Iterator[Part]:
    """Split at the lines of dashes; only the first document can have been tried as JSON."""
    if "\n---" not in text and not text.startswith(_SEPARATOR):
        yield Part(_ended(text), before, fault)
        return
    current: list[str] = []
    start = before
    for number, line in enumerate(text.split("\n"), before + 1):
        if not line.startswith(_SEPARATOR):
            current.append(line)
            continue
        beside = line[len(_SEPARATOR) :].strip()
        if beside and not beside.startswith("#"):
            yield Part("", start, error=(number, 1, fault or f"invalid Yaml document separator: {beside}"))
        elif current:
            yield Part("\n".join([*current, ""]), start, fault)
        else:
            current.append(line)
            continue
        current, start, fault = [], number, ""
    yield Part(_ended("\n".join(current)), start, fault)


def _ended(text: str) -> str:
    """The text with an end of its last line, which kubectl gives to every line: block scalars keep it."""
    return text if text.endswith("\n") else text + "\n"
