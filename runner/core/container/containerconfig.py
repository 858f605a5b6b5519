"""What the Engine is told to create: container, volume and image values in the Engine API's terms, without its JSON.

The core makes them (``translate``), an Engine adapter turns them into calls; nothing decides in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import replace

from runner.core.labels import PREPARED


class MountType(StrEnum):
    """Where a mount's content lives: a named volume or a path of the Engine's host."""

    VOLUME = "volume"
    BIND = "bind"


class Mount(Struct, frozen=True, kw_only=True):
    """One mount. ``source`` is a volume name or a host path; a volume is never filled from the image (NoCopy).

    ``volume`` is its name in the pod. ``is_own``: the sub-path is a file that only podrunner makes, so that no link can be
    in its way. ``is_sealed``: no process of a pod can write to the volume, so that its links are podrunner's.
    ``makes_source``: a host path that is not there becomes a directory. ``create``: how a volume is made if it
    does not exist yet.
    """

    type: MountType
    source: str
    target: str
    read_only: bool = False
    propagation: str = ""
    sub_path: str = ""
    volume: str = ""
    is_own: bool = False
    create: VolumeConfig | None = None
    is_sealed: bool = False
    makes_source: bool = False


class PortBinding(Struct, frozen=True, kw_only=True):
    """A published port; ``host_ip`` empty means all addresses."""

    container_port: int
    protocol: str
    host_port: int
    host_ip: str = ""


class Resources(Struct, frozen=True, kw_only=True):
    """cgroup settings: bytes, CPU shares, microseconds of quota per period; 0 leaves the Engine's default."""

    memory: int = 0
    memory_swap: int = 0
    cpu_shares: int = 0
    cpu_quota: int = 0
    cpu_period: int = 0
    oom_score_adj: int = 0


class ContainerConfig(Struct, frozen=True, kw_only=True):
    """A container to create. None or empty leaves the image's or the Engine's own value.

    ``entrypoint``/``command`` are Docker's Entrypoint and Cmd; ``env`` holds ``NAME=value`` entries; modes are Docker's
    (``container:<id>``, ``shareable``, ``host``). The image's HEALTHCHECK never runs and the restart policy is ``no``.
    """

    name: str
    image: str
    labels: Mapping[str, str]
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    env: tuple[str, ...] = ()
    working_dir: str = ""
    user: str = ""
    hostname: str = ""
    domainname: str = ""
    network_mode: str = ""
    ipc_mode: str = ""
    pid_mode: str = ""
    mounts: tuple[Mount, ...] = ()
    port_bindings: tuple[PortBinding, ...] = ()
    tty: bool = False
    stdin: bool = False
    stdin_once: bool = False
    privileged: bool = False
    read_only_rootfs: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    group_add: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    masked_paths: tuple[str, ...] | None = None
    read_only_paths: tuple[str, ...] | None = None
    sysctls: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = ""
    resources: Resources = field(default_factory=Resources)

    @property
    def ahead(self) -> ContainerConfig:
        """The same container made before its turn: hidden until then, removed if it is not taken."""
        return replace(self, labels={**self.labels, PREPARED: "1"})


class VolumeConfig(Struct, frozen=True, kw_only=True):
    """A named volume to create; ``options`` are the local driver's (``type=tmpfs`` …)."""

    name: str
    labels: Mapping[str, str]
    options: Mapping[str, str] = field(default_factory=dict)
