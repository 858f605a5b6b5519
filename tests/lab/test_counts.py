"""How often things are done in the life of a pod: read once, planned once, each container made on the one path."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from runner.core.container.messages import messages_plan
from runner.core.container.sandboxconfig import sandbox_config
from runner.core.container.translate import container_template
from runner.core.manifest import Source, load
from runner.core.manifest.kinds import apply_defaults
from runner.core.model import Pod
from runner.core.sync.decide import decide
from runner.core.volumes import plan_volumes
from runner.engine.creating import create
from runner.kubelet.containers.creation import Creator
from runner.kubelet.containers.sandbox import SandboxMaker
from runner.kubelet.options import WorkerOptions
from runner.lab.script import SimulationScript
from runner.lab.steps import Step, delete, kill_sandbox
from runner.lab.virtual import Cluster, VirtualNode
from runner.registry.deletion import request_deletion
from tests.support.counting import Calls, counted

SPEC = """
  terminationGracePeriodSeconds: 1
  volumes: [{name: data, emptyDir: {}}, {name: settings, configMap: {name: settings}}]
  initContainers: [{name: first, image: busybox:1.36, volumeMounts: [{name: data, mountPath: /data}]}]
  containers:
  - {name: main, image: busybox:1.36, volumeMounts: [{name: settings, mountPath: /etc/settings}]}
  - {name: pod, image: busybox:1.36}
"""
SETTINGS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: b}
---
"""
BARE = f"{SETTINGS}\napiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:{SPEC}"
MADE = f"""{SETTINGS}
apiVersion: apps/v1
kind: ReplicaSet
metadata: {{name: web}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: x}}}}
  template:
    metadata: {{labels: {{app: x}}}}
    spec:{SPEC.replace(chr(10), chr(10) + "    ")}
"""


def versions(calls: Calls) -> Counter[tuple[str, str, object]]:
    """How often each version of each pod was read: as it was born, and as its deletion was asked for."""
    read = (call["value"]["metadata"] for call in calls["from_json"])
    return Counter((str(one["uid"]), str(one.get("deletionTimestamp")), one.get("generation")) for one in read)


@pytest.mark.parametrize(("manifest", "number"), [pytest.param(BARE, 1, id="a pod"), pytest.param(MADE, 2, id="made")])
def test_a_pod_is_read_once_and_its_volumes_are_planned_once(manifest: str, number: int) -> None:
    with counted(Pod.from_json, plan_volumes, messages_plan, apply_defaults) as calls:
        objects = load([Source(name="web.yaml", text=manifest)]).objects
        cluster = Cluster(objects, SimulationScript(), WorkerOptions())
        cluster.advance(60)
        assert len(cluster.node.running) == number
        assert sum(versions(calls).values()) == number
        for one in tuple(cluster.node.running):
            request_deletion(cluster.store, one.pod.uid, cluster.clock.now(), 1)
        cluster.advance(65)
    made = {uid for uid, _, _ in versions(calls)}
    assert set(versions(calls).values()) == {1}, "each version is read once"
    assert len(calls["plan_volumes"]) == len(calls["messages_plan"]) == len(made)
    assert len(calls["apply_defaults"]) == len(objects)


def test_a_pod_that_somebody_else_has_written_is_read_once() -> None:
    virtual, values = VirtualNode(), []
    for one in load([Source(name="web.yaml", text=BARE)]).objects:
        uid = f"uid-{one.name}"
        value = {
            **one.value,
            "kind": one.kind,
            "metadata": {**one.value["metadata"], "namespace": "default", "uid": uid},
        }
        values.append(value)
    with counted(Pod.from_json, plan_volumes) as calls:
        for value in values:
            virtual.store.create(value, holder="simulation")
        virtual.advance(30)
    assert virtual.node.live["uid-web"].status.phase == "Running"
    assert versions(calls) == {("uid-web", "None", 1): 1}
    assert len(calls["plan_volumes"]) == 1


def lived(*steps: Step) -> Calls:
    """The calls in a life of a minute that ends with a deletion."""
    watched = (create, Creator.create, SandboxMaker.begin, sandbox_config, container_template, plan_volumes, decide)
    with counted(*watched) as calls:
        objects = load([Source(name="web.yaml", text=BARE)]).objects
        cluster = Cluster(objects, SimulationScript(steps=(*steps, Step(at=60.0, action=delete(1)))), WorkerOptions())
        cluster.advance(100)
    assert not cluster.node.live
    return calls


def names(found: list[dict[str, Any]]) -> list[str]:
    return [call["config"].labels["io.kubernetes.container.name"] for call in found]


def test_each_container_is_put_together_once_and_made_on_the_one_path() -> None:
    calls = lived()
    made = [call for call in calls["create"] if "config" in call]
    assert names(made) == ["POD", "first", "main", "pod"]
    assert [call["container"].name for call in calls["create"] if "config" not in call] == ["first", "main", "pod"]
    assert len(calls["begin"]) == len(calls["sandbox_config"]) == 1
    assert [call["container"].name for call in calls["container_template"]] == ["first", "main", "pod"]


def test_a_sandbox_that_is_made_again_is_begun_at_the_same_place_with_the_volumes_as_they_are() -> None:
    calls = lived(Step(at=30.0, action=kill_sandbox))
    assert [call["attempt"] for call in calls["begin"]] == [0, 1]
    assert [call["is_ahead"] for call in calls["begin"]] == [True, False]
    assert calls["begin"][0]["volumes"] == calls["begin"][1]["volumes"]
    assert len(calls["plan_volumes"]) == 1


def test_the_first_sandbox_is_decided_by_the_function_that_decides_everything() -> None:
    """Ahead of the worker, about the world in which nothing of the pod exists; then again by the worker, who finds it made."""
    first, second = lived()["decide"][:2]
    assert (first["observed"].sandboxes, first["memory"].attempts) == ((), {})
    assert second["observed"].sandboxes == ()
