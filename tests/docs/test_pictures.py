"""The pictures of README.md and the documentation are made by the product, as it is now."""

from __future__ import annotations

import re

import pytest

from tests.docs.blocks import ROOT
from tools.make_pictures import FOLDER, PICTURES, drawn

TEXTS = {path: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))}


@pytest.mark.parametrize("name", list(PICTURES))
def test_a_picture_is_what_the_product_draws_now(name: str) -> None:
    assert drawn(PICTURES[name]) == (FOLDER / name).read_text(encoding="utf-8"), "run make pictures"


def test_there_are_no_others_and_each_is_shown() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(PICTURES)
    shown = {
        (path.parent / place).resolve()
        for path, text in TEXTS.items()
        for place in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    }
    assert {FOLDER / name for name in PICTURES} <= shown
    assert all(place.exists() for place in shown)
