"""Captures on the real Engine: a pod that a cluster showed failing fails here in the same way, and then lives."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.core.test_importing import ended, status, waiting
from tests.e2e.support import BUSYBOX, Bench, container, pod

pytestmark = pytest.mark.docker


def test_a_pod_of_a_cluster_fails_here_as_it_was_seen_to_fail(bench: Bench) -> None:
    name = bench.name("shop")
    token = {"name": "kube-api-access-x7k2p", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    init: dict[str, Any] = {
        **container("migrate", 'test "$URL" = redacted'),
        "image": "registry.invalid/shop:9",
        "env": [{"name": "URL", "valueFrom": {"secretKeyRef": {"name": f"{name}-db", "key": "url"}}}],
        "volumeMounts": [token],
    }
    value = pod(name, container("main"), inits=[init], nodeName="node-7")
    value["spec"]["volumes"] = [{"name": "kube-api-access-x7k2p", "projected": {"sources": []}}]
    value["metadata"] |= {"uid": "1b", "resourceVersion": "7", "managedFields": [{}]}
    value["status"] = {"initContainerStatuses": [status("migrate", 1, waiting("CrashLoopBackOff"), ended(3))]}
    dump = bench.directory / "dump.json"
    dump.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [value]}))
    capture, records = str(bench.directory / "shop.tar"), bench.directory / "records"
    made = bench("import", str(dump), "-o", capture, "--image", f"registry.invalid/shop={BUSYBOX}")
    assert made.code == 0, made.err
    done = bench(
        "run",
        capture,
        "--same-failures",
        "--until",
        "ready",
        "--speed",
        "50",
        "--artifacts",
        str(records),
        "--no-fail-fast",
    )
    assert done.code == 0, done.err
    codes = []
    for line in (records / f"default_{name}" / "trace.jsonl").read_text().splitlines():
        for one in json.loads(line)["pod"]["status"].get("initContainerStatuses") or ():
            end = one["state"].get("terminated")
            if end and (one["restartCount"], end["exitCode"]) not in codes:
                codes.append((one["restartCount"], end["exitCode"]))
    assert codes == [(0, 3), (1, 3), (2, 0)]
    assert bench.all_left() == []


SPEAKS = (
    'echo try >> /work/log; echo "$PASSWORD"; cat /login/password; '
    "test $(grep -c try /work/log) -ge 3 || { echo no $PASSWORD > /dev/termination-log; exit 7; }"
)
APP = "echo try >> /work/app; sleep 1; test $(grep -c try /work/app) -ge 2 || exit 5"


def shown(home: Path) -> list[tuple[str, int, str, int | None]]:
    """The states in which containers were published in the last run, each once, in their order: what follows on what."""
    found: list[tuple[str, int, str, int | None]] = []
    (trace,) = home.glob("history/*/*/trace.jsonl")
    for line in trace.read_text().splitlines():
        value = json.loads(line)["pod"]
        if "deletionTimestamp" in value["metadata"]:
            break
        for group in ("initContainerStatuses", "containerStatuses"):
            for one in value["status"].get(group) or ():
                ((word, state),) = one["state"].items()
                entry = (one["name"], one["restartCount"], state.get("reason") or word, state.get("exitCode"))
                found += [] if entry in found else [entry]
    return [one for one in found if one[2] != "running"]


def test_a_run_is_captured_and_fails_again_in_another_state_directory(bench: Bench, tmp_path: Path) -> None:
    """The init container fails twice and its app once; no value of its Secret is in the capture, in whatever form."""
    name, canary = bench.name("shop"), "canary-4711-of-captures"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"{name}-db"}}
    work, login = {"name": "work", "mountPath": "/work"}, {"name": "login", "mountPath": "/login"}
    variable = {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": f"{name}-db", "key": "password"}}}
    value = pod(
        name,
        {**container("main", APP), "volumeMounts": [work]},
        inits=[{**container("migrate", SPEAKS), "env": [variable], "volumeMounts": [work, login]}],
        volumes=[{"name": "work", "emptyDir": {}}, {"name": "login", "secret": {"secretName": f"{name}-db"}}],
        restartPolicy="OnFailure",
    )
    path = bench.write({**secret, "stringData": {"password": canary}}, value)
    how = ("--speed", "10", "--max-restarts", "5")
    done = bench("run", path, "--retry", "container", *how)
    assert done.code == 0, done.err
    there = shown(Path(bench.environ["PODRUNNER_HOME"]))
    assert ("migrate", 1, "Error", 7) in there
    assert ("main", 0, "Error", 5) in there
    capture = bench.directory / "shop.tar"
    made = bench("capture", name, "-o", str(capture))
    assert made.code == 0, made.err
    content = capture.read_bytes()
    assert b"<redacted>" in content
    assert not [form for form in (canary.encode(), base64.b64encode(canary.encode())) if form in content]
    another = tmp_path / "another"
    again = bench("run", str(capture), "--same-failures", *how, environ={"PODRUNNER_HOME": str(another)})
    assert again.code == 0, again.err
    assert shown(another) == there
    assert bench.all_left() == []
