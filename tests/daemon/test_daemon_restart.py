"""The Engine is killed under a pod and started again: the pod goes on as under a kubelet whose runtime came back."""

from __future__ import annotations

import pytest

from tests.daemon.conftest import PrivateEngine
from tests.e2e.support import SERVE, Bench, container, events, pod

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

READY = ("Status", "Running (1/1 ready)")


def test_a_pod_outlives_its_engine(bench: Bench, private_engine: PrivateEngine) -> None:
    """Without live-restore the containers die with the daemon: a new sandbox, and the init container runs again."""
    name = bench.name("outlives")
    run = bench.start("run", bench.write(pod(name, inits=[container("init", "echo initialised")])))
    run.line(*READY)
    before = bench.pod(name)["status"]
    private_engine.kill()
    run.line("the Engine does not answer")
    private_engine.up()
    run.line("the Engine answers again")
    run.line("Normal", "SandboxChanged")
    bench.until(lambda: bench.pod(name)["status"]["containerStatuses"][0]["restartCount"] == 1, "the restart")
    bench.until(lambda: bench.pod(name)["status"]["containerStatuses"][0]["ready"], "ready again")
    after = bench.pod(name)["status"]
    assert after["phase"] == "Running"
    assert after["containerStatuses"][0]["containerID"] != before["containerStatuses"][0]["containerID"]
    assert after["initContainerStatuses"][0]["restartCount"] == 1
    assert run.text("out").count("initialised") == 2
    assert [reason for reason, _ in events(run.text("err"))].count("SandboxChanged") == 1
    run.interrupt()
    assert run.end().code == 130
    bench.assert_nothing_left(name)


def test_a_deletion_that_meets_no_engine_is_carried_out_later(bench: Bench, private_engine: PrivateEngine) -> None:
    name = bench.name("deleted")
    run = bench.start("run", bench.write(pod(name, container("main", SERVE))))
    run.line(*READY)
    private_engine.kill()
    run.interrupt()
    run.line("the Engine does not answer")
    private_engine.up()
    assert run.end().code == 130
    bench.assert_nothing_left(name)
