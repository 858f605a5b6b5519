"""Evictions for what lies in emptyDir volumes: whose limit counts, and what is said."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.model import Pod
from runner.core.status.status import PodFailure
from runner.core.sync.eviction import eviction, limited_volumes
from tests.support.pods import make_pod

MEBI = 2**20


def pod(*sources: Any, **spec: Any) -> Pod:
    return make_pod(volumes=[{"name": f"v{n}", **source} for n, source in enumerate(sources)], **spec)


LIMITED: list[tuple[str, Pod, list[str]]] = [
    ("no volumes", make_pod(), []),
    ("a limit", pod({"emptyDir": {"sizeLimit": "1Mi"}}), ["v0"]),
    ("no limit", pod({"emptyDir": {}}, {"emptyDir": None}), []),
    ("a limit of nothing is none", pod({"emptyDir": {"sizeLimit": "0"}}), []),
    ("memory has its own", pod({"emptyDir": {"sizeLimit": "1Mi", "medium": "Memory"}}), []),
    ("other kinds", pod({"hostPath": {"path": "/"}}, {"emptyDir": {"sizeLimit": 5}}), ["v1"]),
    ("a critical class", pod({"emptyDir": {"sizeLimit": "1Mi"}}, priorityClassName="system-node-critical"), []),
    ("a critical priority", pod({"emptyDir": {"sizeLimit": "1Mi"}}, priority=2 * 10**9), []),
    ("a high priority", pod({"emptyDir": {"sizeLimit": "1Mi"}}, priority=2 * 10**9 - 1), ["v0"]),
]


@pytest.mark.parametrize(("wanted_pod", "names"), [row[1:] for row in LIMITED], ids=[row[0] for row in LIMITED])
def test_whose_use_is_limited(wanted_pod: Pod, names: list[str]) -> None:
    assert list(limited_volumes(wanted_pod)) == names


@pytest.mark.parametrize(
    ("used", "name"),
    [({}, None), ({"v0": MEBI, "v1": MEBI}, None), ({"v1": MEBI + 1}, "v1"), ({"v0": 2 * MEBI, "v1": 2 * MEBI}, "v0")],
)
def test_the_first_volume_that_uses_more_is_the_reason(used: dict[str, int], name: str | None) -> None:
    limits = limited_volumes(pod({"emptyDir": {"sizeLimit": "1024Ki"}}, {"emptyDir": {"sizeLimit": "1048576"}}))
    spelt = {"v0": "1Mi", "v1": "1048576"}
    text = f'Usage of EmptyDir volume "{name}" exceeds the limit "{spelt.get(name or "")}". '
    assert eviction(limits, used) == (PodFailure(reason="Evicted", message=text) if name else None)
