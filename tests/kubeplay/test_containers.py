"""Pods from another tool's tests, with what a kubelet makes of them: order, commands, images, documents, network, probes."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.e2e.support import ROOT, Bench, Done, Process
from tests.support.yamls import read_yaml

pytestmark = pytest.mark.docker

CASES = ROOT / "fixtures" / "conformance" / "kubeplay"
TOPICS = ("init", "cmd", "image", "doc", "restart", "net", "sec", "probe")
REFUSALS = ("api_rejected", "parse_error")

Case = dict[str, Any]
Json = dict[str, Any]


def read(path: Path) -> Case:
    case: Case = read_yaml(path.read_text(encoding="utf-8"))
    return case


def chosen(*, refused: bool) -> list[Any]:
    """The cases of these topics whose manifest is refused, or is not."""
    found = [(path, read(path)) for path in sorted(CASES.glob("*.yaml"))]
    return [
        pytest.param(case, id=path.stem)
        for path, case in found
        if case.get("topic") in TOPICS and any(next(iter(one)) in REFUSALS for one in case["kubelet"]) is refused
    ]


@dataclass
class Play:
    """One case with names of its own: pods, images and the port of the node."""

    bench: Bench
    case: Case
    names: dict[str, str] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    manifest: str = ""

    def prepare(self) -> None:
        text = self.case["manifest"]
        for image in (self.case.get("setup") or {}).get("images") or ():
            own = f"{image['name']}-{self.bench.name('image')}"
            self.build(image, own)
            self.images[image["name"]] = own
            text = text.replace(image["name"], own)
        for port in re.findall(r"hostPort: (\d+)", text):
            self.values[port] = str(free_port())
            text = text.replace(port, self.values[port])
        documents = list(yaml.safe_load_all(text))
        for value in [item for one in documents for item in (one["items"] if one["kind"] == "List" else [one])]:
            if value["kind"] == "Pod":
                given = value["metadata"]["name"]
                self.names[given] = value["metadata"]["name"] = self.bench.name(given)
        self.manifest = self.bench.write(*documents)
        self.values |= {
            "${NODE_HOSTNAME}": str(self.bench.engine.info()["Name"]),
            "${NODE_NETNS}": str(Path("/proc/self/ns/net").readlink()),
            "${NODE_IPCNS}": str(Path("/proc/self/ns/ipc").readlink()),
        }

    def build(self, image: Mapping[str, Any], name: str) -> None:
        """Make an image with an entry point, a command or variables."""
        container = self.bench.engine.containers.create("busybox:1.36", ["true"])
        keys = {"entrypoint": "Entrypoint", "cmd": "Cmd", "env": "Env"}
        container.commit(*name.rsplit(":", 1), conf={keys[key]: image[key] for key in keys if key in image})
        container.remove()

    def resolved(self, text: str) -> str:
        for placeholder, value in self.values.items():
            text = text.replace(placeholder, value)
        return text

    def pod(self, wanted: Any) -> Json:
        given = wanted.get("pod") if isinstance(wanted, dict) else None
        return self.bench.pod(self.names[given] if given else next(iter(self.names.values())))

    def holds(self, kind: str, wanted: Any) -> bool:
        """Whether something that is expected can be seen."""
        value = self.pod(wanted)
        phase = value["status"].get("phase")
        match kind:
            case "phase":
                return bool(phase == wanted)
            case "pod_phase":
                return bool(phase == wanted["is"])
            case "restart_policy":
                return bool(value["spec"]["restartPolicy"] == wanted["is"])
            case "event":
                return any(has(wanted, event) for event in self.events(value["metadata"]["name"]))
            case "log":
                return self.is_log(wanted, value["metadata"]["name"])
            case "http_get":
                return wanted["contains"] in fetch(self.resolved(wanted["url"]))
            case "second_apply":
                return self.bench("run", self.manifest).code == 2
            case _:
                return container_holds(kind, wanted, status_of(value, wanted["container"]))

    def is_log(self, wanted: Json, name: str) -> bool:
        text = self.bench("logs", name, "-c", wanted["container"]).out.rstrip("\n")
        if "equals" in wanted:
            return text == self.resolved(wanted["equals"]).rstrip("\n")
        return self.resolved(wanted["contains"]) in text

    def events(self, name: str) -> list[Json]:
        items: list[Json] = json.loads(self.bench("get", "events", "-o", "json").out)["items"]
        return [event for event in items if event["involvedObject"]["name"] == name]


def has(wanted: Json, event: Json) -> bool:
    same = (event["type"], event.get("reason")) == (wanted["type"], wanted["reason"])
    return same and wanted["message_contains"] in event.get("message", "")


def status_of(value: Json, name: str) -> Json:
    status = value["status"]
    both = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
    return next((one for one in both if one["name"] == name), {})


def container_holds(kind: str, wanted: Json, status: Json) -> bool:
    state = status.get("state") or {}
    ended, waiting = state.get("terminated") or {}, state.get("waiting") or {}
    match kind:
        case "init_state":
            found = (ended.get("reason"), ended.get("exitCode"), status.get("ready"))
            return found == (wanted["terminated_reason"], wanted["exit"], wanted["ready"])
        case "state":
            return bool(wanted["is"] in state)
        case "waiting":
            return bool(waiting) and has(wanted | {"type": ""}, waiting | {"type": ""})
        case "exit_code":
            return bool(ended.get("exitCode") == wanted["is"])
        case "restart_count":
            return bool(status.get("restartCount") == wanted["is"])
        case _:
            raise AssertionError(f"nothing is known about {kind}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def fetch(url: str) -> str:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=5)
    try:
        connection.request("GET", parts.path)
        with (
            connection.getresponse() as answer
        ):  # Python 3.14 tells of one that is left open when its connection is closed.
            return answer.read().decode()
    except OSError:
        return ""
    finally:
        connection.close()


@pytest.fixture
def play(bench: Bench, request: pytest.FixtureRequest) -> Iterator[Play]:
    play = Play(bench, request.param)
    play.prepare()
    yield play
    for image in play.images.values():
        bench.engine.images.remove(image, force=True)


def lasting(process: Process, play: Play, wanted: Json) -> None:
    """A container is still what it is after its time."""
    seconds = wanted.pop("after_s", 0)
    if seconds:
        with pytest.raises(AssertionError, match="no line with"):
            process.line("Killing", seconds=seconds)
    play.bench.until(lambda: play.holds("restart_count", wanted), str(wanted))


@pytest.mark.parametrize("play", chosen(refused=False), indirect=True)
def test_a_kubelet_would_see_the_same(play: Play) -> None:
    """The pods are kept after their end, and deleted when everything has been seen."""
    process = play.bench.start("run", "--keep", "always", play.manifest)
    for name in play.names.values():
        process.line(name, "Scheduled")
    for expected in play.case["kubelet"]:
        ((kind, wanted),) = expected.items()
        if kind == "restart_count":
            lasting(process, play, dict(wanted))
        elif kind == "second_apply":
            assert play.holds(kind, {}), "a pod of the same name was taken twice"
        else:
            play.bench.until(lambda kind=kind, wanted=wanted: play.holds(kind, wanted), str(expected))  # type: ignore[misc]
    process.interrupt()
    process.end()
    for name in play.names.values():
        play.bench("delete", "po", name, "--grace-period", "5")
        assert play.bench.left(name) == []


@pytest.mark.parametrize("case", chosen(refused=True))
def test_a_manifest_that_a_server_refuses_is_refused(bench: Bench, case: Case) -> None:
    """In the same words, and nothing is touched."""
    path = bench.directory / "refused.yaml"
    path.write_text(case["manifest"], encoding="utf-8")
    done: Done = bench("run", str(path))
    assert done.code == 2
    for expected in case["kubelet"]:
        ((_, wanted),) = expected.items()
        assert wanted["message_contains"] in done.err
    assert bench("get", "po").out == ""
