"""Which credentials an image gets out of a pod's pull secrets."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from runner.core.images.pullsecrets import Keyring, make_keyring, missing_note
from runner.core.model import Json
from runner.core.objects import ConfigError
from runner.core.reasons import EventReason
from tests.support.pods import make_pod

MODERN, LEGACY = "kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"


def secret(content: object, kind: str = MODERN) -> Json:
    key = ".dockerconfigjson" if kind == MODERN else ".dockercfg"
    text = content if isinstance(content, str) else json.dumps(content)
    return {"kind": "Secret", "type": kind, "data": {key: base64.b64encode(text.encode()).decode()}}


def auths(**registries: str) -> dict[str, Any]:
    """A Docker configuration: a registry, and the user who has the password ``secret`` there."""
    return {"auths": {name: {"username": user, "password": "secret"} for name, user in registries.items()}}


def keyring(*secrets: Json | None) -> Keyring:
    by_name = {f"s{number}": value for number, value in enumerate(secrets)}
    pod = make_pod(imagePullSecrets=[{"name": name} for name in by_name])
    return make_keyring(pod, lambda kind, name: by_name[name] if kind == "Secret" else None)


def users(registries: Mapping[str, str], image: str) -> list[str]:
    return [one.username for one in keyring(secret(auths(**registries))).credentials(image)]


MATCHES: list[tuple[str, dict[str, str], str, list[str]]] = [
    ("the registry's name", {"reg.io": "a"}, "reg.io/x:1", ["a"]),
    ("another registry", {"reg.io": "a"}, "reg.com/x", []),
    ("the port counts", {"127.0.0.1:5000": "a"}, "127.0.0.1:5000/x", ["a"]),
    ("another port", {"127.0.0.1:5000": "a"}, "127.0.0.1:5001/x", []),
    ("no port is not any port", {"127.0.0.1": "a"}, "127.0.0.1:5000/x", []),
    ("a path is a prefix", {"reg.io/team": "a"}, "reg.io/team/x", ["a"]),
    ("another path", {"reg.io/team": "a"}, "reg.io/other/x", []),
    ("the longest path first", {"reg.io": "a", "reg.io/team/x": "c", "reg.io/team": "b"}, "reg.io/team/x", [*"cba"]),
    ("a pattern stands for one label", {"*.reg.io": "a"}, "eu.reg.io/x", ["a"]),
    ("a pattern does not stand for two labels", {"*.reg.io": "a"}, "x.eu.reg.io/x", []),
    ("a scheme is not looked at", {"http://reg.io": "a"}, "reg.io/x", ["a"]),
    ("the version in Docker's addresses is no path", {"https://reg.io/v2/": "a"}, "reg.io/x", ["a"]),
    ("Docker Hub by its old address", {"https://index.docker.io/v1/": "a"}, "busybox", ["a"]),
    ("Docker Hub by its name", {"docker.io": "a"}, "docker.io/library/busybox:1", ["a"]),
    ("Docker Hub's is no other registry's", {"https://index.docker.io/v1/": "a"}, "reg.io/x", []),
    ("an address that is none", {"http://[": "a"}, "reg.io/x", []),
    ("an address of six groups", {"[::1]:5000": "a"}, "[::1]:5000/x", ["a"]),
    ("such an address without a port", {"[::1]": "a"}, "[::1]:5000/x", []),
]


@pytest.mark.parametrize(("registries", "image", "wanted"), [r[1:] for r in MATCHES], ids=[r[0] for r in MATCHES])
def test_credentials_are_found_by(registries: dict[str, str], image: str, wanted: list[str]) -> None:
    assert users(registries, image) == wanted


def test_all_secrets_count_in_their_order() -> None:
    ring = keyring(secret(auths(**{"reg.io": "a"})), secret({"reg.io": {"username": "b", "password": "x"}}, LEGACY))
    assert [one.username for one in ring.credentials("reg.io/x")] == ["a", "b"]


@pytest.mark.parametrize("padding", ["", "="])
def test_the_encoded_pair_wins_over_the_fields(padding: str) -> None:
    encoded = base64.b64encode(b"u:p:q").decode().rstrip("=") + padding * (-len("dTpwOnE") % 4)
    entry = {"username": "x", "password": "y", "auth": encoded}
    (one,) = keyring(secret({"auths": {"reg.io": entry}})).credentials("reg.io/x")
    assert (one.username, one.password) == ("u", "p:q")


def test_a_secret_of_another_kind_opens_nothing() -> None:
    opaque = {**secret(auths(**{"reg.io": "a"})), "type": "Opaque"}
    empty = {"type": MODERN, "data": {}}
    without = secret({})
    assert keyring(opaque, empty, without).credentials("reg.io/x") == ()


def told(*names: str) -> str:
    """The event's message of a pod with these pull secrets, of which ``there`` is there."""
    pod = make_pod(imagePullSecrets=[{"name": name} for name in names])
    note = missing_note(pod, lambda _, name: secret({}) if name == "there" else None)
    if note is None:
        return ""
    assert note.reason is EventReason.FAILED_PULL_SECRET
    return note.message


def test_missing_secrets_are_named_in_one_event() -> None:
    text = "Unable to retrieve some image pull secrets (s0, s2); attempting to pull the image may not succeed."
    assert told("s0", "there", "s2") == text


@pytest.mark.parametrize("names", [(), ("there",), ("",)], ids=["no secret", "one that is there", "an empty name"])
def test_nothing_is_missing_with(names: tuple[str, ...]) -> None:
    assert told(*names) == ""
    assert keyring(secret({}), None).credentials("reg.io/x") == ()


UNUSABLE: list[tuple[str, object]] = [
    ("no JSON", "{hunter2"),
    ("no object", ["hunter2"]),
    ("no table of registries", {"auths": ["hunter2"]}),
    ("no entry", {"auths": {"reg.io": "hunter2"}}),
    ("no base64", {"auths": {"reg.io": {"auth": "hunter2!"}}}),
    ("no text", {"auths": {"reg.io": {"auth": base64.b64encode(b"\xff\xfe").decode()}}}),
    ("no pair", {"auths": {"reg.io": {"auth": base64.b64encode(b"hunter2").decode()}}}),
]


@pytest.mark.parametrize("content", [r[1] for r in UNUSABLE], ids=[r[0] for r in UNUSABLE])
def test_a_secret_that_cannot_be_read_is_named_and_not_quoted(content: object) -> None:
    with pytest.raises(ConfigError) as caught:
        keyring(secret(content))
    assert str(caught.value) == 'image pull secret "s0" is no valid Docker configuration'
    assert caught.value.__cause__ is None


def test_credentials_do_not_show_themselves() -> None:
    assert "secret" not in repr(keyring(secret(auths(**{"reg.io": "a"}))).credentials("reg.io/x"))
