"""The well-known example pods, written anew in fixtures/examples, as they are on the real Engine."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import pytest
from docker.errors import APIError, NotFound

from tests.e2e.support import ROOT, Bench

pytestmark = pytest.mark.docker

EXAMPLES = ROOT / "fixtures" / "examples"


@dataclass(frozen=True)
class Expected:
    """How an example ends: what it is waited for, exit code, what it says or its run tells, how many pods it had at the end."""

    until: str = "completed"
    code: int = 0
    words: Sequence[str] = ()
    pods: int = 1


EXPECTED = {
    "init-prepares-page": Expected("ready"),
    "sidecar-ships-log": Expected(words=["line 1", "line 3"]),
    "job-with-sidecar": Expected(words=["done"]),
    "probe-liveness-exec": Expected("ready"),
    "probe-liveness-http": Expected("ready"),
    "probe-startup-and-readiness": Expected("ready", words=["Startup probe failed"]),
    "configmap-variables": Expected(words=["very charm info teal"]),
    "configmap-volume": Expected(words=["debug", "first: 1", "second: 2"]),
    "secret-files-and-variables": Expected(words=["400"]),
    "downward-variables": Expected(words=["/ self-aware /", "/ default / 1 / 67108864"]),
    "downward-volume": Expected(words=['zone="us-est-coast"', 'builder="john-doe"', "250"]),
    "projected-all-in-one": Expected(words=["admin", "hello", 'app="all-in-one"']),
    "security-context": Expected(words=["uid=1000", "gid=3000", "2000"]),
    "host-aliases": Expected(words=["127.0.0.1\tfoo.local\tbar.local", "10.1.2.3\tfoo.remote\tbar.remote"]),
    "shared-processes": Expected("ready", words=["nginx: master process"]),
    "job-once": Expected(words=["5050"]),
    "job-parallel": Expected(words=["worked"], pods=6),
    "job-indexed": Expected(words=["oof", "rab", "zab"], pods=3),
    "job-failure-policy": Expected(
        code=1,
        words=["PodFailurePolicy: Container main for pod", "failed with exit code 42 matching FailJob rule at index 0"],
    ),
    "cron-job": Expected(words=["Hello from the cluster"]),
    "deployment": Expected("ready", pods=2),
    "stateful-set": Expected("ready", pods=2),
    "helm-output": Expected("ready", words=["ignored, without effect on one node: NetworkPolicy shop; Ingress shop"]),
    "taken-from-a-cluster": Expected(words=["default"]),
}


@pytest.fixture
def namespace(bench: Bench) -> Iterator[str]:
    """A namespace of its own, whose claims' volumes go in the end."""
    name = f"examples-{secrets.token_hex(4)}"
    yield name
    for volume in bench.engine.volumes.list():
        if str(volume.name).endswith(f"_{name}"):
            with suppress(NotFound, APIError):
                volume.remove(force=True)


def test_every_example_is_run() -> None:
    """The one that is about Services which come later has a test of its own."""
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} - set(EXPECTED) == {"init-waits-for-services"}


def test_init_containers_wait_for_services_that_a_second_terminal_brings(bench: Bench, namespace: str) -> None:
    text = (EXAMPLES / "init-waits-for-services.yaml").read_text(encoding="utf-8")
    pod, *services = text.replace(".default.svc", f".{namespace}.svc").split("---\n")
    run = bench.start("run", "-n", namespace, "--timeout", "100s", "-", stdin=pod)
    run.line("waiting for store", stream="out")
    for service, name, following in zip(services, ("store", "queue"), ("waiting for queue", ""), strict=True):
        done = bench("apply", "-n", namespace, "-f", "-", stdin=service)
        assert (done.code, done.out) == (0, f"service/{name} created\n"), done.err
        if following:
            run.line(following, stream="out")
    run.line("everything is there", stream="out")
    assert bench("delete", "-n", namespace, "po", "patient", "--now").code == 0
    run.end()
    assert bench.left("patient") == []
    assert bench("delete", "-n", namespace, "svc", "store", "queue").code == 0


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_does_what_it_is_known_for(bench: Bench, namespace: str, name: str) -> None:
    expected = EXPECTED[name]
    text = (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8").replace(".default.svc", f".{namespace}.svc")
    text = text.replace("namespace: default", f"namespace: {namespace}")
    words = [word if word != "default" else namespace for word in expected.words]
    argv = ["run", "-n", namespace, "--until", expected.until, "--timeout", "100s", "-o", "json", "-"]
    done = bench(*argv, stdin=text)
    assert done.code == expected.code, done.err
    for word in words:
        assert word in done.err
    value = json.loads(done.out)
    pods = value.get("items") or [value]
    assert len(pods) == expected.pods
    for pod in pods:
        assert pod["metadata"]["namespace"] == namespace
        assert bench.left(pod["metadata"]["name"]) == []
