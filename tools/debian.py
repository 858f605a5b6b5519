"""Debian's packages: install the few that the Engine needs, unpack the others without installing them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tools.place import SetupError, say

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
POLICY = Path("/usr/sbin/policy-rc.d")


def usable() -> bool:
    """Tell whether this is a Debian-like system where we may install packages."""
    return os.getuid() == 0 and shutil.which("apt-get", path=SYSTEM_PATH) is not None


def _apt(*arguments: str, cwd: Path | None = None) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PATH": SYSTEM_PATH}
    command = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3", *arguments]
    done = subprocess.run(
        command, check=False, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode != 0:
        say(f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def install(*packages: str) -> None:
    """Install packages, without letting them start services of the system.

    An Engine of the system would be one more daemon that was not asked for; ours is started by us.
    """
    say(f"Installing Debian packages: {' '.join(packages)}")
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        _apt("update")
        if not _apt("install", "-y", "--no-install-recommends", *packages):
            raise SetupError(f"apt-get could not install {' '.join(packages)}; its messages are above")
    finally:
        if ours:
            POLICY.unlink(missing_ok=True)


def try_install(package: str) -> None:
    """Install a package that nothing depends on, where the distribution has it."""
    _apt("install", "-y", "--no-install-recommends", package)


def disable_units(*units: str) -> None:
    """Keep systemd units that a package of ours enabled from starting with the machine."""
    if Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "disable", "--now", *units], check=False, capture_output=True)


def unpack(package: str, target: Path) -> list[str]:
    """Download a package and unpack it below `target` without installing it; return the packages it depends on.

    Of alternatives the first counts. Needs no root where the package lists are there.
    """
    with tempfile.TemporaryDirectory() as folder:
        if not _apt("download", package, cwd=Path(folder)) and not (
            _apt("update") and _apt("download", package, cwd=Path(folder))
        ):
            raise SetupError(f"apt-get could not download {package}; its messages are above")
        (archive,) = Path(folder).glob("*.deb")
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(["dpkg-deb", "-x", str(archive), str(target)], check=True)
        fields = subprocess.run(
            ["dpkg-deb", "-f", str(archive), "Depends"], check=True, capture_output=True, text=True
        ).stdout
    return re.findall(r"(?:^|,)\s*([a-z0-9.+-]+)", fields)


def closure(*packages: str) -> set[str]:
    """Return packages and everything that they depend on. Raises SetupError where the package lists do not know them."""
    options = [f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")]
    command = ["apt-cache", "depends", "--recurse", *options, *packages]
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode != 0 and _apt("update"):
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise SetupError(f"apt-cache does not know {' '.join(packages)}: {done.stderr.strip()}")
    return set(re.findall(r"^([a-z0-9][a-z0-9.+-]*)", done.stdout, re.MULTILINE))


def unpack_all(packages: list[str], target: Path) -> None:
    """Download packages together and unpack them below `target` without installing them."""
    with tempfile.TemporaryDirectory() as folder:
        if not _apt("download", *packages, cwd=Path(folder)) and not (
            _apt("update") and _apt("download", *packages, cwd=Path(folder))
        ):
            raise SetupError(f"apt-get could not download {' '.join(packages)}; its messages are above")
        target.mkdir(parents=True, exist_ok=True)
        for archive in sorted(Path(folder).glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", str(archive), str(target)], check=True)


def architecture() -> str:
    """Return the machine's architecture as Debian and Docker both call it: amd64, arm64."""
    command = ["dpkg", "--print-architecture"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
