"""What stands behind each volume of a pod: a Docker volume or a host path, and the files that go into it.

Mirrors pkg/volume/{emptydir,hostpath,configmap,secret} and util/atomic_writer.go (the ``..data`` layout). Only volumes that
some container mounts are prepared, like the kubelet's WaitForAttachAndMount.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from runner.core.containerconfig import MountType, VolumeConfig
from runner.core.labels import VOLUME, VOLUME_KIND, pvc_volume_name, volume_labels, volume_name
from runner.core.model import Json, Pod
from runner.core.objects import ConfigError, Lookup, config_map_data, secret_data
from runner.core.podlimits import pod_limit
from runner.core.quantity import ZERO, Quantity, parse_quantity

SANDBOX_ROOT = "volumes"
"""Where the sandbox sees the volumes, below its root."""

HOST_PATH_CHECKS = {
    "Directory": "a directory",
    "File": "a file",
    "Socket": "a socket file",
    "CharDevice": "a character device",
    "BlockDevice": "a block device",
}


class MountError(Exception):
    """A volume cannot be set up; the message is that of a FailedMount event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """A file of a volume, relative to its root; ``link`` makes it a symbolic link."""

    path: str
    data: bytes = b""
    mode: int = 0o644
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumePlan:
    """How one volume is set up.

    ``source`` is a Docker volume's name or a host path; ``create`` the volume to create first; ``root_mode`` the mode of its
    root directory; ``files`` its content; ``host_type`` the check that a host path must pass; ``keep``: it outlives the pod.
    """

    name: str
    type: MountType
    source: str
    create: VolumeConfig | None = None
    root_mode: int | None = None
    files: tuple[FileEntry, ...] = ()
    read_only: bool = False
    host_type: str = ""
    keep: bool = False


def plan_volumes(pod: Pod, lookup: Lookup, now: datetime, owner: str) -> tuple[VolumePlan, ...]:
    """Plan every mounted volume of the pod. Raises MountError with the kubelet's text for the first that cannot be had."""
    mounted = {mount.name for c in pod.all_containers() for mount in c.volume_mounts}
    volumes = pod.spec.get("volumes") or ()
    return tuple(_plan(pod, volume, lookup, now, owner) for volume in volumes if volume.get("name") in mounted)


def _plan(pod: Pod, volume: Json, lookup: Lookup, now: datetime, owner: str) -> VolumePlan:
    name = str(volume.get("name"))
    try:
        if "emptyDir" in volume:
            return _empty_dir(pod, name, volume["emptyDir"] or {}, owner)
        if "hostPath" in volume:
            source = volume["hostPath"]
            return VolumePlan(
                name=name, type=MountType.BIND, source=str(source.get("path")), host_type=str(source.get("type") or "")
            )
        if "configMap" in volume:
            return _projection(pod, name, "ConfigMap", volume["configMap"], lookup, now, owner)
        if "secret" in volume:
            return _projection(pod, name, "Secret", volume["secret"], lookup, now, owner)
        if "persistentVolumeClaim" in volume:
            return _claim(pod, name, volume["persistentVolumeClaim"])
    except ConfigError as error:
        raise MountError(f'MountVolume.SetUp failed for volume "{name}" : {error}') from error
    kind = next((key for key in volume if key != "name"), "")
    raise MountError(f'MountVolume.SetUp failed for volume "{name}" : {kind} volumes are not supported on this node')


def _empty_dir(pod: Pod, name: str, source: Json, owner: str) -> VolumePlan:
    docker_name = volume_name(pod, name)
    options: dict[str, str] = {}
    if source.get("medium") == "Memory":
        size = _memory_size(pod, source)
        limit = "" if size is None else f",size={size.ceil()}"
        options = {"type": "tmpfs", "device": "tmpfs", "o": f"mode=1777{limit}"}
    config = VolumeConfig(name=docker_name, labels=volume_labels(pod, name, owner), options=options)
    mode = None if options else 0o777
    return VolumePlan(name=name, type=MountType.VOLUME, source=docker_name, create=config, root_mode=mode)


def _memory_size(pod: Pod, source: Json) -> Quantity | None:
    """The smaller of the volume's own limit and what the pod may use; None leaves the Engine's default."""
    own = parse_quantity(str(source.get("sizeLimit") or 0))
    limits = (pod_limit(pod, "memory"), own if own > ZERO else None)
    return min((limit for limit in limits if limit is not None), default=None)


def _claim(pod: Pod, name: str, source: Json) -> VolumePlan:
    claim = str(source.get("claimName"))
    docker_name = pvc_volume_name(pod.namespace, claim)
    config = VolumeConfig(name=docker_name, labels={VOLUME: claim, VOLUME_KIND: "pvc"})
    return VolumePlan(
        name=name,
        type=MountType.VOLUME,
        source=docker_name,
        create=config,
        read_only=bool(source.get("readOnly")),
        keep=True,
    )


def _projection(pod: Pod, name: str, kind: str, source: Json, lookup: Lookup, now: datetime, owner: str) -> VolumePlan:
    reference = str(source.get("secretName" if kind == "Secret" else "name") or "")
    found = lookup(kind, reference)
    if found is None and not source.get("optional"):
        raise ConfigError(f'{kind.lower()} "{reference}" not found')
    data = {} if found is None else secret_data(found) if kind == "Secret" else config_map_data(found)
    files = _selected(kind, data, source)
    docker_name = volume_name(pod, name)
    # A kubelet keeps secrets in memory only.
    options = {"type": "tmpfs", "device": "tmpfs", "o": "mode=1777"} if kind == "Secret" else {}
    return VolumePlan(
        name=name,
        type=MountType.VOLUME,
        source=docker_name,
        create=VolumeConfig(name=docker_name, labels=volume_labels(pod, name, owner), options=options),
        root_mode=0o777 if not options else None,
        files=atomic_layout(files, now),
        read_only=True,
    )


def _selected(kind: str, data: Mapping[str, bytes], source: Json) -> tuple[FileEntry, ...]:
    mode = source.get("defaultMode")
    default_mode = 0o644 if mode is None else int(mode)
    items = source.get("items") or [{"key": key, "path": key} for key in sorted(data)]
    chosen = []
    for item in items:
        key, path = str(item.get("key")), str(item.get("path"))
        if key not in data:
            if source.get("optional"):
                continue
            prefix = "configmap references" if kind == "ConfigMap" else "references"
            noun = "config" if kind == "ConfigMap" else "secret"
            raise ConfigError(f"{prefix} non-existent {noun} key: {key}")
        _check_path(path)
        item_mode = item.get("mode")
        chosen.append(FileEntry(path=path, data=data[key], mode=default_mode if item_mode is None else int(item_mode)))
    return tuple(chosen)


def _check_path(path: str) -> None:
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


def atomic_layout(files: tuple[FileEntry, ...], now: datetime) -> tuple[FileEntry, ...]:
    """Files below a timestamped directory, reached through ``..data`` (atomic_writer.go)."""
    directory = now.strftime("..%Y_%m_%d_%H_%M_%S.") + f"{now.microsecond:06d}000"
    real = tuple(FileEntry(path=f"{directory}/{f.path}", data=f.data, mode=f.mode) for f in files)
    tops = sorted({f.path.split("/", 1)[0] for f in files})
    links = tuple(FileEntry(path=top, link=f"..data/{top}") for top in tops)
    return (*real, FileEntry(path="..data", link=directory), *links)


def volumes_archive(plans: tuple[VolumePlan, ...]) -> bytes | None:
    """The tar that gives all volumes their modes and content, to be unpacked at the sandbox's root; None if none needs it."""
    needy = [plan for plan in plans if plan.root_mode is not None or plan.files]
    if not needy:
        return None
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for plan in needy:
            _add_volume(archive, plan)
    return buffer.getvalue()


def _add_volume(archive: tarfile.TarFile, plan: VolumePlan) -> None:
    root = f"{SANDBOX_ROOT}/{plan.name}"
    if plan.root_mode is not None:
        _add_directory(archive, root, plan.root_mode)
    directories: set[str] = set()
    for entry in plan.files:
        parts = entry.path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            directory = "/".join(parts[:depth])
            if directory not in directories:
                directories.add(directory)
                _add_directory(archive, f"{root}/{directory}", 0o755)
        info = tarfile.TarInfo(f"{root}/{entry.path}")
        if entry.link:
            info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.link, 0o777
            archive.addfile(info)
        else:
            info.size, info.mode = len(entry.data), entry.mode
            archive.addfile(info, io.BytesIO(entry.data))


def _add_directory(archive: tarfile.TarFile, path: str, mode: int) -> None:
    info = tarfile.TarInfo(path)
    info.type, info.mode = tarfile.DIRTYPE, mode
    archive.addfile(info)
