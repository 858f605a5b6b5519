"""Service variables."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.network.services import service_variables
from tests.support.pods import make_pod


def service(name: str, *ports: dict[str, Any], namespace: str = "default", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"metadata": metadata, "spec": {"clusterIP": "10.96.0.9", "ports": list(ports), **spec}}


MASTER = {
    "KUBERNETES_SERVICE_HOST": "10.96.0.1",
    "KUBERNETES_SERVICE_PORT": "443",
    "KUBERNETES_SERVICE_PORT_HTTPS": "443",
    "KUBERNETES_PORT": "tcp://10.96.0.1:443",
    "KUBERNETES_PORT_443_TCP": "tcp://10.96.0.1:443",
    "KUBERNETES_PORT_443_TCP_PROTO": "tcp",
    "KUBERNETES_PORT_443_TCP_PORT": "443",
    "KUBERNETES_PORT_443_TCP_ADDR": "10.96.0.1",
}


def test_the_api_server_is_always_there() -> None:
    assert service_variables(make_pod(), ()) == MASTER
    assert service_variables(make_pod(enableServiceLinks=False), (service("web", {"port": 80}),)) == MASTER


def test_a_service_with_two_ports() -> None:
    web = service("my-web", {"port": 80, "name": "plain-http"}, {"port": 53, "protocol": "UDP"})
    assert service_variables(make_pod(), (web,)) == MASTER | {
        "MY_WEB_SERVICE_HOST": "10.96.0.9",
        "MY_WEB_SERVICE_PORT": "80",
        "MY_WEB_SERVICE_PORT_PLAIN_HTTP": "80",
        "MY_WEB_PORT": "tcp://10.96.0.9:80",
        "MY_WEB_PORT_80_TCP": "tcp://10.96.0.9:80",
        "MY_WEB_PORT_80_TCP_PROTO": "tcp",
        "MY_WEB_PORT_80_TCP_PORT": "80",
        "MY_WEB_PORT_80_TCP_ADDR": "10.96.0.9",
        "MY_WEB_PORT_53_UDP": "udp://10.96.0.9:53",
        "MY_WEB_PORT_53_UDP_PROTO": "udp",
        "MY_WEB_PORT_53_UDP_PORT": "53",
        "MY_WEB_PORT_53_UDP_ADDR": "10.96.0.9",
    }


WITHOUT = [
    ("a headless Service", service("web", {"port": 80}, clusterIP="None")),
    ("a Service without an address", service("web", {"port": 80}, clusterIP="")),
    ("a name for another host", service("web", {"port": 80}, type="ExternalName")),
    ("a Service without ports", service("web")),
    ("a Service of another namespace", service("web", {"port": 80}, namespace="shop")),
]


@pytest.mark.parametrize("other", [r[1] for r in WITHOUT], ids=[r[0] for r in WITHOUT])
def test_services_without_variables(other: dict[str, Any]) -> None:
    assert service_variables(make_pod(), (other,)) == MASTER


def test_an_address_of_version_six_stands_in_brackets_in_urls_only() -> None:
    found = service_variables(make_pod(), (service("v6", {"port": 1}, clusterIP="fd00::1"),))
    assert (found["V6_SERVICE_HOST"], found["V6_PORT"]) == ("fd00::1", "tcp://[fd00::1]:1")


def test_a_kubernetes_service_that_is_given_takes_the_place() -> None:
    given = service("kubernetes", {"port": 6443})
    assert service_variables(make_pod(enableServiceLinks=False), (given,))["KUBERNETES_SERVICE_PORT"] == "6443"
