"""An Engine that answers before docker-py is there: importing that takes as long as a small container needs to start.

The calls that begin a pod, and those that remove one, go to the socket over the standard library until anything else is
asked for, which loads the whole adapter. By then the sandbox is starting, and the import costs nothing. What is asked most
often (lists, inspections, creations, starts) goes that way for good: it takes a fraction of the time. What is answered
with an error is asked again through the adapter, where errors are made sense of; but nothing is started twice.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote, urlencode

import msgspec

from runner.core.container.containerconfig import ContainerConfig, Mount, MountType
from runner.core.model import Json
from runner.engine.discover import EngineAddress
from runner.engine.docker import MINIMUM_API, parse
from runner.engine.docker.body import container_body, label_filter
from runner.engine.docker.importing import IMPORTING
from runner.engine.docker.places import NATIVE_SUB_PATH, has_mounts, placed
from runner.engine.docker.plainwire import PlainWire
from runner.engine.docker.queries import event_words, log_words
from runner.engine.docker.streams import DockerEventStream, DockerLogStream
from runner.engine.plainhttp import Answer, ask, begin
from runner.engine.protocol import (
    ContainerDetails,
    ContainerSummary,
    Engine,
    EventStream,
    ImageDetails,
    LogStream,
    Untagged,
    VolumeDetails,
)
from runner.errors import EngineUnavailable

if TYPE_CHECKING:
    from runner.engine.docker import DockerEngine

SSH_TRANSPORT: Final = "docker.transport.sshconn"
"""docker-py's module that needs paramiko; the command line keeps it out where ssh is not asked for."""
ANSWER_SECONDS: Final = 60.0
"""How long one of these calls may take, as long as docker-py's."""
_NOT_DONE: Final = 300
_DONE_BEFORE: Final = 304
_MISSING: Final = 404
_MOST_KNOWN: Final = 1000
"""Of so many volumes it is remembered where they lie."""
"""The answer to a start of what runs."""


class EarlyEngine(Untagged):
    """Begins with plain requests; ``later`` is the whole adapter, made when it is first needed."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._version: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._later: DockerEngine | None = None
        self._mountpoints: dict[str, str] = {}
        self._wires: set[PlainWire] = set()
        self._closings = 0

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

    @property
    def versions(self) -> Json:
        """What is known of its versions already, which is asked for by nobody alone."""
        return self._version or ({} if self._later is None else self._later.versions)

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            self._closings += 1
            wires, later = list(self._wires), self._later
        for wire in wires:
            wire.close()
        if later is not None:
            later.close()

    # Each of these raises what the adapter's call of the same name raises.

    def architecture(self) -> str:
        if self._is_early():
            return str(self._version.get("Arch") or "")
        return self.later.architecture()

    def inspect_image(self, reference: str) -> ImageDetails:
        document = self._plain("GET", f"/images/{quote(reference)}/json")
        return self.later.inspect_image(reference) if document is None else parse.image_details(document)

    def create_container(self, config: ContainerConfig) -> str:
        if any(mount.sub_path and not mount.is_own for mount in config.mounts):
            return self.later.create_container(config)
        body = container_body(config, [self._placed(mount) for mount in config.mounts])
        created = self._plain("POST", "/containers/create", body, name=config.name)
        return self.later.create_container(config) if created is None else str(created["Id"])

    def _placed(self, mount: Mount) -> Mount:
        """A mount whose sub-path, if the Engine cannot resolve it, became its source."""
        if not mount.sub_path or parse.api_version_key(self._api()) >= NATIVE_SUB_PATH:
            return mount
        return placed(mount, self._mountpoint(mount.source) if mount.type is MountType.VOLUME else mount.source)

    def _api(self) -> str:
        """The version of the API that is spoken."""
        if not self._version:
            self._is_early()
        return str(self._version.get("ApiVersion") or "")

    def _mountpoint(self, volume: str) -> str:
        """Where a volume of a pod's own lies; its name is never used again."""
        known = self._mountpoints.get(volume)
        if known is None:
            known = self.inspect_volume(volume).mountpoint
            if len(self._mountpoints) >= _MOST_KNOWN:
                self._mountpoints.clear()
            self._mountpoints[volume] = known
        return known

    def start_container(self, container_id: str) -> None:
        if not (self._version or self._is_early()):
            self.later.start_container(container_id)
            return
        answer = self._answer("POST", self._path(f"/containers/{container_id}/start", {}))
        if answer.status >= _NOT_DONE and answer.status != _DONE_BEFORE:
            self._refuse_start(container_id, answer)

    def _refuse_start(self, container_id: str, answer: Answer) -> None:
        with IMPORTING:
            from runner.engine.docker.failures import Endpoint, error_of

        if answer.status == _MISSING:
            # The same answer as to something that is missing inside a start.
            self.inspect_container(container_id)
        text = answer.body.decode(errors="replace")
        raise error_of(Endpoint.START, answer.status, parse.error_message(text, f"status {answer.status}"))

    def kill_container(self, container_id: str, signal: str) -> None:
        # Which signal stops a container has to be looked up first.
        path = f"/containers/{container_id}/kill"
        if not signal or self._plain("POST", path, signal=signal) is None:
            self.later.kill_container(container_id, signal)

    def events(self, labels: Mapping[str, str], *, since: datetime | None = None) -> EventStream:
        wire = self._opened("/events", event_words(labels, since))
        return self.later.events(labels, since=since) if wire is None else DockerEventStream(wire, self.address)

    def logs(
        self, container_id: str, *, follow: bool, tail: int | None = None, since: datetime | None = None
    ) -> LogStream:
        wire = self._opened(f"/containers/{container_id}/logs", log_words(follow=follow, tail=tail, since=since))
        if wire is None:
            return self.later.logs(container_id, follow=follow, tail=tail, since=since)
        return DockerLogStream(wire)

    def _opened(self, path: str, query: Mapping[str, str]) -> PlainWire | None:
        """The body of a response as it comes, None when the adapter has to ask: the answer was an error."""
        if not (self._version or self._is_early()):
            return None
        before = self._closings
        try:
            begun = begin(self.address.removeprefix("unix://"), self._path(path, query), timeout=ANSWER_SECONDS)
        except OSError as problem:
            raise self._unavailable(problem) from problem
        if begun.status >= _NOT_DONE:
            begun.connection.close()
            return None
        wire = PlainWire(begun, self.address, self._forget)
        with self._lock:
            self._wires.add(wire)
            is_late = self._closings > before
        if is_late:  # All streams were closed while this one was asked for.
            wire.close()
        return wire

    def _forget(self, wire: PlainWire) -> None:
        with self._lock:
            self._wires.discard(wire)

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
            with IMPORTING:
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
        return self._asked(method, self._path(path, query), body)

    def _path(self, path: str, query: Mapping[str, str]) -> str:
        words = f"?{urlencode(query)}" if query else ""
        return f"/v{self._version['ApiVersion']}{path}{words}"

    def _asked(self, method: str, path: str, body: Json | None = None) -> Any:
        """Make one request; None when it is answered with an error, so that nothing has been done.

        Raises EngineUnavailable when the connection breaks.
        """
        answer = self._answer(method, path, body)
        if answer.status >= _NOT_DONE:
            return {} if answer.status == _DONE_BEFORE else None
        try:
            return msgspec.json.decode(answer.body) if answer.body else {}
        except ValueError as problem:
            raise self._unavailable(problem) from problem

    def _answer(self, method: str, path: str, body: Json | None = None) -> Answer:
        """Make one request. Raises EngineUnavailable when the connection breaks."""
        content = None if body is None else json.dumps(body).encode()
        try:
            return ask(self.address.removeprefix("unix://"), method, path, timeout=ANSWER_SECONDS, body=content)
        except OSError as problem:
            raise self._unavailable(problem) from problem

    def _unavailable(self, problem: BaseException) -> EngineUnavailable:
        with IMPORTING:
            from runner.engine.docker.failures import unavailable

        return unavailable(self.address, problem)


def engine_at(address: EngineAddress) -> Engine:
    """The Engine at an address that answered."""
    if address.tls is None and address.url.startswith("unix://"):
        return cast("Engine", EarlyEngine(address.url))
    if address.url.startswith("ssh://") and sys.modules.get(SSH_TRANSPORT, sys) is None:
        del sys.modules[SSH_TRANSPORT]
    from runner.engine.docker import DockerEngine

    return DockerEngine(address.url, tls=address.tls)
