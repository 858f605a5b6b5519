"""What a container may do, and what the kernel gives it: profiles, masked paths, scores and limits."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.container.containerconfig import ContainerConfig
from runner.core.container.noderesources import NodeSize
from runner.core.container.resources import oom_score_adj, resources_of, unenforced_storage
from runner.core.container.security import ImageFacts, effective_security, localhost_profiles, security_options
from runner.core.container.translate import container_config
from runner.core.model import Pod
from tests.support.pods import make_pod


def container(pod: Pod) -> ContainerConfig:
    return container_config(
        pod,
        pod.containers[0],
        attempt=0,
        sandbox_id="sandbox-0",
        environment={},
        volumes=(),
        image=ImageFacts(),
        owner="me",
    )


def main(**fields: Any) -> Pod:
    return make_pod((), ({"name": "main", **fields},))


def secured(own: dict[str, Any], pod: dict[str, Any] | None = None) -> Pod:
    return make_pod((), ({"name": "main", "securityContext": own},), securityContext=pod)


def test_seccomp_profiles_of_the_node_are_handed_to_the_engine() -> None:
    profile = {"type": "Localhost", "localhostProfile": "own/a.json"}
    pod = secured({"seccompProfile": profile})
    assert localhost_profiles(pod, pod.containers[0]) == ("own/a.json",)
    security = effective_security(pod, pod.containers[0])
    assert security_options(security, {"own/a.json": "{}"}) == ("seccomp={}",)
    other = secured({"seccompProfile": {"type": "RuntimeDefault"}}, pod={"seccompProfile": profile})
    assert localhost_profiles(other, other.containers[0]) == ()


APPARMOR: list[tuple[str, dict[str, Any] | None, tuple[str, ...]]] = [
    ("no profile is the Engine's own", None, ("seccomp=unconfined",)),
    ("the Engine's own by name", {"type": "RuntimeDefault"}, ("seccomp=unconfined",)),
    ("none at all", {"type": "Unconfined"}, ("seccomp=unconfined", "apparmor=unconfined")),
    (
        "one that the host has loaded",
        {"type": "Localhost", "localhostProfile": "mine"},
        ("seccomp=unconfined", "apparmor=mine"),
    ),
]


@pytest.mark.parametrize(("profile", "wanted"), [r[1:] for r in APPARMOR], ids=[r[0] for r in APPARMOR])
def test_apparmor_profiles(profile: dict[str, Any] | None, wanted: tuple[str, ...]) -> None:
    assert container(secured({"appArmorProfile": profile})).security_opt == wanted


def test_paths_of_the_kernel_are_masked_unless_the_container_sees_everything() -> None:
    usual = container(main())
    assert usual.masked_paths is not None
    assert "/proc/kcore" in usual.masked_paths
    assert "/sys/devices/virtual/powercap" in usual.masked_paths
    assert usual.read_only_paths == ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
    unmasked = container(secured({"procMount": "Unmasked"}))
    assert (unmasked.masked_paths, unmasked.read_only_paths) == ((), ())
    privileged = container(secured({"privileged": True}))
    assert (privileged.masked_paths, privileged.read_only_paths) == (None, None)


GI = 2**30


def scores(pod: Pod, memory: int = 16 * GI) -> dict[str, int]:
    node = NodeSize(memory=memory)
    return {one.name: oom_score_adj(pod, one, lambda: node) for one in pod.all_containers()}


def asking(name: str, memory: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "resources": {"requests": {"memory": memory}}, **more}


FULL = {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}}
SIDECAR = {"restartPolicy": "Always"}

SCORES: list[tuple[str, Pod, dict[str, int]]] = [
    ("best effort goes first", main(), {"main": 1000}),
    ("guaranteed goes last", main(resources=FULL), {"main": -997}),
    ("a quarter of the node", make_pod((), (asking("a", "4Gi"),)), {"a": 750}),
    ("next to nothing is not best effort", make_pod((), (asking("a", "1"),)), {"a": 999}),
    ("more than the node is not guaranteed", make_pod((), (asking("a", "32Gi"),)), {"a": 3}),
    ("nothing in a pod that asks for something", make_pod((), (asking("a", "8Gi"), "b")), {"a": 500, "b": 999}),
    (
        "a sidecar lives as long as the app that is to live longest",
        make_pod((asking("s", "1Gi", **SIDECAR),), (asking("a", "4Gi"), asking("b", "8Gi"))),
        {"s": 500, "a": 750, "b": 500},
    ),
    (
        "a sidecar with more than its apps keeps its own",
        make_pod((asking("s", "12Gi", **SIDECAR),), (asking("a", "4Gi"),)),
        {"s": 250, "a": 750},
    ),
    (
        "what the pod asks for beyond its containers is shared",
        make_pod((), (asking("a", "4Gi"), "b"), resources={"requests": {"memory": "12Gi"}}),
        {"a": 500, "b": 750},
    ),
]


@pytest.mark.parametrize(("pod", "wanted"), [r[1:] for r in SCORES], ids=[r[0] for r in SCORES])
def test_scores_for_when_memory_runs_out(pod: Pod, wanted: dict[str, int]) -> None:
    assert scores(pod) == wanted


def test_the_score_of_a_critical_pod_is_that_of_a_guaranteed_one() -> None:
    assert scores(make_pod(priorityClassName="system-node-critical")) == {"main": -997}


def test_a_node_of_unknown_size_makes_no_difference_between_requests() -> None:
    assert scores(make_pod((), (asking("a", "4Gi"),)), memory=0) == {"a": 999}


def test_no_container_is_created_with_a_score_below_zero() -> None:
    """Engines that run without root, or in a container, may not give any."""
    assert container(main(resources=FULL)).resources.oom_score_adj == 0
    assert container(main()).resources.oom_score_adj == 1000


def test_a_limit_of_the_pod_bounds_containers_without_one() -> None:
    shared = {"limits": {"cpu": "2", "memory": "1Gi"}}
    own = {"name": "own", "resources": {"limits": {"cpu": "1", "memory": "64Mi"}}}
    pod = make_pod((), ("main", own), resources=shared)
    bounded, limited = (resources_of(pod, one) for one in pod.containers)
    assert (bounded.memory, bounded.cpu_quota, bounded.cpu_shares) == (GI, 200_000, 2048)
    assert (limited.memory, limited.cpu_quota) == (64 * 2**20, 100_000)


def test_containers_whose_ephemeral_storage_is_limited_are_named() -> None:
    limited = {"name": "b", "resources": {"limits": {"ephemeral-storage": "1Gi"}}}
    assert unenforced_storage(make_pod((), ("a", limited))) == ("b",)
