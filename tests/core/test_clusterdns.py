"""Which pods ask the cluster's names first, and what the zone says of Services and pods."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runner.core.container.containerconfig import PortBinding
from runner.core.container.sandboxconfig import sandbox_config
from runner.core.network.clusterdns import asks_cluster
from runner.core.network.endpoints import address_of, endpoints_of, proxy_table
from runner.core.network.proxyconfig import proxy_config, proxy_hash
from runner.core.network.zone import is_plain, zone_text
from runner.core.storedobjects import addressed, new_service, node_ports_of, owner_of, stored_object
from tests.support.pods import make_pod

DNS = {"name": "dns", "ports": [{"containerPort": 8080}, {"containerPort": 53, "protocol": "UDP"}]}
POLICIES: list[tuple[str, dict[str, Any], bool]] = [
    ("by itself", {}, True),
    ("when it says so", {"dnsPolicy": "ClusterFirst"}, True),
    ("not with the node's resolvers", {"dnsPolicy": "Default"}, False),
    ("not with its own", {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"]}}, False),
    ("not in the node's network", {"hostNetwork": True}, False),
    ("not there either when it asks for it", {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}, False),
]


@pytest.mark.parametrize(("spec", "wanted"), [row[1:] for row in POLICIES], ids=[row[0] for row in POLICIES])
def test_a_pod_asks_the_cluster(spec: dict[str, Any], wanted: bool) -> None:
    assert asks_cluster(make_pod(**spec)) is wanted


def test_a_pod_that_serves_names_keeps_the_port() -> None:
    assert not asks_cluster(make_pod((), ("dns", DNS)))
    assert not asks_cluster(make_pod(("dns", DNS), ("main", {})))


def test_the_sandbox_is_told_the_domains_of_its_namespace() -> None:
    def environment(**spec: Any) -> tuple[str, ...]:
        pod = make_pod(metadata={"name": "web", "namespace": "shop"}, **spec)
        return sandbox_config(pod, attempt=0, image="pause:1", volumes=(), owner="me").env

    assert environment() == ("PODRUNNER_RESOLVER=shop.svc.cluster.local svc.cluster.local cluster.local",)
    assert environment(dnsPolicy="Default") == ()


# The zone.

DOMAIN = "default.svc.cluster.local"
KUBERNETES = {
    "a kubernetes.default.svc.cluster.local 10.96.0.1",
    "srv _https._tcp.kubernetes.default.svc.cluster.local 443 kubernetes.default.svc.cluster.local",
    "ptr 1.0.96.10.in-addr.arpa kubernetes.default.svc.cluster.local",
}
HTTP = {"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"}


def service(name: str = "web", namespace: str = "default", **spec: Any) -> dict[str, Any]:
    return {
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}"},
        "spec": {"selector": {"app": "web"}, "ports": [HTTP], **spec},
    }


def running(name: str, ip: str, *, ready: bool = True, phase: str = "Running", **more: Any) -> dict[str, Any]:
    """A pod as the store has it, with a named port 8080."""
    metadata = {"name": name, "namespace": "default", "labels": {"app": "web", "x": "y"}, **more.pop("metadata", {})}
    ports = [{"name": "web", "containerPort": 8080}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}]
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": "main", "ports": ports}], **more},
        "status": {"phase": phase, "podIP": ip, "conditions": conditions},
    }


def zone(services: list[dict[str, Any]], *pods: dict[str, Any]) -> set[str]:
    *lines, end = zone_text(services, pods).splitlines()
    assert end == "end"
    assert lines == sorted(lines)
    return set(lines) - KUBERNETES


def test_kubernetes_is_always_there_unless_somebody_else_is() -> None:
    assert set(zone_text([], []).splitlines()) == KUBERNETES | {"end"}
    own = service("kubernetes", clusterIP="172.17.0.9", ports=[])
    assert "a kubernetes.default.svc.cluster.local 10.96.0.1" not in zone_text([own], [])


def test_a_service_with_an_address_has_that_and_its_named_ports() -> None:
    ports = [HTTP, {"port": 81, "protocol": "TCP"}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    assert zone([service(clusterIP="172.17.0.2", ports=ports)], running("pod", "172.17.0.3")) == {
        f"a web.{DOMAIN} 172.17.0.2",
        f"ptr 2.0.17.172.in-addr.arpa web.{DOMAIN}",
        f"srv _http._tcp.web.{DOMAIN} 80 web.{DOMAIN}",
        f"srv _dns._udp.web.{DOMAIN} 53 web.{DOMAIN}",
        f"a pod.{DOMAIN} 172.17.0.3",
    }


def test_a_service_that_has_no_address_yet_hides_the_pod_of_its_name() -> None:
    assert zone([service()], running("web", "172.17.0.3")) == set()


def test_a_headless_service_has_its_ready_pods_by_their_names() -> None:
    pods = [
        running("web-0", "172.17.0.3", hostname="web-0", subdomain="nginx"),
        running("web-1", "172.17.0.4", ready=False, hostname="web-1", subdomain="nginx"),
        running("other", "172.17.0.10", hostname="strange", subdomain="elsewhere"),
    ]
    names = {f"a {name}.{DOMAIN} {ip}" for name, ip in (("web-0", "172.17.0.3"), ("web-1", "172.17.0.4"))}
    headless = service("nginx", clusterIP="None")
    first = {
        f"a nginx.{DOMAIN} 172.17.0.3",
        f"a web-0.nginx.{DOMAIN} 172.17.0.3",
        f"ptr 3.0.17.172.in-addr.arpa web-0.nginx.{DOMAIN}",
        f"srv _http._tcp.nginx.{DOMAIN} 8080 web-0.nginx.{DOMAIN}",
    }
    assert zone([headless], *pods) == names | first | {
        f"a other.{DOMAIN} 172.17.0.10",
        f"a nginx.{DOMAIN} 172.17.0.10",
        f"a 172-17-0-10.nginx.{DOMAIN} 172.17.0.10",
        f"ptr 10.0.17.172.in-addr.arpa 172-17-0-10.nginx.{DOMAIN}",
        f"srv _http._tcp.nginx.{DOMAIN} 8080 172-17-0-10.nginx.{DOMAIN}",
    }
    every = service("nginx", clusterIP="None", publishNotReadyAddresses=True, ports=None)
    assert f"a web-1.nginx.{DOMAIN} 172.17.0.4" in zone([every], *pods)
    unknown = service("nginx", clusterIP="None", ports=[{**HTTP, "targetPort": "none"}])
    assert not any(line.startswith("srv") for line in zone([unknown], *pods))


def test_an_external_name_is_an_alias() -> None:
    external = service(type="ExternalName", externalName="Example.ORG.", clusterIP="")
    assert zone([external]) == {f"cname web.{DOMAIN} example.org"}


def test_a_pod_is_found_by_its_name_as_long_as_it_has_an_address() -> None:
    pods = [
        running("here", "172.17.0.3", ready=False, metadata={"namespace": "Shop"}),
        running("early", ""),
        running("over", "172.17.0.4", phase="Succeeded"),
        running("six", "fd00::1"),
    ]
    assert zone([], *pods) == {"a here.shop.svc.cluster.local 172.17.0.3"}


def test_a_single_pod_knows_by_itself_what_the_zone_would_say() -> None:
    pod = running("a", "172.17.0.3")
    assert is_plain([], [])
    assert is_plain([], [pod])
    assert not is_plain([], [pod, pod])
    assert not is_plain([service()], [pod])


# Endpoints.


def table(one: dict[str, Any], *pods: dict[str, Any]) -> list[str]:
    return proxy_table(one, pods).splitlines()


def test_the_proxy_is_told_the_ready_endpoints_of_each_port() -> None:
    ports = [
        HTTP,
        {"port": 81, "targetPort": 9000},
        {"name": "dns", "port": 53, "targetPort": "dns", "protocol": "UDP"},
        {"name": "wrong", "port": 54, "targetPort": "dns", "protocol": "TCP"},
        {"port": 82},
    ]
    pods = [
        running("b", "172.17.0.10"),
        running("a", "172.17.0.9"),
        running("slow", "172.17.0.3", ready=False),
        running("stranger", "172.17.0.4", metadata={"labels": {"app": "other"}}),
        running("bare", "172.17.0.4", metadata={"labels": None}),
        running("abroad", "172.17.0.5", metadata={"namespace": "other"}),
        running("going", "172.17.0.6", metadata={"deletionTimestamp": "2000-01-01T00:00:00Z"}),
    ]
    assert table(service(ports=ports), *pods) == [
        "tcp 80 none 172.17.0.9:8080 172.17.0.10:8080",
        "tcp 81 none 172.17.0.9:9000 172.17.0.10:9000",
        "udp 53 none 172.17.0.9:53 172.17.0.10:53",
        "tcp 54 none",
        "tcp 82 none 172.17.0.9:82 172.17.0.10:82",
        "end",
    ]


def test_pods_that_are_being_deleted_serve_while_there_are_no_others() -> None:
    going = running("going", "172.17.0.6", metadata={"deletionTimestamp": "2000-01-01T00:00:00Z"})
    assert table(service(), going, running("slow", "172.17.0.7", ready=False)) == ["tcp 80 none 172.17.0.6:8080", "end"]


def test_a_sidecars_port_has_a_name_too_but_an_init_containers_has_not() -> None:
    ports = [{"name": "web", "containerPort": 9090}]
    pod = running("pod", "172.17.0.3", containers=[{"name": "main"}])
    pod["spec"]["initContainers"] = [{"name": "init", "ports": ports}]
    assert table(service(), pod) == ["tcp 80 none", "end"]
    pod["spec"]["initContainers"][0]["restartPolicy"] = "Always"
    assert table(service(sessionAffinity="ClientIP"), pod) == ["tcp 80 client 172.17.0.3:9090", "end"]


def test_a_service_without_a_selector_has_no_endpoints() -> None:
    assert endpoints_of(service(selector=None), [running("pod", "172.17.0.3")]) == ()
    assert endpoints_of(service(type="ExternalName"), [running("pod", "172.17.0.3")]) == ()


# The proxy's container.


def test_a_service_is_a_container_that_whoever_sweeps_finds() -> None:
    ports = [{**HTTP, "nodePort": 30080}, {"port": 53, "protocol": "UDP", "nodePort": 30053}, {"port": 81}]
    config = proxy_config(service(type="NodePort", ports=ports), image="pause:1", owner="me")
    assert config.name == "k8s_SERVICE_web_default_uid-web"
    assert config.command == ("proxy",)
    assert config.labels["io.kubernetes.pod.uid"] == "uid-web"
    assert config.labels["dev.podrunner/service"] == "default/web"
    assert config.port_bindings == (
        PortBinding(container_port=80, protocol="tcp", host_port=30080),
        PortBinding(container_port=53, protocol="udp", host_port=30053),
    )


def test_another_node_port_or_image_is_another_container_but_another_port_is_not() -> None:
    def made(image: str = "pause:1", **port: Any) -> str:
        return proxy_hash(service(ports=[{**HTTP, **port}]), image)

    assert made() == made(port=81, targetPort=3)
    assert len({made(), made("pause:2"), made(nodePort=30080)}) == 3


# What the server adds.

NOW = datetime(2000, 1, 1, tzinfo=UTC)


def test_a_new_object_gets_a_uid_and_a_date_and_loses_the_owner_that_earlier_versions_wrote() -> None:
    annotations = {"a": "b", "dev.podrunner/owner": "me"}
    value = {"kind": "ConfigMap", "metadata": {"name": "c", "annotations": annotations, "resourceVersion": "7"}}
    assert owner_of(value) == "me"
    made = stored_object(value, None, uid="u", now=NOW)
    assert made["metadata"] == {
        "name": "c",
        "uid": "u",
        "creationTimestamp": "2000-01-01T00:00:00Z",
        "annotations": {"a": "b"},
    }
    later = stored_object(made, made, uid="other", now=NOW + timedelta(days=1))
    assert (later["metadata"]["uid"], later["metadata"]["creationTimestamp"]) == ("u", "2000-01-01T00:00:00Z")
    assert owner_of(later) == ""
    assert "annotations" not in stored_object({"metadata": {"annotations": {}}}, None, uid="u", now=NOW)["metadata"]


def test_the_address_comes_from_the_engine_and_stays_with_the_service() -> None:
    wanted = service(clusterIP="10.0.0.1", clusterIPs=["10.0.0.1"])
    made = stored_object(wanted, None, uid="u", now=NOW)
    assert "clusterIP" not in made["spec"]
    assert "clusterIPs" not in made["spec"]
    assert made["status"] == {"loadBalancer": {}}
    assert address_of(made) == ""
    known = addressed(made, "172.17.0.2")
    assert address_of(known) == "172.17.0.2"
    again = stored_object(wanted, known, uid="v", now=NOW)
    assert again == known
    assert addressed(known, "")["spec"] == made["spec"]
    headless = service(clusterIP="None")
    assert stored_object(headless, known, uid="v", now=NOW)["spec"] == headless["spec"]
    assert address_of(stored_object(wanted, headless, uid="v", now=NOW)) == ""


def test_node_ports_are_given_once_and_kept() -> None:
    ports = [HTTP, {"port": 53, "protocol": "UDP"}, {"port": 81, "nodePort": 30081}]
    made = stored_object(service(type="NodePort", ports=ports), None, uid="u", now=NOW, node_ports=[30000])
    numbers = node_ports_of([made, service(ports=None)])
    assert len(numbers) == 3
    assert all(30000 < number <= 32767 for number in numbers)
    again = stored_object(service(type="NodePort", ports=ports), made, uid="x", now=NOW, node_ports=numbers)
    assert again == made
    one_left = set(range(30000, 32768)) - {31000}
    single = stored_object(service(type="LoadBalancer", ports=None), None, uid="u", now=NOW, node_ports=one_left)
    assert single["spec"]["ports"] == []
    single = stored_object(service(type="LoadBalancer"), None, uid="u", now=NOW, node_ports=one_left)
    assert single["spec"]["ports"][0]["nodePort"] == 31000
    new = {**service(type="LoadBalancer", clusterIP="10.0.0.1"), "metadata": {"name": "s", "uid": "u"}}
    assert new_service(new, one_left)["spec"] == single["spec"]
    assert new_service(new, one_left)["status"] == single["status"]
