"""Random pods and what may happen to them, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from runner.core.model import Pod
from runner.lab import new_pod

SECONDS = st.sampled_from([0.0, 0.5, 1.0, 2.0, 7.0, 30.0, 130.0, 700.0])
CODES = st.sampled_from([0, 0, 1, 2, 137])
PROBE = {"exec": {"command": ["check"]}}

on_terms = st.one_of(
    st.just("ignore"),
    st.fixed_dictionaries({"exit": st.sampled_from([0, 1]), "after": st.sampled_from([0.0, 1.0, 25.0])}),
)
endings = st.one_of(
    st.fixed_dictionaries({"exit": CODES, "after": SECONDS}),
    st.fixed_dictionaries({"oom": st.just(True), "after": SECONDS}),
    st.fixed_dictionaries({"startError": st.just("no such file")}),
    st.fixed_dictionaries({"run": st.just("forever"), "onTerm": on_terms}),
)
points = st.lists(
    st.fixed_dictionaries(
        {"at": st.sampled_from([0.0, 3.0, 15.0, 40.0]), "result": st.sampled_from(["success", "failure", "unknown"])}
    ),
    max_size=3,
)


@st.composite
def probes(draw: st.DrawFn) -> dict[str, Any]:
    """Some probes of an app or a sidecar."""
    numbers = {
        "periodSeconds": draw(st.sampled_from([1, 2, 10])),
        "failureThreshold": draw(st.sampled_from([1, 3])),
        "initialDelaySeconds": draw(st.sampled_from([0, 4])),
    }
    kinds = draw(st.sets(st.sampled_from(["livenessProbe", "readinessProbe", "startupProbe"]), max_size=2))
    return {kind: {**PROBE, **numbers} for kind in sorted(kinds)}


@st.composite
def pods(draw: st.DrawFn, *, probed: bool = True) -> Pod:
    """A pod of up to three init containers, sidecars among them, and up to two apps."""
    inits = []
    for number in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            more = draw(probes()) if probed else {}
            inits.append(_container(f"sidecar-{number}", restartPolicy="Always", **more))
        else:
            inits.append(_container(f"init-{number}"))
    apps = []
    for number in range(draw(st.integers(1, 2))):
        more = draw(probes()) if probed else {}
        if probed and draw(st.booleans()):
            more["lifecycle"] = {"preStop": draw(st.sampled_from([PROBE, {"sleep": {"seconds": 5}}]))}
        apps.append(_container(f"app-{number}", **more))
    policy = draw(st.sampled_from(["Always", "OnFailure", "Never"]))
    grace = draw(st.sampled_from([0, 2, 10, 30]))
    return new_pod(
        {
            "metadata": {"name": "web"},
            "spec": {
                "restartPolicy": policy,
                "terminationGracePeriodSeconds": grace,
                "initContainers": inits,
                "containers": apps,
            },
        }
    )


def _container(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "busybox:1.36", "imagePullPolicy": "IfNotPresent", **more}


@st.composite
def scripts(draw: st.DrawFn, pod: Pod) -> dict[str, Any]:
    """What the containers of a pod do."""
    found: dict[str, Any] = {}
    for container in pod.all_containers():
        listed = draw(st.lists(endings, max_size=4))
        if container.is_regular_init and listed:
            listed[-1] = {"exit": 0, "after": 1.0}  # else most pods never come further
        one: dict[str, Any] = {"attempts": listed}
        if not container.is_regular_init:
            one["probes"] = {kind: draw(points) for kind in ("liveness", "readiness", "startup")}
            one["hooks"] = {"preStop": {"took": draw(st.sampled_from([0.0, 3.0, 60.0]))}}
        found[container.name] = one
    return {"containers": found}


outages = st.lists(
    st.tuples(st.sampled_from([0.0, 0.5, 1.0, 2.5, 8.0, 31.0, 60.5, 130.0]), st.sampled_from([0.2, 1.5, 20.0, 400.0])),
    min_size=1,
    max_size=3,
    unique_by=lambda outage: outage[0],
)
"""When the Engine does not answer, and for how many seconds."""


@st.composite
def interferences(draw: st.DrawFn, pod: Pod) -> list[dict[str, Any]]:
    """What a user does to a pod."""
    names = [container.name for container in pod.all_containers()]
    name = st.sampled_from(names)
    what = st.one_of(
        st.just({"killSandbox": True}),
        st.builds(lambda n: {"kill": n}, name),
        st.builds(lambda n: {"removeContainer": n}, name),
        st.builds(lambda n: {"pause": n}, name),
        st.builds(lambda n: {"unpause": n}, name),
        st.builds(
            lambda n: {"updateImage": {"container": n, "image": "busybox:2"}},
            st.sampled_from([c.name for c in pod.containers]),
        ),
    )
    times = st.sampled_from([0.0, 1.0, 3.5, 12.0, 33.0, 100.0, 400.0])
    return [{"at": draw(times), **draw(what)} for _ in range(draw(st.integers(0, 4)))]
