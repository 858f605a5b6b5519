"""Fills image volumes: pulls the image as for a container, and copies its files into the volume, once for each pod.

Mirrors pkg/kubelet/kuberuntime (getImageVolumes): a missing image holds up every container that mounts it. The Engine
gives out an image's files through a container that is created and never started.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from runner.core.archives import Member
from runner.core.container.containerconfig import ContainerConfig
from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Container, PullPolicy
from runner.core.sync.pulling import Refuse
from runner.core.volumes import SANDBOX_ROOT, VolumePlan
from runner.engine.creating import create
from runner.engine.protocol import Engine
from runner.kubelet.images.manager import ImageManager
from runner.kubelet.loop.jobs import Jobs, run_job
from runner.kubelet.loop.lanes import Lane
from runner.kubelet.loop.making import Making
from runner.kubelet.loop.tasks import Task

_ENGINES_OWN = frozenset(
    {".dockerenv", "dev/console", "dev/pts", "dev/shm", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"}
)
"""The empty files and directories that the Engine adds to the image's files in every container."""


class ImageVolumes:
    """The image volumes of one pod. It remembers which of them are filled."""

    def __init__(
        self,
        images: ImageManager,
        engine: Engine,
        jobs: Jobs,
        making: Making,
        plans: Callable[[], Sequence[VolumePlan]],
    ) -> None:
        """``plans`` returns the current plans of the pod's volumes."""
        self._images = images
        self._engine = engine.of(container=SANDBOX_CONTAINER)
        self._jobs = jobs
        self._making = making
        self._plans = plans
        self._filled: set[str] = set()

    def fill(self, container: Container, sandbox_id: str) -> Task[Refuse | None]:
        """Fill the image volumes that this container mounts, unless they are filled. Raises EngineError."""
        mounted = {mount.name for mount in container.volume_mounts}
        for plan in self._plans():
            if not plan.image or plan.name not in mounted or plan.name in self._filled:
                continue
            wanted = replace(container, image=plan.image, pull_policy=PullPolicy(plan.pull_policy))
            image = yield from self._images.ensure(wanted)
            if isinstance(image, Refuse):
                return image
            yield from run_job(self._jobs, partial(self._copy, plan, image.details.id, sandbox_id), Lane.PULL)
            self._filled.add(plan.name)
        return None

    def _copy(self, plan: VolumePlan, image: str, sandbox_id: str) -> None:
        labels = {} if plan.create is None else plan.create.labels
        config = ContainerConfig(name=f"{plan.source}_image", image=image, labels=labels, command=("-",)).ahead
        with self._making.one():
            giver = create(self._engine, config)
            try:
                content = self._engine.download(giver, "/")
            finally:
                self._engine.remove_container(giver)
        self._engine.upload(sandbox_id, f"/{SANDBOX_ROOT}/{plan.name}", without_engines_own(content))


def without_engines_own(archive: bytes) -> bytes:
    """The tar of a root directory without the Engine's own files."""
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
