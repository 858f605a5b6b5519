"""Volumes that are made from the pod, from tokens, claims and images; groups, sub-paths and changes while the pod runs."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from runner.core.printers.claimcolumns import CLAIM_COLUMNS
from runner.registry.contract import put
from tests.e2e.support import BUSYBOX, Bench, container, mounted, pod, until

pytestmark = pytest.mark.docker


def run_once(bench: Bench, script: str, volumes: list[dict[str, Any]], **more: Any) -> list[str]:
    """Run one container, with all volumes mounted below /mnt, to its end; return what it printed."""
    name = bench.name("kinds")
    mounts = [{"name": volume["name"], "mountPath": f"/mnt/{volume['name']}"} for volume in volumes]
    inits, metadata = more.pop("inits", ()), more.pop("metadata", {})
    main = container("main", script, volumeMounts=more.pop("mounts", mounts), **more.pop("container", {}))
    value = pod(name, main, inits=inits, restartPolicy="Never", volumes=volumes, **more)
    value["metadata"] |= metadata
    done = bench("run", bench.write(value))
    assert done.code == 0, done.err + done.out
    bench.assert_nothing_left(name)
    return [line.partition("| ")[2] for line in done.out.splitlines() if line.startswith(("main", f"{name} main"))]


def config_map(name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def test_a_pod_reads_about_itself_in_files(bench: Bench) -> None:
    items = [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "deep/namespace", "fieldRef": {"fieldPath": "metadata.namespace"}, "mode": 0o400},
        {
            "path": "memory",
            "resourceFieldRef": {"containerName": "main", "resource": "limits.memory", "divisor": "1Mi"},
        },
        {"path": "cpus", "resourceFieldRef": {"containerName": "main", "resource": "limits.cpu"}},
    ]
    lines = run_once(
        bench,
        "cd /mnt/info; cat labels; echo; cat deep/namespace; echo; stat -Lc %a deep/namespace; cat memory; echo; cat cpus",
        [{"name": "info", "downwardAPI": {"items": items}}],
        container={"resources": {"limits": {"memory": "48Mi"}}},
        metadata={"labels": {"tier": "db", "app": "x"}},
    )
    assert lines[:4] == ['app="x"', 'tier="db"', "default", "400"]
    assert lines[4] == "48"
    assert int(lines[5]) >= 1


API_ACCESS = {
    "name": "kube-api-access-x7k2p",
    "projected": {
        "defaultMode": 420,
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
            {
                "downwardAPI": {
                    "items": [
                        {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}, "path": "namespace"}
                    ]
                }
            },
        ],
    },
}


def test_the_volume_that_manifests_from_a_cluster_carry(bench: Bench) -> None:
    place = "/var/run/secrets/kubernetes.io/serviceaccount"
    mounts = [{"name": API_ACCESS["name"], "mountPath": place, "readOnly": True}]
    script = f"cd {place}; cat namespace; echo; stat -Lc %a token; head -n 1 ca.crt; cat token; echo"
    script += "; env | grep ^KUBERNETES_PORT="
    lines = run_once(bench, script, [API_ACCESS], mounts=mounts, serviceAccountName="default")
    assert lines[:3] == ["default", "644", "-----BEGIN CERTIFICATE-----"]
    claims = json.loads(base64.urlsafe_b64decode(lines[3].split(".")[1] + "=="))
    assert claims["sub"] == "system:serviceaccount:default:default"
    assert claims["exp"] - claims["iat"] == 3607
    assert claims["kubernetes.io"]["pod"]["name"].startswith("kinds-")
    assert lines[4] == "KUBERNETES_PORT=tcp://10.96.0.1:443"


FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"


def test_every_container_finds_its_service_account_and_the_folder_goes_with_its_last_pod(bench: Bench) -> None:
    """Two pods: they share one volume, which is read-only and has the same token in it."""
    look = f"cd {FOLDER}; echo $(ls) $(cat namespace) $(md5sum < token); touch x 2>/dev/null || echo sealed; sleep 600"
    init = container("init", f"cat {FOLDER}/namespace; echo")
    names = [bench.name("account"), bench.name("account")]
    pods = [pod(name, container("main", look), inits=[init], serviceAccountName="bot") for name in names]
    run = bench.start("run", bench.write(*pods))
    for name in names:
        run.line(f"{name}/main", "sealed", stream="out")
    prefix = "k8s_kube-api-access_bot_default_"
    (mains,) = [bench.engine.containers.list(filters={"name": f"k8s_main_{names[0]}_"})]
    (shared,) = [m["Name"] for m in mains[0].attrs["Mounts"] if m.get("Name", "").startswith(prefix)]
    run.interrupt()
    done = run.end()
    said = [line.partition("| ")[2] for line in done.out.splitlines() if "ca.crt" in line]
    assert said[0].startswith("ca.crt namespace token default ")
    assert said == [said[0]] * 2
    for name in names:
        bench.assert_nothing_left(name)
    assert shared not in [v.name for v in bench.engine.volumes.list()]


def test_a_given_account_decides_what_a_pod_wants_and_may(bench: Bench) -> None:
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "bot", "annotations": {"kubernetes.io/enforce-mountable-secrets": "true"}},
        "automountServiceAccountToken": False,
    }
    main = container("main", f"test -e {FOLDER} || echo absent")
    value = pod(bench.name("opted-out"), main, restartPolicy="Never", serviceAccountName="bot")
    done = bench("run", bench.write(account, value))
    assert (done.code, done.out) == (0, "main | absent\n"), done.err
    value["spec"]["imagePullSecrets"] = [{"name": "x"}]
    done = bench("run", bench.write(account, value))
    assert done.code == 2
    assert f'pods "{value["metadata"]["name"]}" is forbidden: imagePullSecrets[0].name="x" is not allowed' in done.err


SIZE = {"requests": {"storage": "1Gi"}}


def test_an_fs_group_owns_the_volumes_and_nobody_else_reads_the_token(bench: Bench) -> None:
    volumes: list[dict[str, Any]] = [
        {"name": "disk", "emptyDir": {}},
        {"name": "memory", "emptyDir": {"medium": "Memory"}},
        {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
        {
            "name": "claim",
            "ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": SIZE}}},
        },
    ]
    script = (
        "cd /mnt; for v in disk memory claim; do touch $v/new && stat -c '%g %a' $v; stat -c %g $v/new; done;"
        " stat -Lc '%u %g %a' token/token; test -s token/token && echo readable"
    )
    security = {"runAsUser": 1000, "runAsGroup": 3000, "fsGroup": 2000}
    lines = run_once(bench, script, volumes, securityContext=security, serviceAccountName="default")
    assert lines == ["2000 2777", "2000", "2000 3777", "2000", "2000 2775", "2000", "1000 2000 640", "readable"]


def test_an_ephemeral_volume_is_a_claim_of_the_pod_that_goes_with_it(bench: Bench) -> None:
    name = bench.name("ephemeral")
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    volumes = [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": spec}}}]
    run = bench.start("run", bench.write(pod(name, container("main", **mounted("scratch", "/s")), volumes=volumes)))
    run.line("| up", stream="out")
    claim = bench.store.get("PersistentVolumeClaim", "default", f"{name}-scratch")
    assert claim is not None
    assert claim["status"] == {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "2Gi"}}
    run.interrupt()
    run.end()
    assert bench.store.list("PersistentVolumeClaim").items == []
    bench.assert_nothing_left(name)


def test_an_image_is_a_read_only_volume(bench: Bench) -> None:
    volumes = [{"name": "files", "image": {"reference": BUSYBOX, "pullPolicy": "IfNotPresent"}}]
    mounts = [
        {"name": "files", "mountPath": "/image"},
        {"name": "files", "mountPath": "/programs", "subPath": "bin"},
    ]
    script = "grep -c ^root: /image/etc/passwd; test -x /programs/busybox && echo there; touch /image/x 2>/dev/null || echo ro"
    assert run_once(bench, script, volumes, mounts=mounts) == ["1", "there", "ro"]


def test_an_image_that_is_not_there_holds_who_mounts_it(bench: Bench) -> None:
    name = bench.name("noimage")
    volumes = [{"name": "files", "image": {"reference": "podrunner.invalid/none:1", "pullPolicy": "Never"}}]
    value = pod(name, container("main", "true", **mounted("files", "/image")), volumes=volumes)
    run = bench.start("run", bench.write(value))
    run.line("ErrImageNeverPull")
    run.interrupt()
    run.end()
    bench.assert_nothing_left(name)


@pytest.mark.parametrize(
    "source",
    [
        {"nfs": {"server": "nowhere.invalid", "path": "/"}},
        {"csi": {"driver": "x.example.com"}},
        {"iscsi": {"targetPortal": "1.2.3.4", "iqn": "iqn.2001-04.com.example:x", "lun": 0}},
    ],
    ids=lambda source: next(iter(source)),
)
def test_what_needs_another_machine_is_a_failed_mount(bench: Bench, source: dict[str, Any]) -> None:
    name, kind = bench.name("remote"), next(iter(source))
    value = pod(name, container("main", "true", **mounted("v", "/v")), volumes=[{"name": "v", **source}])
    run = bench.start("run", bench.write(value))
    run.line("FailedMount", f'MountVolume.SetUp failed for volume "v" : {kind} volumes are not supported on this node')
    run.interrupt()
    run.end()
    bench.assert_nothing_left(name)


# --- sub-paths -------------------------------------------------------------------------------------------------------

REFUSED = 'Error: failed to prepare subPath for volumeMount "v" of container "main"'


@pytest.mark.parametrize("medium", ["", "Memory"])
@pytest.mark.parametrize(
    ("plant", "sub_path"),
    [
        ("ln -s / /v/out", "out"),
        ("ln -s /etc/hostname /v/out", "out"),
        (f"ln -s {'../' * 20} /v/out", "out/etc"),
        ("mkdir /v/a; ln -s /proc /v/a/b", "a/b/self"),
    ],
)
def test_a_link_that_a_container_plants_opens_nothing_of_the_host(
    bench: Bench, plant: str, sub_path: str, medium: str
) -> None:
    """The attack of CVE-2017-1002101: an init container plants it, the next one mounts it."""
    name = bench.name("attack")
    inits = [container("plant", plant, **mounted("v", "/v"))]
    main = container("main", "echo REACHED", **mounted("v", "/data", subPath=sub_path))
    volumes = [{"name": "v", "emptyDir": {"medium": medium} if medium else {}}]
    run = bench.start("run", bench.write(pod(name, main, inits=inits, volumes=volumes)))
    run.line(REFUSED)
    run.interrupt()
    assert "REACHED" not in run.end().out
    bench.assert_nothing_left(name)


def test_a_sub_path_that_is_not_there_is_made_like_its_volume(bench: Bench) -> None:
    volumes = [{"name": "v", "emptyDir": {}}]
    inits = [container("first", "echo kept > /v/f", **mounted("v", "/v", subPathExpr="logs/$(ROUND)", readOnly=False))]
    inits[0]["env"] = [{"name": "ROUND", "value": "one"}]
    mounts = [
        {"name": "v", "mountPath": "/whole"},
        {"name": "v", "mountPath": "/part", "subPath": "logs/one", "readOnly": True},
        {"name": "v", "mountPath": "/file", "subPath": "logs/one/f"},
    ]
    script = "stat -c %a /whole/logs /whole/logs/one; cat /part/f; touch /part/x 2>/dev/null || echo ro"
    script += "; echo more >> /file; cat /part/f"
    lines = run_once(bench, script, volumes, inits=inits, mounts=mounts)
    assert lines == ["777", "777", "kept", "ro", "kept", "more"]


def test_one_key_of_a_config_map_is_mounted_as_a_file(bench: Bench) -> None:
    name = bench.name("key")
    mounts = mounted("c", "/etc/app.conf", subPath="app.conf")
    volumes = [{"name": "c", "configMap": {"name": "config"}}]
    value = pod(name, container("main", "cat /etc/app.conf", **mounts), volumes=volumes, restartPolicy="Never")
    done = bench("run", bench.write(config_map("config", **{"app.conf": "one key"}), value))
    assert "one key" in done.out, done.err
    bench.assert_nothing_left(name)


def test_a_host_path_is_mounted_in_part_and_never_left(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "tree/sub").mkdir(parents=True)
    (tmp_path / "tree/sub/file").write_text("inside\n")
    (tmp_path / "tree/out").symlink_to(tmp_path)
    (tmp_path / "secret").write_text("untouched")
    volumes = [{"name": "v", "hostPath": {"path": str(tmp_path / "tree")}}]
    lines = run_once(bench, "cat /d/file", volumes, mounts=[{"name": "v", "mountPath": "/d", "subPath": "sub"}])
    assert lines == ["inside"]
    name = bench.name("leave")
    main = container("main", "echo gone > /d/secret", **mounted("v", "/d", subPath="out"))
    run = bench.start("run", bench.write(pod(name, main, volumes=volumes)))
    run.line(REFUSED)
    run.interrupt()
    run.end()
    assert (tmp_path / "secret").read_text() == "untouched"
    bench.assert_nothing_left(name)


# --- while the pod runs ----------------------------------------------------------------------------------------------


def test_mounted_objects_follow_the_store_and_sub_paths_do_not(bench: Bench) -> None:
    name = bench.name("update")
    mounts = [
        {"name": "c", "mountPath": "/c"},
        {"name": "s", "mountPath": "/s"},
        {"name": "c", "mountPath": "/fixed", "subPath": "word"},
    ]
    script = (
        "while :; do echo c=$(cat /c/word) s=$(cat /s/word) fixed=$(cat /fixed) n=$(ls /c | wc -l); sleep 0.2; done"
    )
    volumes = [{"name": "c", "configMap": {"name": "live"}}, {"name": "s", "secret": {"secretName": "live"}}]
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "live", "namespace": "default"}}
    old, new = base64.b64encode(b"old").decode(), base64.b64encode(b"new").decode()
    value = pod(name, container("main", script, volumeMounts=mounts), volumes=volumes, terminationGracePeriodSeconds=0)
    manifest = bench.write(config_map("live", word="old", gone="x"), {**secret, "data": {"word": old}}, value)
    run = bench.start("run", manifest)
    run.line("c=old s=old fixed=old n=2", stream="out")
    store = bench.store
    put(store, config_map("live", word="new"))
    put(store, {**secret, "data": {"word": new}})
    run.line("c=new s=new fixed=old n=1", stream="out")
    run.interrupt()
    run.end()
    bench.assert_nothing_left(name)


def test_a_container_whose_object_is_missing_starts_when_it_appears(bench: Bench) -> None:
    name = bench.name("heal")
    environment = [{"name": "WORD", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "word"}}}]
    value = pod(name, container("main", "echo WORD=$WORD", env=environment), restartPolicy="Never")
    run = bench.start("run", bench.write(value))
    run.line('Error: configmap "late" not found')
    until(
        lambda: (
            bench.pod(name)["status"]["containerStatuses"][0]["state"].get("waiting")
            == {"reason": "CreateContainerConfigError", "message": 'configmap "late" not found'}
        ),
        "the waiting reason",
    )
    put(bench.store, config_map("late", word="here"))
    done = run.end()
    assert done.code == 0, done.err
    assert "WORD=here" in done.out
    bench.assert_nothing_left(name)


def test_a_variable_comes_out_of_a_file_that_an_init_container_wrote(bench: Bench) -> None:
    name = bench.name("envfile")
    reference = {"volumeName": "v", "path": "conf/app.env", "key": "WORD"}
    environment = [{"name": "WORD", "valueFrom": {"fileKeyRef": reference}}]
    script = "mkdir /v/conf; printf \"# words\\nOTHER='x'\\nWORD='two\\nlines' # end\\n\" > /v/conf/app.env"
    inits = [container("write", script, **mounted("v", "/v"))]
    main = container("main", 'echo "$WORD"', env=environment)
    volumes = [{"name": "v", "emptyDir": {}}]
    done = bench("run", bench.write(pod(name, main, inits=inits, volumes=volumes, restartPolicy="Never")))
    assert done.code == 0, done.err
    assert [line.partition("| ")[2] for line in done.out.splitlines()] == ["two", "lines"]
    bench.assert_nothing_left(name)


def test_an_env_file_that_is_a_link_out_of_its_volume_is_not_read(bench: Bench) -> None:
    name, token = bench.name("envlink"), secrets.token_hex(4)
    reference = {"volumeName": "v", "path": "d/app.env", "key": "WORD"}
    inits = [container("write", "ln -s /volumes/s /v/d", **mounted("v", "/v"))]
    main = container("main", "echo $WORD", env=[{"name": "WORD", "valueFrom": {"fileKeyRef": reference}}])
    other = container("other", "true", **mounted("s", "/s"))
    volumes = [{"name": "v", "emptyDir": {}}, {"name": "s", "secret": {"secretName": "hidden"}}]
    metadata = {"name": "hidden", "namespace": "default"}
    hidden = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"app.env": f"WORD='{token}'"}}
    run = bench.start("run", bench.write(hidden, pod(name, main, other, inits=inits, volumes=volumes)))
    run.line("Error: couldn't parse env file")
    run.interrupt()
    done = run.end()
    assert token not in done.out + done.err
    bench.assert_nothing_left(name)


def test_a_given_claim_is_shown_as_kubectl_shows_it_and_stays(bench: Bench) -> None:
    name, claim = bench.name("claimed"), f"claim-{secrets.token_hex(4)}"
    bench.claims.append(claim)
    spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "5Gi"}}}
    given = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": claim}, "spec": spec}
    volumes = [{"name": "d", "persistentVolumeClaim": {"claimName": claim}}]
    value = pod(name, container("main", "true", **mounted("d", "/d")), volumes=volumes, restartPolicy="Never")
    assert bench("run", bench.write(given, value)).code == 0
    header, row = bench("get", "pvc").out.splitlines()
    assert header.split() == " ".join(CLAIM_COLUMNS).split()
    assert row.split()[:-1] == [claim, "Bound", f"pvc-default-{claim}", "5Gi", "RWX", "local", "<unset>"]
    assert json.loads(bench("get", "pvc", claim, "-o", "json").out)["status"]["phase"] == "Bound"
    missing = bench("get", "pvc", "nope")
    assert (missing.code, 'persistentvolumeclaims "nope" not found' in missing.err) == (1, True)


def test_a_claims_content_is_given_to_the_group_of_the_pod_that_uses_it_now(bench: Bench) -> None:
    claim = f"claim-{secrets.token_hex(4)}"
    bench.claims.append(claim)
    volumes = [{"name": "d", "persistentVolumeClaim": {"claimName": claim}}]
    assert run_once(bench, "umask 077; mkdir /mnt/d/in; echo old > /mnt/d/in/file", volumes) == []
    security = {"runAsUser": 1000, "fsGroup": 2000}
    script = "echo new >> /mnt/d/in/file; cat /mnt/d/in/file; stat -c '%g %a' /mnt/d/in /mnt/d/in/file"
    assert run_once(bench, script, volumes, securityContext=security) == ["old", "new", "2000 2770", "2000 660"]
