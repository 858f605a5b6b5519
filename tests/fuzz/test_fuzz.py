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

from runner.clock import SystemClock
from runner.core.manifest import LoadedObject, LoadResult, Source, load
from runner.core.manifest.answer import server_status, strict
from runner.core.model import Pod
from runner.core.workloads import WORKLOAD_KINDS, expand, template_spec
from runner.lab import names_of
from runner.lab.script import script_of
from runner.registry.identities import RandomIdentities
from tests.fuzz.mutations import Dice, donors, mutated, seeds
from tests.properties.watch import CompanyWatch
from tests.support.pods import START

COUNT = int(os.environ.get("PODRUNNER_FUZZ") or 1000)
LONGEST = timedelta(seconds=1)
SEEDS = seeds()
DONORS = donors(SEEDS)
VIRTUAL_SECONDS = 700.0
MOST_PODS = 8
ENDINGS: list[dict[str, Any]] = [
    {"exit": 0},
    {"exit": 1, "after": "0s"},
    {"exit": 42, "after": "7s"},
    {"oom": True, "after": "2s"},
    {"startError": "no such file"},
    {"run": "forever"},
    {"run": "forever", "onTerm": "ignore"},
]


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


def runs(item: LoadedObject) -> bool:
    """Whether an object is simulated; those on host paths are not, their checks are about this very machine."""
    if item.kind != "Pod" and item.kind not in WORKLOAD_KINDS:
        return False
    if any("hostPath" in volume for volume in template_spec(item).get("volumes") or ()):
        return False
    return sum(one.most_pods for one in expand([item], RandomIdentities(), START)) <= MOST_PODS


def script(pod: Pod, dice: Dice) -> dict[str, Any]:
    """What the containers of a pod do: nothing special, or one to three attempts that end in this way or that."""
    if dice.random() < 0.3:
        return {}
    listed = {
        container.name: {"attempts": [dice.choice(ENDINGS) for _ in range(1 + dice.randrange(3))]}
        for container in pod.all_containers()
    }
    return {"containers": listed}


def lives(item: LoadedObject, dice: Dice) -> list[str]:
    """Let an object's pods live in virtual time; returns the rules that were broken."""
    watch, names = CompanyWatch(), names_of([item], "default")
    watch.of([item], script_of(script(names.everyone, dice), names)).advance(VIRTUAL_SECONDS)
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
        if runs(item):
            assert lives(item, dice) == [], text


@settings(max_examples=1, deadline=None, database=None)
@given(dice=st.randoms(use_true_random=True))
def test_sound_objects_are_simulated_and_keep_the_rules(dice: Dice) -> None:
    """Most seeds are, so the mutated ones are too."""
    results = [load([Source(name="m", text=json.dumps(one))]) for one in SEEDS]
    chosen = [item for result in results for item in result.objects if runs(item)]
    assert len(chosen) > 80
    for item in chosen:
        assert lives(item, dice) == [], item


def test_there_is_something_to_start_from() -> None:
    kinds = {item.get("kind") for item in SEEDS}
    assert len(SEEDS) > 100
    assert {"Pod", "Deployment", "StatefulSet", "Job", "Secret", "Service"} <= kinds
