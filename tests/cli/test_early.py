"""Ctrl-C while the command is still being loaded: one line, the exit code, and nothing of Python's."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 60.0


@pytest.mark.parametrize(
    "module",
    ["click.types", "click", "runner.cli.main", "runner.render.tables", "runner.core.manifest.loading"],
)
def test_an_interrupt_while_modules_load_is_one_line(module: str, tmp_path: Path) -> None:
    """Python tells of each module that it has loaded; the manifest never comes."""
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "runner", "run", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT), "PODRUNNER_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)},
        cwd=tmp_path,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.split("|")[-1].strip() == module:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    said = [line for line in err.splitlines() if not line.startswith("import time:")]
    assert (process.returncode, out, said) == (130, "", ["interrupted"])
    assert not (tmp_path / "home").exists()
