"""How the tests of a parallel run are handed out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from tests.support.together import TOGETHER

ROOT = Path(__file__).parents[2]
TEST = """\
import os
import threading
from pathlib import Path

import pytest

from runner.clock import Deadline

@pytest.mark.parametrize("number", range(12))
def test_it(number):
    with Path("ran").open("a") as file:
        file.write(f"{os.environ['PYTEST_XDIST_WORKER']} {Path(__file__).name}\\n")
    deadline, never = Deadline(60), threading.Event()
    while "others" in __file__ and len(workers()) == 1:  # A quick worker must not have them all before the next one begins.
        assert deadline.remaining(), "no other worker came"
        never.wait(0.01)

def workers():
    lines = [line.split() for line in Path("ran").read_text().splitlines()]
    return {line[0] for line in lines if line[1] == "test_others.py"}
"""


def test_one_worker_has_all_tests_of_a_file_whose_tests_belong_together(tmp_path: Path) -> None:
    for file in (*TOGETHER, "tests/test_others.py"):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    command += ["-p", "tests.support.together", "--import-mode=importlib", "-n", "3", "--dist", "loadgroup"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environ = {**kept, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    workers: dict[str, list[str]] = defaultdict(list)
    for line in (tmp_path / "ran").read_text().splitlines():
        worker, file = line.split()
        workers[file].append(worker)
    assert {file: len(found) for file, found in workers.items()} == dict.fromkeys(workers, 12)
    assert {file: len(set(workers[Path(file).name])) for file in TOGETHER} == dict.fromkeys(TOGETHER, 1)
    assert len(set(workers["test_others.py"])) > 1
