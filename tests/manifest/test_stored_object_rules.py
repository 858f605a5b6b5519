"""One row per rule of Secrets, claims, volumes, accounts and namespaces."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from runner.core.manifest import Source, load
from runner.core.manifest.validation.tlspair import pair_fault
from tests.support.manifests import LABEL, NAME_PART, SUBDOMAIN, said


def manifest(kind: str, metadata: dict[str, Any] | None = None, **fields: Any) -> str:
    return json.dumps({"apiVersion": "v1", "kind": kind, "metadata": {"name": "it", **(metadata or {})}, **fields})


def claim(**spec: Any) -> str:
    given = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return manifest("PersistentVolumeClaim", spec=given)


MUST_BE_CLAIM = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
SOURCE = {"kind": "PersistentVolumeClaim", "name": "old"}
CLAIMS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    (
        {"accessModes": ["ReadWriteOncePod", "RWO"]},
        [
            'spec.accessModes: Unsupported value: "RWO": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", '
            '"ReadWriteOncePod"'
        ],
    ),
    ({"dataSource": SOURCE}, []),
    ({"dataSourceRef": SOURCE}, []),
    (
        {"dataSourceRef": {"kind": "Book"}},
        [
            "spec.dataSource.name: Required value",
            f'spec.dataSource: Invalid value: "Book": {MUST_BE_CLAIM}',
            "spec.dataSourceRef.name: Required value",
            f'spec.dataSourceRef: Invalid value: "Book": {MUST_BE_CLAIM}',
        ],
    ),
    (
        {"dataSource": SOURCE, "dataSourceRef": {**SOURCE, "name": "new"}},
        ["spec: Invalid value: {}: must match dataSourceRef"],
    ),
    (
        {"dataSource": {**SOURCE, "kind": ""}, "dataSourceRef": {**SOURCE, "apiGroup": "A_b"}},
        [
            "spec.dataSource.kind: Required value",
            f'spec.dataSource: Invalid value: "": {MUST_BE_CLAIM}',
            f'spec.dataSourceRef.apiGroup: Invalid value: "A_b": {SUBDOMAIN}',
            "spec: Invalid value: {}: must match dataSourceRef",
        ],
    ),
    ({"volumeAttributesClassName": "A_b"}, [f'spec.volumeAttributesClassName: Invalid value: "A_b": {SUBDOMAIN}']),
    ({"volumeAttributesClassName": ""}, []),
]


@pytest.mark.parametrize(("spec", "expected"), CLAIMS)
def test_what_the_server_says_of_a_claim(spec: dict[str, Any], expected: list[str]) -> None:
    assert said(claim(**spec)) == expected


HOST = {"hostPath": {"path": "/data"}}
AFFINITY = {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}}
OPTIONS = "volume.beta.kubernetes.io/mount-options"
VOLUMES: list[tuple[dict[str, Any], list[str]]] = [
    (HOST, []),
    (
        {**HOST, "accessModes": ["ReadWriteOncePod", "ReadWriteOnce"]},
        [
            "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes",
        ],
    ),
    (
        {**HOST, "capacity": {"cpu": "-1500m", "storage": "0"}},
        [
            'spec.capacity: Unsupported value: {"cpu":"-1500m","storage":"0"}: supported values: "storage"',
            "spec.capacity[cpu]: Invalid value: -1: must be a valid resource quantity",
            'spec.capacity[cpu]: Invalid value: "-1500m": must be greater than zero',
            'spec.capacity[storage]: Invalid value: "0": must be greater than zero',
        ],
    ),
    (
        {**HOST, "persistentVolumeReclaimPolicy": "Burn", "volumeMode": "Tape", "storageClassName": "A_b"},
        [
            'spec.persistentVolumeReclaimPolicy: Unsupported value: "Burn": supported values: "Delete", "Recycle", "Retain"',
            f'spec.storageClassName: Invalid value: "A_b": {SUBDOMAIN}',
            'spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"',
        ],
    ),
    (
        {"hostPath": {"path": "/"}, "persistentVolumeReclaimPolicy": "Recycle"},
        [
            "spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'",
        ],
    ),
    ({**HOST, "nfs": {"server": "s", "path": "/"}}, ["spec.nfs: Forbidden: may not specify more than 1 volume type"]),
    ({"nfs": {"path": "/"}}, ["spec.nfs.server: Required value"]),
    ({"rbd": {"image": "i"}}, ["spec.rbd.monitors: Required value"]),
    ({"local": {}, "nodeAffinity": AFFINITY}, ["spec.local.path: Required value"]),
    (
        {"local": {"path": "/a/../b"}},
        [
            "spec.local.path: Invalid value: \"/a/../b\": must not contain '..'",
            "spec.nodeAffinity: Required value: Local volume requires node affinity",
        ],
    ),
    (
        {**HOST, "nodeAffinity": {}},
        ["spec.nodeAffinity.required: Required value: must specify required node constraints"],
    ),
    (
        {**HOST, "nodeAffinity": {"required": {}}},
        [
            "spec.nodeAffinity.required.nodeSelectorTerms: Required value: must have at least one node selector term",
        ],
    ),
    ({"csi": {"driver": "d.example.com", "volumeHandle": "h"}, "volumeAttributesClassName": "gold"}, []),
    (
        {"csi": {"nodeStageSecretRef": {}, "nodePublishSecretRef": {"name": "A_b"}}},
        [
            "spec.csi.driver: Required value",
            "spec.csi.volumeHandle: Required value",
            f'spec.csi.nodePublishSecretRef.name: Invalid value: "A_b": {SUBDOMAIN}',
            "spec.csi.nodePublishSecretRef.namespace: Required value",
        ],
    ),
    (
        {"csi": {"driver": "A_" + "b" * 62, "volumeHandle": "h"}},
        [
            "spec.csi.driver: Too long: may not be more than 63 bytes",
            f'spec.csi.driver: Invalid value: "{"A_" + "b" * 62}": {SUBDOMAIN}',
        ],
    ),
    (
        {**HOST, "volumeAttributesClassName": ""},
        [
            "spec.volumeAttributesClassName: Required value: an empty string is disallowed",
            "spec.csi: Required value: has to be specified when using volumeAttributesClassName",
        ],
    ),
]


def volume(spec: dict[str, Any], annotations: dict[str, str] | None = None) -> str:
    given = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, **spec}
    return manifest("PersistentVolume", {"annotations": annotations or {}}, spec=given)


@pytest.mark.parametrize(("spec", "expected"), VOLUMES)
def test_what_the_server_says_of_a_volume(spec: dict[str, Any], expected: list[str]) -> None:
    assert said(volume(spec)) == expected


def test_mount_options_in_an_annotation_are_for_file_servers() -> None:
    assert said(volume(HOST, {OPTIONS: "ro"})) == [
        f"metadata.annotations.{OPTIONS}: Forbidden: may not specify mount options for this volume type"
    ]
    assert said(volume({"nfs": {"server": "s", "path": "/"}}, {OPTIONS: "ro"})) == []


def test_what_a_volumes_author_is_warned_of() -> None:
    spec = {"cephfs": {"monitors": ["a"]}, "persistentVolumeReclaimPolicy": "Recycle"}
    result = load([Source(name="f", text=volume(spec, {"volume.beta.kubernetes.io/storage-class": "x"}))])
    assert sorted(f"{one.field}: {one.message}" for one in result.warnings) == [
        'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute '
        "instead",
        "spec.cephfs: deprecated in v1.28, non-functional in v1.31+",
        "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to "
        "use dynamic provisioning.",
    ]


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("kubernetes.io/ssh-auth", {}, ["data[ssh-privatekey]: Required value"]),
        ("kubernetes.io/ssh-auth", {"ssh-privatekey": ""}, ["data[ssh-privatekey]: Required value"]),
        ("kubernetes.io/tls", {"tls.crt": ""}, ["data[tls.key]: Required value"]),
        ("kubernetes.io/basic-auth", {"password": ""}, []),
        (
            "kubernetes.io/dockercfg",
            {".dockercfg": "[]"},
            [
                'data[.dockercfg]: Invalid value: "<secret contents redacted>": json: cannot unmarshal array into Go value of '
                "type map[string]interface {}"
            ],
        ),
        ("bootstrap.kubernetes.io/token", {}, []),
    ],
)
def test_what_the_server_says_of_a_secret(kind: str, data: dict[str, str], expected: list[str]) -> None:
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    assert said(manifest("Secret", type=kind, data=encoded)) == expected


def pem(name: str, der: bytes = b"\x30\x00") -> bytes:
    return f"-----BEGIN {name}-----\n{base64.b64encode(der).decode()}\n-----END {name}-----\n".encode()


WITH_HEADERS = b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMAA=\n-----END RSA PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("certificate", "key", "expected"),
    [
        (b"", b"", "tls: failed to find any PEM data in certificate input"),
        (
            b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----",
            b"",
            "tls: failed to find any PEM data in certificate input",
        ),
        (
            pem("PRIVATE KEY"),
            pem("CERTIFICATE"),
            "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have "
            "been switched",
        ),
        (
            pem("A") + pem("B"),
            b"",
            'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following '
            "types: [A B]",
        ),
        (pem("CERTIFICATE"), b"x", "tls: failed to find any PEM data in key input"),
        (
            pem("CERTIFICATE"),
            pem("CERTIFICATE"),
            "tls: found a certificate rather than a key in the PEM for the private key",
        ),
        (
            pem("CERTIFICATE"),
            pem("EC PARAMETERS"),
            'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the '
            "following types: [EC PARAMETERS]",
        ),
        (pem("CERTIFICATE", b"garbage"), pem("PRIVATE KEY"), "x509: malformed certificate"),
        (pem("CERTIFICATE", b"\x30"), pem("PRIVATE KEY"), "x509: malformed certificate"),
        (pem("CERTIFICATE", b"\x30\x82\x01\x00"), pem("PRIVATE KEY"), "x509: malformed certificate"),
        (pem("CERTIFICATE"), pem("PRIVATE KEY", b"garbage"), "tls: failed to parse private key"),
        (pem("CERTIFICATE"), pem("EC PARAMETERS") + WITH_HEADERS, ""),
    ],
)
def test_what_go_says_of_a_certificate_and_its_key(certificate: bytes, key: bytes, expected: str) -> None:
    assert pair_fault(certificate, key) == expected


def test_a_claim_is_filled_from_its_own_namespace_only() -> None:
    (found,) = load([Source(name="f", text=claim(dataSourceRef={**SOURCE, "namespace": "x"}))]).objects
    assert found.value["spec"].keys().isdisjoint({"dataSource", "dataSourceRef"})


def test_a_pair_that_may_be_one_is_not_warned_of() -> None:
    pair = {"tls.crt": pem("CERTIFICATE"), "tls.key": pem("PRIVATE KEY")}
    data = {key: base64.b64encode(text).decode() for key, text in pair.items()}
    assert load([Source(name="f", text=manifest("Secret", type="kubernetes.io/tls", data=data))]).warnings == ()


def test_a_namespace_is_named_in_its_labels_and_keeps_the_servers_finalizer() -> None:
    (found,) = load([Source(name="f", text=manifest("Namespace"))]).objects
    assert found.value["metadata"]["labels"] == {"kubernetes.io/metadata.name": "it"}
    assert found.value["spec"] == {"finalizers": ["kubernetes"]}
    text = manifest("Namespace", {"generateName": "a-", "name": ""}, spec={"finalizers": ["kubernetes", "a.b/c"]})
    (found,) = load([Source(name="f", text=text)]).objects
    assert "labels" not in found.value["metadata"]
    assert found.value["spec"] == {"finalizers": ["kubernetes", "a.b/c"]}


def test_what_the_server_says_of_a_namespaces_finalizers() -> None:
    unqualified = "name is neither a standard finalizer name nor is it fully qualified"
    text = manifest("Namespace", {"namespace": "x"}, spec={"finalizers": ["orphan", "mine", "a b"]})
    assert said(text) == [
        "metadata.namespace: Forbidden: not allowed on this type",
        f'spec.finalizers: Invalid value: "mine": {unqualified}',
        f'spec.finalizers: Invalid value: "a b": {NAME_PART}',
        f'spec.finalizers: Invalid value: "a b": {unqualified}',
    ]


def test_an_account_names_its_secrets_and_nothing_more() -> None:
    mountable = "kubernetes.io/enforce-mountable-secrets"
    secrets = [{"name": "a", "namespace": "x", "kind": "Secret"}, {"kind": "Secret"}]
    text = manifest("ServiceAccount", {"annotations": {mountable: "true"}}, secrets=secrets)
    result = load([Source(name="f", text=text)])
    assert result.objects[0].value["secrets"] == [{"name": "a"}, {}]
    assert [f"{one.field}: {one.message}" for one in result.warnings] == [
        f"metadata.annotations[{mountable}]: deprecated in v1.32+; prefer separate namespaces to isolate access to "
        "mounted secrets"
    ]
    assert said(manifest("ServiceAccount", {"name": "A"})) == [f'metadata.name: Invalid value: "A": {SUBDOMAIN}']
    assert said(manifest("Service", {"name": "A"}, spec={"ports": [{"port": 1}]})) == [
        f'metadata.name: Invalid value: "A": {LABEL}'
    ]
