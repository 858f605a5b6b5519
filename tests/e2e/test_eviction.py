"""Disk volumes with a size limit: a pod that uses more is evicted, as a kubelet does."""

from __future__ import annotations

import json

import pytest

from tests.e2e.support import Bench, container, mounted, pod

pytestmark = pytest.mark.docker


def test_a_pod_that_fills_more_than_its_limit_is_evicted(bench: Bench) -> None:
    name = bench.name("hungry")
    eat = "dd if=/dev/zero of=/data/eaten bs=1M count=3 2>/dev/null; echo full; while :; do sleep 1; done"
    volumes = [{"name": "data", "emptyDir": {"sizeLimit": "2Mi"}}]
    value = pod(
        name, container("main", eat, **mounted("data", "/data")), volumes=volumes, terminationGracePeriodSeconds=60
    )
    done = bench("run", bench.write(value), "--timeout", "120s", "-o", "json")
    assert done.code == 1, done.err
    status = json.loads(done.out)["status"]
    text = 'Usage of EmptyDir volume "data" exceeds the limit "2Mi". '
    assert (status["phase"], status["reason"], status["message"]) == ("Failed", "Evicted", text)
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137
    assert ("Evicted", text.strip()) in [(reason, message.strip()) for reason, message in done.events]
    assert done.statuses[-1] == "Error", "kubectl shows what the container says before the reason of the pod"
    bench.assert_nothing_left(name)
