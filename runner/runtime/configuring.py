"""Puts together what one container is created from: environment, references to objects, volumes, image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.core.containerconfig import ContainerConfig
from runner.core.environment import make_environment
from runner.core.labels import PREPARED
from runner.core.model import Container
from runner.core.translate import ImageFacts, Template, container_template
from runner.engine.protocol import ImageDetails

if TYPE_CHECKING:
    from runner.runtime.context import PodContext


@dataclass(frozen=True, slots=True)
class KnownTemplate:
    """What the last instance of a container was made from, and what that depends on."""

    template: Template
    sandbox_id: str
    image: ImageDetails
    environment: Mapping[str, str]

    def is_for(
        self,
        context: PodContext,
        container: Container,
        sandbox_id: str,
        image: ImageDetails,
        environment: Mapping[str, str],
    ) -> bool:
        """Whether the next instance is made from the same."""
        made = self.template
        return (
            made.pod is context.pod
            and made.container is container
            and made.volumes is context.volumes
            and self.sandbox_id == sandbox_id
            and self.image.user == image.user
            and self.environment == environment
        )


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
    known = context.templates.get(container.name)
    if known is None or not known.is_for(context, container, sandbox_id, image, environment):
        template = container_template(
            context.pod,
            container,
            sandbox_id=sandbox_id,
            environment=environment,
            volumes=context.volumes,
            image=ImageFacts(user=image.user),
            owner=context.owner,
        )
        known = KnownTemplate(template, sandbox_id, image, environment)
        context.templates[container.name] = known
    config = known.template.config(attempt)
    return replace(config, labels={**config.labels, PREPARED: "1"}) if prepared else config
