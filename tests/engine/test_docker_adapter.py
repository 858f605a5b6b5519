"""The Docker adapter against a fake Engine API: every status, broken and silent streams, and what goes over the wire."""

from __future__ import annotations

import base64
import gc
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace

from runner.core.container.containerconfig import (
    ContainerConfig,
    Mount,
    MountType,
    PortBinding,
    Resources,
    VolumeConfig,
)
from runner.core.images.progress import PullProgress
from runner.core.labels import CONTAINER_NAME
from runner.core.objects import ConfigError
from runner.engine.docker import DockerEngine
from runner.engine.early import EarlyEngine
from runner.engine.protocol import ExecTimeout, RegistryAuth
from runner.errors import (
    EngineConflict,
    EngineError,
    EngineRefusal,
    EngineUnavailable,
    ImagePullError,
    NotFound,
    PullFailure,
    StartError,
)
from tests.engine.fake_api import (
    Answer,
    FakeApi,
    deaf_socket,
    error_answer,
    fake_api,
    frames,
    json_answer,
    lines,
)

CONFIG = ContainerConfig(name="c", image="busybox:1.36", labels={"a": "b"})
INSPECTED = {
    "Id": "c1",
    "Name": "/c",
    "Created": "2026-01-02T03:04:05.123456789Z",
    "Image": "sha256:1",
    "State": {"Status": "running", "Running": True, "StartedAt": "2026-01-02T03:04:06Z"},
    "Config": {"Image": "busybox:1.36", "Labels": None},
}

Start = Callable[[dict[str, Answer | list[Answer]]], tuple[DockerEngine, FakeApi]]


@pytest.fixture(params=[DockerEngine, EarlyEngine], ids=["adapter", "early"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """An Engine over a fake API: the whole adapter, and the one that goes the short way where it can."""
    with ExitStack() as stack:

        def begin(answers: dict[str, Answer | list[Answer]]) -> tuple[DockerEngine, FakeApi]:
            api = stack.enter_context(fake_api(tmp_path, answers))
            engine = request.param(api.url)
            stack.callback(engine.close)
            return engine, api

        yield begin


def ignore(progress: PullProgress) -> None:
    """Listen to nothing."""


Verb = Callable[[DockerEngine], object]
VERBS: dict[str, Verb] = {
    "GET /containers/json": lambda e: e.list_containers({}),
    "GET /containers/c1/json": lambda e: e.inspect_container("c1"),
    "POST /containers/create": lambda e: e.create_container(CONFIG),
    "POST /containers/c1/kill": lambda e: e.kill_container("c1", "SIGTERM"),
    "POST /containers/c1/stop": lambda e: e.stop_container("c1", 3),
    "DELETE /containers/c1": lambda e: e.remove_container("c1"),
    "GET /images/busybox/json": lambda e: e.inspect_image("busybox"),
    "POST /volumes/create": lambda e: e.create_volume(VolumeConfig(name="v", labels={})),
    "GET /volumes": lambda e: e.list_volumes({}),
    "GET /volumes/v": lambda e: e.inspect_volume("v"),
    "DELETE /volumes/v": lambda e: e.remove_volume("v"),
    "PUT /containers/c1/archive": lambda e: e.upload("c1", "/", b""),
    "GET /containers/c1/archive": lambda e: e.download("c1", "/x"),
    "POST /containers/c1/exec": lambda e: e.exec("c1", ["true"], timeout=5, limit=1),
    "GET /containers/c1/logs": lambda e: e.logs("c1", follow=False),
    "GET /events": lambda e: e.events({}),
    "GET /info": lambda e: e.info(),
    "POST /containers/c1/rename": lambda e: e.rename_container("c1", "other"),
    "POST /containers/c1/attach": lambda e: e.session("c1", None, tty=True),
    "POST /commit": lambda e: e.commit_container("c1", "x:1", {}),
    "GET /images/json": lambda e: e.list_images({}),
    "POST /images/load": lambda e: e.load_image(b""),
    "POST /images/create": lambda e: e.import_image("x:1", b"", changes=[]),
}
ABSENCE_IS_FINE = ("DELETE /containers/c1", "DELETE /volumes/v")
MAY_PASS = (
    "POST /containers/create",
    "DELETE /containers/c1",
    "DELETE /volumes/v",
    "POST /volumes/create",
    "POST /containers/c1/rename",
)


@pytest.mark.parametrize("key", [key for key in VERBS if key not in ABSENCE_IS_FINE])
def test_404_is_not_found(start: Start, key: str) -> None:
    engine, _ = start({key: error_answer(404, "the daemon's text")})
    with pytest.raises(NotFound) as caught:
        VERBS[key](engine)
    assert caught.value.message == "the daemon's text"
    assert not caught.value.recoverable


@pytest.mark.parametrize("key", ABSENCE_IS_FINE)
def test_what_is_gone_already_is_removed(start: Start, key: str) -> None:
    engine, api = start({})
    VERBS[key](engine)
    assert api.paths()[-1] == key


@pytest.mark.parametrize("key", VERBS)
def test_409_is_a_conflict(start: Start, key: str) -> None:
    engine, _ = start({key: error_answer(409, "the daemon's text")})
    with pytest.raises(EngineConflict) as caught:
        VERBS[key](engine)
    assert caught.value.message == "the daemon's text"
    assert caught.value.recoverable is (key in MAY_PASS)


@pytest.mark.parametrize("key", VERBS)
@pytest.mark.parametrize(("status", "recoverable"), [(400, False), (403, False), (429, True), (500, True), (503, True)])
def test_other_statuses_are_engine_errors(start: Start, key: str, status: int, recoverable: bool) -> None:
    engine, _ = start({key: error_answer(status, "the daemon's text")})
    with pytest.raises(EngineRefusal) as caught:
        VERBS[key](engine)
    assert type(caught.value) is EngineRefusal
    assert (caught.value.message, caught.value.recoverable) == ("the daemon's text", recoverable)


@pytest.mark.parametrize("key", ["GET /containers/c1/json", "GET /containers/c1/logs"])
def test_an_error_without_json_keeps_its_text(start: Start, key: str) -> None:
    engine, _ = start({key: Answer(status=502, body=b"Bad Gateway\n")})
    with pytest.raises(EngineError, match=r"^Bad Gateway$"):
        VERBS[key](engine)


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_failed_start_is_a_start_error_while_the_container_exists(start: Start, status: int) -> None:
    answers: dict[str, Answer | list[Answer]] = {
        "POST /containers/c1/start": error_answer(status, "exec: not found"),
        "GET /containers/c1/json": json_answer(INSPECTED),
    }
    engine, _ = start(answers)
    with pytest.raises(StartError, match=r"^exec: not found$"):
        engine.start_container("c1")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_start_that_a_busy_engine_has_not_tried_may_pass(start: Start, status: int) -> None:
    engine, _ = start({"POST /containers/c1/start": error_answer(status, "busy")})
    with pytest.raises(EngineRefusal, match=r"^busy$") as caught:
        engine.start_container("c1")
    assert caught.value.recoverable
    assert not isinstance(caught.value, StartError)


def test_a_start_that_fails_is_made_once(start: Start) -> None:
    engine, api = start({"POST /containers/c1/start": error_answer(500, "no")})
    with pytest.raises(StartError, match=r"^no$"):
        engine.start_container("c1")
    assert api.paths().count("POST /containers/c1/start") == 1


def test_starting_a_missing_container_is_not_found(start: Start) -> None:
    engine, _ = start({"POST /containers/c1/start": error_answer(404, "No such container: c1")})
    with pytest.raises(NotFound):
        engine.start_container("c1")


def test_304_means_done_already(start: Start) -> None:
    engine, _ = start({"POST /containers/c1/start": Answer(status=304), "POST /containers/c1/stop": Answer(status=304)})
    engine.start_container("c1")
    engine.stop_container("c1", 3)


# --- nothing answers -------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # docker-py forgets a refused socket
@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
def test_an_engine_that_is_not_there_is_unavailable(tmp_path: Path, verb: Verb) -> None:
    engine = DockerEngine(f"unix://{tmp_path}/nosuch.sock")
    with pytest.raises(EngineUnavailable) as caught:
        verb(engine)
    assert caught.value.recoverable
    assert "nosuch.sock" in caught.value.message
    engine.close()
    del caught
    gc.collect()  # what docker-py forgot is found here, not in the next test


def test_an_engine_that_is_silent_is_unavailable(tmp_path: Path) -> None:
    with deaf_socket(tmp_path / "deaf.sock"):
        engine = DockerEngine(f"unix://{tmp_path}/deaf.sock", look_seconds=0.1)
        with pytest.raises(EngineUnavailable):
            engine.list_containers({})
        engine.close()


def test_an_engine_that_is_too_old_is_refused(start: Start) -> None:
    engine, _ = start({"GET /version": json_answer({"ApiVersion": "1.40"})})
    with pytest.raises(EngineError, match=r"1\.40") as caught:
        engine.list_containers({})
    assert not caught.value.recoverable


def test_versions_are_asked_once_for_all_threads(start: Start) -> None:
    engine, api = start({"GET /version": json_answer({"ApiVersion": "1.47"}), "GET /containers/json": json_answer([])})
    engine.list_containers({})
    threads = [threading.Thread(target=engine.list_containers, args=({},)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(api.paths()) == [*["GET /containers/json"] * 4, "GET /version"]


# --- pulls -----------------------------------------------------------------------------------------------------------


def pull(engine: DockerEngine, auth: RegistryAuth | None = None) -> list[PullProgress]:
    heard: list[PullProgress] = []
    engine.pull_image("registry.example/team/app:2", auth=auth or RegistryAuth(), on_progress=heard.append)
    return heard


PULL_ERRORS = [
    (404, PullFailure.NOT_FOUND),
    (401, PullFailure.DENIED),
    (403, PullFailure.DENIED),
    (429, PullFailure.UNAVAILABLE),
    (500, PullFailure.UNAVAILABLE),
    (400, PullFailure.OTHER),
]


@pytest.mark.parametrize(("status", "kind"), PULL_ERRORS)
def test_a_refused_pull_tells_its_kind(start: Start, status: int, kind: PullFailure) -> None:
    engine, _ = start({"POST /images/create": error_answer(status, "the registry's text")})
    with pytest.raises(ImagePullError, match=r"^the registry's text$") as caught:
        pull(engine)
    assert caught.value.kind is kind


@pytest.mark.parametrize(("status", "kind"), [*PULL_ERRORS, (0, PullFailure.OTHER)])
def test_an_error_inside_the_stream_fails_the_pull(start: Start, status: int, kind: PullFailure) -> None:
    detail = {"message": "the registry's text"} | ({"code": status} if status else {})
    stream = lines({"status": "Pulling"}, {"errorDetail": detail, "error": "the registry's text"})
    engine, _ = start({"POST /images/create": Answer(chunks=stream)})
    with pytest.raises(ImagePullError, match=r"^the registry's text$") as caught:
        pull(engine)
    assert caught.value.kind is kind


def test_a_pull_tells_every_line(start: Start) -> None:
    stream = lines(
        {"status": "Pulling from team/app", "id": "2"},
        {"status": "Downloading", "id": "abc", "progressDetail": {"current": 5, "total": 9}},
        {"status": "Status: Downloaded newer image"},
    )
    engine, api = start({"POST /images/create": Answer(chunks=stream)})
    assert pull(engine, RegistryAuth(username="me", password="secret")) == [
        PullProgress(layer="2", status="Pulling from team/app"),
        PullProgress(layer="abc", status="Downloading", current=5, total=9),
        PullProgress(layer="", status="Status: Downloaded newer image"),
    ]
    request = api.requests[-1]
    assert request.query == {"fromImage": "registry.example/team/app", "tag": "2"}
    header = json.loads(base64.urlsafe_b64decode(request.headers["X-Registry-Auth"]))
    assert header == {"username": "me", "password": "secret"}


def test_a_token_goes_as_a_token(start: Start) -> None:
    engine, api = start({"POST /images/create": Answer(chunks=())})
    pull(engine, RegistryAuth(identity_token="token"))
    header = json.loads(base64.urlsafe_b64decode(api.requests[-1].headers["X-Registry-Auth"]))
    assert header == {"identitytoken": "token"}


def test_a_pull_whose_stream_is_cut_is_unavailable(start: Start) -> None:
    engine, _ = start({"POST /images/create": Answer(chunks=lines({"status": "Pulling"}), whole=False)})
    with pytest.raises(EngineUnavailable):
        pull(engine)


# --- streams ---------------------------------------------------------------------------------------------------------

EVENT = {
    "Type": "container",
    "Action": "exec_create: sh -c true",
    "Actor": {"ID": "c1", "Attributes": {"a": "b", "exitCode": "0"}},
    "timeNano": 1_767_323_045_123_456_789,
}


def test_events_are_read_even_across_pieces(start: Start) -> None:
    (line,) = lines(EVENT)
    engine, api = start({"GET /events": Answer(chunks=(line[:9], line[9:] + line, b"\n"), whole=False)})
    stream = iter(engine.events({"a": "b", "c": ""}))
    first, second = next(stream), next(stream)
    assert first == second
    assert (first.action, first.container_id, first.labels["a"]) == ("exec_create", "c1", "b")
    assert first.at.isoformat() == "2026-01-02T03:04:05.123456+00:00"
    with pytest.raises(EngineUnavailable):
        next(stream)
    assert json.loads(api.requests[-1].query["filters"]) == {"type": ["container"], "label": ["a=b", "c"]}


@pytest.mark.parametrize("whole", [True, False], ids=["ended", "cut"])
def test_an_event_stream_that_ends_by_itself_is_unavailable(start: Start, whole: bool) -> None:
    engine, _ = start({"GET /events": Answer(chunks=lines(EVENT), whole=whole)})
    with pytest.raises(EngineUnavailable):
        list(engine.events({}))


def test_a_closed_event_stream_ends_quietly(start: Start) -> None:
    engine, _ = start({"GET /events": Answer(chunks=lines(EVENT), hold=True)})
    stream = engine.events({})
    heard: list[str] = []
    first = threading.Event()

    def listen() -> None:
        for event in stream:
            heard.append(event.action)
            first.set()

    thread = threading.Thread(target=listen)
    thread.start()
    assert first.wait(10)
    stream.close()
    thread.join(10)
    assert not thread.is_alive()
    assert heard == ["exec_create"]


def test_a_stream_may_be_closed_unread(start: Start) -> None:
    engine, _ = start({"GET /events": Answer(chunks=lines(EVENT), hold=True)})
    stream = engine.events({})
    stream.close()
    assert list(stream) == []


def test_closing_the_engine_ends_its_streams(start: Start) -> None:
    engine, _ = start({"GET /containers/c1/logs": Answer(chunks=(), hold=True)})
    stream = engine.logs("c1", follow=True)
    thread = threading.Thread(target=lambda: list(stream))
    thread.start()
    engine.close()
    thread.join(10)
    assert not thread.is_alive()


def test_multiplexed_logs_are_taken_apart(start: Start) -> None:
    body = frames(
        (1, b"2026-01-02T03:04:05.1Z out\n"), (2, b"2026-01-02T03:04:06.2Z a b\n"), (1, b"2026-01-02T03:04:07.3Z x")
    )
    engine, _ = start({"GET /containers/c1/logs": Answer(chunks=(body[:3], body[3:30], body[30:]))})
    assert [(c.stream, c.timestamp, c.data) for c in engine.logs("c1", follow=False)] == [
        ("stdout", "2026-01-02T03:04:05.1Z", b"out\n"),
        ("stderr", "2026-01-02T03:04:06.2Z", b"a b\n"),
        ("stdout", "2026-01-02T03:04:07.3Z", b"x"),
    ]


def test_logs_of_a_terminal_have_no_frames(start: Start) -> None:
    body = b"2026-01-02T03:04:05.1Z one\r\n2026-01-02T03:04:06.2Z two\r\n"
    engine, _ = start({"GET /containers/c1/logs": Answer(chunks=(body[:5], body[5:]))})
    assert [(c.timestamp, c.data) for c in engine.logs("c1", follow=False)] == [
        ("2026-01-02T03:04:05.1Z", b"one\r\n"),
        ("2026-01-02T03:04:06.2Z", b"two\r\n"),
    ]


def test_logs_that_are_cut_are_unavailable(start: Start) -> None:
    body = frames((1, b"2026-01-02T03:04:05.1Z out\n"))
    engine, _ = start({"GET /containers/c1/logs": Answer(chunks=(body,), whole=False)})
    with pytest.raises(EngineUnavailable):
        list(engine.logs("c1", follow=True))


# --- exec ------------------------------------------------------------------------------------------------------------


def exec_answers(*inspected: dict[str, object], hold: bool = False) -> dict[str, Answer | list[Answer]]:
    output = frames((1, b"out\n"), (2, b"err\n"))
    return {
        "POST /containers/c1/exec": json_answer({"Id": "e1"}, 201),
        "POST /exec/e1/start": Answer(body=output, raw_stream=True, hold=hold),
        "GET /exec/e1/json": [json_answer(document) for document in inspected],
    }


def test_an_exec_is_three_calls(start: Start) -> None:
    engine, api = start(exec_answers({"Running": False, "ExitCode": 3}))
    result = engine.exec("c1", ["sh", "-c", "x"], timeout=10, limit=6)
    assert (result.exit_code, result.output) == (3, b"out\ner")
    assert api.paths() == ["GET /version", "POST /containers/c1/exec", "POST /exec/e1/start", "GET /exec/e1/json"]
    assert json.loads(api.requests[1].body)["Cmd"] == ["sh", "-c", "x"]


def test_an_exec_that_closed_its_output_is_waited_for(start: Start) -> None:
    running: dict[str, object] = {"Running": True, "ExitCode": None}
    engine, _ = start(exec_answers(running, running, {"Running": False, "ExitCode": 0}))
    assert engine.exec("c1", ["x"], timeout=10, limit=9).exit_code == 0


def test_an_exec_that_is_silent_past_its_time_is_given_up(start: Start) -> None:
    engine, _ = start(exec_answers({"Running": True, "ExitCode": None}, hold=True))
    with pytest.raises(ExecTimeout):
        engine.exec("c1", ["x"], timeout=0.2, limit=9)


def test_an_exec_whose_child_holds_the_output_has_ended(start: Start) -> None:
    """The process is over when the time is: its exit code counts, also when another process keeps the stream open."""
    engine, _ = start(exec_answers({"Running": False, "ExitCode": 1}, hold=True))
    result = engine.exec("c1", ["x"], timeout=0.2, limit=9)
    assert (result.exit_code, result.output) == (1, b"out\nerr\n")


# --- what goes over the wire -----------------------------------------------------------------------------------------


def test_a_container_is_created_in_one_call_with_everything_it_needs(start: Start) -> None:
    engine, api = start({"POST /containers/create": json_answer({"Id": "c1"}, 201)})
    config = ContainerConfig(
        name="full",
        image="busybox:1.36",
        labels={"a": "b"},
        entrypoint=("sh",),
        command=("-c", "true"),
        env=("A=1",),
        working_dir="/tmp",
        user="7:8",
        hostname="h",
        network_mode="container:s",
        ipc_mode="container:s",
        pid_mode="host",
        mounts=(
            Mount(type=MountType.VOLUME, source="v", target="/v", read_only=True),
            Mount(type=MountType.BIND, source="/b", target="/b", propagation="rslave"),
        ),
        port_bindings=(
            PortBinding(container_port=80, protocol="tcp", host_port=8080, host_ip="127.0.0.1"),
            PortBinding(container_port=80, protocol="tcp", host_port=8081),
        ),
        tty=True,
        privileged=True,
        cap_drop=("ALL",),
        group_add=("9",),
        security_opt=("no-new-privileges",),
        sysctls={"net.ipv4.ip_forward": "1"},
        masked_paths=("/proc/kcore",),
        read_only_paths=(),
        stop_signal="SIGINT",
        resources=Resources(memory=1024, cpu_shares=2, oom_score_adj=-998),
    )
    assert engine.create_container(config) == "c1"
    assert api.paths() == ["GET /version", "POST /containers/create"]
    assert api.requests[-1].query == {"name": "full"}
    assert json.loads(api.requests[-1].body) == {
        "Image": "busybox:1.36",
        "Labels": {"a": "b"},
        "Entrypoint": ["sh"],
        "Cmd": ["-c", "true"],
        "Env": ["A=1"],
        "WorkingDir": "/tmp",
        "User": "7:8",
        "Hostname": "h",
        "StopSignal": "SIGINT",
        "Tty": True,
        "OpenStdin": False,
        "StdinOnce": False,
        "Healthcheck": {"Test": ["NONE"]},
        "ExposedPorts": {"80/tcp": {}},
        "HostConfig": {
            "RestartPolicy": {"Name": "no"},
            "Privileged": True,
            "NetworkMode": "container:s",
            "IpcMode": "container:s",
            "PidMode": "host",
            "Mounts": [
                {"Type": "volume", "Source": "v", "Target": "/v", "ReadOnly": True, "VolumeOptions": {"NoCopy": True}},
                {
                    "Type": "bind",
                    "Source": "/b",
                    "Target": "/b",
                    "ReadOnly": False,
                    "BindOptions": {"Propagation": "rslave"},
                },
            ],
            "PortBindings": {
                "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}, {"HostIp": "", "HostPort": "8081"}]
            },
            "CapDrop": ["ALL"],
            "GroupAdd": ["9"],
            "SecurityOpt": ["no-new-privileges"],
            "Sysctls": {"net.ipv4.ip_forward": "1"},
            "MaskedPaths": ["/proc/kcore"],
            "ReadonlyPaths": [],
            "Memory": 1024,
            "CpuShares": 2,
            "OomScoreAdj": -998,
        },
    }


def sub_path_answers(api_version: str, mountpoint: Path) -> dict[str, Answer | list[Answer]]:
    return {
        "GET /version": json_answer({"ApiVersion": api_version}),
        "GET /volumes/v": json_answer({"Name": "v", "Mountpoint": str(mountpoint)}),
        "POST /containers/create": json_answer({"Id": f"c-{secrets.token_hex(6)}"}, 201),
    }


def with_sub_path(sub_path: str, *, kind: MountType = MountType.VOLUME, source: str = "v") -> ContainerConfig:
    mount = Mount(type=kind, source=source, target="/data", sub_path=sub_path, volume="v")
    name = f"test-{secrets.token_hex(6)}"
    return ContainerConfig(name=name, image="busybox:1.36", labels={CONTAINER_NAME: "main"}, mounts=(mount,))


def test_sub_paths_of_volumes_are_left_to_an_engine_that_knows_them(start: Start, tmp_path: Path) -> None:
    engine, api = start(sub_path_answers("1.45", tmp_path))
    engine.create_container(with_sub_path("a/b"))
    (mount,) = json.loads(api.requests[-1].body)["HostConfig"]["Mounts"]
    assert (mount["Type"], mount["Source"]) == ("volume", "v")
    assert mount["VolumeOptions"] == {"NoCopy": True, "Subpath": "a/b"}


def test_an_older_engine_gets_a_mount_of_the_directory(start: Start, tmp_path: Path) -> None:
    (tmp_path / "volume/a/b").mkdir(parents=True)
    (tmp_path / "volume/a/b/file").write_text("below")
    (tmp_path / "volume/link").symlink_to("a")
    engine, api = start(sub_path_answers("1.44", tmp_path / "volume"))
    container_id = engine.create_container(with_sub_path("link/b"))
    (mount,) = json.loads(api.requests[-1].body)["HostConfig"]["Mounts"]
    assert mount["Type"] == "bind"
    assert (Path(mount["Source"]) / "file").read_text() == "below"
    api.answers[f"DELETE /containers/{container_id}"] = Answer(status=204)
    engine.remove_container(container_id)
    assert not Path(mount["Source"]).exists()
    assert (tmp_path / "volume/a/b/file").read_text() == "below"


def test_a_mount_that_no_container_was_made_for_is_taken_away(start: Start, tmp_path: Path) -> None:
    (tmp_path / "volume/a").mkdir(parents=True)
    engine, api = start(sub_path_answers("1.41", tmp_path / "volume"))
    api.answers["POST /containers/create"] = error_answer(409, "the name is taken")
    with pytest.raises(EngineConflict):
        engine.create_container(with_sub_path("a"))
    (mount,) = json.loads(api.requests[-1].body)["HostConfig"]["Mounts"]
    assert not Path(mount["Source"]).exists()


def test_directories_of_a_sub_path_are_made_like_the_volume(start: Start, tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume").chmod(0o2770)
    engine, api = start(sub_path_answers("1.45", tmp_path / "volume"))
    engine.create_container(with_sub_path("new/deep"))
    assert [oct((tmp_path / "volume" / path).stat().st_mode & 0o7777) for path in ("new", "new/deep")] == ["0o2770"] * 2
    assert "POST /containers/create" in api.paths()


@pytest.mark.parametrize("api_version", ["1.41", "1.45"])
@pytest.mark.parametrize(
    "sub_path", ["out", "out/inside", "out/new", "dangling", "../beside", "/etc", "a/../../beside"]
)
def test_a_sub_path_that_leaves_its_volume_is_refused(
    start: Start, tmp_path: Path, sub_path: str, api_version: str
) -> None:
    """The details stay out of the message: they would tell about the host's files."""
    (tmp_path / "volume/a").mkdir(parents=True)
    (tmp_path / "beside/inside").mkdir(parents=True)
    (tmp_path / "volume/out").symlink_to("../beside")
    (tmp_path / "volume/dangling").symlink_to("../nowhere")
    engine, api = start(sub_path_answers(api_version, tmp_path / "volume"))
    text = r'failed to (create subPath directory|prepare subPath) for volumeMount "v" of container "main"'
    with pytest.raises(ConfigError, match=text):
        engine.create_container(with_sub_path(sub_path))
    with pytest.raises(ConfigError, match=text):
        engine.create_container(with_sub_path(sub_path, kind=MountType.BIND, source=str(tmp_path / "volume")))
    assert "POST /containers/create" not in api.paths()
    assert sorted(path.name for path in (tmp_path / "beside").iterdir()) == ["inside"]
    assert not (tmp_path / "nowhere").exists()


def test_a_volume_that_cannot_be_seen_from_here_is_refused(start: Start, tmp_path: Path) -> None:
    engine, _ = start(sub_path_answers("1.41", tmp_path / "elsewhere"))
    with pytest.raises(EngineError, match="elsewhere") as caught:
        engine.create_container(with_sub_path("a"))
    assert "1.45" in caught.value.hint


# --- reading answers -------------------------------------------------------------------------------------------------


def test_the_address_of_a_container_may_be_that_of_its_network(start: Start) -> None:
    networks = {"none": None, "own": {"IPAddress": "10.1.2.3"}}
    document = {**INSPECTED, "NetworkSettings": {"IPAddress": "", "Networks": networks}}
    engine, _ = start({"GET /containers/c1/json": json_answer(document)})
    details = engine.inspect_container("c1")
    assert (details.ip, dict(details.labels)) == ("10.1.2.3", {})
    assert details.raw == document


def test_a_start_that_was_stamped_after_the_end_counts_as_the_end(start: Start) -> None:
    state = {"Status": "exited", "StartedAt": "2026-01-01T00:00:01.2Z", "FinishedAt": "2026-01-01T00:00:01.1Z"}
    engine, _ = start({"GET /containers/c1/json": json_answer({**INSPECTED, "State": state})})
    details = engine.inspect_container("c1")
    assert details.started_at == details.finished_at


def test_an_unknown_state_counts_as_dead(start: Start) -> None:
    row = {"Id": "c1", "Names": ["/other/alias", "/c"], "State": "hibernating", "Created": 1, "Labels": None}
    engine, _ = start({"GET /containers/json": json_answer([row])})
    (summary,) = engine.list_containers({})
    assert (summary.state, summary.name, dict(summary.labels)) == ("dead", "c", {})


def test_what_a_container_was_created_with_is_not_in_its_representation(start: Start) -> None:
    document = {**INSPECTED, "Config": {"Image": "x", "Env": ["PASSWORD=hunter2"]}}
    engine, _ = start({"GET /containers/c1/json": json_answer(document)})
    details = engine.inspect_container("c1")
    assert "hunter2" in str(details.raw)
    assert "hunter2" not in repr(details)


def test_podman_is_called_by_its_name(start: Start) -> None:
    version = {"ApiVersion": "1.41", "Version": "5.0", "Arch": "arm64", "Components": [{"Name": "Podman Engine"}]}
    info = {"SecurityOptions": ["name=seccomp", "name=rootless"], "NCPU": 2, "MemTotal": 7, "Driver": "overlay"}
    engine, _ = start({"GET /version": json_answer(version), "GET /info": json_answer(info)})
    found = engine.info()
    assert (found.name, found.version, found.arch, found.rootless) == ("Podman", "5.0", "arm64", True)
    assert (found.cpus, found.memory, found.storage_driver) == (2, 7, "overlay")


@pytest.mark.parametrize(
    ("info", "limits"),
    [({}, True), ({"MemoryLimit": True}, True), ({"MemoryLimit": False}, False), ({"CgroupDriver": "none"}, False)],
)
def test_an_engine_tells_whether_it_limits_memory(start: Start, info: dict[str, object], *, limits: bool) -> None:
    engine, _ = start({"GET /version": json_answer({"ApiVersion": "1.41"}), "GET /info": json_answer(info)})
    assert engine.info().limits_memory is limits


def test_a_kill_without_a_signal_looks_the_stop_signal_up(start: Start) -> None:
    document = {**INSPECTED, "Config": {"Image": "x", "StopSignal": "SIGQUIT"}}
    answers: dict[str, Answer | list[Answer]] = {
        "GET /containers/c1/json": json_answer(document),
        "POST /containers/c1/kill": Answer(status=204),
    }
    engine, api = start(answers)
    engine.kill_container("c1", "")
    assert api.requests[-1].query == {"signal": "SIGQUIT"}


def test_a_source_that_the_engine_shall_make_goes_into_the_older_list(start: Start) -> None:
    """It has no way to write a colon."""
    engine, api = start({"POST /containers/create": json_answer({"Id": "c1"}, 201)})
    made = Mount(type=MountType.BIND, source="/srv/new", target="/data", read_only=True, makes_source=True)
    mounts = (made, replace(made, read_only=False), replace(made, source="/srv/a:b"), replace(made, makes_source=False))
    engine.create_container(ContainerConfig(name="c", image="busybox:1.36", labels={}, mounts=mounts))
    host = json.loads(api.requests[-1].body)["HostConfig"]
    assert host["Binds"] == ["/srv/new:/data:ro", "/srv/new:/data"]
    assert [mount["Source"] for mount in host["Mounts"]] == ["/srv/a:b", "/srv/new"]
