"""A project of its own for each test, and pytest as a process in it."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runner.core.labels import MANAGED, OWNER
from runner.engine.docker import DockerEngine
from runner.registry.home import Home
from runner.registry.ownership import home_id
from runner.registry.sqlite import SqliteRegistry
from tests.conftest import OF_USERS, have_images, require_engine

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  initContainers:
  - {name: migrate, image: "busybox:1.36", command: [sh, -c, "echo migrating"]}
  containers:
  - name: app
    image: busybox:1.36
    command: [sh, -c, "echo serving; exec sleep 3600"]
    ports: [{containerPort: 8080, hostPort: PORT}]
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: CLAIM}}]
"""


@dataclass(slots=True)
class Project:
    """A folder with tests in it, and a state directory for podrunner."""

    folder: Path
    home: Path
    engine: DockerEngine | None
    address: str
    claim: str = field(default_factory=lambda: f"data-{secrets.token_hex(4)}")
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    store: SqliteRegistry = field(init=False)

    def __post_init__(self) -> None:
        self.store = SqliteRegistry(Home(self.home))
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.write("pod.yaml", POD.replace("PORT", str(port)).replace("CLAIM", self.claim))

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PODRUNNER_", "PYTEST_"))}
        return {**kept, **OF_USERS, "DOCKER_HOST": self.address, "PODRUNNER_HOME": str(self.home)}

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Begin a pytest run whose warnings are errors."""
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", "-q", *arguments]
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self.environ(), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes.append(process)
        return process

    def pytest(self, *arguments: str, **environ: str) -> tuple[int, str]:
        """Run pytest to its end; its exit code and everything that it said."""
        process = self.start(*arguments, **environ)
        output, _ = process.communicate(timeout=250)
        return process.returncode, output

    def left(self) -> list[str]:
        """Names of containers and volumes of this project's state directory."""
        assert self.engine is not None
        mine = f"@{home_id(Home(self.home))}"
        containers = self.engine.list_containers({MANAGED: ""})
        volumes = self.engine.list_volumes({})
        found = [one.name for one in containers if one.labels.get(OWNER, "").endswith(mine)]
        found += [one.name for one in volumes if one.labels.get(OWNER, "").endswith(mine)]
        return found + [one.name for one in volumes if one.name.startswith(f"k8s_pvc_{self.claim}_")]

    def close(self) -> None:
        self.store.close()
        for process in self.processes:
            process.kill()
            process.communicate()


@pytest.fixture
def project(tmp_path: Path, docker_engine: DockerEngine) -> Iterator[Project]:
    """A project on the real Engine."""
    have_images(docker_engine)
    (tmp_path / "project").mkdir()
    made = Project(tmp_path / "project", tmp_path / "home", docker_engine, require_engine().url)
    yield made
    made.close()


@pytest.fixture
def lonely_project(tmp_path: Path) -> Iterator[Project]:
    """A project where no Engine is."""
    (tmp_path / "project").mkdir()
    made = Project(tmp_path / "project", tmp_path / "home", None, f"unix://{tmp_path}/nosuch.sock")
    yield made
    made.close()
