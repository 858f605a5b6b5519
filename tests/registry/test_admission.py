"""How new objects come into a registry: what they get at the door, what is not let in, and that several come together or not."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.admission import NO_NODE, unscheduled
from runner.core.kindwords import CLAIMS, OBJECTS, PODS, WORKLOADS
from runner.core.manifest import Source, load
from runner.errors import ManifestError
from runner.registry.admission import Admission, checked, create, value_of
from runner.registry.contract import AlreadyExists, Registry
from tests.registry.support import NOW

CONTAINER = {"name": "main", "image": "busybox"}


def manifest(kind: str, name: str = "web", **spec: Any) -> dict[str, Any]:
    """An object as a user writes it, with as little as is allowed."""
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [CONTAINER]}}
    selecting = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    job = {"template": {"spec": {"containers": [CONTAINER], "restartPolicy": "Never"}}}
    least: dict[str, tuple[str, dict[str, Any]]] = {
        "Pod": ("v1", {"spec": {"containers": [CONTAINER]}}),
        "ConfigMap": ("v1", {"data": {"k": "v"}}),
        "Secret": ("v1", {"stringData": {"k": "v"}}),
        "Service": ("v1", {"spec": {"ports": [{"port": 80}]}}),
        "PersistentVolumeClaim": (
            "v1",
            {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
        ),
        "ReplicationController": ("v1", {"spec": {"selector": {"app": "web"}, "template": template}}),
        "StatefulSet": ("apps/v1", {"spec": {**selecting, "serviceName": "web"}}),
        "Job": ("batch/v1", {"spec": job}),
        "CronJob": ("batch/v1", {"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": job}}}),
    }
    version, parts = least.get(kind, ("apps/v1", {"spec": selecting}))
    given = {"spec": {**parts["spec"], **spec}} if spec else {}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **parts, **given}


def admitted(value: dict[str, Any], **policy: Any) -> dict[str, Any]:
    return Admission(**policy).admit(value_of(checked(value)), NOW)


@pytest.mark.parametrize("kind", [PODS.kind, CLAIMS.kind, *OBJECTS, *WORKLOADS])
def test_an_object_of_every_kind_comes_in_with_its_identity_and_its_defaults(registry: Registry, kind: str) -> None:
    (made,) = create(registry, admitted(manifest(kind)))
    metadata = made["metadata"]
    assert (metadata["namespace"], metadata["name"]) == ("default", "web")
    assert metadata["uid"]
    assert metadata["creationTimestamp"] == NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert metadata.get("generation") == (1 if kind in {PODS.kind, *WORKLOADS} else None)
    assert registry.get(kind, "default", "web") == registry.get_by_uid(metadata["uid"]) == made
    with pytest.raises(AlreadyExists, match=r'"web" already exists$'):
        create(registry, admitted(manifest(kind)))


def test_a_pod_comes_in_waiting_with_its_node_and_its_account(registry: Registry) -> None:
    (made,) = create(registry, admitted(manifest("Pod"), node="here", accounts={}), holder="node")
    assert registry.list("Event").items == []
    assert made["status"] == {"phase": "Pending"}
    assert made["spec"]["nodeName"] == "here"
    assert made["spec"]["serviceAccountName"] == "default"
    assert made["spec"]["restartPolicy"] == "Always"
    (mount,) = made["spec"]["containers"][0]["volumeMounts"]
    assert mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"


def test_a_pod_without_a_holder_waits_for_a_node_and_says_so(registry: Registry) -> None:
    first, _, config = create(
        registry, admitted(manifest("Pod")), admitted(manifest("Pod", "db")), admitted(manifest("ConfigMap"))
    )
    assert first["status"] == unscheduled(NOW.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert "status" not in config
    told = [(one["involvedObject"]["name"], one["reason"], one["message"]) for one in registry.list("Event").items]
    assert told == [("web", "FailedScheduling", NO_NODE), ("db", "FailedScheduling", NO_NODE)]


def test_a_pod_that_names_its_node_stays_there_and_without_accounts_gets_none() -> None:
    made = admitted(manifest("Pod", nodeName="there"), node="here")
    assert made["spec"]["nodeName"] == "there"
    assert "serviceAccountName" not in made["spec"]
    assert "nodeName" not in admitted(manifest("Pod"))["spec"]


def test_a_job_comes_in_with_the_selector_of_its_pods() -> None:
    made = admitted(manifest("Job"))
    uid = made["metadata"]["uid"]
    assert made["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert made["spec"]["template"]["metadata"]["labels"]["job-name"] == "web"


@pytest.mark.parametrize(
    ("own", "kept"),
    [
        pytest.param({}, None, id="none of its own: those of its pods"),
        pytest.param({"labels": {"a": "b"}}, {"a": "b"}, id="its own stay"),
    ],
)
def test_a_job_has_labels(own: dict[str, Any], kept: dict[str, str] | None) -> None:
    value = manifest("Job")
    made = admitted({**value, "metadata": {**value["metadata"], **own}})
    assert made["metadata"]["labels"] == (kept or made["spec"]["template"]["metadata"]["labels"])


def test_a_jobs_selector_and_labels_are_completed_not_replaced() -> None:
    value = manifest("Job", selector={"matchExpressions": [{"key": "job-name", "operator": "Exists"}]})
    made = admitted(value)
    uid = made["metadata"]["uid"]
    assert made["spec"]["selector"] == {
        "matchExpressions": [{"key": "job-name", "operator": "Exists"}],
        "matchLabels": {"batch.kubernetes.io/controller-uid": uid},
    }


def test_a_pod_that_its_account_does_not_allow_is_not_let_in() -> None:
    account = {"metadata": {"name": "default", "annotations": {"kubernetes.io/enforce-mountable-secrets": "true"}}}
    volumes = [{"name": "v", "secret": {"secretName": "other"}}]
    with pytest.raises(ManifestError, match=r'^pods "web" is forbidden: volume with secret\.secretName="other"'):
        admitted(manifest("Pod", volumes=volumes), accounts={("default", "default"): account})


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({**manifest("Pod"), "spec": {"containers": []}}, "spec.containers: Required value"),
        (manifest("Pod", nosuch=1), 'unknown field "spec.nosuch"'),
        (manifest("Job", completions=-1), "spec.completions: Invalid value: -1"),
        ({**manifest("ConfigMap"), "kind": "Nosuch"}, 'no matches for kind "Nosuch" in version "v1"'),
        ({"kind": "Pod"}, "apiVersion: Required value"),
        ({}, "apiVersion: Required value"),
        ({"apiVersion": "v1", "kind": "List", "items": []}, "no objects in this file"),
        ({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}, 'kind "Node" is ignored'),
    ],
    ids=["missing", "unknown", "invalid", "kind", "version", "nothing", "list", "ignored"],
)
def test_what_a_server_would_not_take_is_refused_with_all_that_is_wrong(value: dict[str, Any], problem: str) -> None:
    with pytest.raises(ManifestError) as caught:
        checked(value)
    assert problem in caught.value.message


def test_a_generated_name_is_another_one_each_time(registry: Registry) -> None:
    value = {**manifest("ConfigMap"), "metadata": {"generateName": "web-"}}
    made = create(registry, admitted(value), admitted(value))
    first, second = (one["metadata"]["name"] for one in made)
    assert first != second
    assert first.startswith("web-")


def test_of_several_objects_all_come_in_or_none(registry: Registry) -> None:
    create(registry, admitted(manifest("Pod", "taken")))
    with pytest.raises(AlreadyExists, match=r'^pods "taken" already exists$'):
        create(
            registry, admitted(manifest("Deployment")), admitted(manifest("Pod")), admitted(manifest("Pod", "taken"))
        )
    assert registry.list("Deployment").items == []
    assert [pod["metadata"]["name"] for pod in registry.list("Pod").items] == ["taken"]


def test_what_an_earlier_version_wrote_of_an_owner_does_not_come_in(registry: Registry) -> None:
    value = manifest("ConfigMap")
    value["metadata"]["annotations"] = {"dev.podrunner/owner": "host:1:2", "a": "b"}
    (made,) = create(registry, admitted(value))
    assert made["metadata"]["annotations"] == {"a": "b"}


def test_what_the_ledger_says_is_there_from_the_same_moment_on(registry: Registry) -> None:
    made = create(
        registry, admitted(manifest("Pod")), admitted(manifest("Service")), holder="n", run_spec="{}", lease="l"
    )
    for one in made:
        uid, ledger = one["metadata"]["uid"], registry.ledger
        assert (ledger.holder(uid), ledger.run_spec(uid), ledger.lease(uid)) == ("n", "{}", "l")


def test_services_that_come_in_together_get_node_ports_of_their_own(registry: Registry) -> None:
    services = [admitted(manifest("Service", f"s{number}", type="NodePort")) for number in range(20)]
    ports = [one["spec"]["ports"][0]["nodePort"] for one in create(registry, *services)]
    assert len(set(ports)) == 20
    assert all(30000 <= port <= 32767 for port in ports)


def test_what_was_loaded_says_its_kind_and_its_namespace() -> None:
    (loaded,) = load(
        [Source(name="f", text="{apiVersion: v1, kind: Secret, metadata: {name: s}}")], namespace="shop"
    ).objects
    value = value_of(loaded)
    assert (value["apiVersion"], value["kind"], value["metadata"]["namespace"]) == ("v1", "Secret", "shop")
