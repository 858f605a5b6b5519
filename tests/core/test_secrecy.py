"""Texts and inspections without the values of Secrets."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.container.secrecy import Redaction, given_secrets, secret_values
from runner.core.model import Container, Pod

OBJECTS: dict[tuple[str, str], dict[str, Any]] = {
    ("Secret", "login"): {"data": {"password": "aHVzaA==", "user": "bWU="}, "stringData": {"token": "t0ken"}},
    ("Secret", "broken"): {"data": {"password": "!"}},
    ("ConfigMap", "login"): {"data": {"password": "public"}},
}


def container_of(manifest: dict[str, Any]) -> Container:
    spec = {"containers": [{"name": "main", "image": "busybox", **manifest}]}
    return Pod.from_json({"metadata": {"name": "web", "namespace": "default", "uid": "u1"}, "spec": spec}).containers[0]


def key_ref(kind: str, name: str, key: str) -> dict[str, Any]:
    return {"name": "X", "valueFrom": {kind: {"name": name, "key": key}}}


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        pytest.param({}, [], id="no environment"),
        pytest.param({"env": [{"name": "X", "value": "hush"}]}, [], id="a literal value is no secret"),
        pytest.param({"env": [key_ref("secretKeyRef", "login", "password")]}, ["hush"], id="one key of a Secret"),
        pytest.param({"env": [key_ref("secretKeyRef", "login", "nope")]}, [], id="a key that is missing"),
        pytest.param({"env": [key_ref("secretKeyRef", "nope", "password")]}, [], id="a Secret that is missing"),
        pytest.param(
            {"env": [key_ref("secretKeyRef", "broken", "password")]}, [], id="a Secret that cannot be decoded"
        ),
        pytest.param({"env": [key_ref("configMapKeyRef", "login", "password")]}, [], id="a ConfigMap is public"),
        pytest.param(
            {"envFrom": [{"secretRef": {"name": "login"}}]}, ["hush", "me", "t0ken"], id="all keys of a Secret"
        ),
        pytest.param({"envFrom": [{"configMapRef": {"name": "login"}}]}, [], id="all keys of a ConfigMap"),
    ],
)
def test_values_that_come_from_secrets_are_found(manifest: dict[str, Any], expected: list[str]) -> None:
    container = container_of(manifest)
    assert list(secret_values(container, lambda kind, name: OBJECTS.get((kind, name)))) == expected


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        pytest.param({}, [], id="no environment"),
        pytest.param({"env": [key_ref("secretKeyRef", "gone", "password")]}, ["x"], id="one key of a Secret"),
        pytest.param(
            {"env": [key_ref("configMapKeyRef", "gone", "x"), {"name": "P_A", "value": "a"}]}, [], id="others"
        ),
        pytest.param(
            {"envFrom": [{"secretRef": {"name": "gone"}, "prefix": "P_"}, {"configMapRef": {"name": "c"}}]},
            ["a"],
            id="all keys of a Secret",
        ),
    ],
)
def test_what_an_instance_was_given_is_known_when_its_secrets_are_gone(
    manifest: dict[str, Any], expected: list[str]
) -> None:
    given = ["X=x", "P_A=a", "PATH=/bin"]
    assert list(given_secrets(container_of(manifest), given)) == expected


@pytest.mark.parametrize(
    ("values", "text", "expected"),
    [
        pytest.param([], "as it was", "as it was", id="nothing is secret"),
        pytest.param([""], "as it was", "as it was", id="an empty value is no secret"),
        pytest.param(["hush"], "a hush, ahusha", "a <redacted>, a<redacted>a", id="a long value anywhere"),
        pytest.param(["me"], "some me: me", "some <redacted>: <redacted>", id="a short value where it stands alone"),
        pytest.param(["hush", "hush-hush"], "a hush-hush", "a <redacted>", id="the longer of two values"),
        pytest.param(['a"b\nc'], 'exec: "a\\"b\\nc"', 'exec: "<redacted>"', id="a value that is quoted"),
        pytest.param(["a.*c"], "abbc a.*c", "abbc <redacted>", id="a value is no pattern"),
    ],
)
def test_texts_tell_no_value(values: list[str], text: str, expected: str) -> None:
    assert Redaction.of(values).text(text) == expected


def test_an_inspection_tells_no_value_and_stays_as_it_is_otherwise() -> None:
    inspection = {
        "Id": "12",
        "Path": "sh",
        "Args": ["-c", "echo hush 1"],
        "Config": {"Env": ["A=hush", "B=1", "C=x1"], "Cmd": None, "Labels": {"l": "hush", "n": "1"}},
        "State": {"Error": "no hush", "ExitCode": 1, "Running": False},
    }
    assert Redaction.of(["hush", "1"]).inspection(inspection) == {
        "Id": "12",
        "Path": "sh",
        "Args": ["-c", "echo <redacted> <redacted>"],
        "Config": {
            "Env": ["A=<redacted>", "B=<redacted>", "C=x1"],
            "Cmd": None,
            "Labels": {"l": "<redacted>", "n": "1"},
        },
        "State": {"Error": "no <redacted>", "ExitCode": 1, "Running": False},
    }
