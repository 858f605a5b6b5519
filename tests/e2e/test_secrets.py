"""A Secret's values are where the pod is to find them, and nowhere else: found out with a canary."""

from __future__ import annotations

import base64
import json
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support import BUSYBOX, Bench, Done, mounted, pod

pytestmark = pytest.mark.docker

SPOKEN = "echo up; trap 'exit 0' TERM; sleep 3600 & wait"


class Canary:
    """A value, and where it must not be found."""

    def __init__(self) -> None:
        self.value = f"canary-{secrets.token_hex(8)}"
        self._forms = (self.value.encode(), base64.b64encode(self.value.encode()))

    def secret(self, name: str) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "stringData": {"password": self.value},
        }

    def is_in(self, data: bytes) -> bool:
        return any(form in data for form in self._forms)

    def files(self, *directories: Path) -> Iterator[str]:
        """The files that have it."""
        for directory in directories:
            for path in directory.rglob("*"):
                if path.is_file() and self.is_in(path.read_bytes()):
                    yield str(path)

    def assert_unspoken(self, *commands: Done) -> None:
        for done in commands:
            assert self.value not in done.out + done.err


def user(name: str, canary: Canary, *arguments: str) -> dict[str, Any]:
    """A container that has the value in every way a manifest knows, and is started with these arguments."""
    return {
        "name": name,
        "image": BUSYBOX,
        "command": [arguments[0]],
        "args": list(arguments[1:]),
        "env": [
            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "login", "key": "password"}}},
            {"name": "URL", "value": "db://user:$(PASSWORD)@host/"},
            {"name": "PLAIN", "value": "seen"},
        ],
        "envFrom": [{"secretRef": {"name": "login"}, "prefix": "ALL_"}],
        **mounted("login", "/login"),
    }


def children(pid: int) -> Iterator[int]:
    """A process and all that it has started."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from children(int(child))


@pytest.mark.parametrize(
    "words", [pytest.param(("-vv",), id="narrated"), pytest.param(("--progress", "json"), id="as JSON")]
)
def test_a_secrets_value_is_nowhere_but_in_its_pod_and_in_the_secret(bench: Bench, words: tuple[str, ...]) -> None:
    name, canary = bench.name("secret"), Canary()
    manifest = pod(
        name,
        user("main", canary, "sh", "-c", f"{SPOKEN}; exit $(URL)"),
        volumes=[{"name": "login", "secret": {"secretName": "login"}}],
    )
    hidden = bench.directory / "manifests" / "pod.yaml"
    bench.write(canary.secret("login"), manifest, name=str(hidden))
    artifacts = bench.directory / "artifacts"
    run = bench.start("run", str(hidden), "--artifacts", str(artifacts), *words)
    run.line("up", stream="out")
    home = Path(bench.environ["PODRUNNER_HOME"])
    database = [path for path in home.iterdir() if path.name.startswith("state.db")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in database} == {0o600}
    assert set(canary.files(home)) <= {str(path) for path in database}, "the Secret itself has it"
    canary.assert_unspoken(
        *(bench("get", "po", name, "-o", form) for form in ("yaml", "json", "wide")),
        *(bench(*line) for line in (("describe", "po", name), ("events", "-A"), ("plan", str(hidden)), ("logs", name))),
        bench("simulate", str(hidden), "--for", "10s"),
    )
    for one in bench.engine.api.containers(all=True, filters={"label": [f"io.kubernetes.pod.name={name}"]}):
        assert not canary.is_in(json.dumps(one["Labels"]).encode())
    for pid in children(run.process.pid):
        assert not canary.is_in(Path(f"/proc/{pid}/cmdline").read_bytes())
    run.interrupt()
    canary.assert_unspoken(run.end())
    assert list(canary.files(home, artifacts)) == []
    inspected = json.loads((artifacts / f"default_{name}" / "engine" / "main" / "0.json").read_text())
    environment = dict(entry.split("=", 1) for entry in inspected["Config"]["Env"])
    assert (environment["PASSWORD"], environment["ALL_password"]) == ("<redacted>", "<redacted>")
    assert (environment["URL"], environment["PLAIN"]) == ("db://user:<redacted>@host/", "seen")
    assert inspected["Config"]["Cmd"][-1].endswith("exit db://user:<redacted>@host/")


def test_an_engine_that_tells_of_what_it_could_not_start_does_not_tell_the_value(bench: Bench) -> None:
    name, canary = bench.name("secret"), Canary()
    manifest = pod(
        name,
        user("main", canary, "/bin/$(PASSWORD)"),
        volumes=[{"name": "login", "secret": {"secretName": "login"}}],
        restartPolicy="Never",
    )
    artifacts = bench.directory / "artifacts"
    path = bench.write(canary.secret("login"), manifest, name="manifests/pod.yaml")
    done = bench("run", path, "--artifacts", str(artifacts), "--keep", "always", "-vv")
    assert done.code == 1
    assert "/bin/<redacted>" in done.err
    looks = [bench("get", "po", name, "-o", "yaml"), bench("describe", "po", name), bench("events")]
    assert all("/bin/<redacted>" in look.out for look in looks)
    canary.assert_unspoken(done, *looks, bench("delete", "po", name))
    assert list(canary.files(Path(bench.environ["PODRUNNER_HOME"]), artifacts)) == []
