"""Names, addresses and endpoints in virtual time: the product's own network over the simulated Engine."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest

from runner.core.labels import CONTAINER_NAME, POD_UID, SANDBOX_CONTAINER
from runner.core.manifest import Source, load
from runner.core.narration import Narration, Notice
from runner.core.network.clusterdns import ZONE
from runner.core.network.proxyconfig import TABLE
from runner.errors import EngineError, NotFound
from runner.kubelet.options import WorkerOptions
from runner.lab import new_pod, simulate
from runner.lab.script import SimulationScript, script_of
from runner.lab.steps import Step, delete, kill, kill_sandbox, put_object
from runner.lab.virtual import Cluster, End, VirtualNode

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
"""
HEADLESS = """
---
apiVersion: v1
kind: Service
metadata: {name: heads}
spec: {clusterIP: None, selector: {app: web}}
"""
WEB = """
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: "busybox:1.36"}]}}
"""


def cluster(text: str) -> Cluster:
    return Cluster(load([Source(name="m", text=text)]).objects, SimulationScript(), WorkerOptions())


def text_in(virtual: VirtualNode, container_id: str, path: str) -> str:
    """A file in the root directory of a container; "" when there is none."""
    try:
        archive = virtual.engine.download(container_id, f"/{path}")
    except NotFound:
        return ""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = tar.extractfile(next(iter(tar)))
    assert found is not None
    return found.read().decode()


def zones(virtual: VirtualNode) -> list[set[str]]:
    """What the sandboxes know: of each the names without their domain, with the address."""
    found = []
    for one in virtual.node.running:
        (sandbox,) = virtual.engine.list_containers({POD_UID: one.pod.uid, CONTAINER_NAME: SANDBOX_CONTAINER})
        lines = [line.split() for line in text_in(virtual, sandbox.id, ZONE).splitlines()]
        names = {f"{line[1].split('.')[0]} {line[2]}" for line in lines if line[0] == "a"}
        found.append({name for name in names if not name.startswith("kubernetes ")})
    return found


def table(virtual: VirtualNode, service: str) -> str:
    value = virtual.store.get("Service", "default", service)
    assert value is not None
    (proxy,) = virtual.engine.list_containers({POD_UID: value["metadata"]["uid"]})
    return text_in(virtual, proxy.id, TABLE).splitlines()[0]


def addresses(virtual: VirtualNode) -> list[str]:
    return [one.status.pod_ip for one in virtual.node.running]


def test_a_service_has_its_address_before_pods_start_and_is_told_who_is_ready() -> None:
    virtual = cluster(SERVICE + WEB)
    virtual.advance(0)
    service = virtual.store.get("Service", "default", "shop")
    assert service is not None
    own = service["spec"]["clusterIP"]
    assert own.startswith("172.17.25")
    virtual.advance(5)
    first, second = addresses(virtual)
    assert table(virtual, "shop") == f"tcp 80 none {first}:8080 {second}:8080"
    names = [one.pod.name for one in virtual.node.running]
    assert zones(virtual) == [{f"shop {own}", f"{names[0]} {first}", f"{names[1]} {second}"}] * 2


def test_endpoints_follow_what_becomes_of_pods() -> None:
    virtual = cluster(SERVICE + HEADLESS + WEB)
    virtual.advance(5)
    first, second = addresses(virtual)
    name = virtual.node.running[0].pod.name
    for at in (10, 11):  # The second time it has to wait before it is started again.
        virtual.plan(Step(at=at, action=kill("main"), pod=name))
    virtual.plan(Step(at=100, action=delete(0), pod=name))
    seen = []
    for until in (12, 30, 110):
        virtual.advance(until)
        seen.append(table(virtual, "shop").removeprefix("tcp 80 none "))
        assert all(zone >= {f"heads {one.split(':')[0]}" for one in seen[-1].split()} for zone in zones(virtual))
    third = addresses(virtual)[-1]
    assert third not in (first, second)
    assert [set(one.split()) for one in seen] == [
        {f"{second}:8080"},
        {f"{first}:8080", f"{second}:8080"},
        {f"{second}:8080", f"{third}:8080"},
    ]


def test_a_service_that_comes_later_is_told_to_those_that_are_there() -> None:
    virtual = cluster(WEB.removeprefix("\n---"))
    value = load([Source(name="m", text=SERVICE)]).objects[0].value
    virtual.plan(Step(at=20, action=put_object({**value, "kind": "Service"})))
    virtual.advance(19)
    assert not any("shop" in name for zone in zones(virtual) for name in zone)
    virtual.advance(30)
    assert all(any(name.startswith("shop ") for name in zone) for zone in zones(virtual))


@pytest.mark.parametrize("verb", ["create_container", "start_container"])
def test_what_the_engine_refuses_is_done_later_although_nothing_happens(verb: str) -> None:
    told: list[Narration] = []
    objects = load([Source(name="m", text=SERVICE + WEB)]).objects
    virtual = Cluster(objects, SimulationScript(), WorkerOptions(), listener=told.append)
    virtual.engine.fail_next(verb, EngineError("no space left on device"))
    virtual.clock.after(20, lambda: None)
    virtual.advance(20)
    notices = [one.text for one in told if isinstance(one, Notice)]
    assert notices == ["Service shop: no space left on device"]
    assert table(virtual, "shop").split()[3:] == [f"{one}:8080" for one in addresses(virtual)]
    assert all(any(name.startswith("shop ") for name in zone) for zone in zones(virtual))


def alone(**containers: Any) -> tuple[VirtualNode, Any]:
    pod = new_pod({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "main", "image": "busybox:1.36"}]}})
    virtual = VirtualNode(script_of({"containers": containers}, pod))
    return virtual, virtual.add(pod)


def test_a_pod_alone_knows_its_own_name_after_a_second_and_again_in_a_new_sandbox() -> None:
    virtual, one = alone()
    virtual.advance(0.9)
    assert zones(virtual) == [set()]
    virtual.plan(Step(at=4, action=kill_sandbox))
    for until in (3, 10):
        virtual.plan(Step(at=until - 0.5, action=put_object({"kind": "ConfigMap", "metadata": {"name": "x"}})))
        virtual.advance(until)
        assert zones(virtual) == [{f"a {one.status.pod_ip}"}]


@pytest.mark.parametrize("restarts", [False, True])
def test_what_the_network_would_do_later_keeps_no_simulation_going(restarts: bool) -> None:
    attempts = [{"exit": 1, "after": "2s"}, {"run": "forever"}] if restarts else [{"run": "forever"}]
    virtual, _ = alone(main={"attempts": attempts})
    assert virtual.advance(600) is End.QUIET
    assert virtual.clock.steady() == (2 if restarts else 0)


def test_services_change_nothing_about_the_ids_and_addresses_of_pods() -> None:
    with_service, without = cluster(SERVICE + WEB), cluster(WEB.removeprefix("\n---"))
    for virtual in (with_service, without):
        virtual.advance(5)
    shown = [[one.status for one in virtual.node.running] for virtual in (with_service, without)]
    assert shown[0] == shown[1]


def test_a_pod_is_simulated_with_the_services_that_are_there() -> None:
    pod = new_pod({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "main", "image": "busybox:1.36"}]}})
    value = load([Source(name="m", text=SERVICE)]).objects[0].value
    done = simulate(pod, objects=[{**value, "kind": "Service"}], for_seconds=5)
    (proxy,) = (one for one in done.engine.list_containers({}) if "SERVICE" in one.name)
    assert done.engine.inspect_container(proxy.id).ip.startswith("172.17.25")
