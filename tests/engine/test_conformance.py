"""One suite over both Engines: what the simulated one does is what the real one does."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Iterator
from datetime import timedelta
from typing import cast

import pytest
from msgspec.structs import replace

from runner.core.container.containerconfig import Mount, MountType, VolumeConfig
from runner.core.images.progress import PullProgress
from runner.engine.docker import DockerEngine
from runner.engine.protocol import EngineState, ExecTimeout, Session, Wishes
from runner.errors import CommandNotStarted, EngineConflict, EngineError, ImagePullError, NotFound, StartError
from runner.sandbox.image import sandbox_image
from tests.engine.bench import (
    CANNOT_START,
    EATS_MEMORY,
    ECHOES,
    EXITS_3,
    IGNORES_TERM,
    IMAGE,
    LABEL,
    MISSING,
    SERVES,
    SPEAKS,
    TALKS,
    EngineBench,
    SimulatedBench,
    docker_bench,
    files_of,
    shell,
    tar_of,
)


@pytest.fixture(params=["simulated", pytest.param("docker", marks=pytest.mark.docker)])
def bench(request: pytest.FixtureRequest) -> Iterator[EngineBench]:
    if request.param == "simulated":
        yield SimulatedBench()
        return
    engine = cast(DockerEngine, request.getfixturevalue("docker_engine"))
    with docker_bench(engine) as real:
        yield real


def no_progress(progress: PullProgress) -> None:
    """Listen to nothing."""


# --- containers ------------------------------------------------------------------------------------------------------


def test_the_engine_names_itself(bench: EngineBench) -> None:
    info = bench.engine.info()
    assert info.name
    assert info.version
    assert info.arch in ("amd64", "arm64")
    assert info.cpus > 0
    assert info.memory > 0


def test_a_created_container_is_listed_and_shows_what_it_was_made_from(bench: EngineBench) -> None:
    config = bench.config(SERVES)
    container_id = bench.engine.create_container(config)
    (row,) = bench.engine.list_containers(bench.labels)
    assert (row.id, row.name, row.image, row.state) == (container_id, config.name, IMAGE, EngineState.CREATED)
    assert row.labels[LABEL] == bench.labels[LABEL]
    assert row.created_at is not None
    details = bench.engine.inspect_container(container_id)
    assert (details.id, details.name, details.image) == (container_id, config.name, IMAGE)
    assert details.image_id == bench.engine.inspect_image(IMAGE).id
    assert (details.started_at, details.finished_at, details.exit_code, details.error) == (None, None, 0, "")
    assert abs(details.created_at - row.created_at) < timedelta(seconds=2)


def test_a_container_is_also_found_by_its_name(bench: EngineBench) -> None:
    config = bench.config(SERVES)
    container_id = bench.engine.create_container(config)
    assert bench.engine.inspect_container(config.name).id == container_id


def test_lists_follow_labels_and_start_with_the_newest(bench: EngineBench) -> None:
    plain = bench.engine.create_container(bench.config(SERVES))
    marked = bench.engine.create_container(replace(bench.config(SERVES), labels={**bench.labels, "colour": "red"}))

    def found(**extra: str) -> list[str]:
        return [row.id for row in bench.engine.list_containers({**bench.labels, **extra})]

    assert set(found()) == {plain, marked}
    assert found(colour="red") == [marked]
    assert found(colour="") == [marked]
    assert found(colour="blue") == []


def test_an_absent_image_is_not_found(bench: EngineBench) -> None:
    with pytest.raises(NotFound):
        bench.engine.create_container(replace(bench.config(SERVES), image="nosuch:1"))
    with pytest.raises(NotFound):
        bench.engine.inspect_image("nosuch:1")


def test_a_taken_name_is_a_conflict_that_may_pass(bench: EngineBench) -> None:
    config = bench.config(SERVES)
    bench.engine.create_container(config)
    with pytest.raises(EngineConflict) as caught:
        bench.engine.create_container(config)
    assert caught.value.recoverable


def test_a_natural_exit_leaves_code_and_times_and_emits_die(bench: EngineBench) -> None:
    heard = bench.record()
    container_id = bench.run(EXITS_3)
    details = bench.wait_for(container_id, EngineState.EXITED)
    assert (details.exit_code, details.oom_killed, details.error) == (3, False, "")
    assert details.started_at is not None
    assert details.finished_at is not None
    assert details.created_at <= details.started_at <= details.finished_at
    bench.until(lambda: len(heard.actions(container_id)) >= 3)
    assert heard.actions(container_id) == ["create", "start", "die"]
    assert heard.events[-1].attributes["exitCode"] == "3"
    assert heard.events[-1].labels[LABEL] == bench.labels[LABEL]
    assert abs(heard.events[-1].at - details.finished_at) < timedelta(seconds=5)


def test_starting_what_runs_changes_nothing(bench: EngineBench) -> None:
    container_id = bench.run(SERVES)
    before = bench.engine.inspect_container(container_id)
    bench.engine.start_container(container_id)
    assert bench.engine.inspect_container(container_id) == before


def test_an_exited_container_can_be_started_again(bench: EngineBench) -> None:
    container_id = bench.run(EXITS_3)
    first = bench.wait_for(container_id, EngineState.EXITED)
    heard = bench.record()
    bench.engine.start_container(container_id)
    bench.until(lambda: "die" in heard.actions(container_id))
    again = bench.wait_for(container_id, EngineState.EXITED)
    assert first.started_at is not None
    assert again.started_at is not None
    assert again.started_at >= first.started_at
    assert again.exit_code == 3


def test_a_failed_start_leaves_the_container_created_with_the_text(bench: EngineBench) -> None:
    heard = bench.record()
    container_id = bench.engine.create_container(bench.config(CANNOT_START))
    with pytest.raises(StartError, match="executable file not found") as caught:
        bench.engine.start_container(container_id)
    details = bench.engine.inspect_container(container_id)
    assert (details.state, details.exit_code, details.error) == (EngineState.CREATED, 127, caught.value.message)
    assert (details.started_at, details.finished_at) == (None, None)
    bench.engine.remove_container(container_id)
    bench.until(lambda: "destroy" in heard.actions(container_id))
    assert heard.actions(container_id) == ["create", "destroy"]


def test_verbs_on_a_missing_container_say_not_found(bench: EngineBench) -> None:
    engine = bench.engine
    for call in (
        lambda: engine.inspect_container("podrunner-test-nosuch"),
        lambda: engine.start_container("podrunner-test-nosuch"),
        lambda: engine.kill_container("podrunner-test-nosuch", "SIGTERM"),
        lambda: engine.kill_container("podrunner-test-nosuch", ""),
        lambda: engine.stop_container("podrunner-test-nosuch", 0),
        lambda: engine.exec("podrunner-test-nosuch", ["true"], timeout=60, limit=10),
        lambda: engine.upload("podrunner-test-nosuch", "/", tar_of({})),
        lambda: engine.download("podrunner-test-nosuch", "/etc/passwd"),
        lambda: list(engine.logs("podrunner-test-nosuch", follow=False)),
    ):
        with pytest.raises(NotFound):
            call()


# --- ends ------------------------------------------------------------------------------------------------------------


def test_a_stop_that_is_obeyed_emits_kill_die_and_stop(bench: EngineBench) -> None:
    heard = bench.record()
    container_id = bench.run(SERVES)
    bench.engine.stop_container(container_id, 20)
    bench.settle()
    details = bench.wait_for(container_id, EngineState.EXITED)
    assert details.exit_code == 0
    bench.until(lambda: len(heard.actions(container_id)) >= 5)
    actions = heard.actions(container_id)
    assert actions[:3] == ["create", "start", "kill"]
    assert sorted(actions[3:]) == ["die", "stop"]


def test_a_stop_that_is_ignored_ends_in_a_kill(bench: EngineBench) -> None:
    heard = bench.record()
    container_id = bench.run(IGNORES_TERM)
    bench.engine.stop_container(container_id, 1)
    bench.settle()
    details = bench.wait_for(container_id, EngineState.EXITED)
    assert (details.exit_code, details.oom_killed) == (137, False)
    assert details.started_at is not None
    assert details.finished_at is not None
    assert details.finished_at - details.started_at >= timedelta(seconds=0.9)
    bench.until(lambda: len(heard.actions(container_id)) >= 6)
    kills = [event for event in heard.events if event.action == "kill"]
    assert [event.attributes["signal"] for event in kills] == ["15", "9"]
    assert sorted(heard.actions(container_id)) == sorted(["create", "start", "kill", "kill", "die", "stop"])


def test_stopping_what_has_ended_is_fine(bench: EngineBench) -> None:
    container_id = bench.run(EXITS_3)
    bench.wait_for(container_id, EngineState.EXITED)
    bench.engine.stop_container(container_id, 5)
    assert bench.engine.inspect_container(container_id).exit_code == 3


def test_a_kill_ends_in_137_and_emits_kill_and_die(bench: EngineBench) -> None:
    heard = bench.record()
    container_id = bench.run(IGNORES_TERM)
    bench.engine.kill_container(container_id, "SIGKILL")
    assert bench.wait_for(container_id, EngineState.EXITED).exit_code == 137
    bench.until(lambda: len(heard.actions(container_id)) >= 4)
    assert heard.actions(container_id) == ["create", "start", "kill", "die"]


def test_a_kill_without_a_signal_sends_the_stop_signal(bench: EngineBench) -> None:
    container_id = bench.run(SERVES)
    bench.until(lambda: bench.engine.exec(container_id, shell("true"), timeout=60, limit=0).exit_code == 0)
    bench.engine.kill_container(container_id, "")
    assert bench.wait_for(container_id, EngineState.EXITED).exit_code == 0


def test_killing_the_dead_is_a_conflict_that_stays(bench: EngineBench) -> None:
    container_id = bench.run(EXITS_3)
    bench.wait_for(container_id, EngineState.EXITED)
    for signal in ("SIGKILL", "SIGTERM", ""):
        with pytest.raises(EngineConflict) as caught:
            bench.engine.kill_container(container_id, signal)
        assert not caught.value.recoverable


def test_a_running_container_is_killed_when_it_is_removed(bench: EngineBench) -> None:
    heard = bench.record()
    container_id = bench.run(IGNORES_TERM)
    bench.engine.remove_container(container_id)
    assert bench.engine.list_containers(bench.labels) == []
    with pytest.raises(NotFound):
        bench.engine.inspect_container(container_id)
    bench.engine.remove_container(container_id)
    bench.until(lambda: len(heard.actions(container_id)) >= 5)
    assert heard.actions(container_id) == ["create", "start", "kill", "die", "destroy"]


def test_a_process_that_eats_its_memory_is_oom_killed(bench: EngineBench) -> None:
    heard = bench.record()
    container_id = bench.run(EATS_MEMORY)
    assert bench.wait_for(container_id, EngineState.EXITED).exit_code == 137
    # What watches the memory and what waits for the process tell dockerd independently of each other.
    bench.until(lambda: bench.engine.inspect_container(container_id).oom_killed)
    bench.until(lambda: len(heard.actions(container_id)) >= 4)
    first, second, *others = heard.actions(container_id)
    assert (first, second, sorted(others)) == ("create", "start", ["die", "oom"])


# --- exec and logs ---------------------------------------------------------------------------------------------------


def test_an_exec_gives_code_and_output(bench: EngineBench) -> None:
    heard = bench.record()
    container_id = bench.run(SERVES)
    result = bench.engine.exec(container_id, shell("echo out; exit 4"), timeout=60, limit=100)
    bench.settle()
    assert (result.exit_code, result.output) == (4, b"out\n")
    bench.until(lambda: "exec_die" in heard.actions(container_id))
    assert heard.actions(container_id) == ["create", "start", "exec_create", "exec_start", "exec_die"]
    assert heard.events[-1].attributes["exitCode"] == "4"


def test_an_execs_output_is_cut_at_the_limit(bench: EngineBench) -> None:
    container_id = bench.run(SERVES)
    result = bench.engine.exec(container_id, shell("echo out; exit 4"), timeout=None, limit=2)
    assert (result.exit_code, result.output) == (4, b"ou")


def test_an_exec_that_takes_too_long_is_given_up(bench: EngineBench) -> None:
    container_id = bench.run(SERVES)
    with pytest.raises(ExecTimeout):
        bench.engine.exec(container_id, shell("sleep 20"), timeout=0.5, limit=100)
    assert bench.engine.inspect_container(container_id).state is EngineState.RUNNING


def test_an_exec_in_what_does_not_run_is_a_conflict(bench: EngineBench) -> None:
    container_id = bench.engine.create_container(bench.config(SERVES))
    with pytest.raises(EngineConflict):
        bench.engine.exec(container_id, shell("true"), timeout=60, limit=100)


def test_logs_keep_streams_and_times(bench: EngineBench) -> None:
    container_id = bench.run(SPEAKS)
    bench.wait_for(container_id, EngineState.EXITED)
    chunks = list(bench.engine.logs(container_id, follow=False))
    assert sorted((chunk.stream, chunk.data) for chunk in chunks) == [
        ("stderr", b"two\n"),
        ("stdout", b"one\n"),
        ("stdout", b"three\n"),
    ]
    assert all(chunk.timestamp.endswith("Z") and "T" in chunk.timestamp for chunk in chunks)
    assert [c.data for c in sorted(chunks, key=lambda c: c.timestamp)] == [b"one\n", b"two\n", b"three\n"]


def test_followed_logs_end_with_the_container(bench: EngineBench) -> None:
    container_id = bench.run(SPEAKS)
    chunks = list(bench.engine.logs(container_id, follow=True))
    assert [chunk.data for chunk in chunks] == [b"one\n", b"two\n", b"three\n"]


def test_logs_can_be_asked_for_the_last_lines_only(bench: EngineBench) -> None:
    container_id = bench.run(SPEAKS)
    bench.wait_for(container_id, EngineState.EXITED)
    assert [chunk.data for chunk in bench.engine.logs(container_id, follow=False, tail=1)] == [b"three\n"]
    assert list(bench.engine.logs(container_id, follow=False, tail=0)) == []


def test_logs_can_be_asked_since_an_instant(bench: EngineBench) -> None:
    container_id = bench.run(SPEAKS)
    details = bench.wait_for(container_id, EngineState.EXITED)
    assert details.started_at is not None
    assert details.finished_at is not None
    everything = bench.engine.logs(container_id, follow=False, since=details.started_at - timedelta(seconds=1))
    assert len(list(everything)) == 3
    assert list(bench.engine.logs(container_id, follow=False, since=details.finished_at + timedelta(seconds=1))) == []


def test_a_container_that_never_ran_has_no_logs(bench: EngineBench) -> None:
    container_id = bench.engine.create_container(bench.config(SPEAKS))
    assert list(bench.engine.logs(container_id, follow=False)) == []


def test_events_can_be_asked_since_an_instant(bench: EngineBench) -> None:
    container_id = bench.engine.create_container(bench.config(SERVES))
    created = bench.engine.inspect_container(container_id).created_at
    stream = bench.engine.events(bench.labels, since=created - timedelta(seconds=1))
    first = next(iter(stream))
    stream.close()
    assert (first.action, first.container_id) == ("create", container_id)


# --- files and volumes -----------------------------------------------------------------------------------------------


def volume_mount(config: VolumeConfig, target: str, *, sub_path: str = "") -> Mount:
    return Mount(type=MountType.VOLUME, source=config.name, target=target, sub_path=sub_path)


def test_volumes_come_and_go(bench: EngineBench) -> None:
    config = bench.volume()
    bench.engine.create_volume(config)
    bench.engine.create_volume(config)
    (listed,) = bench.engine.list_volumes(bench.labels)
    assert listed == bench.engine.inspect_volume(config.name)
    assert listed.labels[LABEL] == bench.labels[LABEL]
    assert listed.mountpoint
    bench.engine.remove_volume(config.name)
    bench.engine.remove_volume(config.name)
    assert bench.engine.list_volumes(bench.labels) == []
    with pytest.raises(NotFound):
        bench.engine.inspect_volume(config.name)


def test_a_volume_in_use_is_not_removed(bench: EngineBench) -> None:
    config = bench.volume()
    bench.engine.create_volume(config)
    container_id = bench.engine.create_container(replace(bench.config(SERVES), mounts=(volume_mount(config, "/data"),)))
    with pytest.raises(EngineConflict):
        bench.engine.remove_volume(config.name)
    bench.engine.remove_container(container_id)
    bench.engine.remove_volume(config.name)


def test_a_volume_is_not_filled_from_the_image(bench: EngineBench) -> None:
    config = bench.volume()
    bench.engine.create_volume(config)
    container_id = bench.engine.create_container(replace(bench.config(SERVES), mounts=(volume_mount(config, "/etc"),)))
    with pytest.raises(NotFound):
        bench.engine.download(container_id, "/etc/group")
    bare = bench.engine.create_container(bench.config(SERVES))
    assert "group" in files_of(bench.engine.download(bare, "/etc/group"))


def test_files_reach_a_created_container_and_its_volumes(bench: EngineBench) -> None:
    config = bench.volume()
    bench.engine.create_volume(config)
    mounts = (volume_mount(config, "/data"),)
    first = bench.engine.create_container(replace(bench.config(SERVES), mounts=mounts))
    bench.engine.upload(first, "/data", tar_of({"deep/file": b"through the volume"}))
    bench.engine.upload(first, "/tmp", tar_of({"own": b"in the container"}))
    second = bench.engine.create_container(replace(bench.config(SERVES), mounts=mounts))
    assert files_of(bench.engine.download(second, "/data/deep")) == {"deep/file": b"through the volume"}
    assert files_of(bench.engine.download(first, "/tmp/own")) == {"own": b"in the container"}
    with pytest.raises(NotFound):
        bench.engine.download(second, "/tmp/own")


def test_a_memory_volume_is_shared_while_something_mounts_it(bench: EngineBench) -> None:
    options = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}
    config = replace(bench.volume(), options=options)
    bench.engine.create_volume(config)
    mounts = (volume_mount(config, "/memory"),)
    ids = [bench.engine.create_container(replace(bench.config(SERVES), mounts=mounts)) for _ in range(2)]
    for container_id in ids:
        bench.engine.start_container(container_id)
    bench.engine.upload(ids[0], "/memory", tar_of({"note": b"shared"}))
    assert files_of(bench.engine.download(ids[1], "/memory/note")) == {"note": b"shared"}


def test_uploads_need_their_directory(bench: EngineBench) -> None:
    container_id = bench.engine.create_container(bench.config(SERVES))
    with pytest.raises(NotFound):
        bench.engine.upload(container_id, "/nosuch", tar_of({"file": b""}))
    with pytest.raises(NotFound):
        bench.engine.download(container_id, "/tmp/nosuch")


# --- namespaces ------------------------------------------------------------------------------------------------------


def test_containers_join_a_running_sandbox(bench: EngineBench) -> None:
    sandbox = bench.engine.create_container(replace(bench.config(SERVES), ipc_mode="shareable"))
    bench.engine.start_container(sandbox)
    assert bench.engine.inspect_container(sandbox).ip
    joined = replace(bench.config(SERVES), network_mode=f"container:{sandbox}", ipc_mode=f"container:{sandbox}")
    container_id = bench.engine.create_container(joined)
    bench.engine.start_container(container_id)
    details = bench.engine.inspect_container(container_id)
    assert (details.state, details.ip, details.network_mode) == (EngineState.RUNNING, "", f"container:{sandbox}")


def test_joining_what_does_not_run_is_a_conflict_that_the_container_remembers(bench: EngineBench) -> None:
    sandbox = bench.engine.create_container(bench.config(SERVES))
    joined = replace(bench.config(SERVES), network_mode=f"container:{sandbox}")
    container_id = bench.engine.create_container(joined)
    with pytest.raises(EngineConflict) as caught:
        bench.engine.start_container(container_id)
    details = bench.engine.inspect_container(container_id)
    assert (details.state, details.exit_code, details.error) == (EngineState.CREATED, 128, caught.value.message)


def test_a_private_ipc_namespace_cannot_be_joined(bench: EngineBench) -> None:
    sandbox = bench.run(SERVES)
    container_id = bench.engine.create_container(replace(bench.config(SERVES), ipc_mode=f"container:{sandbox}"))
    with pytest.raises(StartError, match="IPC"):
        bench.engine.start_container(container_id)
    assert bench.engine.inspect_container(container_id).exit_code == 128


# --- images ----------------------------------------------------------------------------------------------------------


def test_a_pull_tells_its_progress_and_makes_the_image_present(bench: EngineBench) -> None:
    heard: list[PullProgress] = []
    bench.engine.pull_image(IMAGE, auth=None, on_progress=heard.append)
    bench.settle()
    image = bench.engine.inspect_image(IMAGE)
    assert heard
    assert image.id.startswith("sha256:")
    assert IMAGE in image.tags
    assert any(digest.startswith("busybox@sha256:") for digest in image.digests)
    assert image == bench.engine.inspect_image(image.id)


def test_a_pull_of_what_does_not_exist_is_an_image_pull_error(bench: EngineBench) -> None:
    with pytest.raises(ImagePullError) as caught:
        bench.engine.pull_image("nosuch:1", auth=None, on_progress=no_progress)
    assert caught.value.message


def test_what_is_no_reference_is_refused(bench: EngineBench) -> None:
    with pytest.raises(EngineError):
        bench.engine.pull_image("NoSuch:1", auth=None, on_progress=no_progress)


def test_images_can_be_loaded(bench: EngineBench) -> None:
    image = sandbox_image(bench.engine.info().arch)
    bench.engine.load_image(image.archive)
    assert image.reference in bench.engine.inspect_image(image.reference).tags


def test_images_go_by_name_unless_a_container_needs_them(bench: EngineBench) -> None:
    name = f"{bench.volume().name}:1"
    bench.engine.import_image(name, tar_of({"pause": b""}), changes=['ENTRYPOINT ["/pause"]'])
    container_id = bench.engine.create_container(replace(bench.config(SERVES), image=name))
    with pytest.raises(EngineConflict):
        bench.engine.remove_image(name)
    bench.engine.remove_container(container_id)
    bench.engine.remove_image(name)
    bench.engine.remove_image(name)
    with pytest.raises(NotFound):
        bench.engine.inspect_image(name)


def test_a_container_goes_by_another_name(bench: EngineBench) -> None:
    first, second = bench.config(SERVES), bench.config(SERVES)
    one, other = bench.engine.create_container(first), bench.engine.create_container(second)
    with pytest.raises(EngineConflict):
        bench.engine.rename_container(one, second.name)
    name = f"{first.name}-renamed"
    bench.engine.rename_container(one, name)
    assert {row.name for row in bench.engine.list_containers(bench.labels)} == {name, second.name}
    assert bench.engine.inspect_container(name).id == one
    again = bench.engine.create_container(first)
    for container_id in (one, other, again):
        bench.engine.remove_container(container_id)


def test_another_container_is_made_of_what_one_has_left(bench: EngineBench) -> None:
    volume = bench.volume()
    mount = Mount(type=MountType.VOLUME, source=volume.name, target="/data", create=volume)
    config = replace(
        bench.config(SERVES),
        env=("A=1",),
        working_dir="/tmp",
        user="1000:1000",
        cap_drop=("ALL",),
        mounts=(mount,),
        labels={**bench.labels, "kept": ""},
    )
    first = bench.engine.create_container(config)
    bench.engine.upload(first, "/tmp", tar_of({"left": b"behind"}))
    known = bench.engine.container_config(first)
    for name in (
        "name",
        "image",
        "working_dir",
        "user",
        "hostname",
        "cap_drop",
        "resources",
        "read_only_rootfs",
        "tty",
    ):
        assert getattr(known, name) == getattr(config, name)
    assert "kept" in known.labels
    assert (known.mounts[0].source, known.mounts[0].target) == (volume.name, "/data")
    assert "A=1" in known.env
    image = f"{volume.name}:left"
    bench.engine.commit_container(first, image, {**bench.labels, "left": "yes and no"})
    (row,) = bench.engine.list_images({**bench.labels, "left": "yes and no"})
    assert image in row.tags
    second = bench.engine.create_container(replace(known, name=f"{config.name}-again", image=image))
    bench.engine.remove_image(image, force=True)
    assert not bench.engine.list_images({**bench.labels, "left": ""})
    bench.engine.start_container(second)
    assert b"behind" in bench.engine.download(second, "/tmp/left")
    for container_id in (first, second):
        bench.engine.remove_container(container_id)
    bench.engine.remove_volume(volume.name)


def test_what_is_no_archive_is_not_loaded(bench: EngineBench) -> None:
    with pytest.raises(EngineError):
        bench.engine.load_image(gzip.compress(b"no archive"))


# --- sessions --------------------------------------------------------------------------------------------------------


def _all(session: Session) -> tuple[bytes, bytes]:
    """What a session prints, standard output and standard error."""
    found = {"stdout": b"", "stderr": b""}
    while (frame := session.frame())[1]:
        found[frame[0]] += frame[1]
    return found["stdout"], found["stderr"]


def test_a_session_tells_its_streams_apart_and_how_it_ended(bench: EngineBench) -> None:
    container_id = bench.run(SERVES)
    session = bench.engine.session(container_id, TALKS.command or (), tty=False, wishes=Wishes(stdin=False))
    try:
        assert _all(session) == (b"out\n", b"err\n")
        assert session.exit_code() == 5
    finally:
        session.close()
    session = bench.engine.session(container_id, ECHOES.command or (), tty=False)
    try:
        session.write(b"said\n")
        session.end_input()
        assert _all(session) == (b"said\n", b"")
        assert session.exit_code() == 0
    finally:
        session.close()


def test_a_command_that_cannot_be_started_is_told_with_a_shells_exit_code(bench: EngineBench) -> None:
    container_id = bench.run(SERVES)
    for tty in (False, True):
        with contextlib.closing(bench.engine.session(container_id, MISSING.command or (), tty=tty)) as session:
            with pytest.raises(CommandNotStarted, match="executable file not found") as caught:
                _all(session)
            assert caught.value.code == 127


def test_a_session_needs_a_container_that_runs(bench: EngineBench) -> None:
    container_id = bench.engine.create_container(bench.config(SERVES))
    with pytest.raises(EngineConflict):
        bench.engine.session(container_id, ("true",), tty=False)
