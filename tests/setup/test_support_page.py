"""The page about fields is complete, up to date, and claims nothing that no code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import make_support
from tools.support import SUPPORT

PACKAGE = Path(make_support.__file__).resolve().parent.parent / "runner"
CODE = "".join(
    path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py")) if "manifest" not in path.parts
)
INDIRECT = {"serviceAccount"}
"""Read while a manifest is loaded, and under another name after that."""


def test_every_field_of_a_pod_is_in_the_table_and_no_other() -> None:
    assert make_support.faults() == []


def test_the_page_is_what_the_table_makes() -> None:
    assert make_support.TARGET.read_text(encoding="utf-8") == make_support.text()


@pytest.mark.parametrize("name", sorted(SUPPORT))
def test_code_names_every_field_that_is_called_supported(name: str) -> None:
    missing = [key for key in SUPPORT[name].supported.split() if not re.search(rf"""["']{key}["']""", CODE)]
    assert set(missing) <= INDIRECT
