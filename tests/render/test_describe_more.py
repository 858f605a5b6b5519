"""Parts of describe that no recorded pod shows."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runner.core.manifest.schema import load_schema
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
            ["A:  (v1:metadata.labels['tier'])"],
            id="a label, which kubectl does not resolve",
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


# --- volumes, line by line -----------------------------------------------------------------------------------------------


def volume_lines(source: dict[str, Any]) -> list[str]:
    """The lines below the volume's type, as they are."""
    lines = described({**container(), "volumes": [{"name": "v", **source}]})
    start = lines.index("  v:") + 2
    end = next(number for number, text in enumerate(lines) if text.startswith("QoS Class"))
    return lines[start:end]


LINES: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"csi": {"driver": "d.example.com", "readOnly": True, "volumeAttributes": {"b": "2", "a": "x" * 150}}},
        [
            "    Driver:            d.example.com",
            "    FSType:            ",
            "    ReadOnly:          true",
            f"    VolumeAttributes:      a={'x' * 138}...",
            "                           b=2",
        ],
    ),
    (
        {"csi": {"driver": "d", "fsType": "ext4"}},
        [
            "    Driver:            d",
            "    FSType:            ext4",
            "    ReadOnly:          false",
            "    VolumeAttributes:  <none>",
        ],
    ),
    (
        {
            "ephemeral": {
                "volumeClaimTemplate": {
                    "metadata": {
                        "labels": {"a": "1", "b": "2"},
                        "annotations": {
                            "k": "one",
                            "l": "two\nlines",
                            "volume.beta.kubernetes.io/storage-class": "old",
                        },
                    },
                    "spec": {
                        "storageClassName": "new",
                        "volumeName": "pv",
                        "volumeMode": "Filesystem",
                        "dataSource": {"apiGroup": "g", "kind": "VolumeSnapshot", "name": "s"},
                    },
                }
            }
        },
        [
            "    StorageClass:  old",
            "    Volume:        pv",
            "    Labels:            a=1",
            "                       b=2",
            "    Annotations:       k: one",
            "                       l:",
            "                     two",
            "                     lines",
            "                       volume.beta.kubernetes.io/storage-class: old",
            "    Capacity:      0",
            "    Access Modes:  ",
            "    VolumeMode:    Filesystem",
            "    DataSource:",
            "      APIGroup:  g",
            "      Kind:      VolumeSnapshot",
            "      Name:      s",
        ],
    ),
    (
        {"ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
        [
            "    StorageClass:  ",
            "    Volume:        ",
            "    Labels:            <none>",
            "    Annotations:       <none>",
            "    Capacity:      ",
            "    Access Modes:  ",
        ],
    ),
    ({"ephemeral": {}}, []),
    (
        {
            "iscsi": {
                "targetPortal": "10.0.0.1:3260",
                "iqn": "iqn.x",
                "lun": 0,
                "iscsiInterface": "default",
                "portals": ["a", "b"],
                "secretRef": {"name": "s"},
            }
        },
        [
            "    TargetPortal:       10.0.0.1:3260",
            "    IQN:                iqn.x",
            "    Lun:                0",
            "    ISCSIInterface      default",
            "    FSType:             ",
            "    ReadOnly:           false",
            "    Portals:            [a b]",
            "    DiscoveryCHAPAuth:  false",
            "    SessionCHAPAuth:    false",
            "    SecretRef:          &LocalObjectReference{Name:s,}",
            "    InitiatorName:      <none>",
        ],
    ),
    (
        {"flexVolume": {"driver": "d", "options": {"b": "2", "a": "1"}}},
        [
            "    Driver:      d",
            "    FSType:     ",
            "    SecretRef:   nil",
            "    ReadOnly:    false",
            "    Options:     map[a:1 b:2]",
        ],
    ),
    (
        {"azureDisk": {"diskName": "n", "diskURI": "u", "kind": "Shared", "fsType": "ext4", "cachingMode": "None"}},
        [
            "    DiskName:     n",
            "    DiskURI:      u",
            "    Kind:         Shared",
            "    FSType:       ext4",
            "    CachingMode:  None",
            "    ReadOnly:     false",
        ],
    ),
    (
        {"fc": {"targetWWNs": ["a", "b"], "lun": 2}},
        ["    TargetWWNs:  a, b", "    LUN:         2", "    FSType:      ", "    ReadOnly:    false"],
    ),
    (
        {"scaleIO": {"gateway": "g", "system": "s", "volumeName": "n"}},
        [
            "    Gateway:            g",
            "    System:             s",
            "    Protection Domain:  ",
            "    Storage Pool:       ",
            "    Storage Mode:       ",
            "    VolumeName:         n",
            "    FSType:             ",
            "    ReadOnly:           false",
        ],
    ),
    ({"portworxVolume": {"volumeID": "i"}}, ["    VolumeID:    i"]),
    ({"nothingKnown": {}}, []),
]


@pytest.mark.parametrize(("source", "expected"), LINES, ids=[next(iter(row[0])) for row in LINES])
def test_a_volume_is_described_field_by_field(source: dict[str, Any], expected: list[str]) -> None:
    """Column by column, also where kubectl's own writer indents twice."""
    assert [line.rstrip() for line in volume_lines(source)] == [line.rstrip() for line in expected]


def test_every_kind_of_volume_of_the_schema_is_known() -> None:
    kinds = set(load_schema().types["Volume"]) - {"name"}
    assert "csi" in kinds
    volumes = [{"name": kind, kind: {}} for kind in sorted(kinds)]
    assert "  <unknown>" not in described({**container(), "volumes": volumes})


# --- what kubectl takes from elsewhere -----------------------------------------------------------------------------------


def test_devices_without_mounts_are_none_and_are_listed() -> None:
    lines = described(container(volumeDevices=[{"devicePath": "/dev/x", "name": "v"}]))
    assert "    Devices:      <none>" in lines
    assert "      /dev/x from v" in lines


def test_a_sub_path_is_quoted_as_go_quotes_it() -> None:
    mount = {"mountPath": "/m", "name": "v", "subPath": 'a"b'}
    assert '      /m from v (rw,path="a\\"b")' in described(container(volumeMounts=[mount]))


def test_a_localhost_profile_of_a_container_stands_deeper() -> None:
    profile = {"seccompProfile": {"type": "Localhost", "localhostProfile": "p.json"}}
    assert "      LocalhostProfile:  p.json" in described(container(securityContext=profile))
    assert any(
        re.fullmatch(r"LocalhostProfile: +p.json", line)
        for line in described({**container(), "securityContext": profile})
    )


def test_selectors_of_spread_constraints_have_their_expressions() -> None:
    selector = {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "k", "operator": "In", "values": ["x", "y"]}]}
    constraint = {"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 1, "labelSelector": selector}
    text = "\n".join(described({**container(), "topologySpreadConstraints": [constraint]}))
    assert "when max skew 1 is exceeded for selector a=b,k in (x,y)" in text


def test_the_class_of_a_pod_that_nobody_has_admitted_is_computed() -> None:
    spec = container(resources={"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}})
    assert any(re.fullmatch(r"QoS Class: +Guaranteed", line) for line in described(spec))
