"""Which local port leads where, in kubectl's words."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.network.forwards import Forward, addresses, forwards
from runner.errors import UsageError

POD: dict[str, Any] = {
    "metadata": {"name": "web"},
    "spec": {
        "initContainers": [
            {"name": "side", "restartPolicy": "Always", "ports": [{"name": "admin", "containerPort": 9000}]}
        ],
        "containers": [
            {
                "name": "main",
                "ports": [
                    {"name": "http", "containerPort": 8080},
                    {"name": "dns", "containerPort": 53, "protocol": "UDP"},
                ],
            }
        ],
    },
}
SERVICE: dict[str, Any] = {
    "metadata": {"name": "shop"},
    "spec": {
        "ports": [
            {"name": "w", "port": 80, "targetPort": "http"},
            {"name": "x", "port": 81, "targetPort": "nowhere"},
            {"name": "u", "port": 53, "protocol": "UDP"},
            {"name": "n", "port": 9000, "targetPort": 9001},
        ]
    },
}
HEADLESS = {**SERVICE, "spec": {**SERVICE["spec"], "clusterIP": "None"}}


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("80", Forward(80, 80)),
        ("8000:80", Forward(8000, 80)),
        (":80", Forward(0, 80)),
        ("0:80", Forward(0, 80)),
        ("http", Forward(8080, 8080)),
        ("8000:http", Forward(8000, 8080)),
        (":admin", Forward(0, 9000)),
    ],
)
def test_a_port_is_a_number_or_a_name_of_the_pods(word: str, found: Forward) -> None:
    assert forwards([word], POD) == [found]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("80", Forward(80, 8080)),
        ("w", Forward(80, 8080)),
        ("8000:w", Forward(8000, 8080)),
        (":9000", Forward(0, 9001)),
    ],
)
def test_a_services_port_leads_to_its_target(word: str, found: Forward) -> None:
    assert forwards([word], POD, SERVICE) == [found]


def test_a_headless_services_port_is_the_pods() -> None:
    assert forwards(["80"], POD, HEADLESS) == [Forward(80, 80)]


@pytest.mark.parametrize(
    ("word", "service", "text"),
    [
        ("1:2:3", None, "invalid port format '1:2:3'"),
        ("8080:", None, "remote port cannot be empty"),
        ("0", None, "remote port must be > 0"),
        ("nope", None, "Pod 'web' does not have a named port 'nope'"),
        ("x:80", None, "error parsing local port 'x': strconv.ParseUint: parsing \"x\": invalid syntax"),
        ("70000", None, "error parsing remote port '70000': strconv.ParseUint: parsing \"70000\": value out of range"),
        ("53", None, "UDP protocol is not supported for 53"),
        ("dns", None, "UDP protocol is not supported for dns"),
        ("82", SERVICE, "Service shop does not have a service port 82"),
        ("nope", SERVICE, "Service 'shop' does not have a named port 'nope'"),
        ("81", SERVICE, "Pod 'web' does not have a named port 'nowhere'"),
        ("u", SERVICE, "UDP protocol is not supported for u"),
    ],
)
def test_what_cannot_be_forwarded_is_refused_as_kubectl_does(word: str, service: Any, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        forwards([word], POD, service)
    assert str(caught.value) == text


def test_localhost_is_both_loopbacks_and_anything_else_an_address() -> None:
    assert addresses("localhost") == ["127.0.0.1", "::1"]
    assert addresses("0.0.0.0,localhost,127.0.0.1") == ["0.0.0.0", "127.0.0.1", "::1"]
    with pytest.raises(UsageError, match=r"^example\.org is not a valid IP$"):
        addresses("example.org")
