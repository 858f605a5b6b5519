"""Names, addresses, ports and namespaces of pods, seen from inside and outside."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support import Bench, container, pod, until

pytestmark = pytest.mark.docker

WAIT = "trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done"


def run(bench: Bench, script: str, name: str | None = None, **spec: Any) -> list[str]:
    """What one container of a pod says until its end."""
    manifest = pod(name or bench.name("net"), container("app", script), restartPolicy="Never", **spec)
    done = bench("run", bench.write(manifest))
    assert done.code == 0, done.err
    return [line.removeprefix("app | ") for line in done.out.splitlines()]


def test_a_pod_is_called_what_it_asks_to_be(bench: Bench) -> None:
    plain = bench.name("plain")
    assert run(bench, "hostname", plain) == [plain]
    assert run(bench, "hostname", hostname="other") == ["other"]
    full = "web.sub.default.svc.cluster.local"
    assert run(bench, "hostname", hostname="web", subdomain="sub") == ["web"]
    assert run(bench, "hostname; hostname -f", hostname="web", subdomain="sub") == ["web", full]
    assert run(bench, "hostname", hostname="web", subdomain="sub", setHostnameAsFQDN=True) == [full]


def test_a_full_name_that_is_too_long_keeps_the_pod_from_starting(bench: Bench) -> None:
    manifest = pod(bench.name("long"), hostname="h" * 60, subdomain="sub", setHostnameAsFQDN=True)
    process = bench.start("run", bench.write(manifest))
    text = "Failed to create pod sandbox: failed to construct FQDN from pod hostname and cluster domain, FQDN "
    process.line("FailedCreatePodSandBox", text, "is too long (64 characters is the max, 90 characters requested)")
    process.interrupt()
    process.end()


ALIASES = [{"ip": "10.1.2.3", "hostnames": ["foo.local", "bar"]}]


def test_host_aliases_stand_in_the_file_that_all_containers_share(bench: Bench) -> None:
    """Each container has the kubelet's file, and may write to it."""
    look = container("look", "cat /etc/hosts; echo '1.1.1.1 mine' >> /etc/hosts")
    name = bench.name("aliases")
    manifest = pod(name, container("app", "cat /etc/hosts; hostname -i"), inits=[look], restartPolicy="Never")
    manifest["spec"]["hostAliases"] = ALIASES
    done = bench("run", bench.write(manifest))
    assert done.code == 0, done.err
    seen = [line.partition(" | ")[2] for line in done.out.splitlines() if line.startswith("app")]
    ip = seen.pop()
    assert seen == [
        "# Kubernetes-managed hosts file.",
        "127.0.0.1\tlocalhost",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        "fe00::0\tip6-localnet",
        "fe00::0\tip6-mcastprefix",
        "fe00::1\tip6-allnodes",
        "fe00::2\tip6-allrouters",
        f"{ip}\t{name}",
        "",
        "# Entries added by HostAliases.",
        "10.1.2.3\tfoo.local\tbar",
    ]


def test_host_aliases_follow_the_nodes_file_in_its_network(bench: Bench) -> None:
    seen = run(bench, "cat /etc/hosts", hostNetwork=True, hostAliases=ALIASES)
    assert seen[0] == "# Kubernetes-managed hosts file (host network)."
    assert "localhost" in seen[1]
    assert seen[-3:] == ["", "# Entries added by HostAliases.", "10.1.2.3\tfoo.local\tbar"]


def test_a_volume_at_the_place_of_the_hosts_file_wins(bench: Bench) -> None:
    data = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own"}, "data": {"hosts": "9.9.9.9 own\n"}}
    main = container(
        "app", "cat /etc/hosts", volumeMounts=[{"name": "own", "mountPath": "/etc/hosts", "subPath": "hosts"}]
    )
    volumes = [{"name": "own", "configMap": {"name": "own"}}]
    manifest = pod(bench.name("own"), main, restartPolicy="Never", hostAliases=ALIASES, volumes=volumes)
    done = bench("run", bench.write(data, manifest))
    assert done.out == "app | 9.9.9.9 own\n", done.err


def test_the_resolver_has_the_pods_settings_beside_the_nodes(bench: Bench) -> None:
    before = run(bench, "cat /etc/resolv.conf")
    own = {"searches": ["a.b"], "options": [{"name": "ndots", "value": "3"}]}
    after = run(bench, "cat /etc/resolv.conf", dnsConfig=own)
    servers = [line for line in before if line.startswith("nameserver")]
    assert [line for line in after if line.startswith("nameserver")] == servers
    assert any(line.startswith("search ") and line.endswith("a.b") for line in after)
    assert any(line.startswith("options ") and "ndots:3" in line.split() for line in after)


def test_the_resolver_has_nothing_but_the_pods_settings(bench: Bench) -> None:
    own = {"nameservers": ["192.0.2.53"], "searches": ["x.y"], "options": [{"name": "edns0"}]}
    seen = run(bench, "cat /etc/resolv.conf", dnsPolicy="None", dnsConfig=own)
    assert seen == ["nameserver 192.0.2.53", "search x.y", "options edns0"]


def test_search_paths_over_the_limit_are_told(bench: Bench) -> None:
    searches = [f"s{number}.example" for number in range(32)]
    manifest = pod(bench.name("limits"), container("app", "cat /etc/resolv.conf"), restartPolicy="Never")
    manifest["spec"] |= {"dnsPolicy": "Default", "dnsConfig": {"nameservers": ["192.0.2.1", "192.0.2.2", "192.0.2.3"]}}
    manifest["spec"]["dnsConfig"]["searches"] = searches
    done = bench("run", bench.write(manifest))
    assert done.code == 0, done.err
    kept = [line.split()[-1] for line in done.out.splitlines() if "nameserver" in line]
    assert len(kept) == 3
    text = "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: "
    assert ("DNSConfigForming", text + " ".join(kept)) in done.events


def test_a_pod_in_the_nodes_network_is_the_node(bench: Bench) -> None:
    name = bench.name("node")
    look = "hostname; readlink /proc/self/ns/net"
    manifest = pod(name, container("app", look), restartPolicy="Never", hostNetwork=True, hostname="ignored")
    done = bench("run", "--keep", "always", bench.write(manifest))
    assert [line.removeprefix("app | ") for line in done.out.splitlines()] == [
        bench.engine.info()["Name"],
        str(Path("/proc/self/ns/net").readlink()),
    ]
    status = bench.pod(name)["status"]
    assert status["podIP"] == status["hostIP"]
    bench("delete", "po", name)


@pytest.mark.parametrize(("field", "namespace"), [("hostPID", "pid"), ("hostIPC", "ipc")])
def test_a_namespace_of_the_node_is_the_nodes(bench: Bench, field: str, namespace: str) -> None:
    look = f"readlink /proc/self/ns/{namespace}"
    (own,) = run(bench, look)
    (shared,) = run(bench, look, None, **{field: True})
    assert shared == str(Path(f"/proc/self/ns/{namespace}").readlink()) != own


def test_containers_that_share_processes_see_and_signal_each_other(bench: Bench) -> None:
    first = container("first", WAIT)
    find = "grep -l '[e]cho up' /proc/[0-9]*/cmdline | cut -d/ -f3 | grep ."
    script = f"until pid=$({find}); do sleep 0.1; done; test $$$$ != 1 && kill -TERM $pid; echo told"
    done = bench(
        "run",
        bench.write(
            pod(
                bench.name("shared"),
                first,
                container("other", script),
                restartPolicy="Never",
                shareProcessNamespace=True,
            )
        ),
    )
    assert done.code == 0, done.err
    assert "other | told" in done.out


# Ports.


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def serving(name: str, port: int, **spec: Any) -> dict[str, Any]:
    script = "mkdir /w; echo served > /w/index.html; httpd -f -p 8080 -h /w"
    ports = [{"containerPort": 8080, "hostPort": port, "hostIP": "127.0.0.1"}]
    return pod(name, container("app", script, ports=ports), terminationGracePeriodSeconds=1, **spec)


def fetch(port: int) -> str:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.makefile().read()
    except OSError:
        return ""


def test_a_host_port_is_reached_on_the_node(bench: Bench) -> None:
    port = free_port()
    process = bench.start("run", bench.write(serving(bench.name("port"), port)))
    until(lambda: "served" in fetch(port), "an answer")
    process.interrupt()
    process.end()
    assert fetch(port) == ""


def test_a_host_port_that_is_taken_is_named_until_it_is_free(bench: Bench) -> None:
    """The pod comes up when the other one has gone."""
    port = free_port()
    first = bench.start("run", bench.write(serving(bench.name("first"), port), name="first.yaml"))
    until(lambda: "served" in fetch(port), "an answer")
    name = bench.name("second")
    second = bench.start("run", bench.write(serving(name, port), name="second.yaml"))
    line = second.line("FailedCreatePodSandBox", "Failed to create pod sandbox: ")
    assert str(port) in line
    assert "k8s_POD" in line or "address" in line or "allocated" in line
    first.interrupt()
    first.end()
    until(lambda: "served" in fetch(port), "the second pod's answer")
    second.interrupt()
    second.end()
    assert bench.left(name) == []


def address(bench: Bench, name: str) -> str:
    return str(bench.pod(name)["status"].get("podIP") or "")


def test_pods_reach_each_other(bench: Bench) -> None:
    name = bench.name("server")
    server = bench.start("run", bench.write(serving(name, free_port()), name="server.yaml"))
    server.line("Running (1/1 ready)")
    ip = until(lambda: address(bench, name), "an address")
    script = f"until wget -q -O - http://{ip}:8080/; do sleep 0.2; done"
    assert run(bench, script) == ["served"]
    server.interrupt()
    server.end()
