"""Finding the Engine: order of the candidates, what makes one binding, and what is said when none answers."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner.engine.discover import EngineAddress, TlsFiles, complaint, discover
from runner.errors import EngineUnavailable
from tests.engine.fake_api import Answer, fake_api


@dataclass(frozen=True)
class Machine:
    """A home, a state directory and a file system top of their own, and engines where wanted."""

    top: Path
    serve: Callable[[str], str]

    @property
    def home(self) -> Path:
        return self.top / "home"

    def find(self, **environ: str) -> EngineAddress:
        return discover(environ, self.home, self.top / "state", root=self.top / "root")

    def context(self, name: str, host: str, **endpoint: object) -> str:
        """Write a Docker context; returns its key."""
        key = hashlib.sha256(name.encode()).hexdigest()
        folder = self.home / ".docker/contexts/meta" / key
        folder.mkdir(parents=True)
        meta = {"Name": name, "Endpoints": {"docker": {"Host": host, **endpoint}}}
        (folder / "meta.json").write_text(json.dumps(meta))
        return key

    def config(self, text: str) -> None:
        (self.home / ".docker").mkdir(parents=True, exist_ok=True)
        (self.home / ".docker/config.json").write_text(text)


@pytest.fixture
def machine() -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="pr-") as folder, ExitStack() as engines:  # short: sockets have 107 bytes
        top = Path(folder)

        def serve(path: str) -> str:
            link = top / path
            link.parent.mkdir(parents=True, exist_ok=True)
            own = Path(engines.enter_context(tempfile.TemporaryDirectory(prefix="pr-")))
            engines.enter_context(fake_api(own, {}))
            link.symlink_to(own / "engine.sock")
            return f"unix://{link}"

        yield Machine(top, serve)


USUAL = [
    ("root/var/run/docker.sock", "Docker"),
    ("home/.docker/run/docker.sock", "Docker Desktop"),
    ("home/.docker/desktop/docker.sock", "Docker Desktop"),
    ("home/.colima/default/docker.sock", "Colima"),
    ("home/.orbstack/run/docker.sock", "OrbStack"),
    ("home/.rd/docker.sock", "Rancher Desktop"),
    ("runtime/docker.sock", "rootless Docker"),
    ("runtime/podman/podman.sock", "Podman"),
    ("root/run/podman/podman.sock", "Podman"),
    ("state/engine/docker.sock", "private Engine"),
]


@pytest.mark.parametrize(("path", "source"), USUAL, ids=[path for path, _ in USUAL])
def test_each_usual_socket_is_found(machine: Machine, path: str, source: str) -> None:
    url = machine.serve(path)
    found = machine.find(XDG_RUNTIME_DIR=str(machine.top / "runtime"))
    assert (found.url, found.source, found.context, found.tls) == (url, source, "", None)


def test_the_usual_sockets_come_in_order(machine: Machine) -> None:
    machine.serve("state/engine/docker.sock")
    url = machine.serve("home/.colima/default/docker.sock")
    assert machine.find().url == url


def test_a_socket_that_nobody_serves_is_passed_over(machine: Machine) -> None:
    stale = machine.top / "root/var/run/docker.sock"
    stale.parent.mkdir(parents=True)
    stale.write_text("")
    url = machine.serve("state/engine/docker.sock")
    assert machine.find().url == url


def test_an_address_that_was_noted_is_the_last_resort(machine: Machine) -> None:
    url = machine.serve("elsewhere/docker.sock")
    (machine.top / "state/engine").mkdir(parents=True)
    (machine.top / "state/engine/address").write_text(f"{url}\n")
    found = machine.find()
    assert (found.url, found.source) == (url, str(machine.top / "state/engine/address"))


def test_docker_host_beats_context_and_sockets(machine: Machine) -> None:
    machine.serve("root/var/run/docker.sock")
    machine.context("work", machine.serve("work.sock"))
    url = machine.serve("named.sock")
    found = machine.find(DOCKER_HOST=url, DOCKER_CONTEXT="work")
    assert (found.url, found.source) == (url, "DOCKER_HOST")


def test_a_docker_host_that_is_silent_is_never_replaced(machine: Machine) -> None:
    machine.serve("root/var/run/docker.sock")
    with pytest.raises(
        EngineUnavailable, match=r"unix:///nosuch\.sock \(DOCKER_HOST\): there is no such socket"
    ) as caught:
        machine.find(DOCKER_HOST="unix:///nosuch.sock")
    assert "DOCKER_HOST" in caught.value.hint
    assert not caught.value.recoverable


def test_a_context_named_in_the_environment_beats_the_current_one(machine: Machine) -> None:
    machine.context("home", machine.serve("home.sock"))
    machine.context("work", url := machine.serve("work.sock"))
    machine.config('{"currentContext": "home"}')
    found = machine.find(DOCKER_CONTEXT="work")
    assert (found.url, found.context, found.source) == (url, "work", "DOCKER_CONTEXT (work)")


def test_the_current_context_beats_the_sockets(machine: Machine) -> None:
    machine.serve("root/var/run/docker.sock")
    machine.context("home", url := machine.serve("home.sock"))
    machine.config('{"currentContext": "home"}')
    found = machine.find()
    assert (found.url, found.context) == (url, "home")


@pytest.mark.parametrize("config", ["{}", '{"currentContext": "default"}', "no json", "[]"])
def test_without_a_context_of_its_own_the_sockets_are_asked(machine: Machine, config: str) -> None:
    machine.config(config)
    url = machine.serve("home/.rd/docker.sock")
    assert machine.find().url == url


@pytest.mark.parametrize("environ", [{"DOCKER_CONTEXT": "gone"}, {}], ids=["DOCKER_CONTEXT", "currentContext"])
def test_a_context_that_does_not_exist_is_an_error(machine: Machine, environ: dict[str, str]) -> None:
    machine.serve("root/var/run/docker.sock")
    machine.config('{"currentContext": "gone"}')
    with pytest.raises(EngineUnavailable, match="'gone'"):
        machine.find(**environ)


def test_a_context_brings_its_certificates(machine: Machine) -> None:
    key = machine.context("work", url := machine.serve("work.sock"), SkipTLSVerify=True)
    folder = machine.home / ".docker/contexts/tls" / key / "docker"
    folder.mkdir(parents=True)
    (folder / "ca.pem").write_text("")
    found = machine.find(DOCKER_CONTEXT="work")
    assert found.url == url
    assert found.tls == TlsFiles(ca=str(folder / "ca.pem"), verify=False)


def test_certificates_come_from_the_environment(machine: Machine) -> None:
    folder = machine.top / "certificates"
    folder.mkdir()
    for name in ("ca", "cert", "key"):
        (folder / f"{name}.pem").write_text("")
    url = machine.serve("named.sock")
    names = {name: str(folder / f"{name}.pem") for name in ("ca", "cert", "key")}
    found = machine.find(DOCKER_HOST=url, DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(folder))
    assert found.tls == TlsFiles(**names, verify=True)
    found = machine.find(DOCKER_HOST=url, DOCKER_CERT_PATH=str(folder))
    assert found.tls == TlsFiles(**names, verify=False)


def test_when_nothing_answers_everything_tried_is_named(machine: Machine) -> None:
    with pytest.raises(EngineUnavailable) as caught:
        machine.find(XDG_RUNTIME_DIR=str(machine.top / "runtime"))
    for path, source in USUAL:
        assert f"  {source}: unix://{machine.top / path}: there is no such socket" in caught.value.hint.splitlines()
    assert "DOCKER_HOST" in caught.value.hint


def test_an_ssh_address_is_believed() -> None:
    assert complaint(EngineAddress(url="ssh://user@host", source="DOCKER_HOST")) == ""


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("npipe:////./pipe/docker", "scheme 'npipe'"),
        ("docker.sock", "no scheme"),
        ("tcp://127.0.0.1:1", "nothing listens"),
    ],
)
def test_addresses_that_cannot_be_used_say_why(url: str, reason: str) -> None:
    assert reason in complaint(EngineAddress(url=url, source="DOCKER_HOST"))


def test_what_answers_badly_is_no_engine(tmp_path: Path) -> None:
    with fake_api(tmp_path, {"GET /_ping": Answer(status=500)}) as api:
        assert complaint(EngineAddress(url=api.url, source="x")) == "answered /_ping with status 500"
