"""Captures as files: an archive that holds what a pod needs to run again, and to fail again."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.core.capture.names import ABOUT, FAULTS, MANIFEST
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.core.capture.model import About

SUFFIX: Final = ".tar"
MOST_BYTES: Final = 256 * 2**20
"""What one file of a capture may have; a larger one is none of ours."""


def is_capture(path: str | Path) -> bool:
    """Whether a path names a capture."""
    return str(path).endswith(SUFFIX)


def write_capture(path: Path, members: Mapping[str, str]) -> None:
    """Write an archive whole or not at all; never over another file. Raises UsageError."""
    import tarfile

    from runner.core.archives import Member

    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, text in members.items():
            data = text.encode("utf-8", "surrogatepass")
            archive.addfile(Member(name, size=len(data)), io.BytesIO(data))
    try:
        with path.open("xb") as file:
            file.write(content.getvalue())
    except FileExistsError:
        raise UsageError(f'"{path}" is there already', hint="name another file with -o, or remove it first") from None
    except OSError as error:
        path.unlink(missing_ok=True)
        raise UsageError(f'cannot write "{path}": {error.strerror or error}') from error


def manifest_text(path: str | Path) -> str:
    """The manifests of a capture. Raises UsageError."""
    return _member(path, MANIFEST)


def faults_text(path: str | Path) -> str:
    """The list of the failures that were seen, as faults in YAML. Raises UsageError."""
    return _member(path, FAULTS)


def about(path: str | Path) -> About:
    """What a capture is. Raises UsageError."""
    from runner.core.capture.model import About

    try:
        return About.from_text(_member(path, ABOUT))
    except ValueError as error:
        raise UsageError(f'"{path}" is no capture that can be read: {error}') from error


def _member(path: str | Path, name: str) -> str:
    import tarfile

    try:
        with tarfile.open(path, mode="r:*") as archive:
            entry = archive.getmember(name)
            file = archive.extractfile(entry)
            if file is None or entry.size > MOST_BYTES:
                raise KeyError(name)
            return file.read().decode("utf-8")
    except FileNotFoundError:
        raise UsageError(f'the path "{path}" does not exist') from None
    except KeyError:
        raise UsageError(f'"{path}" is no capture: it has no {name}', hint="podrunner import makes captures") from None
    except (OSError, tarfile.TarError, EOFError, UnicodeDecodeError) as error:
        raise UsageError(f'cannot read "{path}": {error}') from error
