"""An Engine that answers before docker-py is there: importing that takes as long as a small container needs to start.

The calls that begin a pod go to the socket over the standard library until anything else is asked for, which loads the whole
adapter. By then the sandbox is starting, and the import costs nothing. What is answered with an error is asked again through
the adapter, where errors are made sense of.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote, urlencode

from runner.core.containerconfig import ContainerConfig
from runner.engine.discover import EngineAddress, UnixConnection
from runner.engine.protocol import Engine, ImageDetails

if TYPE_CHECKING:
    from runner.engine.docker import DockerEngine

SSH_TRANSPORT: Final = "docker.transport.sshconn"
"""docker-py's module that needs paramiko; the command line keeps it out where nobody asks for ssh."""
ANSWER_SECONDS: Final = 60.0
"""How long one of these calls may take, as long as docker-py's."""


class EarlyEngine:
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

    def architecture(self) -> str:
        """The Engine's architecture. Raises what the adapter's raises."""
        if self._later is None:
            found = self._asked("GET", "/version")
            if found is not None and self._is_usable(found):
                self._version = found
                return str(found.get("Arch") or "")
        return self.later.architecture()

    def inspect_image(self, reference: str) -> ImageDetails:
        """An image of the Engine. Raises what the adapter's raises."""
        if self._is_early:
            document = self._asked("GET", f"/v{self._api}/images/{quote(reference)}/json")
            if document is not None:
                from runner.engine.docker import parse

                return parse.image_details(document)
        return self.later.inspect_image(reference)

    def create_container(self, config: ContainerConfig) -> str:
        """Create a container; returns its id. Raises what the adapter's raises."""
        if self._is_early and not any(mount.sub_path for mount in config.mounts):
            from runner.engine.docker.body import container_body

            path = f"/v{self._api}/containers/create?{urlencode({'name': config.name})}"
            created = self._asked("POST", path, container_body(config, config.mounts))
            if created is not None:
                return str(created["Id"])
        return self.later.create_container(config)

    def start_container(self, container_id: str) -> None:
        """Start a container. Raises what the adapter's raises."""
        if not (self._is_early and self._asked("POST", f"/v{self._api}/containers/{container_id}/start") is not None):
            self.later.start_container(container_id)

    @property
    def _is_early(self) -> bool:
        return self._later is None and bool(self._version)

    @property
    def _api(self) -> str:
        return str(self._version["ApiVersion"])

    @staticmethod
    def _is_usable(version: dict[str, Any]) -> bool:
        """Whether the adapter would take this Engine; one that it refuses is refused there."""
        from runner.engine.docker import parse
        from runner.engine.docker.versions import MINIMUM_API

        return parse.api_version_key(str(version.get("ApiVersion") or "")) >= parse.api_version_key(MINIMUM_API)

    def _asked(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Make one request; None when it is answered with an error, so that nothing has been done.

        Raises EngineUnavailable when the connection breaks.
        """
        connection = UnixConnection(self.address.removeprefix("unix://"), ANSWER_SECONDS)
        try:
            content = None if body is None else json.dumps(body)
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, body=content, headers=headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            from runner.engine.docker.failures import unavailable

            raise unavailable(self.address, problem) from problem
        finally:
            connection.close()
        if (
            answer.status >= http.client.MULTIPLE_CHOICES
        ):  # "Not modified" is the answer to a start that is done already.
            return {} if answer.status == http.client.NOT_MODIFIED else None
        return dict(json.loads(text)) if text else {}


def engine_at(address: EngineAddress) -> Engine:
    """The Engine at an address that answered."""
    if address.tls is None and address.url.startswith("unix://"):
        return cast("Engine", EarlyEngine(address.url))
    if address.url.startswith("ssh://") and sys.modules.get(SSH_TRANSPORT, sys) is None:
        del sys.modules[SSH_TRANSPORT]
    from runner.engine.docker import DockerEngine

    return DockerEngine(address.url, tls=address.tls)
