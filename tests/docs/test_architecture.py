"""The routes in docs/architecture.md go over functions that exist, and the page names no file that does not."""

from __future__ import annotations

import ast
import re

import pytest

from runner.core.faults.kinds import KINDS
from tests.docs.blocks import ROOT

TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "runner"
HOPS = re.findall(r"^\| [\w ]*\| `([^`]+)` \|", TEXT, re.MULTILINE)
WAY = {
    "manifest",
    "client",
    "admission",
    "registry",
    "watch",
    "node",
    "worker",
    "observe",
    "decide",
    "operations",
    "Engine",
}
"""The hops of both routes, by the first column."""


def names_of(body: list[ast.stmt], prefix: str = "") -> set[str]:
    """Classes, functions and methods, with their classes before them."""
    found = set()
    for node in body:
        if isinstance(node, ast.ClassDef):
            found |= {prefix + node.name, *names_of(node.body, f"{prefix}{node.name}.")}
        elif isinstance(node, ast.FunctionDef):
            found.add(prefix + node.name)
    return found


@pytest.mark.parametrize("hop", HOPS)
def test_the_function_of_a_hop_exists(hop: str) -> None:
    file, _, name = hop.partition(":")
    assert name in names_of(ast.parse((PACKAGE / file).read_text(encoding="utf-8")).body)


def test_the_routes_name_every_hop() -> None:
    assert len(HOPS) > 2 * len(WAY) - 2
    assert set(re.findall(r"^\| (\w+) \| `[^`]+:", TEXT, re.MULTILINE)) >= {*WAY, "status", "printer", "handle"}


def test_the_reference_has_every_fault() -> None:
    page = (ROOT / "docs" / "reference" / "faults.md").read_text(encoding="utf-8")
    kinds = {kind for table in KINDS.values() for kind in table}
    assert {kind for kind in kinds if not re.search(rf"^\| `[^`]*:{kind}\b", page, re.MULTILINE)} == set()


def test_every_file_that_the_page_names_exists() -> None:
    nearby = [PACKAGE, ROOT, *(path for path in PACKAGE.iterdir() if path.is_dir())]
    tops = {path.name for folder in nearby[:2] for path in folder.iterdir()}
    named = re.findall(r"`((?:\w+/)*[\w*]+\.(?:py|c)|(?:\w+/)+\w*)(?=[`:])", TEXT)
    named = [name for name in named if name.endswith((".py", ".c")) or name.split("/")[0] in tops]
    assert named
    assert {name for name in named if not any([*folder.glob(name.rstrip("/"))] for folder in nearby)} == set()
