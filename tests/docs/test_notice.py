"""NOTICE lists every file that is no code, with the versions that the generators have."""

from __future__ import annotations

import json
import re

from runner.sandbox.build import ZIGLANG_VERSION
from tests.docs.blocks import ROOT
from tools import make_schema

TEXT = (ROOT / "NOTICE").read_text(encoding="utf-8")
CACHES = {"__pycache__", ".pytest_cache", ".hypothesis"}
CODE = (".py", ".c", ".h", ".html", ".typed")
NAMED = tuple(re.findall(r"\b(?:runner|fixtures|tests)/[\w./-]*[\w-]", TEXT))


def test_every_data_file_of_the_package_and_of_its_tests_is_listed() -> None:
    files = [path for top in ("runner", "fixtures", "tests") for path in (ROOT / top).rglob("*") if path.is_file()]
    there = [path.relative_to(ROOT).as_posix() for path in files if not CACHES & set(path.parts)]
    data = [path for path in there if not path.endswith(CODE)]
    assert data
    assert [path for path in data if not any(path == name or path.startswith(f"{name}/") for name in NAMED)] == []


def test_everything_that_is_listed_is_there() -> None:
    assert [name for name in NAMED if not (ROOT / name).exists()] == []


def test_the_versions_are_those_that_the_generators_use() -> None:
    assert f"Kubernetes v{make_schema.VERSION}, its OpenAPI schemas" in TEXT
    assert f"kubernetes-validate {make_schema.VERSION} " in TEXT
    assert f"ziglang {ZIGLANG_VERSION} " in TEXT
    for file in (ROOT / "fixtures" / "conformance").glob("*.json"):
        told = json.loads(file.read_text(encoding="utf-8"))
        version = told.get("kubernetes", "v1.36.2") if isinstance(told, dict) else "v1.36.2"
        assert f"From: Kubernetes {version}. Copyright" in TEXT


def test_the_notice_goes_with_the_package() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'license-files = ["LICENSE", "NOTICE"]' in project
