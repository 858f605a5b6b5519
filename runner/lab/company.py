"""What became of several pods, and of the workloads that made them, in virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from runner.clock import VIRTUAL_START
from runner.controllers.control import Controller
from runner.core.faults.model import Fault
from runner.core.manifest.types import LoadedObject
from runner.core.model import Json, Pod
from runner.core.narration import StatusChanged
from runner.core.workloads import WorkloadState
from runner.kubelet.options import WorkerOptions
from runner.lab.script import SimulationScript
from runner.lab.simulation import DEFAULT_SECONDS, Simulation
from runner.lab.virtual import Cluster, End, ObjectShown, Told
from runner.node.running import Past, Running


class CompanySimulation(Struct, frozen=True, kw_only=True):
    """What happened: to each pod, in the order in which they came, and what was told in the order in which it came."""

    pods: tuple[Simulation, ...]
    told: tuple[Told, ...]
    objects: tuple[Json, ...]
    verdicts: tuple[str, ...]
    ended_at: datetime
    end: End

    def seconds(self, instant: datetime) -> float:
        """Seconds from the beginning to an instant."""
        return (instant - VIRTUAL_START).total_seconds()


def simulate_company(
    objects: Sequence[LoadedObject],
    script: SimulationScript | None = None,
    *,
    options: WorkerOptions | None = None,
    for_seconds: float = DEFAULT_SECONDS,
    faults: Sequence[Fault] = (),
) -> CompanySimulation:
    """Run loaded Pods and workloads for at most so many virtual seconds; ConfigMaps and Secrets are there from the beginning."""
    cluster = Cluster(objects, script or SimulationScript(), options or WorkerOptions(), faults=faults)
    end = cluster.advance(for_seconds)
    kinds = {str(value["kind"]): None for one in cluster.controllers for value in one.shown.values()}
    return CompanySimulation(
        pods=tuple(_of_pod(cluster, one, end) for one in cluster.pods),
        told=tuple(cluster.told),
        objects=tuple(value for kind in kinds for value in cluster.store.list(kind).items),
        verdicts=tuple(_verdict(one) for one in cluster.controllers if one.is_over or one.is_idle),
        ended_at=cluster.clock.now(),
        end=end,
    )


def _of_pod(cluster: Cluster, one: Running | Past, end: End) -> Simulation:
    view = one.view
    told = tuple(t for t in cluster.told if not isinstance(t, ObjectShown) and t.ref.uid == view.uid)
    return Simulation(
        pod=Pod.from_json(view.manifest),
        engine=cluster.engine,
        trace=tuple(t for t in told if isinstance(t, StatusChanged)),
        told=told,
        ended_at=cluster.clock.now(),
        end=End.GONE if view.is_gone else end,
        gave_up=view.gave_up or "",
    )


def _verdict(one: Controller) -> str:
    if one.is_idle:
        return one.idleness
    is_complete = one.state is WorkloadState.COMPLETE
    return f"{one.workload.source} is complete" if is_complete else one.verdict


__all__: Sequence[str] = ["CompanySimulation", "ObjectShown", "simulate_company"]
