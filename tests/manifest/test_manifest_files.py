"""Whole files: broken ones with every expected line, sound ones, the example of the README, folders of other tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.core.manifest import Position, Source, load

FIXTURES = Path(__file__).parents[2] / "fixtures"
INVALID = sorted((FIXTURES / "manifests" / "invalid").glob("*.yaml"))
VALID = sorted((FIXTURES / "manifests" / "valid").iterdir())


@pytest.mark.parametrize("file", INVALID, ids=[file.stem for file in INVALID])
def test_a_broken_manifest_gets_all_its_problems_with_their_places(file: Path) -> None:
    result = load([Source(name=file.name, text=file.read_text())])
    lines = [str(problem).removeprefix(f"{file.name}:") for problem in result.problems]
    assert lines == file.with_suffix(".txt").read_text().splitlines()


def test_there_are_enough_broken_manifests() -> None:
    assert len(INVALID) >= 30


@pytest.mark.parametrize("file", VALID, ids=[file.name for file in VALID])
def test_a_sound_manifest_loads_without_a_word(file: Path) -> None:
    result = load([Source(name=file.name, text=file.read_text())])
    words = [problem.message for problem in (*result.problems, *result.warnings)]
    assert [word for word in words if not word.startswith('only a cluster knows the namespace "shop"')] == []
    assert result.objects


@pytest.mark.parametrize("ending", ["\r\n", "\n"], ids=["CRLF", "LF"])
@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "with a BOM"])
def test_the_first_example_loads_whatever_the_editor_did_to_it(start: str, ending: str) -> None:
    text = (FIXTURES / "init-container.yaml").read_text()
    result = load([Source(name="-", text=start + text.replace("\n", ending))])
    assert result.ok
    (pod,) = result.objects
    assert (pod.file, pod.kind, pod.api_version) == ("<stdin>", "Pod", "v1")
    assert (pod.namespace, pod.name) == ("default", "init-container-pod")
    init = pod.value["spec"]["initContainers"]
    assert [container["name"] for container in init] == ["init-container-1", "init-container-2"]
    assert init[0]["command"] == ["sh", "-c", "echo Init Container 1"]
    assert init[0]["imagePullPolicy"] == "Always"
    assert pod.value["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    assert pod.positions["spec", "initContainers", 0, "image"] == Position(8, 14)
    assert pod.positions["spec", "containers", 0] == Position(14, 7)
    assert "imagePullPolicy" not in pod.raw["spec"]["containers"][0]


def test_what_a_cluster_wrote_into_a_pod_is_left_out() -> None:
    file = FIXTURES / "manifests" / "valid" / "taken-from-a-cluster.yaml"
    (pod,) = load([Source(name=file.name, text=file.read_text())]).objects
    assert pod.namespace == "shop"
    assert "status" not in pod.value
    assert sorted(pod.value["metadata"]) == ["name", "namespace", "ownerReferences"]
    assert pod.raw["metadata"]["uid"] == "6f1a1c1e-2b53-4a53-9d4c-0a8a5a8f3b11"


def test_json_with_tabs_escapes_and_surrogate_pairs_is_read() -> None:
    file = FIXTURES / "manifests" / "valid" / "pod.json"
    (pod,) = load([Source(name=file.name, text=file.read_text())]).objects
    assert pod.value["metadata"]["annotations"] == {"slash": "a/b", "smile": "😀"}
