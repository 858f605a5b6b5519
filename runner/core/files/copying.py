"""What is said of a copy, and where in a container it goes: paths are a container's, whatever system this is.

Mirrors kubectl's pkg/cmd/cp/cp.go (extractFileSpec, copyToPod, copyFromPod) and filespec.go.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from runner.core.text.gotext import quote

STANDARD: Final = "-"
"""Standard input or output, as docker's ``cp`` has it."""
UNSEEN: Final = ("/proc", "/sys", "/dev")
"""Made for the process when it starts: an Engine sees what the image has there, and not what the container has."""


def ignore(_text: str) -> None:
    """Listen to nothing."""


class CopyOptions(Struct, frozen=True, kw_only=True):
    """``is_exact``: owners and permission bits are kept as far as they may be.

    ``retries``: how often a copy is tried again after its connection broke; -1: without end.
    ``note`` is told what is left out, and why something is tried again.
    """

    is_exact: bool = True
    retries: int = 0
    note: Callable[[str], None] = ignore


class FileSpec(Struct, frozen=True):
    """One end of a copy. ``pod`` is empty for a local file."""

    namespace: str
    pod: str
    path: str

    @property
    def is_stream(self) -> bool:
        return not self.pod and self.path == STANDARD


class SpecError(ValueError):
    """An end of a copy that cannot be read; the text is kubectl's."""


def file_spec(text: str, pod_words: tuple[str, ...] = ()) -> FileSpec:
    """Read ``[[NAMESPACE/]POD:]PATH``; what begins like a path is one, also with a colon in it. Raises SpecError.

    ``pod_words`` may stand before the pod where a namespace may: ``pod/NAME:PATH``.
    """
    pod, colon, path = text.partition(":")
    if not colon or pod.startswith((".", "/", "~")):
        return _named("", "", text)
    words = pod.split("/")
    if not pod or len(words) > 2 or not all(words):
        raise SpecError("filespec must match the canonical format: [[namespace/]pod:]file/path")
    namespace = words[0] if len(words) == 2 and words[0] not in pod_words else ""
    return _named(namespace, words[-1], path)


def _named(namespace: str, pod: str, path: str) -> FileSpec:
    if not path:
        raise SpecError("filepath can not be empty")
    return FileSpec(namespace, pod, path)


def absolute(path: str, working_directory: str) -> str:
    """A path of a container from its root on, without ``.`` and ``..``, as a process that starts there would mean it."""
    clean = posixpath.normpath(posixpath.join("/", working_directory, path))
    return f"/{clean.lstrip('/')}"


def is_content(path: str) -> bool:
    """Whether a path asks for what is in a directory, and not for the directory: ``.``, ``dir/.``, ``..``."""
    return path.rstrip("/").rpartition("/")[2] in ("", ".", "..")


def is_unseen(path: str) -> bool:
    """Whether an Engine cannot see what a running container has at a path."""
    return any(path == one or path.startswith(f"{one}/") for one in UNSEEN)


def skipped_link(shown: str, target: str) -> str:
    """What kubectl says of a link that it does not copy."""
    return f"warning: skipping symlink: {quote(shown)} -> {quote(target)}"


def owner_of(user: str, passwd: str, group_file: str) -> tuple[int, int]:
    """The user and group that a container's ``user[:group]`` means, by its ``/etc/passwd`` and ``/etc/group``; root if unknown.

    Mirrors the runtime (moby/sys user.GetExecUser): a user's group is its primary one, 0 without an entry.
    """
    name, _, group = user.partition(":")
    rows = [row.split(":") for row in passwd.splitlines() if row.count(":") >= 3]
    found = next((row for row in rows if row[0] == name), None) or next((row for row in rows if row[2] == name), None)
    number = _digits(name) if found is None else _digits(found[2])
    if not group:
        return number, 0 if found is None else _digits(found[3])
    groups = [row.split(":") for row in group_file.splitlines() if row.count(":") >= 2]
    return number, next((_digits(row[2]) for row in groups if row[0] == group), _digits(group))


def _digits(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
