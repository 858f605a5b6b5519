"""Pods from another tool's tests, with what a kubelet makes of them: environment, host paths, volumes and claims."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.support import ROOT, Bench, container, mounted, pod
from tests.support.yamls import read_yaml

pytestmark = pytest.mark.docker

CASES = ROOT / "fixtures" / "conformance" / "kubeplay"
TOPICS = ("env", "vol", "host", "empty", "pvc")
HOST = "/tmp/podman-cases-host"
SHARED_NAMES = ("claim-b",)


def read(path: Path, host: Path, suffix: str) -> dict[str, Any]:
    """A case, with host paths and claims of its own."""
    text = path.read_text(encoding="utf-8").replace(HOST, str(host))
    for name in SHARED_NAMES:
        text = text.replace(name, f"{name}-{suffix}")
    case: dict[str, Any] = read_yaml(text)
    return case


def topic(path: Path) -> str:
    return str(read_yaml(path.read_text(encoding="utf-8")).get("topic"))


FILES = [path for path in sorted(CASES.glob("*.yaml")) if topic(path) in TOPICS]


def prepare(setup: dict[str, Any]) -> None:
    for path, content in (setup.get("host_files") or {}).items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(content)
    for path, target in (setup.get("host_links") or {}).items():
        Path(path).symlink_to(target)


def status_of(value: dict[str, Any], name: str) -> dict[str, Any]:
    found = [status for status in (value.get("status") or {}).get("containerStatuses") or () if status["name"] == name]
    return found[0] if found else {}


def holds(bench: Bench, name: str, expected: dict[str, Any]) -> bool:
    """Whether something that is expected of a pod that is there can be seen."""
    (kind, wanted), value = next(iter(expected.items())), bench.pod(name)
    if kind == "phase":
        return bool(value["status"]["phase"] == wanted)
    if kind == "waiting":
        waiting = (status_of(value, wanted["container"]).get("state") or {}).get("waiting") or {}
        return bool(
            wanted["reason"] == waiting.get("reason") and wanted["message_contains"] in str(waiting.get("message"))
        )
    if kind == "event":
        found = json.loads(bench("get", "events", "-o", "json").out)["items"]
        return any(
            (event["type"], event["reason"]) == (wanted["type"], wanted["reason"])
            and wanted["message_contains"] in event["message"]
            for event in found
        )
    if kind == "state":
        return bool(wanted["is"] in (status_of(value, wanted["container"]).get("state") or {}))
    if kind == "log":
        return is_log(bench("logs", name, "-c", wanted["container"]).out, wanted, name)
    if kind == "exit_code":
        ended = (status_of(value, wanted["container"]).get("state") or {}).get("terminated") or {}
        return bool(ended.get("exitCode") == wanted["is"])
    if kind == "host_path_is_dir":
        return Path(wanted).is_dir()
    assert kind == "host_path_is_file", f"nothing is known about {kind}"
    return Path(wanted).is_file()


def is_log(text: str, wanted: dict[str, Any], name: str) -> bool:
    if "equals" in wanted:
        return text.rstrip("\n") == str(wanted["equals"]).replace("down-api", name).rstrip("\n")
    return bool(wanted["contains"] in text)


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_kubelet_would_see_the_same(bench: Bench, tmp_path: Path, path: Path) -> None:
    """The pod is kept after its end and deleted when everything has been seen."""
    suffix = secrets.token_hex(4)
    case = read(path, tmp_path / "host", suffix)
    (tmp_path / "host").mkdir()
    prepare(case.get("setup") or {})
    values = list(yaml.safe_load_all(case["manifest"]))
    name = bench.name(values[-1]["metadata"]["name"])
    values[-1]["metadata"]["name"] = name
    bench.claims += [value["metadata"]["name"] for value in values if value["kind"] == "PersistentVolumeClaim"]
    # As JSON: the case's YAML has a variable called N, unquoted, which YAML 1.1 takes for "no".
    manifest = bench.directory / "pod.yaml"
    manifest.write_text("\n---\n".join(json.dumps(value) for value in values), encoding="utf-8")
    process = bench.start("run", "--keep", "always", str(manifest))
    process.line(name)
    later = [expected for expected in case["kubelet"] if "file_in_volume_after_down" in expected]
    for expected in case["kubelet"]:
        if expected not in later:
            bench.until(lambda expected=expected: holds(bench, name, expected), str(expected))  # type: ignore[misc]
    if later:
        bench.until(lambda: holds(bench, name, {"state": {"container": "app", "is": "running"}}), "a running container")
    process.interrupt()
    process.end()
    assert bench("delete", "po", name, "--grace-period", "5").code == 0
    for expected in later:
        check_file(bench, expected["file_in_volume_after_down"])
    bench.assert_nothing_left(name)


def check_file(bench: Bench, wanted: dict[str, Any]) -> None:
    """What a claim's volume has, by another pod that mounts it."""
    name = bench.name("look")
    look = container("look", f"cat /d/{wanted['path']}", **mounted("d", "/d"))
    volumes = [{"name": "d", "persistentVolumeClaim": {"claimName": wanted["volume"]}}]
    done = bench("run", bench.write(pod(name, look, restartPolicy="Never", volumes=volumes), name="look.yaml"))
    assert wanted["contains"] in done.out, done.err
