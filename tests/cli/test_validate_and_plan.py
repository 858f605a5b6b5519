"""validate and plan: manifests without an Engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.support import CommandLine

GOOD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: main
    image: nginx:1.27
"""
BAD = GOOD.replace("image:", "imagee:")
INGRESS = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: front\n"


@pytest.fixture
def podrunner() -> CommandLine:
    return CommandLine()


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    return str(path)


def test_a_valid_manifest_is_called_valid(podrunner: CommandLine, good: str) -> None:
    done = podrunner("validate", good)
    assert (done.code, done.out, done.err) == (0, "pod/web is valid\n", "")


def test_yaml_output_is_the_object_with_its_defaults(podrunner: CommandLine, good: str) -> None:
    value = yaml.safe_load(podrunner("validate", good, "-o", "yaml").out)
    assert value["spec"]["restartPolicy"] == "Always"
    assert value["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"


def test_problems_are_shown_with_their_place_and_a_mark_below_it(podrunner: CommandLine, bad: str) -> None:
    """Every problem at once, each with the line it is about."""
    done = podrunner("validate", bad)
    assert (done.code, done.out) == (2, "")
    assert f'{bad}:8:5: error: unknown field "spec.containers[0].imagee"' in done.err
    assert " 8 |     imagee: nginx:1.27\n   |     ^\n" in done.err
    assert done.err.endswith(" problems\n") or done.err.endswith("1 problem\n")


def test_problems_of_standard_input_have_their_line_too(podrunner: CommandLine) -> None:
    done = podrunner("validate", "-", stdin=BAD)
    assert "<stdin>:8:5: error: " in done.err
    assert " 8 |     imagee: nginx:1.27\n" in done.err


def test_a_long_line_is_cut_around_the_place(podrunner: CommandLine) -> None:
    text = '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"' + "a" * 400 + '"},"x":1}'
    shown = [part for part in podrunner("validate", "-", stdin=text).err.splitlines() if part.startswith(" 1 | ")]
    assert shown
    assert all(len(part) <= 170 for part in shown)


def test_json_output_is_one_report_a_file(podrunner: CommandLine, good: str, bad: str) -> None:
    done = podrunner("validate", good, bad, "-o", "json")
    first, second = (json.loads(text) for text in done.out.splitlines())
    assert (done.code, done.err) == (2, "")
    assert (first["file"], first["ok"], first["problems"]) == (good, True, [])
    assert first["objects"][0]["spec"]["restartPolicy"] == "Always"
    assert (second["file"], second["ok"], second["objects"]) == (bad, False, [])
    assert (second["problems"][0]["line"], second["problems"][0]["column"]) == (8, 5)
    assert first["status"] is None
    assert (second["status"]["code"], second["status"]["reason"]) == (400, "BadRequest")
    assert set(first) == {"file", "ok", "objects", "status", "warnings", "problems"}


def test_the_status_of_an_invalid_object_names_every_cause(podrunner: CommandLine) -> None:
    text = GOOD.replace("name: main", "name: Main").replace("image: nginx:1.27", "image: ''")
    (line,) = podrunner("validate", "-", "-o", "json", stdin=text).out.splitlines()
    status = json.loads(line)["status"]
    assert status["message"].startswith('Pod "web" is invalid: [spec.containers[0].name: Invalid value: "Main"')
    assert [cause["field"] for cause in status["details"]["causes"]] == [
        "spec.containers[0].name",
        "spec.containers[0].image",
    ]


@pytest.mark.parametrize("verb", ["validate", "run", "plan"])
def test_ignored_objects_are_told_in_one_line(podrunner: CommandLine, verb: str) -> None:
    text = f"{GOOD}---\n{INGRESS}---\n{INGRESS.replace('front', 'back')}"
    done = podrunner(verb, "-", stdin=text)
    assert done.code == 0
    assert done.err.startswith("ignored, without effect on one node: Ingress front, back\n")


@pytest.mark.parametrize("verb", ["validate", "run"])
@pytest.mark.parametrize("more", [f"---\n{INGRESS}", "    image: nginx:1.28\n"], ids=["ignored kind", "duplicate key"])
def test_strict_makes_errors_of_warnings_and_ignored_objects(podrunner: CommandLine, verb: str, more: str) -> None:
    assert podrunner(verb, "-", stdin=GOOD + more).code == 0
    assert podrunner(verb, "-", "--strict", stdin=GOOD + more).code == 2


def test_a_duplicate_key_is_a_warning(podrunner: CommandLine) -> None:
    done = podrunner("validate", "-", stdin=GOOD + "    image: nginx:1.28\n")
    assert (done.code, done.out) == (0, "pod/web is valid\n")
    assert "<stdin>:9:5: warning: " in done.err


@pytest.mark.parametrize("verb", ["validate", "plan", "run"])
def test_no_manifest_and_an_unreadable_one_are_usage_errors(podrunner: CommandLine, verb: str) -> None:
    assert podrunner(verb).err.splitlines()[0] == "error: no manifest given"
    done = podrunner(verb, "nosuch.yaml")
    assert (done.code, done.err) == (2, 'error: the path "nosuch.yaml" does not exist\n')


def test_plan_prints_the_first_decision(podrunner: CommandLine, good: str) -> None:
    done = podrunner("plan", good, "--retry", "container")
    assert (done.code, done.out, done.err) == (0, "plan of web, retry container\n", "")


@pytest.mark.parametrize("verb", ["plan", "run"])
def test_a_broken_manifest_lists_its_problems_and_touches_nothing(podrunner: CommandLine, bad: str, verb: str) -> None:
    done = podrunner(verb, bad)
    assert (done.code, done.out) == (2, "")
    assert f'{bad}:8:5: unknown field "spec.containers[0].imagee"' in done.err
    assert "nothing was touched" in done.err.splitlines()[-1]
    assert "objects" not in podrunner.runner.asked


NEEDY = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: main
    image: nginx:1.27
    envFrom:
    - configMapRef: {name: setings}
    - secretRef: {name: gone, optional: true}
"""


def test_names_are_seen_across_the_objects_of_the_input(podrunner: CommandLine) -> None:
    warned = podrunner("validate", "-", stdin=NEEDY)
    text = 'configmap "setings" is not in the input, did you mean "settings"?'
    assert (warned.code, f"warning: spec.containers[0].envFrom[0].configMapRef.name: {text}" in warned.err) == (0, True)
    assert warned.err.count("warning") == 1
    refused = podrunner("validate", "-", "--strict", stdin=NEEDY)
    assert (refused.code, f"error: spec.containers[0].envFrom[0].configMapRef.name: {text}" in refused.err) == (2, True)
    planned = podrunner("plan", "-", stdin=NEEDY)
    assert planned.out.endswith("needs from outside:\n  configmap default/setings for pod/web\n")
    assert (planned.code, text in planned.err) == (0, True)
    assert podrunner("plan", "-", "--strict", stdin=NEEDY).code == 2
    assert "outside" not in podrunner("plan", "-", stdin=NEEDY.replace("setings", "settings")).out


def test_other_commands_do_not_ask_the_input_alone(podrunner: CommandLine) -> None:
    """What the store has is not known here."""
    assert podrunner("run", "-", "-q", stdin=NEEDY).err == ""
