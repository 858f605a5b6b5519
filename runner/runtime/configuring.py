"""Puts together what one container is created from: environment, references to objects, volumes, image."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.core.containerconfig import ContainerConfig
from runner.core.environment import make_environment
from runner.core.labels import PREPARED
from runner.core.model import Container
from runner.core.security import ImageFacts
from runner.core.translate import container_config
from runner.engine.protocol import ImageDetails

if TYPE_CHECKING:
    from runner.runtime.context import PodContext


def configure(
    context: PodContext,
    container: Container,
    *,
    attempt: int,
    sandbox_id: str,
    image: ImageDetails,
    prepared: bool = False,
) -> ContainerConfig:
    """The configuration of one instance. Raises ConfigError with the kubelet's text when something is missing."""
    environment = make_environment(context.pod, container, context.facts, context.lookup)
    config = container_config(
        context.pod,
        container,
        attempt=attempt,
        sandbox_id=sandbox_id,
        environment=environment,
        volumes=context.volumes,
        image=ImageFacts(user=image.user),
        owner=context.owner,
    )
    return replace(config, labels={**config.labels, PREPARED: "1"}) if prepared else config
