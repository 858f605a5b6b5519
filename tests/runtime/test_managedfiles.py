"""Pods that a node names, confines or refuses, in virtual time: what reaches the Engine, and what it is not asked for."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.model import Json
from runner.engine.simulated import Attempt, ContainerScript
from runner.lab import Simulation, new_pod, simulate
from runner.lab.script import SimulationScript


def run(**spec: object) -> Simulation:
    main = {"name": "main", "image": "busybox:1.36", "imagePullPolicy": "IfNotPresent"}
    value: Json = {"metadata": {"name": "named"}, "spec": {"restartPolicy": "Never", "containers": [main], **spec}}
    script = SimulationScript(containers={"main": ContainerScript(attempts=(Attempt(after=1),))})
    return simulate(new_pod(value), script)


def phases(simulation: Simulation) -> list[str]:
    return list(dict.fromkeys(shown.pod["status"].get("phase") for shown in simulation.trace))


@pytest.mark.parametrize(
    "spec",
    [
        {"hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a"]}]},
        {"hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a"]}], "hostNetwork": True},
        {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"]}},
        {"dnsConfig": {"searches": ["a.b"]}},
    ],
    ids=["aliases", "aliases in the node's network", "own resolver", "search paths beside the node's"],
)
def test_a_pod_with_files_of_its_own_lives_as_any_other(spec: dict[str, object]) -> None:
    assert phases(run(**spec))[-1] == "Succeeded"


def test_a_pod_that_the_node_refuses_fails_and_stays_so() -> None:
    simulation = run(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]})
    assert phases(simulation) == ["Pending", "Failed"]
    status = simulation.trace[-1].pod["status"]
    assert status["reason"] == "SysctlForbidden"
    assert "containerStatuses" not in status


def events_of(**spec: Any) -> list[str]:
    """Reasons of the events of a pod of two init containers and one more, counted."""
    made = {"image": "busybox:1.36", "imagePullPolicy": "IfNotPresent"}
    inits = [{"name": f"i{number}", **made} for number in range(2)]
    pod = {"initContainers": inits, "containers": [{"name": "main", **made}], "restartPolicy": "Never", **spec}
    value: Json = {"metadata": {"name": "web"}, "spec": pod}
    once = ContainerScript(attempts=(Attempt(after=1),))
    script = SimulationScript(containers=dict.fromkeys(("i0", "i1", "main"), once))
    return [str(one.record.reason) for one in simulate(new_pod(value), script).events]


def test_a_resolvers_limits_are_told_of_once_a_sandbox() -> None:
    servers = [f"192.0.2.{number}" for number in range(5)]
    found = events_of(dnsPolicy="None", dnsConfig={"nameservers": servers})
    assert found.count("DNSConfigForming") == 1


def test_missing_pull_secrets_are_told_of_in_every_sync_although_the_images_are_there() -> None:
    found = events_of(imagePullSecrets=[{"name": "absent"}])
    assert found.count("FailedToRetrieveImagePullSecret") == 3
    assert found.count("Started") == 3
