"""Container and volume values as the JSON that the Engine API takes (``POST /containers/create``).

The HostConfig is what the Docker shim set (pkg/kubelet/dockershim/docker_container.go); no value is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runner.core.container.containerconfig import ContainerConfig, Mount, MountType, PortBinding, Resources


def container_body(config: ContainerConfig, mounts: Iterable[Mount]) -> dict[str, Any]:
    """Return the request body; ``mounts`` stand for the config's own, their sub-paths resolved where the Engine cannot."""
    exposed: dict[str, dict[str, str]] = {
        f"{binding.container_port}/{binding.protocol}": {} for binding in config.port_bindings
    }
    body: dict[str, Any] = {
        "Image": config.image,
        "Labels": dict(config.labels),
        "Env": list(config.env),
        "Tty": config.tty,
        "OpenStdin": config.stdin,
        "StdinOnce": config.stdin_once,
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": _host_config(config, list(mounts)),
    }
    optional: dict[str, Any] = {
        "Entrypoint": None if config.entrypoint is None else list(config.entrypoint),
        "Cmd": None if config.command is None else list(config.command),
        "WorkingDir": config.working_dir or None,
        "User": config.user or None,
        "Hostname": config.hostname or None,
        "Domainname": config.domainname or None,
        "StopSignal": config.stop_signal or None,
        "ExposedPorts": exposed or None,
    }
    return body | {key: value for key, value in optional.items() if value is not None}


def label_filter(labels: Mapping[str, str]) -> list[str]:
    """Labels as the ``label`` filter of lists; an empty value asks for the key alone."""
    return [f"{key}={value}" if value else key for key, value in labels.items()]


def _host_config(config: ContainerConfig, mounts: Sequence[Mount]) -> dict[str, Any]:
    host: dict[str, Any] = {"RestartPolicy": {"Name": "no"}, "Privileged": config.privileged}
    optional: dict[str, Any] = {
        "NetworkMode": config.network_mode,
        "IpcMode": config.ipc_mode,
        "PidMode": config.pid_mode,
        "Binds": [_bind(mount) for mount in mounts if _is_plain(mount)],
        "Mounts": [_mount(mount) for mount in mounts if not _is_plain(mount)],
        "PortBindings": _port_bindings(config.port_bindings),
        "ReadonlyRootfs": config.read_only_rootfs,
        "CapAdd": list(config.cap_add),
        "CapDrop": list(config.cap_drop),
        "GroupAdd": list(config.group_add),
        "SecurityOpt": list(config.security_opt),
        "Sysctls": dict(config.sysctls),
        **_resources(config.resources),
    }
    paths = {"MaskedPaths": config.masked_paths, "ReadonlyPaths": config.read_only_paths}
    given = {key: list(value) for key, value in paths.items() if value is not None}
    return host | {key: value for key, value in optional.items() if value} | given


def _resources(resources: Resources) -> dict[str, int]:
    return {
        "Memory": resources.memory,
        "MemorySwap": resources.memory_swap,
        "CpuShares": resources.cpu_shares,
        "CpuQuota": resources.cpu_quota,
        "CpuPeriod": resources.cpu_period,
        "OomScoreAdj": resources.oom_score_adj,
    }


def _port_bindings(bindings: tuple[PortBinding, ...]) -> dict[str, list[dict[str, str]]]:
    table: dict[str, list[dict[str, str]]] = {}
    for binding in bindings:
        row = {"HostIp": binding.host_ip, "HostPort": str(binding.host_port)}
        table.setdefault(f"{binding.container_port}/{binding.protocol}", []).append(row)
    return table


def _is_plain(mount: Mount) -> bool:
    """Whether a mount goes into the older list, whose sources the Engine makes; it has no way to write a colon."""
    return mount.makes_source and ":" not in mount.source + mount.target


def _bind(mount: Mount) -> str:
    options = [option for option in ("ro" if mount.read_only else "", mount.propagation) if option]
    return ":".join([mount.source, mount.target, *([",".join(options)] if options else [])])


def _mount(mount: Mount) -> dict[str, Any]:
    body: dict[str, Any] = {
        "Type": str(mount.type),
        "Source": mount.source,
        "Target": mount.target,
        "ReadOnly": mount.read_only,
    }
    if mount.type is MountType.VOLUME:
        body["VolumeOptions"] = {"NoCopy": True} | _volume_options(mount)
    elif mount.propagation:
        body["BindOptions"] = {"Propagation": mount.propagation}
    return body


def _volume_options(mount: Mount) -> dict[str, Any]:
    options: dict[str, Any] = {"Subpath": mount.sub_path} if mount.sub_path else {}
    if mount.create is not None:
        options["Labels"] = dict(mount.create.labels)
        options["DriverConfig"] = {"Name": "local", "Options": dict(mount.create.options)}
    return options
