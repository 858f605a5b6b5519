"""What the Engine is told to create: the sandbox and the containers of a pod."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec import structs

from runner.core.container.containerconfig import ContainerConfig, Mount, MountType, PortBinding, Resources
from runner.core.container.messages import messages_plan
from runner.core.container.mounts import volume_mounts
from runner.core.container.resources import resources_of
from runner.core.container.sandboxconfig import host_ports, sandbox_config
from runner.core.container.security import ImageFacts, effective_security
from runner.core.container.translate import container_config
from runner.core.labels import PREPARED
from runner.core.model import Pod
from runner.core.objects import ConfigError
from runner.core.volumes import VolumePlan
from tests.support.pods import make_pod

DISK = VolumePlan(name="disk", type=MountType.VOLUME, source="k8s_disk")
SECRET = VolumePlan(name="secret", type=MountType.VOLUME, source="k8s_secret", read_only=True)
HOST = VolumePlan(name="host", type=MountType.BIND, source="/srv/")
PLANS = (DISK, SECRET, HOST)


def sandbox(pod: Pod, attempt: int = 0, volumes: tuple[VolumePlan, ...] = ()) -> ContainerConfig:
    return sandbox_config(pod, attempt=attempt, image="pause:1", volumes=volumes, owner="me")


def container(
    pod: Pod,
    environment: Mapping[str, str] | None = None,
    *,
    name: str = "main",
    user: str = "",
    volumes: tuple[VolumePlan, ...] = PLANS,
) -> ContainerConfig:
    wanted = pod.container(name)
    assert wanted is not None
    return container_config(
        pod,
        wanted,
        attempt=3,
        sandbox_id="sandbox-0",
        environment=environment or {},
        volumes=volumes,
        image=ImageFacts(user=user),
        owner="me",
    )


def main(**fields: Any) -> Pod:
    return make_pod((), ({"name": "main", **fields},))


def secured(own: Mapping[str, Any] | None = None, pod: Mapping[str, Any] | None = None, **spec: Any) -> Pod:
    return make_pod((), ({"name": "main", "securityContext": own},), securityContext=pod, **spec)


# The sandbox.


def test_what_is_made_ahead_of_its_turn_is_the_same_and_says_so() -> None:
    config = sandbox_config(main(), attempt=0, image="pause", volumes=(), owner="me")
    assert PREPARED not in config.labels
    assert config.ahead == structs.replace(config, labels={**config.labels, PREPARED: "1"})


def test_the_sandbox_owns_network_ipc_and_host_name() -> None:
    config = sandbox(make_pod(), attempt=2)
    assert (config.name, config.image) == ("k8s_POD_web_default_uid-1_2", "pause:1")
    assert (config.network_mode, config.ipc_mode, config.pid_mode) == ("bridge", "shareable", "")
    assert config.hostname == "web"
    assert config.security_opt == ("no-new-privileges",)
    assert config.resources == Resources(cpu_shares=2)
    assert not config.privileged


def test_namespaces_of_the_host_are_asked_of_the_host() -> None:
    ports = [{"containerPort": 80, "hostPort": 80}]
    pod = make_pod((), ({"name": "main", "ports": ports},), hostNetwork=True, hostIPC=True, hostPID=True)
    config = sandbox(pod)
    assert (config.network_mode, config.ipc_mode, config.pid_mode) == ("host", "host", "host")
    assert (config.hostname, config.port_bindings) == ("", ())
    inner = container(pod)
    assert (inner.network_mode, inner.ipc_mode, inner.pid_mode) == ("container:sandbox-0", "host", "host")


HOSTNAMES: list[tuple[str, str, dict[str, Any], str]] = [
    ("the pod's name", "web", {}, "web"),
    ("the hostname wins over the name", "web", {"hostname": "own"}, "own"),
    ("the override wins over both", "web", {"hostname": "own", "hostnameOverride": "other"}, "other"),
    ("63 characters are kept", "a" * 63, {}, "a" * 63),
    ("more are cut", "a" * 64, {}, "a" * 63),
    ("a cut does not end in punctuation", "a" * 61 + "-.b", {}, "a" * 61),
]


@pytest.mark.parametrize(("name", "spec", "wanted"), [r[1:] for r in HOSTNAMES], ids=[r[0] for r in HOSTNAMES])
def test_host_names(name: str, spec: dict[str, Any], wanted: str) -> None:
    assert sandbox(make_pod(metadata={"name": name}, **spec)).hostname == wanted


def test_only_host_ports_of_app_containers_are_published() -> None:
    init = {"name": "init", "ports": [{"containerPort": 1, "hostPort": 1}]}
    sidecar = {"name": "side", "restartPolicy": "Always", "ports": [{"containerPort": 2, "hostPort": 2}]}
    first = {"name": "a", "ports": [{"containerPort": 80}, {"containerPort": 81, "hostPort": 8081}]}
    second = {"name": "b", "ports": [{"containerPort": 53, "hostPort": 5353, "protocol": "UDP", "hostIP": "127.0.0.1"}]}
    pod = make_pod((init, sidecar), (first, second))
    wanted = (
        PortBinding(container_port=81, protocol="tcp", host_port=8081),
        PortBinding(container_port=53, protocol="udp", host_port=5353, host_ip="127.0.0.1"),
    )
    assert host_ports(pod) == wanted
    assert sandbox(pod).port_bindings == wanted
    assert container(pod, name="a").port_bindings == ()


def test_sysctls_are_set_on_the_sandbox_in_either_spelling() -> None:
    sysctls = [{"name": "net.ipv4.tcp_syncookies", "value": "0"}, {"name": "net/ipv4/tcp_rmem", "value": "1 2 3"}]
    config = sandbox(make_pod(securityContext={"sysctls": sysctls}))
    assert config.sysctls == {"net.ipv4.tcp_syncookies": "0", "net.ipv4.tcp_rmem": "1 2 3"}


def test_the_sandbox_mounts_every_volume_writable() -> None:
    assert sandbox(make_pod(), volumes=PLANS).mounts == (
        Mount(type=MountType.VOLUME, source="k8s_disk", target="/volumes/disk"),
        Mount(type=MountType.VOLUME, source="k8s_secret", target="/volumes/secret"),
        Mount(type=MountType.BIND, source="/srv/", target="/volumes/host", makes_source=True),
    )


def test_one_privileged_container_makes_the_sandbox_privileged() -> None:
    init = {"name": "init", "securityContext": {"privileged": True}}
    pod = make_pod((init,), ("main",))
    assert sandbox(pod).privileged
    assert container(pod, name="init").privileged
    assert not container(pod).privileged


# Containers.


def test_a_container_joins_the_sandbox() -> None:
    config = container(make_pod())
    assert (config.name, config.image) == ("k8s_main_web_default_uid-1_3", "busybox:1.36")
    assert (config.network_mode, config.ipc_mode, config.pid_mode) == ("container:sandbox-0", "container:sandbox-0", "")
    assert (config.entrypoint, config.command) == (None, None)
    assert (config.working_dir, config.user, config.hostname, config.stop_signal) == ("", "", "", "")
    assert (config.tty, config.stdin, config.stdin_once, config.read_only_rootfs) == (False, False, False, False)
    assert config.mounts == ()


def test_processes_are_shared_through_the_sandbox() -> None:
    assert container(make_pod(shareProcessNamespace=True)).pid_mode == "container:sandbox-0"
    assert sandbox(make_pod(shareProcessNamespace=True)).pid_mode == ""


COMMANDS: list[tuple[str, dict[str, Any], tuple[str, ...] | None, tuple[str, ...] | None]] = [
    ("neither leaves both to the image", {}, None, None),
    ("arguments alone replace the image's", {"args": ["a"]}, None, ("a",)),
    ("a command alone drops the image's arguments", {"command": ["c"]}, ("c",), None),
    ("both replace both", {"command": ["c"], "args": ["a"]}, ("c",), ("a",)),
    (
        "known variables are expanded, others stay",
        {"command": ["$(A)"], "args": ["$(NOPE) $$(A)"]},
        ("1",),
        ("$(NOPE) $(A)",),
    ),
    ("an empty argument is one", {"args": [""]}, None, ("",)),
]


@pytest.mark.parametrize(("fields", "entrypoint", "command"), [r[1:] for r in COMMANDS], ids=[r[0] for r in COMMANDS])
def test_command_and_arguments(
    fields: dict[str, Any], entrypoint: tuple[str, ...] | None, command: tuple[str, ...] | None
) -> None:
    config = container(main(**fields), {"A": "1"})
    assert (config.entrypoint, config.command) == (entrypoint, command)
    assert config.env == ("A=1",)


def test_terminal_working_directory_and_stop_signal_are_passed_on() -> None:
    config = container(main(workingDir="/w", tty=True, stdin=True, stdinOnce=True, lifecycle={"stopSignal": "SIGUSR1"}))
    assert (config.working_dir, config.stop_signal) == ("/w", "SIGUSR1")
    assert config.tty
    assert config.stdin
    assert config.stdin_once


# Security.


def test_the_containers_security_context_is_laid_over_the_pods_field_by_field() -> None:
    own = {"runAsUser": 5, "runAsNonRoot": None, "privileged": True}
    pod = secured(own, {"runAsUser": 1, "runAsGroup": 2, "runAsNonRoot": True, "fsGroup": 9, "sysctls": []})
    assert effective_security(pod, pod.containers[0]) == {
        "runAsUser": 5,
        "runAsGroup": 2,
        "runAsNonRoot": True,
        "privileged": True,
    }


USERS: list[tuple[str, dict[str, Any], str, str]] = [
    ("nobody is named", {}, "1000", ""),
    ("a user", {"runAsUser": 7}, "1000", "7"),
    ("root is a user", {"runAsUser": 0}, "1000", "0"),
    ("a user and a group", {"runAsUser": 7, "runAsGroup": 8}, "", "7:8"),
    ("a group beside the image's user", {"runAsGroup": 8}, "1000", "1000:8"),
    ("a group replaces the image's", {"runAsGroup": 8}, "www:www", "www:8"),
    ("a group without any user is root's", {"runAsGroup": 0}, "", "0:0"),
]


@pytest.mark.parametrize(("security", "image_user", "wanted"), [r[1:] for r in USERS], ids=[r[0] for r in USERS])
def test_users(security: dict[str, Any], image_user: str, wanted: str) -> None:
    assert container(secured(security), user=image_user).user == wanted
    assert container(secured(None, security), user=image_user).user == wanted


WHERE = '(pod: "web_default(uid-1)", container: main)'
NON_ROOT: list[tuple[str, dict[str, Any], str, str]] = [
    ("any user will do unless asked", {"runAsUser": 0}, "0", ""),
    ("another user than root", {"runAsNonRoot": True, "runAsUser": 1}, "", ""),
    ("the image's number", {"runAsNonRoot": True}, "1000:0", ""),
    ("false asks for nothing", {"runAsNonRoot": False}, "", ""),
    (
        "root asked for",
        {"runAsNonRoot": True, "runAsUser": 0},
        "1",
        f"container's runAsUser breaks non-root policy {WHERE}",
    ),
    (
        "an image without a user",
        {"runAsNonRoot": True},
        "",
        f"container has runAsNonRoot and image will run as root {WHERE}",
    ),
    (
        "an image of root",
        {"runAsNonRoot": True},
        "0:5",
        f"container has runAsNonRoot and image will run as root {WHERE}",
    ),
    (
        "an image's user by name",
        {"runAsNonRoot": True},
        "www:www",
        f"container has runAsNonRoot and image has non-numeric user (www), cannot verify user is non-root {WHERE}",
    ),
]


@pytest.mark.parametrize(("security", "image_user", "text"), [r[1:] for r in NON_ROOT], ids=[r[0] for r in NON_ROOT])
def test_root_is_refused_where_it_must_not_run(security: dict[str, Any], image_user: str, text: str) -> None:
    if not text:
        assert container(secured(security), user=image_user).image == "busybox:1.36"
        return
    with pytest.raises(ConfigError) as caught:
        container(secured(security), user=image_user)
    assert str(caught.value) == text


OPTIONS: list[tuple[str, dict[str, Any] | None, dict[str, Any] | None, tuple[str, ...]]] = [
    ("unconfined unless told otherwise", None, None, ("seccomp=unconfined",)),
    ("the runtime's profile", {"seccompProfile": {"type": "RuntimeDefault"}}, None, ()),
    ("the pod's profile", None, {"seccompProfile": {"type": "RuntimeDefault"}}, ()),
    (
        "the container's profile wins",
        {"seccompProfile": {"type": "Unconfined"}},
        {"seccompProfile": {"type": "RuntimeDefault"}},
        ("seccomp=unconfined",),
    ),
    ("no escalation", {"allowPrivilegeEscalation": False}, None, ("seccomp=unconfined", "no-new-privileges")),
    ("escalation allowed", {"allowPrivilegeEscalation": True}, None, ("seccomp=unconfined",)),
]


@pytest.mark.parametrize(("own", "shared", "wanted"), [r[1:] for r in OPTIONS], ids=[r[0] for r in OPTIONS])
def test_security_options(own: dict[str, Any] | None, shared: dict[str, Any] | None, wanted: tuple[str, ...]) -> None:
    assert container(secured(own, shared)).security_opt == wanted


def test_capabilities_and_the_read_only_root_belong_to_the_container() -> None:
    own = {"capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}, "readOnlyRootFilesystem": True}
    config = container(secured(own))
    assert (config.cap_add, config.cap_drop, config.read_only_rootfs) == (("NET_ADMIN",), ("ALL",), True)


@pytest.mark.parametrize(
    ("shared", "wanted"),
    [
        ({}, ()),
        ({"supplementalGroups": [5, 6]}, ("5", "6")),
        ({"fsGroup": 4, "supplementalGroups": [5]}, ("4", "5")),
        ({"fsGroup": 0}, ("0",)),
    ],
)
def test_groups_of_the_pod(shared: dict[str, Any], wanted: tuple[str, ...]) -> None:
    assert container(secured(None, shared)).group_add == wanted


# Mounts.


def mounted(environment: Mapping[str, str] | None = None, **fields: Any) -> Mount:
    pod = main(volumeMounts=[{"name": "disk", "mountPath": "/data", **fields}])
    (mount,) = container(pod, environment).mounts
    return mount


MOUNTS: list[tuple[str, dict[str, Any], Mount]] = [
    ("a volume", {}, Mount(type=MountType.VOLUME, source="k8s_disk", volume="disk", target="/data")),
    (
        "a relative path",
        {"mountPath": "d"},
        Mount(type=MountType.VOLUME, source="k8s_disk", volume="disk", target="/d"),
    ),
    (
        "read only",
        {"readOnly": True},
        Mount(type=MountType.VOLUME, source="k8s_disk", volume="disk", target="/data", read_only=True),
    ),
    (
        "a secret, always read only",
        {"name": "secret", "readOnly": False},
        Mount(type=MountType.VOLUME, source="k8s_secret", volume="secret", target="/data", read_only=True),
    ),
    (
        "a part of a volume",
        {"subPath": "a/b"},
        Mount(type=MountType.VOLUME, source="k8s_disk", volume="disk", target="/data", sub_path="a/b"),
    ),
    (
        "a part by a variable",
        {"subPathExpr": "logs/$(POD)-$$(POD)"},
        Mount(type=MountType.VOLUME, source="k8s_disk", volume="disk", target="/data", sub_path="logs/web-$(POD)"),
    ),
    (
        "an unfinished reference",
        {"subPathExpr": "a$(b"},
        Mount(type=MountType.VOLUME, source="k8s_disk", volume="disk", target="/data", sub_path="a$(b"),
    ),
    (
        "a part of a host path",
        {"name": "host", "subPath": "a/b"},
        Mount(type=MountType.BIND, source="/srv/", volume="host", target="/data", sub_path="a/b"),
    ),
    (
        "a volume is not propagated",
        {"mountPropagation": "HostToContainer"},
        Mount(type=MountType.VOLUME, source="k8s_disk", volume="disk", target="/data"),
    ),
]
MOUNTS += [
    (
        f"a host path with propagation {word or 'unset'}",
        {"name": "host", "mountPropagation": word},
        Mount(type=MountType.BIND, source="/srv/", volume="host", target="/data", propagation=mode),
    )
    for word, mode in [("", ""), ("None", "rprivate"), ("HostToContainer", "rslave"), ("Bidirectional", "rshared")]
]


@pytest.mark.parametrize(("fields", "wanted"), [r[1:] for r in MOUNTS], ids=[r[0] for r in MOUNTS])
def test_mounts(fields: dict[str, Any], wanted: Mount) -> None:
    assert mounted({"POD": "web"}, **fields) == wanted


RECURSION = 'failed to resolve recursive read-only mode: volume "{}" requested recursive read-only mode, but it is'
BAD_MOUNTS: list[tuple[str, dict[str, Any], str]] = [
    ("an unknown volume", {"name": "nope"}, 'cannot find volume "nope" to mount into container "main"'),
    ("an unset variable", {"subPathExpr": "$(NOPE)"}, "missing value for NOPE"),
    ("an empty variable", {"subPathExpr": "a/$(EMPTY)"}, "missing value for EMPTY"),
    ("several variables", {"subPathExpr": "$(Z)$(A)$(UP)$(Z)"}, "missing value for A, Z"),
    (
        "a way out by a variable",
        {"subPathExpr": "a/$(UP)"},
        "unable to provision SubPath `a/../..`: must not contain '..'",
    ),
    ("an absolute variable", {"subPathExpr": "$(ROOT)"}, "error SubPath `/etc` must not be an absolute path"),
    ("a way out", {"subPath": ".."}, "unable to provision SubPath `..`: must not contain '..'"),
    ("recursion of what can be written", {"recursiveReadOnly": "IfPossible"}, f"{RECURSION} not read-only"),
    (
        "recursion with propagation",
        {"recursiveReadOnly": "Enabled", "readOnly": True, "mountPropagation": "HostToContainer"},
        f'{RECURSION} not compatible with propagation "HostToContainer"',
    ),
    (
        "recursion on an old Engine",
        {"recursiveReadOnly": "Enabled", "readOnly": True},
        f"{RECURSION} not supported by the runtime",
    ),
]


@pytest.mark.parametrize("volume", ["disk", "host"])
@pytest.mark.parametrize(("fields", "text"), [r[1:] for r in BAD_MOUNTS], ids=[r[0] for r in BAD_MOUNTS])
def test_mounts_that_cannot_be(volume: str, fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        mounted({"EMPTY": "", "UP": "../..", "ROOT": "/etc"}, **{"name": volume, **fields})
    assert str(caught.value) == text.replace("{}", volume)


@pytest.mark.parametrize(
    ("word", "is_supported"), [("Disabled", False), ("IfPossible", False), ("IfPossible", True), ("Enabled", True)]
)
def test_a_recursive_read_only_mount_is_a_read_only_one(word: str, is_supported: bool) -> None:
    pod = main(volumeMounts=[{"name": "disk", "mountPath": "/data", "readOnly": True, "recursiveReadOnly": word}])
    (mount,) = volume_mounts(pod.containers[0], {}, PLANS, is_supported)
    assert mount.read_only


def test_the_termination_message_is_mounted_after_the_volumes() -> None:
    pod = main(volumeMounts=[{"name": "disk", "mountPath": "/data"}])
    mounts = container(pod, volumes=(*PLANS, messages_plan(pod, "me"))).mounts
    assert [mount.target for mount in mounts] == ["/data", "/dev/termination-log"]


# Resources.

AMOUNTS: list[tuple[str, dict[str, Any] | None, Resources]] = [
    ("nothing asked for gets the fewest shares", None, Resources(cpu_shares=2)),
    ("shares follow the request", {"requests": {"cpu": "250m"}}, Resources(cpu_shares=256)),
    ("shares are cut to whole ones", {"requests": {"cpu": "3m"}}, Resources(cpu_shares=3)),
    ("shares have a minimum", {"requests": {"cpu": "1m"}}, Resources(cpu_shares=2)),
    ("shares have a maximum", {"requests": {"cpu": "1000"}}, Resources(cpu_shares=262144)),
    (
        "a limit is quota per period, and stands in for the request",
        {"limits": {"cpu": "1500m"}},
        Resources(cpu_shares=1536, cpu_quota=150_000, cpu_period=100_000),
    ),
    (
        "a request of zero is a request",
        {"limits": {"cpu": "1"}, "requests": {"cpu": "0"}},
        Resources(cpu_shares=2, cpu_quota=100_000, cpu_period=100_000),
    ),
    (
        "the quota has a minimum",
        {"limits": {"cpu": "1m"}},
        Resources(cpu_shares=2, cpu_quota=1000, cpu_period=100_000),
    ),
    ("a limit of zero is no quota", {"limits": {"cpu": "0"}}, Resources(cpu_shares=2)),
    (
        "memory is limited without swap",
        {"limits": {"memory": "64Mi"}},
        Resources(memory=67_108_864, memory_swap=67_108_864, cpu_shares=2),
    ),
    ("a request of memory limits nothing", {"requests": {"memory": "64Mi"}}, Resources(cpu_shares=2)),
    (
        "a part of a byte is a byte",
        {"limits": {"memory": "100m"}},
        Resources(memory=1, memory_swap=1, cpu_shares=2),
    ),
]


@pytest.mark.parametrize(("resources", "wanted"), [r[1:] for r in AMOUNTS], ids=[r[0] for r in AMOUNTS])
def test_resources(resources: dict[str, Any] | None, wanted: Resources) -> None:
    pod = main(resources=resources)
    assert structs.replace(resources_of(pod, pod.containers[0]), oom_score_adj=0) == wanted
    assert structs.replace(container(pod).resources, oom_score_adj=0) == wanted


def test_the_sandbox_has_the_engine_make_a_host_path_that_nobody_checks() -> None:
    checked = structs.replace(HOST, name="checked", host_type="Directory")
    assert [mount.makes_source for mount in sandbox(main(), volumes=(HOST, checked, DISK)).mounts] == [
        True,
        False,
        False,
    ]
