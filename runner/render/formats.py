"""Machine output: ``-o json|yaml|name|jsonpath=…`` and the tables' ``wide``, as kubectl prints them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from runner.core.kindwords import resource_prefix
from runner.core.model import Json
from runner.errors import UsageError


class Format(StrEnum):
    """How objects are printed."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"
    JSONPATH = "jsonpath"


ALLOWED = "json, yaml, name, wide, table, jsonpath=TEMPLATE"


class OutputFormat(Struct, frozen=True):
    """A format and, for jsonpath, its template."""

    format: Format = Format.TABLE
    template: str = ""

    @property
    def is_table(self) -> bool:
        return self.format in (Format.TABLE, Format.WIDE)

    @property
    def is_wide(self) -> bool:
        return self.format is Format.WIDE


def parse_format(text: str) -> OutputFormat:
    """Read ``-o``. Raises UsageError with the allowed ones, or with what is wrong about the template."""
    name, equals, template = text.partition("=")
    if name == Format.JSONPATH:
        if not template:
            raise UsageError("template format specified but no template given", hint="-o jsonpath='{.metadata.name}'")
        from runner.render.jsonpath import JSONPathError, parse

        try:
            parse(template)
        except JSONPathError as problem:
            raise UsageError(f"error parsing jsonpath {template}, {problem}") from problem
        return OutputFormat(Format.JSONPATH, template)
    if equals or name not in set(Format):
        raise UsageError(
            f'unable to match a printer suitable for the output format "{text}"', hint=f"allowed: {ALLOWED}"
        )
    return OutputFormat(Format(name))


def _through_template(value: Json, template: str) -> str:
    from runner.render.jsonpath import JSONPathError, render

    try:
        return render(template, value)
    except JSONPathError as problem:
        raise UsageError(f'error executing jsonpath "{template}": {problem}') from problem


def as_list(objects: Sequence[Json]) -> Json:
    """A v1 List."""
    return {"apiVersion": "v1", "items": list(objects), "kind": "List", "metadata": {"resourceVersion": ""}}


def print_object(value: Json, output: OutputFormat) -> str:
    """One object or list as text that ends as kubectl ends it. Raises UsageError when a template does not fit."""
    match output.format:
        case Format.YAML:
            return to_yaml(value)
        case Format.NAME:
            return "".join(f"{_resource_name(item)}\n" for item in _members(value))
        case Format.JSONPATH:
            return _through_template(value, output.template)
        case Format.JSON | Format.TABLE | Format.WIDE:
            return to_json(value)


def to_json(value: Json) -> str:
    """JSON with sorted keys and an indentation of four blanks."""
    return json.dumps(value, indent=4, sort_keys=True, ensure_ascii=False) + "\n"


def to_yaml(value: Json) -> str:
    """YAML with sorted keys, in block style."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(
        json.loads(json.dumps(value)),
        Dumper=dumper,
        default_flow_style=False,
        sort_keys=True,
        allow_unicode=True,
        width=2**20,
    )
    return text


def _members(value: Json) -> Sequence[Json]:
    items: Sequence[Json] | None = value.get("items")
    return [value] if items is None else items


def _resource_name(value: Json) -> str:
    return f"{resource_prefix(value)}/{(value.get('metadata') or {}).get('name', '')}"
