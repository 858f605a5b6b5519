"""The plan of one volume: what stands behind it, and the files that go into it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from runner.core.container.containerconfig import MountType, VolumeConfig
from runner.core.container.noderesources import NodeLook, unknown_node
from runner.core.model import Json
from runner.core.objects import Lookup

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
    """Volumes cannot be set up; ``texts`` are the messages of the FailedMount events, one a volume."""

    def __init__(self, *texts: str) -> None:
        super().__init__("; ".join(texts))
        self.texts = texts


class FileEntry(Struct, frozen=True, kw_only=True):
    """A file of a volume, relative to its root; ``link`` makes it a symbolic link. ``user`` owns it."""

    path: str
    data: bytes = b""
    mode: int = 0o644
    link: str = ""
    user: int = 0


class VolumePlan(Struct, frozen=True, kw_only=True):
    """How one volume is set up.

    ``source`` is a Docker volume's name or a host path; ``create`` the volume to create first; ``root_mode`` the mode of its
    root directory; ``files`` its files as they lie there, ``content`` those that a user sees; ``host_type`` the check that a
    host path must pass; ``keep``: it outlives the pod. ``group`` is the fsGroup that everything in it belongs to.
    ``keeps_owned``: what is in it is left alone when its root belongs to the group already. ``refreshes``: it follows what
    it is made from. ``image``: it is filled from this image, by ``pull_policy``. ``claim`` is the PersistentVolumeClaim that
    it makes real. ``is_shared``: other pods mount it too, and the last one that does takes it away.
    """

    name: str
    type: MountType
    source: str
    create: VolumeConfig | None = None
    root_mode: int | None = None
    files: tuple[FileEntry, ...] = ()
    content: tuple[FileEntry, ...] = ()
    read_only: bool = False
    host_type: str = ""
    keep: bool = False
    group: int | None = None
    keeps_owned: bool = False
    refreshes: bool = False
    image: str = ""
    pull_policy: str = ""
    claim: Json | None = None
    is_shared: bool = False


def no_key() -> bytes:
    """The signing key where nothing has to be kept from anybody, as in a simulation."""
    return b"podrunner"


class Surroundings(Struct, frozen=True, kw_only=True):
    """What volumes are planned with, beside the pod; ``node`` and ``token_key`` are asked only when they are needed."""

    lookup: Lookup
    now: datetime
    owner: str
    node: NodeLook = unknown_node
    token_key: Callable[[], bytes] = no_key
