"""What all containers of a pod may use together."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.container.podlimits import pod_limit
from tests.support.pods import make_pod


def limited(name: str, memory: str | None, **more: Any) -> dict[str, Any]:
    return {"name": name, "resources": {"limits": {} if memory is None else {"memory": memory}}, **more}


def sidecar(name: str, memory: str | None) -> dict[str, Any]:
    return limited(name, memory, restartPolicy="Always")


A, B = limited("a", "100Mi"), limited("b", "50Mi")
ROWS: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]], dict[str, Any], str | None]] = [
    ("apps add up", [], [A, B], {}, "150Mi"),
    ("one app without a limit frees the pod", [], [A, limited("b", None)], {}, None),
    ("a limit of zero is none", [], [A, limited("b", "0")], {}, None),
    ("no limit anywhere", [], [limited("a", None)], {}, None),
    ("a small init container does not count", [limited("i", "10Mi")], [A], {}, "100Mi"),
    ("a large init container decides", [limited("i", "300Mi"), limited("j", "200Mi")], [A], {}, "300Mi"),
    ("an init container without a limit frees the pod", [limited("i", None)], [A], {}, None),
    ("a sidecar adds to the apps", [sidecar("s", "20Mi")], [A], {}, "120Mi"),
    ("a sidecar adds to init containers after it", [sidecar("s", "20Mi"), limited("i", "300Mi")], [A], {}, "320Mi"),
    ("but not to those before it", [limited("i", "300Mi"), sidecar("s", "20Mi")], [A], {}, "300Mi"),
    ("the pod's own limit decides", [], [A, B], {"resources": {"limits": {"memory": "1Gi"}}}, "1Gi"),
    ("the pod's own limit of cpu does not", [], [A], {"resources": {"limits": {"cpu": "1"}}}, "100Mi"),
]


@pytest.mark.parametrize(("inits", "apps", "spec", "wanted"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS])
def test_the_limit_of_a_pod(
    inits: list[dict[str, Any]], apps: list[dict[str, Any]], spec: dict[str, Any], wanted: str | None
) -> None:
    limit = pod_limit(make_pod(inits, apps, **spec), "memory")
    assert (None if limit is None else str(limit)) == wanted
