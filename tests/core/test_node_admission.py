"""What a node refuses to take."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.container.nodeadmission import normal_sysctl, rejection_of
from tests.support.pods import make_pod


def sysctls(*names: str) -> dict[str, Any]:
    return {"securityContext": {"sysctls": [{"name": name, "value": "1"} for name in names]}}


APPARMOR = {"appArmorProfile": {"type": "RuntimeDefault"}}
STRICT = {"supplementalGroupsPolicy": "Strict"}

REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "a sysctl that is not safe",
        sysctls("net.ipv4.tcp_syncookies", "kernel.msgmax"),
        "SysctlForbidden",
        'forbidden sysctl: "kernel.msgmax" not allowlisted',
    ),
    (
        "the other spelling of a sysctl",
        sysctls("net/ipv4/conf/eth0.1/mtu"),
        "SysctlForbidden",
        'forbidden sysctl: "net.ipv4.conf.eth0/1.mtu" not allowlisted',
    ),
    (
        "a sysctl of a network that is the node's",
        {**sysctls("net.ipv4.tcp_syncookies"), "hostNetwork": True},
        "SysctlForbidden",
        'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host Net enabled',
    ),
    (
        "a sysctl of an IPC namespace that is the node's",
        {**sysctls("kernel.shm_rmid_forced"), "hostIPC": True},
        "SysctlForbidden",
        'forbidden sysctl: "kernel.shm_rmid_forced" not allowed with host IPC enabled',
    ),
    (
        "AppArmor where there is none",
        {"securityContext": APPARMOR},
        "AppArmor",
        "Cannot enforce AppArmor: AppArmor is not enabled on the host",
    ),
    (
        "exact groups that the Engine cannot give",
        {"securityContext": STRICT},
        "SupplementalGroupsPolicyNotSupported",
        "SupplementalGroupsPolicy=Strict is not supported in this node",
    ),
]


@pytest.mark.parametrize(("spec", "reason", "message"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_pod_is_refused_for(spec: dict[str, Any], reason: str, message: str) -> None:
    rejection = rejection_of(make_pod(**spec), lambda: {"seccomp"})
    assert rejection is not None
    assert (rejection.reason, rejection.message) == (reason, message)
    assert rejection.status_message == f"Pod was rejected: {message}"


def untold() -> frozenset[str]:
    """No pod here may make anybody ask the Engine."""
    raise AssertionError("asked for nothing")


TAKEN: list[tuple[str, dict[str, Any]]] = [
    ("nothing asked for", {}),
    ("safe sysctls", sysctls("net.ipv4.tcp_syncookies", "kernel.shm_rmid_forced", "net/ipv4/ping_group_range")),
    ("a namespace of the node that no sysctl is about", {**sysctls("kernel.shm_rmid_forced"), "hostNetwork": True}),
    ("AppArmor switched off", {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}),
    ("exact groups where every group is named", {"securityContext": {**STRICT, "runAsGroup": 7}}),
]


@pytest.mark.parametrize("spec", [r[1] for r in TAKEN], ids=[r[0] for r in TAKEN])
def test_a_pod_is_taken_without_asking_the_engine(spec: dict[str, Any]) -> None:
    assert rejection_of(make_pod(**spec), untold) is None


def test_apparmor_is_taken_where_the_engine_has_it() -> None:
    own = {"name": "main", "securityContext": APPARMOR}
    assert rejection_of(make_pod((), (own,)), lambda: {"apparmor"}) is None


@pytest.mark.parametrize(
    ("name", "wanted"), [("a.b", "a.b"), ("a/b.c/d", "a.b/c.d"), ("a.b/c", "a.b/c"), ("plain", "plain"), ("", "")]
)
def test_the_separator_that_comes_first_tells_the_spelling(name: str, wanted: str) -> None:
    assert normal_sysctl(name) == wanted
