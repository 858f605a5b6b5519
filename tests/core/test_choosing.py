"""Which container a command is about when none is named, in kubectl's words; logs pass over an annotation that errs."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.container.defaultcontainer import ANNOTATION, chosen_container, logged_container
from runner.core.model import Pod
from runner.errors import UsageError

ALL = "main, dbg (ephem), setup (init)"
TOLD = f'Defaulted container "main" out of: {ALL}'


def pod(annotated: str = "", **more: Any) -> Pod:
    groups = {"containers": "main", "ephemeralContainers": "dbg", "initContainers": "setup"}
    spec = {key: [{"name": name}] for key, name in groups.items()} | more
    return Pod.from_json({"metadata": {"name": "web", "annotations": {ANNOTATION: annotated}}, "spec": spec})


ALONE = pod(ephemeralContainers=[], initContainers=[])


@pytest.mark.parametrize(
    ("value", "container", "told"),
    [
        pytest.param(pod(), "main", [TOLD], id="the first of several, which is told"),
        pytest.param(ALONE, "main", [], id="the only one is no choice"),
        pytest.param(pod("setup"), "setup", [], id="the annotated one"),
        pytest.param(
            pod("gone"),
            "main",
            ['Default container name "gone" not found in pod web', TOLD],
            id="an annotation that errs",
        ),
    ],
)
def test_logs_are_those_of_a_container(value: Pod, container: str, told: list[str]) -> None:
    said: list[str] = []
    assert (logged_container(value, said.append), said) == (container, told)


def test_a_command_goes_into_no_container_that_there_is_not() -> None:
    with pytest.raises(UsageError, match=r"^container gone is not valid for pod web out of: main, dbg"):
        chosen_container(pod("gone"), None, print)
