"""An Engine that answers before docker-py is there: importing that takes as long as a small container needs to start.

The calls that begin a pod, and those that remove one, go to the socket over the standard library until anything else is
asked for, which loads the whole adapter. By then the sandbox is starting, and the import costs nothing. What is asked most
often (lists, inspections, creations) goes that way for good: it takes a fraction of the time. What is answered
with an error is asked again through the adapter, where errors are made sense of.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote, urlencode

from runner.core.container.containerconfig import ContainerConfig
from runner.core.model import Json
from runner.engine.discover import EngineAddress
from runner.engine.docker import MINIMUM_API, parse
from runner.engine.docker.body import container_body, label_filter
from runner.engine.docker.places import has_mounts
from runner.engine.plainhttp import ask
from runner.engine.protocol import ContainerDetails, ContainerSummary, Engine, ImageDetails, Untagged, VolumeDetails

if TYPE_CHECKING:
    from runner.engine.docker import DockerEngine

SSH_TRANSPORT: Final = "docker.transport.sshconn"
"""docker-py's module that needs paramiko; the command line keeps it out where nobody asks for ssh."""
ANSWER_SECONDS: Final = 60.0
"""How long one of these calls may take, as long as docker-py's."""
_NOT_DONE: Final = 300
_DONE_BEFORE: Final = 304
"""The answer to a start of what runs."""


class EarlyEngine(Untagged):
    """Begins with plain requests; ``later`` is the whole adapter, made when it is first needed."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._version: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._later: DockerEngine | None = None

    @property
    def later(self) -> DockerEngine:
        """The adapter on docker-py."""
        with self._lock:
            if self._later is None:
                from runner.engine.docker import DockerEngine

                self._later = DockerEngine(self.address, version=self._version)
            return self._later

    def __getattr__(self, name: str) -> Any:
        return getattr(self.later, name)

    def close(self) -> None:
        """Close the connections; there are none before docker-py."""
        if self._later is not None:
            self._later.close()

    # Each of these raises what the adapter's call of the same name raises.

    def architecture(self) -> str:
        if self._is_early():
            return str(self._version.get("Arch") or "")
        return self.later.architecture()

    def inspect_image(self, reference: str) -> ImageDetails:
        document = self._plain("GET", f"/images/{quote(reference)}/json")
        return self.later.inspect_image(reference) if document is None else parse.image_details(document)

    def create_container(self, config: ContainerConfig) -> str:
        if any(mount.sub_path for mount in config.mounts):
            return self.later.create_container(config)
        body = container_body(config, config.mounts)
        created = self._plain("POST", "/containers/create", body, name=config.name)
        return self.later.create_container(config) if created is None else str(created["Id"])

    def start_container(self, container_id: str) -> None:
        if self._early("POST", f"/containers/{container_id}/start") is None:
            self.later.start_container(container_id)

    def list_containers(self, labels: Mapping[str, str]) -> list[ContainerSummary]:
        rows = self._plain("GET", "/containers/json", all="1", filters=json.dumps({"label": label_filter(labels)}))
        return self.later.list_containers(labels) if rows is None else [parse.container_summary(row) for row in rows]

    def inspect_container(self, container_id: str) -> ContainerDetails:
        document = self._plain("GET", f"/containers/{container_id}/json")
        return self.later.inspect_container(container_id) if document is None else parse.container_details(document)

    def remove_container(self, container_id: str) -> None:
        if self._early("DELETE", f"/containers/{container_id}", v="1", force="1") is None:
            self.later.remove_container(container_id)
        elif has_mounts(container_id):
            from runner.engine.docker import subpath

            subpath.release_container(container_id)

    def list_volumes(self, labels: Mapping[str, str]) -> list[VolumeDetails]:
        found = self._early("GET", "/volumes", filters=json.dumps({"label": label_filter(labels)}))
        if found is None:
            return self.later.list_volumes(labels)
        return [parse.volume_details(row) for row in found.get("Volumes") or ()]

    def remove_volume(self, name: str) -> None:
        if self._early("DELETE", f"/volumes/{quote(name)}") is None:
            self.later.remove_volume(name)

    def _is_early(self) -> bool:
        """Whether the adapter is not there yet, and the Engine is one that it would take."""
        if self._later is None and not self._version:
            found = self._asked("GET", "/version")
            offered = "" if found is None else str(found.get("ApiVersion") or "")
            if parse.api_version_key(offered) < parse.api_version_key(MINIMUM_API):
                return False
            self._version = found
        return self._later is None

    def inspect_volume(self, name: str) -> VolumeDetails:
        document = self._plain("GET", f"/volumes/{quote(name)}")
        return self.later.inspect_volume(name) if document is None else parse.volume_details(document)

    def _plain(self, method: str, path: str, body: Json | None = None, **query: str) -> Any:
        """The same as ``_early``, also when the adapter is there: these are asked so often that its way would be felt."""
        if not (self._version or self._is_early()):
            return None
        return self._request(method, path, body, query)

    def _early(self, method: str, path: str, body: Json | None = None, **query: str) -> Any:
        """The answer to a request, None when the adapter has to ask: it is there, or the answer was an error."""
        if not self._is_early():
            return None
        return self._request(method, path, body, query)

    def _request(self, method: str, path: str, body: Json | None, query: Mapping[str, str]) -> Any:
        words = f"?{urlencode(query)}" if query else ""
        return self._asked(method, f"/v{self._version['ApiVersion']}{path}{words}", body)

    def _asked(self, method: str, path: str, body: Json | None = None) -> Any:
        """Make one request; None when it is answered with an error, so that nothing has been done.

        Raises EngineUnavailable when the connection breaks.
        """
        content = None if body is None else json.dumps(body).encode()
        try:
            answer = ask(self.address.removeprefix("unix://"), method, path, timeout=ANSWER_SECONDS, body=content)
            if answer.status >= _NOT_DONE:
                return {} if answer.status == _DONE_BEFORE else None
            return json.loads(answer.body) if answer.body else {}
        except (OSError, ValueError) as problem:
            from runner.engine.docker.failures import unavailable

            raise unavailable(self.address, problem) from problem


def engine_at(address: EngineAddress) -> Engine:
    """The Engine at an address that answered."""
    if address.tls is None and address.url.startswith("unix://"):
        return cast("Engine", EarlyEngine(address.url))
    if address.url.startswith("ssh://") and sys.modules.get(SSH_TRANSPORT, sys) is None:
        del sys.modules[SSH_TRANSPORT]
    from runner.engine.docker import DockerEngine

    return DockerEngine(address.url, tls=address.tls)
