"""`python3 -m tools.engine up|stop`: have a usable Engine, or stop the private one.

`up` prints exactly one line on stdout, `export DOCKER_HOST=…`; all narration goes to stderr.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from tools import debian, private
from tools.discover import Candidate, Found, discover
from tools.place import EnginePlace, SetupError, engine_place, locked, say

NEEDED = {"dockerd": "docker.io", "containerd": "containerd", "runc": "runc", "iptables": "iptables"}


def explain(found: Found) -> str:
    """Return the one message for a machine without an Engine on which we may not install one."""
    lines = ["No usable Docker Engine was found. Tried:"]
    lines += [f"  {candidate.source}: {candidate.url}: {reason}" for candidate, reason in found.refused]
    if found.refused and found.refused[0][0].binding:
        return "\n".join(
            [*lines, f"Correct or unset what names it ({found.refused[0][0].source}), or start that Engine."]
        )
    lines += [
        "Start one of them, or set DOCKER_HOST, or install one:",
        "  Debian, Ubuntu: `apt-get install docker.io` and add yourself to group docker, or run make as root: it does all",
        "  other Linux:    https://docs.docker.com/engine/install/ (rootless works as well)",
        "  macOS, Windows: Docker Desktop, Colima, OrbStack or Rancher Desktop",
    ]
    return "\n".join(lines)


def install_engine(place: EnginePlace) -> None:
    """Install the packages that a private Engine lacks."""
    missing = [package for program, package in NEEDED.items() if not shutil.which(program, path=debian.SYSTEM_PATH)]
    if not Path("/etc/ssl/certs/ca-certificates.crt").exists():
        missing.append("ca-certificates")  # without it dockerd cannot trust Docker Hub
    if missing:
        fresh = "docker.io" in missing
        debian.install(*missing)
        if fresh:
            debian.disable_units("docker.service", "docker.socket", "containerd.service")
            if not shutil.which("docker", path=debian.SYSTEM_PATH):
                debian.try_install("docker-cli")  # a package of its own since Debian 13; nice to have
    if _file_system(place.root) == "overlay" and Path("/dev/fuse").exists() and not shutil.which("fuse-overlayfs"):
        debian.install("fuse-overlayfs")  # overlay does not stack on overlay; copying every layer would be very slow


def _file_system(path: Path) -> str:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [(len(fields[1]), fields[2]) for fields in mounts if path.is_relative_to(fields[1])]
    return max(holding)[1] if holding else ""


def up(environment: Mapping[str, str], *, may_install: bool, top: Path = Path("/")) -> Candidate:
    """Return an Engine that answers, starting a private one where there is none and we may.

    PODRUNNER_ENGINE=private asks for the private one whatever else is there. `top` replaces the root of the file
    system for the system-wide sockets. SetupError with the whole story where no Engine can be had.
    """
    place = engine_place(environment)
    only_private = environment.get("PODRUNNER_ENGINE") == "private"
    found = Found(engine=None, refused=()) if only_private else discover(environment, place, top)
    chosen = found.engine
    if chosen is None and (not may_install or any(candidate.binding for candidate, _ in found.refused)):
        raise SetupError(explain(found))
    if chosen is None or chosen.url == place.url:
        chosen = Candidate(source="private Engine", url=place.url)
        if may_install:
            with locked(place):
                install_engine(place)
                private.start(place)
    record(place, chosen.url)
    return chosen


def record(place: EnginePlace, url: str) -> None:
    """Note the chosen address for podrunner's own discovery; not worth failing for."""
    with contextlib.suppress(OSError):
        place.root.mkdir(parents=True, exist_ok=True)
        place.address_file.write_text(f"{url}\n")


def main(arguments: list[str], environment: Mapping[str, str]) -> int:
    """Carry out one command; return the exit code."""
    try:
        match arguments:
            case ["up"]:
                chosen = up(environment, may_install=debian.usable())
                say(f"Engine: {chosen.url} ({chosen.source})")
                print(f"export DOCKER_HOST={shlex.quote(chosen.url)}")
            case ["stop"]:
                place = engine_place(environment)
                with locked(place):
                    ran = private.stop(place)
                say(f"The private Engine under {place.root} {'is stopped' if ran else 'was not running'}")
            case _:
                say("usage: python3 -m tools.engine up|stop")
                return 2
    except SetupError as problem:
        say(str(problem))
        return problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
