"""What updates may change, kind by kind, and the Status objects that say what they may not."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from runner.core.apimachinery import statuses, updating
from runner.core.apimachinery.decoding import decode
from runner.core.apimachinery.statuses import StatusError
from runner.core.manifest.kinds import apply_defaults

Row = dict[str, Any]
SERVERS = {"uid": "u", "resourceVersion": "7", "creationTimestamp": "2026-01-31T12:00:00Z"}


def update(value: Row, old: Row) -> Row:
    return updating.updated(decode(value, str(old["kind"])).value, old)


def stored(kind: str, version: str = "v1", **parts: Any) -> Row:
    given = {"apiVersion": version, "kind": kind, "metadata": {"name": "x", "namespace": "default"}, **parts}
    value = decode(given, kind).value
    apply_defaults(kind, value, "default")
    value["metadata"].update(SERVERS, **({"generation": 3} if "spec" in parts else {}))
    return {**value, **({"status": parts["status"]} if "status" in parts else {})}


def template(**spec: Any) -> Row:
    return {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "main", "image": "busybox"}], **spec}}


POD = stored(
    "Pod",
    spec={"containers": [{"name": "main", "image": "busybox"}], "activeDeadlineSeconds": 50},
    status={"phase": "Running"},
)
POD_WITH_TOLERATION = stored("Pod", spec={**template()["spec"], "tolerations": [{"key": "k", "operator": "Exists"}]})
MAP = stored("ConfigMap", data={"a": "1"}, immutable=True)
SECRET = stored("Secret", data={"a": "eA=="}, type="Opaque", immutable=True)
SERVICE = stored(
    "Service",
    spec={
        "type": "NodePort",
        "ports": [{"port": 80, "nodePort": 30080}],
        "clusterIP": "10.0.0.9",
        "selector": {"a": "b"},
    },
)
CLAIM = stored(
    "PersistentVolumeClaim",
    spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}, "storageClassName": "s"},
)
JOB = stored(
    "Job",
    "batch/v1",
    spec={"template": template(restartPolicy="Never"), "selector": {"matchLabels": {"a": "b"}}, "manualSelector": True},
)
SET = stored(
    "StatefulSet", "apps/v1", spec={"serviceName": "s", "selector": {"matchLabels": {"a": "b"}}, "template": template()}
)
DEPLOYMENT = stored("Deployment", "apps/v1", spec={"selector": {"matchLabels": {"a": "b"}}, "template": template()})


def changed(value: Row, *path: Any, to: Any) -> Row:
    made = deepcopy(value)
    place: Any = made
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return made


@pytest.mark.parametrize(
    ("old", "path", "to", "message"),
    [
        (POD, ("spec", "containers", 0, "image"), "nginx", ""),
        (POD, ("spec", "containers", 0, "image"), " nginx", "must not have leading or trailing whitespace"),
        (POD, ("spec", "containers", 0, "image"), "", "spec.containers[0].image: Required value"),
        (POD, ("spec", "containers"), [], "spec.containers: Forbidden: pod updates may not add or remove containers"),
        (POD, ("spec", "activeDeadlineSeconds"), 40, ""),
        (POD, ("spec", "activeDeadlineSeconds"), 60, "must be less than or equal to previous value"),
        (POD, ("spec", "activeDeadlineSeconds"), -1, "must be between 0 and 2147483647, inclusive"),
        (POD, ("spec", "activeDeadlineSeconds"), None, "must not update from a positive integer to nil value"),
        (POD, ("spec", "containers", 0, "env"), [{"name": "A", "value": "1"}], '+   "Env": [\n+    {\n+     "Name": "A"'),
        (POD, ("spec", "restartPolicy"), "Never", "pod updates may not change fields other than `spec.containers[*].image`"),
        (POD, ("metadata", "labels"), {"a": "b"}, ""),
        (POD, ("metadata", "labels"), {"-": "b"}, 'metadata.labels: Invalid value: "-"'),
        (POD_WITH_TOLERATION, ("spec", "tolerations", 0, "tolerationSeconds"), 5, "effect must be 'NoExecute'"),
        (POD_WITH_TOLERATION, ("spec", "tolerations"), [], "existing toleration can not be modified"),
        (MAP, ("data", "a"), "2", "data: Forbidden: field is immutable when `immutable` is set"),
        (MAP, ("immutable",), False, "immutable: Forbidden: field is immutable when `immutable` is set"),
        (SECRET, ("type",), "other", 'type: Invalid value: "other": field is immutable'),
        (SERVICE, ("spec", "clusterIPs"), ["10.0.0.8"], "may not change once set"),
        (SERVICE, ("spec", "type"), "ExternalName", "spec.externalName"),
        (SERVICE, ("spec", "ports"), [{"port": 81}], ""),
        (CLAIM, ("spec", "storageClassName"), "t", "spec is immutable after creation except resources.requests"),
        (CLAIM, ("spec", "volumeMode"), "Block", "volumeMode: Invalid value"),
        (CLAIM, ("spec", "resources", "requests", "storage"), "1Gi", "spec is immutable after creation"),
        (JOB, ("spec", "completions"), 4, "spec.completions: Invalid value: 4: field is immutable"),
        (JOB, ("spec", "template", "spec", "containers", 0, "image"), "nginx", "spec.template: Invalid value"),
        (JOB, ("spec", "parallelism"), 4, ""),
        (JOB, ("spec", "completionMode"), "Indexed", "spec.completionMode"),
        (SET, ("spec", "replicas"), 4, ""),
        (SET, ("spec", "serviceName"), "t", "updates to statefulset spec for fields other than 'replicas', 'ordinals'"),
        (DEPLOYMENT, ("spec", "replicas"), 2, ""),
        (DEPLOYMENT, ("metadata", "uid"), "other", 'metadata.uid: Invalid value: "other": field is immutable'),
        (DEPLOYMENT, ("metadata", "deletionTimestamp"), "2026-01-31T12:00:00Z", "metadata.deletionTimestamp"),
    ],
)  # fmt: skip
def test_an_update_changes_what_it_may(old: Row, path: tuple[Any, ...], to: Any, message: str) -> None:
    value = changed(old, *path, to=to)
    if not message:
        assert update(value, old)["metadata"]["uid"] == "u"
        return
    with pytest.raises(StatusError) as error:
        update(value, old)
    assert message in str(error.value)
    assert error.value.code == 422


def test_an_indexed_job_takes_more_completions_with_more_parallelism() -> None:
    spec = {**JOB["spec"], "completionMode": "Indexed", "completions": 2, "parallelism": 2}
    old = stored("Job", "batch/v1", spec=spec)
    assert update({**old, "spec": {**spec, "completions": 3, "parallelism": 3}}, old)
    with pytest.raises(StatusError, match=r"can only be modified in tandem with spec\.parallelism"):
        update({**old, "spec": {**spec, "completions": 4, "parallelism": 3}}, old)


def test_the_template_of_a_suspended_job_may_change() -> None:
    old = stored("Job", "batch/v1", spec={**JOB["spec"], "suspend": True})
    assert update(changed(old, "spec", "template", "spec", "nodeSelector", to={"a": "b"}), old)


def test_a_bound_claim_grows_and_shrinks_only_above_its_capacity() -> None:
    old = {**CLAIM, "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}}
    assert update(changed(old, "spec", "resources", "requests", "storage", to="3Gi"), old)
    with pytest.raises(StatusError, match=r"field can not be less than status\.capacity"):
        update(changed(old, "spec", "resources", "requests", "storage", to="1Gi"), old)
    named = changed(CLAIM, "spec", "volumeName", to="v")
    assert update(named, CLAIM)["spec"]["volumeName"] == "v"
    with pytest.raises(StatusError, match="spec is immutable"):
        update(changed(named, "spec", "volumeName", to="w"), named)


def test_a_negative_grace_period_may_become_one_second() -> None:
    old = changed(POD, "spec", "terminationGracePeriodSeconds", to=-1)
    assert update(changed(POD, "spec", "terminationGracePeriodSeconds", to=1), old)


def test_a_service_keeps_the_addresses_that_an_update_leaves_out() -> None:
    assert SERVICE["spec"]["clusterIPs"] == ["10.0.0.9"]
    spec = {
        "type": "NodePort",
        "ports": [{"port": 80, "protocol": "TCP"}, {"port": 81, "name": "b"}],
        "selector": {"a": "b"},
    }
    spec["ports"][0]["name"] = "a"  # type: ignore[index]
    made = update({**SERVICE, "spec": spec}, SERVICE)
    assert (made["spec"]["clusterIP"], made["spec"]["ports"][0]["nodePort"]) == ("10.0.0.9", 30080)
    assert "nodePort" not in made["spec"]["ports"][1]
    external = {"type": "ExternalName", "externalName": "example.com"}
    assert update({**SERVICE, "spec": external}, SERVICE)["spec"].get("clusterIP") is None
    headless = stored("Service", spec={"ports": [{"port": 80}], "clusterIP": "None"})
    assert update({**headless, "spec": {"ports": [{"port": 81}]}}, headless)["spec"]["clusterIP"] == "None"
    bare = stored("Service", spec={"ports": [{"port": 80}]})
    assert update({**bare, "spec": {"ports": [{"port": 81}]}}, bare)["spec"].get("clusterIP") is None


def test_a_primary_address_cannot_be_given_back() -> None:
    from runner.core.apimachinery.immutability import changed_fields
    from runner.core.manifest.validation.errors import Errors

    errors = Errors()
    changed_fields(errors, {"spec": {}}, {"kind": "Service", "spec": {"clusterIPs": ["10.0.0.9"]}})
    assert str(errors.items[0].body) == "Invalid value: null: primary clusterIP can not be unset"


def test_what_the_server_wrote_stays_and_a_changed_spec_is_a_new_generation() -> None:
    made = update(
        {**DEPLOYMENT, "metadata": {"name": "x", "namespace": "default"}, "status": {"replicas": 9}}, DEPLOYMENT
    )
    assert made["metadata"] == DEPLOYMENT["metadata"]
    assert "status" not in made
    assert update(changed(DEPLOYMENT, "spec", "replicas", to=5), DEPLOYMENT)["metadata"]["generation"] == 4
    assert POD["metadata"]["generation"] == 3
    going = changed(
        changed(POD, "metadata", "deletionTimestamp", to="2026-01-31T13:00:00Z"), "metadata", "finalizers", to=["a/b"]
    )
    going["metadata"]["deletionGracePeriodSeconds"] = 30
    kept = update(POD, going)
    assert kept["metadata"]["deletionTimestamp"] == "2026-01-31T13:00:00Z"
    assert kept["metadata"]["deletionGracePeriodSeconds"] == 30
    with pytest.raises(StatusError, match=r'no new finalizers can be added .*found new finalizers \[\]string\{"c/d"\}'):
        update(changed(POD, "metadata", "finalizers", to=["a/b", "c/d"]), going)
    assert update(changed(POD, "metadata", "finalizers", to=["a/b"]), going)


def test_a_namespace_is_checked_by_its_metadata_alone() -> None:
    old = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "x", **SERVERS},
        "spec": {"finalizers": ["kubernetes"]},
    }
    assert update(changed(old, "metadata", "labels", to={"a": "b"}), old)["metadata"]["labels"]["a"] == "b"


def test_the_status_is_written_alone() -> None:
    made = updating.with_status(changed(POD, "status", to={"phase": "Failed"}) | {"spec": {}}, POD)
    assert (made["spec"], made["status"]) == (POD["spec"], {"phase": "Failed"})
    with pytest.raises(StatusError, match="field is immutable"):
        updating.with_status(changed(POD, "metadata", "uid", to="other"), POD)


def test_ephemeral_containers_only_come() -> None:
    one = {"name": "d", "image": "busybox"}
    made = updating.with_ephemeral_containers(changed(POD, "spec", "ephemeralContainers", to=[one]), POD)
    assert made["spec"]["ephemeralContainers"][0]["imagePullPolicy"] == "Always"
    with pytest.raises(StatusError, match='"d" may not be removed'):
        updating.with_ephemeral_containers(POD, made)
    with pytest.raises(StatusError, match='"d" may not be changed'):
        updating.with_ephemeral_containers(changed(made, "spec", "ephemeralContainers", 0, "image", to="nginx"), made)
    more = [*made["spec"]["ephemeralContainers"], {"name": "e", "image": "busybox"}]
    assert updating.with_ephemeral_containers(changed(made, "spec", "ephemeralContainers", to=more), made)


@pytest.mark.parametrize(
    ("metadata", "namespace", "message"),
    [
        ({"name": "x"}, "default", ""),
        ({"name": "x", "namespace": "other"}, "", ""),
        ({"name": "x", "namespace": "other"}, "default", "the namespace of the provided object does not match"),
        ({}, "default", "the name of the object (x based on URL) was undeterminable: name must be provided"),
        ({"name": "y"}, "default", "the name of the object (y) does not match the name on the URL (x)"),
    ],
)
def test_an_object_belongs_to_the_path_of_its_request(metadata: Row, namespace: str, message: str) -> None:
    value = {"metadata": dict(metadata)}
    if not message:
        updating.check_place(value, "x", namespace)
        assert value["metadata"].get("namespace", "") == namespace
        return
    with pytest.raises(StatusError) as error:
        updating.check_place(value, "x", namespace)
    assert message in str(error.value)


def test_an_update_of_an_older_object_conflicts() -> None:
    updating.check_version(POD, POD, "pods", "")
    with pytest.raises(StatusError) as error:
        updating.check_version(changed(POD, "metadata", "resourceVersion", to="6"), POD, "pods", "")
    text = "the object has been modified; please apply your changes to the latest version and try again"
    assert error.value.status == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f'Operation cannot be fulfilled on pods "x": {text}',
        "reason": "Conflict",
        "details": {"name": "x", "kind": "pods"},
        "code": 409,
    }
    other = changed(POD, "metadata", "uid", to="o")
    with pytest.raises(StatusError, match="Precondition failed: UID in precondition: o, UID in object meta: u"):
        updating.check_version(other, POD, "pods", "")
    updating.check_version(other, POD, "pods", "", has_precondition=False)


@pytest.mark.parametrize(
    ("make", "code", "message", "details"),
    [
        (lambda: statuses.not_found("pods", "", "x"), 404, 'pods "x" not found', {"name": "x", "kind": "pods"}),
        (statuses.no_such_path, 404, "the server could not find the requested resource", {}),
        (
            lambda: statuses.already_exists("jobs", "batch", "x"),
            409,
            'jobs.batch "x" already exists',
            {"name": "x", "group": "batch", "kind": "jobs"},
        ),
        (lambda: statuses.forbidden("pods", "", "x", "no"), 403, 'pods "x" is forbidden: no', {"name": "x", "kind": "pods"}),
        (lambda: statuses.forbidden("pods", "", "", "no"), 403, "pods is forbidden: no", {"kind": "pods"}),
        (lambda: statuses.forbidden("", "", "", "no"), 403, "forbidden: no", {}),
        (
            lambda: statuses.internal("no"),
            500,
            "Internal error occurred: no",
            {"causes": [{"message": "no"}]},
        ),
        (
            lambda: statuses.method_not_supported("pods", "", "delete"),
            405,
            'delete is not supported on resources of kind "pods"',
            {"kind": "pods"},
        ),
        (statuses.method_not_allowed, 405, "the server does not allow this method on the requested resource", {}),
        (lambda: statuses.not_acceptable(["a", "b"]), 406, "only the following media types are accepted: a, b", None),
        (lambda: statuses.expired("old"), 410, "old", None),
        (lambda: statuses.too_many_requests("slow"), 429, "slow", {"retryAfterSeconds": 1}),
        (lambda: StatusError(500, "", ""), 500, None, None),
    ],
)  # fmt: skip
def test_refusals_are_statuses(make: Callable[[], StatusError], code: int, message: str | None, details: Any) -> None:
    status = make().status
    assert (status["code"], status.get("message"), status.get("details")) == (code, message, details)


def test_what_was_deleted_is_told_by_its_details() -> None:
    told = statuses.success(name="x", plural="jobs", group="batch", uid="u")
    assert told["details"] == {"name": "x", "group": "batch", "kind": "jobs", "uid": "u"}
    assert (told["status"], "code" in told) == ("Success", False)
