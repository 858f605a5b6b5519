"""Reads back from a container what it was created from: the way of ``body``, in the other direction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runner.core.container.containerconfig import ContainerConfig, Mount, MountType, Resources

Json = Mapping[str, Any]
_SHORT = 12


def config_of(document: Json) -> ContainerConfig:
    """Read an inspected container. Its published ports are not in it: only one container can have them.

    A sub-path that was resolved when it was created is the bind of what was found.
    """
    config: Json = document.get("Config") or {}
    host: Json = document.get("HostConfig") or {}
    network = str(host.get("NetworkMode") or "")
    # Who joins another one's network has its host name, which the Engine shows here as well; alone it has its id's.
    is_named = not network.startswith("container:") and config.get("Hostname") != str(document.get("Id"))[:_SHORT]
    return ContainerConfig(
        name=str(document.get("Name") or "").removeprefix("/"),
        image=str(config.get("Image") or ""),
        labels=config.get("Labels") or {},
        entrypoint=_words(config.get("Entrypoint")),
        command=_words(config.get("Cmd")),
        env=tuple(config.get("Env") or ()),
        working_dir=str(config.get("WorkingDir") or ""),
        user=str(config.get("User") or ""),
        hostname=str(config.get("Hostname") or "") if is_named else "",
        domainname=str(config.get("Domainname") or "") if is_named else "",
        network_mode=network,
        ipc_mode=str(host.get("IpcMode") or ""),
        pid_mode=str(host.get("PidMode") or ""),
        mounts=(*map(_bind, host.get("Binds") or ()), *map(_mount, host.get("Mounts") or ())),
        tty=bool(config.get("Tty")),
        stdin=bool(config.get("OpenStdin")),
        stdin_once=bool(config.get("StdinOnce")),
        privileged=bool(host.get("Privileged")),
        read_only_rootfs=bool(host.get("ReadonlyRootfs")),
        cap_add=tuple(host.get("CapAdd") or ()),
        cap_drop=tuple(host.get("CapDrop") or ()),
        group_add=tuple(host.get("GroupAdd") or ()),
        security_opt=tuple(host.get("SecurityOpt") or ()),
        masked_paths=_words(host.get("MaskedPaths")),
        read_only_paths=_words(host.get("ReadonlyPaths")),
        sysctls=host.get("Sysctls") or {},
        stop_signal=str(config.get("StopSignal") or ""),
        resources=_resources(host),
    )


def _words(value: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)


def _bind(text: str) -> Mount:
    """``SOURCE:TARGET[:OPTIONS]``, as it is written for paths without a colon."""
    source, target, *rest = text.split(":")
    options = rest[0].split(",") if rest else []
    propagation = next((one for one in options if one not in ("ro", "rw", "")), "")
    return Mount(
        type=MountType.BIND,
        source=source,
        target=target,
        read_only="ro" in options,
        propagation=propagation,
        makes_source=True,
    )


def _mount(row: Json) -> Mount:
    type_ = MountType(str(row.get("Type")))
    return Mount(
        type=type_,
        source=str(row.get("Source") or ""),
        target=str(row.get("Target") or ""),
        read_only=bool(row.get("ReadOnly")),
        propagation=str((row.get("BindOptions") or {}).get("Propagation") or ""),
        sub_path=str((row.get("VolumeOptions") or {}).get("Subpath") or ""),
        is_own=True,  # The way there was looked at when the first one was created.
    )


def _resources(host: Json) -> Resources:
    return Resources(
        memory=int(host.get("Memory") or 0),
        memory_swap=int(host.get("MemorySwap") or 0),
        cpu_shares=int(host.get("CpuShares") or 0),
        cpu_quota=int(host.get("CpuQuota") or 0),
        cpu_period=int(host.get("CpuPeriod") or 0),
        oom_score_adj=int(host.get("OomScoreAdj") or 0),
    )
