"""Builds the configuration of one container: environment, references to objects, volumes, image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from msgspec import Struct

from runner.core.container.containerconfig import ContainerConfig
from runner.core.container.environment import Sources, make_environment
from runner.core.container.noderesources import NodeSize
from runner.core.container.secrecy import secret_values
from runner.core.container.security import ImageFacts
from runner.core.container.translate import Template, container_template
from runner.core.model import Container, Json, Pod
from runner.core.network.services import service_variables
from runner.core.objects import ConfigError
from runner.core.volumes import VolumePlan
from runner.engine.protocol import Engine, ImageDetails
from runner.kubelet.containers.seccomp import read_profiles
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.secrecy import Secrets
from runner.kubelet.volumes.envfiles import file_reader
from runner.kubelet.volumes.planning import Plans, node_look
from runner.registry.contract import Registry

_RECURSIVE_API = (1, 44)
"""Docker 25: from then on a read-only bind is read-only with everything below it."""


class _Known(Struct, frozen=True):
    """The configuration of a container's last instance, and the inputs that it was built from."""

    template: Template
    sandbox_id: str
    user: str
    environment: Mapping[str, str]

    def is_for(
        self,
        pod: Pod,
        container: Container,
        volumes: tuple[VolumePlan, ...],
        sandbox_id: str,
        image: ImageDetails,
        environment: Mapping[str, str],
    ) -> bool:
        """Whether the next instance can use it."""
        made = self.template
        return (
            made.pod is pod
            and made.container is container
            and made.volumes is volumes
            and self.sandbox_id == sandbox_id
            and self.user == image.user
            and self.environment == environment
        )


@dataclass(slots=True)
class Configurations:
    """The configurations of one pod's containers. Several threads may ask at once, each for a different container."""

    cache: PodCache
    engine: Engine
    registry: Registry
    secrets: Secrets
    plans: Plans
    owner: str
    profiles: Path | None
    _templates: dict[str, _Known] = field(default_factory=dict)

    def of(self, container: Container, *, attempt: int, sandbox_id: str, image: ImageDetails) -> ContainerConfig:
        """Build the configuration of one instance. Raises ConfigError with the kubelet's text when something is missing."""
        pod, volumes = self.cache.pod, self.plans()
        environment = self._environment(pod, container, volumes, sandbox_id)
        known = self._templates.get(container.name)
        if known is None or not known.is_for(pod, container, volumes, sandbox_id, image, environment):
            template = container_template(
                pod,
                container,
                sandbox_id=sandbox_id,
                environment=environment,
                volumes=volumes,
                image=ImageFacts(user=image.user),
                owner=self.owner,
                recursive_read_only=self._makes_recursive(container),
                seccomp_profiles=read_profiles(self.profiles, pod, container),
                node=lambda: NodeSize(memory=self.engine.info().memory),
                target_id=self._target(container),
            )
            known = self._templates[container.name] = _Known(template, sandbox_id, image.user, environment)
        return known.template.config(attempt)

    def _target(self, container: Container) -> str:
        """The newest instance of the container that an ephemeral one targets; "" when it targets none.

        Raises ConfigError with the kubelet's text when there is none (kuberuntime_container.go, getTargetID).
        """
        if not container.target:
            return ""
        found = self.cache.observed.latest(container.target)
        if found is None:
            raise ConfigError(f"unable to find target container {container.target}")
        return found.id

    def _environment(
        self, pod: Pod, container: Container, volumes: tuple[VolumePlan, ...], sandbox_id: str
    ) -> dict[str, str]:
        """The container's environment as of now; a manifest without variables leaves only those of the Services."""
        services = self._services(pod.namespace)
        if not (container.manifest.get("env") or container.manifest.get("envFrom")):
            return dict(service_variables(pod, services))
        lookup = partial(self._lookup, pod.namespace)
        self.secrets.learn(pod.uid, secret_values(container, lookup))
        sources = Sources(
            facts=self.cache.facts,
            lookup=lookup,
            services=services,
            node=node_look(self.engine),
            read_file=file_reader(self.engine, volumes, sandbox_id),
        )
        return make_environment(pod, container, sources)

    def _lookup(self, namespace: str, kind: str, name: str) -> Json | None:
        """An object that the pod refers to."""
        return self.registry.get(kind, namespace, name)

    def _services(self, namespace: str) -> tuple[Json, ...]:
        """The Services of the namespace, and ``default/kubernetes`` if it exists."""
        master = self.registry.get("Service", "default", "kubernetes")
        return (*self.registry.list("Service", namespace).items, *([] if master is None else [master]))

    def _makes_recursive(self, container: Container) -> bool:
        """Whether the Engine makes read-only mounts recursive; looked up only when a mount depends on it."""
        if not any(mount.recursive_read_only == "Enabled" for mount in container.volume_mounts):
            return False
        major, _, minor = self.engine.info().api_version.partition(".")
        return (int(major), int(minor)) >= _RECURSIVE_API if major.isdecimal() and minor.isdecimal() else False
