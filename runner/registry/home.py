"""Where podrunner keeps what must survive a process: one directory, private to the user.

::

    state.db                                    the registry (SQLite)
    state.lock                                  shared by every process that has the registry open
    bells/                                      a socket for each process that waits for a change
    locks/nodes/<id>.lock                       held by a node instance as long as it lives
    locks/<hash>.pull                           held while an image is pulled
    logs/<namespace>_<pod>_<uid>/<container>/<attempt>.log
    history/<run>/                              what a run did, see ``runner.registry.history``
    seccomp/                                    profiles for ``seccompProfile: {type: Localhost}``
    engine/                                     a private Engine's data, when one was set up

The log layout is the node's, /var/log/pods (kubelet/kuberuntime/helpers.go BuildPodLogsDirectory).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from runner.errors import FILES_HINT, StoreError, is_out_of_files

HOME_VARIABLE = "PODRUNNER_HOME"
HINT = f"set {HOME_VARIABLE} to a directory that you may write to"


def hint_of(error: OSError) -> str:
    """What may help when a place in the state directory cannot be opened."""
    return FILES_HINT if is_out_of_files(error) else HINT


class Home(Struct, frozen=True):
    """The state directory. Making the value touches nothing; directories appear when they are needed, with mode 0700."""

    path: Path

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Home:
        """The directory that $PODRUNNER_HOME names, else ``podrunner`` in the user's state directory."""
        named = environ.get(HOME_VARIABLE, "")
        if named:
            return cls(Path(named).expanduser().absolute())
        shared = environ.get("XDG_STATE_HOME", "")
        if shared and Path(shared).is_absolute():
            return cls(Path(shared) / "podrunner")
        # Only needed here, and its import is felt at start-up.
        import platformdirs

        return cls(Path(platformdirs.user_state_dir("podrunner", appauthor=False)))

    @property
    def database(self) -> Path:
        return self.path / "state.db"

    @property
    def state_lock(self) -> Path:
        """Held, shared, as long as the database is open; alone, while it is migrated."""
        return self.path / "state.lock"

    @property
    def bells(self) -> Path:
        return self.path / "bells"

    @property
    def locks(self) -> Path:
        return self.path / "locks"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def history(self) -> Path:
        """What runs did, one directory each."""
        return self.path / "history"

    @property
    def profiles(self) -> Path:
        """Seccomp profiles that pods name with ``localhostProfile``; put there by the user."""
        return self.path / "seccomp"

    @property
    def engine(self) -> Path:
        return self.path / "engine"

    def node_lock(self, holder: str) -> Path:
        """Held by a node instance as long as it lives."""
        return self.node_locks / f"{holder}.lock"

    @property
    def node_locks(self) -> Path:
        return self.locks / "nodes"

    def pod_logs(self, namespace: str, name: str, uid: str) -> Path:
        return self.logs / f"{namespace}_{name}_{uid}"

    def log_file(self, namespace: str, name: str, uid: str, container: str, attempt: int) -> Path:
        return self.pod_logs(namespace, name, uid) / container / f"{attempt}.log"

    def ensure(self, directory: Path | None = None) -> Path:
        """Make the state directory, or a directory within it, and return it. Raises StoreError when that is impossible."""
        wanted = directory or self.path
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            level = self.path
            for part in wanted.relative_to(self.path).parts:  # one by one: parents=True would not pass the mode on
                level /= part
                level.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            text = f"cannot make the state directory {error.filename or wanted}: {error.strerror}"
            raise StoreError(text, hint=hint_of(error)) from error
        if not os.access(wanted, os.W_OK | os.X_OK):
            raise StoreError(f"cannot write to the state directory {wanted}: Permission denied", hint=HINT)
        return wanted
