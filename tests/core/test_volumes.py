"""What stands behind the volumes of a pod, and the files that go into them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runner.core.container.containerconfig import MountType
from runner.core.container.noderesources import NodeSize
from runner.core.labels import OWNER, POD_UID, VOLUME, VOLUME_KIND
from runner.core.model import Pod
from runner.core.volumes import (
    FileEntry,
    MountError,
    Surroundings,
    VolumePlan,
    atomic_layout,
    directories_of,
    plan_volume,
    plan_volumes,
    renewed,
    volumes_archive,
)
from runner.core.volumes.projection import common_user
from runner.core.volumes.tokens import issued_at
from tests.support.pods import make_pod, objects

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
STAMP = "..2026_01_02_03_04_05.678901000"
SETTINGS: dict[str, Any] = {
    "kind": "ConfigMap",
    "metadata": {"name": "settings"},
    "data": {"b.conf": "two", "a.conf": "one"},
    "binaryData": {"blob": base64.b64encode(b"\xff\x00").decode()},
}
STORE = objects(
    SETTINGS,
    {"kind": "ConfigMap", "metadata": {"name": "hostile"}, "data": {"..data": "x"}},
    {"kind": "ConfigMap", "metadata": {"name": "damaged"}, "binaryData": {"k": "a"}},
    {
        "kind": "Secret",
        "metadata": {"name": "keys"},
        "data": {"token": base64.b64encode(b"old").decode() + "\n", "user": base64.b64encode(b"me").decode()},
        "stringData": {"token": "new"},
    },
)


def pod_with(*volumes: dict[str, Any], mounted: tuple[str, ...] = ("v",), **more: Any) -> Pod:
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in mounted]
    return make_pod((), ({"name": "main", "volumeMounts": mounts, **more},), volumes=list(volumes))


AROUND = Surroundings(lookup=STORE, now=NOW, owner="me")


def planned(volume: dict[str, Any], **more: Any) -> VolumePlan:
    (plan,) = plan_volumes(pod_with({"name": "v", **volume}, **more), AROUND)
    return plan


def failure(volume: dict[str, Any]) -> str:
    with pytest.raises(MountError) as caught:
        planned(volume)
    return str(caught.value)


def test_only_mounted_volumes_are_prepared_whoever_mounts_them() -> None:
    init = {"name": "init", "volumeMounts": [{"name": "b", "mountPath": "/b"}]}
    main = {"name": "main", "volumeMounts": [{"name": "a", "mountPath": "/a"}]}
    unused = {"name": "c", "configMap": {"name": "nope"}}
    pod = make_pod((init,), (main,), volumes=[{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": {}}, unused])
    assert [plan.name for plan in plan_volumes(pod, AROUND)] == ["a", "b"]


def test_every_volume_that_cannot_be_had_is_told_of_and_the_others_are_looked_after() -> None:
    missing = [{"name": name, "configMap": {"name": f"no-{name}"}} for name in ("a", "c")]
    pod = pod_with(missing[0], {"name": "b", "emptyDir": {}}, missing[1], mounted=("a", "b", "c"))
    checked: list[str] = []

    def check(plan: VolumePlan) -> None:
        checked.append(plan.name)
        raise MountError("b is not what it should be")

    with pytest.raises(MountError) as caught:
        plan_volumes(pod, AROUND, check)
    assert checked == ["b"]
    assert caught.value.texts == (
        'MountVolume.SetUp failed for volume "a" : configmap "no-a" not found',
        "b is not what it should be",
        'MountVolume.SetUp failed for volume "c" : configmap "no-c" not found',
    )


def test_a_pod_without_volumes_has_none() -> None:
    assert plan_volumes(make_pod(), AROUND) == ()


@pytest.mark.parametrize("source", [{}, None], ids=["empty", "null"])
def test_an_empty_dir_is_a_volume_of_the_pod_that_everybody_may_write(source: dict[str, Any] | None) -> None:
    plan = planned({"emptyDir": source})
    assert (plan.type, plan.source, plan.root_mode) == (MountType.VOLUME, "k8s_v_web_default_uid-1", 0o777)
    assert not plan.read_only
    assert not plan.keep
    assert plan.create is not None
    assert plan.create.name == plan.source
    assert plan.create.options == {}
    assert {plan.create.labels[key] for key in (POD_UID, OWNER, VOLUME)} == {"uid-1", "me", "v"}


SIZES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("without any limit it has the Engine's size", {}, {}, "mode=1777"),
    ("its own limit in bytes", {"sizeLimit": "64Mi"}, {}, "mode=1777,size=67108864"),
    ("a fraction of a byte is rounded up", {"sizeLimit": "1500m"}, {}, "mode=1777,size=2"),
    ("a limit of zero is none", {"sizeLimit": "0"}, {}, "mode=1777"),
    ("the pod's limit without its own", {}, {"memory": "32Mi"}, "mode=1777,size=33554432"),
    ("the pod's limit when it is smaller", {"sizeLimit": "64Mi"}, {"memory": "32Mi"}, "mode=1777,size=33554432"),
    ("its own when that is smaller", {"sizeLimit": "16Mi"}, {"memory": "32Mi"}, "mode=1777,size=16777216"),
    ("a limit of cpu says nothing about memory", {}, {"cpu": "1"}, "mode=1777"),
]


@pytest.mark.parametrize(("source", "limits", "options"), [r[1:] for r in SIZES], ids=[r[0] for r in SIZES])
def test_the_size_of_an_empty_dir_in_memory(source: dict[str, Any], limits: dict[str, Any], options: str) -> None:
    plan = planned({"emptyDir": {"medium": "Memory", **source}}, resources={"limits": limits})
    assert plan.create is not None
    assert plan.create.options == {"type": "tmpfs", "device": "tmpfs", "o": options}
    assert plan.root_mode is None


def test_a_host_path_is_bound_as_it_is_and_checked_by_its_type() -> None:
    plan = planned({"hostPath": {"path": "/srv", "type": "Directory"}})
    assert (plan.type, plan.source, plan.host_type) == (MountType.BIND, "/srv", "Directory")
    assert plan.create is None
    assert planned({"hostPath": {"path": "/srv"}}).host_type == ""


def test_a_claim_is_a_volume_that_outlives_the_pod() -> None:
    plan = planned({"persistentVolumeClaim": {"claimName": "data"}})
    assert (plan.source, plan.keep, plan.read_only) == ("k8s_pvc_data_default", True, False)
    assert plan.create is not None
    assert plan.create.labels[VOLUME_KIND] == "pvc"
    assert POD_UID not in plan.create.labels
    assert planned({"persistentVolumeClaim": {"claimName": "data", "readOnly": True}}).read_only


def content(plan: VolumePlan) -> dict[str, tuple[bytes, int]]:
    """The real files, without the directory of the layout."""
    start = f"{STAMP}/"
    return {f.path.removeprefix(start): (f.data, f.mode) for f in plan.files if f.path.startswith(start)}


CONTENT: list[tuple[str, dict[str, Any], dict[str, tuple[bytes, int]]]] = [
    (
        "every key of a ConfigMap is a file, binary ones too",
        {"configMap": {"name": "settings"}},
        {"a.conf": (b"one", 0o644), "b.conf": (b"two", 0o644), "blob": (b"\xff\x00", 0o644)},
    ),
    (
        "the default mode holds for all",
        {"secret": {"secretName": "keys", "defaultMode": 0o400}},
        {"token": (b"new", 0o400), "user": (b"me", 0o400)},
    ),
    (
        "a default mode of zero is a mode",
        {"secret": {"secretName": "keys", "defaultMode": 0, "items": [{"key": "user", "path": "u"}]}},
        {"u": (b"me", 0)},
    ),
    (
        "items choose keys, place them and give modes",
        {
            "configMap": {
                "name": "settings",
                "defaultMode": 0o600,
                "items": [{"key": "a.conf", "path": "etc/app/a", "mode": 0o440}, {"key": "b.conf", "path": "b"}],
            }
        },
        {"etc/app/a": (b"one", 0o440), "b": (b"two", 0o600)},
    ),
    (
        "an item's mode of zero is a mode",
        {"configMap": {"name": "settings", "items": [{"key": "a.conf", "path": "a", "mode": 0}]}},
        {"a": (b"one", 0)},
    ),
    (
        "an optional item that is missing is left out",
        {"configMap": {"name": "settings", "optional": True, "items": [{"key": "no", "path": "no"}]}},
        {},
    ),
    ("an optional ConfigMap that is missing is empty", {"configMap": {"name": "nope", "optional": True}}, {}),
    (
        "an optional Secret that is missing is empty, whatever the items",
        {"secret": {"secretName": "nope", "optional": True, "items": [{"key": "k", "path": "k"}]}},
        {},
    ),
]


@pytest.mark.parametrize(("volume", "files"), [r[1:] for r in CONTENT], ids=[r[0] for r in CONTENT])
def test_files_of_objects(volume: dict[str, Any], files: dict[str, tuple[bytes, int]]) -> None:
    plan = planned(volume)
    assert content(plan) == files
    assert plan.read_only
    assert FileEntry(path="..data", link=STAMP) in plan.files


def test_secrets_live_in_memory_and_config_maps_on_disk() -> None:
    secret, settings = planned({"secret": {"secretName": "keys"}}), planned({"configMap": {"name": "settings"}})
    assert secret.create is not None
    assert secret.create.options == {"type": "tmpfs", "device": "tmpfs", "o": "mode=1777"}
    assert settings.create is not None
    assert settings.create.options == {}
    assert (secret.root_mode, settings.root_mode) == (None, 0o777)


def item(path: str, key: str = "a.conf") -> dict[str, Any]:
    return {"configMap": {"name": "settings", "items": [{"key": key, "path": path}]}}


FAILURES: list[tuple[str, dict[str, Any], str]] = [
    ("a missing ConfigMap", {"configMap": {"name": "nope"}}, 'configmap "nope" not found'),
    ("a missing Secret", {"secret": {"secretName": "nope"}}, 'secret "nope" not found'),
    ("a missing key", item("a", "k"), "configmap references non-existent config key: k"),
    (
        "a secret's missing key",
        {"secret": {"secretName": "keys", "items": [{"key": "k", "path": "k"}]}},
        "references non-existent secret key: k",
    ),
    ("an empty path", item(""), 'invalid path: must not be empty: ""'),
    ("an absolute path", item("/etc/passwd"), "invalid path: must be relative path: /etc/passwd"),
    ("a path upwards", item("../a"), "invalid path: must not contain '..': ../a"),
    ("a path that turns around", item("a/../../b"), "invalid path: must not contain '..': a/../../b"),
    ("a path that meets the layout", item("..data/a"), "invalid path: must not start with '..': ..data/a"),
    (
        "a key that meets the layout",
        {"configMap": {"name": "hostile"}},
        "invalid path: must not start with '..': ..data",
    ),
    ("a volume of the network", {"nfs": {"server": "s"}}, "nfs volumes are not supported on this node"),
]


@pytest.mark.parametrize(("volume", "text"), [r[1:] for r in FAILURES], ids=[r[0] for r in FAILURES])
def test_what_cannot_be_mounted_is_named(volume: dict[str, Any], text: str) -> None:
    assert failure(volume) == f'MountVolume.SetUp failed for volume "v" : {text}'


def test_dots_inside_a_path_do_no_harm() -> None:
    assert content(planned(item("a..b/..c"))) == {"a..b/..c": (b"one", 0o644)}


def test_data_that_cannot_be_decoded_fails_the_mount() -> None:
    assert failure({"configMap": {"name": "damaged"}}).startswith(
        'MountVolume.SetUp failed for volume "v" : illegal base64 data'
    )


def test_the_layout_leads_every_top_name_through_one_link() -> None:
    files = (FileEntry(path="b", data=b"2"), FileEntry(path="dir/a", data=b"1"), FileEntry(path="dir/c", mode=0o400))
    assert atomic_layout(files, NOW) == (
        FileEntry(path=f"{STAMP}/b", data=b"2"),
        FileEntry(path=f"{STAMP}/dir/a", data=b"1"),
        FileEntry(path=f"{STAMP}/dir/c", mode=0o400),
        FileEntry(path="..data", link=STAMP),
        FileEntry(path="b", link="..data/b"),
        FileEntry(path="dir", link="..data/dir"),
    )


def entries(*plans: VolumePlan) -> list[tuple[str, str, int, bytes]]:
    """Type, path, mode and content (or target) of everything in the archive, in order."""
    archive = volumes_archive(plans, NOW)
    assert archive is not None
    result = []
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            reader = tar.extractfile(member) if member.isfile() else None
            kind = "dir" if member.isdir() else "link" if member.issym() else "file"
            result.append((kind, member.name, member.mode, reader.read() if reader else member.linkname.encode()))
    return result


def plan(name: str, files: tuple[FileEntry, ...] = (), mode: int | None = None) -> VolumePlan:
    return VolumePlan(name=name, type=MountType.VOLUME, source=name, files=files, root_mode=mode)


def test_one_archive_fills_all_volumes() -> None:
    files = (FileEntry(path="x/y/f", data=b"1", mode=0o600), FileEntry(path="x/g"), FileEntry(path="l", link="x/g"))
    assert entries(plan("plain", mode=0o777), plan("untouched"), plan("full", files)) == [
        ("dir", "volumes/plain", 0o777, b""),
        ("dir", "volumes/full/x", 0o755, b""),
        ("dir", "volumes/full/x/y", 0o755, b""),
        ("file", "volumes/full/x/y/f", 0o600, b"1"),
        ("file", "volumes/full/x/g", 0o644, b""),
        ("link", "volumes/full/l", 0o777, b"x/g"),
    ]


def test_everything_in_an_archive_is_as_old_as_the_archive_to_the_microsecond() -> None:
    files = (FileEntry(path="x/f", data=b"1"), FileEntry(path="l", link="x/f"))
    archive = volumes_archive((plan("v", files, mode=0o777),), NOW)
    assert archive is not None
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert {member.mtime for member in tar} == {NOW.timestamp()}


def test_directories_come_after_those_that_hold_them() -> None:
    files = (FileEntry(path="a/b/c"), FileEntry(path="a/d"), FileEntry(path="e"))
    assert directories_of(files) == ("a", "a/b")


def test_volumes_that_need_nothing_need_no_archive() -> None:
    assert volumes_archive((plan("a"), plan("b")), NOW) is None
    assert volumes_archive((), NOW) is None


def test_files_of_the_sandbox_itself_come_with_the_volumes() -> None:
    archive = volumes_archive((), NOW, {"zone": "end\n"})
    assert archive is not None
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        member = tar.getmember("zone")
        assert (tar.extractfile(member) or io.BytesIO()).read() == b"end\n"
    assert member.mode == 0o644


# --- volumes of the pod itself, tokens, claims, images -------------------------------------------------------------------


def around(*values: Mapping[str, Any], **more: Any) -> Surroundings:
    return Surroundings(lookup=objects(*values), **{"now": NOW, "owner": "me", **more})


def one(volume: dict[str, Any], surroundings: Surroundings = AROUND, **spec: Any) -> VolumePlan:
    main = {"name": "main", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    pod = make_pod((), (main,), volumes=[{"name": "v", **volume}], **spec)
    return plan_volume(pod, {"name": "v", **volume}, surroundings)


DOWNWARD = {
    "defaultMode": 0o440,
    "items": [
        {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}, "mode": 0},
        {"path": "d/cpu", "resourceFieldRef": {"containerName": "main", "resource": "limits.cpu", "divisor": "1m"}},
    ],
}


def test_a_pods_own_fields_are_files_in_memory() -> None:
    plan = one({"downwardAPI": DOWNWARD}, around(node=lambda: NodeSize(cpus=2)))
    assert content(plan) == {"name": (b"web", 0), "d/cpu": (b"2000", 0o440)}
    assert plan.create is not None
    assert plan.create.options["type"] == "tmpfs"
    assert (plan.read_only, plan.refreshes) == (True, True)


def test_a_field_of_an_unknown_container_is_a_failed_mount() -> None:
    reference = {"containerName": "nope", "resource": "limits.cpu"}
    assert failure({"downwardAPI": {"items": [{"path": "a", "resourceFieldRef": reference}]}}).endswith(
        "container nope not found"
    )


PROJECTED = {
    "sources": [
        {"configMap": {"name": "settings", "items": [{"key": "a.conf", "path": "same"}]}},
        {"secret": {"name": "keys", "items": [{"key": "user", "path": "user", "mode": 0o400}]}},
        {"secret": {"name": "nope", "optional": True}},
        {"downwardAPI": {"items": [{"path": "same", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    ],
    "defaultMode": 0o640,
}


def test_of_projected_sources_with_one_path_the_last_counts() -> None:
    assert content(one({"projected": PROJECTED})) == {"same": (b"web", 0o640), "user": (b"me", 0o400)}


def test_the_root_certificate_stands_in_unless_there_is_one() -> None:
    source = {"sources": [{"configMap": {"name": "kube-root-ca.crt"}}]}
    (stand_in,) = content(one({"projected": source})).values()
    assert stand_in[0].startswith(b"-----BEGIN CERTIFICATE-----")
    given = {"kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": "own"}}
    assert content(one({"projected": source}, around(given))) == {"ca.crt": (b"own", 0o644)}


def test_an_unknown_projected_source_is_named() -> None:
    assert "source of kind clusterTrustBundle" in failure({"projected": {"sources": [{"clusterTrustBundle": {}}]}})


TOKEN = {"projected": {"sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 1000}}]}}


def claims_of(plan: VolumePlan) -> dict[str, Any]:
    (token,) = plan.content
    head, claims, signature = token.data.decode().split(".")
    wanted = hmac.new(b"key", f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "=") == wanted
    result: dict[str, Any] = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return result


def test_a_token_tells_who_the_pod_is_and_is_signed() -> None:
    account = {"kind": "ServiceAccount", "metadata": {"name": "robot", "uid": "uid-robot"}}
    claims = claims_of(one(TOKEN, around(account, token_key=lambda: b"key"), serviceAccountName="robot", nodeName="n"))
    assert claims["sub"] == "system:serviceaccount:default:robot"
    assert claims["aud"] == ["https://kubernetes.default.svc.cluster.local"]
    assert claims["exp"] - claims["iat"] == 1000
    assert claims["kubernetes.io"] == {
        "namespace": "default",
        "node": {"name": "n"},
        "pod": {"name": "web", "uid": "uid-1"},
        "serviceaccount": {"name": "robot", "uid": "uid-robot"},
    }


def test_a_token_stays_until_four_fifths_of_its_life_are_over() -> None:
    begin = datetime(2000, 1, 1, tzinfo=UTC)
    at = [
        claims_of(one(TOKEN, around(token_key=lambda: b"key", now=begin + timedelta(seconds=s)))) for s in (0, 799, 800)
    ]
    assert [claims["iat"] - at[0]["iat"] for claims in at] == [0, 0, 800]
    assert at[1] == at[0]


def test_a_pod_that_nobody_created_yet_gets_a_token_of_now() -> None:
    pod = make_pod(metadata={"creationTimestamp": None})
    assert issued_at(pod, 600, NOW) == NOW


MODES: list[tuple[str, dict[str, Any], dict[str, Any], tuple[int, int]]] = [
    ("for everybody", {}, {}, (0o644, 0)),
    ("for the group", {"securityContext": {"fsGroup": 7}}, {}, (0o600, 0)),
    ("for the pod's user", {"securityContext": {"runAsUser": 5}}, {}, (0o600, 5)),
    ("for the one user of all containers", {}, {"securityContext": {"runAsUser": 5}}, (0o600, 5)),
    ("for root alone", {"securityContext": {"runAsUser": 0}}, {}, (0o600, 0)),
]


@pytest.mark.parametrize(("spec", "main", "wanted"), [r[1:] for r in MODES], ids=[r[0] for r in MODES])
def test_who_may_read_a_token(spec: dict[str, Any], main: dict[str, Any], wanted: tuple[int, int]) -> None:
    mounts = [{"name": "v", "mountPath": "/v"}]
    pod = make_pod((), ({"name": "main", "volumeMounts": mounts, **main},), volumes=[{"name": "v", **TOKEN}], **spec)
    (plan,) = plan_volumes(pod, AROUND)
    assert [(file.mode, file.user) for file in plan.content] == [wanted]


def test_users_that_differ_share_no_token() -> None:
    users: list[dict[str, Any]] = [{"name": "a", "securityContext": {"runAsUser": 1}}, {"name": "b"}]
    assert common_user(make_pod((), users)) is None


def test_a_group_owns_what_is_in_a_volume() -> None:
    context = {"fsGroup": 9}
    disk = one({"emptyDir": {}}, securityContext=context)
    memory = one({"emptyDir": {"medium": "Memory"}}, securityContext=context)
    settings = one({"configMap": {"name": "settings", "defaultMode": 0o400}}, securityContext=context)
    secret = one({"secret": {"secretName": "keys"}}, securityContext=context)
    claim = one({"persistentVolumeClaim": {"claimName": "c"}}, securityContext=context)
    own = one({"ephemeral": {}}, securityContext=context)
    host = one({"hostPath": {"path": "/srv"}}, securityContext=context)
    careful = {"fsGroup": 9, "fsGroupChangePolicy": "OnRootMismatch"}
    assert not claim.keeps_owned
    assert one({"persistentVolumeClaim": {"claimName": "c"}}, securityContext=careful).keeps_owned
    assert memory.create is not None
    assert secret.create is not None
    assert memory.create.options["o"] == secret.create.options["o"] == "mode=3777,gid=9"
    assert host.group is None
    archive = volumes_archive((disk, settings, claim, own), NOW)
    assert archive is not None
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = [(member.gid, member.mode) for member in tar if not member.issym()]
    assert members[:3] == [(9, 0o2777), (9, 0o2777), (9, 0o2755)]
    assert members[3] == (9, 0o440)
    assert members[-2:] == [(9, 0o2775), (9, 0o2775)]


def test_a_claim_that_nobody_gave_is_made_and_bound() -> None:
    claim = planned({"persistentVolumeClaim": {"claimName": "data"}}).claim
    assert claim is not None
    assert claim["metadata"] == {"name": "data", "namespace": "default", "creationTimestamp": "2026-01-02T03:04:05Z"}
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert claim["status"] == {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}


GIVEN = {
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data", "creationTimestamp": "2020-01-01T00:00:00Z"},
    "spec": {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "5Gi"}},
        "storageClassName": "fast",
        "volumeName": "disk-1",
    },
}


def test_a_given_claim_keeps_what_it_says() -> None:
    claim = one({"persistentVolumeClaim": {"claimName": "data"}}, around(GIVEN)).claim
    assert claim is not None
    assert claim["status"] == {"phase": "Bound", "accessModes": ["ReadWriteMany"], "capacity": {"storage": "5Gi"}}
    assert (claim["spec"]["storageClassName"], claim["spec"]["volumeName"]) == ("fast", "disk-1")
    assert one({"persistentVolumeClaim": {"claimName": "data"}}, around(claim)).claim == claim


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"spec": {"volumeMode": "Block"}}, "block volumes are not supported on this node"),
        (
            {"metadata": {"name": "data", "deletionTimestamp": "2026-01-01T00:00:00Z"}},
            "error processing PVC default/data: PVC is being deleted",
        ),
    ],
)
def test_claims_that_cannot_be_mounted(change: dict[str, Any], text: str) -> None:
    with pytest.raises(MountError, match=text):
        one({"persistentVolumeClaim": {"claimName": "data"}}, around({**GIVEN, **change}))


EPHEMERAL = {
    "ephemeral": {
        "volumeClaimTemplate": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}},
        }
    }
}


def test_an_ephemeral_volume_is_a_claim_that_the_pod_owns() -> None:
    plan = one(EPHEMERAL)
    assert plan.claim is not None
    assert (plan.claim["metadata"]["name"], plan.claim["metadata"]["labels"]) == ("web-v", {"a": "b"})
    assert [owner["uid"] for owner in plan.claim["metadata"]["ownerReferences"]] == ["uid-1"]
    assert (plan.source, plan.keep, plan.root_mode) == ("k8s_v_web_default_uid-1", False, 0o755)
    assert one(EPHEMERAL, around(plan.claim)).claim == plan.claim


def test_an_ephemeral_volume_does_not_take_anothers_claim() -> None:
    other = {"kind": "PersistentVolumeClaim", "metadata": {"name": "web-v"}}
    with pytest.raises(MountError, match=r"PVC default/web-v was not created for pod default/web \(pod is not owner\)"):
        one(EPHEMERAL, around(other))


def test_an_image_volume_is_read_only_and_names_its_image() -> None:
    plan = one({"image": {"reference": "busybox:1.36", "pullPolicy": "Never"}})
    assert (plan.image, plan.pull_policy, plan.read_only) == ("busybox:1.36", "Never", True)


def test_what_a_file_key_reads_is_set_up_although_nobody_mounts_it() -> None:
    env = [{"name": "X", "valueFrom": {"fileKeyRef": {"volumeName": "v", "path": "p", "key": "K"}}}]
    pod = make_pod((), ({"name": "main", "env": env},), volumes=[{"name": "v", "emptyDir": {}}])
    assert [plan.name for plan in plan_volumes(pod, AROUND)] == ["v"]


def test_content_that_has_not_changed_is_not_written_again() -> None:
    source = {"configMap": {"name": "settings"}}
    plan, later = one(source), one(source, around(SETTINGS, now=NOW + timedelta(seconds=60)))
    assert plan.files != later.files
    assert renewed(plan, later) is None
    changed = one(source, around({"kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "new"}}))
    fresh = renewed(plan, changed)
    assert fresh is not None
    assert (fresh.files, fresh.content, fresh.source) == (changed.files, changed.content, plan.source)


def test_huge_pages_are_not_on_this_node() -> None:
    assert NodeSize(cpus=1).allocatable("hugepages-2Mi").is_zero
