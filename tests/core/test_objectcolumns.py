"""The rows of Services, ConfigMaps and Secrets, as kubectl prints them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runner.core.printers.objectcolumns import OBJECT_COLUMNS, WIDE_OBJECT_COLUMNS, object_cells

NOW = datetime(2026, 1, 1, 0, 5, tzinfo=UTC)
METADATA = {"name": "it", "creationTimestamp": "2026-01-01T00:00:00Z"}
AGE = "5m"


def service(**spec: Any) -> dict[str, Any]:
    return {"kind": "Service", "metadata": METADATA, "spec": spec}


@pytest.mark.parametrize(
    ("value", "cells"),
    [
        pytest.param(service(), ("it", "ClusterIP", "<none>", "<none>", "<none>", AGE, "<none>"), id="hardly anything"),
        pytest.param(
            service(
                clusterIP="172.17.0.2",
                selector={"b": "c", "a": "b"},
                ports=[{"port": 80}, {"port": 53, "protocol": "UDP"}],
            ),
            ("it", "ClusterIP", "172.17.0.2", "<none>", "80/TCP,53/UDP", AGE, "a=b,b=c"),
            id="a selector and ports",
        ),
        pytest.param(
            service(selector={"a": "", "a/b": "web"}),
            ("it", "ClusterIP", "<none>", "<none>", "<none>", AGE, "a/b=web,a="),
            id="a selector, sorted as it is written",
        ),
        pytest.param(
            service(type="NodePort", ports=[{"port": 80, "nodePort": 30080}], externalIPs=["1.2.3.4", "5.6.7.8"]),
            ("it", "NodePort", "<none>", "1.2.3.4,5.6.7.8", "80:30080/TCP", AGE, "<none>"),
            id="ports of the node",
        ),
        pytest.param(
            service(type="LoadBalancer"),
            ("it", "LoadBalancer", "<none>", "<pending>", "<none>", AGE, "<none>"),
            id="nobody balances",
        ),
        pytest.param(
            service(type="ExternalName", externalName="example.org"),
            ("it", "ExternalName", "<none>", "example.org", "<none>", AGE, "<none>"),
            id="another name",
        ),
        pytest.param(
            {"kind": "Secret", "metadata": METADATA, "type": "Opaque", "data": {"a": "", "b": ""}},
            ("it", "Opaque", "2", AGE),
            id="a Secret",
        ),
        pytest.param(
            {"kind": "ConfigMap", "metadata": METADATA, "data": {"a": ""}, "binaryData": {"b": ""}},
            ("it", "2", AGE),
            id="a ConfigMap",
        ),
        pytest.param({"kind": "ConfigMap"}, ("", "0", "<unknown>"), id="an empty one"),
    ],
)
def test_an_object_has_its_cells(value: dict[str, Any], cells: tuple[str, ...]) -> None:
    assert object_cells(value, NOW, wide=True) == cells
    assert len(cells) == len(WIDE_OBJECT_COLUMNS[value["kind"]])
    assert object_cells(value, NOW) == cells[: len(OBJECT_COLUMNS[value["kind"]])]
