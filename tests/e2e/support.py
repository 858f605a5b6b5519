"""The command as its user has it: processes on the real Engine, awaited by what they print, and what the Engine has left.

Every test has a state directory and pod names of its own, so that tests may run side by side on one Engine.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import docker
import yaml
from docker.errors import APIError, NotFound

from runner.clock import Deadline, Wakeup
from runner.core.labels import ACCESS, OWNER, VOLUME_KIND
from runner.core.network.proxyconfig import SERVICE
from runner.registry.home import Home
from runner.registry.ownership import home_id
from runner.registry.sqlite import SqliteRegistry
from tests.support.sweeping import no_other_sweeps

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "fixtures" / "init-container.yaml"
BUSYBOX = "busybox:1.36"
SERVE = ["sh", "-c", "trap 'exit 0' TERM; echo up; sleep 3600 & wait"]
"""Says that it is up, stays, and ends at once on SIGTERM."""
SECONDS = 120.0
"""How long anything is waited for: long, because machines may be busy; nothing needs it."""

Found = TypeVar("Found")


def until(look: Callable[[], Found], what: str, seconds: float = SECONDS) -> Found:
    """Look again and again until something is found. Fails when it is not found in time."""
    deadline, never = Deadline(seconds), Wakeup()
    while True:
        found = look()
        if found:
            return found
        assert deadline.remaining() != 0, f"{what} did not come within {seconds:g} s"
        never.wait(0.05)


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def statuses(self) -> list[str]:
        return statuses(self.err)

    @property
    def events(self) -> list[tuple[str, str]]:
        return events(self.err)


class Process:
    """A running command whose lines are read as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._changed = threading.Condition()
        self._lines: dict[str, list[str]] = {"out": [], "err": []}
        assert process.stdout is not None
        assert process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=(name, stream), daemon=True)
            for name, stream in (("out", process.stdout), ("err", process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str, stream: Any) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    self._lines[name].append(line)
                    self._changed.notify_all()

    def text(self, stream: str) -> str:
        with self._changed:
            return "".join(self._lines[stream])

    def line(self, *words: str, stream: str = "err", seconds: float = SECONDS) -> str:
        """Wait for a line that has all these words. Fails when it does not come, or the process ends without it."""
        deadline = Deadline(seconds)
        with self._changed:
            while True:
                for line in self._lines[stream]:
                    if all(word in line for word in words):
                        return line.rstrip("\n")
                if not any(reader.is_alive() for reader in self._readers):
                    raise AssertionError(f"ended without {words}:\n{self._all()}")
                remaining = deadline.remaining()
                assert remaining != 0, f"no line with {words} within {seconds:g} s:\n{self._all()}"
                self._changed.wait(min(remaining or 0, 0.5))

    def _all(self) -> str:
        return "".join(f"{name}: {line}" for name, lines in self._lines.items() for line in lines)

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would, and wait until it is gone."""
        self.process.kill()
        self.process.wait(SECONDS)

    def end(self, seconds: float = SECONDS) -> Done:
        """Wait for its end."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # It says where each of its threads is.
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(SECONDS)
            for reader in self._readers:
                reader.join(SECONDS)
            raise AssertionError(f"still running after {seconds:g} s:\n{self._all()}") from None
        for reader in self._readers:
            reader.join(SECONDS)
        return Done(code, self.text("out"), self.text("err"))


@dataclass
class Bench:
    """Runs ``podrunner`` with its own state directory, and looks at what the Engine has."""

    directory: Path
    address: str
    engine: docker.DockerClient
    processes: list[Process] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PODRUNNER_")}
        return {
            **kept,
            "PODRUNNER_HOME": str(self.directory / "home"),
            "DOCKER_HOST": self.address,
            "PYTHONPATH": str(ROOT),
            "PYTHONFAULTHANDLER": "1",
            "TZ": "UTC",
        }

    @cached_property
    def store(self) -> SqliteRegistry:
        """The state that the commands use, as another process has it."""
        return SqliteRegistry(Home(Path(self.environ["PODRUNNER_HOME"])))

    def start(self, *argv: str, stdin: str | None = None, environ: Mapping[str, str] | None = None) -> Process:
        """Start a command."""
        process = subprocess.Popen(
            [sys.executable, "-m", "runner", *argv],
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**self.environ, **(environ or {})},
            cwd=self.directory,
            text=True,
        )
        started = Process(process)
        self.processes.append(started)
        if stdin is not None:
            assert process.stdin is not None
            process.stdin.write(stdin)
            process.stdin.close()
        return started

    def __call__(self, *argv: str, stdin: str | None = None, environ: Mapping[str, str] | None = None) -> Done:
        """Run a command to its end."""
        with no_other_sweeps() if argv[0] == "gc" else nullcontext():
            return self.start(*argv, stdin=stdin, environ=environ).end()

    def name(self, stem: str = "pod") -> str:
        """A pod name of its own."""
        name = f"{stem}-{secrets.token_hex(4)}"
        self.names.append(name)
        return name

    def write(self, *values: Mapping[str, Any], name: str = "pod.yaml") -> str:
        """Write a manifest of several documents; return its path."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump_all(values, sort_keys=False), encoding="utf-8")
        return str(path)

    def pod(self, name: str) -> dict[str, Any]:
        """The pod as the store has it."""
        done = self("get", "po", name, "-o", "json")
        assert done.code == 0, done.err
        value: dict[str, Any] = json.loads(done.out)
        return value

    def until(self, look: Callable[[], Found], what: str) -> Found:
        """Look until something is found: again when the state has changed, and twice a second for what is not in it.

        A look is often a command, which takes hundreds of times as long as to see whether anything was written.
        """
        deadline, never = Deadline(SECONDS), Wakeup()
        while True:
            version = self.store.list("Pod").resource_version
            found = look()
            if found:
                return found
            assert deadline.remaining() != 0, f"{what} did not come within {SECONDS:g} s"
            pause = Deadline(0.5)
            while pause.remaining() and self.store.list("Pod").resource_version == version:
                never.wait(0.05)

    def containers(self, name: str) -> dict[str, str]:
        """The Engine's containers of a pod: name and status, as ``docker ps -a`` shows them."""
        found = self.engine.api.containers(all=True, filters={"label": [f"io.kubernetes.pod.name={name}"]})
        return {one["Names"][0].lstrip("/"): one["Status"] for one in found}

    def left(self, name: str) -> list[str]:
        """Everything in the Engine that carries the label of a pod."""
        label = f"io.kubernetes.pod.name={name}"
        volumes = [str(volume.name) for volume in self.engine.volumes.list(filters={"label": label})]
        networks = [str(network.name) for network in self.engine.networks.list(filters={"label": label})]
        return [*self.containers(name), *volumes, *networks]

    def all_left(self) -> list[str]:
        """Everything in the Engine that processes with this bench's state directory have made."""
        home = f"@{home_id(Home(Path(self.environ['PODRUNNER_HOME'])))}"
        filters = {"label": [OWNER]}
        containers = self.engine.api.containers(all=True, filters=filters)
        found = [(str(one["Names"][0]), one["Labels"]) for one in containers]
        volumes = self.engine.api.volumes(filters=filters)["Volumes"] or []
        found += [(str(one["Name"]), one["Labels"]) for one in volumes]
        return [name for name, labels in found if home in labels.get(OWNER, "")]

    def assert_nothing_left(self, name: str) -> None:
        """Neither the Engine nor the store has anything of the pod."""
        assert self.left(name) == []
        assert self.store.list("Pod").items == []

    def close(self) -> None:
        """End what still runs and remove what tests that failed left behind."""
        self.store.close()
        for started in self.processes:
            if started.process.poll() is None:
                started.kill()
            started.end()
        for name in self.names:
            label = f"io.kubernetes.pod.name={name}"
            for one in self.engine.api.containers(all=True, filters={"label": [label]}):
                with suppress(NotFound, APIError):
                    self.engine.api.remove_container(one["Id"], force=True)
            for volume in self.engine.volumes.list(filters={"label": label}):
                with suppress(NotFound, APIError):
                    volume.remove(force=True)
        # Proxies of Services, and service accounts' folders that kept pods had: they belong to the state directory.
        mine = f"@{home_id(Home(Path(self.environ['PODRUNNER_HOME'])))}"
        for one in self.engine.api.containers(all=True, filters={"label": [SERVICE]}):
            if mine in one["Labels"].get(OWNER, ""):
                with suppress(NotFound, APIError):
                    self.engine.api.remove_container(one["Id"], force=True)
        for volume in self.engine.volumes.list(filters={"label": f"{VOLUME_KIND}={ACCESS}"}):
            if mine in volume.attrs["Labels"].get(OWNER, ""):
                with suppress(NotFound, APIError):
                    volume.remove(force=True)
        for claim in self.claims:
            with suppress(NotFound, APIError):
                self.engine.volumes.get(f"k8s_pvc_{claim}_default").remove(force=True)


def with_time_enough(seconds: int, run: Callable[[int], Done], shows: Callable[[Done], bool]) -> Done:
    """Do what ends after some seconds, and again with more of them where a busy machine shows too little until then."""
    done = run(seconds)
    for more in (30, 120):
        if shows(done):
            break
        done = run(more)
    return done


def container(name: str, script: str | Sequence[str] = SERVE, **more: Any) -> dict[str, Any]:
    """A busybox container that runs a shell script, or a command."""
    command = ["sh", "-c", script] if isinstance(script, str) else list(script)
    return {"name": name, "image": BUSYBOX, "command": command, **more}


def pod(name: str, *apps: Mapping[str, Any], inits: Sequence[Mapping[str, Any]] = (), **spec: Any) -> dict[str, Any]:
    """A Pod manifest. Its grace is short: a process that gets SIGTERM before it listens is only ended by SIGKILL."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            **({"initContainers": list(inits)} if inits else {}),
            "containers": list(apps) or [container("main")],
            "terminationGracePeriodSeconds": 5,
            **spec,
        },
    }


def mounted(volume: str, path: str, **more: Any) -> dict[str, Any]:
    """A container's ``volumeMounts`` with one mount."""
    return {"volumeMounts": [{"name": volume, "mountPath": path, **more}]}


_STATUS = re.compile(r"^\d\d:\d\d:\d\d  \S+ +Status +(?:.* → )?(\S+)", re.MULTILINE)
_EVENT = re.compile(r"^\d\d:\d\d:\d\d  \S+ +(?:Normal|Warning) +(\S+) +(.*)$", re.MULTILINE)


def statuses(narration: str) -> list[str]:
    """The STATUS words of a plain narration, in order."""
    return _STATUS.findall(narration)


def events(narration: str) -> list[tuple[str, str]]:
    """Reasons and messages of the events of a plain narration, in order."""
    return _EVENT.findall(narration)
