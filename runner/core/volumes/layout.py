"""How files lie in a volume, and the archive that brings them there. Mirrors pkg/volume/util/atomic_writer.go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from runner.core.archives import ArchiveWriter, parents_of
from runner.core.objects import ConfigError
from runner.core.volumes.plan import SANDBOX_ROOT, FileEntry, VolumePlan

SET_GROUP = 0o2000
_OWN_MODE = 0o644
_GROUP_READS_FILE, _GROUP_READS_DIRECTORY = 0o440, 0o550


def check_path(path: str) -> None:
    """Refuse a path that leads out of its volume or could meet the layout's own names (atomic_writer.go validatePath)."""
    parts = path.split("/")
    if not path:
        raise ConfigError('invalid path: must not be empty: ""')
    if path.startswith("/"):
        raise ConfigError(f"invalid path: must be relative path: {path}")
    if ".." in parts:
        raise ConfigError(f"invalid path: must not contain '..': {path}")
    if parts[0].startswith(".."):
        raise ConfigError(f"invalid path: must not start with '..': {path}")


def layout_directory(now: datetime) -> str:
    """Name of the directory that holds the files of this instant."""
    return now.strftime("..%Y_%m_%d_%H_%M_%S.") + f"{now.microsecond:06d}000"


def atomic_layout(files: tuple[FileEntry, ...], now: datetime) -> tuple[FileEntry, ...]:
    """Files below a timestamped directory, reached through ``..data``; the links come after what they lead to."""
    directory = layout_directory(now)
    real = tuple(
        FileEntry(path=f"{directory}/{f.path}", data=f.data, mode=f.mode, user=f.user)
        for f in sorted(files, key=lambda file: file.path)
    )
    tops = sorted({f.path.split("/", 1)[0] for f in files})
    links = tuple(FileEntry(path=top, link=f"..data/{top}") for top in tops)
    return (*real, FileEntry(path="..data", link=directory), *links)


def volumes_archive(
    plans: tuple[VolumePlan, ...], now: datetime, beside: Mapping[str, str] = MappingProxyType({})
) -> bytes | None:
    """The tar that gives all volumes their modes and content, to be unpacked at the sandbox's root; None if none needs it.

    ``beside``: texts of files that are the sandbox's own, by path.
    """
    needy = [plan for plan in plans if plan.root_mode is not None or plan.files]
    if not needy and not beside:
        return None
    archive = ArchiveWriter(now)
    for path, text in beside.items():
        archive.file(path, text.encode(), _OWN_MODE)
    for plan in needy:
        _add_volume(archive, plan)
    return archive.content()


def directories_of(files: tuple[FileEntry, ...]) -> tuple[str, ...]:
    """All directories that lead to the files, each after the one that holds it."""
    return tuple(dict.fromkeys(directory for entry in files for directory in parents_of(entry.path)))


def file_mode(plan: VolumePlan, mode: int) -> int:
    """A file's mode in this volume: with an fsGroup, whose volumes with files are read-only, the group may read it."""
    return mode if plan.group is None else mode | _GROUP_READS_FILE


def directory_mode(plan: VolumePlan, mode: int) -> int:
    """A directory's mode in this volume; with an fsGroup new entries inherit the group."""
    return mode if plan.group is None else mode | _GROUP_READS_DIRECTORY | SET_GROUP


def _add_volume(archive: ArchiveWriter, plan: VolumePlan) -> None:
    root, group = f"{SANDBOX_ROOT}/{plan.name}", plan.group or 0
    if plan.root_mode is not None:
        archive.directory(root, directory_mode(plan, plan.root_mode), group)
    directories: set[str] = set()
    for entry in plan.files:
        for directory in parents_of(entry.path):
            if directory not in directories:
                directories.add(directory)
                archive.directory(f"{root}/{directory}", directory_mode(plan, 0o755), group)
        if entry.link:
            archive.link(f"{root}/{entry.path}", entry.link, entry.user, group)
        else:
            archive.file(f"{root}/{entry.path}", entry.data, file_mode(plan, entry.mode), entry.user, group)
