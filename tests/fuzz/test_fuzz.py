"""Mutated manifests: loading never breaks and never takes long, and what is valid runs without breaking a rule.

PODRUNNER_FUZZ says how many manifests are tried; `make fuzz` asks for 20,000.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.api import MAX_PODS
from runner.clock import SystemClock
from runner.core.manifest import LoadedObject, LoadResult, Source, load
from runner.core.manifest.answer import server_status, strict
from runner.core.model import Json
from runner.core.workloads import WORKLOAD_KINDS, expand, reconcile
from runner.lab.script import script_of
from runner.lab.simulation import SimulatedRun, new_pod
from runner.runtime.options import WorkerOptions
from tests.fuzz.mutations import Dice, donors, mutated, seeds
from tests.properties.watch import Watch, watched
from tests.support.pods import START

COUNT = int(os.environ.get("PODRUNNER_FUZZ") or 1000)
LONGEST = timedelta(seconds=1)
SEEDS = seeds()
DONORS = donors(SEEDS)
VIRTUAL_SECONDS = 700.0


class Fixed:
    """Names whose random parts are always the same."""

    def uid(self) -> str:
        return "0"

    def suffix(self) -> str:
        return "fuzz1"


def loaded(text: str) -> LoadResult:
    """Load, and do all that validate does with the result."""
    result = load([Source(name="m", text=text)])
    for one in (result, strict(result)):
        server_status(one.problems)
    return result


def timed(text: str) -> LoadResult:
    """Load in less than a second; a machine that was busy with something else gets two more chances."""
    clock = SystemClock()
    took = []
    for _ in range(3):
        began = clock.now()
        result = loaded(text)
        took.append(clock.now() - began)
        if took[-1] < LONGEST:
            return result
    raise AssertionError(f"loading took {min(took)}:\n{text}")


def pods_of(item: LoadedObject) -> list[Json]:
    """The first pods of an object; those on host paths are left alone, their checks are about this very machine."""
    if item.kind == "Pod":
        found: list[Json] = [item.value]
    elif item.kind in WORKLOAD_KINDS:
        (workload,) = expand([item], Fixed(), START)
        found = list(reconcile(workload, (), START).create[:1]) if workload.most_pods <= MAX_PODS else []
    else:
        found = []
    return [pod for pod in found if not any("hostPath" in volume for volume in pod["spec"].get("volumes") or ())]


def lives(value: Json) -> list[str]:
    """Let a pod live in virtual time; returns the rules that were broken."""
    pod = new_pod(value)
    watch = Watch(pod)
    run = SimulatedRun(pod, script_of({}, pod), WorkerOptions(), listener=watch.hear)
    watched(run, watch)
    run.advance(VIRTUAL_SECONDS)
    return watch.violations


@settings(max_examples=COUNT, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(original=st.sampled_from(SEEDS), dice=st.randoms(use_true_random=True))
def test_no_manifest_breaks_loading_or_a_pods_life(original: dict[str, Any], dice: Dice) -> None:
    """Never a traceback, never more than a second; what is accepted keeps every rule that pods keep."""
    text = json.dumps(mutated(original, dice, DONORS))
    result = timed(text)
    if not result.ok:
        return
    for item in result.objects:
        json.dumps(item.value, allow_nan=False)
        for value in pods_of(item):
            assert lives(value) == [], text


def test_there_is_something_to_start_from() -> None:
    kinds = {item.get("kind") for item in SEEDS}
    assert len(SEEDS) > 100
    assert {"Pod", "Deployment", "StatefulSet", "Job", "Secret", "Service"} <= kinds
