"""What only a real Engine has: terminals, streams that another thread closes, ports, sub-paths, threads."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from runner.clock import Deadline
from runner.core.container.containerconfig import Mount, MountType, PortBinding
from runner.core.objects import ConfigError
from runner.engine.docker import DockerEngine
from runner.engine.protocol import EngineState
from runner.errors import EngineConflict, EngineError
from tests.engine.bench import SERVES, SPEAKS, DockerBench, docker_bench, files_of, shell, tar_of

pytestmark = pytest.mark.docker


@pytest.fixture
def bench(docker_engine: DockerEngine) -> Iterator[DockerBench]:
    with docker_bench(docker_engine) as real:
        yield real


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_log_stream_is_closed_from_another_thread(bench: DockerBench) -> None:
    config = replace(bench.config(SERVES), command=shell("echo here; exec sleep 1000"))
    container_id = bench.engine.create_container(config)
    bench.engine.start_container(container_id)
    stream = bench.engine.logs(container_id, follow=True)
    heard: list[bytes] = []
    first = threading.Event()

    def read() -> None:
        for chunk in stream:
            heard.append(chunk.data)
            first.set()

    thread = threading.Thread(target=read)
    thread.start()
    assert first.wait(20)
    stream.close()
    thread.join(20)
    assert not thread.is_alive()
    assert heard == [b"here\n"]


def test_a_terminals_logs_are_lines_too(bench: DockerBench) -> None:
    container_id = bench.engine.create_container(replace(bench.config(SPEAKS), tty=True))
    bench.engine.start_container(container_id)
    chunks = list(bench.engine.logs(container_id, follow=True))
    assert [(chunk.stream, chunk.data) for chunk in chunks] == [
        ("stdout", b"one\r\n"),
        ("stdout", b"two\r\n"),
        ("stdout", b"three\r\n"),
    ]
    assert all(chunk.timestamp.endswith("Z") for chunk in chunks)


def test_long_lines_come_in_pieces_that_join(bench: DockerBench) -> None:
    length = 40_000
    script = shell(f"head -c {length} /dev/zero | tr '\\0' x; echo")
    container_id = bench.engine.create_container(replace(bench.config(SPEAKS), command=script))
    bench.engine.start_container(container_id)
    chunks = list(bench.engine.logs(container_id, follow=True))
    assert len(chunks) > 1
    assert b"".join(chunk.data for chunk in chunks) == b"x" * length + b"\n"


def test_an_exec_ends_in_time_although_its_child_holds_the_output(bench: DockerBench) -> None:
    container_id = bench.run(SERVES)
    deadline = Deadline(60)
    result = bench.engine.exec(container_id, shell("sleep 300 & echo out; exit 1"), timeout=1, limit=100)
    assert (result.exit_code, result.output) == (1, b"out\n")
    assert deadline.remaining()


def test_a_published_port_leads_into_the_container(bench: DockerBench) -> None:
    port = free_port()
    binding = PortBinding(container_port=8080, protocol="tcp", host_port=port, host_ip="127.0.0.1")
    script = shell("echo page > /tmp/page; exec httpd -f -p 8080 -h /tmp")
    config = replace(bench.config(SERVES), command=script, port_bindings=(binding,))
    container_id = bench.engine.create_container(config)
    bench.engine.start_container(container_id)
    bench.until(lambda: b"page" in _get(port))


def _get(port: int) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(b"GET /page HTTP/1.0\r\n\r\n")
            return b"".join(iter(lambda: connection.recv(4096), b""))
    except OSError:
        return b""


def test_a_taken_port_fails_the_start(bench: DockerBench) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        binding = PortBinding(
            container_port=80, protocol="tcp", host_port=int(taken.getsockname()[1]), host_ip="127.0.0.1"
        )
        container_id = bench.engine.create_container(replace(bench.config(SERVES), port_bindings=(binding,)))
        with pytest.raises(EngineError, match="address already in use"):
            bench.engine.start_container(container_id)
    assert bench.engine.inspect_container(container_id).state is EngineState.CREATED


def test_a_sub_path_shows_one_directory_of_a_volume(bench: DockerBench) -> None:
    volume = bench.volume()
    bench.engine.create_volume(volume)
    whole = Mount(type=MountType.VOLUME, source=volume.name, target="/data")
    sandbox = bench.engine.create_container(replace(bench.config(SERVES), mounts=(whole,)))
    bench.engine.upload(sandbox, "/data", tar_of({"a/b/file": b"below"}))
    part = replace(whole, target="/part", sub_path="a/b", read_only=True)
    container_id = bench.engine.create_container(replace(bench.config(SERVES), mounts=(part,)))
    bench.engine.start_container(container_id)
    assert files_of(bench.engine.download(container_id, "/part/file")) == {"file": b"below"}
    assert bench.engine.exec(container_id, shell("touch /part/x"), timeout=20, limit=0).exit_code != 0


def test_a_sub_path_that_is_a_link_out_of_the_volume_is_refused(bench: DockerBench) -> None:
    volume = bench.volume()
    bench.engine.create_volume(volume)
    whole = Mount(type=MountType.VOLUME, source=volume.name, target="/data")
    sandbox = bench.engine.create_container(replace(bench.config(SERVES), mounts=(whole,)))
    bench.engine.start_container(sandbox)
    bench.engine.exec(sandbox, shell("ln -s /etc /data/out"), timeout=20, limit=0)
    part = replace(whole, target="/part", sub_path="out")
    with pytest.raises((ConfigError, EngineError)):  # noqa: PT012  # an Engine far away refuses at the start
        container_id = bench.engine.create_container(replace(bench.config(SERVES), mounts=(part,)))
        bench.engine.start_container(container_id)


def test_an_images_health_check_never_runs(bench: DockerBench) -> None:
    container_id = bench.run(SERVES)
    raw = bench.engine.inspect_container(container_id).raw
    assert isinstance(config := raw["Config"], dict)
    assert isinstance(host := raw["HostConfig"], dict)
    assert config["Healthcheck"] == {"Test": ["NONE"]}
    assert host["RestartPolicy"]["Name"] == "no"


def test_an_image_is_imported_from_a_root_file_system(bench: DockerBench) -> None:
    reference = f"{bench.volume().name}:imported"
    changes = ['ENTRYPOINT ["/pause"]', "USER 7"]
    bench.engine.import_image(reference, tar_of({"pause": b"program"}), changes=changes)
    try:
        image = bench.engine.inspect_image(reference)
        assert (image.entrypoint, image.user) == (("/pause",), "7")
        assert reference in image.tags
    finally:
        bench.engine.remove_image(reference)


def test_threads_share_an_engine(bench: DockerBench) -> None:
    ids: list[str] = []
    threads = [threading.Thread(target=lambda: ids.append(bench.run(SERVES))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {row.id for row in bench.engine.list_containers(bench.labels)} == set(ids)
    assert len(ids) == 4


def test_a_name_can_be_taken_again_after_its_removal(bench: DockerBench) -> None:
    config = bench.config(SERVES)
    first = bench.engine.create_container(config)
    with pytest.raises(EngineConflict):
        bench.engine.create_container(config)
    bench.engine.remove_container(first)
    assert bench.engine.create_container(config) != first
