"""The calls that begin a pod before docker-py is there, on the real Engine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from runner.core.container.containerconfig import ContainerConfig, Mount, MountType
from runner.engine.discover import EngineAddress
from runner.engine.docker import DockerEngine
from runner.engine.early import EarlyEngine, engine_at
from runner.errors import EngineConflict, EngineUnavailable, NotFound
from tests.engine.bench import SERVES, DockerBench, docker_bench
from tests.engine.fake_api import Answer, fake_api, frames, json_answer

BEGIN = """
import json, os, sys
from runner.core.container.containerconfig import ContainerConfig
from runner.engine.early import EarlyEngine
engine = EarlyEngine(os.environ["DOCKER_HOST"])
config = ContainerConfig(name=sys.argv[1], image=sys.argv[2], command=("sleep", "100"), labels=json.loads(sys.argv[3]))
known = engine.inspect_image(sys.argv[2]).id if engine.architecture() else ""
begun = engine.create_container(config)
engine.start_container(begun)
engine.start_container(begun)  # As often as one likes.
listed = [row.id for row in engine.list_containers(config.labels)]
engine.close()
print(json.dumps({"id": begun, "image": known, "listed": listed, "docker": "docker" in sys.modules}))
"""


@pytest.fixture
def bench(docker_engine: DockerEngine) -> Iterator[DockerBench]:
    with docker_bench(docker_engine) as real:
        yield real


@pytest.fixture
def early(docker_engine: DockerEngine) -> Iterator[EarlyEngine]:
    if not docker_engine.address.startswith("unix://"):
        pytest.fail("these calls are made over a unix socket; DOCKER_HOST names something else")
    engine = EarlyEngine(docker_engine.address)
    yield engine
    engine.close()


@pytest.mark.docker
def test_a_container_runs_before_docker_py_is_imported(bench: DockerBench, docker_engine: DockerEngine) -> None:
    config = bench.config(SERVES)
    arguments = [config.name, config.image, json.dumps(dict(config.labels))]
    told = subprocess.run(
        [sys.executable, "-c", BEGIN, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={"DOCKER_HOST": docker_engine.address, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    answer = json.loads(told.stdout)
    assert answer["docker"] is False
    assert answer["listed"] == [answer["id"]]
    assert docker_engine.inspect_container(answer["id"]).state == "running"
    assert answer["image"] == docker_engine.inspect_image(config.image).id


@pytest.mark.docker
def test_early_and_later_calls_are_of_one_engine(bench: DockerBench, early: EarlyEngine) -> None:
    assert early.architecture() == early.later.architecture()
    container_id = early.create_container(bench.config(SERVES))
    early.start_container(container_id)
    assert [row.id for row in early.list_containers(bench.labels)] == [container_id]


@pytest.mark.docker
def test_what_the_engine_refuses_is_the_adapters_error(bench: DockerBench, early: EarlyEngine) -> None:
    early.architecture()
    with pytest.raises(NotFound, match="No such image: nosuch:1"):
        early.inspect_image("nosuch:1")
    fresh = EarlyEngine(early.address)
    fresh.architecture()
    config = bench.config(SERVES)
    fresh.create_container(config)
    with pytest.raises(EngineConflict):
        fresh.create_container(replace(config, command=("true",)))
    fresh.close()


@pytest.mark.docker
def test_what_is_there_of_a_pod_goes_early_too(
    bench: DockerBench, docker_engine: DockerEngine, early: EarlyEngine
) -> None:
    volume = bench.volume()
    docker_engine.create_volume(volume)
    container_id = docker_engine.create_container(bench.config(SERVES))
    docker_engine.start_container(container_id)
    assert early.inspect_container(container_id).state == "running"
    assert [one.name for one in early.list_volumes(bench.labels)] == [volume.name]
    for _ in range(2):  # What is gone already is no error.
        early.remove_container(container_id)
        early.remove_volume(volume.name)
    assert (docker_engine.list_containers(bench.labels), docker_engine.list_volumes(bench.labels)) == ([], [])


def test_where_a_pods_own_volume_lies_is_asked_once(tmp_path: Path) -> None:
    volume = {"Name": "own", "Mountpoint": "/somewhere/own/_data"}
    answers = {"POST /containers/create": json_answer({"Id": "c1"}), "GET /volumes/own": json_answer(volume)}
    with fake_api(tmp_path, answers) as api:
        engine = EarlyEngine(api.url)
        for number in (0, 1):
            mount = Mount(
                type=MountType.VOLUME, source="own", target="/log", sub_path=f"containers/main/{number}", is_own=True
            )
            engine.create_container(ContainerConfig(name=f"c{number}", image="busybox", labels={}, mounts=(mount,)))
        engine.close()
        assert api.paths().count("GET /volumes/own") == 1
        (*_, created) = (json.loads(one.body)["HostConfig"]["Mounts"] for one in api.requests if one.method == "POST")
    assert created == [
        {"Type": "bind", "Source": "/somewhere/own/_data/containers/main/1", "Target": "/log", "ReadOnly": False}
    ]
    assert engine._later is None, "docker-py is not needed for it"


def test_output_is_followed_without_docker_py(tmp_path: Path) -> None:
    """Several at once, closed with the Engine."""
    with fake_api(tmp_path, {"GET /containers/c1/logs": Answer(chunks=(frames((1, b"x one\n")),), hold=True)}) as api:
        engine = EarlyEngine(api.url)
        streams = [engine.logs("c1", follow=True) for _ in range(3)]
        batches = [stream.batches() for stream in streams]
        for batch in batches:
            assert b"".join(chunk.data for chunk in next(filter(None, batch))) == b"one\n"
        assert all(isinstance(stream.place(), int) for stream in streams)
        engine.close()
        assert [list(filter(None, batch)) for batch in batches] == [[], [], []]
        assert engine._later is None


def test_an_engine_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    engine = EarlyEngine(f"unix://{tmp_path}/nosuch.sock")
    with pytest.raises(EngineUnavailable, match="does not answer"):
        engine.architecture()


def test_only_a_local_socket_is_asked_early() -> None:
    assert isinstance(engine_at(EngineAddress(url="unix:///x.sock", source="")), EarlyEngine)
    assert isinstance(engine_at(EngineAddress(url="tcp://127.0.0.1:1", source="")), DockerEngine)


def test_the_command_line_imports_paramiko_for_ssh_alone(tmp_path: Path) -> None:
    script = """
import sys
sys.argv = ["podrunner", "version"]
from runner.__main__ import main
try:
    main()
except SystemExit:
    pass
from runner.engine.discover import EngineAddress
from runner.engine.early import engine_at
engine_at(EngineAddress(url=sys.stdin.read(), source=""))
print("paramiko" in sys.modules)
"""
    told = [
        subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            capture_output=True,
            text=True,
            input=url,
            env={"PYTHONPATH": str(Path(__file__).parents[2]), "PODRUNNER_HOME": str(tmp_path)},
        ).stdout.splitlines()[-1]
        for url in ("tcp://127.0.0.1:1", "ssh://user@127.0.0.1")
    ]
    assert told == ["False", "True"]
