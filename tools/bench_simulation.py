"""`python -m tools.bench_simulation`: how fast pods pass in virtual time.

Every pod is a crash loop of one container, simulated for a day of virtual time on its own, with its whole trace of
statuses and events; their JSON is made when it is asked for, so here only of the last one. The pods are shared out among
the machine's processors.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from runner.core.model import Pod
from runner.engine.simulated import Attempt, ContainerScript
from runner.kubelet.options import WorkerOptions
from runner.lab import new_pod, simulate
from runner.lab.script import SimulationScript

PODS = 1000
HOURS = 24.0
COLLECTED_PODS = 50
"""After so many pods the garbage of their simulations is collected."""
CRASH = SimulationScript(containers={"main": ContainerScript(attempts=(Attempt(exit_code=1, after=2.0),))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one process did: pods, statuses published, restarts, and the processor time in seconds that it took."""

    pods: int
    statuses: int
    restarts: int
    seconds: float


def crash_loop(number: int) -> Pod:
    """A pod whose only container fails."""
    container = {"name": "main", "image": "busybox:1.36", "command": ["false"], "imagePullPolicy": "IfNotPresent"}
    spec = {"restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "containers": [container]}
    return new_pod({"metadata": {"name": f"crash-{number}"}, "spec": spec})


def run_share(first: int, count: int, hours: float) -> Share:
    """Simulate some of the pods."""
    # What a simulation returns lives until its pod is done: looking through it for cycles again and again is in vain.
    gc.freeze()
    gc.disable()
    began = time.process_time()
    statuses = restarts = 0
    for number in range(first, first + count):
        simulation = simulate(crash_loop(number), CRASH, options=WorkerOptions(), for_seconds=hours * 3600)
        statuses += len(simulation.trace)
        restarts += simulation.trace[-1].pod["status"]["containerStatuses"][0]["restartCount"]
        if number % COLLECTED_PODS == 0:
            del simulation
            gc.collect()
    return Share(pods=count, statuses=statuses, restarts=restarts, seconds=time.process_time() - began)


def run_all(pods: int, hours: float, processes: int) -> list[Share]:
    """Simulate all pods, shared out evenly."""
    if processes == 1:
        return [run_share(0, pods, hours)]
    size = -(-pods // (processes * 4))
    firsts = range(0, pods, size)
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(run_share, firsts, (min(size, pods - first) for first in firsts), [hours] * len(firsts)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=PODS)
    parser.add_argument("--hours", type=float, default=HOURS)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    began = time.perf_counter()
    shares = run_all(given.pods, given.hours, given.processes)
    wall = time.perf_counter() - began
    pods, statuses = sum(share.pods for share in shares), sum(share.statuses for share in shares)
    restarts, seconds = sum(share.restarts for share in shares), sum(share.seconds for share in shares)
    print(f"{pods} pods × {given.hours:g} virtual hours of a crash loop: {wall:.1f} s on {given.processes} processes")
    print(
        f"{restarts} restarts, {statuses} statuses, {seconds:.1f} s of processor time:"
        f" {seconds / pods * 1000:.0f} ms a pod, {seconds / max(restarts, 1) * 1e6:.0f} µs a restart"
    )


if __name__ == "__main__":
    main()
