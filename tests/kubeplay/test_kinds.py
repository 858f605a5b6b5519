"""Manifests from another tool's tests, with what a kubelet or kubectl makes of them: documents, kinds, images, controllers."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.e2e.support import ROOT, Bench
from tests.support.yamls import read_yaml

pytestmark = pytest.mark.docker

CASES = ROOT / "fixtures" / "conformance" / "kubeplay"
Value = dict[str, Any]


def read(number: str) -> Value:
    (path,) = CASES.glob(f"{number}-*.yaml")
    case: Value = read_yaml(path.read_text(encoding="utf-8"))
    return case


def renamed(bench: Bench, case: Value) -> tuple[list[Value], dict[str, str]]:
    """The case's objects with names of their own, and the new names by the old ones."""
    text, names = case["manifest"], {}
    for value in yaml.safe_load_all(case["manifest"]):
        for item in value.get("items") or [value]:
            if item["kind"] in ("Pod", "Deployment", "DaemonSet"):
                old = item["metadata"]["name"]
                names[old] = bench.name(old)
    values = list(yaml.safe_load_all(text))
    for value in values:
        for item in value.get("items") or [value]:
            item["metadata"]["name"] = names.get(item["metadata"]["name"], item["metadata"]["name"])
    return values, names


def pods(bench: Bench) -> list[Value]:
    found: list[Value] = json.loads(bench("get", "po", "-o", "json").out)["items"]
    bench.names += [pod["metadata"]["name"] for pod in found if pod["metadata"]["name"] not in bench.names]
    return found


def phases(bench: Bench) -> dict[str, str]:
    return {pod["metadata"]["name"]: pod["status"]["phase"] for pod in pods(bench)}


@pytest.mark.parametrize(
    ("number", "expectation"),
    [("021", "api_rejected"), ("022", "api_rejected"), ("025", "api_rejected"), ("026", "parse_error")],
)
def test_what_a_server_or_kubectl_refuses_is_refused_with_its_words_and_touches_nothing(
    bench: Bench, number: str, expectation: str
) -> None:
    case = read(number)
    (expected,) = (entry[expectation] for entry in case["kubelet"])
    done = bench("run", "-", stdin=case["manifest"])
    assert done.code == 2
    assert expected["message_contains"] in done.err
    assert pods(bench) == []


def test_a_pod_whose_image_has_no_valid_name_waits(bench: Bench) -> None:
    """020: the reference is found invalid before any registry is asked."""
    case = read("020")
    values, names = renamed(bench, case)
    name = names["bi"]
    process = bench.start("run", bench.write(*values))
    (waiting,) = (entry["waiting"] for entry in case["kubelet"] if "waiting" in entry)
    (event,) = (entry["event"] for entry in case["kubelet"] if "event" in entry)

    def is_waiting() -> bool:
        found = [status.get("state") or {} for status in bench.pod(name)["status"].get("containerStatuses") or ()]
        return [state.get("waiting", {}).get("reason") for state in found] == [waiting["reason"]]

    process.line(event["reason"], event["message_contains"])
    bench.until(is_waiting, waiting["reason"])
    value = bench.pod(name)
    assert waiting["message_contains"] in value["status"]["containerStatuses"][0]["state"]["waiting"]["message"]
    assert value["status"]["phase"] == "Pending"
    process.interrupt()
    assert process.end().code == 130
    bench.assert_nothing_left(name)


def test_a_list_is_the_objects_it_holds(bench: Bench) -> None:
    """027: a configMap and the pod that reads it."""
    case = read("027")
    values, names = renamed(bench, case)
    done = bench("run", "-o", "json", bench.write(*values))
    assert done.code == 0, done.err
    assert json.loads(done.out)["status"]["phase"] == "Succeeded"
    (log,) = (entry["log"] for entry in case["kubelet"] if "log" in entry)
    assert log["equals"] in done.err
    bench.assert_nothing_left(names["list-pod"])


def test_a_service_among_pods_does_no_harm(bench: Bench) -> None:
    """028: both pods run."""
    values, names = renamed(bench, read("028"))
    process = bench.start("run", bench.write(*values))
    bench.until(lambda: phases(bench) == dict.fromkeys(names.values(), "Running"), "two running pods")
    process.interrupt()
    process.end()
    for name in names.values():
        bench.assert_nothing_left(name)


def test_a_pod_that_is_there_already_stays_unchanged(bench: Bench) -> None:
    """030: the second time is refused, as kubectl create is, and leaves the pod as it is."""
    values, names = renamed(bench, read("030"))
    name, path = names["again"], bench.write(*values)
    first = bench("run", "--until", "ready", "--keep", "always", path)
    assert first.code == 0, first.err
    before = bench.pod(name)
    second = bench("run", path)
    assert second.code != 0
    assert f'pods "{name}" already exists' in second.err
    after = bench.pod(name)
    assert (after["metadata"]["uid"], after["status"]["phase"]) == (before["metadata"]["uid"], "Running")
    assert bench("delete", "po", name).code == 0
    bench.assert_nothing_left(name)


@pytest.mark.parametrize("number", ["108", "109"])
def test_a_controllers_pods_run_with_its_labels(bench: Bench, number: str) -> None:
    """108: one pod of a DaemonSet; 109: as many of a Deployment's ReplicaSet as it asks for."""
    case = read(number)
    (owned,) = (entry["pods_owned"] for entry in case["kubelet"] if "pods_owned" in entry)
    values, names = renamed(bench, case)
    values[0]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 1
    (name,) = names.values()
    done = bench("run", "--until", "ready", "-o", "json", bench.write(*values))
    assert done.code == 0, done.err
    value = json.loads(done.out)
    found = value.get("items") or [value]
    assert len(found) == owned["count"]
    assert "up\n" in done.err
    for pod in found:
        (owner,) = pod["metadata"]["ownerReferences"]
        assert owner["kind"] == owned["kind"]
        assert owner["name"].startswith(name)
        assert pod["metadata"]["name"].startswith(f"{owner['name']}-")
        assert pod["metadata"]["labels"]["tier"] == "t1"
        assert "running" in pod["status"]["containerStatuses"][0]["state"]
        assert bench.left(pod["metadata"]["name"]) == []
