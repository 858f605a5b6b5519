"""Where the private Engine keeps its things, and what one says to the user.

Everything lies under one state directory, so that removing the directory removes the Engine.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# A unix socket address holds 107 bytes; the daemons put sockets of up to 35 bytes below the exec root.
LONGEST_SHORT_ROOT = 70


def state_directory(environment: Mapping[str, str]) -> Path:
    """Return the directory of podrunner's state: $PODRUNNER_HOME, else $XDG_STATE_HOME/podrunner, else its default."""
    if home := environment.get("PODRUNNER_HOME"):
        return Path(home).expanduser().absolute()
    if xdg := environment.get("XDG_STATE_HOME"):
        return Path(xdg).absolute() / "podrunner"
    return Path(environment.get("HOME") or "~").expanduser().absolute() / ".local/state/podrunner"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePlace:
    """The paths of one private Engine; `runtime` holds the sockets and is short enough for their addresses."""

    root: Path
    runtime: Path

    @property
    def data_root(self) -> Path:
        """Images, containers and volumes of dockerd."""
        return self.root / "data"

    @property
    def exec_root(self) -> Path:
        """Run-time state of dockerd; worthless once no process of ours is left."""
        return self.runtime / "exec"

    @property
    def socket(self) -> Path:
        """The Engine's socket."""
        return self.runtime / "docker.sock"

    @property
    def url(self) -> str:
        """The Engine's address as DOCKER_HOST wants it."""
        return f"unix://{self.socket}"

    @property
    def pid_file(self) -> Path:
        """Written by dockerd itself."""
        return self.runtime / "dockerd.pid"

    @property
    def address_file(self) -> Path:
        """Names the Engine that was chosen last, one DOCKER_HOST value."""
        return self.root / "address"

    @property
    def daemon_json(self) -> Path:
        """The configuration file of dockerd; its mirrors can be changed while it runs."""
        return self.root / "daemon.json"

    @property
    def containerd_socket(self) -> Path:
        """The address of our containerd."""
        return self.runtime / "containerd.sock"

    @property
    def containerd_toml(self) -> Path:
        """The configuration file of containerd."""
        return self.root / "containerd.toml"

    @property
    def registry(self) -> Path:
        """The registry: its program, configuration and content."""
        return self.root / "registry"

    def log(self, program: str) -> Path:
        """The log file of one daemon."""
        return self.root / f"{program}.log"


def engine_place(environment: Mapping[str, str]) -> EnginePlace:
    """Return the place of the private Engine that belongs to this environment's state directory."""
    root = state_directory(environment) / "engine"
    if len(str(root).encode()) <= LONGEST_SHORT_ROOT:
        return EnginePlace(root=root, runtime=root)
    digest = hashlib.sha256(str(root).encode()).hexdigest()[:10]
    return EnginePlace(root=root, runtime=Path(f"/run/podrunner-{digest}"))


@contextlib.contextmanager
def locked(place: EnginePlace) -> Iterator[None]:
    """Let one caller at a time work on the private Engine; the others wait."""
    place.root.mkdir(parents=True, exist_ok=True)
    place.runtime.mkdir(parents=True, exist_ok=True)
    with (place.root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class SetupError(Exception):
    """The set-up cannot go on; the text says why and what to do. `exit_code` is 3 where no Engine can be had."""

    def __init__(self, message: str, exit_code: int = 3) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def say(text: str) -> None:
    """Tell the user something on stderr; stdout is for results."""
    print(text, file=sys.stderr, flush=True)
