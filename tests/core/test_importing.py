"""What kubectl shows of a cluster becomes manifests that run here, and what failed there becomes faults."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
import yaml

from runner.core.capture.cleaning import cleaned, is_made_by_cluster, with_images
from runner.core.capture.failures import observed_failures
from runner.core.capture.importing import Imported, import_objects
from runner.core.capture.model import About, members
from runner.core.capture.names import ABOUT, FAULTS, MANIFEST, OBSERVED
from runner.core.faults.files import faults_of
from runner.core.model import Json, RetryScope
from runner.errors import ManifestError, UsageError

TOKEN = "kube-api-access-x7k2p"
SHOWN: Json = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "shop-5d9f",
        "generateName": "shop-",
        "namespace": "prod",
        "uid": "1b",
        "resourceVersion": "17",
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"app": "shop"},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "team": "a"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "shop"}],
        "managedFields": [{}],
    },
    "spec": {
        "nodeName": "node-7",
        "priority": 0,
        "preemptionPolicy": "PreemptLowerPriority",
        "serviceAccount": "shop",
        "serviceAccountName": "shop",
        "imagePullSecrets": [{"name": "registry"}],
        "initContainers": [
            {
                "name": "migrate",
                "image": "registry.example/shop:1.2",
                "env": [{"name": "URL", "valueFrom": {"secretKeyRef": {"name": "db", "key": "url"}}}],
                "volumeMounts": [{"name": TOKEN, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
            }
        ],
        "containers": [
            {
                "name": "app",
                "image": "registry.example/shop:1.2",
                "envFrom": [{"configMapRef": {"name": "settings"}}],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": TOKEN, "mountPath": "/token"}],
            }
        ],
        "volumes": [
            {"name": "data", "nfs": {"server": "s", "path": "/"}},
            {"name": TOKEN, "projected": {"sources": []}},
        ],
        "tolerations": [
            {
                "key": "node.kubernetes.io/not-ready",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            },
            {"key": "own", "operator": "Exists"},
        ],
    },
    "status": {"phase": "Pending"},
}


def ended(code: int, reason: str = "Error") -> Json:
    return {"terminated": {"exitCode": code, "reason": reason}}


def waiting(reason: str, message: str = "") -> Json:
    return {"waiting": {"reason": reason, "message": message}}


def status(name: str, count: int, state: Json, last: Json | None = None, image: str = "busybox") -> Json:
    return {"name": name, "restartCount": count, "state": state, "lastState": last or {}, "image": image}


def pod(*inits: Json, apps: Sequence[Json] = (), **spec: Any) -> Json:
    containers = [{"name": one["name"], "image": "busybox"} for one in apps] or [{"name": "main", "image": "busybox"}]
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": "web"},
        "spec": {
            "initContainers": [{"name": one["name"], "image": "busybox"} for one in inits],
            "containers": containers,
            **spec,
        },
        "status": {"initContainerStatuses": list(inits), "containerStatuses": list(apps)},
    }


def test_a_pod_is_made_anew_without_what_the_cluster_put_in() -> None:
    found = cleaned(SHOWN)
    assert found["metadata"] == {
        "name": "shop-5d9f", "namespace": "prod", "labels": {"app": "shop"}, "annotations": {"team": "a"},
    }  # fmt: skip
    spec = found["spec"]
    assert set(spec) == {
        "serviceAccountName", "imagePullSecrets", "initContainers", "containers", "volumes", "tolerations",
    }  # fmt: skip
    assert [one["name"] for one in spec["volumes"]] == ["data"]
    assert spec["tolerations"] == [{"key": "own", "operator": "Exists"}]
    assert "volumeMounts" not in spec["initContainers"][0]
    assert [one["mountPath"] for one in spec["containers"][0]["volumeMounts"]] == ["/data"]
    assert "status" not in found


def test_a_pod_that_has_no_name_yet_keeps_the_beginning_of_it() -> None:
    assert cleaned({"kind": "Pod", "metadata": {"generateName": "web-"}})["metadata"] == {"generateName": "web-"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{"port": 80, "nodePort": 30080}]},
            {"ports": [{"port": 80}]},
        ),
        ({"clusterIP": "None", "selector": {"a": "b"}}, {"clusterIP": "None", "selector": {"a": "b"}, "ports": []}),
    ],
)
def test_a_service_loses_its_addresses(spec: Json, expected: Json) -> None:
    assert cleaned({"kind": "Service", "spec": spec})["spec"] == expected


def test_a_claim_loses_its_volume_and_another_object_keeps_its_spec() -> None:
    assert cleaned({"kind": "PersistentVolumeClaim", "spec": {"volumeName": "pv", "a": 1}})["spec"] == {"a": 1}
    assert cleaned({"kind": "Other", "spec": {"a": 1}})["spec"] == {"a": 1}


def test_values_of_secrets_are_redacted_unless_they_are_asked_for() -> None:
    secret = {"kind": "Secret", "data": {"url": "c2VjcmV0"}, "stringData": {"key": "secret"}}
    assert cleaned(secret)["data"] == {"url": "cmVkYWN0ZWQ="}
    assert cleaned(secret)["stringData"] == {"key": "redacted"}
    assert cleaned(secret, with_secrets=True)["data"] == secret["data"]


@pytest.mark.parametrize(
    ("kind", "part", "key", "expected"),
    [
        ("kubernetes.io/dockerconfigjson", "data", ".dockerconfigjson", "eyJhdXRocyI6e319"),
        ("kubernetes.io/dockerconfigjson", "stringData", ".dockerconfigjson", '{"auths":{}}'),
        ("kubernetes.io/dockercfg", "stringData", ".dockercfg", "{}"),
        ("Opaque", "stringData", ".dockercfg", "redacted"),
    ],
)
def test_a_redacted_secret_of_a_registry_is_still_valid(kind: str, part: str, key: str, expected: str) -> None:
    assert cleaned({"kind": "Secret", "type": kind, part: {key: "x"}})[part] == {key: expected}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt"}}, True),
        ({"kind": "ConfigMap", "metadata": {"name": "settings"}}, False),
        ({"kind": "Secret", "type": "kubernetes.io/service-account-token"}, True),
        ({"kind": "Secret", "type": "Opaque"}, False),
        ({"kind": "Service", "metadata": {"name": "kubernetes"}}, True),
    ],
)
def test_what_every_namespace_has_is_known(value: Json, expected: bool) -> None:
    assert is_made_by_cluster(value) is expected


@pytest.mark.parametrize(
    "wanted", ["registry.example/shop:1.2", "registry.example/shop", "registry.example:5000/shop@sha256:aa"]
)
def test_an_image_is_replaced_by_its_whole_name_or_without_its_tag(wanted: str) -> None:
    image = wanted if "@" in wanted else "registry.example/shop:1.2"
    value = {"kind": "Pod", "spec": {"containers": [{"name": "app", "image": image}, {"name": "b", "image": "other"}]}}
    found = with_images(dict(value), {wanted: "busybox:1.36"})
    assert [one["image"] for one in found["spec"]["containers"]] == ["busybox:1.36", "other"]


def test_only_pods_have_images() -> None:
    assert with_images({"kind": "ConfigMap"}, {"a": "b"}) == {"kind": "ConfigMap"}


@pytest.mark.parametrize(
    ("state", "faults", "guesses"),
    [
        pytest.param(status("init", 0, ended(0, "Completed")), (), 0, id="it is done"),
        pytest.param(status("init", 0, ended(3)), ("pod/web/init:exit=3",), 0, id="it failed once"),
        pytest.param(status("init", 0, waiting("CrashLoopBackOff"), ended(3)), ("pod/web/init#0:exit=3",), 0, id="it waits"),
        pytest.param(
            status("init", 5, waiting("CrashLoopBackOff"), ended(3)), ("pod/web/init#0-5:exit=3",), 1, id="it waits again"
        ),
        pytest.param(status("init", 5, {"running": {}}, ended(3)), ("pod/web/init#0-4:exit=3",), 1, id="it runs again"),
        pytest.param(
            status("init", 2, ended(4), ended(3)), ("pod/web/init#0-1:exit=3", "pod/web/init#2:exit=4"), 1, id="two codes"
        ),
        pytest.param(
            status("init", 1, ended(0, "Completed"), ended(137, "OOMKilled")), ("pod/web/init#0:oom",), 0, id="out of memory"
        ),
        pytest.param(
            status("init", 1, waiting("CrashLoopBackOff"), ended(128, "StartError")),
            ("pod/web/init#0-1:start-error",), 1, id="it cannot start",
        ),
        pytest.param(
            status("init", 1, waiting("RestartingAllContainers"), ended(2)), ("pod/web/init#0:exit=2",), 0, id="all again"
        ),
        pytest.param(
            status("init", 1, {"running": {}}, ended(137, "RestartingAllContainers")), (), 0, id="it was ended for others"
        ),
        pytest.param(status("init", 0, {"running": {}}), (), 0, id="it runs"),
        pytest.param(
            status("init", 0, waiting("ImagePullBackOff", "manifest unknown"), image="shop:9"),
            ("pod/web/image/shop:9:not-found",), 0, id="no image",
        ),
        pytest.param(
            status("init", 0, waiting("ErrImagePull", "pull access denied"), image="shop"),
            ("pod/web/image/shop:unauthorized",), 0, id="not allowed",
        ),
        pytest.param(
            status("init", 0, waiting("ErrImagePull", "toomanyrequests: slow down"), image="shop"),
            ("pod/web/image/shop:too-many-requests",), 0, id="too many requests",
        ),
    ],
)  # fmt: skip
def test_a_status_tells_of_failures(state: Json, faults: tuple[str, ...], guesses: int) -> None:
    found = observed_failures(pod(state))
    expected = tuple(one.replace("init:", "init#0:") for one in faults)
    assert (found.faults, len(found.guesses)) == (expected, guesses)
    assert len(faults_of(found.faults)) == len(faults)


@pytest.mark.parametrize(("finished", "faults"), [("10:00:07", ("pod/web/init#0:exit=137",)), ("10:00:08", ())])
def test_what_ended_because_its_pod_was_deleted_has_not_failed(finished: str, faults: tuple[str, ...]) -> None:
    value = pod(status("init", 0, {"terminated": {"exitCode": 137, "finishedAt": f"2026-01-01T{finished}Z"}}))
    metadata = {"name": "web", "deletionTimestamp": "2026-01-01T10:00:10Z", "deletionGracePeriodSeconds": 2}
    assert observed_failures({**value, "metadata": metadata}).faults == faults


def test_containers_of_the_pod_fail_too_and_the_same_image_counts_once() -> None:
    gone = waiting("ErrImagePull", "not found")
    found = observed_failures(
        pod(apps=[status("a", 0, gone), status("b", 0, gone), status("c", 1, {"running": {}}, ended(1))])
    )
    assert found.faults == ("pod/web/image/busybox:not-found", "pod/web/c#0:exit=1")


def imported(*more: Json, **options: Any) -> Imported:
    return import_objects([SHOWN, *more], **options)


def kinds(found: Imported) -> list[str]:
    return [f"{one['kind']}/{one['metadata']['name']}" for one in found.objects]


def test_what_is_missing_becomes_a_named_placeholder() -> None:
    found = imported()
    assert kinds(found) == [
        "Secret/db", "ConfigMap/settings", "Secret/registry", "ServiceAccount/shop", "Pod/shop-5d9f",
    ]  # fmt: skip
    assert found.objects[0]["stringData"] == {"url": "redacted"}
    assert found.objects[2]["type"] == "kubernetes.io/dockerconfigjson"
    assert found.notes[0] == "pod/shop-5d9f: volume data is an empty directory instead of nfs"
    assert found.notes[1] == "secret prod/db (url) for pod/shop-5d9f is a placeholder: the input does not have it"


def test_a_claim_that_is_missing_becomes_one_of_a_gigabyte() -> None:
    value = pod(volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}])
    claim = import_objects([value]).objects[0]
    assert claim["spec"]["resources"] == {"requests": {"storage": "1Gi"}}


def test_what_the_input_has_of_the_namespace_is_taken() -> None:
    config = {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "settings", "namespace": "prod"},
        "data": {"a": "b"},
    }
    secret = {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"name": "db", "namespace": "prod"},
        "data": {"url": "eA=="},
    }
    elsewhere = {**config, "metadata": {"name": "other", "namespace": "stage"}}
    root = {**config, "metadata": {"name": "kube-root-ca.crt", "namespace": "prod"}}
    found = imported(config, secret, elsewhere, root)
    assert kinds(found)[2:4] == ["ConfigMap/settings", "Secret/db"]
    assert len(found.objects) == 5
    assert "values of Secrets are redacted: containers that need them fail otherwise than there" in found.notes
    shown = imported(config, secret, with_secrets=True)
    assert shown.objects[3]["data"] == {"url": "eA=="}
    assert not any("redacted" in note for note in shown.notes)


def lacking_pod(message: str) -> Json:
    return {
        **SHOWN,
        "status": {"containerStatuses": [status("app", 0, waiting("CreateContainerConfigError", message))]},
    }


def test_what_the_cluster_lacked_is_lacking_here() -> None:
    found = import_objects([lacking_pod('configmap "settings" not found')])
    assert "ConfigMap/settings" not in kinds(found)
    assert "configmap prod/settings for pod/shop-5d9f was missing there, and is missing here" in found.notes


def test_a_key_that_the_cluster_lacked_is_lacking_here() -> None:
    found = import_objects([lacking_pod("couldn't find key url in Secret prod/db")])
    assert found.objects[0]["stringData"] == {}


def test_events_tell_what_was_lacking_and_are_kept() -> None:
    about = {"kind": "Pod", "namespace": "prod", "name": "shop-5d9f"}
    event = {"kind": "Event", "message": 'MountVolume.SetUp failed: secret "db" not found', "involvedObject": about}
    other = {"kind": "Event", "note": "x", "regarding": {"kind": "Pod", "name": "else"}}
    found = imported(event, other)
    assert "Secret/db" not in kinds(found)
    assert [one["kind"] for one in found.observed] == ["Pod", "Event"]


def test_pods_can_be_chosen_and_the_systems_are_left_out() -> None:
    system = {**pod(), "metadata": {"name": "dns", "namespace": "kube-system"}}
    assert "Pod/dns" not in kinds(import_objects([pod(), system]))
    assert kinds(import_objects([pod(), system], pods=["dns"])) == ["Pod/dns"]
    assert kinds(import_objects([system])) == ["Pod/dns"]


def test_images_are_replaced() -> None:
    found = imported(images={"registry.example/shop": "busybox:1.36"})
    assert found.objects[-1]["spec"]["containers"][0]["image"] == "busybox:1.36"


@pytest.mark.parametrize(
    ("values", "options", "error"),
    [
        ([], {}, "there is no Pod in the input"),
        ([{"kind": "ConfigMap"}], {}, "there is no Pod in the input"),
        ([pod()], {"pods": ["wbe"]}, 'there is no pod "wbe" in the input, did you mean "web"?'),
        ([pod()], {"pods": ["zzzzzz"]}, 'there is no pod "zzzzzz" in the input'),
    ],
)
def test_what_cannot_be_imported_is_said(values: list[Json], options: Any, error: str) -> None:
    with pytest.raises(UsageError) as raised:
        import_objects(values, **options)
    assert raised.value.message == error


def test_what_is_no_manifest_even_now_is_said_with_its_object_and_field() -> None:
    broken = pod(restartPolicy="Sometimes")
    with pytest.raises(ManifestError) as raised:
        import_objects([broken])
    assert raised.value.problems[0].startswith("Pod/web: spec.restartPolicy: ")


def test_a_capture_has_manifests_faults_and_what_it_is() -> None:
    found = import_objects([pod(status("init", 1, {"running": {}}, ended(3)))])
    files = members(found, origin="dump.yaml", retry=RetryScope.CONTAINER)
    assert yaml.safe_load(files[FAULTS]) == ["pod/web/init#0:exit=3"]
    assert [one["kind"] for one in yaml.safe_load_all(files[MANIFEST])] == ["Pod"]
    assert json.loads(files[OBSERVED])["items"][0]["metadata"] == {"name": "web"}
    about = About.from_text(files[ABOUT])
    assert (about.origin, about.retry, about.notes) == ("dump.yaml", RetryScope.CONTAINER, ())


def test_a_capture_without_failures_has_an_empty_list_of_faults() -> None:
    assert members(import_objects([pod()]), origin="", retry=RetryScope.POD)[FAULTS] == "[]\n"


@pytest.mark.parametrize("text", ["7", "{", '{"form": 2}'])
def test_what_is_no_capture_of_this_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any reader's
        About.from_text(text)
