"""Numbers at the ends of what the API accepts, on the real Engine."""

from __future__ import annotations

import pytest

from tests.e2e.support import Bench, container, pod

pytestmark = pytest.mark.docker

INT32, INT64 = 2**31 - 1, 2**63 - 1


def test_a_pod_with_the_greatest_numbers_completes_and_goes(bench: Bench) -> None:
    name = bench.name("extreme")
    numbers = {"timeoutSeconds": INT32, "failureThreshold": INT32}
    probe = {"httpGet": {"port": 8080}, "periodSeconds": 1, **numbers}
    main = container(
        "main",
        "httpd -p 8080 -h /tmp; sleep 3",
        readinessProbe=probe,
        livenessProbe={"exec": {"command": ["true"]}, **numbers, "terminationGracePeriodSeconds": INT64},
        lifecycle={"preStop": {"sleep": {"seconds": INT64}}},
        resources={"limits": {"memory": "1e30", "cpu": "1e3"}},
        volumeMounts=[{"name": "fast", "mountPath": "/fast"}],
    )
    volumes = [{"name": "fast", "emptyDir": {"medium": "Memory", "sizeLimit": "8Ei"}}]
    value = pod(name, main, restartPolicy="Never", terminationGracePeriodSeconds=INT64, volumes=volumes)
    value["spec"]["activeDeadlineSeconds"] = INT32
    done = bench("run", bench.write(value), "--timeout", "1000000h")
    assert (done.code, "Traceback" in done.err) == (0, False), done.err
    bench.assert_nothing_left(name)


def test_the_longest_grace_is_cut_short_by_whoever_asks_for_less(bench: Bench) -> None:
    name = bench.name("extreme")
    stubborn = container("main", "trap '' TERM; echo up; while :; do sleep 1; done")
    path = bench.write(pod(name, stubborn, terminationGracePeriodSeconds=INT64))
    run = bench.start("run", path)
    run.line("up", stream="out")
    run.interrupt()
    run.line("Killing")
    assert bench("delete", "po", name, "--now").code == 0
    assert run.end(60).code == 130
    bench.assert_nothing_left(name)
