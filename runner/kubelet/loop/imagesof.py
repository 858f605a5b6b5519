"""The images of a pod, until their room takes what it uses."""

from __future__ import annotations

from collections.abc import Sequence

from runner.core.model import Container
from runner.core.sync.backoff import pull_key
from runner.core.sync.pulling import Refuse
from runner.engine.protocol import RegistryAuth
from runner.kubelet.images.credentials import pod_keyring, registry_auths
from runner.kubelet.images.imagevolumes import fill_image_volumes
from runner.kubelet.images.manager import ImageReady, ensure_image
from runner.kubelet.images.pullqueue import PullTicket
from runner.kubelet.loop.context import PodContext
from runner.kubelet.loop.tasks import Task


class ImagesOf:
    """See ``containers.needs``."""

    def __init__(self, context: PodContext, queue: PullTicket) -> None:
        self._context = context
        self._queue = queue

    def ensure(self, container: Container) -> Task[ImageReady | Refuse]:
        return ensure_image(self._context, container, self._queue)

    def is_held(self, image: str) -> bool:
        return pull_key(self._context.pod, image) in self._context.pulls

    def auths(self, image: str) -> Sequence[RegistryAuth | None]:
        return registry_auths(pod_keyring(self._context), image)

    def fill(self, container: Container, sandbox_id: str) -> Task[Refuse | None]:
        return fill_image_volumes(self._context, container, self._queue, sandbox_id)
