"""Fills image volumes: the image is had like a container's, and its files go into the volume, once a pod.

Mirrors pkg/kubelet/kuberuntime (getImageVolumes): an image that cannot be had holds every container that mounts it. The
Engine gives an image's files out through a container that is created and never started.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from runner.core.archives import Member
from runner.core.container.containerconfig import ContainerConfig
from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Container, PullPolicy
from runner.core.sync.pulling import Refuse
from runner.core.volumes import SANDBOX_ROOT, VolumePlan
from runner.engine.creating import create
from runner.kubelet.images.manager import ensure_image
from runner.kubelet.loop.jobs import run_job
from runner.kubelet.loop.lanes import Lane
from runner.kubelet.loop.tasks import Task

if TYPE_CHECKING:
    from runner.kubelet.images.pullqueue import PullTicket
    from runner.kubelet.loop.context import PodContext

_ENGINES_OWN = frozenset(
    {".dockerenv", "dev/console", "dev/pts", "dev/shm", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"}
)
"""What the Engine puts into every container, empty, beside the image's files."""


def fill_image_volumes(
    context: PodContext, container: Container, queue: PullTicket, sandbox_id: str
) -> Task[Refuse | None]:
    """Fill those that this container mounts and that are not filled yet. Raises EngineError."""
    mounted = {mount.name for mount in container.volume_mounts}
    for plan in context.volumes:
        if not plan.image or plan.name not in mounted or plan.name in context.filled:
            continue
        wanted = replace(container, image=plan.image, pull_policy=PullPolicy(plan.pull_policy))
        image = yield from ensure_image(context, wanted, queue)
        if isinstance(image, Refuse):
            return image
        yield from run_job(context.jobs, partial(_copy, context, plan, image.details.id, sandbox_id), Lane.PULL)
        context.filled.add(plan.name)
    return None


def _copy(context: PodContext, plan: VolumePlan, image: str, sandbox_id: str) -> None:
    engine = context.engine.of(container=SANDBOX_CONTAINER)
    labels = {} if plan.create is None else plan.create.labels
    config = ContainerConfig(name=f"{plan.source}_image", image=image, labels=labels, command=("-",)).ahead
    with context.making.one():
        giver = create(engine, config)
        try:
            content = engine.download(giver, "/")
        finally:
            engine.remove_container(giver)
    engine.upload(sandbox_id, f"/{SANDBOX_ROOT}/{plan.name}", without_engines_own(content))


def without_engines_own(archive: bytes) -> bytes:
    """The tar of a root directory without what the Engine adds to it."""
    buffer = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive), tarinfo=Member) as source,
        tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as target,
    ):
        for member in _members(source):
            target.addfile(member, source.extractfile(member) if member.isreg() else None)
    return buffer.getvalue()


def _members(source: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in source:
        name = member.name.strip("./") if member.name.strip("./") == "" else member.name.lstrip("/").removeprefix("./")
        is_engines = name in _ENGINES_OWN and not (member.isreg() and member.size)
        if name and not is_engines and not member.isdev():
            assert isinstance(member, Member)
            member.move(name, member.linkname.lstrip("/").removeprefix("./") if member.islnk() else None)
            yield member
