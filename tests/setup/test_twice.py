"""Tests that failed beside others are run once more, alone, and named; those that fail again still fail the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = """
from pathlib import Path
import pytest

@pytest.mark.parametrize("times", {fails})
def test_fails(times, request):
    seen = Path(request.node.nodeid.replace("/", "").replace("::", ""))
    tries = len(seen.read_text()) if seen.exists() else 0
    seen.write_text("x" * (tries + 1))
    assert tries >= times

def test_passes():
    assert True
"""


def _run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_some.py").write_text(text)
    command = [sys.executable, "-m", "tools.twice", "2", "-q", "--rootdir", str(folder), "test_some.py"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=variables, check=False, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("fails", "code", "runs", "flaky"),
    [
        pytest.param([0, 0], 0, 1, 0, id="all pass, and run once"),
        pytest.param([1, 0], 0, 2, 1, id="one fails beside others and passes alone"),
        pytest.param([1, 1], 0, 2, 2, id="two do"),
        pytest.param([2, 1], 1, 2, 0, id="one of two fails again"),
        pytest.param([1, 1, 1], 1, 1, 0, id="too many fail to be by chance"),
    ],
)
def test_what_fails_beside_others_has_one_more_try(
    tmp_path: Path, fails: list[int], code: int, runs: int, flaky: int
) -> None:
    done = _run(tmp_path, TESTS.format(fails=fails))
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout.count(" in ") == runs  # Each run of pytest ends with how long it took.
    assert done.stdout.count("FLAKY") == flaky


def test_tests_that_cannot_be_loaded_are_not_tried_again(tmp_path: Path) -> None:
    done = _run(tmp_path, "import nothing_of_this_name\n")
    assert done.returncode == 2
    assert "Once more" not in done.stdout
