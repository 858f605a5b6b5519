"""What a status tells of the resources of a whole pod."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.container.podresources import resources_status
from tests.support.pods import make_pod


def asking(name: str, *, memory: str = "", cpu: str = "", limit: str = "", **more: Any) -> dict[str, Any]:
    requests = {key: value for key, value in (("memory", memory), ("cpu", cpu)) if value}
    return {"name": name, "resources": {"requests": requests, "limits": {"memory": limit} if limit else {}}, **more}


ROWS: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]], dict[str, Any], dict[str, Any]]] = [
    ("a pod that asks for nothing tells nothing", [], [{"name": "a"}], {}, {}),
    (
        "requests of apps add up",
        [],
        [asking("a", memory="10Mi", cpu="100m"), asking("b", memory="5Mi")],
        {},
        {
            "allocatedResources": {"memory": "15Mi", "cpu": "100m"},
            "resources": {"requests": {"memory": "15Mi", "cpu": "100m"}},
        },
    ),
    (
        "a large init container beside a sidecar decides",
        [asking("s", memory="1Mi", restartPolicy="Always"), asking("i", memory="30Mi")],
        [asking("a", memory="10Mi")],
        {},
        {"allocatedResources": {"memory": "31Mi"}, "resources": {"requests": {"memory": "31Mi"}}},
    ),
    (
        "the pod's own come first, and its overhead on top",
        [],
        [asking("a", memory="16Mi")],
        {
            "resources": {"requests": {"cpu": "100m", "memory": "32Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}},
            "overhead": {"memory": "1Mi"},
        },
        {
            "allocatedResources": {"memory": "33Mi", "cpu": "100m"},
            "resources": {
                "limits": {"cpu": "200m", "memory": "64Mi"},
                "requests": {"memory": "33Mi", "cpu": "100m"},
            },
        },
    ),
    (
        "limits alone",
        [],
        [asking("a", limit="1Gi")],
        {},
        {"resources": {"limits": {"memory": "1Gi"}}},
    ),
]


@pytest.mark.parametrize(("inits", "apps", "spec", "wanted"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS])
def test_a_status_tells_the_resources_of_the_pod(
    inits: list[dict[str, Any]], apps: list[dict[str, Any]], spec: dict[str, Any], wanted: dict[str, Any]
) -> None:
    assert resources_status(make_pod(inits, apps, **spec)) == wanted
