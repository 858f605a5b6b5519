"""The sandbox image in a real Engine: how it gets there, and what its program does as PID 1 and through exec."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import docker
import pytest
from docker.errors import ImageNotFound
from docker.models.containers import Container

from runner.sandbox.image import LABELS, SandboxImage, sandbox_image
from tests.conftest import require_engine

pytestmark = pytest.mark.docker

DEADLINE = 10.0
"""Seconds after which something that should be immediate counts as hanging."""

SERVED = b"through the sandbox\n"


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(base_url=require_engine().url)
    yield client
    client.close()


@pytest.fixture(scope="module")
def image(engine: docker.DockerClient) -> SandboxImage:
    """The image for this Engine, loaded."""
    built = sandbox_image(engine.version()["Arch"])
    engine.images.load(built.archive)
    return built


@pytest.fixture
def label() -> str:
    """A label of this test's containers alone."""
    return f"dev.podrunner.test/{uuid.uuid4()}"


@pytest.fixture
def sandbox(engine: docker.DockerClient, image: SandboxImage, label: str) -> Iterator[Container]:
    """A running sandbox; it and everything with its label is removed afterwards."""
    container = engine.containers.run(image.reference, detach=True, labels=[label])
    yield container
    for left in engine.containers.list(all=True, filters={"label": label}):
        left.remove(force=True, v=True)


@pytest.fixture
def web_server(engine: docker.DockerClient, sandbox: Container, label: str) -> int:
    """A server inside the sandbox's network namespace; returns its port, which listens."""
    script = f"printf '{SERVED.decode().strip()}\\n' > /tmp/page && exec httpd -f -p 8080 -h /tmp"
    engine.containers.run(
        "busybox:latest", ["sh", "-c", script], detach=True, labels=[label], network_mode=f"container:{sandbox.id}"
    )
    for _ in range(200):
        if sandbox.exec_run(["/pause", "check", "127.0.0.1", "8080"]).exit_code == 0:
            return 8080
    raise AssertionError("the web server does not listen")


def read_frames(connection: socket.socket) -> dict[int, bytes]:
    """What an exec without terminal wrote, by stream: 1 is stdout, 2 is stderr."""
    raw = b"".join(iter(lambda: connection.recv(65536), b""))
    streams: dict[int, bytes] = {}
    while raw:
        stream, size = raw[0], int.from_bytes(raw[4:8], "big")
        streams[stream] = streams.get(stream, b"") + raw[8 : 8 + size]
        raw = raw[8 + size :]
    return streams


def relay(
    engine: docker.DockerClient, sandbox: Container, port: int, request: bytes, *, half_close: bool
) -> tuple[int, dict[int, bytes]]:
    """Sends a request through an exec of the sandbox's program; returns its exit code and output."""
    created = engine.api.exec_create(str(sandbox.id), ["/pause", "relay", "localhost", str(port)], stdin=True)
    stream: Any = engine.api.exec_start(created["Id"], socket=True)
    connection: socket.socket = getattr(stream, "_sock", stream)
    connection.settimeout(DEADLINE)
    try:
        connection.sendall(request)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        streams = read_frames(connection)
    finally:
        stream._response.close()  # Python 3.13 tells of one that is left open when what it reads from is closed.
        stream.close()
        connection.close()
    for _ in range(200):
        state = engine.api.exec_inspect(created["Id"])
        if not state["Running"]:
            return int(state["ExitCode"]), streams
    raise AssertionError("the relay's output has ended but its process has not")


def process_states(engine: docker.DockerClient, sandbox: Container, label: str) -> list[str]:
    """``name state`` of every process in the sandbox's process namespace, but the one that looks."""
    script = "for f in /proc/[0-9]*/stat; do read pid name state rest < $f && [ $pid != $$ ] && echo $name $state; done"
    shown = engine.containers.run(
        "busybox:latest",
        ["sh", "-c", f"{script}; true"],
        remove=True,
        labels=[label],
        pid_mode=f"container:{sandbox.id}",
    )
    return sorted(shown.decode().splitlines())


def test_loaded_image_is_the_one_that_was_built(engine: docker.DockerClient, image: SandboxImage) -> None:
    found = engine.images.get(image.reference)
    assert found.attrs["Architecture"] == image.architecture
    assert found.attrs["Config"]["Entrypoint"] == ["/pause"]
    assert found.labels == dict(LABELS)


def test_loading_again_changes_nothing(engine: docker.DockerClient, image: SandboxImage) -> None:
    before = engine.images.get(image.id)
    assert dict(LABELS).items() <= before.labels.items()
    assert [found.id for found in engine.images.load(image.archive)] == [before.id]
    assert engine.images.get(image.id).attrs["Created"] == before.attrs["Created"]


def test_imported_root_file_system_runs_like_the_loaded_image(engine: docker.DockerClient, label: str) -> None:
    built = sandbox_image(engine.version()["Arch"])
    repository, tag = "podrunner/sandbox-import-test", uuid.uuid4().hex
    engine.api.import_image_from_data(built.rootfs, repository=repository, tag=tag, changes=list(built.changes))
    try:
        found = engine.images.get(f"{repository}:{tag}")
        assert found.attrs["Config"]["Entrypoint"] == ["/pause"]
        assert found.labels == dict(LABELS)
        shown = engine.containers.run(f"{repository}:{tag}", ["-v"], remove=True, labels=[label])
        assert shown == b"pause 4\n"
    finally:
        engine.images.remove(f"{repository}:{tag}", force=True)
    with pytest.raises(ImageNotFound):
        engine.images.get(f"{repository}:{tag}")


@pytest.mark.parametrize("sent", ["SIGTERM", "SIGINT"])
def test_sandbox_runs_until_it_is_told_to_stop(
    engine: docker.DockerClient, image: SandboxImage, label: str, sent: str
) -> None:
    """As PID 1 an unhandled signal would be dropped, and the Engine would kill it only after the whole grace period."""
    container = engine.containers.run(image.reference, detach=True, labels=[label], stop_signal=sent)
    try:
        container.reload()
        assert container.status == "running"
        stopped = Event()

        def stop() -> None:
            container.stop(timeout=300)
            stopped.set()

        Thread(target=stop, daemon=True).start()
        assert stopped.wait(60.0), "the Engine waits for its grace period"
        assert container.wait(timeout=DEADLINE)["StatusCode"] == 0
    finally:
        container.remove(force=True)


def test_orphans_are_reaped(engine: docker.DockerClient, sandbox: Container, label: str) -> None:
    """Shells that share the sandbox's processes leave children behind, which become children of the pause program."""
    helper = engine.containers.run(
        "busybox:latest", ["sleep", "1000"], detach=True, labels=[label], pid_mode=f"container:{sandbox.id}"
    )
    leave = "for n in 1 2 3 4 5 6 7 8; do (sleep 0.$n &) ; done; (sleep 1000 &)"
    assert helper.exec_run(["sh", "-c", leave]).exit_code == 0
    expected = ["(pause) S", "(sleep) S", "(sleep) S"]
    states: list[str] = []
    for _ in range(50):
        states = process_states(engine, sandbox, label)
        if states == expected:
            break
    assert states == expected, "the eight short sleeps are gone, none of them is a zombie"


@pytest.mark.parametrize("half_close", [True, False])
def test_relay_reaches_a_port_inside_the_network_namespace(
    engine: docker.DockerClient, sandbox: Container, web_server: int, half_close: bool
) -> None:
    """Without half close the exec's stdin stays open, so the server's end alone must end the stream."""
    request = b"GET /page HTTP/1.0\r\n\r\n"
    code, streams = relay(engine, sandbox, web_server, request, half_close=half_close)
    assert code == 0
    assert streams[1].startswith(b"HTTP/1.")
    assert streams[1].endswith(b"\r\n\r\n" + SERVED)
    assert 2 not in streams


def test_relay_to_a_port_where_nothing_listens_says_so(engine: docker.DockerClient, sandbox: Container) -> None:
    code, streams = relay(engine, sandbox, 81, b"anybody?", half_close=True)
    assert code == 1
    assert streams == {2: b"pause: localhost:81: connection refused\n"}


def test_sandbox_works_with_a_read_only_root_and_an_ordinary_user(
    engine: docker.DockerClient, image: SandboxImage, label: str
) -> None:
    """A pod's security context may ask for both."""
    shown = engine.containers.run(
        image.reference, ["-v"], remove=True, labels=[label], read_only=True, user="65535:65535", cap_drop=["ALL"]
    )
    assert shown == b"pause 4\n"
