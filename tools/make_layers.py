"""Draw the layers in docs/architecture.md: from the import contracts, and the first sentence of each package.

Usage: python -m tools.make_layers [--check]
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- layers: made by python -m tools.make_layers -->", "<!-- end of the layers -->"
_WIDTH = 118
_NAME = 15
"""Columns of a name in the picture."""


def contracts() -> Sequence[Mapping[str, Any]]:
    """The import contracts of pyproject.toml."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: Sequence[Mapping[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return found


def layers(inside: str = "") -> list[list[str]]:
    """The packages of each layer, from the edges to the ground; of the whole, or ``inside`` a package."""
    containers = [f"runner.{inside}"] if inside else []
    (contract,) = (one for one in contracts() if one["type"] == "layers" and one.get("containers", []) == containers)
    return [[name.strip().removeprefix("runner.") for name in layer.split("|")] for layer in contract["layers"]]


def sentence(package: str) -> str:
    """The first sentence of a package's or module's docstring."""
    path = ROOT / "runner" / package
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    first = text.split("\n\n")[0].replace("\n", " ").replace("``", "")
    return re.split(r"(?<=[a-z)])\. ", first)[0].rstrip(".")


def picture(inside: str = "") -> str:
    """The layers, the uppermost first; a line between those of which the upper one may import the lower one."""
    rows: list[str] = []
    for number, names in enumerate(layers(inside)):
        if number:
            rows.append("─" * _NAME)
        for name in names:
            lines = textwrap.wrap(sentence(f"{inside}/{name}" if inside else name), _WIDTH - _NAME) or [""]
            rows.append(f"{name:<{_NAME}}{lines[0]}".rstrip())
            rows += [" " * _NAME + line for line in lines[1:]]
    return "\n".join(rows)


def rules() -> Iterator[str]:
    """What the other contracts say."""
    for one in contracts():
        if one["type"] == "independence":
            yield f"* **{one['name']}**: {_names(one['modules'])} do not import each other."
        if one["type"] != "forbidden":
            continue
        who = _names(one["source_modules"])
        what = _names(one["forbidden_modules"])
        free = _names(
            dict.fromkeys(line.partition(" -> ")[0].removesuffix(".*") for line in one.get("ignore_imports", ()))
        )
        rule = f"* **{one['name']}**: no import of {what} in {who}{f', but in {free}' if free else ''}."
        yield textwrap.fill(
            rule.replace("in runner,", "anywhere,"), 140, subsequent_indent="  ", break_on_hyphens=False
        )


def _names(modules: Sequence[str] | Mapping[str, object]) -> str:
    return ", ".join(f"`{name.removeprefix('runner.')}`" for name in modules).replace("`runner`", "runner")


def block() -> str:
    """Everything between the marks."""
    kubelet = ["The rooms of the kubelet:", "", "```text", picture("kubelet"), "```"]
    return "\n".join([BEGIN, "```text", picture(), "```", "", *kubelet, "", *rules(), END])


def page(text: str) -> str:
    """The page with the layers as they are."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{TARGET.name} has no marks for the layers")
    return before + block() + after


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="Change nothing; fail when the picture is an old one.")
    options = parser.parse_args()
    before = TARGET.read_text(encoding="utf-8")
    after = page(before)
    if options.check:
        if before != after:
            print(
                "docs/architecture.md shows other layers than pyproject.toml: run python -m tools.make_layers",
                file=sys.stderr,
            )
        return int(before != after)
    TARGET.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
