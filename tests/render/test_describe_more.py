"""Parts of describe that no recorded pod shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runner.render.describe import describe_pod

NOW = datetime(2030, 5, 1, 12, 0, 0, tzinfo=UTC)


def described(spec: dict[str, Any], **metadata: Any) -> list[str]:
    pod = {
        "metadata": {"name": "web", "namespace": "default", **metadata},
        "spec": spec,
        "status": {"phase": "Running"},
    }
    return describe_pod(pod, (), NOW).splitlines()


def container(**fields: Any) -> dict[str, Any]:
    return {"containers": [{"name": "main", "image": "nginx", **fields}]}


def section(lines: list[str], head: str) -> list[str]:
    """The lines below a heading that are indented deeper."""
    start = next(number for number, text in enumerate(lines) if text.strip() == head)
    depth = len(lines[start]) - len(lines[start].lstrip())
    found = []
    for text in lines[start + 1 :]:
        if len(text) - len(text.lstrip()) <= depth:
            break
        found.append(text.strip())
    return found


def squeezed(lines: list[str]) -> list[str]:
    """Columns separated by two blanks, whatever their width."""
    return ["  ".join(part.strip() for part in line.split("  ") if part.strip()) for line in lines]


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        pytest.param({"name": "A", "value": "one"}, ["A:  one"], id="a value"),
        pytest.param({"name": "A", "value": "one\ntwo"}, ["A:  one", "two"], id="a value of two lines"),
        pytest.param({"name": "A"}, ["A:"], id="no value"),
        pytest.param(
            {"name": "A", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
            ["A:  web (v1:metadata.name)"],
            id="a field of the pod",
        ),
        pytest.param(
            {"name": "A", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.labels['tier']"}}},
            ["A:  front (v1:metadata.labels['tier'])"],
            id="a label",
        ),
        pytest.param(
            {"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "0"}}},
            ["A:  1 (limits.cpu)"],
            id="a limit rounded up",
        ),
        pytest.param(
            {"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}},
            ["A:  node allocatable (limits.memory)"],
            id="a limit that is not set",
        ),
        pytest.param(
            {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "n", "key": "k"}}},
            ["A:  <set to the key 'k' of config map 'n'>  Optional: false"],
            id="a configMap key",
        ),
        pytest.param(
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "n", "key": "k", "optional": True}}},
            ["A:  <set to the key 'k' in secret 'n'>  Optional: true"],
            id="a secret key",
        ),
        pytest.param({"name": "A", "valueFrom": {"fileKeyRef": {"path": "p"}}}, [], id="a file key prints nothing"),
    ],
)
def test_environment(variable: dict[str, Any], expected: list[str]) -> None:
    spec = container(env=[variable], resources={"limits": {"cpu": "500m"}})
    assert squeezed(section(described(spec, labels={"tier": "front"}), "Environment:")) == expected


def test_environment_from_elsewhere() -> None:
    sources = [{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "b", "optional": True}, "prefix": "P_"}]
    assert squeezed(section(described(container(envFrom=sources)), "Environment Variables from:")) == [
        "a  ConfigMap  Optional: false",
        "b  Secret with prefix 'P_'  Optional: true",
    ]


def test_resources_are_sorted_by_name() -> None:
    lines = described(container(resources={"limits": {"memory": "1Gi", "cpu": "1"}, "requests": {"cpu": "100m"}}))
    assert squeezed(section(lines, "Limits:")) == ["cpu:  1", "memory:  1Gi"]
    assert squeezed(section(lines, "Requests:")) == ["cpu:  100m"]


def test_mounts_and_devices_are_sorted_by_path() -> None:
    mounts = [
        {"name": "v", "mountPath": "/b", "subPath": "sub"},
        {"name": "v", "mountPath": "/a", "readOnly": True},
    ]
    lines = described(container(volumeMounts=mounts, volumeDevices=[{"name": "d", "devicePath": "/dev/x"}]))
    assert section(lines, "Mounts:") == ["/a from v (ro)", '/b from v (rw,path="sub")']
    assert section(lines, "Devices:") == ["/dev/x from d"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(
            {"emptyDir": {}},
            ["Type:  EmptyDir (a temporary directory that shares a pod's lifetime)", "Medium:", "SizeLimit:  <unset>"],
            id="emptyDir",
        ),
        pytest.param(
            {"hostPath": {"path": "/x", "type": "Directory"}},
            ["Type:  HostPath (bare host directory volume)", "Path:  /x", "HostPathType:  Directory"],
            id="hostPath",
        ),
        pytest.param(
            {"configMap": {"name": "n"}},
            ["Type:  ConfigMap (a volume populated by a ConfigMap)", "Name:  n", "Optional:  false"],
            id="configMap",
        ),
        pytest.param(
            {"secret": {"secretName": "n", "optional": True}},
            ["Type:  Secret (a volume populated by a Secret)", "SecretName:  n", "Optional:  true"],
            id="secret",
        ),
        pytest.param(
            {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
            [
                "Type:  DownwardAPI (a volume populated by information about the pod)",
                "Items:",
                "metadata.labels -> labels",
            ],
            id="downwardAPI",
        ),
        pytest.param(
            {
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                        {"configMap": {"name": "kube-root-ca.crt"}},
                        {"downwardAPI": {}},
                        {"secret": {"name": "s"}},
                    ]
                }
            },
            [
                "Type:  Projected (a volume that contains injected data from multiple sources)",
                "TokenExpirationSeconds:  3607",
                "ConfigMapName:  kube-root-ca.crt",
                "Optional:  false",
                "DownwardAPI:  true",
                "SecretName:  s",
                "Optional:  false",
            ],
            id="projected",
        ),
        pytest.param(
            {"persistentVolumeClaim": {"claimName": "c"}},
            [
                "Type:  PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
                "ClaimName:  c",
                "ReadOnly:  false",
            ],
            id="a claim",
        ),
        pytest.param(
            {"image": {"reference": "r", "pullPolicy": "Always"}},
            ["Type:  Image (a container image or OCI artifact)", "Reference:  r", "PullPolicy:  Always"],
            id="an image",
        ),
    ],
)
def test_volumes(source: dict[str, Any], expected: list[str]) -> None:
    lines = described({**container(), "volumes": [{"name": "v", **source}]})
    assert squeezed(section(lines, "v:")) == expected


def test_labels_and_annotations_are_sorted_and_long_ones_shortened() -> None:
    lines = described(
        container(),
        labels={"b": "2", "a": "1"},
        annotations={"long": "x" * 200, "short": "s", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
    )
    text = "\n".join(lines)
    assert "Labels:       a=1\n              b=2\n" in text
    assert f"Annotations:  long:\n                {'x' * 138}...\n              short: s\n" in text


def test_a_pod_that_is_being_deleted_says_for_how_long() -> None:
    deleted = (NOW - timedelta(seconds=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
    lines = squeezed(described(container(), deletionTimestamp=deleted, deletionGracePeriodSeconds=30))
    assert "Status:  Terminating (lasts 7s)" in lines
    assert "Termination Grace Period:  30s" in lines


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        ({"operator": "Exists"}, "op=Exists"),
        ({"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule"}, "k=v:NoSchedule"),
        (
            {"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
            "k:NoExecute op=Exists for 300s",
        ),
    ],
)
def test_tolerations(toleration: dict[str, Any], expected: str) -> None:
    assert f"Tolerations:  {expected}" in squeezed(described({**container(), "tolerations": [toleration]}))


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        ({"httpGet": {"port": 80, "scheme": "HTTP"}}, "http-get http://:80 "),
        ({"httpGet": {"port": "web", "path": "a b?c", "scheme": "HTTPS"}}, "http-get https://:web/a%20b%3Fc "),
        ({"tcpSocket": {"port": 80, "host": "h"}}, "tcp-socket h:80 "),
        ({}, "unknown "),
    ],
)
def test_probes(probe: dict[str, Any], expected: str) -> None:
    settings = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    lines = squeezed(described(container(livenessProbe={**probe, **settings})))
    wanted = f"Liveness:  {expected}delay=0s timeout=1s period=10s successThreshold=1 failureThreshold=3"
    assert wanted in lines
