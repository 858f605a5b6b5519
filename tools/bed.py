"""A Debian of another release as a root directory, entered in namespaces of its own: its daemons see no others.

Mounts, processes and the network are its own; what it installs stays in its directory. The network outside is reached
through slirp4netns, which needs no rules in this machine's kernel.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools import debian
from tools.place import SetupError, say

NEEDED = {"debootstrap": "debootstrap", "slirp4netns": "slirp4netns", "unshare": "util-linux"}
PACKAGES = "python3,python3-venv,git,make,ca-certificates,iproute2"
RESOLVER = "10.0.2.3"
"""Where slirp4netns answers for this machine's resolvers."""
START_SECONDS = 10.0
SETTINGS = ("/etc/pip.conf", "/etc/xdg/pip", "/etc/ssl/certs/ca-certificates.crt")
"""How this machine reaches its package registries; a bed on it has the same way."""

# Runs as the first process of the new namespaces: makes the bed its root, waits for the network, becomes the command.
ENTER = """
set -e
mount --make-rprivate /
mount --bind "$0" "$0"
cd "$0"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir -p .before
pivot_root . .before
umount -l /.before
cd /src
ip link set lo up
until ip address show tap0 2>/dev/null | grep -q 'inet '; do sleep 0.05; done
exec "$@"
"""


def make(root: Path, release: str) -> None:
    """Have a minimal Debian of this release at `root`. Raises SetupError where that cannot be."""
    missing = [package for program, package in NEEDED.items() if not shutil.which(program, path=debian.SYSTEM_PATH)]
    if missing and not debian.usable():
        raise SetupError(f"{', '.join(missing)} are needed; install them")
    if missing:
        debian.install(*missing)
    if (root / "made").exists():
        return
    shutil.rmtree(root, ignore_errors=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    say(f"Making a Debian {release} in {root}, this takes minutes")
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", release, str(root)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=_environment())
    if done.returncode != 0:
        raise SetupError(f"{done.stdout[-2000:]}{done.stderr[-2000:]}\ndebootstrap failed; its messages are above")
    # A mirror that is a little behind still has what was released.
    (root / "etc/apt/apt.conf.d/90-bed").write_text('Acquire::Check-Valid-Until "false";\n')
    (root / "made").touch()


def put_checkout(top: Path, root: Path) -> None:
    """Copy the files of a checkout that git knows or would add to `/src` of the bed, and how registries are reached."""
    source = root / "src"
    kept = source / ".venv"
    for path in source.iterdir() if source.exists() else ():
        if path != kept:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=top,
        check=True,
        capture_output=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (top / name).exists() or (top / name).is_symlink():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(top / name, source / name, follow_symlinks=False)
    for setting in map(Path, SETTINGS):
        there = root / setting.relative_to("/")
        if setting.is_dir():
            shutil.copytree(setting, there, dirs_exist_ok=True)
        elif setting.exists():
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(setting, there)
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").write_text(f"nameserver {RESOLVER}\n")


def _environment() -> dict[str, str]:
    """Return this environment without what names things of this machine's own."""
    unwanted = ("DOCKER_", "PODRUNNER_", "MAKE", "MFLAGS", "VIRTUAL_ENV", "PYTHON", "XDG_", "PYENV")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(unwanted)}
    return {**kept, "HOME": "/root", "PATH": debian.SYSTEM_PATH, "LANG": "C.UTF-8"}


@contextlib.contextmanager
def _network(pid: int) -> Iterator[None]:
    """Connect the network of a process' namespace to the world for as long as it runs."""
    command = ["slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback", str(pid), "tap0"]
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=told, stderr=told)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def _own_network(pid: int) -> bool:
    """Tell whether a process has left this process' network."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    return False


def run(root: Path, command: Sequence[str]) -> int:
    """Run a command in the bed, in `/src`; return its exit code. Every process in the bed ends with it."""
    unshare = ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child"]
    process = subprocess.Popen(
        [*unshare, "bash", "-c", ENTER, str(root), *command],
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _own_network(process.pid) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        with _network(process.pid):
            return process.wait()
    finally:
        process.kill()
        process.wait()
