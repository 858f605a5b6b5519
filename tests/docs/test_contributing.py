"""CONTRIBUTING.md: its blocks run in a copy of the repository, and what it tells of tests and targets is there."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from tests.docs.blocks import ROOT, Place, blocks_of

PAGE = ROOT / "CONTRIBUTING.md"
TEXT = PAGE.read_text(encoding="utf-8")
LEFT_OUT = shutil.ignore_patterns(".?*", "_build", "build", "dist", "htmlcov")


def test_a_newcomer_gets_on_with_the_page_alone(tmp_path: Path) -> None:
    copy = tmp_path / "podrunner"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    (copy / ".venv").symlink_to(sys.prefix)
    place = Place(copy, tmp_path / "home", more={"PYTHONPATH": str(copy)})
    for block in blocks_of(PAGE):
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
