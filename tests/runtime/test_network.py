"""Whose pods have names and stand behind Services."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from runner.clock import VirtualClock
from runner.core.container.containerconfig import ContainerConfig
from runner.core.labels import POD_UID
from runner.core.model import Pod
from runner.core.network.clusterdns import ZONE
from runner.core.network.proxyconfig import TABLE
from runner.engine.simulated import SimulatedEngine
from runner.kubelet.network.dns import ClusterNetwork
from runner.kubelet.network.following import NetworkThread
from runner.kubelet.network.place import NetworkPlace
from runner.registry.contract import put
from runner.registry.holders import NodeInstance
from runner.registry.home import Home
from runner.registry.memory import MemoryRegistry
from tests.runtime.leftovers import ALIVE, DEAD, ELSEWHERE


def record(store: MemoryRegistry, name: str, owner: str, ip: str) -> None:
    status = {"phase": "Running", "podIP": ip, "conditions": [{"type": "Ready", "status": "True"}]}
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}", "labels": {"app": "web"}}
    store.create({"kind": "Pod", "metadata": metadata, "spec": {"containers": []}, "status": status}, holder=owner)


def place(directory: Path) -> NetworkPlace:
    return NetworkPlace(NodeInstance(Home(directory)), "label")


@pytest.mark.parametrize(
    ("owner", "is_kept", "is_known"),
    [(ALIVE, False, True), (ELSEWHERE, False, True), (DEAD, True, True), (DEAD, False, False)],
    ids=["somebody runs it", "nobody knows whether somebody runs it", "it was kept", "its process died"],
)
def test_a_pod_whose_process_died_has_no_name_and_is_no_endpoint(
    owner: str, is_kept: bool, is_known: bool, tmp_path: Path
) -> None:
    """Before anything is swept: the sweep ends it without notice, in the middle of whatever it answers."""
    store = MemoryRegistry()
    record(store, "mine", ALIVE, "10.0.0.1")
    record(store, "other", owner, "10.0.0.2")
    if is_kept:
        store.ledger.keep("uid-other")
    spec = {"selector": {"app": "web"}, "clusterIP": "None", "ports": [{"port": 80}]}
    put(store, {"kind": "Service", "metadata": {"name": "heads", "namespace": "default"}, "spec": spec})
    clock = VirtualClock()
    network = NetworkThread(SimulatedEngine(clock), store, clock, place(tmp_path))
    zone = network.zone(Pod.from_json(store.list("Pod").items[0])).splitlines()
    names = {line.split()[1].split(".")[0] for line in zone if line.startswith("a ") and line.endswith(" 10.0.0.2")}
    assert names == ({"other", "heads", "10-0-0-2"} if is_known else set())
    assert "a heads.default.svc.cluster.local 10.0.0.1" in zone


def test_pods_that_start_together_begin_with_the_same_zone(tmp_path: Path) -> None:
    """To make one for each would take the square of their number; what was written since is brought to them."""
    store, clock = MemoryRegistry(), VirtualClock()
    for number in (1, 2):
        record(store, f"pod-{number}", ALIVE, f"10.0.0.{number}")
    network = NetworkThread(SimulatedEngine(clock), store, clock, place(tmp_path))
    first, second = (Pod.from_json(value) for value in store.list("Pod").items)
    zone = network.zone(first)
    record(store, "pod-3", ALIVE, "10.0.0.3")
    assert network.zone(second) == zone
    clock.sleep(1)
    assert "a pod-3.default.svc.cluster.local 10.0.0.3" in network.zone(second).splitlines()


def test_a_proxy_is_told_of_no_pod_whose_process_died(tmp_path: Path) -> None:
    store, clock = MemoryRegistry(), VirtualClock()
    engine = SimulatedEngine(clock)
    record(store, "mine", ALIVE, "10.0.0.1")
    record(store, "other", DEAD, "10.0.0.2")
    metadata = {"name": "shared", "namespace": "default", "uid": "uid-shared"}
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    put(store, {"kind": "Service", "metadata": metadata, "spec": spec})
    network = NetworkThread(engine, store, clock, place(tmp_path))
    network.prepare()
    network.await_prepared()
    (proxy,) = engine.list_containers({POD_UID: "uid-shared"})
    with tarfile.open(fileobj=io.BytesIO(engine.download(proxy.id, f"/{TABLE}"))) as tar:
        (member,) = tar
        assert tar.extractfile(member).read() == b"tcp 80 none 10.0.0.1:8080\nend\n"  # type: ignore[union-attr]
    network.close()


def test_nothing_is_remembered_of_pods_that_are_gone(tmp_path: Path) -> None:
    """A node may live for weeks."""
    store, clock = MemoryRegistry(), VirtualClock()
    engine = SimulatedEngine(clock, images=["pause"])
    network = ClusterNetwork(engine, store, clock, place(tmp_path))
    for number in range(1, 4):
        record(store, f"pod-{number}", ALIVE, f"10.0.0.{number}")
    pods = [Pod.from_json(value) for value in store.list("Pod").items]
    for pod in pods:
        network.zone(pod)
    sandboxes = [
        (pod, engine.create_container(ContainerConfig(name=pod.name, image="pause", labels={}))) for pod in pods
    ]
    record(store, "late", ALIVE, "10.0.0.9")
    network.look(sandboxes)
    for name in ("pod-1", "pod-2"):
        store.delete("Pod", "default", name)
    network.look(sandboxes[2:])
    assert network.remembered == {"uid-pod-3"}


def test_a_sandbox_that_was_brought_another_zone_than_it_began_with_is_brought_the_first_one_again(
    tmp_path: Path,
) -> None:
    store, clock = MemoryRegistry(), VirtualClock()
    engine = SimulatedEngine(clock, images=["pause"])
    network = ClusterNetwork(engine, store, clock, place(tmp_path))
    for number in (1, 2):
        record(store, f"pod-{number}", ALIVE, f"10.0.0.{number}")
    pod = Pod.from_json(store.list("Pod").items[0])
    first = network.zone(pod)
    sandboxes = [(pod, engine.create_container(ContainerConfig(name=pod.name, image="pause", labels={})))]
    record(store, "late", ALIVE, "10.0.0.9")
    network.look(sandboxes)
    assert "10.0.0.9" in zone_in(engine, sandboxes[0][1])
    store.delete("Pod", "default", "late")
    network.look(sandboxes)
    assert zone_in(engine, sandboxes[0][1]) == first


def zone_in(engine: SimulatedEngine, sandbox: str) -> str:
    """What a sandbox answers by."""
    with tarfile.open(fileobj=io.BytesIO(engine.download(sandbox, f"/{ZONE}"))) as tar:
        (member,) = tar
        content = tar.extractfile(member)
    assert content is not None
    return content.read().decode()
