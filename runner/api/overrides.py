"""Changes to manifests for one run, without editing them: images, commands, environment, configuration."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.core.manifest import LoadedObject

Environment = Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What is different in one run.

    ``images``: another image by container name or by the image that the manifest names; it is not pulled when the Engine
    has it. ``commands``: by container name, in place of ``command`` and ``args``. ``env``: by container name, or plain
    ``NAME: value`` for all containers; None takes a variable away. ``config``: by the name of a ConfigMap or Secret, the
    keys to set. ``host_ports`` False: no port of the machine is taken, so that the same pod can run twice.
    """

    images: Mapping[str, str] = field(default_factory=dict)
    commands: Mapping[str, Sequence[str]] = field(default_factory=dict)
    env: Mapping[str, str | Environment | None] = field(default_factory=dict)
    config: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    host_ports: bool = True

    def apply(self, objects: Sequence[LoadedObject]) -> tuple[LoadedObject, ...]:
        """The objects with the changes. Raises UsageError for a change that finds nothing to change."""
        if self.host_ports and not (self.images or self.commands or self.env or self.config):
            return tuple(objects)
        changed = tuple(replace(one, value=deepcopy(dict(one.value))) for one in objects)
        containers = [container for one in changed for container in _containers(one)]
        for name, image in self.images.items():
            for container in _named(
                containers, name, "image", lambda c, name=name: name in (c["name"], c.get("image"))
            ):
                container["image"], container["imagePullPolicy"] = image, "IfNotPresent"
        for name, command in self.commands.items():
            for container in _named(containers, name, "command", lambda c, name=name: c["name"] == name):
                container["command"] = list(command)
                container.pop("args", None)
        for name, value in self.env.items():
            chosen, variables = containers, value
            if isinstance(value, Mapping):
                chosen = _named(containers, name, "env", lambda c, name=name: c["name"] == name)
            else:
                variables = {name: value}
            assert isinstance(variables, Mapping)
            for container in chosen:
                _set_variables(container, variables)
        for name, data in self.config.items():
            _set_config(changed, name, data)
        for port in (port for c in containers if not self.host_ports for port in c.get("ports") or ()):
            port.pop("hostPort", None)
            port.pop("hostIP", None)
        return changed


def _containers(loaded: LoadedObject) -> Iterator[dict[str, Any]]:
    spec: Any = loaded.value.get("spec") or {}
    if loaded.kind != "Pod":
        from runner.core.workloads import template_spec

        spec = template_spec(loaded) or {}
    for key in ("initContainers", "containers"):
        yield from spec.get(key) or ()


def _named(containers: Sequence[dict[str, Any]], name: str, what: str, fits: Any) -> list[dict[str, Any]]:
    found = [container for container in containers if fits(container)]
    if not found:
        known = ", ".join(sorted({container["name"] for container in containers}))
        raise UsageError(f"no container {name} to give another {what}", hint=f"the manifests have: {known}")
    return found


def _set_variables(container: dict[str, Any], variables: Environment) -> None:
    kept = [one for one in container.get("env") or () if one["name"] not in variables]
    added = [{"name": name, "value": value} for name, value in variables.items() if value is not None]
    container["env"] = [*kept, *added]


def _set_config(objects: Sequence[LoadedObject], name: str, data: Mapping[str, str]) -> None:
    found = [one for one in objects if one.kind in ("ConfigMap", "Secret") and one.name == name]
    if not found:
        raise UsageError(f"no ConfigMap or Secret {name} in the manifests to set {', '.join(data)} in")
    for one in found:
        value: Any = one.value
        if one.kind == "Secret":
            encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
            value["data"] = {**(value.get("data") or {}), **encoded}
        else:
            value["data"] = {**(value.get("data") or {}), **data}
