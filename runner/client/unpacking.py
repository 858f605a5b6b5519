"""Brings what came out of a container into the file system here: only below one directory, and never half a file.

Every directory on the way is opened part by part without following links, so neither the archive nor a process that
exchanges directories meanwhile can have something written elsewhere. A file gets its name when it is complete.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from runner.core.files.confinement import Confinement, Parts, leads_out
from runner.core.files.copying import CopyOptions, skipped_link
from runner.core.files.tarstream import Kind, TarReader
from runner.core.text.gotext import quote
from runner.errors import RunnerError

_OPEN_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SHORT_NAME: Final = 40
"""Characters of a file's name in that of the one which becomes it: four bytes each still fit into the 255 of a name."""


class CopyError(RunnerError):
    """Something cannot be copied; the sentence says what and why."""


class LocalTree:
    """The inside of one directory, which is made if it is not there. Its methods raise CopyError.

    ``is_exact``: permission bits are taken over as far as the umask allows; owners, and bits that lend rights, never are.
    """

    def __init__(self, root: Path, *, is_exact: bool = True) -> None:
        self.root = root
        self._is_exact = is_exact
        try:
            root.mkdir(parents=True, exist_ok=True)
            self._place = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as problem:
            raise CopyError(f"cannot write to {root}: {problem.strerror}") from problem
        self._open: tuple[Parts, int] | None = None
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()
        os.close(self._place)

    def directory(self, parts: Parts, mode: int) -> None:
        """Have a directory; one that is there stays as it is."""
        if not parts:
            return
        place = self._directory(parts[:-1])
        try:
            os.mkdir(parts[-1], (mode | 0o700) & 0o777 if self._is_exact else 0o777, dir_fd=place)
        except FileExistsError:
            self._directory(parts)
        except OSError as problem:
            raise self._trouble(parts, problem) from problem

    def file(self, parts: Parts, mode: int, content: Iterable[bytes]) -> None:
        """Write a file; what was there before stays until it is complete."""
        place = self._directory(parts[:-1])
        self._refuse_others(parts, place)
        self._count += 1
        name = f".{parts[-1][:_SHORT_NAME]}.{os.getpid()}-{self._count}.podrunner"
        try:
            target = os.open(name, _NEW, mode & 0o777 if self._is_exact else 0o666, dir_fd=place)
            try:
                for piece in content:
                    _write(target, piece)
            finally:
                os.close(target)
            os.replace(name, parts[-1], src_dir_fd=place, dst_dir_fd=place)
        except BaseException as problem:
            with suppress(OSError):
                os.unlink(name, dir_fd=place)
            if isinstance(problem, OSError):
                raise self._trouble(parts, problem) from problem
            raise

    def link(self, parts: Parts, target: str) -> None:
        """Make a symbolic link, in the place of a file or a link that is there."""
        place = self._directory(parts[:-1])
        self._refuse_others(parts, place)
        try:
            with suppress(FileNotFoundError):
                os.unlink(parts[-1], dir_fd=place)
            os.symlink(target, parts[-1], dir_fd=place)
        except (OSError, ValueError) as problem:
            raise self._trouble(parts, problem) from problem

    def hard_link(self, parts: Parts, of: Parts) -> None:
        """Give a file that was written a second name."""
        source = os.dup(self._directory(of[:-1]))
        try:
            place = self._directory(parts[:-1])
            self._refuse_others(parts, place)
            if parts == of:
                return
            with suppress(FileNotFoundError):
                os.unlink(parts[-1], dir_fd=place)
            os.link(of[-1], parts[-1], src_dir_fd=source, dst_dir_fd=place, follow_symlinks=False)
        except OSError as problem:
            raise self._trouble(parts, problem) from problem
        finally:
            os.close(source)

    def shown(self, parts: Parts) -> str:
        """A place as a message names it."""
        return str(Path(self.root, *parts))

    # --- directories --------------------------------------------------------------------------------------------------

    def _directory(self, parts: Parts) -> int:
        """A descriptor of a directory, made if need be; good until the next one is asked for."""
        if not parts:
            return self._place
        if self._open is not None and self._open[0] == parts:
            return self._open[1]
        self._leave()
        place = os.dup(self._place)
        try:
            for depth, part in enumerate(parts, 1):
                try:
                    with suppress(FileExistsError):
                        os.mkdir(part, 0o777, dir_fd=place)
                    inner = os.open(part, _OPEN_DIRECTORY, dir_fd=place)
                except OSError as problem:
                    if _is_link(part, place):
                        shown = self.shown(parts[:depth])
                        raise CopyError(f"{shown} is a link, and nothing is written through one") from problem
                    raise self._trouble(parts[:depth], problem) from problem
                os.close(place)
                place = inner
        except BaseException:
            os.close(place)
            raise
        self._open = (parts, place)
        return place

    def _leave(self) -> None:
        if self._open is not None:
            os.close(self._open[1])
            self._open = None

    def _refuse_others(self, parts: Parts, place: int) -> None:
        """Only files and links make room. Raises CopyError."""
        try:
            found = os.stat(parts[-1], dir_fd=place, follow_symlinks=False)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as problem:
            raise self._trouble(parts, problem) from problem
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
            what = "a directory" if stat.S_ISDIR(found.st_mode) else "no regular file"
            raise CopyError(f"cannot write {self.shown(parts)}: it is {what}")

    def _trouble(self, parts: Parts, problem: Exception) -> CopyError:
        text = problem.strerror if isinstance(problem, OSError) else str(problem)
        return CopyError(f"cannot write {self.shown(parts)}: {text}")


def unpack(read: Callable[[int], bytes], target: Path, options: CopyOptions) -> None:
    """Unpack an archive into a directory, whose other content stays. Raises CopyError, and BadArchive for what is refused."""
    left_out = 0
    reader, confinement = TarReader(read), Confinement()
    with LocalTree(target.resolve(), is_exact=options.is_exact) as tree:
        for entry in reader:
            parts = confinement.place(entry)
            shown = str(target.joinpath(*parts))
            match entry.kind:
                case Kind.DIRECTORY:
                    tree.directory(parts, entry.mode)
                case Kind.FILE:
                    tree.file(parts, entry.mode, reader.content())
                case Kind.HARD_LINK:
                    tree.hard_link(parts, confinement.linked(entry))
                case Kind.LINK if leads_out(parts, entry.target):
                    options.note(skipped_link(shown, entry.target))
                case Kind.LINK:
                    tree.link(parts, entry.target)
                case _:
                    left_out += 1
                    options.note(f"warning: skipping {entry.kind}: {quote(shown)}")
    if left_out:
        raise CopyError(f"{left_out} of the files could not be copied: devices and fifos are not")


def write_into(path: Path, content: Iterable[bytes]) -> None:
    """Write to what is there already and is no regular file, such as a pipe or a terminal. Raises CopyError."""
    try:
        target = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            for piece in content:
                _write(target, piece)
        finally:
            os.close(target)
    except OSError as problem:
        raise CopyError(f"cannot write {path}: {problem.strerror}") from problem


def _write(target: int, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[os.write(target, left) :]


def _is_link(name: str, place: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=place, follow_symlinks=False).st_mode)
    except (OSError, ValueError):
        return False
