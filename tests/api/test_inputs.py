"""Manifests in every form that a program may have them, and changes for one run."""

from __future__ import annotations

import base64
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runner import Overrides
from runner.api.inputs import Manifest, sources_of
from runner.core.manifest import LoadedObject, load
from runner.errors import UsageError

TEXT = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  initContainers:
  - {name: migrate, image: "migrate:1", command: [old], args: [x]}
  containers:
  - {name: app, image: "app:1", env: [{name: A, value: "1"}, {name: B, value: "2"}], ports: [{containerPort: 80, hostPort: 8080}]}
"""
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: red}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
data: {token: b2xk}
"""


class Model:
    """As the models of the kubernetes client are: Python names for fields, and a map of them."""

    def __init__(self, **fields: Any) -> None:
        self.attribute_map = {name: _camel(name) for name in fields}
        self.__dict__.update(fields)

    def to_dict(self) -> Any:
        raise AssertionError("it gives the names that Python has")


class Custom:
    def to_dict(self) -> Any:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "custom"}}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return {"clusterIp": "clusterIP"}.get(text := first + "".join(o.title() for o in others), text)


def loaded(*manifests: Manifest, folder: Path | None = None) -> list[LoadedObject]:
    result = load(sources_of(manifests, folder), namespace="default")
    assert result.ok, result.problems
    return list(result.objects)


def test_a_path_a_text_a_dictionary_and_a_list_are_manifests(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(TEXT)
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    found = loaded(tmp_path / "web.yaml", str(tmp_path / "web.yaml"), [TEXT, config])
    assert [(one.kind, one.name) for one in found] == [("Pod", "web")] * 3 + [("ConfigMap", "c")]


def test_a_relative_path_is_also_looked_for_beside_whoever_asks(tmp_path: Path) -> None:
    (tmp_path / "only-there.yaml").write_text(TEXT)
    assert [one.name for one in loaded("only-there.yaml", folder=tmp_path)] == ["web"]


def test_objects_of_a_client_are_manifests_with_their_json_names() -> None:
    made = Model(
        api_version="v1",
        kind="Pod",
        metadata=Model(
            name="modelled", labels={"my_label": "kept"}, creation_timestamp=datetime(2026, 1, 2, tzinfo=UTC)
        ),
        spec=Model(containers=[Model(name="c", image="i", image_pull_policy="Never", working_dir=None)]),
        status=None,
    )
    (one,) = loaded(made)
    assert one.value["metadata"]["labels"] == {"my_label": "kept"}
    assert one.value["spec"]["containers"][0]["imagePullPolicy"] == "Never"
    assert loaded(Custom())[0].name == "custom"


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (7, "int is no manifest"),
        ({"a": object()}, "<manifest 1> cannot be written as JSON: Object of type object is not JSON serializable"),
        ("nosuch.yaml", 'the path "nosuch.yaml" does not exist'),
    ],
    ids=["a number", "not JSON", "a path"],
)
def test_what_is_no_manifest_is_told_so(manifest: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        sources_of([manifest])
    assert caught.value.message == message


def _app(objects: list[LoadedObject] | tuple[LoadedObject, ...], name: str = "app") -> Any:
    spec = objects[0].value["spec"]
    return next(one for one in (*spec["initContainers"], *spec["containers"]) if one["name"] == name)


@pytest.mark.parametrize("key", ["app", "app:1"])
def test_an_image_is_replaced_by_container_or_by_image_and_not_pulled_when_it_is_there(key: str) -> None:
    changed = Overrides(images={key: "app:dev"}).apply(loaded(TEXT))
    assert (_app(changed)["image"], _app(changed)["imagePullPolicy"]) == ("app:dev", "IfNotPresent")
    assert _app(changed, "migrate")["image"] == "migrate:1"


def test_a_command_replaces_command_and_arguments() -> None:
    changed = Overrides(commands={"migrate": ["new", "y"]}).apply(loaded(TEXT))
    assert _app(changed, "migrate")["command"] == ["new", "y"]
    assert "args" not in _app(changed, "migrate")


def test_variables_are_set_replaced_and_taken_away_for_one_container_or_all() -> None:
    changed = Overrides(env={"app": {"A": "9", "B": None}, "C": "3"}).apply(loaded(TEXT))
    assert _app(changed)["env"] == [{"name": "A", "value": "9"}, {"name": "C", "value": "3"}]
    assert _app(changed, "migrate")["env"] == [{"name": "C", "value": "3"}]


def test_keys_of_config_maps_and_secrets_are_set() -> None:
    changed = Overrides(config={"settings": {"size": "2"}, "keys": {"token": "new"}}).apply(loaded(CONFIG))
    assert changed[0].value["data"] == {"colour": "red", "size": "2"}
    assert base64.b64decode(changed[1].value["data"]["token"]) == b"new"


def test_ports_of_the_machine_can_be_left_alone() -> None:
    assert _app(Overrides().apply(loaded(TEXT)))["ports"][0]["hostPort"] == 8080
    assert "hostPort" not in _app(Overrides(host_ports=False).apply(loaded(TEXT)))["ports"][0]


def test_the_loaded_objects_themselves_stay_as_they_are() -> None:
    objects = loaded(TEXT)
    Overrides(images={"app": "app:dev"}, env={"A": None}).apply(objects)
    assert (_app(objects)["image"], len(_app(objects)["env"])) == ("app:1", 2)


def test_the_template_of_a_workload_is_changed() -> None:
    job = """\
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: app, image: "app:1"}]}}}
"""
    (changed,) = Overrides(images={"app": "app:dev"}).apply(loaded(job))
    assert changed.value["spec"]["template"]["spec"]["containers"][0]["image"] == "app:dev"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (Overrides(images={"nosuch": "x"}), "no container nosuch to give another image"),
        (Overrides(commands={"app:1": ["x"]}), "no container app:1 to give another command"),
        (Overrides(env={"nosuch": {"A": "1"}}), "no container nosuch to give another env"),
        (Overrides(config={"nosuch": {"k": "v"}}), "no ConfigMap or Secret nosuch in the manifests to set k in"),
    ],
    ids=["image", "command", "env", "config"],
)
def test_a_change_that_finds_nothing_is_a_mistake(overrides: Overrides, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        overrides.apply(loaded(TEXT))
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import runner", ("docker", "rich", "click", "tenacity", "yaml", "requests", "runner.api.facade")),
        (
            "from runner.api.facade import Runner",
            ("docker", "yaml", "tarfile", "runner.core.manifest", "runner.core.volumes", "runner.api.pods", "sqlite3"),
        ),
        ("import runner; runner.Runner", ("docker", "rich", "click", "requests", "_pytest")),
        (
            "import runner.pytest_plugin",
            ("docker", "rich", "click", "tenacity", "yaml", "requests", "runner.api.facade"),
        ),
        ("import podrunner_plugin", ("runner", "docker", "yaml", "logging.handlers")),
        ("import runner.testing", ("docker", "click", "requests", "_pytest")),
    ],
)
def test_what_is_not_needed_is_not_imported(statement: str, absent: tuple[str, ...]) -> None:
    program = f"import sys; {statement}; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_public_name_is_there() -> None:
    import runner

    assert [name for name in runner.__all__ if getattr(runner, name) is None] == []
    assert set(dir(runner)) == set(runner.__all__)
    with pytest.raises(AttributeError, match="nosuch"):
        _ = runner.nosuch
