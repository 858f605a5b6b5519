"""Who owns an object: controllers of pods, and what stands between some of them and their pods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runner.core.model import Json, Object

MAKES: Mapping[str, str] = {"Deployment": "ReplicaSet", "CronJob": "Job"}
"""Workloads that make others, which make the pods."""


def controller_of(value: Json) -> str:
    """The uid of the object that controls another one; "" when none does."""
    owners = value["metadata"].get("ownerReferences") or ()
    return next((str(one.get("uid")) for one in owners if one.get("controller")), "")


def pods_of(value: Json, pods: Iterable[Object], between: Iterable[Json]) -> list[Object]:
    """The pods that a workload owns; ``between`` are the objects of the kind that it makes (``MAKES``)."""
    uid = str(value["metadata"]["uid"])
    owners = {uid, *(str(one["metadata"]["uid"]) for one in between if controller_of(one) == uid)}
    return [pod for pod in pods if controller_of(pod) in owners]
