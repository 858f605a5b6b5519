"""Ephemeral containers: what kubectl's debug makes, and what an API server says of it."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.manifest.ephemeral import (
    Debugger,
    debugger_name,
    ephemeral_container,
    ephemeral_problems,
    with_ephemeral,
)
from runner.errors import UsageError

POD: dict[str, Any] = {
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "initContainers": [
            {"name": "init", "image": "a", "terminationMessagePolicy": "File", "imagePullPolicy": "Always"}
        ],
        "containers": [{"name": "main", "image": "a", "terminationMessagePolicy": "File", "imagePullPolicy": "Always"}],
        "volumes": [{"name": "data", "emptyDir": {}}],
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
    },
}
AT = "spec.ephemeralContainers[0]"
TRACING = {"capabilities": {"add": ["SYS_PTRACE"]}}


@pytest.mark.parametrize(
    ("asked", "more"),
    [
        pytest.param(Debugger(image="tools"), {"securityContext": TRACING}, id="the general profile may trace"),
        pytest.param(Debugger(image="tools", profile="baseline"), {}, id="the baseline profile may nothing more"),
        pytest.param(
            Debugger(image="tools", profile="baseline", env={"A": "b"}),
            {"env": [{"name": "A", "value": "b"}]},
            id="with a variable",
        ),
        pytest.param(
            Debugger(image="tools", profile="sysadmin"), {"securityContext": {"privileged": True}}, id="sysadmin"
        ),
        pytest.param(
            Debugger(image="tools", command=("ps", "-e"), stdin=True, tty=True, target="main", profile="baseline"),
            {"command": ["ps", "-e"], "stdin": True, "tty": True, "targetContainerName": "main"},
            id="a command on a terminal beside a target",
        ),
        pytest.param(
            Debugger(image="tools", stdin=True, profile="baseline"),
            {"stdin": True, "stdinOnce": True},
            id="a pipe ends with its writer",
        ),
        pytest.param(
            Debugger(image="tools", command=("x",), with_args=True, env={"A": "1"}, profile="baseline"),
            {"args": ["x"], "env": [{"name": "A", "value": "1"}]},
            id="arguments and variables",
        ),
    ],
)
def test_what_is_made(asked: Debugger, more: dict[str, Any]) -> None:
    made = ephemeral_container(asked, "debugger-abcde")
    fixed = {"name": "debugger-abcde", "image": "tools", "resources": {}, "terminationMessagePolicy": "File"}
    assert made == {**fixed, **more}


def test_a_drawn_name_is_no_containers() -> None:
    drawn = iter(["taken", "taken", "free"])
    pod = {"spec": {"ephemeralContainers": [{"name": "debugger-taken"}]}}
    assert debugger_name(pod, lambda: next(drawn)) == "debugger-free"


@pytest.mark.parametrize(
    ("container", "text"),
    [
        pytest.param({"name": "main"}, f'{AT}.name: Duplicate value: "main"', id="a name of a container"),
        pytest.param({"name": "init"}, f'{AT}.name: Duplicate value: "init"', id="a name of an init container"),
        pytest.param({"name": ""}, f"{AT}.name: Required value", id="no name"),
        pytest.param({"image": ""}, f"{AT}.image: Required value", id="no image"),
        pytest.param(
            {"image": " a"},
            f'{AT}.image: Invalid value: " a": must not have leading or trailing whitespace',
            id="blanks around the image",
        ),
        pytest.param(
            {"targetContainerName": "nope"},
            f'{AT}.targetContainerName: Not found: "nope"',
            id="a target that is not there",
        ),
        pytest.param(
            {"ports": [{"containerPort": 80, "protocol": "TCP"}]},
            f"{AT}.ports: Forbidden: cannot be set for an Ephemeral Container",
            id="ports",
        ),
        pytest.param(
            {"volumeMounts": [{"name": "data", "mountPath": "/d", "subPath": "x"}]},
            f"{AT}.volumeMounts[0].subPath: Forbidden: cannot be set for an Ephemeral Container",
            id="a sub-path",
        ),
        pytest.param(
            {"livenessProbe": {"exec": {"command": ["a"]}}},
            f"{AT}.livenessProbe: Forbidden: cannot be set for an Ephemeral Container",
            id="a probe",
        ),
    ],
)
def test_what_is_refused(container: dict[str, Any], text: str) -> None:
    asked = {"name": "debugger-abcde", "image": "tools", "terminationMessagePolicy": "File", **container}
    with pytest.raises(UsageError) as caught:
        with_ephemeral(POD, asked)
    assert caught.value.message == f'The Pod "web" is invalid: {text}'


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        with_ephemeral(POD, {"name": "main", "image": "", "terminationMessagePolicy": "File"})
    assert caught.value.message == (
        f'The Pod "web" is invalid: \n* {AT}.image: Required value\n* {AT}.name: Duplicate value: "main"'
    )


def test_the_pod_has_one_more_with_its_defaults() -> None:
    first = with_ephemeral(POD, ephemeral_container(Debugger(image="tools:1"), "one"))
    second = with_ephemeral(first, ephemeral_container(Debugger(image="tools"), "two"))
    found = second["spec"]["ephemeralContainers"]
    assert [(one["name"], one["imagePullPolicy"]) for one in found] == [("one", "IfNotPresent"), ("two", "Always")]
    assert "ephemeralContainers" not in POD["spec"]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        pytest.param([], 'existing ephemeral containers "one" may not be removed\n', id="removed"),
        pytest.param(
            [{"name": "one", "image": "other", "terminationMessagePolicy": "File", "imagePullPolicy": "Always"}],
            'existing ephemeral containers "one" may not be changed\n',
            id="changed",
        ),
    ],
)
def test_what_there_is_stays(changed: list[dict[str, Any]], text: str) -> None:
    old = with_ephemeral(POD, ephemeral_container(Debugger(image="tools"), "one"))
    new = {**old, "spec": {**old["spec"], "ephemeralContainers": changed}}
    assert ephemeral_problems(new, old) == [f"spec.ephemeralContainers: Forbidden: {text}"]


def test_a_static_pod_has_none() -> None:
    metadata = {**POD["metadata"], "annotations": {"kubernetes.io/config.mirror": "x"}}
    with pytest.raises(UsageError, match="static pods do not support ephemeral containers"):
        with_ephemeral({**POD, "metadata": metadata}, ephemeral_container(Debugger(image="tools"), "one"))
