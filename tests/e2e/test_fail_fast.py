"""What a kubelet would try again for ever ends a run that is told not to wait for it, with the reason."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.e2e.support import Bench, container, pod

pytestmark = pytest.mark.docker

MISSING = {"configMapKeyRef": {"name": "nope", "key": "k"}}
SECRET = {"name": "v", "secret": {"secretName": "nope"}}


@pytest.mark.parametrize(
    ("main", "spec", "reason"),
    [
        pytest.param({"image": "no-such-image:1"}, {}, "ErrImagePull: ", id="an image"),
        pytest.param({"image": "BAD::IMAGE"}, {}, "InvalidImageName: ", id="the name of an image"),
        pytest.param({"image": "never:1", "imagePullPolicy": "Never"}, {}, "ErrImageNeverPull: ", id="one that is not pulled"),
        pytest.param({"env": [{"name": "A", "valueFrom": MISSING}]}, {}, "CreateContainerConfigError: ", id="a ConfigMap"),
        pytest.param({"command": ["nosuch"]}, {}, "RunContainerError: ", id="a command"),
        pytest.param({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, {"volumes": [SECRET]}, "FailedMount: ", id="a volume"),
    ],
)  # fmt: skip
def test_what_is_not_there_ends_the_run(bench: Bench, main: dict[str, Any], spec: dict[str, Any], reason: str) -> None:
    name = bench.name("fast")
    path = bench.write(pod(name, {**container("main"), **main}, **spec))
    done = bench("run", path, "--until", "ready", "--max-restarts", "0", "-q")
    assert done.code == 1, done.err
    assert f"pod {name} cannot get there: " in done.err
    assert reason in done.err
    bench.assert_nothing_left(name)


def test_a_port_that_is_taken_ends_the_run_and_waiting_for_it_is_possible(bench: Bench) -> None:
    """Without ``--until`` a run waits for what a kubelet waits for."""
    name = bench.name("fast")
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = {"containerPort": 80, "hostPort": taken.getsockname()[1]}
        path = bench.write(pod(name, container("main", ports=[port])))
        done = bench("run", path, "--fail-fast", "-q")
        assert (done.code, "FailedCreatePodSandBox" in done.err) == (1, True)
        assert bench("run", path, "--timeout", "2s", "-q").code == 4
        assert bench("run", path, "--timeout", "2s", "--until", "ready", "--no-fail-fast", "-q").code == 4
    bench.assert_nothing_left(name)
