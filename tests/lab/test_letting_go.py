"""A node that lives for long holds no more after fifty pods have lived and gone on it than before."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from runner.clock import VirtualClock
from runner.core.model import Json, Pod
from runner.engine.simulated import SimulatedEngine
from runner.kubelet.options import WorkerOptions
from runner.lab import new_pod
from runner.lab.script import script_of
from runner.lab.virtual import VirtualNode
from runner.node.running import Running
from runner.registry.deletion import request_deletion
from runner.registry.memory import MemoryRegistry
from tests.support.reach import growth, sizes

PODS = 50
OUTSIDE = (MemoryRegistry, SimulatedEngine, VirtualClock)
"""What is no part of a node, and keeps what it has a right to: events for an hour, images."""
SECRET: Json = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "data": {"a": "aGlkZGVuLXZhbHVl"}}
SERVICE: Json = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "x"}, "ports": [{"port": 80}]},
}
SPEC: dict[str, Any] = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 2,
    "volumes": [{"name": "data", "emptyDir": {}}],
    "initContainers": [
        {"name": "first", "image": "busybox:1.36", "volumeMounts": [{"name": "data", "mountPath": "/d"}]}
    ],
    "containers": [
        {
            "name": "main",
            "image": "busybox:1.36",
            "env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "a"}}}],
            "readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 10},
        }
    ],
}
SCRIPT = {
    "containers": {
        "first": {"attempts": [{"exit": 0, "after": "1s"}]},
        "main": {"attempts": [{"exit": 1, "after": "4s"}]},
    }
}


def pod_of(name: str) -> Pod:
    return new_pod({"metadata": {"name": name, "labels": {"app": "x"}}, "spec": SPEC})


def lived(virtual: VirtualNode, name: str) -> list[weakref.ref[Any]]:
    """Let a pod live until it has restarted, and go. Returns what was made for it."""
    one = virtual.add(pod_of(name))
    virtual.advance((virtual.clock.steady()) + 30)
    assert one.status.containers[0].restart_count >= 1
    made = [weakref.ref(part) for part in parts(one)]
    request_deletion(virtual.store, one.pod.uid, virtual.clock.now(), 1)
    one.wakeup.set()
    virtual.advance(virtual.clock.steady() + 60)
    assert virtual.node.find(one.pod.uid) is None
    return made


def parts(one: Running) -> tuple[object, ...]:
    worker = one.worker
    return (
        worker.cache,
        worker.cache.observer,
        worker.statuses,
        worker.tasks,
        worker.probes,
        worker.volumes,
        one.owned.making,
    )


def test_a_node_lets_go_of_pods_that_are_gone() -> None:
    virtual = VirtualNode(script_of(SCRIPT, pod_of("any")), WorkerOptions(), mends=True)
    virtual.node.roster.remember(0)
    for value in (SECRET, SERVICE):
        virtual.store.create({**value, "metadata": {**value["metadata"], "namespace": "default"}})
    for number in range(3):
        lived(virtual, f"warm-{number}")
    before = sizes(virtual, without=OUTSIDE)
    made = [part for number in range(PODS) for part in lived(virtual, f"pod-{number}")]
    gc.collect()
    assert growth(before, sizes(virtual, without=OUTSIDE)) == {}
    assert [part for part in made if part() is not None] == []
