"""Every integer of the API that becomes a time, a size or a count, at the ends of what the API accepts: a whole life each.

The server checks most of them only for their sign, so 64 bits are valid where Python's times, sockets and the Engine's own
numbers have fewer.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.core.manifest import LoadedObject, Source, load
from runner.lab import names_of, new_pod, simulate_company
from runner.lab.script import script_of
from runner.lab.simulation import End, simulate

INT32, INT64 = 2**31 - 1, 2**63 - 1
NUMBERS: Sequence[object] = (-(2**63), -1, 0, 1, INT32, 2**31, 2**32, 10**12, 10**15, INT64 - 1, INT64)
SIZES: Sequence[object] = ("0", "1", "1n", "8Ei", "9223372036854775807", "16Ei", "1e30", "1e18")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
PROBE_NUMBERS = (
    "initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold", "successThreshold",
    "terminationGracePeriodSeconds",
)  # fmt: skip
POD_PATHS: dict[str, Sequence[object]] = {
    "spec.terminationGracePeriodSeconds": NUMBERS,
    "spec.activeDeadlineSeconds": NUMBERS,
    "spec.priority": NUMBERS,
    "spec.tolerations.0.tolerationSeconds": NUMBERS,
    "spec.securityContext.runAsUser": NUMBERS,
    "spec.securityContext.fsGroup": NUMBERS,
    "spec.containers.0.lifecycle.preStop.sleep.seconds": NUMBERS,
    "spec.containers.0.lifecycle.postStart.sleep.seconds": (0, 1),
    "spec.containers.0.resources.limits.memory": SIZES,
    "spec.containers.0.resources.limits.cpu": SIZES,
    "spec.containers.0.resources.limits.ephemeral-storage": SIZES,
    "spec.containers.0.resources.requests.memory": SIZES,
    "spec.containers.0.ports.0.containerPort": NUMBERS,
    "spec.volumes.0.emptyDir.sizeLimit": SIZES,
    "spec.volumes.1.projected.sources.0.serviceAccountToken.expirationSeconds": NUMBERS,
    "spec.volumes.1.projected.defaultMode": NUMBERS,
    **{
        f"spec.containers.0.{probe}.{number}": NUMBERS
        for probe in PROBES
        for number in PROBE_NUMBERS
        if (probe, number) != ("readinessProbe", "terminationGracePeriodSeconds")  # which none may have
    },
}
WORKLOAD_PATHS: dict[str, Sequence[str]] = {
    "Job": (
        "activeDeadlineSeconds", "ttlSecondsAfterFinished", "backoffLimit", "backoffLimitPerIndex", "maxFailedIndexes",
    ),
    "Deployment": ("minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit", "strategy.rollingUpdate.maxSurge"),
    "StatefulSet": ("minReadySeconds", "revisionHistoryLimit", "ordinals.start", "updateStrategy.rollingUpdate.partition"),
    "DaemonSet": ("minReadySeconds", "revisionHistoryLimit"),
    "CronJob": ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"),
}  # fmt: skip
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {
        "serviceAccountName": "default",
        "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute"}],
        "volumes": [
            {"name": "scratch", "emptyDir": {"medium": "Memory"}},
            {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
        ],
        "containers": [
            {
                "name": "main",
                "image": "busybox:1.36",
                "imagePullPolicy": "IfNotPresent",
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            }
        ],
    },
}
FOREVER = {"containers": {"main": {"attempts": [{"run": "forever", "onTerm": "ignore"}]}}}


def changed(value: dict[str, Any], path: str, number: object) -> dict[str, Any]:
    """A copy with one more field, what leads to it included."""
    result = copy.deepcopy(value)
    place: Any = result
    *way, last = path.split(".")
    for part, following in zip(way, [*way[1:], last], strict=True):
        if part.isdigit():
            place = place[int(part)]
        else:
            place = place.setdefault(part, [{"containerPort": 80}] if following.isdigit() else {})
    place[last] = number
    if ".lifecycle." not in path:
        for probe in PROBES:
            if probe in result["spec"].get("containers", [{}])[0]:
                result["spec"]["containers"][0][probe]["exec"] = {"command": ["true"]}
    return result


def valid(*values: dict[str, Any]) -> tuple[LoadedObject, ...]:
    """The objects if the server would take them."""
    result = load([Source(name="m", text=yaml.safe_dump_all(values))])
    return result.objects if result.ok else ()


def live(value: dict[str, Any]) -> None:
    """Start, be looked at, be asked to end without saying how long, and go."""
    for loaded in valid(value):
        pod = new_pod(loaded.value)
        steps = {**FOREVER, "steps": [{"at": 100, "delete": {}}, {"at": 200, "delete": {"grace": 0}}]}
        simulation = simulate(pod, script_of(steps, pod), for_seconds=1000)
        assert simulation.end is End.GONE


@pytest.mark.parametrize("path", sorted(POD_PATHS))
def test_a_pod_lives_and_ends_with_every_number_that_is_valid(path: str) -> None:
    taken = [number for number in POD_PATHS[path] if valid(changed(POD, path, number))]
    assert taken, "some are valid"
    for number in taken:
        live(changed(POD, path, number))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_pod_lives_and_ends_with_many_extremes_at_once(data: st.DataObject) -> None:
    value = POD
    for path in data.draw(st.lists(st.sampled_from(sorted(POD_PATHS)), max_size=6, unique=True)):
        candidate = changed(value, path, data.draw(st.sampled_from(POD_PATHS[path])))
        value = candidate if valid(candidate) else value
    live(value)


@pytest.mark.parametrize(("kind", "path"), [(kind, path) for kind, paths in WORKLOAD_PATHS.items() for path in paths])
def test_a_workload_runs_with_every_number_that_is_valid(kind: str, path: str) -> None:
    taken = []
    for number in NUMBERS:
        objects = valid(changed(workload(kind, path), f"spec.{path}", number))
        if objects:
            taken.append(number)
            script = script_of({}, names_of(objects, "default"))
            simulate_company(objects, script, for_seconds=100)
    assert taken, "some are valid"


def workload(kind: str, path: str) -> dict[str, Any]:
    """One of its kind, in the form that takes a number at the path."""
    policy = "Never" if kind in ("Job", "CronJob") else "Always"
    spec = {"containers": [{"name": "main", "image": "busybox:1.36"}], "restartPolicy": policy}
    template = {"metadata": {"labels": {"app": "x"}}, "spec": spec}
    version = "batch/v1" if kind in ("Job", "CronJob") else "apps/v1"
    value: dict[str, Any] = {"apiVersion": version, "kind": kind, "metadata": {"name": "web"}}
    if kind == "CronJob":
        own: dict[str, Any] = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}}}
    elif kind == "Job":
        own = {"template": template}
        if "Index" in path:
            own |= {"completions": 2, "parallelism": 2, "completionMode": "Indexed", "backoffLimitPerIndex": 1}
    else:
        own = {"template": template, "selector": {"matchLabels": {"app": "x"}}}
        own |= {"serviceName": "web"} if kind == "StatefulSet" else {}
    return {**value, "spec": own}
