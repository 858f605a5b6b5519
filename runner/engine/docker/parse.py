"""The Engine's JSON as typed values; what is missing or null becomes the field's default."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from runner.core.images.progress import PullProgress
from runner.core.text.times import parse_time
from runner.engine.protocol import (
    ContainerDetails,
    ContainerSummary,
    EngineEvent,
    EngineInfo,
    EngineState,
    ImageDetails,
    PathStat,
    VolumeDetails,
)

_KERNEL_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_GO_DIRECTORY = 1 << 31

Json = Mapping[str, Any]


def api_version_key(text: str) -> tuple[int, int]:
    """Read ``1.41``; anything that is no version sorts before all of them."""
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)


def path_stat(headers: Mapping[str, str]) -> PathStat:
    """What lies at a path of a container, from the headers that describe it; the mode is Go's (io/fs.FileMode)."""
    try:
        found = json.loads(base64.b64decode(headers.get("X-Docker-Container-Path-Stat") or ""))
    except ValueError:
        found = None
    described: Json = found if isinstance(found, dict) else {}
    mode = int(described.get("mode") or 0)
    return PathStat(
        name=str(described.get("name") or ""),
        is_directory=bool(mode & _GO_DIRECTORY),
        link_target=str(described.get("linkTarget") or ""),
        size=int(described.get("size") or 0),
        mode=mode & 0o777,
    )


def error_message(text: str, fallback: str) -> str:
    """The daemon's own text out of an error's body."""
    try:
        document = json.loads(text)
    except ValueError:
        return text.strip() or fallback
    return str(document.get("message") or fallback) if isinstance(document, dict) else text.strip()


def engine_info(version: Json, info: Json) -> EngineInfo:
    """Join what ``/version`` and ``/info`` tell."""
    components = version.get("Components") or []
    names = [str(component.get("Name", "")) for component in components]
    podman = any("podman" in name.lower() for name in names)
    options = [str(option) for option in info.get("SecurityOptions") or ()]
    architecture = str(version.get("Arch") or info.get("Architecture") or "")
    return EngineInfo(
        name="Podman" if podman else "Docker Engine",
        version=str(version.get("Version") or info.get("ServerVersion") or ""),
        api_version=str(version.get("ApiVersion") or ""),
        arch=_KERNEL_ARCHITECTURES.get(architecture, architecture),
        os=str(version.get("Os") or info.get("OSType") or "linux"),
        storage_driver=str(info.get("Driver") or ""),
        cgroup_version=str(info.get("CgroupVersion") or ""),
        cgroup_driver=str(info.get("CgroupDriver") or ""),
        kernel=str(info.get("KernelVersion") or version.get("KernelVersion") or ""),
        root_dir=str(info.get("DockerRootDir") or ""),
        rootless=any(option.startswith("name=rootless") for option in options),
        confinement=frozenset(option.split(",")[0].removeprefix("name=") for option in options),
        cpus=int(info.get("NCPU") or 0),
        memory=int(info.get("MemTotal") or 0),
        # Without root there is none where no controller was delegated; the daemon says so in the one place or the other.
        limits_memory=info.get("MemoryLimit") is not False and info.get("CgroupDriver") != "none",
    )


def state_of(text: object) -> EngineState:
    """Read a state; one that a newer Engine invents counts as dead, as nothing can be done with it."""
    try:
        return EngineState(str(text).lower())
    except ValueError:
        return EngineState.DEAD


def container_summary(row: Json) -> ContainerSummary:
    names = [str(name).removeprefix("/") for name in row.get("Names") or ()]
    own = [name for name in names if "/" not in name]  # the others are aliases that legacy links gave it
    created = row.get("Created")
    return ContainerSummary(
        id=str(row["Id"]),
        name=own[0] if own else "",
        image=str(row.get("Image") or ""),
        state=state_of(row.get("State")),
        labels=row.get("Labels") or {},
        status=str(row.get("Status") or ""),
        created_at=_EPOCH + timedelta(seconds=created) if isinstance(created, int | float) else None,
    )


def container_details(document: Json) -> ContainerDetails:
    state: Json = document.get("State") or {}
    config: Json = document.get("Config") or {}
    started, finished = parse_time(state.get("StartedAt")), parse_time(state.get("FinishedAt"))
    if started and finished and finished < started and not state.get("Running"):
        # The daemon stamps a start after the runtime returns, and a very short process has ended by then.
        started = finished
    return ContainerDetails(
        id=str(document["Id"]),
        name=str(document.get("Name") or "").removeprefix("/"),
        image=str(config.get("Image") or ""),
        image_id=str(document.get("Image") or ""),
        state=state_of(state.get("Status")),
        labels=config.get("Labels") or {},
        created_at=parse_time(document.get("Created")) or _EPOCH,
        started_at=started,
        finished_at=finished,
        exit_code=int(state.get("ExitCode") or 0),
        oom_killed=bool(state.get("OOMKilled")),
        error=str(state.get("Error") or ""),
        ip=_ip(document.get("NetworkSettings") or {}),
        network_mode=str((document.get("HostConfig") or {}).get("NetworkMode") or ""),
        stop_signal=str(config.get("StopSignal") or ""),
        pid=int(state.get("Pid") or 0),
        raw=document,
    )


def _ip(settings: Json) -> str:
    if address := settings.get("IPAddress"):
        return str(address)
    networks: Mapping[str, Json | None] = settings.get("Networks") or {}
    addresses = [str((network or {}).get("IPAddress") or "") for network in networks.values()]
    return next((address for address in addresses if address), "")


def image_details(document: Json) -> ImageDetails:
    config: Json = document.get("Config") or {}
    return ImageDetails(
        id=str(document["Id"]),
        tags=tuple(document.get("RepoTags") or ()),
        digests=tuple(document.get("RepoDigests") or ()),
        size=int(document.get("Size") or 0),
        user=str(config.get("User") or ""),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        env=tuple(config.get("Env") or ()),
        stop_signal=str(config.get("StopSignal") or ""),
        labels=config.get("Labels") or {},
    )


def listed_image(row: Json) -> ImageDetails:
    """Read a row of the list of images, which tells less than an inspection."""
    return ImageDetails(
        id=str(row["Id"]),
        tags=tuple(tag for tag in row.get("RepoTags") or () if tag != "<none>:<none>"),
        digests=tuple(row.get("RepoDigests") or ()),
        size=int(row.get("Size") or 0),
        labels=row.get("Labels") or {},
    )


def volume_details(document: Json) -> VolumeDetails:
    return VolumeDetails(
        name=str(document["Name"]),
        labels=document.get("Labels") or {},
        mountpoint=str(document.get("Mountpoint") or ""),
    )


def pull_progress(line: Json) -> PullProgress:
    detail: Json = line.get("progressDetail") or {}
    return PullProgress(
        layer=str(line.get("id") or ""),
        status=str(line.get("status") or ""),
        current=int(detail.get("current") or 0),
        total=int(detail.get("total") or 0),
    )


def engine_event(document: Json) -> EngineEvent:
    """Read one event; labels and attributes share one table in the API, so both hold all of it.

    ``exec_create: sh -c …`` becomes the action ``exec_create``.
    """
    actor: Json = document.get("Actor") or {}
    attributes: Mapping[str, str] = actor.get("Attributes") or {}
    nanoseconds = document.get("timeNano") or int(document.get("time") or 0) * 1_000_000_000
    return EngineEvent(
        action=str(document.get("Action") or document.get("status") or "").partition(": ")[0],
        container_id=str(actor.get("ID") or document.get("id") or ""),
        labels=attributes,
        at=_EPOCH + timedelta(microseconds=int(nanoseconds) // 1000),
        attributes=attributes,
    )
