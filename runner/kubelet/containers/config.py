"""Puts together what one container is created from: environment, references to objects, volumes, image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from runner.core.container.containerconfig import ContainerConfig
from runner.core.container.environment import Sources, make_environment
from runner.core.container.noderesources import NodeSize
from runner.core.container.secrecy import secret_values
from runner.core.container.security import ImageFacts
from runner.core.container.translate import Template, container_template
from runner.core.labels import PREPARED
from runner.core.model import Container, Json
from runner.core.network.services import service_variables
from runner.engine.protocol import ImageDetails
from runner.kubelet.containers.seccomp import read_profiles
from runner.kubelet.volumes.envfiles import file_reader
from runner.kubelet.volumes.planning import node_look

if TYPE_CHECKING:
    from runner.kubelet.loop.context import PodContext

_RECURSIVE_API = (1, 44)
"""Docker 25, which makes binds that are read-only so with everything below them."""


class KnownTemplate(Struct, frozen=True):
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
    environment = _environment(context, container, sandbox_id)
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
            recursive_read_only=_makes_recursive(context, container),
            seccomp_profiles=read_profiles(context, container),
            node=lambda: NodeSize(memory=context.engine.info().memory),
        )
        known = KnownTemplate(template, sandbox_id, image, environment)
        context.templates[container.name] = known
    config = known.template.config(attempt)
    return replace(config, labels={**config.labels, PREPARED: "1"}) if prepared else config


def _environment(context: PodContext, container: Container, sandbox_id: str) -> dict[str, str]:
    """The container's environment as of now; where the manifest names none, it is the Services' alone."""
    if not (container.manifest.get("env") or container.manifest.get("envFrom")):
        return dict(service_variables(context.pod, _services(context)))
    context.secrets.learn(secret_values(container, context.lookup))
    return make_environment(context.pod, container, environment_sources(context, sandbox_id))


def _services(context: PodContext) -> tuple[Json, ...]:
    return (*context.store.list("Service", context.pod.namespace).items, *_master_service(context))


def environment_sources(context: PodContext, sandbox_id: str) -> Sources:
    """What the environment of the pod's containers is made from."""
    return Sources(
        facts=context.facts,
        lookup=context.lookup,
        services=_services(context),
        node=node_look(context.engine),
        read_file=file_reader(context.engine, context.volumes, sandbox_id),
    )


def _master_service(context: PodContext) -> list[Json]:
    """``default/kubernetes``, where somebody has given it."""
    found = context.store.get("Service", "default", "kubernetes")
    return [] if found is None else [found]


def _makes_recursive(context: PodContext, container: Container) -> bool:
    """Whether the Engine makes read-only mounts recursive; asked only when a mount wants to know."""
    if not any(mount.recursive_read_only == "Enabled" for mount in container.volume_mounts):
        return False
    major, _, minor = context.engine.info().api_version.partition(".")
    return (int(major), int(minor)) >= _RECURSIVE_API if major.isdecimal() and minor.isdecimal() else False
