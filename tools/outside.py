"""`python -m tools.outside`: run the sample's tests as a project of its own, with the wheel in a virtual environment of its own.

Everything lies in a temporary folder. Arguments go to pytest; the exit code is pytest's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _call(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL)


def main(arguments: list[str]) -> int:
    """Build the wheel, install it beside pytest, copy the sample, test it."""
    with tempfile.TemporaryDirectory(prefix="podrunner-outside-") as name:
        folder = Path(name)
        pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
        _call(*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT)
        (wheel,) = folder.glob("podrunner-*.whl")
        venv.create(folder / "venv", with_pip=False)
        python = folder / "venv" / "bin" / "python"
        _call(*pip, "--python", python, "install", wheel, "pytest", "pytest-xdist")
        project = folder / "shop"
        shutil.copytree(ROOT / "fixtures" / "sample", project, ignore=shutil.ignore_patterns("__pycache__"))
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
        environment = {**kept, "PODRUNNER_HOME": str(folder / "state")}
        command = [
            str(python),
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--podrunner-require-engine",
            *arguments,
        ]
        return subprocess.run(command, cwd=project, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
