"""The typed view of a pod."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.core.model import (
    Container,
    ExecAction,
    GRPCAction,
    Handler,
    HTTPGetAction,
    Pod,
    Probe,
    ProbeKind,
    PullPolicy,
    RestartPolicy,
    RestartRule,
    RuleAction,
    RuleOperator,
    SleepAction,
    TCPSocketAction,
    TerminationMessagePolicy,
    VolumeMount,
)
from tests.support.pods import at, make_pod

CASES = json.loads((Path(__file__).parents[2] / "fixtures/conformance/computepodactions.json").read_text())["cases"]


def container(**fields: Any) -> Container:
    return make_pod((), ({"name": "main", **fields},)).containers[0]


def test_a_bare_pod_has_the_apis_zero_values() -> None:
    pod = Pod.from_json({})
    assert (pod.name, pod.namespace, pod.uid, pod.restart_policy) == ("", "default", "", RestartPolicy.ALWAYS)
    assert (pod.containers, pod.termination_grace, pod.created_at, pod.spec) == ((), None, None, {})
    assert not pod.is_deleted
    assert not pod.host_network


def test_a_bare_container_has_the_defaults() -> None:
    (bare,) = Pod.from_json({"spec": {"containers": [{}]}}).containers
    assert (bare.name, bare.image, bare.pull_policy) == ("", "", PullPolicy.IF_NOT_PRESENT)
    assert bare.termination_message_path == "/dev/termination-log"
    assert bare.termination_message_policy is TerminationMessagePolicy.FILE
    assert (bare.startup, bare.liveness, bare.readiness, bare.post_start, bare.pre_stop) == (None,) * 5


def test_metadata_and_spec_are_read() -> None:
    pod = make_pod(
        metadata={
            "labels": {"a": "b"},
            "annotations": {"c": "d"},
            "deletionTimestamp": "2000-01-01T00:00:09Z",
            "deletionGracePeriodSeconds": 5,
        },
        activeDeadlineSeconds=60,
        hostNetwork=True,
        readinessGates=[{"conditionType": "www.example.com/gate"}],
    )
    assert (pod.labels, pod.annotations) == ({"a": "b"}, {"c": "d"})
    assert (pod.created_at, pod.deleted_at, pod.deletion_grace, pod.is_deleted) == (at(0), at(9), 5, True)
    assert (pod.active_deadline, pod.host_network, pod.readiness_gates) == (60, True, ("www.example.com/gate",))
    assert pod.full_name == "web_default(uid-1)"


def test_containers_know_what_they_are() -> None:
    pod = make_pod(
        [{"name": "proxy", "restartPolicy": "Always"}, "init"], [{"name": "main", "restartPolicy": "Always"}]
    )
    assert [(c.name, c.is_sidecar, c.is_regular_init) for c in pod.all_containers()] == [
        ("proxy", True, False),
        ("init", False, True),
        ("main", False, False),
    ]
    assert [c.name for c in pod.sidecars] == ["proxy"]
    assert [c.field_path for c in pod.all_containers()][1:] == ["spec.initContainers{init}", "spec.containers{main}"]
    found = pod.container("init")
    assert found is pod.init_containers[1]
    assert pod.container("nope") is None


HANDLERS: list[tuple[str, dict[str, Any], Handler | None]] = [
    ("a command", {"exec": {"command": ["a", "b"]}}, ExecAction(command=("a", "b"))),
    ("no command", {"exec": None}, ExecAction(command=())),
    (
        "a web server",
        {
            "httpGet": {
                "path": "/x",
                "port": "http",
                "host": "h",
                "scheme": "HTTPS",
                "httpHeaders": [{"name": "A", "value": "b"}],
            }
        },
        HTTPGetAction(path="/x", port="http", host="h", scheme="HTTPS", headers=(("A", "b"),)),
    ),
    ("its root", {"httpGet": {"port": 80}}, HTTPGetAction(path="/", port=80, host="", scheme="HTTP", headers=())),
    ("a port", {"tcpSocket": {"port": 1, "host": "h"}}, TCPSocketAction(port=1, host="h")),
    ("gRPC", {"grpc": {"port": 1, "service": "s"}}, GRPCAction(port=1, service="s")),
    ("gRPC without a service", {"grpc": {"port": 1, "service": None}}, GRPCAction(port=1, service="")),
    ("sleep", {"sleep": {"seconds": 3}}, SleepAction(seconds=3)),
    ("nothing", {}, None),
]


@pytest.mark.parametrize(("value", "handler"), [r[1:] for r in HANDLERS], ids=[r[0] for r in HANDLERS])
def test_handlers(value: dict[str, Any], handler: Handler | None) -> None:
    assert container(lifecycle={"preStop": value}).pre_stop == handler
    assert container(lifecycle={"postStart": value}).post_start == handler
    found = container(livenessProbe=value).liveness
    assert (found.handler if found else None) == handler


def test_a_probe_has_the_apis_defaults_also_for_zero() -> None:
    zero = dict.fromkeys(("timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"), 0)
    bare = Probe(
        handler=ExecAction(command=("true",)),
        initial_delay=0,
        timeout=1,
        period=10,
        success_threshold=1,
        failure_threshold=3,
        grace=None,
    )
    for fields in ({}, zero):
        assert container(startupProbe={"exec": {"command": ["true"]}, **fields}).startup == bare


@pytest.mark.parametrize(
    ("kind", "seconds"), [(ProbeKind.STARTUP, 1), (ProbeKind.LIVENESS, 2), (ProbeKind.READINESS, 3)]
)
def test_probes_are_found_by_kind(kind: ProbeKind, seconds: int) -> None:
    probes = {
        f"{name}Probe": {"exec": {"command": ["true"]}, "periodSeconds": period}
        for name, period in (("startup", 1), ("liveness", 2), ("readiness", 3))
    }
    found = container(**probes).probe(kind)
    assert found is not None
    assert found.period == seconds
    assert container().probe(kind) is None


def test_mounts_and_rules_are_read() -> None:
    mount = {
        "name": "v",
        "mountPath": "/v",
        "subPath": "s",
        "readOnly": True,
        "mountPropagation": "None",
        "recursiveReadOnly": "Enabled",
    }
    rules = [{"action": "RestartAllContainers", "exitCodes": {"operator": "NotIn", "values": [1, 2]}}, {}]
    found = container(volumeMounts=[mount, {"name": "w", "subPathExpr": "$(X)"}], restartPolicyRules=rules)
    assert found.volume_mounts == (
        VolumeMount(
            name="v", mount_path="/v", sub_path="s", read_only=True, propagation="None", recursive_read_only="Enabled"
        ),
        VolumeMount(name="w", mount_path="", sub_path_expr="$(X)"),
    )
    assert found.rules == (
        RestartRule(action=RuleAction.RESTART_ALL, operator=RuleOperator.NOT_IN, values=frozenset({1, 2})),
        RestartRule(action=RuleAction.RESTART, operator=RuleOperator.IN, values=frozenset()),
    )


@pytest.mark.parametrize("spec", [case["pod"] for case in CASES[:40]])
def test_reading_a_pod_twice_gives_equal_pods_and_keeps_the_object(spec: dict[str, Any]) -> None:
    value = {"metadata": {"name": "p"}, "spec": spec}
    pod = Pod.from_json(value)
    assert pod == Pod.from_json(json.loads(json.dumps(value)))
    assert pod.manifest is value
    assert pod.spec is spec


def test_the_containers_to_choose_from_are_listed_as_kubectl_lists_them() -> None:
    spec = {
        "initContainers": [{"name": "first", "image": "i"}],
        "containers": [{"name": "main", "image": "i"}, {"name": "other", "image": "i"}],
        "ephemeralContainers": [{"name": "debug", "image": "i"}],
    }
    assert (
        Pod.from_json({"metadata": {"name": "p"}, "spec": spec}).choices == "main, other, debug (ephem), first (init)"
    )
