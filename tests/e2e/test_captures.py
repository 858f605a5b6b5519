"""Captures on the real Engine: a pod that a cluster showed failing fails here in the same way, and then lives."""

from __future__ import annotations

import json
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
