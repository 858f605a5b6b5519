"""`python3 -m tools.install`: the virtual environment `.venv` with the package, editable, and its extras.

Quick when nothing changed: a stamp in `.venv` names the checkout, the Python and the digest of pyproject.toml.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from tools import debian
from tools.place import SetupError, say

EXTRAS = "dev,serve,grpc,ssh"
OLDEST = (3, 11)


def _create(folder: Path) -> None:
    """Create the virtual environment; a bare Debian splits off what that needs into python3-venv."""
    create = [sys.executable, "-m", "venv", str(folder)]
    first = subprocess.run(create, check=False, capture_output=True, text=True)
    if first.returncode == 0:
        return
    shutil.rmtree(folder, ignore_errors=True)
    if not debian.usable():
        raise SetupError(f"{first.stdout}{first.stderr}\nA virtual environment cannot be made; install python3-venv", 1)
    debian.install("python3-venv")
    if subprocess.run(create, check=False, stdout=sys.stderr).returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        raise SetupError(f"{sys.executable} cannot make a virtual environment even with python3-venv installed", 1)


def _works(folder: Path) -> bool:
    python = folder / "bin/python"
    command = [str(python), "-m", "pip", "--version"]
    return python.exists() and subprocess.run(command, check=False, capture_output=True).returncode == 0


def install(top: Path) -> None:
    """Have `.venv` in the checkout `top`; callers at the same time wait for each other."""
    project = top / "pyproject.toml"
    folder = top / ".venv"
    stamp = folder / "installed"
    with project.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        digest = hashlib.sha256(lock.read()).hexdigest()
        wanted = f"{top}\n{EXTRAS}\n{digest}\n"
        if stamp.exists() and stamp.read_text() == wanted and (folder / "bin/podrunner").exists():
            return
        if not _works(folder):
            say("Creating the virtual environment .venv")
            shutil.rmtree(folder, ignore_errors=True)
            _create(folder)
        say(f"Installing podrunner and its extras ({EXTRAS}) into .venv")
        command = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*command, "--editable", f"{top}[{EXTRAS}]"], check=False, stdout=sys.stderr)
        if done.returncode != 0:
            raise SetupError("pip could not install the package; its messages are above", 1)
        stamp.write_text(wanted)


def main() -> int:
    """Install; return the exit code."""
    try:
        if sys.version_info < OLDEST:
            raise SetupError(f"Python {sys.version.split()[0]} is too old, 3.11 is needed: make PYTHON=python3.11 …", 1)
        install(Path(__file__).resolve().parent.parent)
    except SetupError as problem:
        say(str(problem))
        return problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
