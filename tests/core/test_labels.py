"""Names and labels of what is made in the Engine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.core import labels
from runner.core.labels import (
    attempt_of,
    container_labels,
    container_name,
    pvc_volume_name,
    sandbox_labels,
    sandbox_name,
    spec_hash,
    volume_labels,
    volume_name,
)
from tests.support.pods import make_pod

POD = make_pod(metadata={"labels": {"app": "web", labels.POD_UID: "forged"}, "annotations": {"note": "n"}})
IDENTITY = {
    "io.kubernetes.pod.name": "web",
    "io.kubernetes.pod.namespace": "default",
    "io.kubernetes.pod.uid": "uid-1",
    "dev.podrunner/managed": "1",
    "dev.podrunner/owner": "me",
}


def test_names_are_those_of_a_node() -> None:
    assert sandbox_name(POD, 1) == "k8s_POD_web_default_uid-1_1"
    assert container_name("main", POD, 0) == "k8s_main_web_default_uid-1_0"
    assert volume_name(POD, "data") == "k8s_data_web_default_uid-1"
    assert pvc_volume_name("shop", "data") == "k8s_pvc_data_shop"


def test_the_sandbox_carries_the_pods_labels_and_annotations_and_they_forge_nothing() -> None:
    assert sandbox_labels(POD, 2, "me") == {
        **IDENTITY,
        "app": "web",
        "annotation.note": "n",
        "io.kubernetes.container.name": "POD",
        "io.kubernetes.docker.type": "podsandbox",
        "dev.podrunner/attempt": "2",
    }


def test_a_container_carries_what_its_kill_needs_and_none_of_the_pods_labels() -> None:
    main = {
        "name": "main",
        "ports": [{"containerPort": 80}],
        "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
        "terminationMessagePath": "/why",
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    pod = replace(make_pod((), (main,), metadata={"labels": {"app": "web"}}), deletion_grace=0)
    found = container_labels(pod, pod.containers[0], attempt=3, sandbox_id="sandbox-0", owner="me")
    assert found == {
        **IDENTITY,
        "io.kubernetes.container.name": "main",
        "io.kubernetes.docker.type": "container",
        "io.kubernetes.sandbox.id": "sandbox-0",
        "annotation.io.kubernetes.container.hash": spec_hash(pod.containers[0]),
        "annotation.io.kubernetes.container.restartCount": "3",
        "annotation.io.kubernetes.container.terminationMessagePath": "/why",
        "annotation.io.kubernetes.container.terminationMessagePolicy": "FallbackToLogsOnError",
        "annotation.io.kubernetes.container.preStopHandler": '{"sleep":{"seconds":1}}',
        "annotation.io.kubernetes.container.ports": '[{"containerPort":80}]',
        "annotation.io.kubernetes.pod.terminationGracePeriod": "30",
        "annotation.io.kubernetes.pod.deletionGracePeriod": "0",
    }


def test_what_a_container_does_not_have_is_not_written_down() -> None:
    pod = make_pod((), ({"name": "main", "ports": []},), terminationGracePeriodSeconds=None)
    found = container_labels(pod, pod.containers[0], attempt=0, sandbox_id="s", owner="me")
    assert not {labels.PRE_STOP, labels.PORTS, labels.POD_GRACE, labels.DELETION_GRACE} & found.keys()


def test_a_volume_knows_its_pod_and_its_name() -> None:
    assert volume_labels(POD, "data", "me") == {**IDENTITY, "dev.podrunner/volume": "data"}


def test_only_name_and_image_make_another_hash() -> None:
    container = make_pod().containers[0]
    assert spec_hash(container) == spec_hash(replace(container, command=("other",)))
    assert len({spec_hash(c) for c in (container, replace(container, image="b"), replace(container, name="b"))}) == 3
    assert int(spec_hash(container), 16) >= 0


@pytest.mark.parametrize(
    ("given", "attempt"),
    [
        ({labels.ATTEMPT: "3"}, 3),
        ({labels.RESTART_COUNT: "12"}, 12),
        ({labels.ATTEMPT: "1", labels.RESTART_COUNT: "2"}, 1),
        ({}, 0),
        ({labels.ATTEMPT: "x"}, 0),
        ({labels.ATTEMPT: "-1"}, 0),
        ({labels.ATTEMPT: "\N{SUPERSCRIPT TWO}"}, 0),
    ],
)
def test_the_attempt_is_read_back_even_from_damaged_labels(given: dict[str, str], attempt: int) -> None:
    assert attempt_of(given) == attempt
