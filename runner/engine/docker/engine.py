"""The Docker Engine: each verb one call of the Engine API through docker-py's low-level client.

Every call borrows a client for its time, every stream one that ends with it (``clients``). Calls that only look have a read
timeout, calls that wait for something else have none.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple

import docker.auth
import requests
from docker.api import APIClient
from docker.utils import parse_repository_tag
from msgspec.structs import replace

from runner.clock import Clock, Deadline, SystemClock, Wakeup
from runner.core.container.containerconfig import ContainerConfig, Mount, MountType, VolumeConfig
from runner.core.images.progress import PullProgress
from runner.core.labels import SANDBOX_ID
from runner.core.volumes import SANDBOX_ROOT
from runner.engine.discover import TlsFiles
from runner.engine.docker import parse, subpath
from runner.engine.docker.archives import ArchiveVerbs
from runner.engine.docker.body import container_body, label_filter
from runner.engine.docker.clients import Clients, Loan
from runner.engine.docker.copying import config_of
from runner.engine.docker.duplex import UPGRADE, DockerExecStream
from runner.engine.docker.failures import Endpoint, error_of, translated
from runner.engine.docker.places import NATIVE_SUB_PATH, PLACES
from runner.engine.docker.queries import event_words, log_words
from runner.engine.docker.sessions import DockerSession, Sessions
from runner.engine.docker.streams import DockerEventStream, DockerLogStream
from runner.engine.docker.wire import Wire, frames
from runner.engine.protocol import (
    PLAIN,
    ContainerDetails,
    ContainerSummary,
    EngineInfo,
    ExecResult,
    ExecTimeout,
    ImageDetails,
    RegistryAuth,
    Untagged,
    VolumeDetails,
    Wishes,
)
from runner.errors import EngineConflict, EngineError, EngineRefusal, NotFound

LOOK_SECONDS: Final = 60.0
"""How long a call that only looks may take."""
_EXEC_POLL_SECONDS: Final = 0.05
_LONGEST_STOP: Final = 2**31 - 1
"""Seconds: an Engine may count in 32 bits, and one with 64 makes nanoseconds of them."""
_NOT_STARTED: Final = (126, 127)
_DEFAULT_STOP_SIGNAL: Final = "SIGTERM"


def _auth_header(client: APIClient, repository: str, auth: RegistryAuth | None) -> str | bytes | None:
    """What the registry header carries; None looks into the user's Docker configuration and its helpers."""
    if auth is None:
        registry, _ = docker.auth.resolve_repository_name(repository)
        found: str | bytes | None = docker.auth.get_config_header(client, registry)
        return found
    document = {"username": auth.username, "password": auth.password}
    if auth.identity_token:
        document = {"identitytoken": auth.identity_token}
    encoded: str | bytes = docker.auth.encode_header(document)
    return encoded


def _split_tag(reference: str) -> tuple[str, str | None]:
    repository, colon, tag = reference.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (reference, None)


class _ExecExit(NamedTuple):
    code: int
    started: bool


def _exec_result(end: _ExecExit, output: bytearray, apart: Mapping[str, bytearray]) -> ExecResult:
    stdout, stderr = bytes(apart["stdout"]), bytes(apart["stderr"])
    return ExecResult(exit_code=end.code, output=bytes(output), stdout=stdout, stderr=stderr, started=end.started)


class DockerEngine(ArchiveVerbs, Untagged):
    """An Engine at an address: ``unix://``, ``tcp://``, ``https://`` or ``ssh://``, as DOCKER_HOST has it.

    Nothing is asked before the first verb; it fixes the API version, which is the Engine's own, for all threads.
    Deadlines and closing from another thread need a socket, which ssh does not offer: there a stream ends with its
    container or its connection.
    """

    def __init__(
        self,
        address: str,
        *,
        tls: TlsFiles | None = None,
        look_seconds: float = LOOK_SECONDS,
        clock: Clock | None = None,
        version: Mapping[str, Any] | None = None,
    ) -> None:
        """``version`` is the Engine's own answer to ``GET /version``, where it was asked already."""
        self.address = address
        self._look_seconds = look_seconds
        self._clock = clock or SystemClock()
        self._clients = Clients(address, tls=tls, timeout=look_seconds, version=version)
        self._lock = threading.Lock()
        self._sessions = Sessions(address, self._call, self._request, self._url, self._exec_exit)
        self._wires: list[Wire] = []
        self._closings = 0

    # --- calls -------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _call(self, endpoint: Endpoint = Endpoint.OTHER) -> Iterator[APIClient]:
        """A client for a call; what the call raises is translated."""
        with translated(self.address, endpoint), self._clients.lend() as client:
            yield client

    def _url(self, client: APIClient, path: str) -> str:
        """The URL of a path, for requests made on the session itself."""
        return f"{client.base_url}/v{self._clients.api()}{path}"

    def _request(
        self, method: str, path: str, endpoint: Endpoint = Endpoint.OTHER, **arguments: Any
    ) -> tuple[requests.Response, Loan]:
        """Make a request whose body is read as it comes, without a read timeout."""
        with translated(self.address, endpoint):
            with contextlib.ExitStack() as undo:
                loan = self._clients.borrow()
                undo.callback(loan.close)
                url, timeout = self._url(loan.client, path), (self._look_seconds, None)
                response = loan.client.request(method, url, stream=True, timeout=timeout, **arguments)
                undo.callback(response.close)
                if response.status_code >= 400:
                    text = parse.error_message(response.text, response.reason)
                    raise error_of(endpoint, response.status_code, text)
                undo.pop_all()
            return response, loan

    def _stream(self, method: str, path: str, endpoint: Endpoint = Endpoint.OTHER, **arguments: Any) -> Wire:
        before = self._closings
        wire = Wire(*self._request(method, path, endpoint, **arguments), self.address)
        with self._lock:
            self._wires = [other for other in self._wires if not other.closed]
            self._wires.append(wire)
            is_late = self._closings > before
        if is_late:  # All streams were closed while this one was asked for.
            wire.close()
        return wire

    def close(self) -> None:
        with self._lock:
            self._closings += 1
            wires, self._wires = self._wires, []
        for wire in wires:
            wire.close()
        self._clients.close()

    # --- the Engine --------------------------------------------------------------------------------------------------

    @property
    def versions(self) -> Mapping[str, Any]:
        """What the Engine says of its versions; it was asked when the first call was made."""
        return self._clients.version()

    def info(self) -> EngineInfo:
        with self._call() as client:
            return parse.engine_info(self._clients.version(), client.info())

    def architecture(self) -> str:
        with translated(self.address):
            return str(self._clients.version().get("Arch") or "")

    def events(self, labels: Mapping[str, str], *, since: datetime | None = None) -> DockerEventStream:
        return DockerEventStream(self._stream("GET", "/events", params=event_words(labels, since)), self.address)

    # --- containers --------------------------------------------------------------------------------------------------

    def list_containers(self, labels: Mapping[str, str]) -> list[ContainerSummary]:
        with self._call() as client:
            rows = client.containers(all=True, filters={"label": label_filter(labels)})
        return [parse.container_summary(row) for row in rows]

    def inspect_container(self, container_id: str) -> ContainerDetails:
        with self._call() as client:
            return parse.container_details(client.inspect_container(container_id))

    def create_container(self, config: ContainerConfig) -> str:
        mounts = [self._resolved(config, index, mount) for index, mount in enumerate(config.mounts)]
        is_mounted = any(str(mount.source).startswith(str(PLACES)) for mount in mounts)
        try:
            with self._call(Endpoint.CREATE) as client:
                body = container_body(config, mounts)
                created = client.create_container_from_config(body, config.name)  # type: ignore[no-untyped-call]
        except EngineError:
            if is_mounted:
                subpath.release_name(config.name)
            raise
        container_id = str(created["Id"])
        if is_mounted:
            subpath.keep_for(container_id, config.name)
        return container_id

    def _resolved(self, config: ContainerConfig, index: int, mount: Mount) -> Mount:
        """A mount whose sub-path, if the Engine cannot resolve it, became its source."""
        if not mount.sub_path:
            return mount
        base = mount.source
        if mount.type is MountType.VOLUME:
            with translated(self.address):
                api = self._clients.api()
            if parse.api_version_key(api) >= NATIVE_SUB_PATH:
                self._prepare_native(config, mount)
                return mount
            base = self._mountpoint(mount.source)
        source = f"{base}/{mount.sub_path}"
        # What is our own needs no look at the directory, which may be another machine's or not ours to read.
        if not mount.is_own:
            if subpath.can_mount(self.address):
                source = str(subpath.mount_below(config, mount, base, index))
            elif not mount.is_sealed:
                raise EngineRefusal(f"cannot mount sub-path {mount.sub_path!r} of {base} safely", hint=subpath.HINT)
        return replace(mount, type=MountType.BIND, source=source, sub_path="")

    def _prepare_native(self, config: ContainerConfig, mount: Mount) -> None:
        """See that a sub-path which the Engine resolves itself is there; it refuses what leads out of the volume."""
        if mount.is_own:
            return
        base = self._mountpoint(mount.source)
        if subpath.shares_mounts(self.address) and os.access(base, os.R_OK | os.W_OK | os.X_OK):
            subpath.check(config, mount, base)
            return
        sandbox = config.labels.get(SANDBOX_ID)
        if sandbox and mount.volume:
            root = f"/{SANDBOX_ROOT}/{mount.volume}"
            missing = subpath.look_through(config, mount, root, partial(self._link_target, sandbox), self._clock.now())
            if missing is not None:
                self.upload(sandbox, *missing)

    def _link_target(self, container_id: str, path: str) -> str | None:
        """Where a link of a container leads within it; "" for what is none, None when there is nothing."""
        try:
            return self.stat_path(container_id, path).link_target
        except EngineRefusal:
            return None

    def _mountpoint(self, volume: str) -> str:
        return self.inspect_volume(volume).mountpoint

    def start_container(self, container_id: str) -> None:
        try:
            with self._call(Endpoint.START) as client:
                client.start(container_id)
        except EngineError as problem:
            # 404 is the answer to a missing container as well as to something missing inside a start.
            if not isinstance(problem, EngineConflict) and getattr(problem.__cause__, "status_code", None) == 404:
                self._raise_if_missing(container_id, problem)
            raise

    def _raise_if_missing(self, container_id: str, problem: EngineError) -> None:
        try:
            self.inspect_container(container_id)
        except NotFound as missing:
            raise missing from problem.__cause__
        except EngineError:
            return

    def kill_container(self, container_id: str, signal: str) -> None:
        # The API's own default is SIGKILL; the stop signal has to be looked up.
        chosen = signal or self._stop_signal(container_id)
        with self._call() as client:
            client.kill(container_id, chosen)

    def _stop_signal(self, container_id: str) -> str:
        raw = self.inspect_container(container_id).raw
        config = raw.get("Config")
        return (
            str(config.get("StopSignal") or _DEFAULT_STOP_SIGNAL) if isinstance(config, dict) else _DEFAULT_STOP_SIGNAL
        )

    def stop_container(self, container_id: str, timeout: int) -> None:
        with self._call() as client:
            url = self._url(client, f"/containers/{container_id}/stop")
            response = client.post(url, params={"t": min(timeout, _LONGEST_STOP)}, timeout=(self._look_seconds, None))
            if response.status_code >= 400:
                raise error_of(
                    Endpoint.OTHER, response.status_code, parse.error_message(response.text, response.reason)
                )

    def remove_container(self, container_id: str) -> None:
        try:
            with self._call(Endpoint.REMOVE) as client:
                client.remove_container(container_id, v=True, force=True)
        except NotFound:
            pass
        subpath.release_container(container_id)

    def rename_container(self, container_id: str, name: str) -> None:
        with self._call(Endpoint.CREATE) as client:
            client.rename(container_id, name)

    def container_config(self, container_id: str) -> ContainerConfig:
        with self._call() as client:
            return config_of(client.inspect_container(container_id))

    def commit_container(self, container_id: str, reference: str, labels: Mapping[str, str]) -> None:
        repository, tag = _split_tag(reference)
        changes = [f"LABEL {key}={json.dumps(value)}" for key, value in labels.items()]
        parameters = {"container": container_id, "repo": repository, "tag": tag or "latest", "pause": "0"}
        # How long it takes depends on how much the container has written.
        response, loan = self._request("POST", "/commit", params={**parameters, "changes": changes}, json={})
        with contextlib.closing(loan), contextlib.closing(response):
            response.content  # noqa: B018  # read to the end, so that the connection can be used again

    def logs(
        self, container_id: str, *, follow: bool, tail: int | None = None, since: datetime | None = None
    ) -> DockerLogStream:
        parameters = log_words(follow=follow, tail=tail, since=since)
        return DockerLogStream(self._stream("GET", f"/containers/{container_id}/logs", params=parameters))

    def exec(self, container_id: str, command: Sequence[str], *, timeout: float | None, limit: int) -> ExecResult:
        """Three calls: create, start, inspect. The API cannot end an exec, so one that timed out goes on.

        The Engine keeps the stream open for up to two seconds when a child of the ended process holds it; the process
        counts, so the deadline asks whether it is over.
        """
        deadline = Deadline(timeout)
        with self._call() as client:
            made = client.exec_create(container_id, list(command), stdout=True, stderr=True)
        exec_id = str(made["Id"])
        wire = self._stream("POST", f"/exec/{exec_id}/start", json={"Detach": False, "Tty": False})
        output, apart = bytearray(), {"stdout": bytearray(), "stderr": bytearray()}
        try:
            for name, piece in frames(wire, deadline):
                kept = piece[: max(0, limit - len(output))]
                output += kept
                apart[name] += kept
        except TimeoutError:
            outcome = self._exec_exit(exec_id)
            if outcome is None:
                raise ExecTimeout(f"the command was not over after {timeout:g} s") from None
            return _exec_result(outcome, output, apart)
        finally:
            wire.release()
        pause = Wakeup()
        while (outcome := self._exec_exit(exec_id)) is None:  # it closed its output and goes on
            if deadline.remaining() == 0.0:
                raise ExecTimeout(f"the command was not over after {timeout:g} s")
            pause.wait(_EXEC_POLL_SECONDS)
        return _exec_result(outcome, output, apart)

    def exec_stream(self, container_id: str, command: Sequence[str]) -> DockerExecStream:
        """Two calls: create and start, the latter on a connection of its own."""
        with self._call() as client:
            made = client.exec_create(container_id, list(command), stdin=True)
        detail = {"Detach": False, "Tty": False}
        started = self._request("POST", f"/exec/{made['Id']}/start", json=detail, headers=dict(UPGRADE))
        return DockerExecStream(*started, self.address)

    def session(
        self, container_id: str, command: Sequence[str] | None, *, tty: bool, wishes: Wishes = PLAIN
    ) -> DockerSession:
        return self._sessions.open(container_id, command, tty, wishes)

    def _exec_exit(self, exec_id: str) -> _ExecExit | None:
        """How it ended; None while it runs."""
        with self._call() as client:
            document: dict[str, Any] = client.exec_inspect(exec_id)
        code = document.get("ExitCode")
        if document.get("Running") or code is None:
            return None
        # A process that was never there has no number, and the exit code of a shell that could not find it.
        return _ExecExit(int(code), started=int(code) not in _NOT_STARTED or bool(document.get("Pid")))

    # --- images ------------------------------------------------------------------------------------------------------

    def inspect_image(self, reference: str) -> ImageDetails:
        with self._call() as client:
            document: dict[str, Any] = client.inspect_image(reference)  # type: ignore[no-untyped-call]
        return parse.image_details(document)

    def pull_image(
        self, reference: str, *, auth: RegistryAuth | None, on_progress: Callable[[PullProgress], None]
    ) -> None:
        repository, tag = parse_repository_tag(reference)
        with self._call(Endpoint.PULL) as client:
            header = _auth_header(client, repository, auth)
        headers = {"X-Registry-Auth": header} if header else {}
        parameters = {"fromImage": repository, "tag": tag or "latest"}
        wire = self._stream("POST", "/images/create", Endpoint.PULL, params=parameters, headers=headers)
        try:
            # To its end, also after an error: the Engine may give up a pull whose stream is not read.
            errors = list(self._pull_lines(wire, on_progress))
        finally:
            wire.release()
        for line in errors:
            detail = line.get("errorDetail") or {}
            text = str(detail.get("message") or line.get("error"))
            raise error_of(Endpoint.PULL, int(detail.get("code") or 0), text)

    @staticmethod
    def _pull_lines(wire: Wire, on_progress: Callable[[PullProgress], None]) -> Iterator[Mapping[str, Any]]:
        """Pass progress on; yield the errors."""
        for line in wire.objects():
            if "error" in line or "errorDetail" in line:
                yield line
            else:
                on_progress(parse.pull_progress(line))

    def import_image(self, reference: str, rootfs: bytes, *, changes: Sequence[str]) -> None:
        repository, tag = _split_tag(reference)
        with self._call() as client:
            client.import_image_from_data(rootfs, repository=repository, tag=tag, changes=list(changes))

    def load_image(self, archive: bytes) -> None:
        with self._call() as client:
            lines = client.load_image(archive, quiet=True)  # type: ignore[no-untyped-call]
            errors = [str(line["error"]) for line in lines if "error" in line]
        if errors:
            raise EngineRefusal(errors[0])

    def list_images(self, labels: Mapping[str, str]) -> list[ImageDetails]:
        with self._call() as client:
            rows: list[dict[str, Any]] = client.images(filters={"label": label_filter(labels)})
        return [parse.listed_image(row) for row in rows]

    def remove_image(self, reference: str, *, force: bool = False) -> None:
        try:
            with self._call(Endpoint.REMOVE) as client:
                client.remove_image(reference, force=force)
        except NotFound:
            return

    # --- volumes -----------------------------------------------------------------------------------------------------

    def create_volume(self, config: VolumeConfig) -> None:
        with self._call(Endpoint.CREATE) as client:
            client.create_volume(
                config.name, driver="local", driver_opts=dict(config.options), labels=dict(config.labels)
            )

    def list_volumes(self, labels: Mapping[str, str]) -> list[VolumeDetails]:
        with self._call() as client:
            document: dict[str, Any] = client.volumes(filters={"label": label_filter(labels)})
        return [parse.volume_details(row) for row in document.get("Volumes") or ()]

    def inspect_volume(self, name: str) -> VolumeDetails:
        with self._call() as client:
            return parse.volume_details(client.inspect_volume(name))

    def remove_volume(self, name: str) -> None:
        try:
            with self._call(Endpoint.REMOVE) as client:
                client.remove_volume(name)
        except NotFound:
            return
