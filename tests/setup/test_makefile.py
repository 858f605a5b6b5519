"""The Makefile explains itself, and CI does what a user does."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

TOP = Path(__file__).parent.parent.parent


def test_make_lists_every_target_with_its_help() -> None:
    done = subprocess.run(["make"], check=True, capture_output=True, text=True, cwd=TOP)
    listed = re.findall(r"^  make (\S+)\s+\S", done.stdout, re.MULTILINE)
    text = (TOP / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    defined = re.findall(r"^([a-z-]+):", text, re.MULTILINE)
    assert sorted(listed) == sorted(phony.split()) == sorted(defined)


def test_ci_runs_make_test() -> None:
    script = TOP / ".ci/run"
    assert os.access(script, os.X_OK)
    assert script.read_text().rstrip().endswith("exec make test")


def test_make_test_refuses_to_pass_without_an_engine() -> None:
    plan = subprocess.run(["make", "-n", "test"], check=True, capture_output=True, text=True, cwd=TOP).stdout
    assert "PODRUNNER_REQUIRE_ENGINE=1" in plan
    assert "tools.images --export) || exit" in plan
    assert '-m "docker and not slow_conformance"' in plan
