"""How often things are done in a whole run on the real Engine, from the manifest to the end of the pod."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runner import Runner
from runner.core.container.messages import messages_plan
from runner.core.manifest.loading import load
from runner.core.model import Pod
from runner.core.volumes import plan_volumes
from runner.engine.docker import DockerEngine
from tests.e2e.support import container, pod
from tests.support.counting import counted

pytestmark = pytest.mark.docker


def version(metadata: Mapping[str, Any]) -> tuple[object, ...]:
    """What differs whenever something else is asked of a pod."""
    return tuple(metadata.get(key) for key in ("generation", "deletionTimestamp", "deletionGracePeriodSeconds"))


def test_a_run_reads_a_pod_once_and_plans_its_volumes_once(tmp_path: Path, docker_engine: DockerEngine) -> None:
    done = container("pod", "exit 0")
    what = pod("counted", done, inits=[container("first", "exit 0")], restartPolicy="Never")
    watched = (load, Pod.from_json, plan_volumes, messages_plan)
    with counted(*watched) as calls, Runner(home=tmp_path, engine=docker_engine) as runner:
        runner.run(what).wait_for("completed")
    read = Counter(version(call["value"]["metadata"]) for call in calls["from_json"])
    assert set(read.values()) == {1}, "as it was born, and as its deletion was asked for"
    for function in ("load", "plan_volumes", "messages_plan"):
        assert len(calls[function]) == 1, function
