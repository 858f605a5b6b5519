"""CONTRIBUTING.md: its blocks run in a copy of the repository, and what it tells of tests and targets is there."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Place, blocks_in

PAGE = ROOT / "CONTRIBUTING.md"
TEXT = PAGE.read_text(encoding="utf-8")
LEFT_OUT = shutil.ignore_patterns(".?*", "_build", "build", "dist", "htmlcov")


SECTIONS = {text.partition("\n")[0]: blocks_in(text) for text in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]}
LAST = "Before you hand it in"
"""What is looked at then is everything that the sections before have added."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("section", [name for name, blocks in SECTIONS.items() if blocks])
def test_a_newcomer_gets_on_with_the_page_alone(section: str, tmp_path: Path) -> None:
    copy = tmp_path / "podrunner"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    (copy / ".venv").symlink_to(sys.prefix)
    place = Place(copy, tmp_path / "home", more={"PYTHONPATH": str(copy)})
    if section == LAST:
        for block in blocks_in(TEXT):
            if block.file:
                place.carry_out(block)
    for block in SECTIONS[section]:
        place.carry_out(block)


def test_the_table_of_test_folders_has_each_with_a_line() -> None:
    told = re.findall(r"^\| `(tests/\w+)` \| \S.* \|$", TEXT, re.MULTILINE)
    there = {path.parent for path in (ROOT / "tests").glob("*/*.py")}
    assert told == sorted(path.relative_to(ROOT).as_posix() for path in there)


def test_every_target_and_file_of_the_page_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"`(?:eval \"\$\()?make (?:-s )?([a-z-]+)", prose)
    assert {name for name in targets if f"\n{name}:" not in makefile} == set()
    paths = re.findall(r"`((?:\w+/)+(?:\w+\.\w+)?)`", prose)
    assert {path for path in paths if not (ROOT / path).exists() and not (ROOT / "runner" / path).exists()} == set()
    assert targets
    assert paths
