"""Captures as files: an archive that holds what a pod needs to run again, and to fail again."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from runner.core.capture.names import ABOUT, FAULTS, MANIFEST, OBSERVED, RECORDS
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.core.capture.model import About

SUFFIX: Final = ".tar"
MOST_BYTES: Final = 256 * 2**20
"""What one file of a capture may have; a larger one is none of ours."""


def is_capture(path: str | Path) -> bool:
    """Whether a path names a capture."""
    return str(path).endswith(SUFFIX)


def write_capture(path: Path, members: Mapping[str, str | bytes]) -> None:
    """Write an archive whole or not at all; never over another file. Raises UsageError."""
    try:
        with path.open("xb") as file:
            try:
                put_archive(file, members)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
    except FileExistsError:
        raise UsageError(f'"{path}" is there already', hint="name another file with -o, or remove it first") from None
    except OSError as error:
        raise UsageError(f'cannot write "{path}": {error.strerror or error}') from error


def put_archive(file: IO[bytes], members: Mapping[str, str | bytes]) -> None:
    """Write an archive; the same members make the same bytes. Raises OSError."""
    import tarfile

    from runner.core.archives import Member

    with tarfile.open(fileobj=file, mode="w|") as archive:
        for name, content in members.items():
            data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
            archive.addfile(Member(name, size=len(data)), io.BytesIO(data))


def unpack(path: str | Path, directory: str) -> None:
    """Put the records in a capture into a directory. Raises UsageError when it has none."""
    import tarfile

    from runner.core.archives import Member

    try:
        with tarfile.open(path, mode="r:*", tarinfo=Member) as archive:
            found = [one for one in archive if one.isfile() and one.name.startswith(f"{RECORDS}/")]
            for one in found:
                assert isinstance(one, Member)
                one.move(one.name.removeprefix(f"{RECORDS}/"))
            archive.extractall(directory, found, filter="data")
    except (OSError, tarfile.TarError, EOFError) as error:
        raise UsageError(f'cannot read "{path}": {error}') from error
    if not found:
        raise UsageError(f'"{path}" holds no record of a run here', hint=f"podrunner explain {path}")


def observed_text(path: str | Path) -> str:
    """The pods and events of a capture as they were seen last, as JSON. Raises UsageError."""
    return _member(path, OBSERVED)


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
        raise UsageError(
            f'"{path}" is no capture: it has no {name}', hint="podrunner capture and podrunner import make captures"
        ) from None
    except (OSError, tarfile.TarError, EOFError, UnicodeDecodeError) as error:
        raise UsageError(f'cannot read "{path}": {error}') from error
