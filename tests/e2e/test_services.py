"""Services and names of pods, as clients in pods see them."""

from __future__ import annotations

import io
import json
import socket
import tarfile
import threading
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest

from runner.core.network.proxyconfig import TABLE
from runner.node.machine import host_ip
from tests.e2e.support import SECONDS, Bench, Process, container, pod, until
from tests.sandbox.programs import A, record, reply

pytestmark = pytest.mark.docker

HTTP = "mkdir -p /w; hostname > /w/index.html; touch /w/up; httpd -p 8080 -h /w; trap 'exit 0' TERM; sleep 3600 & wait"
MUTE = (
    r"mkdir -p /w/cgi-bin; cd /w/cgi-bin; printf '#!/bin/sh\nsleep 3600\n' > index.cgi; chmod +x index.cgi; touch /w/up;"
    "httpd -p 8080 -h /w; trap 'exit 0' TERM; sleep 3600 & wait"
)
"""Takes requests and never answers one."""
PORTS = [{"name": "web", "containerPort": 8080}]
FETCH = "fetch() { until wget -q -O - http://$1; do sleep 0.1; done; }; refused() { ! nc -w 2 $1 $2 </dev/null 2>/dev/null; }; "


def server(name: str, label: str, *, script: str = HTTP, **spec: Any) -> dict[str, Any]:
    """A pod that says its host name on port 8080; ready as long as /w/up is there."""
    probe = {"exec": {"command": ["test", "-e", "/w/up"]}, "periodSeconds": 1, "failureThreshold": 1}
    value = pod(
        name, container("app", script, ports=PORTS, readinessProbe=probe), terminationGracePeriodSeconds=1, **spec
    )
    value["metadata"]["labels"] = {"app": label}
    return value


def service(name: str, label: str, *ports: dict[str, Any], **spec: Any) -> dict[str, Any]:
    given = list(ports) or [{"port": 80, "targetPort": "web"}]
    value = {"selector": {"app": label}, "ports": given, **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": value}


def ask(bench: Bench, script: str, *, seconds: str = "100s") -> list[str]:
    """What a client pod says until its end."""
    name = bench.name("client")
    manifest = pod(name, container("app", f"{FETCH}{script}"), restartPolicy="Never")
    done = bench("run", "--timeout", seconds, bench.write(manifest, name=f"{name}.yaml"))
    assert done.code == 0, done.err + done.out
    return [line.removeprefix("app | ") for line in done.out.splitlines()]


def serving(bench: Bench, *values: dict[str, Any], ready: int) -> Process:
    process = bench.start("run", bench.write(*values, name=f"{bench.name('servers')}.yaml"))
    names = [value["metadata"]["name"] for value in values if value["kind"] == "Pod"]
    for name in names[:ready]:
        process.line(name, "(1/1 ready)")
    return process


def proxies(bench: Bench) -> Sequence[str]:
    """The Engine's containers of this bench's Services."""
    uids = {one["metadata"]["uid"] for one in json.loads(bench("get", "svc", "-A", "-o", "json").out)["items"]}
    labels = [f"io.kubernetes.pod.uid={uid}" for uid in uids]
    return [one["Id"] for label in labels for one in bench.engine.api.containers(all=True, filters={"label": [label]})]


def proxy_of(bench: Bench, name: str) -> str:
    """The Engine's container of one Service."""
    service = json.loads(bench("get", "svc", name, "-o", "json").out)
    (found,) = bench.engine.api.containers(filters={"label": [f"io.kubernetes.pod.uid={service['metadata']['uid']}"]})
    return str(found["Id"])


def told(bench: Bench, proxy: str) -> str:
    """What a Service's proxy was told: its ports and their endpoints."""
    chunks, _ = bench.engine.api.get_archive(proxy, f"/{TABLE}")
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        content = archive.extractfile(TABLE)
        assert content is not None
        return content.read().decode()


def test_services_of_every_kind_are_found_and_connect(bench: Bench) -> None:
    """ClusterIP with a named and another port, headless, by hostname, ExternalName, and pods by their names."""
    label, first, second = "web", bench.name("first"), bench.name("second")
    values = [
        server(first, label, hostname="one", subdomain="heads"),
        server(second, label, hostname="two", subdomain="heads"),
        service(
            "svc",
            label,
            {"name": "http", "port": 80, "targetPort": "web"},
            {"name": "alt", "port": 81, "targetPort": 8080},
        ),
        service("heads", label, {"name": "http", "port": 80, "targetPort": "web"}, clusterIP="None"),
        service(
            "outside", "", type="ExternalName", externalName="svc.default.svc.cluster.local", selector=None, ports=None
        ),
        service("nobody", "nobody"),
    ]
    process = serving(bench, *values, ready=2)
    said = ask(
        bench,
        "for i in 1 2 3 4 5 6; do fetch svc; done | sort -u; fetch svc.default:81 >/dev/null && echo alt;"
        "fetch svc.default.svc.cluster.local >/dev/null && echo full; fetch outside >/dev/null && echo outside;"
        f"fetch one.heads:8080; fetch {first}:8080; fetch heads:8080 >/dev/null && echo heads;"
        "until [ $(nslookup heads.default.svc.cluster.local | grep -c 'Address: 1') = 2 ]; do sleep 0.1; done; echo both;"
        "refused nobody 80 && echo refused; env | grep -c ^SVC_SERVICE_HOST=1",
    )
    assert said == ["one", "two", "alt", "full", "outside", "one", "one", "heads", "both", "refused", "1"]
    assert len(proxies(bench)) == 2
    columns = bench("get", "svc").out.splitlines()
    assert columns[0].split() == ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"]
    assert "80/TCP,81/TCP" in columns[4]
    running = proxies(bench)
    process.interrupt()
    process.end()
    left = {one["Id"] for one in bench.engine.api.containers(all=True)}
    assert not left & set(running)
    assert "No resources found" in bench("get", "svc").err


def test_endpoints_follow_readiness_and_services_may_go_and_come(bench: Bench) -> None:
    """All of it from a second terminal, while the client's pod runs."""
    name = bench.name("server")
    process = serving(bench, server(name, "web"), ready=1)
    applied = bench("apply", "-f", bench.write(service("late", "web"), name="late.yaml"))
    assert applied.out == "service/late created\n"
    (sandbox,) = (one for one in bench.containers(name) if one.startswith("k8s_app_"))
    app = bench.engine.containers.get(sandbox)
    client_name = bench.name("client")
    script = (
        f"{FETCH} fetch late; echo served; until refused late 80; do sleep 0.1; done; echo unready; fetch late; echo again;"
        "while nslookup late.default.svc.cluster.local >/dev/null; do sleep 0.1; done; echo gone"
    )
    manifest = pod(client_name, container("app", script), restartPolicy="Never")
    client = bench.start("run", "--timeout", "100s", bench.write(manifest, name="client.yaml"))
    client.line("served", stream="out")
    app.exec_run(["rm", "/w/up"])
    client.line("unready", stream="out")
    app.exec_run(["touch", "/w/up"])
    client.line("again", stream="out")
    deleted = bench("delete", "svc", "late")
    assert deleted.out == 'service "late" deleted from default namespace\n'
    client.line("gone", stream="out")
    done = client.end()
    assert done.code == 0, done.err
    process.interrupt()
    process.end()


def test_datagrams_reach_an_endpoint_in_the_nodes_network(bench: Bench) -> None:
    """A server of this test's own, which answers each question for a name with who it is."""
    manifest = pod(bench.name("node"), terminationGracePeriodSeconds=1, hostNetwork=True)
    manifest["metadata"]["labels"] = {"app": "udp"}
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as target:
        # Answers come from the address that was asked: this machine has several.
        target.bind((host_ip(), 0))
        port = {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": target.getsockname()[1]}

        def serve() -> None:
            while True:
                query, client = target.recvfrom(1000)
                if query == b"end":
                    return
                target.sendto(reply(query, record(b"\xc0\x0c", A, bytes([192, 0, 2, 9]))), client)

        thread = threading.Thread(target=serve)
        thread.start()
        process = serving(bench, manifest, service("datagrams", "udp", port), ready=1)
        said = ask(
            bench, "until nslookup -type=a any.example $DATAGRAMS_SERVICE_HOST | grep 192.0.2.9; do sleep 0.1; done"
        )
        target.sendto(b"end", target.getsockname())
        thread.join(SECONDS)
    assert said[-1].endswith("192.0.2.9")
    process.interrupt()
    process.end()


def test_a_node_port_is_reached_on_the_node(bench: Bench) -> None:
    values = [server(bench.name("server"), "web"), service("door", "web", type="NodePort")]
    process = serving(bench, *values, ready=1)
    (found,) = json.loads(bench("get", "svc", "-o", "json").out)["items"]
    port = found["spec"]["ports"][0]["nodePort"]

    def fetched() -> bool:
        try:
            with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return b"200 OK" in connection.recv(1000)
        except OSError:
            return False

    assert until(fetched, "an answer")
    process.interrupt()
    process.end()


@pytest.mark.usefixtures("alone")
def test_a_proxy_outlives_its_process_only_until_somebody_sweeps_or_takes_it_over(bench: Bench) -> None:
    """A second run takes over what a killed one held, as it is; after the last one, a sweep finds what is left."""
    first_name, second_name = bench.name("server"), bench.name("other")
    first = serving(bench, server(first_name, "web"), service("own", "web"), ready=1)
    bench("apply", "-f", bench.write(service("shared", "web"), name="shared.yaml"))
    until(lambda: len(proxies(bench)) == 2, "two proxies")
    second = serving(bench, server(second_name, "web"), ready=1)
    held = set(proxies(bench))
    shared = proxy_of(bench, "shared")
    first.kill()
    bench("gc")
    assert bench.left(first_name) == []
    # The holder of the proxy of the dead run's own Service ends it: the sweep, or the other run that has just taken it over.
    until(lambda: {one["Id"] for one in bench.engine.api.containers(all=True)} & held <= {shared}, "the end of a proxy")
    assert ask(bench, "for i in 1 2; do fetch shared; done") == [second_name, second_name]
    assert shared in proxies(bench)
    second.kill()
    bench("gc")
    left = {one["Id"] for one in bench.engine.api.containers(all=True)}
    assert not left & held
    assert [one["metadata"]["name"] for one in json.loads(bench("get", "svc", "-o", "json").out)["items"]] == ["shared"]


@pytest.mark.usefixtures("alone")
def test_a_pod_whose_process_died_stands_behind_no_service(bench: Bench) -> None:
    """It takes connections and says nothing: a client would lose its connection to the sweep of the next run."""
    name, dead = bench.name("server"), bench.name("mute")
    dying = serving(bench, server(dead, "web", script=MUTE), ready=1)
    process = serving(bench, server(name, "web"), service("svc", "web"), ready=1)
    endpoint, proxy = f" {bench.pod(dead)['status']['podIP']}:8080", proxy_of(bench, "svc")
    until(lambda: endpoint in told(bench, proxy), "the endpoint")
    dying.kill()
    until(lambda: endpoint not in told(bench, proxy), "the end of the endpoint")
    assert ask(bench, "for i in 1 2; do fetch svc; done") == [name, name]
    process.interrupt()
    process.end()


def test_the_names_that_the_node_knows_are_known_too(bench: Bench) -> None:
    """And a pod that serves port 53 itself, or wants the node's resolvers, has those."""
    said = ask(bench, "cat /etc/resolv.conf; nslookup kubernetes.default.svc.cluster.local | grep -c 10.96.0.1")
    assert said[0].startswith("search default.svc.cluster.local svc.cluster.local cluster.local")
    assert said[1:3] == ["nameserver 127.0.0.10", "options ndots:5"]
    assert said[-1] == "1"
    for ports, policy in (([{"containerPort": 53}], "ClusterFirst"), ([], "Default")):
        main = container("app", "cat /etc/resolv.conf", ports=ports)
        done = bench("run", bench.write(pod(bench.name("own"), main, restartPolicy="Never", dnsPolicy=policy)))
        assert "127.0.0.10" not in done.out
        assert "nameserver" in done.out
