"""What stands behind the volumes of a pod, and the files that go into them."""

from __future__ import annotations

import base64
import io
import tarfile
from datetime import UTC, datetime
from typing import Any

import pytest

from runner.core.containerconfig import MountType
from runner.core.labels import OWNER, POD_UID, VOLUME, VOLUME_KIND
from runner.core.model import Pod
from runner.core.volumes import (
    FileEntry,
    MountError,
    Surroundings,
    VolumePlan,
    atomic_layout,
    plan_volumes,
    volumes_archive,
)
from tests.support.pods import make_pod, objects

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
STAMP = "..2026_01_02_03_04_05.678901000"
STORE = objects(
    {
        "kind": "ConfigMap",
        "metadata": {"name": "settings"},
        "data": {"b.conf": "two", "a.conf": "one"},
        "binaryData": {"blob": base64.b64encode(b"\xff\x00").decode()},
    },
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
    archive = volumes_archive(plans)
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


def test_volumes_that_need_nothing_need_no_archive() -> None:
    assert volumes_archive((plan("a"), plan("b"))) is None
    assert volumes_archive(()) is None
