"""Manifests of what makes pods, and what is often said of them."""

from __future__ import annotations

import json
from typing import Any

from tests.support.manifests import NAME_PART

NEGATIVE = "must be greater than or equal to 0"
MISMATCH = "`selector` does not match template `labels`"
ALWAYS = 'supported values: "Always"'
PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for "
    "validation is '[0-9]+%')"
)
SELECTOR = {"matchLabels": {"app": "web"}}
TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "main", "image": "busybox"}]},
}
LONG = "a" * 64


def manifest(kind: str, metadata: dict[str, Any] | None = None, **spec: Any) -> str:
    version = {"Job": "batch/v1", "ReplicationController": "v1"}.get(kind, "apps/v1")
    given = {"template": TEMPLATE, "selector": SELECTOR, **spec}
    return json.dumps(
        {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": "web", **(metadata or {})},
            "spec": {key: value for key, value in given.items() if value != "none"},
        }
    )


def pod(**spec: Any) -> dict[str, Any]:
    return {**TEMPLATE, "spec": {**TEMPLATE["spec"], **spec}}


def rolling(unavailable: object = "none", surge: object = "none", kind: str = "RollingUpdate") -> dict[str, Any]:
    amounts = {"maxUnavailable": unavailable, "maxSurge": surge}
    return {"type": kind, "rollingUpdate": {key: value for key, value in amounts.items() if value != "none"}}


BROKEN = {"matchLabels": {"a b": "c"}, "matchExpressions": [{"key": "d", "operator": "Is"}]}
BROKEN_SHOWN = '{"matchLabels":{"a b":"c"},"matchExpressions":[{"key":"d","operator":"Is"}]}'
BROKEN_SAID = [
    f'spec.selector.matchLabels: Invalid value: "a b": {NAME_PART}',
    'spec.selector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
]


def claim(name: str, **spec: Any) -> dict[str, Any]:
    given = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return {"metadata": {"name": name}, "spec": given}
