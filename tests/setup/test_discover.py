"""Which Engine is taken: the user's own first, each asked whether it answers."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

import runner.engine.discover
from tools.discover import Found, candidates, discover
from tools.place import SetupError, engine_place

USUAL = [
    ("Docker", "top/var/run/docker.sock"),
    ("Docker Desktop", "home/.docker/run/docker.sock"),
    ("Docker Desktop", "home/.docker/desktop/docker.sock"),
    ("Colima", "home/.colima/default/docker.sock"),
    ("OrbStack", "home/.orbstack/run/docker.sock"),
    ("Rancher Desktop", "home/.rd/docker.sock"),
    ("rootless Docker", "run/docker.sock"),
    ("Podman", "run/podman/podman.sock"),
    ("Podman", "top/run/podman/podman.sock"),
    ("private Engine", "state/engine/docker.sock"),
]


def environment(base: Path, **more: str) -> dict[str, str]:
    """Return the environment of a user whose whole world lies under `base`."""
    own = {"HOME": str(base / "home"), "XDG_RUNTIME_DIR": str(base / "run"), "PODRUNNER_HOME": str(base / "state")}
    return {**own, **more}


def look(base: Path, **more: str) -> Found:
    """Look for an Engine in that world."""
    variables = environment(base, **more)
    return discover(variables, engine_place(variables), base / "top")


def write_context(folder: Path, name: str, host: str) -> None:
    """Write a Docker context as the docker command stores it."""
    meta = folder / "contexts/meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))


@pytest.mark.parametrize(("source", "path"), USUAL, ids=[path for _, path in USUAL])
def test_an_engine_on_a_usual_socket_is_found(
    short_path: Path, listen: Callable[[Path], str], source: str, path: str
) -> None:
    url = listen(short_path / path)
    engine = look(short_path).engine
    assert engine is not None
    assert (engine.source, engine.url) == (source, url)


@pytest.mark.parametrize("index", range(len(USUAL) - 1))
def test_of_two_engines_the_one_listed_first_is_taken(
    short_path: Path, listen: Callable[[Path], str], index: int
) -> None:
    """The command podrunner takes the same one as the set-up."""
    listen(short_path / USUAL[index + 1][1])
    first = listen(short_path / USUAL[index][1])
    engine = look(short_path).engine
    assert engine is not None
    assert engine.url == first
    variables = environment(short_path)
    command = runner.engine.discover.discover(
        variables, short_path / "home", short_path / "state", root=short_path / "top"
    )
    assert (command.source, command.url) == (engine.source, first)


def test_docker_host_beats_the_context_and_the_sockets(short_path: Path, listen: Callable[[Path], str]) -> None:
    listen(short_path / "top/var/run/docker.sock")
    write_context(short_path / "home/.docker", "mine", listen(short_path / "context.sock"))
    (short_path / "home/.docker/config.json").write_text('{"currentContext": "mine"}')
    url = listen(short_path / "host.sock")
    engine = look(short_path, DOCKER_HOST=url).engine
    assert engine is not None
    assert (engine.source, engine.url) == ("DOCKER_HOST", url)


@pytest.mark.parametrize("how", ["currentContext of the configuration", "DOCKER_CONTEXT"])
def test_the_docker_context_beats_the_sockets(short_path: Path, listen: Callable[[Path], str], how: str) -> None:
    listen(short_path / "top/var/run/docker.sock")
    url = listen(short_path / "context.sock")
    write_context(short_path / "home/.docker", "mine", url)
    (short_path / "home/.docker/config.json").write_text(
        json.dumps({"currentContext": "default" if how == "DOCKER_CONTEXT" else "mine"})
    )
    engine = look(short_path, **({"DOCKER_CONTEXT": "mine"} if how == "DOCKER_CONTEXT" else {})).engine
    assert engine is not None
    source = "DOCKER_CONTEXT" if how == "DOCKER_CONTEXT" else f"currentContext in {short_path}/home/.docker/config.json"
    assert (engine.source, engine.url) == (f"{source} (mine)", url)


def test_a_context_that_does_not_answer_is_not_replaced_by_another_engine(
    short_path: Path, listen: Callable[[Path], str]
) -> None:
    """The docker command would not work either; the user is told instead."""
    write_context(short_path / "home/.docker", "mine", f"unix://{short_path}/gone.sock")
    (short_path / "home/.docker/config.json").write_text('{"currentContext": "mine"}')
    listen(short_path / "home/.colima/default/docker.sock")
    found = look(short_path)
    assert found.engine is None
    assert [(one.binding, reason) for one, reason in found.refused] == [(True, "there is no such socket")]


def test_a_docker_host_that_does_not_answer_is_not_replaced_by_another_engine(
    short_path: Path, listen: Callable[[Path], str]
) -> None:
    listen(short_path / "top/var/run/docker.sock")
    found = look(short_path, DOCKER_HOST=f"unix://{short_path}/gone.sock")
    assert found.engine is None
    assert [(one.source, reason) for one, reason in found.refused] == [("DOCKER_HOST", "there is no such socket")]


def test_our_own_address_in_docker_host_counts_as_not_set(short_path: Path, listen: Callable[[Path], str]) -> None:
    """`eval "$(make -s engine)"` stays in the shell after `make engine-stop`."""
    url = listen(short_path / "home/.colima/default/docker.sock")
    engine = look(short_path, DOCKER_HOST=f"unix://{short_path}/state/engine/docker.sock").engine
    assert engine is not None
    assert engine.url == url


def test_an_unknown_docker_context_is_an_error(short_path: Path) -> None:
    variables = environment(short_path, DOCKER_CONTEXT="nowhere")
    with pytest.raises(SetupError, match=r"Docker context .nowhere. .DOCKER_CONTEXT. does not exist"):
        candidates(variables, engine_place(variables))


def test_a_socket_that_nobody_serves_is_refused_with_the_reason(short_path: Path) -> None:
    path = short_path / "top/var/run/docker.sock"
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as leftover:
        leftover.bind(str(path))
    found = look(short_path)
    assert found.engine is None
    assert found.refused[0] == (found.refused[0][0], "nothing listens")


def test_a_server_that_refuses_the_ping_is_no_engine(short_path: Path, listen: Callable[[Path, int], str]) -> None:
    listen(short_path / "top/var/run/docker.sock", 503)
    assert look(short_path).refused[0][1] == "answered /_ping with 503"


@pytest.mark.parametrize(
    ("url", "reason"),
    [("npipe:////./pipe/docker", "cannot be asked from here"), ("tcp://127.0.0.1:1", "nothing listens")],
)
def test_other_addresses_are_asked_or_refused(short_path: Path, url: str, reason: str) -> None:
    assert reason in look(short_path, DOCKER_HOST=url).refused[0][1]


def test_an_ssh_address_is_believed(short_path: Path) -> None:
    engine = look(short_path, DOCKER_HOST="ssh://me@far").engine
    assert engine is not None
    assert engine.url == "ssh://me@far"
