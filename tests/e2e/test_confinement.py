"""What processes may do and what they get, seen from inside: users, groups, profiles, limits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.support import Bench, Done, container, pod

pytestmark = pytest.mark.docker


def run(bench: Bench, script: str, security: dict[str, Any] | None = None, **more: Any) -> Done:
    """Run one container to its end; ``more`` are fields of the pod."""
    main = container("app", script, **({"securityContext": security} if security else {}))
    return bench("run", bench.write(pod(bench.name("confined"), main, restartPolicy="Never", **more)))


def said(done: Done) -> list[str]:
    assert done.code == 0, done.err
    return [line.removeprefix("app | ") for line in done.out.splitlines()]


SEEN: list[tuple[str, str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("the pod's user and group", "id -u; id -g", {}, {"runAsUser": 1000, "runAsGroup": 2000}, ["1000", "2000"]),
    (
        "the container's user over the pod's",
        "id -u; id -g",
        {"runAsUser": 7},
        {"runAsUser": 8, "runAsGroup": 9},
        [*"79"],
    ),
    (
        "groups of the pod beside the process's own",
        "id -G",
        {},
        {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 2000, "supplementalGroups": [3000, 4000]},
        ["1000 2000 3000 4000"],
    ),
    (
        "none of the image's groups with a strict policy",
        "id -G",
        {},
        {"runAsUser": 0, "runAsGroup": 0, "supplementalGroupsPolicy": "Strict", "supplementalGroups": [3000]},
        ["0 3000"],
    ),
    (
        "no capability",
        "grep CapEff /proc/self/status",
        {"capabilities": {"drop": ["ALL"]}},
        {},
        ["CapEff:\t" + "0" * 16],
    ),
    (
        "one capability",
        "grep CapEff /proc/self/status",
        {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}},
        {},
        ["CapEff:\t0000000000000400"],
    ),
    (
        "no new privileges",
        "grep NoNewPrivs /proc/self/status",
        {"allowPrivilegeEscalation": False},
        {},
        ["NoNewPrivs:\t1"],
    ),
    ("new privileges unless they are refused", "grep NoNewPrivs /proc/self/status", {}, {}, ["NoNewPrivs:\t0"]),
    ("no filter of system calls", "grep Seccomp: /proc/self/status", {}, {}, ["Seccomp:\t0"]),
    (
        "the runtime's filter of system calls",
        "grep Seccomp: /proc/self/status",
        {},
        {"seccompProfile": {"type": "RuntimeDefault"}},
        ["Seccomp:\t2"],
    ),
    (
        "a filter switched off for one container",
        "grep Seccomp: /proc/self/status",
        {"seccompProfile": {"type": "Unconfined"}},
        {"seccompProfile": {"type": "RuntimeDefault"}},
        ["Seccomp:\t0"],
    ),
    (
        "a file system that cannot be written to but for what is mounted",
        "touch /here 2>/dev/null || echo refused; echo x >> /dev/termination-log && echo written",
        {"readOnlyRootFilesystem": True},
        {},
        ["refused", "written"],
    ),
    ("paths of the kernel masked", "wc -c < /proc/interrupts", {}, {}, ["0"]),
    ("kernel settings read-only", "echo 1 2>/dev/null > /proc/sys/vm/swappiness || echo refused", {}, {}, ["refused"]),
    (
        "a safe sysctl",
        "cat /proc/sys/net/ipv4/ip_unprivileged_port_start",
        {},
        {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "77"}]},
        ["77"],
    ),
]


@pytest.mark.parametrize(("script", "own", "shared", "wanted"), [r[1:] for r in SEEN], ids=[r[0] for r in SEEN])
def test_a_process_has(
    bench: Bench, script: str, own: dict[str, Any], shared: dict[str, Any], wanted: list[str]
) -> None:
    assert said(run(bench, script, own, securityContext=shared)) == wanted


NO_MKDIR = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}],
}


def test_a_seccomp_profile_of_the_node_is_enforced(bench: Bench) -> None:
    folder = bench.directory / "home" / "seccomp" / "profiles"
    folder.mkdir(parents=True)
    (folder / "no-mkdir.json").write_text(json.dumps(NO_MKDIR))
    profile = {"type": "Localhost", "localhostProfile": "profiles/no-mkdir.json"}
    done = run(
        bench, "mkdir /tmp/x 2>/dev/null || echo refused; touch /tmp/y && echo made", {"seccompProfile": profile}
    )
    assert said(done) == ["refused", "made"]


def test_a_seccomp_profile_that_is_not_there_is_named(bench: Bench) -> None:
    profile = {"type": "Localhost", "localhostProfile": "absent.json"}
    main = container("app", "true", securityContext={"seccompProfile": profile})
    process = bench.start("run", bench.write(pod(bench.name("unconfined"), main)))
    process.line("Failed", 'Error: cannot load seccomp profile "', 'absent.json": No such file or directory')
    process.line("CreateContainerError")
    process.interrupt()
    process.end()


ROOT_REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("root by the pod", {"runAsNonRoot": True, "runAsUser": 0}, "container's runAsUser breaks non-root policy"),
    ("root by the image", {"runAsNonRoot": True}, "container has runAsNonRoot and image will run as root"),
]


@pytest.mark.parametrize(("security", "text"), [r[1:] for r in ROOT_REFUSED], ids=[r[0] for r in ROOT_REFUSED])
def test_root_is_refused_to_a_container_that_must_not_be(bench: Bench, security: dict[str, Any], text: str) -> None:
    name = bench.name("root")
    process = bench.start("run", bench.write(pod(name, container("app", "true", securityContext=security))))
    line = process.line("Failed", f'Error: {text} (pod: "{name}_default(')
    assert line.endswith(", container: app)")
    process.line("CreateContainerConfigError")
    process.interrupt()
    process.end()


def test_a_sysctl_that_is_not_safe_fails_the_pod(bench: Bench) -> None:
    """Nothing is made of the pod, and it can be deleted like any other."""
    name = bench.name("sysctl")
    security = {"sysctls": [{"name": "kernel.msgmax", "value": "65536"}]}
    manifest = bench.write(pod(name, container("app", "true"), securityContext=security))
    done = bench("run", "--keep", "always", manifest)
    assert done.code == 1
    text = 'forbidden sysctl: "kernel.msgmax" not allowlisted'
    assert done.events[-1] == ("SysctlForbidden", text)
    status = bench.pod(name)["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "SysctlForbidden")
    assert status["message"] == f"Pod was rejected: {text}"
    assert bench.left(name) == []
    assert bench("delete", "po", name).code == 0
    bench.assert_nothing_left(name)


def test_apparmor_is_had_or_refused(bench: Bench) -> None:
    done = run(bench, "echo here", {"appArmorProfile": {"type": "RuntimeDefault"}})
    options = bench.engine.info()["SecurityOptions"]
    if any(option.startswith("name=apparmor") for option in options):
        assert said(done) == ["here"]
    else:
        assert ("AppArmor", "Cannot enforce AppArmor: AppArmor is not enabled on the host") in done.events
        assert done.code == 1


def test_a_user_namespace_is_had_or_refused(bench: Bench) -> None:
    process = bench.start(
        "run", bench.write(pod(bench.name("users"), container("app", "cat /proc/self/uid_map"), hostUsers=False))
    )
    options = bench.engine.info()["SecurityOptions"]
    if any(option.startswith("name=userns") for option in options):
        assert process.line("app | ", stream="out").split()[-2] != "0"
    else:
        text = "Failed to create pod sandbox: user namespaces is not supported by the runtime"
        process.line("FailedCreatePodSandBox", text)
    process.interrupt()
    process.end()


# Resources.


def test_a_process_that_takes_too_much_memory_is_ended_as_such(bench: Bench) -> None:
    name = bench.name("greedy")
    limits = {"limits": {"memory": "16Mi"}}
    main = container("app", "tail /dev/zero", resources=limits)
    done = bench("run", "--keep", "always", bench.write(pod(name, main, restartPolicy="Never")))
    assert done.code == 1
    (status,) = bench.pod(name)["status"]["containerStatuses"]
    ended = status["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)
    bench("delete", "po", name)


FULL = {"limits": {"cpu": "1", "memory": "64Mi"}}
LIMITED: list[tuple[str, dict[str, Any], dict[str, int]]] = [
    ("nothing", {}, {"CpuShares": 2, "OomScoreAdj": 1000, "Memory": 0, "CpuQuota": 0}),
    (
        "everything",
        {"resources": FULL},
        {"CpuShares": 1024, "OomScoreAdj": 0, "Memory": 2**26, "MemorySwap": 2**26, "CpuQuota": 100_000},
    ),
    (
        "a processor by request",
        {"resources": {"requests": {"cpu": "250m"}}},
        {"CpuShares": 256, "OomScoreAdj": 999, "CpuQuota": 0},
    ),
]


@pytest.mark.parametrize(("fields", "wanted"), [r[1:] for r in LIMITED], ids=[r[0] for r in LIMITED])
def test_a_container_that_asks_for(bench: Bench, fields: dict[str, Any], wanted: dict[str, int]) -> None:
    name = bench.name("limits")
    process = bench.start("run", bench.write(pod(name, container("app", **fields))))
    process.line("up", stream="out")
    (found,) = bench.engine.containers.list(filters={"name": f"k8s_app_{name}_"})
    assert {key: found.attrs["HostConfig"][key] or 0 for key in wanted} == wanted
    score = found.exec_run(["cat", "/proc/1/oom_score_adj"])
    assert isinstance(score.output, bytes)
    assert int(score.output) == wanted["OomScoreAdj"]
    process.interrupt()
    process.end()


def test_a_limit_that_nobody_watches_is_said_to_be_none(bench: Bench) -> None:
    main = container("app", "true", resources={"limits": {"ephemeral-storage": "1Gi"}})
    done = bench("run", bench.write(pod(bench.name("disk"), main, restartPolicy="Never")))
    assert done.code == 0
    assert "the ephemeral-storage limit of container app is not enforced here" in done.err
